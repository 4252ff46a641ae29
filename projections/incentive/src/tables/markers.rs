//! Day markers: the commit with which a partition of customers was done with a day.
//!
//! Key: partition (2 bytes), day. Row: `seq` of the commit.

use chrono::NaiveDate;
use subledger_domain::position::{Family, PartitionId, Position};
use subledger_fold::{Changes, Key, KeyReader, Rows, StoreError, decode};

use super::prefix::MARKERS;

fn key(partition: u16, date: NaiveDate) -> Vec<u8> {
    Key::table(MARKERS).u16(partition).date(date).build()
}

/// Keeps a marker. The first of a day stands.
pub(crate) fn put(rows: &mut dyn Changes, position: Position, date: NaiveDate) -> Result<(), StoreError> {
    let key = key(position.partition.index, date);
    if rows.get(&key)?.is_none() {
        subledger_fold::put(rows, key, &position.seq)?;
    }
    Ok(())
}

/// The last day that every one of the partitions is done with.
pub(crate) fn closed_through(rows: &dyn Rows, partitions: u16) -> Result<Option<NaiveDate>, StoreError> {
    let mut through: Option<NaiveDate> = None;
    for partition in 0..partitions {
        let Some((date, _)) = seek(rows, partition, &[], true)? else { return Ok(None) };
        through = Some(through.map_or(date, |day| day.min(date)));
    }
    Ok(through)
}

/// For each partition the commit with which it was done with the day; a partition that has closed no such day is left out.
pub(crate) fn positions(rows: &dyn Rows, partitions: u16, date: NaiveDate) -> Result<Vec<Position>, StoreError> {
    let mut positions = Vec::with_capacity(usize::from(partitions));
    for index in 0..partitions {
        if let Some((_, seq)) = seek(rows, index, &key(index, date), false)? {
            positions.push(Position { partition: PartitionId::new(Family::Customers, index), seq });
        }
    }
    Ok(positions)
}

fn seek(rows: &dyn Rows, partition: u16, from: &[u8], reverse: bool) -> Result<Option<(NaiveDate, u64)>, StoreError> {
    let mut found = None;
    rows.scan(&Key::table(MARKERS).u16(partition).build(), from, reverse, &mut |key, row| {
        let mut reader = KeyReader::table(MARKERS, key)?;
        reader.u16()?;
        let date = reader.date()?;
        reader.end()?;
        found = Some((date, decode(row)?));
        Ok(false)
    })?;
    Ok(found)
}
