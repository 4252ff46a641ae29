//! Charge lines, in the order charged.
//!
//! Key: partner text, family (1 byte), currency, then the [`Place`]: day charged, partition of customers (2 bytes), `seq` (8 bytes),
//! index of the event in the commit (4 bytes). Row: the [`Charged`] line.
//!
//! "The order charged" of an invoice is the order of this key: by day, then partition, `seq` and index. Within one partition that is
//! the order in which the lines were decided; it does not depend on how a fold happened to interleave the partitions.

use chrono::NaiveDate;
use subledger_domain::{charge::Charged, position::Family, position::PartitionId, position::Position};
use subledger_fold::{Changes, Key, KeyReader, Rows, StoreError, decode};

use super::{prefix::CHARGES, series::Series};

/// Where a line stands among those of its series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) charged_on: NaiveDate,
    pub(crate) partition: u16,
    pub(crate) seq: u64,
    pub(crate) index: u32,
}

impl Place {
    /// The place of a line that the event with this index in the commit at `position` charged.
    pub(crate) fn new(line: &Charged, position: Position, index: u32) -> Self {
        Self { charged_on: line.charged_on, partition: position.partition.index, seq: position.seq, index }
    }

    /// The commit.
    pub(crate) fn position(&self) -> Position {
        Position { partition: PartitionId::new(Family::Customers, self.partition), seq: self.seq }
    }

    pub(super) fn write(&self, key: Key) -> Key {
        key.date(self.charged_on).u16(self.partition).number(self.seq).u32(self.index)
    }

    fn read(reader: &mut KeyReader<'_>) -> Result<Self, StoreError> {
        Ok(Self { charged_on: reader.date()?, partition: reader.u16()?, seq: reader.number()?, index: reader.u32()? })
    }
}

/// The key of a line.
pub(crate) fn key(series: &Series, place: &Place) -> Vec<u8> {
    place.write(series.write(Key::table(CHARGES))).build()
}

/// Reads a key.
pub(crate) fn read_key(key: &[u8]) -> Result<(Series, Place), StoreError> {
    let mut reader = KeyReader::table(CHARGES, key)?;
    let parts = (Series::read(&mut reader)?, Place::read(&mut reader)?);
    reader.end()?;
    Ok(parts)
}

/// Reads the place in a key whose series, of that length, is known.
fn read_place(key: &[u8], series_len: usize) -> Result<Place, StoreError> {
    let mut reader = KeyReader::rest(key.get(series_len..).unwrap_or_default());
    let place = Place::read(&mut reader)?;
    reader.end()?;
    Ok(place)
}

/// The prefix of all lines, or of one partner's.
pub(crate) fn prefix(partner: Option<&str>) -> Vec<u8> {
    partner.into_iter().fold(Key::table(CHARGES), Key::text).build()
}

/// The prefix of the lines of a series.
pub(crate) fn series_prefix(series: &Series) -> Vec<u8> {
    series.write(Key::table(CHARGES)).build()
}

/// Where the lines of a series begin that were charged on or after a day; with none, all.
pub(crate) fn series_from(series: &Series, day: Option<NaiveDate>) -> Vec<u8> {
    day.into_iter().fold(series.write(Key::table(CHARGES)), Key::date).build()
}

pub(crate) fn put(rows: &mut dyn Changes, key: Vec<u8>, line: &Charged) -> Result<(), StoreError> {
    subledger_fold::put(rows, key, line)
}

/// The day of the first line of a series on or after `from`.
pub(crate) fn first_day(
    rows: &(impl Rows + ?Sized),
    series: &Series,
    from: Option<NaiveDate>,
) -> Result<Option<NaiveDate>, StoreError> {
    let mut found = None;
    rows.scan(&series_prefix(series), &series_from(series, from), false, &mut |key, _| {
        found = Some(read_key(key)?.1.charged_on);
        Ok(false)
    })?;
    Ok(found)
}

/// Visits the lines of a series with `from <= charged_on < end` in the order charged; with no `from`, from the first.
pub(crate) fn each(
    rows: &dyn Rows,
    series: &Series,
    from: Option<NaiveDate>,
    end: NaiveDate,
    visit: &mut dyn FnMut(&Place, Charged) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let prefix = series_prefix(series);
    rows.scan(&prefix, &series_from(series, from), false, &mut |key, row| {
        let place = read_place(key, prefix.len())?;
        if place.charged_on >= end {
            return Ok(false);
        }
        visit(&place, decode(row)?)?;
        Ok(true)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use subledger_domain::{charge::InvoiceFamily, ids::PartnerId, money::Currency};

    use super::*;

    fn series() -> Series {
        Series {
            partner_id: PartnerId::new("p:1").unwrap(),
            family: InvoiceFamily::OneTimeRecurring,
            currency: Currency::new("KWD").unwrap(),
        }
    }

    fn places() -> impl Strategy<Value = Place> {
        (0..100_000_i32, any::<u16>(), any::<u64>(), any::<u32>()).prop_map(|(days, partition, seq, index)| Place {
            charged_on: NaiveDate::from_num_days_from_ce_opt(days + 700_000).unwrap(),
            partition,
            seq,
            index,
        })
    }

    proptest! {
        #[test]
        fn keys_come_back_and_sort_as_places_do(a in places(), b in places()) {
            let (key_a, key_b) = (key(&series(), &a), key(&series(), &b));
            prop_assert_eq!(read_key(&key_a).unwrap(), (series(), a));
            prop_assert_eq!(key_a.cmp(&key_b), a.cmp(&b));
            prop_assert!(key_a.starts_with(&series_prefix(&series())));
            prop_assert!(key_a.starts_with(&prefix(Some("p:1"))));
            prop_assert_eq!(series_from(&series(), Some(b.charged_on)) <= key_a, b.charged_on <= a.charged_on);
        }
    }
}
