//! The tables: one file each, with the layout of its keys. Texts end with a zero byte, numbers are big-endian.
//!
//! Index tables have empty rows: everything they say is in the key.

pub(crate) mod activities;
pub(crate) mod customers;
pub(crate) mod customers_by_partner;
pub(crate) mod frequencies;
pub(crate) mod history;
pub(crate) mod ids;
pub(crate) mod license_groups;
pub(crate) mod names;
pub(crate) mod of_partner;
pub(crate) mod orders;
pub(crate) mod subscriptions;
pub(crate) mod subscriptions_by_partner;
pub(crate) mod timelines;
pub(crate) mod transfers;
pub(crate) mod transfers_by_partner;
pub(crate) mod trigrams;
pub(crate) mod users;

use subledger_fold::StoreError;

/// Reads a key part by part.
pub(crate) struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    /// Of a key of this table.
    pub(crate) fn of(key: &'a [u8], table: u8) -> Result<Self, StoreError> {
        match key.split_first() {
            Some((&first, rest)) if first == table => Ok(Self(rest)),
            _ => Err(damaged(key)),
        }
    }

    pub(crate) fn byte(&mut self) -> Result<u8, StoreError> {
        let (&first, rest) = self.0.split_first().ok_or_else(|| damaged(self.0))?;
        self.0 = rest;
        Ok(first)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, StoreError> {
        let end = self.0.iter().position(|&byte| byte == 0).ok_or_else(|| damaged(self.0))?;
        let text = std::str::from_utf8(&self.0[..end]).map_err(|_| damaged(self.0))?;
        self.0 = &self.0[end + 1..];
        Ok(text)
    }
}

fn damaged(key: &[u8]) -> StoreError {
    StoreError(format!("a stored key is damaged: \"{}\"", key.escape_ascii()))
}
