//! `0x2c | customer id | group id` -> [`crate::LicenseGroup`].

use subledger_fold::Key;

const TABLE: u8 = 0x2c;

pub(crate) fn key(customer: &str, group: &str) -> Vec<u8> {
    Key::table(TABLE).text(customer).text(group).build()
}

/// The beginning of the keys of a customer's groups.
pub(crate) fn prefix(customer: &str) -> Vec<u8> {
    Key::table(TABLE).text(customer).build()
}
