//! The table of `tests/bench/run`: what a ledger does, side by side with what the same machine can do at all, measured in the same run.

mod growth;
pub mod limits;
pub mod null;
pub mod report;
pub mod rows;
pub mod tools;
mod world;
