//! Commands to a partner's stream.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    charge::{InvoiceFamily, InvoiceTotals},
    ids::PartnerId,
    money::Currency,
    party::PartnerKind,
    position::Position,
};

/// A partner's account begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterPartner {
    /// Its id.
    pub partner_id: PartnerId,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: PartnerKind,
    /// ISO 3166 alpha-2.
    pub country: String,
    /// Billing currency.
    pub currency: Currency,
    /// 1 to 31, clamped to the month's last day; never changes (L9838).
    pub billing_day: u32,
    /// Location id in the partner network; may be empty.
    pub mpn_id: String,
}

/// Close a document over charges that are decided already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueInvoice {
    /// Who pays.
    pub partner_id: PartnerId,
    /// Which of its invoices.
    pub family: InvoiceFamily,
    /// Of every line.
    pub currency: Currency,
    /// First day of the period.
    pub period_start: NaiveDate,
    /// The day after its last.
    pub period_end: NaiveDate,
    /// Its date.
    pub invoice_date: NaiveDate,
    /// What is to be paid for the lines: subtotal and tax.
    pub total: Decimal,
    /// What they sum up to.
    pub totals: InvoiceTotals,
    /// How many there are.
    pub line_count: u32,
    /// SHA-256 over the lines.
    pub lines_digest: Vec<u8>,
    /// Last commits that were folded.
    pub reflects: Vec<Position>,
}
