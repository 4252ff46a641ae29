//! Issued invoices, with their lines, and whether the lines still are what was issued.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use subledger_domain::{
    charge::{InvoiceFamily, InvoiceTotals},
    event::InvoiceIssued,
    ids::{CreditNoteNumber, InvoiceNumber, PartnerId},
    money::Currency,
    partner::{InvoiceHeader, WithholdingCredit, billing_period_start},
    party::Address,
    position::{Family, Position},
};
use subledger_fold::{
    Rows, StoreError,
    as_of::Horizon,
    page::{Page, PageRequest, QueryError, list},
};

use super::{Charge, invoice_selection, list_selected};
use crate::{
    digest::{LineSummary, summarize},
    ledger::show,
    tables::{
        charges, invoice_index,
        invoices::{self, Issued},
        markers, partners,
        receivables::{self, Receivable},
        series::Series,
    },
};

/// An issued invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// The commit that issued it.
    pub position: Position,
    /// Its number.
    pub invoice_number: InvoiceNumber,
    /// Who pays.
    pub partner_id: PartnerId,
    /// Which of the partner's invoices.
    pub family: InvoiceFamily,
    /// Of every line.
    pub currency: Currency,
    /// First day that it covers: the day after the invoice before it.
    pub period_start: NaiveDate,
    /// First day of the month that ends with the period (L10498): later than what it covers, if billing dates without lines went before.
    pub billing_period_start: NaiveDate,
    /// Last day of the period, included.
    pub period_end: NaiveDate,
    /// Its date.
    pub invoice_date: NaiveDate,
    /// Net 60 (L9725).
    pub due_date: NaiveDate,
    /// What is to be paid, as issued.
    pub total: Decimal,
    /// What the lines sum up to, as issued.
    pub totals: InvoiceTotals,
    /// How many there are, as issued.
    pub line_count: u32,
    /// SHA-256 over the lines, as issued.
    pub lines_digest: Vec<u8>,
    /// In the order charged; empty in lists.
    pub lines: Vec<Charge>,
    /// The commits up to which customers were folded for it.
    pub reflects: Vec<Position>,
    /// What it says of the partner, as issued; none on documents issued before there were profiles.
    pub header: Option<InvoiceHeader>,
    /// Approved withholding requests that it prints or credits.
    pub withholding_credits: Vec<WithholdingCredit>,
    /// What became of it.
    pub settlement: Settlement,
}

impl Invoice {
    /// Credits without tax that are not lines, such as what is left of a withholding credit (L10494): what the total is less than
    /// subtotal and tax.
    pub fn other_credits(&self) -> Decimal {
        self.totals.total() - self.total
    }
}

/// Where an invoice stands (billing-details.md 2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvoiceState {
    /// Nothing is paid.
    Open,
    /// Something is paid.
    PartPaid,
    /// Nothing is due.
    Paid,
    /// A credit note took it back.
    Cancelled,
    /// It is negative, and its credit is not used up (billing-details.md C38).
    OpenCredit,
}

impl InvoiceState {
    /// The name, as lists have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::PartPaid => "part paid",
            Self::Paid => "paid",
            Self::Cancelled => "cancelled",
            Self::OpenCredit => "open credit",
        }
    }
}

/// What was paid of an invoice, and what is due: total less paid, withheld and credited (billing-details.md 3.6, S6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Where it stands.
    pub state: InvoiceState,
    /// By payments.
    pub paid: Decimal,
    /// Written off for withholding.
    pub withheld: Decimal,
    /// By negative invoices, or taken back by a credit note.
    pub credited: Decimal,
    /// What is left; below zero the credit of a negative invoice.
    pub due: Decimal,
    /// The credit note that cancelled it.
    pub cancelled_by: Option<CreditNoteNumber>,
    /// The invoice that bills it again.
    pub rebilled_as: Option<InvoiceNumber>,
    /// The cancelled invoice that it bills again.
    pub rebills: Option<InvoiceNumber>,
    /// What it bills less than that one's lines.
    pub refund: Decimal,
    /// The right purchase order.
    pub purchase_order: Option<String>,
    /// The right address.
    pub bill_to: Option<Address>,
}

impl From<Receivable> for Settlement {
    fn from(row: Receivable) -> Self {
        let (currency, due) = (row.currency, row.due());
        let settled = [row.allocated, row.withheld, row.credited].iter().any(|part| !part.is_zero());
        let state = match due {
            _ if row.cancelled_by.is_some() => InvoiceState::Cancelled,
            due if due < Decimal::ZERO => InvoiceState::OpenCredit,
            due if due.is_zero() => InvoiceState::Paid,
            _ if settled => InvoiceState::PartPaid,
            _ => InvoiceState::Open,
        };
        let rebill = row.rebill.as_ref();
        Self {
            state,
            paid: show(currency, row.allocated),
            withheld: show(currency, row.withheld),
            credited: show(currency, row.credited),
            due: show(currency, due),
            rebills: rebill.map(|rebill| rebill.rebills.clone()),
            refund: show(currency, rebill.map_or(Decimal::ZERO, |rebill| rebill.refund)),
            purchase_order: rebill.and_then(|rebill| rebill.purchase_order.clone()),
            bill_to: rebill.and_then(|rebill| rebill.bill_to.clone()),
            cancelled_by: row.cancelled_by,
            rebilled_as: row.rebilled_as,
        }
    }
}

impl Invoice {
    pub(super) fn new(rows: &dyn Rows, issued: Issued, horizon: &Horizon) -> Result<Self, StoreError> {
        let settlement = receivables::as_of(rows, &issued, horizon)?.into();
        let Issued { position, event } = issued;
        let partner = partners::get(rows, &event.partner_id)?;
        let last = event.period_end.pred_opt().unwrap_or(event.period_end);
        let month = partner.and_then(|partner| billing_period_start(event.family, partner.billing_day, last));
        Ok(Self {
            position,
            billing_period_start: month.map_or(event.period_start, |start| start.max(event.period_start)),
            invoice_number: event.invoice_number,
            partner_id: event.partner_id,
            family: event.family,
            currency: event.currency,
            period_start: event.period_start,
            period_end: last,
            invoice_date: event.invoice_date,
            due_date: event.due_date,
            total: event.total,
            totals: event.totals,
            line_count: event.line_count,
            lines_digest: event.lines_digest,
            lines: Vec::new(),
            reflects: event.reflects,
            header: event.header,
            withholding_credits: event.withholding_credits,
            settlement,
        })
    }
}

/// Invoices without their lines: of one partner the oldest first, or of all, by partner.
pub fn list_invoices(
    rows: &dyn Rows,
    partner: Option<&PartnerId>,
    page: PageRequest<'_>,
) -> Result<Page<Invoice>, QueryError> {
    list_invoices_as_of(rows, partner, &Horizon::default(), page)
}

/// [`list_invoices`] as they were then.
pub fn list_invoices_as_of(
    rows: &dyn Rows,
    partner: Option<&PartnerId>,
    horizon: &Horizon,
    page: PageRequest<'_>,
) -> Result<Page<Invoice>, QueryError> {
    let prefix = invoice_index::partner_prefix(partner.map(PartnerId::as_str));
    list(rows, &prefix, page, |key, _| {
        let number = invoice_index::read_partner_key(key)?;
        let issued = invoices::get(rows, &number)?;
        let missing = || StoreError(format!("an index names invoice {number}, which is not there"));
        let issued = issued.ok_or_else(missing)?;
        if issued.is_seen(horizon) { Invoice::new(rows, issued, horizon).map(Some) } else { Ok(None) }
    })
}

/// An invoice without its lines, if it was issued by then; none if there is no such number.
pub fn find_invoice_as_of(
    rows: &dyn Rows,
    number: &InvoiceNumber,
    horizon: &Horizon,
) -> Result<Option<Invoice>, StoreError> {
    let issued = invoices::get(rows, number)?.filter(|issued| issued.is_seen(horizon));
    issued.map(|issued| Invoice::new(rows, issued, horizon)).transpose()
}

/// An invoice with all its lines; none if there is no such number. An invoice may have very many lines: [`each_invoice_line`] holds one
/// at a time.
pub fn get_invoice(rows: &dyn Rows, number: &InvoiceNumber) -> Result<Option<Invoice>, StoreError> {
    get_invoice_as_of(rows, number, &Horizon::default())
}

/// [`get_invoice`], if it was issued by then.
pub fn get_invoice_as_of(
    rows: &dyn Rows,
    number: &InvoiceNumber,
    horizon: &Horizon,
) -> Result<Option<Invoice>, StoreError> {
    let issued = invoices::get(rows, number)?.filter(|issued| issued.is_seen(horizon));
    let Some(issued) = issued else { return Ok(None) };
    let mut lines = Vec::new();
    each_line(rows, &issued.event, &mut |line| {
        lines.push(line);
        Ok(())
    })?;
    Ok(Some(Invoice { lines, ..Invoice::new(rows, issued, horizon)? }))
}

/// Visits the lines of an invoice in the order charged. Returns false if there is no such number.
pub fn each_invoice_line(
    rows: &dyn Rows,
    number: &InvoiceNumber,
    visit: &mut dyn FnMut(Charge) -> Result<(), StoreError>,
) -> Result<bool, StoreError> {
    let Some(issued) = invoices::get(rows, number)? else { return Ok(false) };
    each_line(rows, &issued.event, visit)?;
    Ok(true)
}

fn each_line(
    rows: &dyn Rows,
    event: &InvoiceIssued,
    visit: &mut dyn FnMut(Charge) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let series = Series::from(event);
    let from = invoice_index::previous_end(rows, &series, event.period_end)?;
    charges::each(rows, &series, from, event.period_end, &mut |place, line| {
        visit(Charge::new(place, line, Some(event.invoice_number.clone())))
    })
}

/// The lines of an invoice, in pages; none if there is no such number.
pub fn list_invoice_lines(
    rows: &dyn Rows,
    number: &InvoiceNumber,
    page: PageRequest<'_>,
) -> Result<Option<Page<Charge>>, QueryError> {
    let selection = invoice_selection(rows, number)?;
    selection.map(|selection| list_selected(rows, &selection, page)).transpose()
}

/// Whether the lines in the read model are those that were issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// No such invoice.
    Unknown,
    /// Not all commits that the invoice reflects are folded yet: this partition is behind.
    Behind(Position),
    /// They are.
    Matches,
    /// They are not; at least one difference.
    Differs(Vec<Difference>),
}

/// What differs between an invoice as issued and its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each field says which of the two it is")]
pub enum Difference {
    /// The number of lines.
    LineCount { issued: u32, found: u32 },
    /// Their sums.
    Totals { issued: Box<InvoiceTotals>, found: Box<InvoiceTotals> },
    /// SHA-256 over them.
    LinesDigest { issued: Vec<u8>, found: Vec<u8> },
}

/// Compares an invoice with its lines. Asked for, not done by the fold: the fold may see an invoice before its charges.
pub fn verify_invoice(rows: &dyn Rows, number: &InvoiceNumber) -> Result<Verification, StoreError> {
    let Some(Issued { event: shown, .. }) = invoices::get(rows, number)? else { return Ok(Verification::Unknown) };
    let event = first_issued(rows, &shown)?;
    for position in event.reflects.iter().filter(|position| position.partition.family == Family::Customers) {
        let folded = markers::last(rows, position.partition.index)?.map(|(_, seq)| seq);
        if folded.is_none_or(|seq| seq < position.seq) {
            return Ok(Verification::Behind(*position));
        }
    }
    let series = Series::from(&event);
    let from = invoice_index::previous_end(rows, &series, event.period_end)?;
    let mut differences = differences(&event, summarize(rows, &series, from, event.period_end)?);
    if shown.lines_digest != event.lines_digest {
        differences.push(Difference::LinesDigest { issued: shown.lines_digest, found: event.lines_digest });
    }
    Ok(if differences.is_empty() { Verification::Matches } else { Verification::Differs(differences) })
}

/// The invoice that billed the lines first: it says what its lines sum up to, later ones may bill less.
fn first_issued(rows: &dyn Rows, shown: &InvoiceIssued) -> Result<InvoiceIssued, StoreError> {
    let mut first = shown.clone();
    while let Some(rebill) = receivables::known(rows, &first.invoice_number)?.rebill {
        let missing = || {
            StoreError(format!("invoice {} bills {} again, which is not there", first.invoice_number, rebill.rebills))
        };
        first = invoices::get(rows, &rebill.rebills)?.ok_or_else(missing)?.event;
    }
    Ok(first)
}

fn differences(event: &InvoiceIssued, found: LineSummary) -> Vec<Difference> {
    let mut differences = Vec::new();
    if found.line_count != event.line_count {
        differences.push(Difference::LineCount { issued: event.line_count, found: found.line_count });
    }
    if found.totals != event.totals {
        differences.push(Difference::Totals { issued: Box::new(event.totals), found: Box::new(found.totals) });
    }
    if found.lines_digest != event.lines_digest {
        differences.push(Difference::LinesDigest { issued: event.lines_digest.clone(), found: found.lines_digest });
    }
    differences
}
