//! Payments received, and what moved of them.
//!
//! Payments: key is partner text, payment id text; row is [`Payment`].
//! Moves: key is partner text, payment id text, day, `seq` (8 bytes), index of the event in the commit (4 bytes); row is [`Move`]. All of a
//! payment are in its partner's partition.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use subledger_domain::{
    event::PaymentReceived,
    ids::{InvoiceNumber, PartnerId, PaymentId},
    money::Currency,
    position::Position,
};
use subledger_fold::{Changes, Key, KeyReader, Rows, StoreError, as_of::Horizon, decode};

use super::{
    prefix::{PAYMENT_MOVES, PAYMENTS},
    receivables::Place,
};
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
    /// Of the commit that received it.
    pub(crate) position: Position,
}

/// A part of a payment that went somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Move {
    /// The invoice that has more of it; none for what went back to the payer.
    pub(crate) to: Option<InvoiceNumber>,
    /// Below zero for what an invoice gave back.
    pub(crate) amount: Decimal,
}

impl Payment {
    pub(crate) fn new(position: Position, e: &PaymentReceived) -> Self {
        Self {
            position,
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

    fn apply(&mut self, moved: &Move) -> Result<(), StoreError> {
        let Some(number) = &moved.to else {
            self.refunded = add(self.refunded, moved.amount)?;
            return Ok(());
        };
        let part = self.allocations.entry(number.clone()).or_default();
        *part = add(*part, moved.amount)?;
        if part.is_zero() {
            self.allocations.remove(number);
        }
        Ok(())
    }

    /// As it was then: nothing before the day that it counts from.
    pub(crate) fn at(self, rows: &(impl Rows + ?Sized), horizon: &Horizon) -> Result<Option<Self>, StoreError> {
        if horizon.is_now() {
            return Ok(Some(self));
        }
        if !horizon.knows(self.position) || !horizon.reaches(self.value_date) {
            return Ok(None);
        }
        let prefix = moves_prefix(&self.partner_id, &self.payment_id);
        let mut then = Self { refunded: Decimal::ZERO, allocations: BTreeMap::new(), ..self };
        rows.scan(&prefix, &[], false, &mut |key, row| {
            let mut reader = KeyReader::after(&prefix, key)?;
            let (on, seq) = (reader.date()?, reader.number()?);
            if !horizon.reaches(on) {
                return Ok(false);
            }
            if horizon.knows(Position { seq, ..then.position }) {
                then.apply(&decode(row)?)?;
            }
            Ok(true)
        })?;
        Ok(Some(then))
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

fn moves_prefix(partner: &PartnerId, id: &PaymentId) -> Vec<u8> {
    Key::table(PAYMENT_MOVES).text(partner.as_str()).text(id.as_str()).build()
}

/// Moves a part of a payment, to an invoice or back to the payer.
pub(crate) fn move_part(
    rows: &mut dyn Changes,
    (partner, id): (&PartnerId, &PaymentId),
    place: Place,
    moved: &Move,
) -> Result<(), StoreError> {
    let mut row = known(rows, partner, id)?;
    row.apply(moved)?;
    put(rows, &row)?;
    let key = Key::default().bytes(&moves_prefix(partner, id)).date(place.on).number(place.seq).u32(place.index);
    subledger_fold::put(rows, key.build(), &Move { amount: moved.amount.normalize(), ..moved.clone() })
}
