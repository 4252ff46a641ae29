//! `0x23 | partner id | customer id` -> nothing: every customer that ever had a relationship with the partner.

use subledger_fold::{Key, StoreError};

use super::Parts;

const TABLE: u8 = 0x23;

pub(crate) fn key(partner: &str, customer: &str) -> Vec<u8> {
    Key::table(TABLE).text(partner).text(customer).build()
}

/// The beginning of the keys of a partner.
pub(crate) fn prefix(partner: &str) -> Vec<u8> {
    Key::table(TABLE).text(partner).build()
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
        let key = key("p-1", "c-1");
        assert_eq!(parse(&key).unwrap(), "c-1");
        assert!(key.starts_with(&prefix("p-1")) && !key.starts_with(&prefix("p-")));
    }
}
