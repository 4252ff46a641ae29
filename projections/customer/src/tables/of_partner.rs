//! What concerns a partner at all of its customers, by the time it was recorded: orders (`0x25`) and activities (`0x26`).
//!
//! `table | partner id | microseconds since 1970, the sign bit turned over | partition (8 bytes) | sequence number | number within the
//! commit` -> the customer's id. Partitions are recorded side by side; the time of recording is in the commit, so the order is the same
//! in a rebuild.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use subledger_domain::position::Position;
use subledger_fold::{Key, KeyReader, StoreError};

/// Moves instants before 1970 before those after.
const SIGN_BIT: u64 = 1 << 63;

/// Which table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    Orders = 0x25,
    Activities = 0x26,
}

fn instant(at: DateTime<Utc>) -> u64 {
    at.timestamp_micros().cast_unsigned() ^ SIGN_BIT
}

pub(crate) fn key(table: Table, partner: &str, at: DateTime<Utc>, position: Position, number: u64) -> Vec<u8> {
    let key = Key::table(table as u8).text(partner).number(instant(at));
    key.number(position.partition.index.into()).number(position.seq).number(number).build()
}

/// The beginning of the keys of a partner.
pub(crate) fn prefix(table: Table, partner: &str) -> Vec<u8> {
    Key::table(table as u8).text(partner).build()
}

/// Above every key of the day, for a list that begins with its last.
pub(crate) fn end_of(table: Table, partner: &str, day: NaiveDate) -> Vec<u8> {
    let next = day.succ_opt().unwrap_or(day).and_time(NaiveTime::MIN).and_utc();
    Key::table(table as u8).text(partner).number(instant(next)).build()
}

/// Sequence number and number within the commit.
pub(crate) fn parse(table: Table, partner: &str, key: &[u8]) -> Result<(u64, u64), StoreError> {
    let mut reader = KeyReader::after(&prefix(table, partner), key)?;
    let (_at, _partition) = (reader.number()?, reader.number()?);
    let parts = (reader.number()?, reader.number()?);
    reader.end()?;
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use subledger_domain::position::{Family, PartitionId};

    use super::*;

    proptest! {
        #[test]
        fn keys_sort_by_time_and_read_back(
            one in (any::<i32>(), 0..8_u16, any::<u64>(), any::<u64>()), other in (any::<i32>(), 0..8_u16, any::<u64>(), any::<u64>()),
        ) {
            let of = |(seconds, index, seq, number): (i32, u16, u64, u64)| {
                let at = DateTime::from_timestamp(seconds.into(), 0).unwrap();
                key(Table::Orders, "p", at, Position { partition: PartitionId::new(Family::Customers, index), seq }, number)
            };
            prop_assert_eq!(of(one).cmp(&of(other)), one.cmp(&other));
            prop_assert_eq!(parse(Table::Orders, "p", &of(one)).unwrap(), (one.2, one.3));
            let day = DateTime::from_timestamp(one.0.into(), 0).unwrap().date_naive();
            prop_assert!(of(one) < end_of(Table::Orders, "p", day));
            prop_assert!(of(one) > end_of(Table::Orders, "p", day.pred_opt().unwrap()));
        }
    }
}
