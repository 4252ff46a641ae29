//! `0x17 | customer id | transfer id` -> [`crate::Transfer`].

use subledger_fold::{Key, StoreError};

use super::Parts;

const TABLE: u8 = 0x17;

pub(crate) fn key(customer: &str, transfer: &str) -> Vec<u8> {
    Key::table(TABLE).text(customer).text(transfer).build()
}

/// The beginning of the keys of one customer, or of all.
pub(crate) fn prefix(customer: Option<&str>) -> Vec<u8> {
    let key = Key::table(TABLE);
    customer.map_or_else(|| key.clone(), |customer| key.clone().text(customer)).build()
}

/// Customer and transfer.
pub(crate) fn parse(key: &[u8]) -> Result<(&str, &str), StoreError> {
    let mut parts = Parts::of(key, TABLE)?;
    Ok((parts.text()?, parts.text()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_as_they_are() {
        assert_eq!(key("c-1", "t-1"), b"\x17c-1\x00t-1\x00");
        assert!(key("c-1", "t-1").starts_with(&prefix(Some("c-1"))));
    }
}
