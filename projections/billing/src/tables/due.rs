//! What is due: for each series with unbilled lines, the date of its next invoice. A series whose partner is not known yet has no row.
//!
//! Key: date, partner text, family (1 byte), currency. Row: empty.

use chrono::NaiveDate;
use subledger_fold::{Changes, Key, KeyReader, Rows, StoreError};

use super::{prefix::DUE, series::Series};

fn key(date: NaiveDate, series: &Series) -> Vec<u8> {
    series.write(Key::table(DUE).date(date)).build()
}

/// Moves a series from one date to another.
pub(crate) fn change(rows: &mut dyn Changes, series: &Series, from: Option<NaiveDate>, to: Option<NaiveDate>) {
    if from == to {
        return;
    }
    if let Some(date) = from {
        rows.delete(key(date, series));
    }
    if let Some(date) = to {
        rows.put(key(date, series), Vec::new());
    }
}

/// The earliest date on which something is due; none if there are no unbilled lines.
pub(crate) fn first(rows: &dyn Rows) -> Result<Option<NaiveDate>, StoreError> {
    let mut first = None;
    rows.scan(&Key::table(DUE).build(), &[], false, &mut |key, _| {
        first = Some(KeyReader::table(DUE, key)?.date()?);
        Ok(false)
    })?;
    Ok(first)
}

/// The series that are due on or before a day, the oldest first, at most `limit`.
pub(crate) fn through(rows: &dyn Rows, day: NaiveDate, limit: usize) -> Result<Vec<Series>, StoreError> {
    let mut due = Vec::new();
    rows.scan(&Key::table(DUE).build(), &[], false, &mut |key, _| {
        let mut reader = KeyReader::table(DUE, key)?;
        if due.len() == limit || reader.date()? > day {
            return Ok(false);
        }
        due.push(Series::read(&mut reader)?);
        reader.end()?;
        Ok(true)
    })?;
    Ok(due)
}

#[cfg(test)]
mod tests {
    use subledger_domain::{charge::InvoiceFamily, ids::PartnerId, money::Currency};
    use subledger_fold::memory::Memory;

    use super::*;

    #[test]
    fn only_what_is_due_is_read() {
        let day = |day| NaiveDate::from_ymd_opt(2018, 1, day);
        let series = |partner: &str| Series {
            partner_id: PartnerId::new(partner).unwrap(),
            family: InvoiceFamily::LicenseUsage,
            currency: Currency::new("USD").unwrap(),
        };
        let mut rows = Memory::default();
        assert_eq!(first(&rows).unwrap(), None);
        change(&mut rows, &series("a"), None, day(20));
        change(&mut rows, &series("b"), None, day(10));
        change(&mut rows, &series("c"), None, day(30));
        change(&mut rows, &series("c"), day(30), day(15));
        assert_eq!(through(&rows, day(15).unwrap(), 9).unwrap(), [series("b"), series("c")]);
        assert_eq!(through(&rows, day(31).unwrap(), 2).unwrap(), [series("b"), series("c")]);
        assert_eq!(first(&rows).unwrap(), day(10));
        change(&mut rows, &series("b"), day(10), None);
        assert_eq!(through(&rows, day(31).unwrap(), 9).unwrap(), [series("c"), series("a")]);
    }
}
