//! `0x1d | customer id | user id` -> [`crate::UserRow`].

use subledger_fold::Key;

const TABLE: u8 = 0x1d;

pub(crate) fn key(customer: &str, user: &str) -> Vec<u8> {
    Key::table(TABLE).text(customer).text(user).build()
}

/// The beginning of the keys of a customer's users.
pub(crate) fn prefix(customer: &str) -> Vec<u8> {
    Key::table(TABLE).text(customer).build()
}
