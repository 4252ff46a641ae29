//! Bases by day, and every change of them, for questions that look back.
//!
//! Days: the base's key without its table, day -> [`Day`]. Changes: the same, day, family (1 byte), partition (2 bytes), `seq` (8 bytes) ->
//! [`Sums`] of what the commit changed. A day whose changes were all recorded by the moment asked for is one row; only a day
//! with later changes too is summed from them.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use subledger_domain::position::{Family, PartitionId, Position};
use subledger_fold::{
    Changes, Key, KeyReader, Rows, StoreError,
    as_of::Horizon,
    decode,
    reach::{Known, Reach},
};

use super::{
    bases::{Base, Sums},
    prefix::{BASE_CHANGES, BASE_DAYS},
};

/// The changes of a base on a day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Day {
    sums: Sums,
    /// The commits behind them.
    reach: Reach,
}

/// Where a change stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The day it counts on.
    pub(crate) on: NaiveDate,
    /// The commit.
    pub(crate) position: Position,
}

fn family_code(family: Family) -> u8 {
    match family {
        Family::Catalog => 0,
        Family::Customers => 1,
        Family::Partners => 2,
        Family::Access => 3,
    }
}

/// Adds a change.
pub(crate) fn add(rows: &mut dyn Changes, base: &Base, place: Place, more: &Sums) -> Result<(), StoreError> {
    let day = base.write(Key::table(BASE_DAYS)).date(place.on).build();
    let mut row: Day = subledger_fold::get(rows, &day)?.unwrap_or_default();
    row.sums = row.sums.plus(more).ok_or_else(|| base.too_large())?;
    row.reach.add(place.position);
    subledger_fold::put(rows, day, &row)?;
    let Position { partition, seq } = place.position;
    let change = base.write(Key::table(BASE_CHANGES)).date(place.on);
    let change = change.byte(family_code(partition.family)).u16(partition.index).number(seq);
    subledger_fold::put(rows, change.build(), more)
}

/// What the base was then; none if nothing had happened.
pub(crate) fn sums(rows: &dyn Rows, base: &Base, horizon: &Horizon) -> Result<Option<Sums>, StoreError> {
    let prefix = base.write(Key::table(BASE_DAYS)).build();
    let mut total: Option<Sums> = None;
    let mut in_part = Vec::new();
    rows.scan(&prefix, &[], false, &mut |key, row| {
        let mut reader = KeyReader::after(&prefix, key)?;
        let on = reader.date()?;
        reader.end()?;
        if !horizon.reaches(on) {
            return Ok(false);
        }
        let day: Day = decode(row)?;
        match day.reach.known(horizon) {
            Known::All => plus(&mut total, base, &day.sums)?,
            Known::Part => in_part.push(on),
            Known::None => {}
        }
        Ok(true)
    })?;
    for on in in_part {
        let prefix = base.write(Key::table(BASE_CHANGES)).date(on).build();
        rows.scan(&prefix, &[], false, &mut |key, row| {
            if horizon.knows(position(&prefix, key)?) {
                plus(&mut total, base, &decode(row)?)?;
            }
            Ok(true)
        })?;
    }
    Ok(total)
}

fn plus(total: &mut Option<Sums>, base: &Base, more: &Sums) -> Result<(), StoreError> {
    let sum = total.take().unwrap_or_default().plus(more).ok_or_else(|| base.too_large())?;
    *total = Some(sum);
    Ok(())
}

fn position(prefix: &[u8], key: &[u8]) -> Result<Position, StoreError> {
    let mut reader = KeyReader::after(prefix, key)?;
    let code = reader.byte()?;
    let family = Family::ALL.into_iter().find(|family| family_code(*family) == code);
    let family = family.ok_or_else(|| StoreError(format!("a stored key is damaged: {code} is no family")))?;
    let position = Position { partition: PartitionId::new(family, reader.u16()?), seq: reader.number()? };
    reader.end()?;
    Ok(position)
}
