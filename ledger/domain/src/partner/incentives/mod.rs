//! Incentives of a partner: enrollments, closed earnings, payments, disputes.
//!
//! Earnings themselves are lines of the incentive read model; a closed month keeps their sums and digest. What such a month was computed
//! with on this stream is counted by [`Incentives::revision`]: a command that was computed with another one is refused, and computed again.

mod dispute;
mod earnings;
mod enrollment;
mod payment;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Partner;
use crate::{
    Command, Context, Event, Reason, Rejection, calendar,
    catalog::Catalog,
    event::{EarningsClosed, IncentiveEnrollmentChanged, IncentivePaymentOrdered, IncentivePaymentStatusChanged},
    ids::{DisputeId, IncentiveProgramId, PartnerId, PaymentId},
    incentive::{BankProfile, EnrollmentStatus, PaymentAmounts, PaymentStatus, TaxProfile},
};

/// What names an enrollment: a program and a location's id in the partner network.
type EnrollmentKey = (IncentiveProgramId, String);

/// The incentives of one partner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incentives {
    revision: u64,
    bank: Option<BankProfile>,
    tax: Option<TaxProfile>,
    enrollments: BTreeMap<EnrollmentKey, Enrollment>,
    payments: BTreeMap<PaymentId, Payment>,
    disputes: BTreeMap<DisputeId, Dispute>,
}

/// A location in a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Enrollment {
    status: EnrollmentStatus,
    since: NaiveDate,
    /// Whether charges of now earn.
    earning: bool,
    /// First and last closed month.
    closed: Option<(NaiveDate, NaiveDate)>,
    /// The month to close next; none before it earned, and when no more follow.
    next_period: Option<NaiveDate>,
    /// Closed months that no payment has.
    open: BTreeMap<NaiveDate, OpenPeriod>,
    /// Days on which a payment is to be ordered.
    cycles: BTreeSet<NaiveDate>,
    /// What incorrect payments take off the next ones, in US dollars.
    recoup_usd: Decimal,
}

/// A closed month that is not paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct OpenPeriod {
    earned_usd: Decimal,
    order_on: NaiveDate,
    payment_on: NaiveDate,
    payment_threshold: Decimal,
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Payment {
    of: EnrollmentKey,
    status: PaymentStatus,
    since: NaiveDate,
    amounts: PaymentAmounts,
    /// Its months, as they were open; they are open again if it is refused in review.
    periods: BTreeMap<NaiveDate, OpenPeriod>,
}

/// A dispute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Dispute {
    of: EnrollmentKey,
    earning_id: String,
    currency: crate::money::Currency,
    decided: bool,
}

/// The month after that of a day.
pub(crate) fn next_month(day: NaiveDate) -> NaiveDate {
    calendar::anniversary(calendar::first_of_month(day), 1)
}

impl Incentives {
    /// How many facts were recorded that closed earnings and payments are computed with: enrollments, bank and tax data, credit notes,
    /// invoices billed again, decided disputes, co-op funds.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether an event is such a fact.
    pub fn counts(event: &Event) -> bool {
        matches!(
            event,
            Event::IncentiveEnrollmentChanged(_)
                | Event::PayoutProfileUpdated(_)
                | Event::CreditNoteIssued(_)
                | Event::InvoiceRebilled(_)
                | Event::EarningDisputeDecided(_)
                | Event::CoopFundsAccrued(_)
        )
    }

    /// Applies an event of the partner.
    pub(super) fn apply(&mut self, event: &Event) {
        if Self::counts(event) {
            self.revision += 1;
        }
        match event {
            Event::IncentiveEnrollmentChanged(e) => self.enrolled(e),
            Event::PayoutProfileUpdated(e) => {
                self.bank = e.bank.clone().or_else(|| self.bank.take());
                self.tax = e.tax.clone().or_else(|| self.tax.take());
            }
            Event::EarningsClosed(e) => self.earnings_closed(e),
            Event::IncentivePaymentOrdered(e) => self.ordered(e),
            Event::IncentivePaymentDeferred(e) => {
                if let Some(enrollment) = self.enrollments.get_mut(&(e.program_id.clone(), e.mpn_id.clone())) {
                    enrollment.cycles.remove(&e.ordered_on);
                }
            }
            Event::IncentivePaymentStatusChanged(e) => self.moved(e),
            Event::EarningDisputed(e) => {
                let of = (e.program_id.clone(), e.mpn_id.clone());
                let (earning_id, currency) = (e.earning_id.clone(), e.currency);
                self.disputes.insert(e.dispute_id.clone(), Dispute { of, earning_id, currency, decided: false });
            }
            Event::EarningDisputeDecided(e) => {
                if let Some(dispute) = self.disputes.get_mut(&e.dispute_id) {
                    dispute.decided = true;
                }
                let enrollment = self.enrollments.get_mut(&(e.program_id.clone(), e.mpn_id.clone()));
                if let Some(enrollment) = enrollment.filter(|_| e.correction.is_some()) {
                    // It is an adjustment of a month, so one must follow.
                    let after = enrollment.closed.map(|(_, last)| next_month(last));
                    enrollment.next_period = enrollment.next_period.or(after);
                }
            }
            _ => {}
        }
    }

    fn enrolled(&mut self, e: &IncentiveEnrollmentChanged) {
        let key = (e.program_id.clone(), e.mpn_id.clone());
        let enrollment = self.enrollments.entry(key).or_insert_with(|| Enrollment {
            status: e.to,
            since: e.on,
            earning: false,
            closed: None,
            next_period: None,
            open: BTreeMap::new(),
            cycles: BTreeSet::new(),
            recoup_usd: Decimal::ZERO,
        });
        (enrollment.status, enrollment.since) = (e.to, e.on);
        enrollment.earning = e.to == EnrollmentStatus::Enrolled || enrollment.earning && e.to.keeps_earning();
        if e.to == EnrollmentStatus::Enrolled {
            let month = calendar::first_of_month(e.on);
            let after = enrollment.closed.map_or(month, |(_, last)| next_month(last).max(month));
            enrollment.next_period = Some(enrollment.next_period.unwrap_or(after));
            if !enrollment.open.is_empty() {
                enrollment.cycles.insert(e.on);
            }
        }
    }

    fn earnings_closed(&mut self, e: &EarningsClosed) {
        let Some(enrollment) = self.enrollments.get_mut(&(e.program_id.clone(), e.mpn_id.clone())) else { return };
        enrollment.closed = Some((enrollment.closed.map_or(e.period, |(first, _)| first), e.period));
        enrollment.next_period = (!e.is_last).then(|| next_month(e.period));
        let earned_usd = e.payable_usd();
        if !earned_usd.is_zero() {
            let &EarningsClosed { order_on, payment_on, payment_threshold, .. } = e;
            enrollment.open.insert(e.period, OpenPeriod { earned_usd, order_on, payment_on, payment_threshold });
            enrollment.cycles.insert(order_on);
        }
    }

    fn ordered(&mut self, e: &IncentivePaymentOrdered) {
        let of = (e.program_id.clone(), e.mpn_id.clone());
        let Some(enrollment) = self.enrollments.get_mut(&of) else { return };
        let taken = e.periods.iter().filter_map(|period| enrollment.open.remove_entry(period)).collect();
        enrollment.cycles.remove(&e.ordered_on);
        enrollment.recoup_usd -= e.amounts.recouped_usd;
        let (status, since, amounts) = (PaymentStatus::Upcoming, e.ordered_on, e.amounts.clone());
        self.payments.insert(e.payment_id.clone(), Payment { of, status, since, amounts, periods: taken });
    }

    fn moved(&mut self, e: &IncentivePaymentStatusChanged) {
        let Some(payment) = self.payments.get_mut(&e.payment_id) else { return };
        (payment.status, payment.since) = (e.to, e.on);
        let Some(enrollment) = self.enrollments.get_mut(&payment.of) else { return };
        enrollment.recoup_usd += e.recoup_usd;
        if e.to == PaymentStatus::Unprocessed {
            enrollment.open.append(&mut payment.periods);
            enrollment.recoup_usd += payment.amounts.recouped_usd;
            enrollment.cycles.insert(e.on);
        }
    }

    fn enrollment(&self, program: &IncentiveProgramId, mpn_id: &str) -> Result<&Enrollment, Rejection> {
        self.enrollments.get(&(program.clone(), mpn_id.to_owned())).ok_or_else(|| {
            let message = format!("Location {mpn_id:?} was not invited to program {program}");
            Rejection::field(Reason::EnrollmentNotFound, "program_id", message)
                .with("program_id", program)
                .with("mpn_id", mpn_id)
        })
    }

    /// What a command was computed with is still so.
    fn check_revision(&self, revision: u64) -> Result<(), Rejection> {
        if revision == self.revision {
            return Ok(());
        }
        let message = format!("It was computed with revision {revision}, and the partner stands at {}", self.revision);
        Err(Rejection::field(Reason::EarningsOutdated, "revision", message).with("revision", self.revision))
    }
}

/// The partner an event of this page concerns.
pub(super) fn concerned(event: &Event) -> Option<&PartnerId> {
    match event {
        Event::IncentiveEnrollmentChanged(e) => Some(&e.partner_id),
        Event::PayoutProfileUpdated(e) => Some(&e.partner_id),
        Event::EarningsClosed(e) => Some(&e.partner_id),
        Event::IncentivePaymentOrdered(e) => Some(&e.partner_id),
        Event::IncentivePaymentDeferred(e) => Some(&e.partner_id),
        Event::IncentivePaymentStatusChanged(e) => Some(&e.partner_id),
        Event::EarningDisputed(e) => Some(&e.partner_id),
        Event::EarningDisputeDecided(e) => Some(&e.partner_id),
        Event::CoopFundsAccrued(e) => Some(&e.partner_id),
        Event::CreditNoteIssued(e) => Some(&e.partner_id),
        Event::InvoiceRebilled(e) => Some(&e.invoice.partner_id),
        _ => None,
    }
}

/// Decides a command about incentives; none if it is about something else.
pub(super) fn decide(
    partner: &Partner,
    catalog: &Catalog,
    command: &Command,
    context: &Context,
) -> Option<Result<Vec<Event>, Rejection>> {
    Some(match command {
        Command::InviteToIncentive(command) => enrollment::invite(partner, catalog, command, context),
        Command::AcceptIncentiveInvitation(command) => enrollment::accept(partner, command, context),
        Command::UpdatePayoutProfile(command) => enrollment::update_profile(partner, command, context),
        Command::SetIncentiveEnrollment(command) => enrollment::set(partner, command, context),
        Command::CloseEarnings(command) => earnings::close(partner, catalog, command, context),
        Command::OrderIncentivePayment(command) => payment::order(partner, command, context),
        Command::SetIncentivePaymentStatus(command) => payment::set_status(partner, command, context),
        Command::SubmitTaxInvoice(command) => payment::submit_tax_invoice(partner, command, context),
        Command::DisputeEarning(command) => dispute::open(partner, command, context),
        Command::DecideEarningDispute(command) => dispute::decide(partner, command, context),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
