//! Events of a partner's stream.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::event;
use crate::{
    charge::{InvoiceFamily, InvoiceTotals},
    ids::{ExemptionId, InvoiceNumber, PartnerId},
    money::Currency,
    partner::{BillingProfile, CycleStart, InvoiceHeader, WithholdingCredit},
    party::PartnerKind,
    position::Position,
    tax::{TaxDocumentKind, TaxIdKind},
};

event! {
    /// Partner: an account began.
    PartnerRegistered {
        /// Its id.
        partner_id: PartnerId,
        /// Its name.
        name: String,
        /// Its kind.
        kind: PartnerKind,
        /// ISO 3166 alpha-2.
        country: String,
        /// Billing currency.
        currency: Currency,
        /// 1 to 31.
        billing_day: u32,
        /// May be empty.
        mpn_id: String,
        /// The day of the registration.
        registered_on: NaiveDate,
    }

    /// Partner: a document was issued. It never changes.
    InvoiceIssued {
        /// Who pays.
        partner_id: PartnerId,
        /// Gapless for each partner, family and currency.
        invoice_number: InvoiceNumber,
        /// Which of its invoices.
        family: InvoiceFamily,
        /// Of every line.
        currency: Currency,
        /// First day of the period.
        period_start: NaiveDate,
        /// The day after its last.
        period_end: NaiveDate,
        /// Its date.
        invoice_date: NaiveDate,
        /// Net 60 (L9725).
        due_date: NaiveDate,
        /// What is to be paid: subtotal and tax, less other credits.
        total: Decimal,
        /// What the lines sum up to.
        totals: InvoiceTotals,
        /// How many there are.
        line_count: u32,
        /// SHA-256 over the lines.
        lines_digest: Vec<u8>,
        /// Last commits that were folded.
        reflects: Vec<Position>,
        /// What it says of the partner; none on documents issued before there were profiles.
        header: Option<InvoiceHeader>,
        /// Approved withholding requests that it prints or credits (billing-details.md C20).
        withholding_credits: Vec<WithholdingCredit>,
    }

    /// Partner: it stated who it is.
    BillingProfileUpdated {
        /// The partner.
        partner_id: PartnerId,
        /// In place of the profile before.
        profile: BillingProfile,
        /// First day on which the region of its address counts for tax, if it is another than before.
        region_from: CycleStart,
    }

    /// Partner: it gave a tax id.
    TaxIdSubmitted {
        /// The partner.
        partner_id: PartnerId,
        /// What kind of number.
        kind: TaxIdKind,
        /// Capital letters and digits.
        value: String,
    }

    /// Partner: the provider accepted a tax id.
    TaxIdValidated {
        /// The partner.
        partner_id: PartnerId,
        /// What kind of number.
        kind: TaxIdKind,
        /// The id.
        value: String,
        /// First day it counts.
        effective_from: CycleStart,
    }

    /// Partner: the provider did not accept a tax id, or does not any more.
    TaxIdRejected {
        /// The partner.
        partner_id: PartnerId,
        /// What kind of number.
        kind: TaxIdKind,
        /// The id.
        value: String,
        /// Why.
        reason: String,
        /// First day it does not count any more, if it did.
        effective_from: CycleStart,
    }

    /// Partner: it asked for an exemption.
    TaxExemptionSubmitted {
        /// The partner.
        partner_id: PartnerId,
        /// Unique among the partner's.
        exemption_id: ExemptionId,
        /// None for the whole country.
        region: Option<String>,
        /// Name of the tax.
        tax: String,
        /// What proves it.
        document_kind: TaxDocumentKind,
        /// SHA-256 of the document.
        document_hash: Vec<u8>,
    }

    /// Partner: the provider granted an exemption.
    TaxExemptionGranted {
        /// The partner.
        partner_id: PartnerId,
        /// Which one.
        exemption_id: ExemptionId,
        /// First day.
        from: CycleStart,
        /// Last day, included.
        to: Option<NaiveDate>,
    }

    /// Partner: the provider did not grant an exemption.
    TaxExemptionRefused {
        /// The partner.
        partner_id: PartnerId,
        /// Which one.
        exemption_id: ExemptionId,
        /// Why.
        reason: String,
    }
}
