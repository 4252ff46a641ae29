//! What a partner owes and has paid: invoices, payments, withholding requests, credit notes, and its standing.
//!
//! Due on an invoice: total - allocated - withheld - credited. It is above zero while something is to be paid, below zero only for a
//! negative invoice whose credit is not used up (billing-details.md C38).

mod credit_note;
mod payment;
mod standing;
mod values;
mod withholding;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Partner, program};
use crate::{
    Command, Context, Event, Reason, Rejection,
    catalog::Catalog,
    charge::{InvoiceFamily, InvoiceTotals},
    event::{CreditNoteIssued, InvoiceIssued, InvoiceRebilled, WithholdingApproved},
    ids::{CreditNoteNumber, InvoiceNumber, PartnerId, PaymentId, WithholdingId},
    money::Currency,
};

pub use standing::{AccountStanding, OVERDUE_DAYS_MAX};
pub use values::{Certificate, CreditNoteReason, WithholdingCredit, WithholdingRelease};

/// The money of one partner. Every invoice and payment stays, in as few words as later commands need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receivables {
    invoices: BTreeMap<InvoiceNumber, Receivable>,
    payments: BTreeMap<PaymentId, Payment>,
    withholdings: BTreeMap<WithholdingId, Withholding>,
    /// Approved requests that no invoice printed yet, or that no invoice was large enough for; oldest first.
    pending: Vec<PendingCredit>,
    credit_notes: BTreeMap<Currency, u64>,
    standing: AccountStanding,
    /// The day of the last change of the standing.
    standing_since: Option<NaiveDate>,
}

/// What is owed for one invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receivable {
    family: InvoiceFamily,
    currency: Currency,
    due_date: NaiveDate,
    total: Decimal,
    /// Paid by payments.
    allocated: Decimal,
    /// Written off for withholding.
    withheld: Decimal,
    /// Paid by negative invoices, or taken back by a credit note; of a negative invoice, what was used, negative too.
    credited: Decimal,
    /// Withholding that later invoices credit, because this one was paid.
    carried: Decimal,
    /// A withholding request that is not decided.
    open_request: Option<WithholdingId>,
    /// What a credit note needs; one-time and recurring invoices only.
    document: Option<Box<Document>>,
}

/// The part of a one-time invoice that a credit note mirrors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Document {
    period_start: NaiveDate,
    period_end: NaiveDate,
    totals: InvoiceTotals,
    line_count: u32,
    lines_digest: Vec<u8>,
    withholding_credits: Vec<WithholdingCredit>,
    allocations: BTreeMap<PaymentId, Decimal>,
    /// Negative invoices that paid it.
    credits: BTreeMap<InvoiceNumber, Decimal>,
    credit_note: CreditNote,
}

/// Where the credit note of an invoice stands (billing-details.md 2.8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum CreditNote {
    None,
    Requested(CreditNoteReason),
    Issued(CreditNoteReason, CreditNoteNumber),
    Rebilled,
}

/// Money received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Payment {
    currency: Currency,
    unallocated: Decimal,
}

/// A withholding request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Withholding {
    invoice_number: InvoiceNumber,
    amount: Decimal,
    standing: WithholdingStanding,
    written_off: Decimal,
}

/// Where a request stands (billing-details.md 2.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum WithholdingStanding {
    Submitted,
    /// Pending partner action.
    Returned,
    Replaced,
    Approved,
}

/// An approved request that the next invoice prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PendingCredit {
    request_id: WithholdingId,
    invoice_number: InvoiceNumber,
    currency: Currency,
    written_off: Decimal,
    /// What is still to be credited.
    rest: Decimal,
}

impl Receivable {
    /// What is to be paid; below zero what a negative invoice has left.
    pub fn due(&self) -> Decimal {
        self.currency.round(self.total - self.allocated - self.withheld - self.credited)
    }
}

impl Payment {
    /// What no invoice has of it, and nobody got back.
    fn left(&self) -> Decimal {
        self.currency.round(self.unallocated)
    }
}

impl Receivables {
    /// One invoice.
    pub fn invoice(&self, number: &InvoiceNumber) -> Option<&Receivable> {
        self.invoices.get(number)
    }

    /// Whether the partner may sell.
    pub fn standing(&self) -> AccountStanding {
        self.standing
    }

    /// What the next invoice of a currency prints and credits, the oldest request first: at most the invoice itself, so that its
    /// total does not fall below zero (billing-details.md C20). `gross` is its subtotal and tax.
    pub(super) fn credits_for(&self, currency: Currency, gross: Decimal) -> Vec<WithholdingCredit> {
        let mut left = gross.max(Decimal::ZERO);
        let due = self.pending.iter().filter(|pending| pending.currency == currency);
        let credits = due.map(|pending| {
            let credited = pending.rest.min(left);
            left -= credited;
            let (request_id, invoice_number) = (pending.request_id.clone(), pending.invoice_number.clone());
            WithholdingCredit { request_id, invoice_number, written_off: pending.written_off, credited }
        });
        credits.filter(|credit| !credit.written_off.is_zero() || !credit.credited.is_zero()).collect()
    }

    fn found(&self, number: &InvoiceNumber, field: &str) -> Result<&Receivable, Rejection> {
        self.invoices.get(number).ok_or_else(|| {
            let message = format!("The partner has no invoice {number}");
            Rejection::field(Reason::InvoiceNotFound, field, message).with("invoice_number", number)
        })
    }

    /// Applies an event of the partner.
    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::InvoiceIssued(e) => self.issued(e),
            Event::PaymentReceived(e) => {
                let payment = Payment { currency: e.currency, unallocated: e.amount };
                self.payments.insert(e.payment_id.clone(), payment);
            }
            Event::PaymentAllocated(e) => self.allocate(&e.payment_id, &e.invoice_number, e.amount),
            Event::PaymentReleased(e) => self.allocate(&e.payment_id, &e.invoice_number, -e.amount),
            Event::PaymentRefunded(e) => {
                if let Some(payment) = self.payments.get_mut(&e.payment_id) {
                    payment.unallocated -= e.amount;
                }
            }
            Event::CreditAllocated(e) => self.credit(&e.credit_invoice_number, &e.invoice_number, e.amount),
            Event::CreditReleased(e) => self.credit(&e.credit_invoice_number, &e.invoice_number, -e.amount),
            Event::PartnerBecameDelinquent(e) => self.stand(AccountStanding::Delinquent, e.since),
            // Of other triggers the program knows.
            Event::PartnerAccountSuspended(e) if program::beside_debts(e.trigger).is_none() => {
                self.stand(AccountStanding::Suspended, e.since);
            }
            Event::PartnerAccountReinstated(e) if program::beside_debts(e.trigger).is_none() => {
                self.stand(AccountStanding::Good, e.since);
            }
            Event::WithholdingRequested(e) => {
                if let Some(replaced) = e.replaces.as_ref().and_then(|id| self.withholdings.get_mut(id)) {
                    replaced.standing = WithholdingStanding::Replaced;
                }
                let (invoice_number, standing) = (e.invoice_number.clone(), WithholdingStanding::Submitted);
                let request = Withholding { invoice_number, amount: e.amount, standing, written_off: Decimal::ZERO };
                self.withholdings.insert(e.request_id.clone(), request);
                self.set_open_request(&e.invoice_number, Some(&e.request_id));
            }
            Event::WithholdingReturned(e) => self.set_request(&e.request_id, WithholdingStanding::Returned, None),
            Event::WithholdingResubmitted(e) => {
                self.set_request(&e.request_id, WithholdingStanding::Submitted, Some(e.amount));
            }
            Event::WithholdingApproved(e) => self.approved(e),
            Event::CreditNoteRequested(e) => {
                self.set_credit_note(&e.invoice_number, CreditNote::Requested(e.reason));
            }
            Event::CreditNoteRefused(e) => self.set_credit_note(&e.invoice_number, CreditNote::None),
            Event::CreditNoteIssued(e) => self.cancelled(e),
            Event::InvoiceRebilled(e) => self.rebilled(e),
            _ => {}
        }
    }

    fn issued(&mut self, e: &InvoiceIssued) {
        let document = (e.family == InvoiceFamily::OneTimeRecurring).then(|| Box::new(Document::from(e)));
        let zero = Decimal::ZERO;
        let receivable = Receivable {
            family: e.family,
            currency: e.currency,
            due_date: e.due_date,
            total: e.total,
            allocated: zero,
            withheld: zero,
            credited: zero,
            carried: zero,
            open_request: None,
            document,
        };
        self.invoices.insert(e.invoice_number.clone(), receivable);
        for credit in &e.withholding_credits {
            for pending in self.pending.iter_mut().filter(|pending| pending.request_id == credit.request_id) {
                pending.written_off = zero;
                pending.rest -= credit.credited;
            }
        }
        self.pending.retain(|pending| !pending.rest.is_zero() || !pending.written_off.is_zero());
    }

    fn allocate(&mut self, payment_id: &PaymentId, number: &InvoiceNumber, amount: Decimal) {
        if let Some(payment) = self.payments.get_mut(payment_id) {
            payment.unallocated -= amount;
        }
        let Some(invoice) = self.invoices.get_mut(number) else { return };
        invoice.allocated += amount;
        if let Some(document) = &mut invoice.document {
            move_part(&mut document.allocations, payment_id, amount);
        }
    }

    fn credit(&mut self, from: &InvoiceNumber, to: &InvoiceNumber, amount: Decimal) {
        if let Some(source) = self.invoices.get_mut(from) {
            source.credited -= amount;
        }
        let Some(invoice) = self.invoices.get_mut(to) else { return };
        invoice.credited += amount;
        if let Some(document) = &mut invoice.document {
            move_part(&mut document.credits, from, amount);
        }
    }

    fn stand(&mut self, standing: AccountStanding, since: NaiveDate) {
        (self.standing, self.standing_since) = (standing, Some(since));
    }

    fn set_open_request(&mut self, number: &InvoiceNumber, request: Option<&WithholdingId>) {
        if let Some(invoice) = self.invoices.get_mut(number) {
            invoice.open_request = request.cloned();
        }
    }

    fn set_request(&mut self, id: &WithholdingId, standing: WithholdingStanding, amount: Option<Decimal>) {
        if let Some(request) = self.withholdings.get_mut(id) {
            request.standing = standing;
            request.amount = amount.unwrap_or(request.amount);
        }
    }

    fn approved(&mut self, e: &WithholdingApproved) {
        if let Some(request) = self.withholdings.get_mut(&e.request_id) {
            (request.standing, request.written_off) = (WithholdingStanding::Approved, e.written_off);
        }
        if let Some(invoice) = self.invoices.get_mut(&e.invoice_number) {
            invoice.open_request = None;
            invoice.withheld += e.written_off;
            invoice.carried += e.rest;
        }
        let (request_id, invoice_number) = (e.request_id.clone(), e.invoice_number.clone());
        let &WithholdingApproved { currency, written_off, rest, .. } = e;
        self.pending.push(PendingCredit { request_id, invoice_number, currency, written_off, rest });
    }

    fn set_credit_note(&mut self, number: &InvoiceNumber, credit_note: CreditNote) {
        let document = self.invoices.get_mut(number).and_then(|invoice| invoice.document.as_mut());
        if let Some(document) = document {
            document.credit_note = credit_note;
        }
    }

    /// Payments and credits were released before; what is left is taken back whole.
    fn cancelled(&mut self, e: &CreditNoteIssued) {
        let count = self.credit_notes.entry(e.currency).or_default();
        *count = count.saturating_add(1);
        if let Some(invoice) = self.invoices.get_mut(&e.invoice_number) {
            (invoice.withheld, invoice.credited) = (Decimal::ZERO, invoice.total);
            if let Some(document) = &mut invoice.document
                && let CreditNote::Requested(reason) = document.credit_note
            {
                document.credit_note = CreditNote::Issued(reason, e.credit_note_number.clone());
            }
        }
        for release in &e.withholding_released {
            let Some(request) = self.withholdings.get_mut(&release.request_id) else { continue };
            if request.invoice_number == e.invoice_number {
                request.written_off = Decimal::ZERO;
            }
            match self.pending.iter_mut().find(|pending| pending.request_id == release.request_id) {
                Some(pending) => {
                    pending.written_off = Decimal::ZERO;
                    pending.rest += release.amount;
                }
                None => self.pending.push(PendingCredit {
                    request_id: release.request_id.clone(),
                    invoice_number: request.invoice_number.clone(),
                    currency: e.currency,
                    written_off: Decimal::ZERO,
                    rest: release.amount,
                }),
            }
        }
    }

    fn rebilled(&mut self, e: &InvoiceRebilled) {
        self.set_credit_note(&e.rebills, CreditNote::Rebilled);
        self.issued(&e.invoice);
    }
}

impl From<&InvoiceIssued> for Document {
    fn from(e: &InvoiceIssued) -> Self {
        Self {
            period_start: e.period_start,
            period_end: e.period_end,
            totals: e.totals,
            line_count: e.line_count,
            lines_digest: e.lines_digest.clone(),
            withholding_credits: e.withholding_credits.clone(),
            allocations: BTreeMap::new(),
            credits: BTreeMap::new(),
            credit_note: CreditNote::None,
        }
    }
}

/// Adds to a part, which is gone once it is zero.
fn move_part<K: Ord + Clone>(parts: &mut BTreeMap<K, Decimal>, key: &K, amount: Decimal) {
    let part = parts.entry(key.clone()).or_default();
    *part += amount;
    if part.is_zero() {
        parts.remove(key);
    }
}

/// The partner an event of this page concerns.
pub(super) fn concerned(event: &Event) -> Option<&PartnerId> {
    match event {
        Event::InvoiceIssued(e) => Some(&e.partner_id),
        Event::PaymentReceived(e) => Some(&e.partner_id),
        Event::PaymentAllocated(e) => Some(&e.partner_id),
        Event::PaymentReleased(e) => Some(&e.partner_id),
        Event::PaymentRefunded(e) => Some(&e.partner_id),
        Event::CreditAllocated(e) => Some(&e.partner_id),
        Event::CreditReleased(e) => Some(&e.partner_id),
        Event::PartnerBecameDelinquent(e) => Some(&e.partner_id),
        Event::PartnerAccountSuspended(e) => Some(&e.partner_id),
        Event::PartnerAccountReinstated(e) => Some(&e.partner_id),
        Event::WithholdingRequested(e) => Some(&e.partner_id),
        Event::WithholdingReturned(e) => Some(&e.partner_id),
        Event::WithholdingResubmitted(e) => Some(&e.partner_id),
        Event::WithholdingApproved(e) => Some(&e.partner_id),
        Event::CreditNoteRequested(e) => Some(&e.partner_id),
        Event::CreditNoteRefused(e) => Some(&e.partner_id),
        Event::CreditNoteIssued(e) => Some(&e.partner_id),
        Event::InvoiceRebilled(e) => Some(&e.invoice.partner_id),
        _ => None,
    }
}

/// Decides a command about what the partner owes; none if it is about something else.
pub(super) fn decide(
    partner: &Partner,
    catalog: &Catalog,
    command: &Command,
    context: &Context,
) -> Option<Result<Vec<Event>, Rejection>> {
    let decided = match command {
        Command::ReceivePayment(command) => payment::receive(partner, command, context),
        Command::AllocatePayment(command) => payment::allocate(partner, command, context),
        Command::RefundPayment(command) => payment::refund(partner, command, context),
        Command::AllocateCredit(command) => payment::allocate_credit(partner, command, context),
        Command::ReviewStanding(command) => standing::review(partner, command, context),
        Command::RequestWithholding(command) => withholding::request(partner, command, context),
        Command::ReturnWithholding(command) => withholding::send_back(partner, command, context),
        Command::ResubmitWithholding(command) => withholding::resubmit(partner, command, context),
        Command::ApproveWithholding(command) => withholding::approve(partner, command, context),
        Command::RequestCreditNote(command) => credit_note::request(partner, command, context),
        Command::RefuseCreditNote(command) => credit_note::refuse(partner, command, context),
        Command::IssueCreditNote(command) => credit_note::issue(partner, command, context),
        Command::RebillInvoice(command) => credit_note::rebill(partner, catalog, command, context),
        _ => return None,
    };
    Some(decided.map(|mut events| {
        events.extend(standing::reinstated(partner, &events, context));
        events
    }))
}

#[cfg(test)]
mod tests;
