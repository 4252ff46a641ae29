//! Commands to a partner's stream about what it owes: payments, standing, withholding, credit notes.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{InvoiceNumber, PartnerId, PaymentId, WithholdingId},
    money::Currency,
    partner::{Certificate, CreditNoteReason},
    party::Address,
};

/// Money came in (billing-details.md 2.16). If it names an open invoice it pays that one; the rest stays unallocated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivePayment {
    /// Who paid.
    pub partner_id: PartnerId,
    /// Its id, unique among the partner's payments.
    pub payment_id: PaymentId,
    /// Greater than zero.
    pub amount: Decimal,
    /// Of the amount.
    pub currency: Currency,
    /// The day the money counts from; not in the future.
    pub value_date: NaiveDate,
    /// What the payer wrote; may be empty.
    pub reference: String,
    /// The invoice it pays.
    pub invoice_number: Option<InvoiceNumber>,
}

/// Unallocated money pays an invoice (L11157).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocatePayment {
    /// Whose payment and invoice.
    pub partner_id: PartnerId,
    /// The payment.
    pub payment_id: PaymentId,
    /// The invoice.
    pub invoice_number: InvoiceNumber,
    /// At most what the payment has left, and what is due (billing-details.md C37).
    pub amount: Decimal,
}

/// Unallocated money goes back to the partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundPayment {
    /// Who gets it.
    pub partner_id: PartnerId,
    /// The payment.
    pub payment_id: PaymentId,
    /// At most what it has unallocated.
    pub amount: Decimal,
    /// What the bank statement says; may be empty.
    pub reference: String,
}

/// What a negative invoice owes the partner pays another invoice (billing-details.md C38).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocateCredit {
    /// Whose invoices.
    pub partner_id: PartnerId,
    /// The negative one.
    pub credit_invoice_number: InvoiceNumber,
    /// The one it pays.
    pub invoice_number: InvoiceNumber,
    /// At most what the one has left, and what is due on the other.
    pub amount: Decimal,
}

/// Looks at the end of a day whether the partner is delinquent or to be suspended (billing-details.md C23). Without effect if it is
/// that already, or if nothing is overdue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewStanding {
    /// Whose standing.
    pub partner_id: PartnerId,
    /// The day; not in the future.
    pub date: NaiveDate,
}

/// Asks for the credit of tax that the partner paid to its own authority (billing-details.md 2.11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestWithholding {
    /// Who asks.
    pub partner_id: PartnerId,
    /// Its id, unique among the partner's requests.
    pub request_id: WithholdingId,
    /// A paid or partly paid invoice.
    pub invoice_number: InvoiceNumber,
    /// The credit expected (L10822).
    pub amount: Decimal,
    /// The invoice's.
    pub currency: Currency,
    /// The authority's.
    pub certificate: Option<Certificate>,
    /// Who answers questions about it.
    pub contact_email: String,
}

/// The review team needs something: the request is sent back (L10837).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnWithholding {
    /// Whose request.
    pub partner_id: PartnerId,
    /// The request.
    pub request_id: WithholdingId,
    /// What is needed.
    pub comments: String,
}

/// The partner changes a request that was sent back: amount and certificate only (L10833).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResubmitWithholding {
    /// Whose request.
    pub partner_id: PartnerId,
    /// The request.
    pub request_id: WithholdingId,
    /// The credit expected.
    pub amount: Decimal,
    /// The authority's.
    pub certificate: Option<Certificate>,
}

/// The review team agrees: what the invoice still owes is written off, the rest is credited on the next invoice (billing-details.md
/// C20).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApproveWithholding {
    /// Whose request.
    pub partner_id: PartnerId,
    /// The request.
    pub request_id: WithholdingId,
}

/// Asks that a one-time or recurring invoice be cancelled (billing-details.md 2.8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCreditNote {
    /// Who asks.
    pub partner_id: PartnerId,
    /// The invoice.
    pub invoice_number: InvoiceNumber,
    /// Why.
    pub reason: CreditNoteReason,
    /// More about it; may be empty.
    pub note: String,
}

/// The request for a credit note is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefuseCreditNote {
    /// Whose invoice.
    pub partner_id: PartnerId,
    /// The invoice.
    pub invoice_number: InvoiceNumber,
    /// Why not.
    pub comments: String,
}

/// Issues the credit note that was requested: the invoice is cancelled (L9809).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueCreditNote {
    /// Whose invoice.
    pub partner_id: PartnerId,
    /// The invoice.
    pub invoice_number: InvoiceNumber,
}

/// Bills a cancelled invoice again, for the same period and lines, with what was wrong changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RebillInvoice {
    /// Who pays.
    pub partner_id: PartnerId,
    /// The cancelled invoice.
    pub invoice_number: InvoiceNumber,
    /// Off the tax, if that was to be refunded, otherwise off the subtotal; zero where only a text was wrong.
    pub refund: Option<Decimal>,
    /// The right purchase order.
    pub purchase_order: Option<String>,
    /// The right address.
    pub bill_to: Option<Address>,
}
