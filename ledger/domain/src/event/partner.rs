//! Events of a partner's stream.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::event;
use crate::{
    charge::{InvoiceFamily, InvoiceTotals},
    ids::{InvoiceNumber, PartnerId},
    money::Currency,
    party::PartnerKind,
    position::Position,
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
        /// What is to be paid.
        total: Decimal,
        /// What the lines sum up to.
        totals: InvoiceTotals,
        /// How many there are.
        line_count: u32,
        /// SHA-256 over the lines.
        lines_digest: Vec<u8>,
        /// Last commits that were folded.
        reflects: Vec<Position>,
    }
}
