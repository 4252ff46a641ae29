//! Closing the earnings of a month.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::{
    Context, Event, Reason, Rejection, calendar,
    catalog::Catalog,
    check,
    command::CloseEarnings,
    event::{CoopFundsAccrued, EarningsClosed},
    incentive::{self, CoopShare},
    money::Currency,
    partner::{Partner, coop},
};

/// A SHA-256.
const DIGEST_BYTES: usize = 32;
/// Sums of one closed month: levers of its cards, and currencies.
const SUMS_MAX: usize = 500;

pub(super) fn close(
    partner: &Partner,
    catalog: &Catalog,
    command: &CloseEarnings,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let enrollment = partner.incentives.enrollment(&command.program_id, &command.mpn_id)?;
    if !incentive::is_first_of_month(command.period) {
        return Err(check::invalid("period", "A period is a month, given by its first day"));
    }
    check_next(enrollment.closed, enrollment.next_period, command.period)?;
    partner.incentives.check_revision(command.revision)?;
    let earned_on = calendar::last_of_month(command.period);
    if context.effective_on() <= earned_on {
        return Err(check::invalid("period", format!("The month is not over before {earned_on} is")));
    }
    check_sums(command, earned_on)?;
    let (mut coop, mut accrued): (Vec<CoopShare>, Vec<Event>) = (Vec::new(), Vec::new());
    let mut programs = BTreeSet::new();
    for (index, share) in command.coop.iter().enumerate() {
        if !programs.insert(&share.program) {
            return Err(check::invalid(
                &format!("coop[{index}].program"),
                "A month has one share of each co-op program",
            ));
        }
        let (share, event) = to_fund(partner, catalog, command, (index, share), earned_on)?;
        if !share.amount.is_zero() {
            coop.push(share);
            accrued.push(event.into());
        }
    }
    let CloseEarnings {
        partner_id,
        program_id,
        mpn_id,
        period,
        revision,
        levers,
        totals,
        adjusted_usd,
        earned_usd,
        coop: _,
        line_count,
        lines_digest,
        order_on,
        payment_on,
        payment_threshold,
        is_last,
        reflects,
    } = command.clone();
    let mut events: Vec<Event> = vec![
        EarningsClosed {
            partner_id,
            program_id,
            mpn_id,
            period,
            earned_on,
            revision,
            levers,
            totals,
            adjusted_usd,
            earned_usd,
            coop,
            line_count,
            lines_digest,
            order_on,
            payment_on,
            payment_threshold,
            is_last,
            reflects,
        }
        .into(),
    ];
    events.extend(accrued);
    Ok(coop::expire_late(partner, events, context))
}

/// What of a share the fund takes. A fund does not give back what claims hold: that part is taken off what is paid.
fn to_fund(
    partner: &Partner,
    catalog: &Catalog,
    command: &CloseEarnings,
    (index, share): (usize, &CoopShare),
    earned_on: NaiveDate,
) -> Result<(CoopShare, CoopFundsAccrued), Rejection> {
    let field = |name: &str| format!("coop[{index}].{name}");
    let period = coop::period(catalog, &share.program, &share.usage_period_id)?;
    if !period.covers(earned_on) {
        let message = format!(
            "The usage period is {} to {}, and the earnings are of {earned_on}",
            period.first_day, period.last_day
        );
        return Err(check::invalid(&field("usage_period_id"), message));
    }
    let in_dollars = share.currency == Currency::DOLLAR;
    if in_dollars && share.amount != share.amount_usd || share.amount != share.currency.round(share.amount) {
        return Err(check::invalid(&field("amount"), "It is amount_usd in the currency, rounded to its minor unit"));
    }
    let fund = partner.coop.fund(&share.program, &share.usage_period_id, &command.mpn_id);
    if let Some(other) = fund.currency.filter(|other| *other != share.currency) {
        let message = format!("The partner's funds of the program and period are in {other}");
        return Err(Rejection::field(Reason::EarningsOutdated, &field("currency"), message).with("currency", other));
    }
    let mut taken = share.clone();
    if share.amount < -fund.free {
        taken.amount = -fund.free;
        let part = share.amount_usd.checked_mul(taken.amount).map(|product| product / share.amount);
        let part = part.ok_or_else(|| check::invalid(&field("amount_usd"), "The amount is too large"))?;
        taken.amount_usd = Currency::DOLLAR.round(part);
    }
    let event = CoopFundsAccrued {
        partner_id: command.partner_id.clone(),
        program: share.program.clone(),
        location_mpn_id: command.mpn_id.clone(),
        usage_period_id: share.usage_period_id.clone(),
        amount: taken.amount,
        currency: share.currency,
        reference: format!("{}/{}", command.program_id, command.period.format("%Y-%m")),
        accrued_on: earned_on,
        claim_deadline: period.claim_deadline(),
    };
    Ok((taken, event))
}

impl EarningsClosed {
    /// What of the month is paid as money, in US dollars.
    pub fn payable_usd(&self) -> Decimal {
        self.earned_usd - self.coop.iter().map(|share| share.amount_usd).sum::<Decimal>()
    }
}

fn check_next(
    closed: Option<(NaiveDate, NaiveDate)>,
    next: Option<NaiveDate>,
    period: NaiveDate,
) -> Result<(), Rejection> {
    if next == Some(period) {
        return Ok(());
    }
    let shown = next.map_or_else(|| "none".to_owned(), |next| next.to_string());
    if closed.is_some_and(|(_, last)| period <= last) {
        let message = format!("The earnings of the month of {period} are closed");
        return Err(Rejection::field(Reason::EarningPeriodClosed, "period", message).with("next_period", shown));
    }
    let message = format!("Months close one after another; the next one is {shown}");
    Err(Rejection::field(Reason::EarningPeriodNotNext, "period", message).with("next_period", shown))
}

fn check_sums(command: &CloseEarnings, earned_on: NaiveDate) -> Result<(), Rejection> {
    if command.lines_digest.len() != DIGEST_BYTES {
        return Err(check::invalid("lines_digest", format!("A digest has {DIGEST_BYTES} bytes")));
    }
    let counts = [("levers", command.levers.len()), ("totals", command.totals.len()), ("coop", command.coop.len())];
    for (field, count) in counts {
        if count > SUMS_MAX {
            check::count(field, count, SUMS_MAX)?;
        }
    }
    let sum = |sum: Decimal, amount: Decimal| sum.checked_add(amount);
    let levers = command.levers.iter().try_fold(Decimal::ZERO, |all, lever| sum(all, lever.earned_usd));
    if levers.and_then(|levers| sum(levers, command.adjusted_usd)) != Some(command.earned_usd) {
        return Err(check::invalid("earned_usd", "It is the sum of the levers and the adjustments"));
    }
    if command.order_on < earned_on || command.payment_on < command.order_on {
        return Err(check::invalid("order_on", "A payment is ordered after the month, and made on the day or later"));
    }
    if command.payment_threshold < Decimal::ZERO {
        return Err(check::invalid("payment_threshold", "A payment is 0 or more"));
    }
    Ok(())
}
