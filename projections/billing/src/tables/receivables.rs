//! What is due on each invoice, what changed it, and which invoices are open.
//!
//! Due: key is invoice number text; row is [`Receivable`].
//! Movements: key is invoice number text, day, `seq` (8 bytes), index of the event in the commit (4 bytes); row is [`Movement`]. All
//! of an invoice are in its partner's partition.
//! Open: key is partner text, due date, invoice number text, for each invoice with something due; row is empty.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use subledger_domain::{
    event::InvoiceIssued,
    ids::{CreditNoteNumber, InvoiceNumber, PartnerId},
    money::Currency,
    party::Address,
    position::Position,
};
use subledger_fold::{Changes, Key, KeyReader, Rows, StoreError, as_of::Horizon, decode};

use super::{
    invoices::{self, Issued},
    prefix::{MOVEMENTS, OPEN, RECEIVABLES},
};
use crate::ledger::add;

/// What is owed for one invoice. Amounts are kept in one form ([`crate::ledger::add`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Receivable {
    pub(crate) partner_id: PartnerId,
    pub(crate) currency: Currency,
    pub(crate) due_date: NaiveDate,
    pub(crate) total: Decimal,
    /// Paid by payments.
    pub(crate) allocated: Decimal,
    /// Written off for withholding.
    pub(crate) withheld: Decimal,
    /// Paid by negative invoices, or taken back by a credit note; of a negative invoice, what was used of it, negative too.
    pub(crate) credited: Decimal,
    /// The day of the latest movement.
    pub(crate) moved_on: Option<NaiveDate>,
    pub(crate) cancelled_by: Option<CreditNoteNumber>,
    pub(crate) rebilled_as: Option<InvoiceNumber>,
    pub(crate) rebill: Option<Rebill>,
}

/// What an invoice says that bills a cancelled one again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rebill {
    pub(crate) rebills: InvoiceNumber,
    pub(crate) refund: Decimal,
    pub(crate) purchase_order: Option<String>,
    pub(crate) bill_to: Option<Address>,
}

/// Which part of a receivable a movement changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Part {
    Allocated,
    Withheld,
    Credited,
    /// All that is left is credited, and what was withheld with it.
    Cancelled,
}

/// A change of what is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Movement {
    pub(crate) part: Part,
    /// What is due less by it.
    pub(crate) amount: Decimal,
}

/// Where a movement stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) on: NaiveDate,
    pub(crate) seq: u64,
    pub(crate) index: u32,
}

impl Receivable {
    pub(crate) fn new(event: &InvoiceIssued, rebill: Option<Rebill>) -> Self {
        Self {
            partner_id: event.partner_id.clone(),
            currency: event.currency,
            due_date: event.due_date,
            total: event.total.normalize(),
            allocated: Decimal::ZERO,
            withheld: Decimal::ZERO,
            credited: Decimal::ZERO,
            moved_on: None,
            cancelled_by: None,
            rebilled_as: None,
            rebill,
        }
    }

    /// What is to be paid; below zero what a negative invoice has left.
    pub(crate) fn due(&self) -> Decimal {
        (self.total - self.allocated - self.withheld - self.credited).normalize()
    }

    fn settle(&mut self, movement: Movement) -> Result<(), StoreError> {
        let part = match movement.part {
            Part::Allocated => &mut self.allocated,
            Part::Withheld => &mut self.withheld,
            Part::Credited => &mut self.credited,
            Part::Cancelled => {
                (self.withheld, self.credited) = (Decimal::ZERO, self.total);
                return Ok(());
            }
        };
        *part = add(*part, movement.amount)?;
        Ok(())
    }
}

fn key(number: &InvoiceNumber) -> Vec<u8> {
    Key::table(RECEIVABLES).text(number.as_str()).build()
}

pub(crate) fn get(rows: &(impl Rows + ?Sized), number: &InvoiceNumber) -> Result<Option<Receivable>, StoreError> {
    subledger_fold::get(rows, &key(number))
}

/// The same of an invoice that events speak of.
pub(crate) fn known(rows: &(impl Rows + ?Sized), number: &InvoiceNumber) -> Result<Receivable, StoreError> {
    get(rows, number)?.ok_or_else(|| StoreError(format!("an event speaks of invoice {number}, which was not issued")))
}

/// Sets a row, and whether the invoice is open.
pub(crate) fn put(rows: &mut dyn Changes, number: &InvoiceNumber, row: &Receivable) -> Result<(), StoreError> {
    let open = Key::table(OPEN).text(row.partner_id.as_str()).date(row.due_date).text(number.as_str()).build();
    if row.due() > Decimal::ZERO {
        rows.put(open, Vec::new());
    } else {
        rows.delete(open);
    }
    subledger_fold::put(rows, key(number), row)
}

/// Changes a part of what is due.
pub(crate) fn change(
    rows: &mut dyn Changes,
    number: &InvoiceNumber,
    place: Place,
    movement: Movement,
) -> Result<(), StoreError> {
    let mut row = known(rows, number)?;
    row.settle(movement)?;
    row.moved_on = row.moved_on.max(Some(place.on));
    put(rows, number, &row)?;
    record(rows, number, place, movement)
}

fn record(rows: &mut dyn Changes, number: &InvoiceNumber, place: Place, movement: Movement) -> Result<(), StoreError> {
    let key = Key::table(MOVEMENTS).text(number.as_str()).date(place.on).number(place.seq).u32(place.index);
    let movement = Movement { amount: movement.amount.normalize(), ..movement };
    subledger_fold::put(rows, key.build(), &movement)
}

/// A credit note takes back what is left of an invoice; what had been written off is free again.
pub(crate) fn cancel(
    rows: &mut dyn Changes,
    number: &InvoiceNumber,
    place: Place,
    by: &CreditNoteNumber,
) -> Result<(), StoreError> {
    let mut row = known(rows, number)?;
    let movement = Movement { part: Part::Cancelled, amount: row.due() };
    row.settle(movement)?;
    row.cancelled_by = Some(by.clone());
    row.moved_on = row.moved_on.max(Some(place.on));
    put(rows, number, &row)?;
    record(rows, number, place, movement)
}

/// The row as it was then.
pub(crate) fn as_of(rows: &dyn Rows, issued: &Issued, horizon: &Horizon) -> Result<Receivable, StoreError> {
    let number = &issued.event.invoice_number;
    let now = known(rows, number)?;
    if horizon.is_now() {
        return Ok(now);
    }
    let mut then = Receivable::new(&issued.event, now.rebill);
    rows.scan(&Key::table(MOVEMENTS).text(number.as_str()).build(), &[], false, &mut |key, value| {
        let mut reader = KeyReader::table(MOVEMENTS, key)?;
        reader.text()?;
        let (on, seq) = (reader.date()?, reader.number()?);
        if !horizon.reaches(on) {
            return Ok(false);
        }
        if horizon.knows(Position { seq, ..issued.position }) {
            let movement: Movement = decode(value)?;
            then.settle(movement)?;
            if movement.part == Part::Cancelled {
                then.cancelled_by.clone_from(&now.cancelled_by);
            }
        }
        Ok(true)
    })?;
    if let Some(next) = now.rebilled_as
        && invoices::is_seen(rows, &next, horizon)?
    {
        then.rebilled_as = Some(next);
    }
    Ok(then)
}

/// The commits of one of the two moments and not of the other that moved what is due.
pub(crate) fn moved_between(
    rows: &dyn Rows,
    issued: &Issued,
    from: &Horizon,
    to: &Horizon,
) -> Result<Vec<Position>, StoreError> {
    let mut found = Vec::new();
    rows.scan(&Key::table(MOVEMENTS).text(issued.event.invoice_number.as_str()).build(), &[], false, &mut |key, _| {
        let mut reader = KeyReader::table(MOVEMENTS, key)?;
        reader.text()?;
        let (on, seq) = (reader.date()?, reader.number()?);
        let position = Position { seq, ..issued.position };
        let in_view = |horizon: &Horizon| horizon.reaches(on) && horizon.knows(position);
        if in_view(from) != in_view(to) {
            found.push(position);
        }
        Ok(true)
    })?;
    if let Some(next) = known(rows, &issued.event.invoice_number)?.rebilled_as
        && let Some(next) = invoices::get(rows, &next)?
        && next.is_seen(from) != next.is_seen(to)
    {
        found.push(next.position);
    }
    Ok(found)
}

/// The earliest due date of a partner's open invoices.
pub(crate) fn first_due(rows: &(impl Rows + ?Sized), partner: &PartnerId) -> Result<Option<NaiveDate>, StoreError> {
    let mut found = None;
    rows.scan(&Key::table(OPEN).text(partner.as_str()).build(), &[], false, &mut |key, _| {
        let mut reader = KeyReader::table(OPEN, key)?;
        reader.text()?;
        found = Some(reader.date()?);
        Ok(false)
    })?;
    Ok(found)
}
