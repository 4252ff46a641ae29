//! Enrollment by location (L9420-9429; billing-details.md 2.2), and the bank and tax data it waits for.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::{Enrollment, Incentives};
use crate::{
    Context, Event, Reason, Rejection, calendar,
    catalog::Catalog,
    check,
    command::{AcceptIncentiveInvitation, InviteToIncentive, SetIncentiveEnrollment, UpdatePayoutProfile},
    event::{IncentiveEnrollmentChanged, PayoutProfileUpdated},
    ids::IncentiveProgramId,
    incentive::{BankProfile, EnrollmentStatus, Mover, TaxProfile, VALIDATION_HOURS, may_move},
    partner::Partner,
    reference::market,
};

/// Enrollments of one partner.
const ENROLLMENTS_MAX: usize = 1_000;
/// Requirements that one answer names.
const UNMET_MAX: usize = 20;

pub(super) fn invite(
    partner: &Partner,
    catalog: &Catalog,
    command: &InviteToIncentive,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let InviteToIncentive { program_id, mpn_id, .. } = command;
    let Some(program) = catalog.incentives().program(program_id) else {
        let message = format!("No incentive program {program_id} is published");
        return Err(Rejection::field(Reason::IncentiveProgramNotFound, "program_id", message));
    };
    check_location(partner, mpn_id)?;
    if program.discontinued_on.is_some_and(|gone| gone <= context.effective_on()) {
        let message = format!("{} is discontinued", program.name);
        return Err(Rejection::field(Reason::IncentiveNotOffered, "program_id", message));
    }
    if !program.admits(partner.kind, &partner.country) {
        let message = format!("{} is not for {:?} partners in {}", program.name, partner.kind, partner.country);
        return Err(Rejection::field(Reason::IncentiveNotOffered, "program_id", message)
            .with("partner_kinds", format!("{:?}", program.partner_kinds))
            .with("markets", program.markets.iter().cloned().collect::<Vec<_>>().join(" ")));
    }
    let incentives = &partner.incentives;
    if incentives.enrollments.len() >= ENROLLMENTS_MAX {
        let message = format!("A partner has at most {ENROLLMENTS_MAX} enrollments");
        return Err(check::invalid("program_id", message).with("maximum", ENROLLMENTS_MAX));
    }
    let known = incentives.enrollments.get(&(program_id.clone(), mpn_id.clone()));
    let moving = Moving { partner, program_id, mpn_id, known, context };
    Ok(vec![moving.to(EnrollmentStatus::Invited, Mover::Invitation, "", &BTreeSet::new())?])
}

/// Only a location transacts; the account's own id earns nothing (L7056-7061). The id a partner is registered with is its location.
fn check_location(partner: &Partner, mpn_id: &str) -> Result<(), Rejection> {
    check::required("mpn_id", mpn_id)?;
    if partner.mpn_id == mpn_id {
        return Ok(());
    }
    let message = format!("{mpn_id} is no location of partner {}", partner.partner_id);
    Err(Rejection::field(Reason::MpnIdNotAssociated, "mpn_id", message).with("mpn_id", &partner.mpn_id))
}

/// If bank and tax data are there already, they are checked at once.
pub(super) fn accept(
    partner: &Partner,
    command: &AcceptIncentiveInvitation,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let AcceptIncentiveInvitation { program_id, mpn_id, .. } = command;
    let incentives = &partner.incentives;
    let known = Some(incentives.enrollment(program_id, mpn_id)?);
    let moving = Moving { partner, program_id, mpn_id, known, context };
    let accepted = moving.to(EnrollmentStatus::ActionRequired, Mover::Acceptance, "", &BTreeSet::new())?;
    let mut events = vec![accepted];
    if incentives.bank.is_some() && incentives.tax.is_some() {
        events.push(moving.event(Some(EnrollmentStatus::ActionRequired), EnrollmentStatus::ValidatingEnrollment));
    }
    Ok(events)
}

/// Every enrollment that waits for the data, or rests on it, is validated (again).
pub(super) fn update_profile(
    partner: &Partner,
    command: &UpdatePayoutProfile,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let UpdatePayoutProfile { bank, tax, .. } = command;
    if bank.is_none() && tax.is_none() {
        return Err(check::missing("bank"));
    }
    bank.as_ref().map_or(Ok(()), check_bank)?;
    tax.as_ref().map_or(Ok(()), check_tax)?;
    let incentives = &partner.incentives;
    let is_news = |new: bool, changed: bool| new && changed;
    let changed = is_news(bank.is_some(), *bank != incentives.bank) || is_news(tax.is_some(), *tax != incentives.tax);
    if !changed {
        return Ok(Vec::new());
    }
    let (bank, tax) = (bank.clone(), tax.clone());
    let complete = bank.is_some() || incentives.bank.is_some();
    let complete = complete && (tax.is_some() || incentives.tax.is_some());
    let mut events: Vec<Event> =
        vec![PayoutProfileUpdated { partner_id: partner.partner_id.clone(), bank, tax }.into()];
    for ((program_id, mpn_id), known) in incentives.enrollments.iter().filter(|_| complete) {
        let from = Some(known.status);
        if may_move(from, EnrollmentStatus::ValidatingEnrollment, Mover::Data) {
            let moving = Moving { partner, program_id, mpn_id, known: Some(known), context };
            moving.check_time(EnrollmentStatus::ValidatingEnrollment)?;
            events.push(moving.event(from, EnrollmentStatus::ValidatingEnrollment));
        }
    }
    Ok(events)
}

fn check_bank(bank: &BankProfile) -> Result<(), Rejection> {
    check::required("bank.account_reference", &bank.account_reference)?;
    check_country("bank.country", &bank.country)?;
    if market::is_known_currency(bank.currency) {
        return Ok(());
    }
    let message = format!("{} is no currency of ISO 4217 in use", bank.currency);
    Err(Rejection::field(Reason::CurrencyMismatch, "bank.currency", message))
}

fn check_tax(tax: &TaxProfile) -> Result<(), Rejection> {
    check::required("tax.form", &tax.form)?;
    check_country("tax.country", &tax.country)?;
    for (field, percent) in [
        ("tax.withholding_percent", tax.withholding_percent),
        ("tax.sales_tax_percent", tax.sales_tax_percent),
        ("tax.service_fee_tax_percent", tax.service_fee_tax_percent),
    ] {
        if percent < Decimal::ZERO || percent >= Decimal::ONE_HUNDRED || percent.normalize().scale() > 4 {
            let message = "A percentage is 0 or more and below 100, with at most 4 digits after the point";
            return Err(check::invalid(field, message));
        }
    }
    Ok(())
}

fn check_country(field: &str, country: &str) -> Result<(), Rejection> {
    if market::country(country).is_some() {
        return Ok(());
    }
    let message = format!("{country:?} is in no market: two capital letters of a listed country are, such as DE");
    Err(check::invalid(field, message))
}

pub(super) fn set(
    partner: &Partner,
    command: &SetIncentiveEnrollment,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let SetIncentiveEnrollment { program_id, mpn_id, status, reason, unmet, .. } = command;
    let incentives = &partner.incentives;
    let known = Some(incentives.enrollment(program_id, mpn_id)?);
    match status {
        EnrollmentStatus::Enrolled => check_ready(incentives)?,
        _ => check::required("reason", reason)?,
    }
    check::optional("reason", reason)?;
    if unmet.len() > UNMET_MAX {
        check::count("unmet", unmet.len(), UNMET_MAX)?;
    }
    unmet.iter().try_for_each(|text| check::required("unmet", text))?;
    if (*status == EnrollmentStatus::Ineligible) == unmet.is_empty() {
        let message = "An ineligible enrollment names the requirements that are not met, and no other one does";
        return Err(check::invalid("unmet", message));
    }
    let moving = Moving { partner, program_id, mpn_id, known, context };
    Ok(vec![moving.to(*status, Mover::Provider, reason, unmet)?])
}

/// Bank and tax data are there.
fn check_ready(incentives: &Incentives) -> Result<(), Rejection> {
    let missing = match (&incentives.bank, &incentives.tax) {
        (None, _) => "bank",
        (_, None) => "tax",
        _ => return Ok(()),
    };
    let message = format!("The partner's {missing} data is missing; update_payout_profile gives it");
    Err(Rejection::field(Reason::EnrollmentNotReady, "status", message).with("missing", missing))
}

/// A move of one enrollment.
#[derive(Clone, Copy)]
struct Moving<'a> {
    partner: &'a Partner,
    program_id: &'a IncentiveProgramId,
    mpn_id: &'a str,
    known: Option<&'a Enrollment>,
    context: &'a Context,
}

impl Moving<'_> {
    fn to(
        self,
        to: EnrollmentStatus,
        mover: Mover,
        reason: &str,
        unmet: &BTreeSet<String>,
    ) -> Result<Event, Rejection> {
        let from = self.known.map(|known| known.status);
        if !may_move(from, to, mover) {
            let accepted: Vec<_> = EnrollmentStatus::ALL
                .into_iter()
                .filter(|to| may_move(from, *to, mover))
                .map(EnrollmentStatus::label)
                .collect();
            let message = format!(
                "The enrollment is {:?} and does not become {:?} by this command",
                from.map_or("none", EnrollmentStatus::label),
                to.label()
            );
            return Err(Rejection::field(Reason::InvalidEnrollmentTransition, "status", message)
                .with("from", from.map_or("none", EnrollmentStatus::label))
                .with("accepted", accepted.join(", ")));
        }
        self.check_time(to)?;
        let mut event = self.change(from, to);
        (event.reason, event.unmet) = (reason.to_owned(), unmet.clone());
        Ok(event.into())
    }

    /// Moves follow each other, and what was earned in closed months stays.
    fn check_time(self, to: EnrollmentStatus) -> Result<(), Rejection> {
        let (Some(known), on) = (self.known, self.context.effective_on()) else { return Ok(()) };
        if on < known.since {
            let message = format!("The enrollment is as it is since {}; a change is not before that", known.since);
            return Err(
                Rejection::field(Reason::EffectiveBeforeLastChange, "effective_at", message).with("since", known.since)
            );
        }
        let earns = to == EnrollmentStatus::Enrolled || known.earning && to.keeps_earning();
        let open_from = known.closed.map_or(NaiveDate::MIN, |(_, last)| calendar::anniversary(last, 1));
        if earns != known.earning && on < open_from {
            let message =
                format!("Earnings are closed up to {open_from}; a change that affects them is not before that");
            return Err(
                Rejection::field(Reason::EarningPeriodClosed, "effective_at", message).with("open_from", open_from)
            );
        }
        Ok(())
    }

    fn event(self, from: Option<EnrollmentStatus>, to: EnrollmentStatus) -> Event {
        self.change(from, to).into()
    }

    fn change(self, from: Option<EnrollmentStatus>, to: EnrollmentStatus) -> IncentiveEnrollmentChanged {
        IncentiveEnrollmentChanged {
            partner_id: self.partner.partner_id.clone(),
            program_id: self.program_id.clone(),
            mpn_id: self.mpn_id.to_owned(),
            from,
            to,
            on: self.context.effective_on(),
            reason: String::new(),
            unmet: BTreeSet::new(),
            validate_until: (to == EnrollmentStatus::ValidatingEnrollment).then(|| validated_by(self.context)),
        }
    }
}

/// Up to 48 hours (L9429).
fn validated_by(context: &Context) -> DateTime<Utc> {
    context.effective_at + TimeDelta::hours(VALIDATION_HOURS)
}
