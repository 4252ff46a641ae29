//! What the tests of the whole system share: processes of the real binary, clients of its real API.

pub mod bench;
pub mod callers;
pub mod cli;
pub mod client;
pub mod commands;
pub mod disk;
pub mod erasure;
pub mod faults;
pub mod folder;
pub mod havoc;
pub mod identities;
pub mod insist;
pub mod kafka;
pub mod look_back;
pub mod partners;
pub mod process;
pub mod random;
pub mod raw;
pub mod shop;
pub mod story;
pub mod topic;
pub mod usage_month;
pub mod year;
