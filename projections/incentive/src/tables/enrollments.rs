//! Enrollments, closed months, payments and disputes: as the partner's stream has them.
//!
//! Keys: partner text, program text, location text, and of a closed month its first day; partner text and payment text; partner text and
//! dispute text.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use subledger_domain::{
    event::{EarningDisputed, EarningsClosed, IncentivePaymentOrdered},
    ids::{DisputeId, IncentiveProgramId, PartnerId, PaymentId},
    incentive::{EnrollmentStatus, PaymentStatus},
    position::Position,
};
use subledger_fold::{Changes, Key, KeyReader, Rows, StoreError, as_of::Horizon};

use super::prefix::{CLOSED, DISPUTES, ENROLLMENTS, INCENTIVE_PAYMENTS};

/// What names an enrollment.
#[allow(clippy::struct_field_names, reason = "ids, each of another kind")]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EnrollmentKey {
    pub(crate) partner_id: PartnerId,
    pub(crate) program_id: IncentiveProgramId,
    pub(crate) mpn_id: String,
}

/// The commit that said something, and the business day on which that took effect, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) on: NaiveDate,
    pub(crate) position: Position,
}

impl Told {
    /// Whether it was known and in effect by then.
    pub(crate) fn is_seen(&self, horizon: &Horizon) -> bool {
        horizon.knows(self.position) && horizon.reaches(self.on)
    }
}

/// A move of an enrollment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Moved {
    pub(crate) from: Option<EnrollmentStatus>,
    pub(crate) to: EnrollmentStatus,
    pub(crate) on: NaiveDate,
    pub(crate) reason: String,
    pub(crate) unmet: BTreeSet<String>,
    pub(crate) validate_until: Option<DateTime<Utc>>,
    pub(crate) told: Told,
}

/// An enrollment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Enrollment {
    pub(crate) status: EnrollmentStatus,
    pub(crate) unmet: BTreeSet<String>,
    pub(crate) validate_until: Option<DateTime<Utc>>,
    /// Days in which charges earn: the first, and the day after the last.
    pub(crate) spans: Vec<(NaiveDate, Option<NaiveDate>)>,
    /// First and last closed month.
    pub(crate) closed: Option<(NaiveDate, NaiveDate)>,
    /// The month to close next.
    pub(crate) next_period: Option<NaiveDate>,
    /// The partner's revision that the last closed month was computed with.
    pub(crate) closed_revision: u64,
    /// Closed months with earnings that no payment has.
    pub(crate) open: BTreeSet<NaiveDate>,
    /// Its moves, the first one first.
    pub(crate) history: Vec<Moved>,
}

impl Enrollment {
    /// One that nobody has heard of yet.
    pub(crate) fn new(status: EnrollmentStatus) -> Self {
        Self {
            status,
            unmet: BTreeSet::new(),
            validate_until: None,
            spans: Vec::new(),
            closed: None,
            next_period: None,
            closed_revision: 0,
            open: BTreeSet::new(),
            history: Vec::new(),
        }
    }

    /// Makes a move.
    pub(crate) fn moved(&mut self, moved: Moved) {
        let (to, on) = (moved.to, moved.on);
        (self.status, self.validate_until) = (to, moved.validate_until);
        self.unmet.clone_from(&moved.unmet);
        let was_earning = self.spans.last().is_some_and(|(_, end)| end.is_none());
        let earning = to == EnrollmentStatus::Enrolled || was_earning && to.keeps_earning();
        match (was_earning, earning) {
            (false, true) => self.spans.push((on, None)),
            (true, false) => self.spans.iter_mut().rev().take(1).for_each(|(_, end)| *end = Some(on)),
            _ => {}
        }
        self.history.push(moved);
    }

    /// As it was then, but for its months; none if it was not there.
    pub(crate) fn at(self, horizon: &Horizon) -> Option<Self> {
        if horizon.is_now() {
            return Some(self);
        }
        let mut seen = self.history.into_iter().filter(|moved| moved.told.is_seen(horizon)).peekable();
        let mut then = Self::new(seen.peek()?.to);
        seen.for_each(|moved| then.moved(moved));
        Some(then)
    }

    /// Whether charges of a day earn.
    pub(crate) fn earns(&self, on: NaiveDate) -> bool {
        self.spans.iter().any(|(from, end)| *from <= on && end.is_none_or(|end| on < end))
    }

    /// The day after the last one on which it earned; none while it does.
    pub(crate) fn ended(&self) -> Option<NaiveDate> {
        self.spans.last().and_then(|(_, end)| *end)
    }
}

/// A closed month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Closed {
    pub(crate) event: EarningsClosed,
    /// The revision of the month before it.
    pub(crate) after_revision: u64,
    /// Payments that had it, one after the other; none while it waits for the next.
    pub(crate) payments: Vec<(Option<PaymentId>, Told)>,
    pub(crate) told: Told,
}

impl Closed {
    /// The payment that has it.
    pub(crate) fn payment_id(&self) -> Option<&PaymentId> {
        self.payments.last().and_then(|(payment, _)| payment.as_ref())
    }

    /// As it was then; none if it was not closed.
    pub(crate) fn at(mut self, horizon: &Horizon) -> Option<Self> {
        self.payments.retain(|(_, told)| told.is_seen(horizon));
        self.told.is_seen(horizon).then_some(self)
    }
}

/// A move of a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) to: PaymentStatus,
    pub(crate) on: NaiveDate,
    pub(crate) reason: String,
    pub(crate) told: Told,
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Payment {
    pub(crate) event: IncentivePaymentOrdered,
    pub(crate) status: PaymentStatus,
    /// The day it was sent to the bank.
    pub(crate) sent_on: Option<NaiveDate>,
    /// Numbers of its tax invoices; the last one counts.
    pub(crate) tax_invoices: Vec<(String, Told)>,
    /// Its moves, the order first.
    pub(crate) history: Vec<Step>,
}

impl Payment {
    /// One that is ordered.
    pub(crate) fn new(event: IncentivePaymentOrdered, told: Told) -> Self {
        let (to, on, reason) = (PaymentStatus::Upcoming, event.ordered_on, String::new());
        let history = vec![Step { to, on, reason, told }];
        Self { event, status: to, sent_on: None, tax_invoices: Vec::new(), history }
    }

    /// Makes a move.
    pub(crate) fn moved(&mut self, step: Step) {
        self.status = step.to;
        if step.to == PaymentStatus::Sent {
            self.sent_on = Some(step.on);
        }
        self.history.push(step);
    }

    /// As it was then; none if it was not ordered.
    pub(crate) fn at(self, horizon: &Horizon) -> Option<Self> {
        if horizon.is_now() {
            return Some(self);
        }
        let mut seen = self.history.into_iter().filter(|step| step.told.is_seen(horizon));
        let mut then = Self::new(self.event, seen.next()?.told);
        then.tax_invoices = self.tax_invoices;
        then.tax_invoices.retain(|(_, told)| told.is_seen(horizon));
        seen.for_each(|step| then.moved(step));
        Some(then)
    }
}

/// A dispute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Dispute {
    pub(crate) event: EarningDisputed,
    pub(crate) told: Told,
    pub(crate) answer: Option<Answer>,
}

/// The answer to a dispute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// None of a refusal.
    pub(crate) correction: Option<rust_decimal::Decimal>,
    pub(crate) note: String,
    pub(crate) decided_on: NaiveDate,
    pub(crate) told: Told,
}

impl Dispute {
    /// As it was then; none if it was not raised.
    pub(crate) fn at(mut self, horizon: &Horizon) -> Option<Self> {
        self.answer = self.answer.filter(|answer| answer.told.is_seen(horizon));
        self.told.is_seen(horizon).then_some(self)
    }
}

impl EnrollmentKey {
    pub(crate) fn new(partner_id: &PartnerId, program_id: &IncentiveProgramId, mpn_id: &str) -> Self {
        Self { partner_id: partner_id.clone(), program_id: program_id.clone(), mpn_id: mpn_id.to_owned() }
    }

    /// Adds its parts to a key.
    pub(crate) fn write(&self, key: Key) -> Key {
        key.text(self.partner_id.as_str()).text(self.program_id.as_str()).text(&self.mpn_id)
    }

    /// Reads its parts of a key.
    pub(crate) fn read(reader: &mut KeyReader<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            partner_id: reader.parse(PartnerId::new)?,
            program_id: reader.parse(IncentiveProgramId::new)?,
            mpn_id: reader.text()?.to_owned(),
        })
    }

    fn key(&self) -> Vec<u8> {
        self.write(Key::table(ENROLLMENTS)).build()
    }

    /// Reads the key of an enrollment.
    pub(crate) fn of(key: &[u8]) -> Result<Self, StoreError> {
        let mut reader = KeyReader::table(ENROLLMENTS, key)?;
        let this = Self::read(&mut reader)?;
        reader.end()?;
        Ok(this)
    }

    pub(crate) fn get(&self, rows: &(impl Rows + ?Sized)) -> Result<Option<Enrollment>, StoreError> {
        subledger_fold::get(rows, &self.key())
    }

    /// One that must be there.
    pub(crate) fn known(&self, rows: &(impl Rows + ?Sized)) -> Result<Enrollment, StoreError> {
        let missing =
            || StoreError(format!("{} of {} has no enrollment in {}", self.mpn_id, self.partner_id, self.program_id));
        self.get(rows)?.ok_or_else(missing)
    }

    pub(crate) fn put(&self, rows: &mut dyn Changes, row: &Enrollment) -> Result<(), StoreError> {
        subledger_fold::put(rows, self.key(), row)
    }

    fn closed_key(&self, period: NaiveDate) -> Vec<u8> {
        self.write(Key::table(CLOSED)).date(period).build()
    }

    pub(crate) fn closed(&self, rows: &(impl Rows + ?Sized), period: NaiveDate) -> Result<Option<Closed>, StoreError> {
        subledger_fold::get(rows, &self.closed_key(period))
    }

    pub(crate) fn put_closed(&self, rows: &mut dyn Changes, row: &Closed) -> Result<(), StoreError> {
        subledger_fold::put(rows, self.closed_key(row.event.period), row)
    }
}

impl From<&EarningsClosed> for EnrollmentKey {
    fn from(e: &EarningsClosed) -> Self {
        Self::new(&e.partner_id, &e.program_id, &e.mpn_id)
    }
}

fn begin(table: u8, partner: Option<&PartnerId>, program: Option<&IncentiveProgramId>) -> Vec<u8> {
    let key = partner.into_iter().fold(Key::table(table), |key, id| key.text(id.as_str()));
    program.filter(|_| partner.is_some()).into_iter().fold(key, |key, id| key.text(id.as_str())).build()
}

/// The prefix of all enrollments, of one partner's, of its program's.
pub(crate) fn prefix(partner: Option<&PartnerId>, program: Option<&IncentiveProgramId>) -> Vec<u8> {
    begin(ENROLLMENTS, partner, program)
}

/// The prefix of all closed months, of one partner's, of its program's.
pub(crate) fn closed_prefix(partner: Option<&PartnerId>, program: Option<&IncentiveProgramId>) -> Vec<u8> {
    begin(CLOSED, partner, program)
}

/// The last month of an enrollment that was closed then.
pub(crate) fn closed_through(
    rows: &dyn Rows,
    of: &EnrollmentKey,
    horizon: &Horizon,
) -> Result<Option<NaiveDate>, StoreError> {
    let mut found = None;
    rows.scan(&of.write(Key::table(CLOSED)).build(), &[], true, &mut |_, row| {
        let closed: Closed = subledger_fold::decode(row)?;
        found = closed.at(horizon).map(|closed| closed.event.period);
        Ok(found.is_none())
    })?;
    Ok(found)
}

/// The prefix of all payments, or of one partner's.
pub(crate) fn payments_prefix(partner: Option<&PartnerId>) -> Vec<u8> {
    begin(INCENTIVE_PAYMENTS, partner, None)
}

/// The prefix of all disputes, or of one partner's.
pub(crate) fn disputes_prefix(partner: Option<&PartnerId>) -> Vec<u8> {
    begin(DISPUTES, partner, None)
}

fn payment_key(partner: &PartnerId, id: &PaymentId) -> Vec<u8> {
    Key::table(INCENTIVE_PAYMENTS).text(partner.as_str()).text(id.as_str()).build()
}

pub(crate) fn payment(
    rows: &(impl Rows + ?Sized),
    partner: &PartnerId,
    id: &PaymentId,
) -> Result<Option<Payment>, StoreError> {
    subledger_fold::get(rows, &payment_key(partner, id))
}

pub(crate) fn put_payment(rows: &mut dyn Changes, row: &Payment) -> Result<(), StoreError> {
    subledger_fold::put(rows, payment_key(&row.event.partner_id, &row.event.payment_id), row)
}

/// Changes a payment that is known.
pub(crate) fn change_payment(
    rows: &mut dyn Changes,
    partner: &PartnerId,
    id: &PaymentId,
    change: impl FnOnce(&mut Payment),
) -> Result<Payment, StoreError> {
    let mut row = payment(rows, partner, id)?.ok_or_else(|| StoreError(format!("{partner} has no payment {id}")))?;
    change(&mut row);
    put_payment(rows, &row)?;
    Ok(row)
}

fn dispute_key(partner: &PartnerId, id: &DisputeId) -> Vec<u8> {
    Key::table(DISPUTES).text(partner.as_str()).text(id.as_str()).build()
}

pub(crate) fn dispute(
    rows: &(impl Rows + ?Sized),
    partner: &PartnerId,
    id: &DisputeId,
) -> Result<Option<Dispute>, StoreError> {
    subledger_fold::get(rows, &dispute_key(partner, id))
}

pub(crate) fn put_dispute(rows: &mut dyn Changes, row: &Dispute) -> Result<(), StoreError> {
    subledger_fold::put(rows, dispute_key(&row.event.partner_id, &row.event.dispute_id), row)
}
