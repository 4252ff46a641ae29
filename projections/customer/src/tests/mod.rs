//! Histories made by hand, folded in memory, and asked about.

mod folding;
mod history;
mod look_back;
mod paging;
mod people;
mod properties;
mod searching;
