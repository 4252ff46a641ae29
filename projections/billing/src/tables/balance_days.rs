//! Balances by day booked, for questions that look back.
//!
//! Key: partner text, currency, account (1 byte), day booked. Row: [`Day`]. A day whose entries were all recorded by the moment asked for
//! is one row; only a day with later entries too is summed from its entries.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use subledger_domain::{ids::PartnerId, money::Currency, position::Position};
use subledger_fold::{
    Changes, Key, KeyReader, Rows, StoreError,
    as_of::Horizon,
    decode,
    reach::{Known, Reach},
};

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
    /// The commits that booked them.
    reach: Reach,
}

impl Day {
    fn book(&mut self, position: Position, entries: &Sums) -> Result<(), StoreError> {
        self.sums.plus(entries)?;
        self.reach.add(position);
        Ok(())
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

/// The commits of one of the two moments and not of the other that booked something, in the order booked.
pub(crate) fn booked_between(
    rows: &dyn Rows,
    account: (&PartnerId, Currency, Account),
    from: &Horizon,
    to: &Horizon,
) -> Result<Vec<Position>, StoreError> {
    let mut days = Vec::new();
    rows.scan(&prefix(account.0, account.1, account.2), &[], false, &mut |key, row| {
        let on = booked_on(key)?;
        if !from.reaches(on) && !to.reaches(on) {
            return Ok(false);
        }
        let day: Day = decode(row)?;
        let known = |horizon: &Horizon| if horizon.reaches(on) { day.reach.known(horizon) } else { Known::None };
        let (before, after) = (known(from), known(to));
        if before != after || before == Known::Part {
            days.push(on);
        }
        Ok(true)
    })?;
    let mut found = Vec::new();
    for on in days {
        entries::each_of_day(rows, account, on, None, &mut |_, entry| {
            if let Some((booking, _)) = entry {
                let in_view = |horizon: &Horizon| horizon.reaches(on) && horizon.knows(booking.position);
                if in_view(from) != in_view(to) && found.last() != Some(&booking.position) {
                    found.push(booking.position);
                }
            }
            Ok(true)
        })?;
    }
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
        match day.reach.known(horizon) {
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
