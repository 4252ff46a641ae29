//! Lines by their ids, the lines that take another back, and the commits that charged lines or changed a subscription.
//!
//! Keys: line id text, then partition (2 bytes), `seq` (8) and index (4) of the line; the id of the line that is taken back, then the same of the credit; family (1
//! byte), partition (2) and `seq` (8) of the commit; customer and subscription text, the day a change takes effect (4), partition (2) and `seq` (8). Rows: the line's key in the table of charges, as it is; the same of the credit; [`Cause`]; empty.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use subledger_domain::{
    charge::Charged,
    ids::{CustomerId, LineId, SubscriptionId},
    position::{Family, PartitionId, Position},
};
use subledger_fold::{Changes, Key, KeyReader, Recorded, Rows, StoreError};

use super::{
    charges::Place,
    entries,
    prefix::{CAUSES, CHANGES, LINES, REVERSALS},
};

/// The commit that charged lines, or changed something of a partner's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cause {
    pub(crate) command_id: String,
    pub(crate) stream: String,
    pub(crate) stream_version: u64,
    pub(crate) principal: String,
    pub(crate) channel: String,
    pub(crate) effective_at: DateTime<Utc>,
    pub(crate) recorded_at: DateTime<Utc>,
    /// Names of its events but for charges and periods, in order, each once.
    pub(crate) events: Vec<String>,
}

impl Cause {
    /// Of a commit with these event names.
    pub(crate) fn new(commit: &Recorded<'_>, events: Vec<String>) -> Self {
        Self {
            command_id: commit.command_id.to_owned(),
            stream: commit.stream.to_owned(),
            stream_version: commit.stream_version,
            principal: commit.principal.to_owned(),
            channel: commit.channel.to_owned(),
            effective_at: commit.effective_at,
            recorded_at: commit.recorded_at,
            events,
        }
    }
}

fn line_prefix(id: &str) -> Key {
    Key::table(LINES).text(id)
}

fn reversal_prefix(id: &LineId) -> Key {
    Key::table(REVERSALS).text(id.as_str())
}

fn at(key: Key, place: &Place) -> Vec<u8> {
    key.u16(place.partition).number(place.seq).u32(place.index).build()
}

fn cause_key(position: Position) -> Vec<u8> {
    let family = entries::family_code(position.partition.family);
    Key::table(CAUSES).byte(family).u16(position.partition.index).number(position.seq).build()
}

/// Adds a line, whose key in the table of charges is `charge_key`.
pub(crate) fn put_line(rows: &mut dyn Changes, line: &Charged, place: &Place, charge_key: &[u8]) {
    rows.put(at(line_prefix(line.line_id.as_str()), place), charge_key.to_vec());
    if let Some(reversed) = &line.reverses_line_id {
        rows.put(at(reversal_prefix(reversed), place), charge_key.to_vec());
    }
}

/// The key, in the table of charges, of the line with an id.
pub(crate) fn line(rows: &dyn Rows, id: &LineId) -> Result<Option<Vec<u8>>, StoreError> {
    let mut found = None;
    rows.scan(&line_prefix(id.as_str()).build(), &[], false, &mut |_, charge_key| {
        found = Some(charge_key.to_vec());
        Ok(false)
    })?;
    Ok(found)
}

/// The keys, in the table of charges, of the lines that take a line back, in the order in which they were decided.
pub(crate) fn reversals(rows: &dyn Rows, id: &LineId, limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut found = Vec::new();
    rows.scan(&reversal_prefix(id).build(), &[], false, &mut |_, charge_key| {
        found.push(charge_key.to_vec());
        Ok(found.len() < limit)
    })?;
    Ok(found)
}

pub(crate) fn put_cause(rows: &mut dyn Changes, position: Position, row: &Cause) -> Result<(), StoreError> {
    subledger_fold::put(rows, cause_key(position), row)
}

pub(crate) fn cause(rows: &dyn Rows, position: Position) -> Result<Option<Cause>, StoreError> {
    subledger_fold::get(rows, &cause_key(position))
}

fn change_prefix(customer: &CustomerId, subscription: &SubscriptionId, day: NaiveDate) -> Key {
    Key::table(CHANGES).text(customer.as_str()).text(subscription.as_str()).date(day)
}

/// Keeps that a commit changed a subscription on a day.
pub(crate) fn put_change(
    rows: &mut dyn Changes,
    customer: &CustomerId,
    subscription: &SubscriptionId,
    day: NaiveDate,
    position: Position,
) {
    let key = change_prefix(customer, subscription, day).u16(position.partition.index).number(position.seq);
    rows.put(key.build(), Vec::new());
}

/// The commits that changed a subscription on a day, in order.
pub(crate) fn changes(
    rows: &dyn Rows,
    customer: &CustomerId,
    subscription: &SubscriptionId,
    day: NaiveDate,
    limit: usize,
) -> Result<Vec<Position>, StoreError> {
    let mut found = Vec::new();
    rows.scan(&change_prefix(customer, subscription, day).build(), &[], false, &mut |key, _| {
        let mut reader = KeyReader::table(CHANGES, key)?;
        reader.text()?;
        reader.text()?;
        reader.date()?;
        let partition = PartitionId::new(Family::Customers, reader.u16()?);
        found.push(Position { partition, seq: reader.number()? });
        reader.end()?;
        Ok(found.len() < limit)
    })?;
    Ok(found)
}
