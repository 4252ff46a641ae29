//! Balances: running sums of the entries of an account.
//!
//! Key: partner text, currency, account (1 byte). Row: [`Sums`].

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use subledger_domain::{ids::PartnerId, money::Currency};
use subledger_fold::{Changes, Key, KeyReader, StoreError};

use super::prefix::BALANCES;
use crate::ledger::{self, Account};

/// Sums of an account. Amounts are kept in one form ([`crate::ledger::add`]), so equal sums are equal rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sums {
    pub(crate) debits: Decimal,
    pub(crate) credits: Decimal,
    pub(crate) entry_count: u64,
}

impl Sums {
    /// Adds other sums, exactly.
    pub(crate) fn plus(&mut self, other: &Self) -> Result<(), StoreError> {
        self.debits = ledger::add(self.debits, other.debits)?;
        self.credits = ledger::add(self.credits, other.credits)?;
        self.entry_count += other.entry_count;
        Ok(())
    }
}

/// Adds as many parts of an account's path as are given in turn.
pub(super) fn path(key: Key, partner: Option<&str>, currency: Option<Currency>, account: Option<Account>) -> Key {
    let Some(partner) = partner else { return key };
    let key = key.text(partner);
    let Some(currency) = currency else { return key };
    let key = super::currency(key, currency);
    account.map_or(key.clone(), |account| account.write(key))
}

/// The prefix of all balances, or as far as the parts are given in turn.
pub(crate) fn prefix(partner: Option<&str>, currency: Option<Currency>, account: Option<Account>) -> Vec<u8> {
    path(Key::table(BALANCES), partner, currency, account).build()
}

/// Reads a key.
pub(crate) fn read_key(key: &[u8]) -> Result<(PartnerId, Currency, Account), StoreError> {
    let mut reader = KeyReader::table(BALANCES, key)?;
    let parts = (reader.parse(PartnerId::new)?, super::read_currency(&mut reader)?, Account::read(&mut reader)?);
    reader.end()?;
    Ok(parts)
}

/// Adds entries to their account's sums.
pub(crate) fn add(
    rows: &mut dyn Changes,
    (partner, currency, account): (&PartnerId, Currency, Account),
    entries: &Sums,
) -> Result<(), StoreError> {
    let key = prefix(Some(partner.as_str()), Some(currency), Some(account));
    let mut sums: Sums = subledger_fold::get(rows, &key)?.unwrap_or_default();
    sums.plus(entries)?;
    subledger_fold::put(rows, key, &sums)
}

#[cfg(test)]
mod tests {
    use subledger_fold::memory::Memory;

    use super::*;

    #[test]
    fn sums_do_not_depend_on_the_order() {
        let partner = PartnerId::new("p1").unwrap();
        let usd = Currency::new("USD").unwrap();
        let fold = |amounts: &[&str]| {
            let mut rows = Memory::default();
            for amount in amounts {
                let entry = Sums { credits: amount.parse().unwrap(), entry_count: 1, ..Sums::default() };
                add(&mut rows, (&partner, usd, Account::Revenue), &entry).unwrap();
            }
            rows
        };
        let rows = fold(&["1.50", "0.5", "7"]);
        assert_eq!(rows, fold(&["7", "1.50", "0.5"]));
        let (key, row) = rows.iter().next().unwrap();
        assert_eq!(read_key(key).unwrap(), (partner.clone(), usd, Account::Revenue));
        let sums: Sums = subledger_fold::decode(row).unwrap();
        assert_eq!((sums.credits, sums.entry_count), (Decimal::from(9), 3));
    }
}
