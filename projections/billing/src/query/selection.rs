//! Lines of one partner, family and currency over some days: an invoice's, or a month's. What files are made of.

use chrono::NaiveDate;
use subledger_domain::{
    charge::InvoiceFamily,
    ids::{InvoiceNumber, PartnerId},
    money::Currency,
};
use subledger_fold::{
    Rows, StoreError,
    as_of::Horizon,
    decode,
    page::{Page, PageRequest, Pager, QueryError},
};

use super::{Charge, charges::Numbers};
use crate::tables::{
    charges, invoice_index,
    invoices::{self, Issued},
    refunds,
    series::{self, Series},
};

/// Which lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Who pays.
    pub partner_id: PartnerId,
    /// Which of the partner's invoices.
    pub family: InvoiceFamily,
    /// Of every line.
    pub currency: Currency,
    /// First day charged; none from the first.
    pub from: Option<NaiveDate>,
    /// The day after the last.
    pub until: NaiveDate,
    /// The invoice that they are all on, if they were selected by it.
    pub invoice_number: Option<InvoiceNumber>,
}

/// The lines of an invoice; none if there is no such number.
pub fn invoice_selection(rows: &dyn Rows, number: &InvoiceNumber) -> Result<Option<Selection>, StoreError> {
    let Some(issued) = invoices::get(rows, number)? else { return Ok(None) };
    let event = issued.event;
    let from = invoice_index::previous_end(rows, &Series::from(&event), event.period_end)?;
    Ok(Some(Selection {
        partner_id: event.partner_id,
        family: event.family,
        currency: event.currency,
        from,
        until: event.period_end,
        invoice_number: Some(event.invoice_number),
    }))
}

/// The currencies in which a partner was charged in a family, in their order.
pub fn currencies(rows: &dyn Rows, partner: &PartnerId, family: InvoiceFamily) -> Result<Vec<Currency>, StoreError> {
    let mut currencies = Vec::new();
    series::each(rows, Some(partner), &mut |series, _| {
        if series.family == family {
            currencies.push(series.currency);
        }
        Ok(true)
    })?;
    Ok(currencies)
}

/// The lines, in the order charged, in pages.
pub fn list_selected(rows: &dyn Rows, of: &Selection, page: PageRequest<'_>) -> Result<Page<Charge>, QueryError> {
    let series = Series { partner_id: of.partner_id.clone(), family: of.family, currency: of.currency };
    let horizon = Horizon::default();
    let mut numbers = Numbers::new(rows, &horizon);
    let prefix = charges::series_prefix(&series);
    // The lines of an invoice that bills again end with its refunds, which are in a table of their own.
    let issued = of.invoice_number.as_ref().map(|number| invoices::get(rows, number)).transpose()?.flatten();
    let mut pager = Pager::new(page, &[])?;
    if let Some(issued) = issued.as_ref().filter(|_| refunds::is_key(pager.from())) {
        let from = pager.from().to_vec();
        offer_refunds(rows, issued, &from, &mut pager)?;
        return Ok(pager.finish());
    }
    if !pager.from().is_empty() && !pager.from().starts_with(&prefix) {
        return Err(QueryError::InvalidPageToken);
    }
    let from = pager.from().max(&charges::series_from(&series, of.from)).to_vec();
    rows.scan(&prefix, &from, false, &mut |key, row| {
        let (_, place) = charges::read_key(key)?;
        if place.charged_on >= of.until {
            return Ok(false);
        }
        let number = match &of.invoice_number {
            Some(number) => Some(number.clone()),
            None => numbers.of(&series, place.charged_on)?,
        };
        pager.offer(key, || Ok(Some(Charge::new(&place, decode(row)?, number))))
    })?;
    if let Some(issued) = issued.as_ref().filter(|_| !pager.is_full()) {
        offer_refunds(rows, issued, &[], &mut pager)?;
    }
    Ok(pager.finish())
}

fn offer_refunds(rows: &dyn Rows, issued: &Issued, from: &[u8], pager: &mut Pager<Charge>) -> Result<(), StoreError> {
    refunds::each(rows, issued, from, &mut |key, refund| {
        let number = issued.event.invoice_number.clone();
        pager.offer(key, || Ok(Some(Charge::of_refund(refund, Some(number)))))
    })
}
