//! Closing the earnings of a month.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::{
    Context, Event, Reason, Rejection, calendar, check, command::CloseEarnings, event::EarningsClosed, incentive,
    partner::Partner,
};

/// A SHA-256.
const DIGEST_BYTES: usize = 32;
/// Sums of one closed month: levers of its cards, and currencies.
const SUMS_MAX: usize = 500;

pub(super) fn close(partner: &Partner, command: &CloseEarnings, context: &Context) -> Result<Vec<Event>, Rejection> {
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
        line_count,
        lines_digest,
        order_on,
        payment_on,
        payment_threshold,
        is_last,
        reflects,
    } = command.clone();
    Ok(vec![
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
            line_count,
            lines_digest,
            order_on,
            payment_on,
            payment_threshold,
            is_last,
            reflects,
        }
        .into(),
    ])
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
    for (field, count) in [("levers", command.levers.len()), ("totals", command.totals.len())] {
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
