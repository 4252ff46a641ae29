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
    charges, invoice_index, invoices,
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
    let mut pager = Pager::new(page, &prefix)?;
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
    Ok(pager.finish())
}
