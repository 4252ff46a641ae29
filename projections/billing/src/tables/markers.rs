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
pub(crate) fn put(rows: &mut dyn Changes, partition: u16, date: NaiveDate, seq: u64) -> Result<(), StoreError> {
    let key = key(partition, date);
    if rows.get(&key)?.is_none() {
        subledger_fold::put(rows, key, &seq)?;
    }
    Ok(())
}

/// The last day that every one of the partitions is done with; none if one has closed no day yet, or there are none.
pub(crate) fn closed_through(rows: &dyn Rows, partitions: u16) -> Result<Option<NaiveDate>, StoreError> {
    let mut through: Option<NaiveDate> = None;
    for partition in 0..partitions {
        let Some((date, _)) = last(rows, partition)? else { return Ok(None) };
        #[cfg(feature = "planted-bugs")]
        let date = if subledger_domain::planted::has(subledger_domain::planted::Bug::InvoiceBeforeAllMarkers) {
            through.unwrap_or(date).max(date)
        } else {
            date
        };
        through = Some(through.map_or(date, |day| day.min(date)));
    }
    Ok(through)
}

/// The same of the partitions that closed a day, from the first on to one that closed none. For what is only told: an invoice waits for all.
pub(crate) fn closed_where_known(rows: &dyn Rows) -> Result<Option<NaiveDate>, StoreError> {
    let mut known = 0;
    while known < u16::MAX && last(rows, known)?.is_some() {
        known += 1;
    }
    closed_through(rows, known)
}

/// The last marker of a partition: its day and `seq`.
pub(crate) fn last(rows: &dyn Rows, partition: u16) -> Result<Option<(NaiveDate, u64)>, StoreError> {
    seek(rows, partition, &[], true)
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

#[cfg(test)]
mod tests {
    use subledger_fold::memory::Memory;

    use super::*;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2018, 1, day).unwrap()
    }

    #[test]
    fn the_slowest_partition_decides() {
        let mut rows = Memory::default();
        assert_eq!(closed_through(&rows, 0).unwrap(), None);
        put(&mut rows, 0, day(1), 10).unwrap();
        put(&mut rows, 0, day(2), 20).unwrap();
        assert_eq!(closed_through(&rows, 2).unwrap(), None);
        put(&mut rows, 1, day(1), 7).unwrap();
        assert_eq!(closed_through(&rows, 2).unwrap(), Some(day(1)));
        assert_eq!(closed_where_known(&rows).unwrap(), Some(day(1)));
        put(&mut rows, 256, day(9), 1).unwrap();
        assert_eq!(closed_through(&rows, 2).unwrap(), Some(day(1)));
        assert_eq!(last(&rows, 0).unwrap(), Some((day(2), 20)));
    }

    #[test]
    fn positions_are_those_of_the_day() {
        let mut rows = Memory::default();
        put(&mut rows, 0, day(1), 10).unwrap();
        put(&mut rows, 0, day(1), 11).unwrap();
        put(&mut rows, 0, day(2), 20).unwrap();
        // This partition's first day was the second.
        put(&mut rows, 1, day(2), 7).unwrap();
        let seqs: Vec<_> = positions(&rows, 3, day(1)).unwrap().iter().map(|p| (p.partition.index, p.seq)).collect();
        assert_eq!(seqs, [(0, 10), (1, 7)]);
    }
}
