//! Facts of a partner's stream that later months adjust earlier earnings by, and the invoices they are about.
//!
//! - [`Fact`]. Key: partner text, the partner's revision with the fact (8 bytes).
//! - [`Invoice`]. Key: partner text, invoice number text.
//! - Invoice number of a period. Key: partner text, family (1 byte), currency (3 bytes), the day after the period.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use subledger_domain::{
    charge::InvoiceFamily,
    event::InvoiceIssued,
    ids::{DisputeId, IncentiveProgramId, InvoiceNumber, PartnerId},
    money::Currency,
};
use subledger_fold::{Changes, Key, KeyReader, Rows, StoreError, decode};

use super::prefix::{FACTS, INVOICES, INVOICES_BY_PERIOD};
use crate::month::Month;

/// What adjusts earlier earnings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Fact {
    /// An invoice was cancelled: what its lines earned is taken back.
    CreditNote(InvoiceNumber, Invoice),
    /// It was billed again, for so much net: its lines earn again.
    Rebill(InvoiceNumber, Invoice, Decimal),
    /// A dispute was granted.
    Correction(Correction),
}

/// A granted dispute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Correction {
    pub(crate) dispute_id: DisputeId,
    pub(crate) program_id: IncentiveProgramId,
    pub(crate) mpn_id: String,
    pub(crate) currency: Currency,
    pub(crate) amount: Decimal,
    pub(crate) decided_on: NaiveDate,
}

/// The period of an invoice, and what it is worth before tax.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Invoice {
    pub(crate) family: InvoiceFamily,
    pub(crate) currency: Currency,
    pub(crate) period_start: NaiveDate,
    pub(crate) period_end: NaiveDate,
    pub(crate) net: Decimal,
    /// The day of the document, or of what cancelled it.
    pub(crate) dated: NaiveDate,
}

impl Fact {
    /// The month in which the lines that it is about earn; none of a correction.
    pub(crate) fn month(&self) -> Option<Month> {
        let (Self::CreditNote(_, invoice) | Self::Rebill(_, invoice, _)) = self else { return None };
        Some(match invoice.family {
            InvoiceFamily::LicenseUsage => Month::of(invoice.period_end.pred_opt().unwrap_or(invoice.period_end)),
            // Issued in the month after.
            InvoiceFamily::OneTimeRecurring => Month::of(invoice.period_end),
        })
    }
}

impl From<&InvoiceIssued> for Invoice {
    fn from(e: &InvoiceIssued) -> Self {
        Self {
            family: e.family,
            currency: e.currency,
            period_start: e.period_start,
            period_end: e.period_end,
            net: e.totals.subtotal - e.totals.tax_included,
            dated: e.invoice_date,
        }
    }
}

fn fact_key(partner: &PartnerId, revision: u64) -> Vec<u8> {
    Key::table(FACTS).text(partner.as_str()).number(revision).build()
}

pub(crate) fn put_fact(
    rows: &mut dyn Changes,
    partner: &PartnerId,
    revision: u64,
    fact: &Fact,
) -> Result<(), StoreError> {
    subledger_fold::put(rows, fact_key(partner, revision), fact)
}

/// The facts of a partner after a revision, up to another that is included, in order.
pub(crate) fn facts(
    rows: &dyn Rows,
    partner: &PartnerId,
    (after, through): (u64, u64),
) -> Result<Vec<(u64, Fact)>, StoreError> {
    let mut found = Vec::new();
    let prefix = Key::table(FACTS).text(partner.as_str()).build();
    rows.scan(&prefix, &fact_key(partner, after.saturating_add(1)), false, &mut |key, row| {
        let mut reader = KeyReader::after(&prefix, key)?;
        let revision = reader.number()?;
        if revision > through {
            return Ok(false);
        }
        found.push((revision, decode(row)?));
        Ok(true)
    })?;
    Ok(found)
}

fn invoice_key(partner: &PartnerId, number: &InvoiceNumber) -> Vec<u8> {
    Key::table(INVOICES).text(partner.as_str()).text(number.as_str()).build()
}

pub(crate) fn invoice(
    rows: &(impl Rows + ?Sized),
    partner: &PartnerId,
    number: &InvoiceNumber,
) -> Result<Option<Invoice>, StoreError> {
    subledger_fold::get(rows, &invoice_key(partner, number))
}

fn period_prefix(partner: &PartnerId, family: InvoiceFamily, currency: Currency) -> Key {
    let code = match family {
        InvoiceFamily::LicenseUsage => 1,
        InvoiceFamily::OneTimeRecurring => 2,
    };
    Key::table(INVOICES_BY_PERIOD).text(partner.as_str()).byte(code).bytes(currency.as_str().as_bytes())
}

pub(crate) fn put_invoice(rows: &mut dyn Changes, e: &InvoiceIssued) -> Result<(), StoreError> {
    subledger_fold::put(rows, invoice_key(&e.partner_id, &e.invoice_number), &Invoice::from(e))?;
    let key = period_prefix(&e.partner_id, e.family, e.currency).date(e.period_end).build();
    subledger_fold::put(rows, key, &e.invoice_number)
}

/// The invoice that carries what was charged on a day.
pub(crate) fn covering(
    rows: &dyn Rows,
    partner: &PartnerId,
    (family, currency): (InvoiceFamily, Currency),
    day: NaiveDate,
) -> Result<Option<InvoiceNumber>, StoreError> {
    let Some(next) = day.succ_opt() else { return Ok(None) };
    let prefix = period_prefix(partner, family, currency);
    let from = prefix.clone().date(next).build();
    let mut found = None;
    rows.scan(&prefix.build(), &from, false, &mut |_, row| {
        found = Some(decode(row)?);
        Ok(false)
    })?;
    Ok(found)
}
