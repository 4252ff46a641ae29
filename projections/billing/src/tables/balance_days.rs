//! Balances by day booked, for questions that look back.
//!
//! Key: partner text, currency, account (1 byte), day booked. Row: [`Day`]. A day whose entries were all recorded by the moment asked for
//! is one row; only a day with later entries too is summed from its entries.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use subledger_domain::{
    ids::PartnerId,
    money::Currency,
    position::{PartitionId, Position},
};
use subledger_fold::{Changes, Key, KeyReader, Rows, StoreError, as_of::Horizon, decode};

use super::{
    balances::{self, Sums},
    entries,
    prefix::BALANCE_DAYS,
};
use crate::ledger::Account;

/// The entries that an account booked on a day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Day {
    sums: Sums,
    /// By partition of the log, in order: the first and the last commit that booked one of them.
    reach: Vec<Reach>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Reach {
    partition: PartitionId,
    first: u64,
    last: u64,
}

/// How much of a day was recorded.
enum Known {
    All,
    Part,
    None,
}

impl Day {
    fn book(&mut self, position: Position, entries: &Sums) -> Result<(), StoreError> {
        self.sums.plus(entries)?;
        let Position { partition, seq } = position;
        match self.reach.binary_search_by_key(&partition, |reach| reach.partition) {
            Ok(at) => {
                let reach = &mut self.reach[at];
                (reach.first, reach.last) = (reach.first.min(seq), reach.last.max(seq));
            }
            Err(at) => self.reach.insert(at, Reach { partition, first: seq, last: seq }),
        }
        Ok(())
    }

    fn known(&self, horizon: &Horizon) -> Known {
        let position = |partition, seq| Position { partition, seq };
        if self.reach.iter().all(|reach| horizon.knows(position(reach.partition, reach.last))) {
            Known::All
        } else if self.reach.iter().any(|reach| horizon.knows(position(reach.partition, reach.first))) {
            Known::Part
        } else {
            Known::None
        }
    }
}

fn prefix(partner: &PartnerId, currency: Currency, account: Account) -> Vec<u8> {
    balances::path(Key::table(BALANCE_DAYS), Some(partner.as_str()), Some(currency), Some(account)).build()
}

fn booked_on(key: &[u8]) -> Result<NaiveDate, StoreError> {
    let mut reader = KeyReader::table(BALANCE_DAYS, key)?;
    reader.text()?;
    super::read_currency(&mut reader)?;
    Account::read(&mut reader)?;
    let day = reader.date()?;
    reader.end()?;
    Ok(day)
}

/// Adds entries that one commit booked to their account's day.
pub(crate) fn add(
    rows: &mut dyn Changes,
    (partner, currency, account): (&PartnerId, Currency, Account),
    booked_on: NaiveDate,
    position: Position,
    entries: &Sums,
) -> Result<(), StoreError> {
    let prefix = prefix(partner, currency, account);
    let key = Key::default().bytes(&prefix).date(booked_on).build();
    let mut day: Day = subledger_fold::get(rows, &key)?.unwrap_or_default();
    day.book(position, entries)?;
    subledger_fold::put(rows, key, &day)
}

/// The first day on or after `from` on which an account booked entries; with no `from`, of all.
pub(super) fn first_day(
    rows: &dyn Rows,
    (partner, currency, account): (&PartnerId, Currency, Account),
    from: Option<NaiveDate>,
) -> Result<Option<NaiveDate>, StoreError> {
    let prefix = prefix(partner, currency, account);
    let from = from.map(|from| Key::default().bytes(&prefix).date(from).build());
    let mut found = None;
    rows.scan(&prefix, from.as_deref().unwrap_or_default(), false, &mut |key, _| {
        found = Some(booked_on(key)?);
        Ok(false)
    })?;
    Ok(found)
}

/// What an account held: the entries booked by the horizon's day and recorded by its positions.
pub(crate) fn sums(
    rows: &dyn Rows,
    partner: &PartnerId,
    currency: Currency,
    account: Account,
    horizon: &Horizon,
) -> Result<Sums, StoreError> {
    let mut total = Sums::default();
    let mut in_part = Vec::new();
    rows.scan(&prefix(partner, currency, account), &[], false, &mut |key, row| {
        let on = booked_on(key)?;
        if !horizon.reaches(on) {
            return Ok(false);
        }
        let day: Day = decode(row)?;
        match day.known(horizon) {
            Known::All => total.plus(&day.sums)?,
            Known::Part => in_part.push(on),
            Known::None => {}
        }
        Ok(true)
    })?;
    for on in in_part {
        entries::each_of_day(rows, (partner, currency, account), on, None, &mut |_, entry| {
            if let Some((booking, entry)) = entry
                && horizon.knows(booking.position)
            {
                total.plus(&Sums { debits: entry.debit, credits: entry.credit, entry_count: 1 })?;
            }
            Ok(true)
        })?;
    }
    Ok(total)
}
