//! Payments received.
//!
//! Key: partner text, payment id text. Row: [`Payment`].

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use subledger_domain::{
    event::PaymentReceived,
    ids::{InvoiceNumber, PartnerId, PaymentId},
    money::Currency,
};
use subledger_fold::{Changes, Key, Rows, StoreError};

use super::prefix::PAYMENTS;
use crate::ledger::add;

/// Money received, and where it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_field_names, reason = "as the command and the API call it")]
pub(crate) struct Payment {
    pub(crate) partner_id: PartnerId,
    pub(crate) payment_id: PaymentId,
    pub(crate) amount: Decimal,
    pub(crate) currency: Currency,
    pub(crate) value_date: NaiveDate,
    pub(crate) reference: String,
    pub(crate) invoice_number: Option<InvoiceNumber>,
    pub(crate) refunded: Decimal,
    pub(crate) allocations: BTreeMap<InvoiceNumber, Decimal>,
}

impl Payment {
    pub(crate) fn new(e: &PaymentReceived) -> Self {
        Self {
            partner_id: e.partner_id.clone(),
            payment_id: e.payment_id.clone(),
            amount: e.amount.normalize(),
            currency: e.currency,
            value_date: e.value_date,
            reference: e.reference.clone(),
            invoice_number: e.invoice_number.clone(),
            refunded: Decimal::ZERO,
            allocations: BTreeMap::new(),
        }
    }

    /// What invoices have of it.
    pub(crate) fn allocated(&self) -> Decimal {
        self.allocations.values().sum()
    }
}

/// The prefix of all payments, or of one partner's.
pub(crate) fn prefix(partner: Option<&str>) -> Vec<u8> {
    partner.into_iter().fold(Key::table(PAYMENTS), Key::text).build()
}

fn key(partner: &PartnerId, id: &PaymentId) -> Vec<u8> {
    Key::default().bytes(&prefix(Some(partner.as_str()))).text(id.as_str()).build()
}

pub(crate) fn put(rows: &mut dyn Changes, row: &Payment) -> Result<(), StoreError> {
    subledger_fold::put(rows, key(&row.partner_id, &row.payment_id), row)
}

fn known(rows: &(impl Rows + ?Sized), partner: &PartnerId, id: &PaymentId) -> Result<Payment, StoreError> {
    let row = subledger_fold::get(rows, &key(partner, id))?;
    row.ok_or_else(|| StoreError(format!("an event speaks of payment {id} of {partner}, which was not received")))
}

/// Gives an invoice more of a payment, or less if negative.
pub(crate) fn allocate(
    rows: &mut dyn Changes,
    partner: &PartnerId,
    id: &PaymentId,
    number: &InvoiceNumber,
    amount: Decimal,
) -> Result<(), StoreError> {
    let mut row = known(rows, partner, id)?;
    let part = row.allocations.entry(number.clone()).or_default();
    *part = add(*part, amount)?;
    if part.is_zero() {
        row.allocations.remove(number);
    }
    put(rows, &row)
}

/// Gives some of a payment back.
pub(crate) fn refund(
    rows: &mut dyn Changes,
    partner: &PartnerId,
    id: &PaymentId,
    amount: Decimal,
) -> Result<(), StoreError> {
    let mut row = known(rows, partner, id)?;
    row.refunded = add(row.refunded, amount)?;
    put(rows, &row)
}
