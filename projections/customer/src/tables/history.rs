//! `0x1c | customer id | subscription id | day | sequence number of the commit | number within it` -> [`crate::StateOnDay`].
//!
//! Each row holds from its day on, so the last one up to a day says what the subscription was then.

use chrono::NaiveDate;
use subledger_fold::Key;

const TABLE: u8 = 0x1c;

pub(crate) fn key(customer: &str, subscription: &str, since: NaiveDate, seq: u64, number: u64) -> Vec<u8> {
    Key::table(TABLE).text(customer).text(subscription).date(since).number(seq).number(number).build()
}

/// The beginning of the keys of a subscription.
pub(crate) fn prefix(customer: &str, subscription: &str) -> Vec<u8> {
    Key::table(TABLE).text(customer).text(subscription).build()
}
