//! Charge lines.

use chrono::NaiveDate;
use subledger_domain::{
    charge::Charged,
    ids::{CustomerId, InvoiceNumber, PartnerId, SubscriptionId},
    position::Position,
};
use subledger_fold::{
    Rows, StoreError,
    as_of::Horizon,
    decode,
    page::{Page, PageRequest, Pager, QueryError, list},
};

use crate::tables::{
    charge_index,
    charges::{self, Place},
    invoice_index, invoices, receivables,
    refunds::Refund,
    series::{self, Series},
};

/// A charge line and the invoice that carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The commit that charged it.
    pub position: Position,
    /// The line as it was charged.
    pub line: Charged,
    /// None while unbilled.
    pub invoice_number: Option<InvoiceNumber>,
}

impl Charge {
    pub(super) fn new(place: &Place, line: Charged, invoice_number: Option<InvoiceNumber>) -> Self {
        Self { position: place.position(), line, invoice_number }
    }

    /// What an invoice that bills again bills less.
    pub(super) fn of_refund(refund: Refund, invoice_number: Option<InvoiceNumber>) -> Self {
        Self { position: refund.position, line: refund.line, invoice_number }
    }

    /// The last day charged, as files print it.
    pub fn charge_end(&self) -> NaiveDate {
        self.line.charge_end.pred_opt().unwrap_or(self.line.charge_end)
    }
}

/// Which lines; a none matches all.
#[derive(Clone, Debug, Default)]
pub struct ChargeFilter {
    /// Paid by this partner.
    pub partner_id: Option<PartnerId>,
    /// Of this customer.
    pub customer_id: Option<CustomerId>,
    /// Of this subscription.
    pub subscription_id: Option<SubscriptionId>,
    /// Only lines that no invoice carries yet.
    pub unbilled: bool,
    /// As they were then.
    pub horizon: Horizon,
}

impl ChargeFilter {
    fn matches(&self, line: &Charged) -> bool {
        self.partner_id.as_ref().is_none_or(|id| *id == line.partner_id)
            && self.customer_id.as_ref().is_none_or(|id| *id == line.customer_id)
            && self.subscription_id.as_ref().is_none_or(|id| *id == line.subscription_id)
    }
}

/// Charge lines in the order charged: of a subscription or customer all together, else by partner, family and currency.
pub fn list_charges(rows: &dyn Rows, filter: &ChargeFilter, page: PageRequest<'_>) -> Result<Page<Charge>, QueryError> {
    let horizon = &filter.horizon;
    if let Some(subscription) = &filter.subscription_id {
        list_index(rows, filter, &charge_index::subscription_prefix(subscription.as_str()), page)
    } else if let Some(customer) = &filter.customer_id {
        list_index(rows, filter, &charge_index::customer_prefix(customer.as_str()), page)
    } else if filter.unbilled && horizon.is_now() {
        list_unbilled(rows, filter.partner_id.as_ref(), page)
    } else {
        let mut numbers = Numbers::new(rows, horizon);
        let prefix = charges::prefix(filter.partner_id.as_ref().map(PartnerId::as_str));
        list(rows, &prefix, page, |key, row| {
            let (series, place) = charges::read_key(key)?;
            if !sees(horizon, &place) {
                return Ok(None);
            }
            let number = numbers.of(&series, place.charged_on)?;
            if filter.unbilled && number.is_some() {
                return Ok(None);
            }
            Ok(Some(Charge::new(&place, decode(row)?, number)))
        })
    }
}

fn list_index(
    rows: &dyn Rows,
    filter: &ChargeFilter,
    prefix: &[u8],
    page: PageRequest<'_>,
) -> Result<Page<Charge>, QueryError> {
    let horizon = &filter.horizon;
    let mut numbers = Numbers::new(rows, horizon);
    list(rows, prefix, page, |_, charge_key| {
        let (series, place) = charges::read_key(charge_key)?;
        if !sees(horizon, &place) {
            return Ok(None);
        }
        let line: Charged = subledger_fold::get(rows, charge_key)?
            .ok_or_else(|| StoreError("an index names a charge line that is not there".to_owned()))?;
        if !filter.matches(&line) {
            return Ok(None);
        }
        let number = numbers.of(&series, place.charged_on)?;
        if filter.unbilled && number.is_some() {
            return Ok(None);
        }
        Ok(Some(Charge::new(&place, line, number)))
    })
}

/// Reads the unbilled end of each series, and nothing before it.
fn list_unbilled(
    rows: &dyn Rows,
    partner: Option<&PartnerId>,
    page: PageRequest<'_>,
) -> Result<Page<Charge>, QueryError> {
    let mut pager = Pager::new(page, &charges::prefix(partner.map(PartnerId::as_str)))?;
    let page_from = pager.from().to_vec();
    series::each(rows, partner, &mut |series, state| {
        if state.first_unbilled.is_none() {
            return Ok(true);
        }
        let prefix = charges::series_prefix(&series);
        let first = charges::series_from(&series, state.first_unbilled);
        if page_from > first && !page_from.starts_with(&prefix) {
            return Ok(true);
        }
        rows.scan(&prefix, page_from.as_slice().max(&first), false, &mut |key, row| {
            pager.offer(key, || Ok(Some(Charge::new(&charges::read_key(key)?.1, decode(row)?, None))))
        })?;
        Ok(!pager.is_full())
    })?;
    Ok(pager.finish())
}

/// Finds the invoice of a line; lines of one series and period, one after another, look it up once.
pub(super) struct Numbers<'a> {
    rows: &'a dyn Rows,
    horizon: &'a Horizon,
    last: Option<Found>,
}

/// Whether a line was charged by then.
fn sees(horizon: &Horizon, place: &Place) -> bool {
    horizon.knows(place.position()) && horizon.reaches(place.charged_on)
}

/// The lines of `series` charged in `from..until` are on the invoice of this number.
struct Found {
    series: Series,
    from: NaiveDate,
    until: NaiveDate,
    number: InvoiceNumber,
}

impl<'a> Numbers<'a> {
    pub(super) fn new(rows: &'a dyn Rows, horizon: &'a Horizon) -> Self {
        Self { rows, horizon, last: None }
    }

    pub(super) fn of(&mut self, series: &Series, day: NaiveDate) -> Result<Option<InvoiceNumber>, StoreError> {
        let known = |found: &&Found| found.series == *series && (found.from..found.until).contains(&day);
        if let Some(found) = self.last.as_ref().filter(known) {
            return Ok(Some(found.number.clone()));
        }
        let Some((until, number)) = invoice_index::covering(self.rows, series, day)? else { return Ok(None) };
        let Some(number) = self.seen(number)? else { return Ok(None) };
        self.last = Some(Found { series: series.clone(), from: day, until, number: number.clone() });
        Ok(Some(number))
    }

    /// The invoice, or the one before it that it bills again, whichever was issued by then last.
    fn seen(&self, number: InvoiceNumber) -> Result<Option<InvoiceNumber>, StoreError> {
        let mut candidate = Some(number);
        while let Some(number) = candidate {
            if self.horizon.is_now() || invoices::is_seen(self.rows, &number, self.horizon)? {
                return Ok(Some(number));
            }
            candidate = receivables::known(self.rows, &number)?.rebill.map(|rebill| rebill.rebills);
        }
        Ok(None)
    }
}
