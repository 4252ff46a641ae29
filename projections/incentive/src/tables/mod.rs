//! The tables, one file each, with the layout of their keys. A text in a key ends with a zero byte. Rows are postcard.

pub(crate) mod base_days;
pub(crate) mod bases;
pub(crate) mod credits;
pub(crate) mod subscriptions;

/// The first byte of every key. Never reused for another layout.
mod prefix {
    pub(super) const BASES: u8 = 1;
    pub(super) const SUBSCRIPTIONS: u8 = 2;
    pub(super) const BASE_DAYS: u8 = 3;
    // 4 had a row for each change of a commit.
    pub(super) const BASE_CHANGES: u8 = 5;
    pub(super) const CREDITS: u8 = 220;
    pub(super) const CREDIT_SUMS: u8 = 221;
}
