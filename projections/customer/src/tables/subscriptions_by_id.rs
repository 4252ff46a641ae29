//! `0x14 | subscription id | customer id` -> nothing.
//!
//! A subscription's id is unique for its customer, not in the ledger, so one id may name subscriptions of several customers.

use subledger_fold::{Key, StoreError};

use super::Parts;

const TABLE: u8 = 0x14;

pub(crate) fn key(subscription: &str, customer: &str) -> Vec<u8> {
    Key::table(TABLE).text(subscription).text(customer).build()
}

/// The beginning of the keys of one id.
pub(crate) fn prefix(subscription: &str) -> Vec<u8> {
    Key::table(TABLE).text(subscription).build()
}

/// The customer.
pub(crate) fn parse(key: &[u8]) -> Result<&str, StoreError> {
    let mut parts = Parts::of(key, TABLE)?;
    parts.text()?;
    parts.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back() {
        let key = key("s-1", "c-1");
        assert_eq!(parse(&key).unwrap(), "c-1");
        assert!(key.starts_with(&prefix("s-1")) && !key.starts_with(&prefix("s-")));
    }
}
