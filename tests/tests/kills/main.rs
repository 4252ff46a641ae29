//! Processes that die or stand still at random under load, and power cuts: `tests/kills`.

mod kafka;
mod month_end;
mod serve;
