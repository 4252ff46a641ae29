//! Earnings of hand-made and random histories, decided by the real rules of the catalog and of the partner's stream.

#![allow(clippy::unwrap_used, reason = "a test")]

mod cases;
mod ledger;
mod look_back;
mod random;
