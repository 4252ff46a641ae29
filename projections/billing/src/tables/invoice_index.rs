//! Issued invoices by series and by partner.
//!
//! By series: key is partner text, family (1 byte), currency, the day after the period; row is the invoice number. The invoice of a line is
//! the first one whose period ends after the day charged.
//! By partner: key is partner text, invoice date, family (1 byte), currency, invoice number text; row is empty.

use chrono::NaiveDate;
use subledger_domain::{event::InvoiceIssued, ids::InvoiceNumber, money::Currency};
use subledger_fold::{Changes, Key, KeyReader, Rows, StoreError, decode};

use super::{
    prefix::{INVOICES_BY_PARTNER, INVOICES_BY_SERIES},
    series::Series,
};

/// Adds an invoice to both tables; a period that ends where another of its series does is an impossible history.
pub(crate) fn insert(rows: &mut dyn Changes, event: &InvoiceIssued) -> Result<(), StoreError> {
    let series = Series::from(event);
    let key = series.write(Key::table(INVOICES_BY_SERIES)).date(event.period_end).build();
    if rows.get(&key)?.is_some() {
        return Err(StoreError(format!("invoice {} is for a period already issued", event.invoice_number)));
    }
    subledger_fold::put(rows, key, &event.invoice_number)?;
    insert_by_partner(rows, event);
    Ok(())
}

/// Adds an invoice that bills a cancelled one again: the lines of its period are on it from now on.
pub(crate) fn insert_rebilled(rows: &mut dyn Changes, event: &InvoiceIssued) -> Result<(), StoreError> {
    let key = Series::from(event).write(Key::table(INVOICES_BY_SERIES)).date(event.period_end).build();
    subledger_fold::put(rows, key, &event.invoice_number)?;
    insert_by_partner(rows, event);
    Ok(())
}

fn insert_by_partner(rows: &mut dyn Changes, event: &InvoiceIssued) {
    let key = Key::table(INVOICES_BY_PARTNER).text(event.partner_id.as_str()).date(event.invoice_date);
    let key = super::currency(super::family(key, event.family), event.currency);
    rows.put(key.text(event.invoice_number.as_str()).build(), Vec::new());
}

/// The first invoice of a series whose period ends after `day`: the day after its period, and its number.
pub(crate) fn covering(
    rows: &dyn Rows,
    series: &Series,
    day: NaiveDate,
) -> Result<Option<(NaiveDate, InvoiceNumber)>, StoreError> {
    let Some(next) = day.succ_opt() else { return Ok(None) };
    seek(rows, series, next, false)
}

/// The day after the period of the invoice before the one whose period ends (exclusively) on `period_end`.
pub(crate) fn previous_end(
    rows: &dyn Rows,
    series: &Series,
    period_end: NaiveDate,
) -> Result<Option<NaiveDate>, StoreError> {
    let Some(before) = period_end.pred_opt() else { return Ok(None) };
    Ok(seek(rows, series, before, true)?.map(|(end, _)| end))
}

fn seek(
    rows: &dyn Rows,
    series: &Series,
    from: NaiveDate,
    reverse: bool,
) -> Result<Option<(NaiveDate, InvoiceNumber)>, StoreError> {
    let prefix = series.write(Key::table(INVOICES_BY_SERIES));
    let from = prefix.clone().date(from).build();
    let mut found = None;
    rows.scan(&prefix.build(), &from, reverse, &mut |key, row| {
        let mut reader = KeyReader::table(INVOICES_BY_SERIES, key)?;
        Series::read(&mut reader)?;
        let end = reader.date()?;
        reader.end()?;
        found = Some((end, decode(row)?));
        Ok(false)
    })?;
    Ok(found)
}

/// The prefix of the invoices of all partners, or of one.
pub(crate) fn partner_prefix(partner: Option<&str>) -> Vec<u8> {
    partner.into_iter().fold(Key::table(INVOICES_BY_PARTNER), Key::text).build()
}

/// The number in a key by partner.
pub(crate) fn read_partner_key(key: &[u8]) -> Result<InvoiceNumber, StoreError> {
    read_dated_key(key).map(|(_, _, number)| number)
}

/// Invoice date, currency and number in a key by partner.
pub(crate) fn read_dated_key(key: &[u8]) -> Result<(NaiveDate, Currency, InvoiceNumber), StoreError> {
    let mut reader = KeyReader::table(INVOICES_BY_PARTNER, key)?;
    reader.text()?;
    let date = reader.date()?;
    super::read_family(&mut reader)?;
    let currency = super::read_currency(&mut reader)?;
    let number = reader.parse(InvoiceNumber::new)?;
    reader.end()?;
    Ok((date, currency, number))
}

#[cfg(test)]
pub(super) mod tests {
    use rust_decimal::Decimal;
    use subledger_domain::{
        charge::{InvoiceFamily, InvoiceTotals},
        ids::PartnerId,
    };
    use subledger_fold::memory::Memory;

    use super::*;

    pub(in crate::tables) fn issued_on(partner: &str, number: &str, date: &str) -> InvoiceIssued {
        let invoice_date: NaiveDate = date.parse().unwrap();
        InvoiceIssued {
            partner_id: PartnerId::new(partner).unwrap(),
            invoice_number: InvoiceNumber::new(number).unwrap(),
            family: InvoiceFamily::LicenseUsage,
            currency: Currency::new("USD").unwrap(),
            period_start: invoice_date - chrono::Days::new(20),
            period_end: invoice_date.succ_opt().unwrap(),
            invoice_date,
            due_date: invoice_date + chrono::Days::new(60),
            total: Decimal::ONE,
            totals: InvoiceTotals { subtotal: Decimal::ONE, ..InvoiceTotals::default() },
            line_count: 1,
            lines_digest: vec![0; 32],
            reflects: Vec::new(),
            header: None,
            withholding_credits: Vec::new(),
        }
    }

    #[test]
    fn a_day_belongs_to_the_first_period_that_ends_after_it() {
        let (first, second) = (issued_on("p1", "N9", "2018-01-15"), issued_on("p1", "N1", "2018-02-15"));
        let mut rows = Memory::default();
        for event in [&second, &first, &issued_on("p12", "X", "2018-03-15")] {
            insert(&mut rows, event).unwrap();
        }
        assert!(insert(&mut rows, &issued_on("p1", "N10", "2018-02-15")).is_err());
        let series = Series::from(&first);
        let number = |day: &str| {
            let found = covering(&rows, &series, day.parse().unwrap()).unwrap();
            found.map(|(_, number)| number.as_str().to_owned())
        };
        assert_eq!(number("2017-01-01").as_deref(), Some("N9"));
        assert_eq!(number("2018-01-15").as_deref(), Some("N9"));
        assert_eq!(number("2018-01-16").as_deref(), Some("N1"));
        assert_eq!(number("2018-02-16"), None);
        assert_eq!(previous_end(&rows, &series, second.period_end).unwrap(), Some(first.period_end));
        assert_eq!(previous_end(&rows, &series, first.period_end).unwrap(), None);
        let mut numbers = Vec::new();
        let prefix = partner_prefix(Some("p1"));
        let mut visit = |key: &[u8], _: &[u8]| {
            numbers.push(read_partner_key(key)?.as_str().to_owned());
            Ok(true)
        };
        rows.scan(&prefix, &[], false, &mut visit).unwrap();
        assert_eq!(numbers, ["N9", "N1"]);
    }
}
