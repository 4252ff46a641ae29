//! `0x18 | partner id | customer id | transfer id` -> nothing, once for the source and once for the target.

use subledger_fold::{Key, StoreError};

use super::Parts;

const TABLE: u8 = 0x18;

pub(crate) fn key(partner: &str, customer: &str, transfer: &str) -> Vec<u8> {
    Key::table(TABLE).text(partner).text(customer).text(transfer).build()
}

/// The beginning of the keys of a partner.
pub(crate) fn prefix(partner: &str) -> Vec<u8> {
    Key::table(TABLE).text(partner).build()
}

/// Customer and transfer.
pub(crate) fn parse(key: &[u8]) -> Result<(&str, &str), StoreError> {
    let mut parts = Parts::of(key, TABLE)?;
    parts.text()?;
    Ok((parts.text()?, parts.text()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back() {
        let key = key("p-1", "c-1", "t-1");
        assert_eq!(parse(&key).unwrap(), ("c-1", "t-1"));
        assert!(key.starts_with(&prefix("p-1")));
    }
}
