//! Credit notes, asked for and issued.
//!
//! Key: partner text, number text of the invoice. Row: [`CreditNote`].
//! By number: key is credit note number text; row is the partner and the invoice.
//! Steps: key is partner text, number text of the invoice, `seq` (8 bytes), index of the event in the commit (4 bytes); row is [`Step`].

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use subledger_domain::{
    charge::InvoiceTotals,
    ids::{CreditNoteNumber, InvoiceNumber, PartnerId},
    money::Currency,
    partner::CreditNoteReason,
    position::Position,
};
use subledger_fold::{Changes, Key, Rows, StoreError, as_of::Horizon, decode};

use super::prefix::{CREDIT_NOTE_NUMBERS, CREDIT_NOTE_STEPS, CREDIT_NOTES};

/// Where a credit note stands (billing-details.md 2.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CreditNoteState {
    /// Waits for a decision.
    Requested,
    /// There is none.
    Refused,
    /// The invoice is cancelled.
    Issued,
    /// And billed again.
    Rebilled,
}

impl CreditNoteState {
    /// The name, as lists have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Refused => "refused",
            Self::Issued => "issued",
            Self::Rebilled => "rebilled",
        }
    }
}

/// A credit note of an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditNote {
    /// Whose invoice.
    pub partner_id: PartnerId,
    /// The invoice.
    pub invoice_number: InvoiceNumber,
    /// The invoice's.
    pub currency: Currency,
    /// Where it stands.
    pub state: CreditNoteState,
    /// Why.
    pub reason: CreditNoteReason,
    /// What the partner said about it.
    pub note: String,
    /// Why it was refused.
    pub comments: String,
    /// The day it was asked for.
    pub requested_on: NaiveDate,
    /// None before it is issued.
    pub issued: Option<IssuedCreditNote>,
    /// The invoice that bills the same again.
    pub rebilled_as: Option<InvoiceNumber>,
}

/// What a credit note was from a commit on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Step {
    position: Position,
    /// The day it took effect.
    on: NaiveDate,
    note: CreditNote,
}

/// Where an event stands that makes a step, and the day it took effect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stepped {
    pub(crate) position: Position,
    pub(crate) index: u32,
    pub(crate) on: NaiveDate,
}

/// The document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedCreditNote {
    /// Gapless for each partner and currency.
    pub credit_note_number: CreditNoteNumber,
    /// Its date.
    pub issued_on: NaiveDate,
    /// Minus the subtotal and tax of the invoice.
    pub total: Decimal,
    /// Minus those of the invoice.
    pub totals: InvoiceTotals,
    /// How many lines there are.
    pub line_count: u32,
}

/// The prefix of all credit notes, or of one partner's.
pub(crate) fn prefix(partner: Option<&str>) -> Vec<u8> {
    partner.into_iter().fold(Key::table(CREDIT_NOTES), Key::text).build()
}

fn key(partner: &PartnerId, number: &InvoiceNumber) -> Vec<u8> {
    Key::default().bytes(&prefix(Some(partner.as_str()))).text(number.as_str()).build()
}

fn number_key(number: &CreditNoteNumber) -> Vec<u8> {
    Key::table(CREDIT_NOTE_NUMBERS).text(number.as_str()).build()
}

fn steps_prefix(partner: &PartnerId, number: &InvoiceNumber) -> Vec<u8> {
    Key::table(CREDIT_NOTE_STEPS).text(partner.as_str()).text(number.as_str()).build()
}

impl CreditNote {
    /// As it was then; none before it was asked for. Steps follow each other in the partner's stream, but a day may come before that of the
    /// step before: then the later step stands for both.
    pub(crate) fn at(self, rows: &(impl Rows + ?Sized), horizon: &Horizon) -> Result<Option<Self>, StoreError> {
        if horizon.is_now() {
            return Ok(Some(self));
        }
        let mut then = None;
        rows.scan(&steps_prefix(&self.partner_id, &self.invoice_number), &[], false, &mut |_, row| {
            let step: Step = decode(row)?;
            if horizon.knows(step.position) && horizon.reaches(step.on) {
                then = Some(step.note);
            }
            Ok(true)
        })?;
        Ok(then)
    }
}

pub(crate) fn put(rows: &mut dyn Changes, at: Stepped, row: &CreditNote) -> Result<(), StoreError> {
    let Stepped { position, index, on } = at;
    let step_key = Key::default().bytes(&steps_prefix(&row.partner_id, &row.invoice_number));
    let step = Step { position, on, note: row.clone() };
    subledger_fold::put(rows, step_key.number(position.seq).u32(index).build(), &step)?;
    if let Some(issued) = &row.issued {
        let of = (row.partner_id.clone(), row.invoice_number.clone());
        subledger_fold::put(rows, number_key(&issued.credit_note_number), &of)?;
    }
    subledger_fold::put(rows, key(&row.partner_id, &row.invoice_number), row)
}

/// The credit note of that number.
pub(crate) fn get(rows: &(impl Rows + ?Sized), number: &CreditNoteNumber) -> Result<Option<CreditNote>, StoreError> {
    let of: Option<(PartnerId, InvoiceNumber)> = subledger_fold::get(rows, &number_key(number))?;
    let Some((partner, invoice)) = of else { return Ok(None) };
    subledger_fold::get(rows, &key(&partner, &invoice))
}

/// Changes the credit note of an invoice.
pub(crate) fn change(
    rows: &mut dyn Changes,
    at: Stepped,
    (partner, number): (&PartnerId, &InvoiceNumber),
    change: impl FnOnce(&mut CreditNote),
) -> Result<(), StoreError> {
    let row = subledger_fold::get(rows, &key(partner, number))?;
    let missing =
        || StoreError(format!("an event speaks of a credit note for invoice {number}, which was not asked for"));
    let mut row: CreditNote = row.ok_or_else(missing)?;
    change(&mut row);
    put(rows, at, &row)
}
