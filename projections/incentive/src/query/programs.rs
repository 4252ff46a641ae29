//! Programs, enrollments, closed months, payments and disputes.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use subledger_domain::{
    event::{EarningDisputed, EarningsClosed, IncentivePaymentOrdered},
    ids::{IncentiveProgramId, PartnerId, PaymentId},
    incentive::{EnrollmentStatus, IncentiveProgram, PaymentStatus},
    position::Position,
};
use subledger_fold::{
    Rows, StoreError,
    as_of::Horizon,
    decode,
    page::{Page, PageRequest, QueryError, list},
};

use super::earnings::verify_earnings;
use crate::{
    month::Month,
    tables::{
        enrollments::{self, Answer, Closed, Dispute, Enrollment, EnrollmentKey, Payment, Told},
        parties, reference,
    },
};

/// Every program, by id.
pub fn list_programs(rows: &dyn Rows, page: PageRequest<'_>) -> Result<Page<IncentiveProgram>, QueryError> {
    list(rows, &reference::programs_prefix(), page, |_, row| Ok(Some(decode(row)?)))
}

/// A move of an enrollment or a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryStep {
    /// What it became, as it is printed.
    pub status: String,
    /// The day.
    pub on: NaiveDate,
    /// Why; may be empty.
    pub reason: String,
    /// The commit.
    pub position: Position,
}

/// Where an enrollment stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrollmentView {
    /// The partner.
    pub partner_id: PartnerId,
    /// The program.
    pub program_id: IncentiveProgramId,
    /// Its name.
    pub program_name: String,
    /// The location.
    pub mpn_id: String,
    /// Its status.
    pub status: EnrollmentStatus,
    /// Requirements that are not met.
    pub unmet: BTreeSet<String>,
    /// By when its data is checked.
    pub validate_until: Option<DateTime<Utc>>,
    /// What the partner has to do; empty for nothing.
    pub actions_required: Vec<&'static str>,
    /// The first day on which it earned.
    pub enrolled_on: Option<NaiveDate>,
    /// The last closed month.
    pub closed_through: Option<NaiveDate>,
    /// Its moves.
    pub history: Vec<HistoryStep>,
}

/// Which rows; a none matches all.
#[derive(Clone, Debug, Default)]
pub struct ProgramFilter {
    /// Of this partner.
    pub partner_id: Option<PartnerId>,
    /// Of this program.
    pub program_id: Option<IncentiveProgramId>,
    /// Of this location.
    pub mpn_id: Option<String>,
    /// Payments ordered in this month and later, and in this month and before.
    pub ordered: (Option<Month>, Option<Month>),
    /// As they were then.
    pub horizon: Horizon,
}

impl ProgramFilter {
    fn takes(&self, partner: &PartnerId, program: &IncentiveProgramId, mpn_id: &str) -> bool {
        self.partner_id.as_ref().is_none_or(|id| id == partner)
            && self.program_id.as_ref().is_none_or(|id| id == program)
            && self.mpn_id.as_ref().is_none_or(|id| id == mpn_id)
    }
}

/// Enrollments by partner, program and location.
pub fn list_enrollments(
    rows: &dyn Rows,
    filter: &ProgramFilter,
    page: PageRequest<'_>,
) -> Result<Page<EnrollmentView>, QueryError> {
    let prefix = enrollments::prefix(filter.partner_id.as_ref(), filter.program_id.as_ref());
    list(rows, &prefix, page, |key, row| {
        let of = EnrollmentKey::of(key)?;
        if !filter.takes(&of.partner_id, &of.program_id, &of.mpn_id) {
            return Ok(None);
        }
        enrollment_view(rows, of, decode(row)?, &filter.horizon)
    })
}

pub(super) fn enrollment_view(
    rows: &dyn Rows,
    of: EnrollmentKey,
    row: Enrollment,
    horizon: &Horizon,
) -> Result<Option<EnrollmentView>, StoreError> {
    let closed = if horizon.is_now() {
        row.closed.map(|(_, last)| last)
    } else {
        enrollments::closed_through(rows, &of, horizon)?
    };
    let Some(row) = row.at(horizon) else { return Ok(None) };
    let partner = parties::partner(rows, &of.partner_id)?;
    let has = |since: fn(&parties::Partner) -> Option<Told>| {
        partner.as_ref().and_then(since).is_some_and(|told| told.is_seen(horizon))
    };
    let mut actions_required = Vec::new();
    match row.status {
        EnrollmentStatus::Invited => actions_required.push("accept the invitation"),
        EnrollmentStatus::ActionRequired => {
            if !has(|partner| partner.bank_since) {
                actions_required.push("give bank data");
            }
            if !has(|partner| partner.tax_since) {
                actions_required.push("give tax data");
            }
            if actions_required.is_empty() {
                actions_required.push("correct bank or tax data");
            }
        }
        EnrollmentStatus::Ineligible => actions_required.push("meet the requirements"),
        _ => {}
    }
    let step = |moved: &enrollments::Moved| HistoryStep {
        status: moved.to.label().to_owned(),
        on: moved.on,
        reason: moved.reason.clone(),
        position: moved.told.position,
    };
    Ok(Some(EnrollmentView {
        program_name: program_name(rows, &of.program_id)?,
        enrolled_on: row.spans.first().map(|(from, _)| *from),
        closed_through: closed,
        history: row.history.iter().map(step).collect(),
        status: row.status,
        unmet: row.unmet,
        validate_until: row.validate_until,
        actions_required,
        partner_id: of.partner_id,
        program_id: of.program_id,
        mpn_id: of.mpn_id,
    }))
}

pub(super) fn program_name(rows: &dyn Rows, id: &IncentiveProgramId) -> Result<String, StoreError> {
    Ok(reference::program(rows, id)?.map(|program| program.name).unwrap_or_default())
}

/// A closed month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarningPeriod {
    /// What was closed.
    pub event: EarningsClosed,
    /// The program's name.
    pub program_name: String,
    /// The payment it is in.
    pub payment_id: Option<PaymentId>,
    /// Where it stands.
    pub status: PaymentStatus,
    /// The commit that closed it.
    pub position: Position,
    /// Whether its earnings, computed again, are those that were closed; only if that was asked for.
    pub is_verified: Option<bool>,
}

/// Closed months by partner, program, location and month. `verify` computes each one again.
pub fn list_earning_periods(
    rows: &dyn Rows,
    filter: &ProgramFilter,
    months: (Option<Month>, Option<Month>),
    verify: bool,
    page: PageRequest<'_>,
) -> Result<Page<EarningPeriod>, QueryError> {
    let prefix = enrollments::closed_prefix(filter.partner_id.as_ref(), filter.program_id.as_ref());
    list(rows, &prefix, page, |_, row| {
        let Some(closed) = decode::<Closed>(row)?.at(&filter.horizon) else { return Ok(None) };
        let (e, month) = (&closed.event, Month::of(closed.event.period));
        let (from, to) = months;
        let matches = filter.takes(&e.partner_id, &e.program_id, &e.mpn_id)
            && from.is_none_or(|from| from <= month)
            && to.is_none_or(|to| month <= to);
        if !matches {
            return Ok(None);
        }
        let is_verified = if verify { Some(verify_earnings(rows, &closed)?) } else { None };
        let view = period_view(rows, closed, &filter.horizon)?;
        Ok(view.map(|view| EarningPeriod { is_verified, ..view }))
    })
}

/// A closed month as it was then; none if it was not closed.
pub(super) fn period_view(
    rows: &dyn Rows,
    closed: Closed,
    horizon: &Horizon,
) -> Result<Option<EarningPeriod>, StoreError> {
    let Some(closed) = closed.at(horizon) else { return Ok(None) };
    let status = closed_status(rows, &closed, horizon)?;
    let program_name = program_name(rows, &closed.event.program_id)?;
    let (payment_id, position) = (closed.payment_id().cloned(), closed.told.position);
    Ok(Some(EarningPeriod { event: closed.event, program_name, payment_id, status, position, is_verified: None }))
}

/// Where a closed month stands, as it was and as it is seen then.
pub(super) fn closed_status(rows: &dyn Rows, closed: &Closed, horizon: &Horizon) -> Result<PaymentStatus, StoreError> {
    let Some(id) = closed.payment_id() else { return Ok(PaymentStatus::Unprocessed) };
    let payment = enrollments::payment(rows, &closed.event.partner_id, id)?.and_then(|it| it.at(horizon));
    Ok(payment.map_or(PaymentStatus::Unprocessed, |payment| payment.status))
}

/// A payment, with what lists and the export print of it (billing-details.md 3.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncentivePayment {
    /// The order.
    pub event: IncentivePaymentOrdered,
    /// The partner's name.
    pub partner_name: String,
    /// The program's name.
    pub program_name: String,
    /// Where it stands.
    pub status: PaymentStatus,
    /// The day it was sent to the bank.
    pub sent_on: Option<NaiveDate>,
    /// The number of the tax invoice.
    pub tax_invoice: Option<String>,
    /// Its moves.
    pub history: Vec<HistoryStep>,
}

/// Payments by partner and number.
pub fn list_incentive_payments(
    rows: &dyn Rows,
    filter: &ProgramFilter,
    payment_id: Option<&PaymentId>,
    status: Option<PaymentStatus>,
    page: PageRequest<'_>,
) -> Result<Page<IncentivePayment>, QueryError> {
    list(rows, &enrollments::payments_prefix(filter.partner_id.as_ref()), page, |_, row| {
        let Some(payment) = decode::<Payment>(row)?.at(&filter.horizon) else { return Ok(None) };
        let e = &payment.event;
        let (month, (from, to)) = (Month::of(e.ordered_on), filter.ordered);
        let matches = filter.takes(&e.partner_id, &e.program_id, &e.mpn_id)
            && from.is_none_or(|from| from <= month)
            && to.is_none_or(|to| month <= to)
            && payment_id.is_none_or(|id| *id == e.payment_id)
            && status.is_none_or(|status| status == payment.status);
        if !matches {
            return Ok(None);
        }
        payment_view(rows, payment).map(Some)
    })
}

pub(super) fn payment_view(rows: &dyn Rows, payment: Payment) -> Result<IncentivePayment, StoreError> {
    let step = |step: &enrollments::Step| HistoryStep {
        status: step.to.label().to_owned(),
        on: step.on,
        reason: step.reason.clone(),
        position: step.told.position,
    };
    let partner = parties::partner(rows, &payment.event.partner_id)?;
    Ok(IncentivePayment {
        partner_name: partner.map(|partner| partner.name).unwrap_or_default(),
        program_name: program_name(rows, &payment.event.program_id)?,
        status: payment.status,
        sent_on: payment.sent_on,
        tax_invoice: payment.tax_invoices.into_iter().next_back().map(|(number, _)| number),
        history: payment.history.iter().map(step).collect(),
        event: payment.event,
    })
}

/// A dispute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarningDispute {
    /// What is disputed.
    pub event: EarningDisputed,
    /// `open`, `granted` or `refused`.
    pub state: &'static str,
    /// What was corrected.
    pub correction: Option<Decimal>,
    /// The provider's note; empty while it is open.
    pub note: String,
    /// The day of the answer.
    pub decided_on: Option<NaiveDate>,
}

/// Disputes by partner and id.
pub fn list_earning_disputes(
    rows: &dyn Rows,
    filter: &ProgramFilter,
    page: PageRequest<'_>,
) -> Result<Page<EarningDispute>, QueryError> {
    list(rows, &enrollments::disputes_prefix(filter.partner_id.as_ref()), page, |_, row| {
        let Some(dispute) = decode::<Dispute>(row)?.at(&filter.horizon) else { return Ok(None) };
        let e = &dispute.event;
        let matches = filter.takes(&e.partner_id, &e.program_id, &e.mpn_id);
        Ok(matches.then(|| dispute_view(dispute)))
    })
}

pub(super) fn dispute_view(Dispute { event, answer, .. }: Dispute) -> EarningDispute {
    let (state, correction, note, decided_on) = match answer {
        None => ("open", None, String::new(), None),
        Some(Answer { correction, note, decided_on, .. }) => {
            let state = if correction.is_some() { "granted" } else { "refused" };
            (state, correction, note, Some(decided_on))
        }
    };
    EarningDispute { event, state, correction, note, decided_on }
}
