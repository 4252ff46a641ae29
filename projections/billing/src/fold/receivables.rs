//! What partners owe and have paid. Everything of a partner is in one partition, so its rows follow each other in order.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use subledger_domain::{
    Event,
    event::{
        CreditAllocated, CreditNoteIssued, CreditNoteRequested, CreditReleased, InvoiceIssued, InvoiceRebilled,
        PaymentAllocated, PaymentReceived, PaymentRefunded, PaymentReleased, WithholdingApproved, WithholdingRequested,
    },
    ids::{InvoiceNumber, PartnerId, PaymentId},
    money::Currency,
    partner::AccountStanding,
    position::{Family, Position},
};
use subledger_fold::{Changes, StoreError};

use super::{Booked, expect_family};
use crate::{
    ledger::{self, Posting, add},
    tables::{
        credit_notes::{self, CreditNote, CreditNoteState, IssuedCreditNote, Stepped},
        invoice_index, invoices, payments,
        receivables::{self, Movement, Part, Place, Rebill, Receivable},
        refunds, standings,
        statement::{self, Item, StatementKind},
        withholdings::{self, Withholding, WithholdingState},
    },
};

/// Folds an event, if it is about what a partner owes.
pub(super) fn fold(rows: &mut dyn Changes, position: Position, index: u32, event: &Event) -> Result<(), StoreError> {
    let mut fold = Fold { rows, position, index };
    match event {
        Event::PaymentReceived(e) => fold.received(e),
        Event::PaymentAllocated(e) => fold.allocated(e),
        Event::PaymentReleased(e) => fold.released(e),
        Event::PaymentRefunded(e) => fold.refunded(e),
        Event::CreditAllocated(e) => fold.credit_allocated(e),
        Event::CreditReleased(e) => fold.credit_released(e),
        Event::PartnerBecameDelinquent(e) => {
            standings::set(fold.rows, &e.partner_id, AccountStanding::Delinquent, e.since)
        }
        // What is not about money does not change how a partner pays.
        Event::PartnerAccountSuspended(e) if e.trigger.is_none() => {
            standings::set(fold.rows, &e.partner_id, AccountStanding::Suspended, e.since)
        }
        Event::PartnerAccountReinstated(e) if e.trigger.is_none() => {
            standings::set(fold.rows, &e.partner_id, AccountStanding::Good, e.since)
        }
        Event::WithholdingRequested(e) => fold.withholding_requested(e),
        Event::WithholdingReturned(e) => withholdings::change(fold.rows, &e.partner_id, &e.request_id, |request| {
            request.state = WithholdingState::PendingPartnerAction;
            request.comments.clone_from(&e.comments);
        }),
        Event::WithholdingResubmitted(e) => withholdings::change(fold.rows, &e.partner_id, &e.request_id, |request| {
            request.state = WithholdingState::Submitted;
            request.amount = e.amount;
            request.certificate.clone_from(&e.certificate);
        }),
        Event::WithholdingApproved(e) => fold.withholding_approved(e),
        Event::CreditNoteRequested(e) => fold.credit_note_requested(e),
        Event::CreditNoteRefused(e) => fold.credit_note((&e.partner_id, &e.invoice_number), e.refused_on, |note| {
            note.state = CreditNoteState::Refused;
            note.comments.clone_from(&e.comments);
        }),
        Event::CreditNoteIssued(e) => fold.credit_note_issued(e),
        Event::InvoiceRebilled(e) => fold.rebilled(e),
        _ => Ok(()),
    }
}

/// An invoice, new or billed again: what is due on it, and what it says of withholding requests.
pub(super) fn issued(
    rows: &mut dyn Changes,
    (position, index): (Position, u32),
    event: &InvoiceIssued,
    rebill: Option<Rebill>,
) -> Result<(), StoreError> {
    receivables::put(rows, &event.invoice_number, &Receivable::new(event, rebill))?;
    for credit in &event.withholding_credits {
        withholdings::change(rows, &event.partner_id, &credit.request_id, |request| {
            request.rest = (request.rest - credit.credited).normalize();
            *request.credited.entry(event.invoice_number.clone()).or_default() += credit.credited;
            if request.rest.is_zero() {
                request.state = WithholdingState::Executed;
            }
        })?;
    }
    let mut fold = Fold { rows, position, index };
    let reference = event.invoice_number.as_str();
    fold.state(&event.partner_id, event.currency, event.invoice_date, StatementKind::Invoice, reference, event.total)?;
    standings::plan(fold.rows, &event.partner_id)
}

struct Fold<'a> {
    rows: &'a mut dyn Changes,
    position: Position,
    index: u32,
}

impl Fold<'_> {
    fn place(&self, on: NaiveDate) -> Place {
        Place { on, seq: self.position.seq, index: self.index }
    }

    fn stepped(&self, on: NaiveDate) -> Stepped {
        Stepped { position: self.position, index: self.index, on }
    }

    fn credit_note(
        &mut self,
        of: (&PartnerId, &InvoiceNumber),
        on: NaiveDate,
        change: impl FnOnce(&mut CreditNote),
    ) -> Result<(), StoreError> {
        let at = self.stepped(on);
        credit_notes::change(self.rows, at, of, change)
    }

    fn post(
        &mut self,
        partner_id: &PartnerId,
        currency: Currency,
        posting: &Posting,
        on: NaiveDate,
        reference: &str,
    ) -> Result<(), StoreError> {
        expect_family(self.position, Family::Partners, "a payment")?;
        let booking = Booked { position: self.position, index: self.index, partner_id, currency };
        booking.post(self.rows, posting, on, reference)
    }

    fn state(
        &mut self,
        partner: &PartnerId,
        currency: Currency,
        on: NaiveDate,
        kind: StatementKind,
        reference: &str,
        amount: Decimal,
    ) -> Result<(), StoreError> {
        let item = Item { kind, reference: reference.to_owned(), amount };
        statement::put(self.rows, partner, currency, (on, self.position.seq, self.index), &item)
    }

    fn change(
        &mut self,
        partner: &PartnerId,
        number: &InvoiceNumber,
        on: NaiveDate,
        part: Part,
        amount: Decimal,
    ) -> Result<(), StoreError> {
        let place = self.place(on);
        receivables::change(self.rows, number, place, Movement { part, amount })?;
        standings::plan(self.rows, partner)
    }

    fn received(&mut self, e: &PaymentReceived) -> Result<(), StoreError> {
        payments::put(self.rows, &payments::Payment::new(self.position, e))?;
        let (on, reference) = (e.value_date, e.payment_id.as_str());
        self.state(&e.partner_id, e.currency, on, StatementKind::Payment, reference, -e.amount)?;
        self.post(&e.partner_id, e.currency, &ledger::payment_posting(e.amount), on, reference)
    }

    fn allocated(&mut self, e: &PaymentAllocated) -> Result<(), StoreError> {
        self.allocate((&e.partner_id, e.currency), &e.payment_id, &e.invoice_number, e.amount, e.allocated_on)
    }

    fn released(&mut self, e: &PaymentReleased) -> Result<(), StoreError> {
        self.allocate((&e.partner_id, e.currency), &e.payment_id, &e.invoice_number, -e.amount, e.released_on)
    }

    fn allocate(
        &mut self,
        (partner, currency): (&PartnerId, Currency),
        payment: &PaymentId,
        number: &InvoiceNumber,
        amount: Decimal,
        on: NaiveDate,
    ) -> Result<(), StoreError> {
        let (place, to) = (self.place(on), Some(number.clone()));
        payments::move_part(self.rows, (partner, payment), place, &payments::Move { to, amount })?;
        self.change(partner, number, on, Part::Allocated, amount)?;
        self.post(partner, currency, &ledger::allocation_posting(amount), on, number.as_str())
    }

    fn refunded(&mut self, e: &PaymentRefunded) -> Result<(), StoreError> {
        let (on, reference) = (e.refunded_on, e.payment_id.as_str());
        let (place, moved) = (self.place(on), payments::Move { to: None, amount: e.amount });
        payments::move_part(self.rows, (&e.partner_id, &e.payment_id), place, &moved)?;
        self.state(&e.partner_id, e.currency, on, StatementKind::Refund, reference, e.amount)?;
        self.post(&e.partner_id, e.currency, &ledger::payment_posting(-e.amount), on, reference)
    }

    /// Both invoices are receivable of the same partner and currency, so nothing is posted.
    fn credit_allocated(&mut self, e: &CreditAllocated) -> Result<(), StoreError> {
        let (partner, on) = (&e.partner_id, e.allocated_on);
        self.change(partner, &e.credit_invoice_number, on, Part::Credited, -e.amount)?;
        self.change(partner, &e.invoice_number, on, Part::Credited, e.amount)
    }

    fn credit_released(&mut self, e: &CreditReleased) -> Result<(), StoreError> {
        let (partner, on) = (&e.partner_id, e.released_on);
        self.change(partner, &e.credit_invoice_number, on, Part::Credited, e.amount)?;
        self.change(partner, &e.invoice_number, on, Part::Credited, -e.amount)
    }

    fn withholding_requested(&mut self, e: &WithholdingRequested) -> Result<(), StoreError> {
        if let Some(replaced) = &e.replaces {
            withholdings::change(self.rows, &e.partner_id, replaced, |request| {
                request.state = WithholdingState::Replaced;
            })?;
        }
        withholdings::put(self.rows, &Withholding::from(e))
    }

    fn withholding_approved(&mut self, e: &WithholdingApproved) -> Result<(), StoreError> {
        withholdings::change(self.rows, &e.partner_id, &e.request_id, |request| {
            request.state = WithholdingState::Approved;
            request.approved_on = Some(e.approved_on);
            (request.written_off, request.rest) = (e.written_off.normalize(), e.rest.normalize());
        })?;
        let (on, reference) = (e.approved_on, e.request_id.as_str());
        if e.written_off.is_zero() {
            return Ok(());
        }
        self.change(&e.partner_id, &e.invoice_number, on, Part::Withheld, e.written_off)?;
        self.state(&e.partner_id, e.currency, on, StatementKind::Withholding, reference, -e.written_off)?;
        self.post(&e.partner_id, e.currency, &ledger::withholding_posting(e), on, reference)
    }

    fn credit_note_requested(&mut self, e: &CreditNoteRequested) -> Result<(), StoreError> {
        let currency = receivables::known(self.rows, &e.invoice_number)?.currency;
        let at = self.stepped(e.requested_on);
        credit_notes::put(
            self.rows,
            at,
            &CreditNote {
                partner_id: e.partner_id.clone(),
                invoice_number: e.invoice_number.clone(),
                currency,
                state: CreditNoteState::Requested,
                reason: e.reason,
                note: e.note.clone(),
                comments: String::new(),
                requested_on: e.requested_on,
                issued: None,
                rebilled_as: None,
            },
        )
    }

    fn credit_note_issued(&mut self, e: &CreditNoteIssued) -> Result<(), StoreError> {
        self.credit_note((&e.partner_id, &e.invoice_number), e.issued_on, |note| {
            note.state = CreditNoteState::Issued;
            note.issued = Some(IssuedCreditNote {
                credit_note_number: e.credit_note_number.clone(),
                issued_on: e.issued_on,
                total: e.total,
                totals: e.totals,
                line_count: e.line_count,
            });
        })?;
        let place = self.place(e.issued_on);
        receivables::cancel(self.rows, &e.invoice_number, place, &e.credit_note_number)?;
        let mut released = Decimal::ZERO;
        for release in &e.withholding_released {
            released = add(released, release.amount)?;
            withholdings::change(self.rows, &e.partner_id, &release.request_id, |request| {
                if request.invoice_number == e.invoice_number {
                    request.written_off = Decimal::ZERO;
                }
                request.rest = (request.rest + release.amount).normalize();
                request.credited.remove(&e.invoice_number);
                request.state = WithholdingState::Approved;
            })?;
        }
        let (on, reference) = (e.issued_on, e.credit_note_number.as_str());
        self.state(&e.partner_id, e.currency, on, StatementKind::CreditNote, reference, e.total + released)?;
        self.post(&e.partner_id, e.currency, &ledger::credit_note_posting(e), on, reference)?;
        standings::plan(self.rows, &e.partner_id)
    }

    fn rebilled(&mut self, e: &InvoiceRebilled) -> Result<(), StoreError> {
        let (invoice, number) = (&e.invoice, &e.invoice.invoice_number);
        invoices::insert(self.rows, &invoices::Issued { position: self.position, event: invoice.clone() })?;
        invoice_index::insert_rebilled(self.rows, invoice)?;
        refunds::put(self.rows, self.position, e)?;
        let rebill = Rebill {
            rebills: e.rebills.clone(),
            refund: e.refund,
            purchase_order: e.purchase_order.clone(),
            bill_to: e.bill_to.clone(),
        };
        issued(self.rows, (self.position, self.index), invoice, Some(rebill))?;
        let old = receivables::known(self.rows, &e.rebills)?;
        receivables::put(self.rows, &e.rebills, &Receivable { rebilled_as: Some(number.clone()), ..old })?;
        self.credit_note((&invoice.partner_id, &e.rebills), invoice.invoice_date, |note| {
            note.state = CreditNoteState::Rebilled;
            note.rebilled_as = Some(number.clone());
        })?;
        let posting = ledger::rebill_posting(invoice);
        self.post(&invoice.partner_id, invoice.currency, &posting, invoice.invoice_date, number.as_str())
    }
}
