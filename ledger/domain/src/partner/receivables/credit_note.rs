//! Credit notes: a one-time or recurring invoice is cancelled, and may be billed again (billing-details.md 2.8, C16).

use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;

use super::{CreditNote, CreditNoteReason, Document, Receivable, Receivables, WithholdingRelease};
use crate::{
    Context, Event, Reason, Rejection,
    catalog::Catalog,
    charge::{InvoiceFamily, InvoiceTotals},
    check,
    command::{IssueCreditNote, RebillInvoice, RefuseCreditNote, RequestCreditNote},
    event::{
        CreditNoteIssued, CreditNoteRefused, CreditNoteRequested, CreditReleased, InvoiceIssued, InvoiceRebilled,
        PaymentReleased,
    },
    ids::{CreditNoteNumber, InvoiceNumber},
    partner::{InvoiceHeader, PAYMENT_TERM_DAYS, Partner, number},
    tax::vat_id,
};

impl Document {
    /// Whether a credit note cancelled it.
    pub(super) fn is_cancelled(&self) -> bool {
        matches!(self.credit_note, CreditNote::Issued(..) | CreditNote::Rebilled)
    }
}

pub(super) fn request(
    partner: &Partner,
    command: &RequestCreditNote,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let RequestCreditNote { partner_id, invoice_number, reason, note } = command;
    let (_, document) = creditable(&partner.receivables, invoice_number)?;
    match &document.credit_note {
        CreditNote::None => {}
        CreditNote::Requested(_) => {
            let message = format!("A credit note for invoice {invoice_number} was requested already");
            return Err(Rejection::field(Reason::CreditNoteAlreadyRequested, "invoice_number", message));
        }
        CreditNote::Issued(..) | CreditNote::Rebilled => return Err(cancelled(invoice_number)),
    }
    if *reason == CreditNoteReason::LateTaxId && vat_id::in_european_union(&partner.country, context.effective_on()) {
        let message = "In the European Union a tax id that came late is no reason to credit and bill again";
        return Err(Rejection::field(Reason::CreditReasonInvalid, "reason", message).with("country", &partner.country));
    }
    check::optional("note", note)?;
    Ok(vec![
        CreditNoteRequested {
            partner_id: partner_id.clone(),
            invoice_number: invoice_number.clone(),
            reason: *reason,
            note: note.clone(),
            requested_on: context.effective_on(),
        }
        .into(),
    ])
}

pub(super) fn refuse(
    partner: &Partner,
    command: &RefuseCreditNote,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let RefuseCreditNote { partner_id, invoice_number, comments } = command;
    requested(&partner.receivables, invoice_number)?;
    check::required("comments", comments)?;
    let (partner_id, invoice_number, comments) = (partner_id.clone(), invoice_number.clone(), comments.clone());
    Ok(vec![CreditNoteRefused { partner_id, invoice_number, comments, refused_on: context.effective_on() }.into()])
}

/// Everything that paid the invoice is free again, then the note takes back the whole of it.
pub(super) fn issue(partner: &Partner, command: &IssueCreditNote, context: &Context) -> Result<Vec<Event>, Rejection> {
    let money = &partner.receivables;
    let (invoice, document) = requested(money, &command.invoice_number)?;
    if invoice.total < Decimal::ZERO && !invoice.credited.is_zero() {
        let message = format!("The credit of invoice {} was used", command.invoice_number);
        return Err(Rejection::field(Reason::InvoiceNotOpen, "invoice_number", message));
    }
    let currency = invoice.currency;
    let count = money.credit_notes.get(&currency).map_or(0, |count| *count).saturating_add(1);
    let text = number::text(&partner.partner_id, 'C', currency, count);
    let credit_note_number =
        CreditNoteNumber::new(text).map_err(|error| check::invalid("partner_id", error.to_string()))?;
    let mut events = releases(partner, &command.invoice_number, invoice, document, context);
    let totals = document.totals.map(negated);
    events.push(
        CreditNoteIssued {
            partner_id: partner.partner_id.clone(),
            credit_note_number,
            invoice_number: command.invoice_number.clone(),
            family: invoice.family,
            currency,
            issued_on: dated(invoice, context),
            total: currency.round(totals.total()),
            totals,
            line_count: document.line_count,
            lines_digest: document.lines_digest.clone(),
            withholding_released: released_withholding(money, &command.invoice_number, document),
        }
        .into(),
    );
    Ok(events)
}

/// The date of a document about an invoice: today, but not before the invoice's own, which is the 8th for one that is issued on the 1st (L9703).
fn dated(invoice: &Receivable, context: &Context) -> NaiveDate {
    let today = context.effective_on();
    invoice.due_date.checked_sub_days(Days::new(PAYMENT_TERM_DAYS)).map_or(today, |date| today.max(date))
}

fn negated(amount: Decimal) -> Decimal {
    if amount.is_zero() { amount } else { -amount }
}

fn releases(
    partner: &Partner,
    number: &InvoiceNumber,
    invoice: &Receivable,
    document: &Document,
    context: &Context,
) -> Vec<Event> {
    let (currency, released_on) = (invoice.currency, context.effective_on());
    let (partner_id, invoice_number) = (&partner.partner_id, number);
    let payments = document.allocations.iter().map(|(payment_id, &amount)| {
        let (partner_id, payment_id) = (partner_id.clone(), payment_id.clone());
        let invoice_number = invoice_number.clone();
        PaymentReleased { partner_id, payment_id, invoice_number, amount, currency, released_on }.into()
    });
    let credits = document.credits.iter().map(|(from, &amount)| {
        let (partner_id, credit_invoice_number) = (partner_id.clone(), from.clone());
        let invoice_number = invoice_number.clone();
        CreditReleased { partner_id, credit_invoice_number, invoice_number, amount, currency, released_on }.into()
    });
    payments.chain(credits).collect()
}

/// What was written off on the invoice, and what it credited of other invoices' requests.
fn released_withholding(money: &Receivables, number: &InvoiceNumber, document: &Document) -> Vec<WithholdingRelease> {
    let own = money.withholdings.iter().filter(|(_, request)| request.invoice_number == *number);
    let own = own.map(|(request_id, request)| (request_id, request.written_off));
    let credited = document.withholding_credits.iter().map(|credit| (&credit.request_id, credit.credited));
    let releases = own.chain(credited).filter(|(_, amount)| !amount.is_zero());
    releases.map(|(request_id, amount)| WithholdingRelease { request_id: request_id.clone(), amount }).collect()
}

/// The new invoice has the period, the lines and the digest of the old one, and names it.
pub(super) fn rebill(
    partner: &Partner,
    catalog: &Catalog,
    command: &RebillInvoice,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let money = &partner.receivables;
    let (invoice, document) = creditable(money, &command.invoice_number)?;
    let (reason, credit_note_number) = match &document.credit_note {
        CreditNote::Issued(reason, number) => (*reason, number.clone()),
        CreditNote::Rebilled => {
            let message = format!("Invoice {} was billed again already", command.invoice_number);
            return Err(Rejection::field(Reason::InvoiceAlreadyRebilled, "invoice_number", message));
        }
        CreditNote::None | CreditNote::Requested(_) => {
            let message = format!("Invoice {} is not cancelled by a credit note", command.invoice_number);
            return Err(Rejection::field(Reason::CreditNoteNotIssued, "invoice_number", message));
        }
    };
    check_changes(command, reason)?;
    let refund = check_refund(command, reason, invoice, document)?;
    let (family, currency, invoice_date) = (invoice.family, invoice.currency, dated(invoice, context));
    let Some(due_date) = invoice_date.checked_add_days(Days::new(PAYMENT_TERM_DAYS)) else {
        return Err(check::invalid("effective_at", "The due date is 60 days later, which no calendar has"));
    };
    let totals = refunded(document.totals, reason, refund);
    let withholding_credits = money.credits_for(currency, totals.total());
    let credited: Decimal = withholding_credits.iter().map(|credit| credit.credited).sum();
    let count = partner.issued.get(&(family, currency)).map_or(0, |issued| issued.count) + 1;
    let invoice_number = number::invoice(&partner.partner_id, family, currency, count)?;
    let invoice = InvoiceIssued {
        partner_id: partner.partner_id.clone(),
        header: Some(header(partner, catalog, command, &invoice_number)),
        invoice_number,
        family,
        currency,
        period_start: document.period_start,
        period_end: document.period_end,
        invoice_date,
        due_date,
        total: currency.round(totals.total() - credited),
        totals,
        line_count: document.line_count,
        lines_digest: document.lines_digest.clone(),
        reflects: Vec::new(),
        withholding_credits,
    };
    Ok(vec![
        InvoiceRebilled {
            rebills: command.invoice_number.clone(),
            credit_note_number,
            reason,
            refund,
            purchase_order: command.purchase_order.clone(),
            bill_to: command.bill_to.clone(),
            invoice,
        }
        .into(),
    ])
}

/// What it says of the partner, as it is now, with what was wrong put right.
fn header(partner: &Partner, catalog: &Catalog, command: &RebillInvoice, number: &InvoiceNumber) -> InvoiceHeader {
    let mut header = InvoiceHeader::new(partner, catalog, number);
    if let Some(purchase_order) = &command.purchase_order {
        header.customer_po.clone_from(purchase_order);
    }
    if let Some(address) = &command.bill_to {
        header.bill_to.address.clone_from(address);
    }
    header
}

/// What was wrong must be given right.
fn check_changes(command: &RebillInvoice, reason: CreditNoteReason) -> Result<(), Rejection> {
    if reason == CreditNoteReason::PurchaseOrderCorrection && command.purchase_order.is_none() {
        return Err(check::missing("purchase_order"));
    }
    if let Some(purchase_order) = &command.purchase_order {
        check::required("purchase_order", purchase_order)?;
    }
    if reason == CreditNoteReason::AddressCorrection && command.bill_to.is_none() {
        return Err(check::missing("bill_to"));
    }
    if let Some(address) = &command.bill_to {
        check::required("bill_to.country", &address.country)?;
        check::required("bill_to.line1", &address.line1)?;
        check::required("bill_to.city", &address.city)?;
        check::optional("bill_to.state", &address.state)?;
        check::optional("bill_to.postal_code", &address.postal_code)?;
    }
    Ok(())
}

/// A refund is given with the reasons that are one, up to what it is taken off.
fn check_refund(
    command: &RebillInvoice,
    reason: CreditNoteReason,
    invoice: &Receivable,
    document: &Document,
) -> Result<Decimal, Rejection> {
    let refund = command.refund.unwrap_or(Decimal::ZERO);
    check::minor_unit("refund", refund, invoice.currency)?;
    let most = match reason {
        CreditNoteReason::TaxRefund | CreditNoteReason::LateTaxId => document.totals.tax,
        CreditNoteReason::OtherRefund => document.totals.subtotal,
        CreditNoteReason::AddressCorrection | CreditNoteReason::PurchaseOrderCorrection => Decimal::ZERO,
    };
    if refund < Decimal::ZERO || refund > most.max(Decimal::ZERO) {
        let message = format!("With {}, the refund is 0 to {most}, not {refund}", reason.label());
        return Err(check::invalid("refund", message).with("maximum", most));
    }
    Ok(invoice.currency.round(refund))
}

fn refunded(totals: InvoiceTotals, reason: CreditNoteReason, refund: Decimal) -> InvoiceTotals {
    if reason.refunds_tax() {
        InvoiceTotals { tax: totals.tax - refund, ..totals }
    } else {
        let (one_time_charges, subtotal) = (totals.one_time_charges - refund, totals.subtotal - refund);
        InvoiceTotals { one_time_charges, subtotal, ..totals }
    }
}

/// The invoice is one that can have a credit note.
fn creditable<'a>(money: &'a Receivables, number: &InvoiceNumber) -> Result<(&'a Receivable, &'a Document), Rejection> {
    let invoice = money.found(number, "invoice_number")?;
    match &invoice.document {
        Some(document) if invoice.family == InvoiceFamily::OneTimeRecurring => Ok((invoice, document)),
        _ => {
            let message = format!(
                "Invoice {number} is one of licenses and usage; only one-time and recurring invoices have credit notes"
            );
            Err(Rejection::field(Reason::CreditNoteNotSupportedForFamily, "invoice_number", message))
        }
    }
}

/// A credit note for it was requested.
fn requested<'a>(money: &'a Receivables, number: &InvoiceNumber) -> Result<(&'a Receivable, &'a Document), Rejection> {
    let (invoice, document) = creditable(money, number)?;
    match &document.credit_note {
        CreditNote::Requested(_) => Ok((invoice, document)),
        CreditNote::None => {
            let message = format!("Nobody requested a credit note for invoice {number}");
            Err(Rejection::field(Reason::CreditNoteNotRequested, "invoice_number", message))
        }
        CreditNote::Issued(..) | CreditNote::Rebilled => Err(cancelled(number)),
    }
}

fn cancelled(number: &InvoiceNumber) -> Rejection {
    let message = format!("Invoice {number} is cancelled by a credit note");
    Rejection::field(Reason::InvoiceAlreadyCancelled, "invoice_number", message).with("invoice_number", number)
}
