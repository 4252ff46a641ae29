//! Series: the invoices of one partner, family and currency, whose periods follow each other without a gap.
//!
//! Key: partner text, family (1 byte), currency. Row: [`State`].

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use subledger_domain::{
    charge::{Charged, InvoiceFamily},
    event::InvoiceIssued,
    ids::PartnerId,
    money::Currency,
};
use subledger_fold::{Changes, Key, KeyReader, Rows, StoreError, decode};

use super::prefix::SERIES;

/// Names a series.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Series {
    pub(crate) partner_id: PartnerId,
    pub(crate) family: InvoiceFamily,
    pub(crate) currency: Currency,
}

/// Where a series stands. Both fields depend only on the set of lines and invoices folded, not on their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// The day after the last issued period; none before the first invoice.
    pub(crate) billed_until: Option<NaiveDate>,
    /// Day of the earliest line that no invoice carries.
    pub(crate) first_unbilled: Option<NaiveDate>,
}

impl From<&Charged> for Series {
    fn from(line: &Charged) -> Self {
        Self { partner_id: line.partner_id.clone(), family: line.invoice_family, currency: line.currency }
    }
}

impl From<&InvoiceIssued> for Series {
    fn from(event: &InvoiceIssued) -> Self {
        Self { partner_id: event.partner_id.clone(), family: event.family, currency: event.currency }
    }
}

impl Series {
    /// Adds the series to a key.
    pub(super) fn write(&self, key: Key) -> Key {
        super::currency(super::family(key.text(self.partner_id.as_str()), self.family), self.currency)
    }

    /// Reads a series from a key.
    pub(super) fn read(reader: &mut KeyReader<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            partner_id: reader.parse(PartnerId::new)?,
            family: super::read_family(reader)?,
            currency: super::read_currency(reader)?,
        })
    }

    fn key(&self) -> Vec<u8> {
        self.write(Key::table(SERIES)).build()
    }
}

pub(crate) fn get(rows: &(impl Rows + ?Sized), series: &Series) -> Result<Option<State>, StoreError> {
    subledger_fold::get(rows, &series.key())
}

pub(crate) fn put(rows: &mut dyn Changes, series: &Series, state: State) -> Result<(), StoreError> {
    subledger_fold::put(rows, series.key(), &state)
}

/// Visits the series of one partner, or all, in the order of keys.
pub(crate) fn each(
    rows: &(impl Rows + ?Sized),
    partner: Option<&PartnerId>,
    visit: &mut dyn FnMut(Series, State) -> Result<bool, StoreError>,
) -> Result<(), StoreError> {
    let prefix = partner.into_iter().fold(Key::table(SERIES), |key, id| key.text(id.as_str())).build();
    rows.scan(&prefix, &[], false, &mut |key, row| {
        let mut reader = KeyReader::table(SERIES, key)?;
        let series = Series::read(&mut reader)?;
        reader.end()?;
        visit(series, decode(row)?)
    })
}

#[cfg(test)]
mod tests {
    use subledger_fold::memory::Memory;

    use super::*;

    fn series(partner: &str, family: InvoiceFamily, currency: &str) -> Series {
        Series { partner_id: PartnerId::new(partner).unwrap(), family, currency: Currency::new(currency).unwrap() }
    }

    #[test]
    fn come_back_in_order() {
        let all = [
            series("a", InvoiceFamily::LicenseUsage, "USD"),
            series("a", InvoiceFamily::OneTimeRecurring, "EUR"),
            series("a", InvoiceFamily::OneTimeRecurring, "JPY"),
            series("ab", InvoiceFamily::LicenseUsage, "EUR"),
        ];
        let state = State { billed_until: "2018-02-01".parse().ok(), first_unbilled: None };
        let mut rows = Memory::default();
        for series in all.iter().rev() {
            put(&mut rows, series, state).unwrap();
        }
        let read = |partner: Option<&PartnerId>| {
            let mut read = Vec::new();
            let mut visit = |series, found| {
                assert_eq!(found, state);
                read.push(series);
                Ok(true)
            };
            each(&rows, partner, &mut visit).unwrap();
            read
        };
        assert_eq!(read(None), all);
        assert_eq!(read(Some(&all[0].partner_id)), all[..3]);
        assert_eq!(get(&rows, &all[2]).unwrap(), Some(state));
    }
}
