//! What is published: programs, and exchange rates by day. And the last closed day of the catalog, after which nothing changes for it.
//!
//! Keys: program text; currency (3 bytes), currency (3 bytes), day; co-op program text, first day of a usage period; none.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use subledger_domain::{
    coop::UsagePeriod,
    ids::IncentiveProgramId,
    incentive::{DatedRate, IncentiveProgram},
    money::Currency,
};
use subledger_fold::{Changes, Key, Rows, StoreError, decode};

use super::prefix::{CATALOG_CLOSED, PROGRAMS, RATES, USAGE_PERIODS};

fn program_key(id: &IncentiveProgramId) -> Vec<u8> {
    Key::table(PROGRAMS).text(id.as_str()).build()
}

pub(crate) fn program(
    rows: &(impl Rows + ?Sized),
    id: &IncentiveProgramId,
) -> Result<Option<IncentiveProgram>, StoreError> {
    subledger_fold::get(rows, &program_key(id))
}

pub(crate) fn put_program(rows: &mut dyn Changes, program: &IncentiveProgram) -> Result<(), StoreError> {
    subledger_fold::put(rows, program_key(&program.program_id), program)
}

/// The prefix of all programs.
pub(crate) fn programs_prefix() -> Vec<u8> {
    Key::table(PROGRAMS).build()
}

fn rates_prefix(from: Currency, to: Currency) -> Key {
    Key::table(RATES).bytes(from.as_str().as_bytes()).bytes(to.as_str().as_bytes())
}

pub(crate) fn put_rate(rows: &mut dyn Changes, rate: &DatedRate) -> Result<(), StoreError> {
    subledger_fold::put(rows, rates_prefix(rate.from, rate.to).date(rate.valid_from).build(), &rate.rate)
}

/// What one unit of a currency is in another on a day; none where nothing was published.
pub(crate) fn rate(
    rows: &(impl Rows + ?Sized),
    from: Currency,
    to: Currency,
    on: NaiveDate,
) -> Result<Option<Decimal>, StoreError> {
    if from == to {
        return Ok(Some(Decimal::ONE));
    }
    let prefix = rates_prefix(from, to);
    let last = prefix.clone().date(on).build();
    let mut found = None;
    rows.scan(&prefix.build(), &last, true, &mut |_, row| {
        found = Some(decode(row)?);
        Ok(false)
    })?;
    Ok(found)
}

pub(crate) fn put_usage_period(rows: &mut dyn Changes, period: &UsagePeriod) -> Result<(), StoreError> {
    let key = Key::table(USAGE_PERIODS).text(&period.program).date(period.first_day).build();
    subledger_fold::put(rows, key, period)
}

/// The usage period of a co-op program that a day is in; none where nothing was published.
pub(crate) fn usage_period(
    rows: &(impl Rows + ?Sized),
    program: &str,
    on: NaiveDate,
) -> Result<Option<UsagePeriod>, StoreError> {
    let prefix = Key::table(USAGE_PERIODS).text(program);
    let last = prefix.clone().date(on).build();
    let mut found: Option<UsagePeriod> = None;
    rows.scan(&prefix.build(), &last, true, &mut |_, row| {
        found = Some(decode(row)?);
        Ok(false)
    })?;
    Ok(found.filter(|period| period.covers(on)))
}

fn closed_key() -> Vec<u8> {
    Key::table(CATALOG_CLOSED).build()
}

/// The last day that the catalog has closed.
pub(crate) fn closed(rows: &(impl Rows + ?Sized)) -> Result<Option<NaiveDate>, StoreError> {
    subledger_fold::get(rows, &closed_key())
}

pub(crate) fn put_closed(rows: &mut dyn Changes, date: NaiveDate) -> Result<(), StoreError> {
    subledger_fold::put(rows, closed_key(), &date)
}
