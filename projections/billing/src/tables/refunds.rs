//! What an invoice that bills a cancelled one again bills less than its lines: a line of its own, so that the fields of the invoice, its
//! lines and its file have the same sums (billing-details.md 2.8 and 3.6).
//!
//! The line is what the event of the invoice says; no customer's stream has it, and it is not in the digest of the lines charged.
//!
//! Key: partner text, family (1 byte), currency, the day after the period, `seq` (8 bytes) of the commit that billed again. Row: [`Refund`].
//! By id: key is the line's id text; row is the key above.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subledger_domain::{
    charge::{ChargeType, Charged, Derivation},
    event::InvoiceRebilled,
    ids::{InvalidId, InvoiceNumber},
    offer::ProrationRule,
    position::Position,
    tax::{LineTax, TaxRule, TaxTreatment},
};
use subledger_fold::{Changes, Key, Rows, StoreError, decode};

use super::{
    invoices::Issued,
    prefix::{REFUND_IDS, REFUNDS},
    series::Series,
};

/// Stands in a refund's line for what it is not about: a customer, a subscription.
const NOBODY: &str = "-";
/// The offer of a refund's line.
const OFFER: &str = "refund";
/// The tax of a refund of tax; no rate holds for it.
pub const REFUND_OF_TAX: &str = "Refund of tax";
/// Bytes of the digest in a line's id.
const ID_BYTES: usize = 20;

/// A refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refund {
    /// The commit that billed again.
    pub(crate) position: Position,
    /// The invoice that had it first.
    pub(crate) invoice_number: InvoiceNumber,
    /// As if it were charged.
    pub(crate) line: Charged,
}

/// What is called for each refund, with its key, until it returns false.
type Visit<'a> = &'a mut dyn FnMut(&[u8], Refund) -> Result<bool, StoreError>;

/// Keeps the refund of an invoice, if it has one.
pub(crate) fn put(rows: &mut dyn Changes, position: Position, event: &InvoiceRebilled) -> Result<(), StoreError> {
    if event.refund.is_zero() {
        return Ok(());
    }
    let invoice = &event.invoice;
    let key = of_period(&Series::from(invoice), invoice.period_end).number(position.seq).build();
    let line = line(event).map_err(|error| StoreError(error.to_string()))?;
    rows.put(Key::table(REFUND_IDS).text(line.line_id.as_str()).build(), key.clone());
    subledger_fold::put(rows, key, &Refund { position, invoice_number: invoice.invoice_number.clone(), line })
}

/// The refund with a line's id.
pub(crate) fn by_id(rows: &dyn Rows, id: &str) -> Result<Option<Refund>, StoreError> {
    match rows.get(&Key::table(REFUND_IDS).text(id).build())? {
        Some(key) => subledger_fold::get(rows, &key),
        None => Ok(None),
    }
}

/// The refunds of an invoice, and of those that it replaces, in their order.
pub(crate) fn of(rows: &dyn Rows, issued: &Issued) -> Result<Vec<Refund>, StoreError> {
    let mut found = Vec::new();
    each(rows, issued, &[], &mut |_, refund| {
        found.push(refund);
        Ok(true)
    })?;
    Ok(found)
}

/// Whether a key is one of this table.
pub(crate) fn is_key(key: &[u8]) -> bool {
    key.first() == Some(&REFUNDS)
}

/// Visits the refunds of [`of`] from a key on.
pub(crate) fn each(rows: &dyn Rows, issued: &Issued, from: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
    let prefix = of_period(&Series::from(&issued.event), issued.event.period_end).build();
    rows.scan(&prefix, from, false, &mut |key, row| {
        let refund: Refund = decode(row)?;
        // Of one partner, so of one partition: what came after this invoice is a later one's.
        if refund.position.seq > issued.position.seq { Ok(false) } else { visit(key, refund) }
    })
}

fn of_period(series: &Series, period_end: NaiveDate) -> Key {
    series.write(Key::table(REFUNDS)).date(period_end)
}

/// One-time files show a positive price, and only the amount is negative (L10410). A refund of tax has nothing but tax.
fn line(event: &InvoiceRebilled) -> Result<Charged, InvalidId> {
    let InvoiceRebilled { invoice, refund, reason, .. } = event;
    let nothing = invoice.currency.round(Decimal::ZERO);
    let of_tax = reason.refunds_tax();
    let price = if of_tax { nothing } else { *refund };
    let tax = of_tax.then(|| LineTax {
        rule: TaxRule {
            name: REFUND_OF_TAX.to_owned(),
            treatment: TaxTreatment::Exclusive,
            rate_percent: Decimal::ZERO,
        },
        amount: -refund,
        included: nothing,
    });
    Ok(Charged {
        line_id: line_id(&invoice.invoice_number).try_into()?,
        customer_id: NOBODY.to_owned().try_into()?,
        partner_id: invoice.partner_id.clone(),
        subscription_id: NOBODY.to_owned().try_into()?,
        order_id: event.credit_note_number.as_str().to_owned().try_into()?,
        offer_id: OFFER.to_owned().try_into()?,
        offer_name: format!("Refund, invoice {}", event.rebills),
        invoice_family: invoice.family,
        charge_type: ChargeType::LineItemOffset,
        charge_start: invoice.period_start,
        charge_end: invoice.period_end,
        unit_price: price,
        quantity: 1,
        amount: if of_tax { nothing } else { -refund },
        currency: invoice.currency,
        charged_on: invoice.invoice_date,
        component: None,
        sku: None,
        subscription_description: None,
        purchase_date: invoice.invoice_date,
        billing_frequency: None,
        reverses_line_id: None,
        derivation: Derivation { rule: ProrationRule::Exact, period_price: price, period_days: 1, billed_days: 1 },
        reseller_id: None,
        discount: None,
        tax,
        reference: Some(format!("{}; {} cancelled by {}", reason.label(), event.rebills, event.credit_note_number)),
        usage: None,
    })
}

/// Derived from the number of the invoice, so that a rebuild gives the same.
fn line_id(number: &InvoiceNumber) -> String {
    use std::fmt::Write as _;
    let digest = Sha256::digest(number.as_str());
    digest.iter().take(ID_BYTES).fold("refund-".to_owned(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
