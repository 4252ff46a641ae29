//! `0x10 | customer id` -> [`crate::Customer`].

use subledger_fold::Key;

const TABLE: u8 = 0x10;

pub(crate) fn key(customer: &str) -> Vec<u8> {
    Key::table(TABLE).text(customer).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_as_they_are() {
        assert_eq!(key("c-1"), b"\x10c-1\x00");
    }
}
