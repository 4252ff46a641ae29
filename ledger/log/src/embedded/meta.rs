//! The metadata row: what kind of ledger the database is.

use serde::{Deserialize, Serialize};

use crate::{Layout, LedgerId};

/// The version of everything stored here. Another one is another program's.
pub(super) const FORMAT: u32 = 1;

/// The row, stored as JSON so that a person can read it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Meta {
    pub(super) format: u32,
    pub(super) ledger_id: LedgerId,
    pub(super) layout: Layout,
}

impl Meta {
    pub(super) fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// Checks the stored row; says what is wrong with it.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let value: serde_json::Value =
            serde_json::from_slice(bytes).map_err(|error| format!("its metadata row is not readable: {error}"))?;
        // Before anything else: another version may have other fields.
        let format = value.get("format").and_then(serde_json::Value::as_u64);
        if format != Some(u64::from(FORMAT)) {
            let found = format.map_or_else(|| "no format".to_owned(), |format| format!("format {format}"));
            return Err(format!("it has {found}, but this version reads format {FORMAT} only"));
        }
        let meta: Self =
            serde_json::from_value(value).map_err(|error| format!("its metadata row is not readable: {error}"))?;
        Layout::new(meta.layout.partners, meta.layout.customers)?;
        Ok(meta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden() {
        let meta = Meta {
            format: FORMAT,
            ledger_id: LedgerId(uuid::Uuid::from_u128(1)),
            layout: Layout { partners: 2, customers: 4 },
        };
        let text =
            r#"{"format":1,"ledger_id":"00000000-0000-0000-0000-000000000001","layout":{"partners":2,"customers":4}}"#;
        assert_eq!(String::from_utf8(meta.encode().unwrap()).unwrap(), text);
        assert_eq!(Meta::decode(text.as_bytes()), Ok(meta));
    }

    #[test]
    fn another_format_says_so_whatever_else_it_has() {
        let error = Meta::decode(br#"{"format":2,"shards":[1]}"#).unwrap_err();
        assert!(error.contains("format 2"), "{error}");
        assert!(Meta::decode(b"\x01garbage").is_err());
        assert!(Meta::decode(br#"{"format":1,"ledger_id":"x"}"#).is_err());
    }
}
