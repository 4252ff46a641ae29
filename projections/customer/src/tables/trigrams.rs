//! `0x1a | three characters | customer id` -> nothing: of the name that lists show.

use subledger_fold::{Key, StoreError};

use super::Parts;

const TABLE: u8 = 0x1a;

pub(crate) fn key(trigram: &str, customer: &str) -> Vec<u8> {
    Key::table(TABLE).text(trigram).text(customer).build()
}

/// The beginning of the keys of a trigram.
pub(crate) fn prefix(trigram: &str) -> Vec<u8> {
    Key::table(TABLE).text(trigram).build()
}

/// Whose name has it.
pub(crate) fn parse(key: &[u8]) -> Result<&str, StoreError> {
    let mut parts = Parts::of(key, TABLE)?;
    parts.text()?;
    parts.text()
}
