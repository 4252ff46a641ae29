//! Commands to a partner's stream.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    charge::{InvoiceFamily, InvoiceTotals},
    ids::{ExemptionId, PartnerId},
    money::Currency,
    partner::BillingProfile,
    party::PartnerKind,
    position::Position,
    tax::{TaxDocumentKind, TaxIdKind},
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

/// The partner states who it is; in place of what it stated before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateBillingProfile {
    /// The partner.
    pub partner_id: PartnerId,
    /// All of it.
    pub profile: BillingProfile,
}

/// The partner gives a tax id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmitTaxId {
    /// The partner.
    pub partner_id: PartnerId,
    /// What kind of number.
    pub kind: TaxIdKind,
    /// Blanks, points and hyphens are left out, small letters become capitals.
    pub value: String,
}

/// The provider accepts a tax id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidateTaxId {
    /// The partner.
    pub partner_id: PartnerId,
    /// What kind of number.
    pub kind: TaxIdKind,
    /// As submitted.
    pub value: String,
}

/// The provider does not accept a tax id, or does not any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectTaxId {
    /// The partner.
    pub partner_id: PartnerId,
    /// What kind of number.
    pub kind: TaxIdKind,
    /// As submitted.
    pub value: String,
    /// Why.
    pub reason: String,
}

/// The partner asks for an exemption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmitTaxExemption {
    /// The partner.
    pub partner_id: PartnerId,
    /// Chosen by the caller, or derived from the command id.
    pub exemption_id: Option<ExemptionId>,
    /// None for the whole country.
    pub region: Option<String>,
    /// Name of the tax, as its rates have it.
    pub tax: String,
    /// What proves it.
    pub document_kind: TaxDocumentKind,
    /// SHA-256 of the document.
    pub document_hash: Vec<u8>,
}

/// The provider grants an exemption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantTaxExemption {
    /// The partner.
    pub partner_id: PartnerId,
    /// Which one.
    pub exemption_id: ExemptionId,
    /// First day, not in the past; the next billing cycle if that is later, or none is given.
    pub from: Option<NaiveDate>,
    /// Last day, included; none for no end.
    pub to: Option<NaiveDate>,
}

/// The provider does not grant an exemption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefuseTaxExemption {
    /// The partner.
    pub partner_id: PartnerId,
    /// Which one.
    pub exemption_id: ExemptionId,
    /// Why.
    pub reason: String,
}
