//! `0x11 | partner id, or nothing | which name | the name, searchable | customer id` -> nothing, and `0x22` the same of all times.
//!
//! A customer is listed under no partner, and under each partner with an active relationship: once by company name and once by
//! domain. A list without a prefix takes company names only; a search takes both, see [`crate::query::list_customers`]. The table of all
//! times keeps what a customer was ever listed by; a look back asks each whether it was so then.

use subledger_fold::{Key, StoreError};

use super::Parts;

const TABLE: u8 = 0x11;
const TABLE_OF_ALL_TIMES: u8 = 0x22;

/// Which list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    /// As it is.
    Now,
    /// At any time.
    Ever,
}

impl Listed {
    fn table(self) -> u8 {
        match self {
            Self::Now => TABLE,
            Self::Ever => TABLE_OF_ALL_TIMES,
        }
    }
}

/// Which name of a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Company = 0,
    Domain = 1,
}

/// A name as it is compared: whatever the case, and without what a key cannot hold.
pub(crate) fn searchable(name: &str) -> String {
    name.to_lowercase().chars().filter(|char| !char.is_control()).collect()
}

/// `partner` is empty for the list of all; `searchable` has gone through [`searchable`].
pub(crate) fn key(listed: Listed, partner: &str, name: Name, searchable: &str, customer: &str) -> Vec<u8> {
    Key::table(listed.table()).text(partner).bytes(&[name as u8]).text(searchable).text(customer).build()
}

/// The beginning of the keys of all names that begin so.
pub(crate) fn prefix(listed: Listed, partner: &str, name: Name, searchable: &str) -> Vec<u8> {
    Key::table(listed.table()).text(partner).bytes(&[name as u8]).bytes(searchable.as_bytes()).build()
}

/// Which name a key lists, the name, searchable, and whose it is.
pub(crate) fn parse(listed: Listed, key: &[u8]) -> Result<(Name, &str, &str), StoreError> {
    let mut parts = Parts::of(key, listed.table())?;
    parts.text()?;
    let name = if parts.byte()? == Name::Company as u8 { Name::Company } else { Name::Domain };
    Ok((name, parts.text()?, parts.text()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_read_back_and_are_found_by_prefix(
            partner in "[a-z0-9]{0,8}", name in ".{0,12}", customer in "[a-z0-9]{1,8}", domain in any::<bool>(), cut in 0_usize..12,
        ) {
            let which = if domain { Name::Domain } else { Name::Company };
            let name = searchable(&name);
            let head: String = name.chars().take(cut).collect();
            for listed in [Listed::Now, Listed::Ever] {
                let key = key(listed, &partner, which, &name, &customer);
                prop_assert_eq!(parse(listed, &key).unwrap(), (which, name.as_str(), customer.as_str()));
                prop_assert!(key.starts_with(&prefix(listed, &partner, which, &head)));
            }
        }
    }
}
