//! Withholding requests, credit notes and claims for outages.

use rust_decimal::Decimal;
use subledger_domain::ids::{CreditNoteNumber, PartnerId};
use subledger_fold::{
    Rows, StoreError,
    as_of::Horizon,
    decode,
    page::{Page, PageRequest, QueryError, list},
};

use super::Charge;
use crate::{
    query::invoices::each_invoice_line,
    tables::{
        claims::{self, SlaClaim},
        credit_notes::{self, CreditNote},
        withholdings::{self, Withholding},
    },
};

/// Withholding requests by partner and id.
pub fn list_withholdings(
    rows: &dyn Rows,
    partner: Option<&PartnerId>,
    page: PageRequest<'_>,
) -> Result<Page<Withholding>, QueryError> {
    list(rows, &withholdings::prefix(partner.map(PartnerId::as_str)), page, |_, row| decode(row).map(Some))
}

/// Credit notes, requested ones too, by partner and invoice, as they were then.
pub fn list_credit_notes(
    rows: &dyn Rows,
    partner: Option<&PartnerId>,
    horizon: &Horizon,
    page: PageRequest<'_>,
) -> Result<Page<CreditNote>, QueryError> {
    let prefix = credit_notes::prefix(partner.map(PartnerId::as_str));
    list(rows, &prefix, page, |_, row| decode::<CreditNote>(row)?.at(rows, horizon))
}

/// Claims for outages by partner, customer and id.
pub fn list_sla_claims(
    rows: &dyn Rows,
    partner: Option<&PartnerId>,
    page: PageRequest<'_>,
) -> Result<Page<SlaClaim>, QueryError> {
    list(rows, &claims::prefix(partner.map(PartnerId::as_str)), page, |_, row| decode(row).map(Some))
}

/// A credit note as it was then, with its lines: those of the invoice, with every amount negated. None if none of that number was issued
/// then.
pub fn get_credit_note(
    rows: &dyn Rows,
    number: &CreditNoteNumber,
    horizon: &Horizon,
) -> Result<Option<(CreditNote, Vec<Charge>)>, StoreError> {
    let Some(note) = credit_notes::get(rows, number)? else { return Ok(None) };
    let Some(mut note) = note.at(rows, horizon)?.filter(|note| note.issued.is_some()) else { return Ok(None) };
    let mut lines = Vec::new();
    each_invoice_line(rows, &note.invoice_number, &mut |charge| {
        lines.push(negated(charge));
        Ok(())
    })?;
    if let Some(issued) = &mut note.issued {
        issued.line_count = u32::try_from(lines.len()).unwrap_or(u32::MAX);
    }
    Ok(Some((note, lines)))
}

/// One-time files show the unit price positive, and only the amount negative (L10410).
fn negated(mut charge: Charge) -> Charge {
    let line = &mut charge.line;
    line.amount = minus(line.amount);
    if let Some(discount) = &mut line.discount {
        discount.amount = minus(discount.amount);
    }
    if let Some(tax) = &mut line.tax {
        (tax.amount, tax.included) = (minus(tax.amount), minus(tax.included));
    }
    charge
}

/// Nothing taken back is nothing, not minus nothing.
fn minus(amount: Decimal) -> Decimal {
    if amount.is_zero() { amount } else { -amount }
}
