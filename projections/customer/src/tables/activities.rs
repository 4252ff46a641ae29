//! `0x19 | customer id | sequence number of the commit | number within the commit` -> [`crate::Activity`].
//!
//! A customer stays in one partition, so the newest first is one scan backwards. Refusals have a row but no version of their own.

use subledger_fold::Key;

const TABLE: u8 = 0x19;

pub(crate) fn key(customer: &str, seq: u64, number: u64) -> Vec<u8> {
    Key::table(TABLE).text(customer).number(seq).number(number).build()
}

/// The beginning of the keys of a customer.
pub(crate) fn prefix(customer: &str) -> Vec<u8> {
    Key::table(TABLE).text(customer).build()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_sort_as_things_happened(a in any::<(u64, u64)>(), b in any::<(u64, u64)>()) {
            prop_assert_eq!(key("c", a.0, a.1).cmp(&key("c", b.0, b.1)), a.cmp(&b));
            prop_assert!(key("c", a.0, a.1).starts_with(&prefix("c")));
        }
    }
}
