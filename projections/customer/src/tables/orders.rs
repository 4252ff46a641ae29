//! `0x24 | customer id | sequence number of the commit | number within the commit` -> [`crate::Order`].

use subledger_fold::Key;

const TABLE: u8 = 0x24;

pub(crate) fn key(customer: &str, seq: u64, number: u64) -> Vec<u8> {
    Key::table(TABLE).text(customer).number(seq).number(number).build()
}

/// The beginning of the keys of a customer's orders.
pub(crate) fn prefix(customer: &str) -> Vec<u8> {
    Key::table(TABLE).text(customer).build()
}
