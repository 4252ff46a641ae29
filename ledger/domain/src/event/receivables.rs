//! Events of a partner's stream about what it owes: payments, standing, withholding, credit notes.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{InvoiceIssued, event};
use crate::{
    charge::{InvoiceFamily, InvoiceTotals},
    ids::{CreditNoteNumber, InvoiceNumber, PartnerId, PaymentId, WithholdingId},
    money::{Currency, Money},
    partner::{Certificate, CreditNoteReason, SuspensionTrigger, WithholdingRelease},
    party::Address,
};

event! {
    /// Partner: money came in. What of it pays an invoice follows as `PaymentAllocated`.
    PaymentReceived {
        /// Who paid.
        partner_id: PartnerId,
        /// Its id.
        payment_id: PaymentId,
        /// Greater than zero.
        amount: Decimal,
        /// Of the amount.
        currency: Currency,
        /// The day the money counts from.
        value_date: NaiveDate,
        /// What the payer wrote; may be empty.
        reference: String,
        /// The invoice it named.
        invoice_number: Option<InvoiceNumber>,
    }

    /// Partner: money pays an invoice.
    PaymentAllocated {
        /// Whose money.
        partner_id: PartnerId,
        /// The payment.
        payment_id: PaymentId,
        /// The invoice.
        invoice_number: InvoiceNumber,
        /// Greater than zero.
        amount: Decimal,
        /// Of both.
        currency: Currency,
        /// The day.
        allocated_on: NaiveDate,
    }

    /// Partner: money is unallocated again, because its invoice was cancelled.
    PaymentReleased {
        /// Whose money.
        partner_id: PartnerId,
        /// The payment.
        payment_id: PaymentId,
        /// The invoice it paid.
        invoice_number: InvoiceNumber,
        /// Greater than zero.
        amount: Decimal,
        /// Of both.
        currency: Currency,
        /// The day.
        released_on: NaiveDate,
    }

    /// Partner: unallocated money went back.
    PaymentRefunded {
        /// Who got it.
        partner_id: PartnerId,
        /// The payment.
        payment_id: PaymentId,
        /// Greater than zero.
        amount: Decimal,
        /// Of the amount.
        currency: Currency,
        /// The day.
        refunded_on: NaiveDate,
        /// What the bank statement says; may be empty.
        reference: String,
    }

    /// Partner: what a negative invoice owes it pays another one.
    CreditAllocated {
        /// Whose invoices.
        partner_id: PartnerId,
        /// The negative one.
        credit_invoice_number: InvoiceNumber,
        /// The one it pays.
        invoice_number: InvoiceNumber,
        /// Greater than zero.
        amount: Decimal,
        /// Of both.
        currency: Currency,
        /// The day.
        allocated_on: NaiveDate,
    }

    /// Partner: the credit of a negative invoice is open again, because the invoice it paid was cancelled.
    CreditReleased {
        /// Whose invoices.
        partner_id: PartnerId,
        /// The negative one.
        credit_invoice_number: InvoiceNumber,
        /// The one it paid.
        invoice_number: InvoiceNumber,
        /// Greater than zero.
        amount: Decimal,
        /// Of both.
        currency: Currency,
        /// The day.
        released_on: NaiveDate,
    }

    /// Partner: something is overdue, from day 61 after the invoice date on (L9725).
    PartnerBecameDelinquent {
        /// Whose standing.
        partner_id: PartnerId,
        /// What is overdue.
        invoice_numbers: Vec<InvoiceNumber>,
        /// Its sum, by currency.
        overdue: Vec<Money>,
        /// The day.
        since: NaiveDate,
    }

    /// Partner: no new sales (L7434), because something is more than 60 days overdue, or for another trigger (L7440-7443).
    PartnerAccountSuspended {
        /// Whose standing.
        partner_id: PartnerId,
        /// What is overdue.
        invoice_numbers: Vec<InvoiceNumber>,
        /// Its sum, by currency.
        overdue: Vec<Money>,
        /// The day.
        since: NaiveDate,
        /// Why; none is overdue too, of a time that knew no other trigger.
        trigger: Option<SuspensionTrigger>,
        /// What happened; empty for what is overdue.
        note: String,
    }

    /// Partner: nothing is overdue any more (L9727), or another trigger is gone.
    PartnerAccountReinstated {
        /// Whose standing.
        partner_id: PartnerId,
        /// The day.
        since: NaiveDate,
        /// Which trigger is gone; none for overdue.
        trigger: Option<SuspensionTrigger>,
        /// What shows it: a support request, or the check that passed.
        basis: String,
    }

    /// Partner: a withholding tax credit is asked for.
    WithholdingRequested {
        /// Who asks.
        partner_id: PartnerId,
        /// Its id.
        request_id: WithholdingId,
        /// The invoice.
        invoice_number: InvoiceNumber,
        /// The credit expected.
        amount: Decimal,
        /// The invoice's.
        currency: Currency,
        /// The authority's.
        certificate: Certificate,
        /// The partner's country; in DE the certificate goes by mail too (L10861).
        country: String,
        /// Who answers questions about it.
        contact_email: String,
        /// The day.
        requested_on: NaiveDate,
        /// A request that was sent back, in whose place it stands.
        replaces: Option<WithholdingId>,
    }

    /// Partner: the request waits for the partner.
    WithholdingReturned {
        /// Whose request.
        partner_id: PartnerId,
        /// The request.
        request_id: WithholdingId,
        /// What is needed.
        comments: String,
        /// The day.
        returned_on: NaiveDate,
    }

    /// Partner: the request was changed and waits for the review team again.
    WithholdingResubmitted {
        /// Whose request.
        partner_id: PartnerId,
        /// The request.
        request_id: WithholdingId,
        /// The credit expected.
        amount: Decimal,
        /// The authority's.
        certificate: Certificate,
        /// The day.
        resubmitted_on: NaiveDate,
    }

    /// Partner: the credit is granted.
    WithholdingApproved {
        /// Whose request.
        partner_id: PartnerId,
        /// The request.
        request_id: WithholdingId,
        /// The invoice.
        invoice_number: InvoiceNumber,
        /// Of both amounts.
        currency: Currency,
        /// What the invoice owes no more.
        written_off: Decimal,
        /// What the next invoice credits.
        rest: Decimal,
        /// The day.
        approved_on: NaiveDate,
    }

    /// Partner: a credit note is asked for.
    CreditNoteRequested {
        /// Who asks.
        partner_id: PartnerId,
        /// The invoice.
        invoice_number: InvoiceNumber,
        /// Why.
        reason: CreditNoteReason,
        /// More about it; may be empty.
        note: String,
        /// The day.
        requested_on: NaiveDate,
    }

    /// Partner: there will be no credit note.
    CreditNoteRefused {
        /// Whose invoice.
        partner_id: PartnerId,
        /// The invoice.
        invoice_number: InvoiceNumber,
        /// Why not.
        comments: String,
        /// The day.
        refused_on: NaiveDate,
    }

    /// Partner: an invoice is cancelled. The note has the invoice's lines with every amount negated.
    CreditNoteIssued {
        /// Whose invoice.
        partner_id: PartnerId,
        /// Gapless for each partner and currency.
        credit_note_number: CreditNoteNumber,
        /// The invoice.
        invoice_number: InvoiceNumber,
        /// The invoice's.
        family: InvoiceFamily,
        /// Of every line.
        currency: Currency,
        /// Its date: the day it was issued, or that of the invoice if it is later.
        issued_on: NaiveDate,
        /// Minus the subtotal and tax of the invoice.
        total: Decimal,
        /// Minus those of the invoice.
        totals: InvoiceTotals,
        /// How many lines there are.
        line_count: u32,
        /// SHA-256 over the lines of the invoice.
        lines_digest: Vec<u8>,
        /// Withholding that was credited to the invoice: the next invoice credits it.
        withholding_released: Vec<WithholdingRelease>,
    }

    /// Partner: a cancelled invoice was billed again. The new one has the same period and lines.
    InvoiceRebilled {
        /// The cancelled invoice.
        rebills: InvoiceNumber,
        /// The note that cancelled it.
        credit_note_number: CreditNoteNumber,
        /// Why.
        reason: CreditNoteReason,
        /// Off the tax, if the reason is one of tax, otherwise off the subtotal.
        refund: Decimal,
        /// The right purchase order.
        purchase_order: Option<String>,
        /// The right address.
        bill_to: Option<Address>,
        /// The new one.
        invoice: InvoiceIssued,
    }
}
