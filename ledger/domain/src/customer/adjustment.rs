//! Credits and corrections by hand: each is a line of the next invoice of its family (billing-details.md C3, C21).

use rust_decimal::Decimal;

use super::{Subscription, draft::Draft, gates};
use crate::{
    Reason, Rejection,
    charge::{self, StandingLine},
    check,
    command::PostAdjustment,
    event::AdjustmentPosted,
    ids::LineId,
};

pub(super) fn post(draft: &mut Draft<'_>, command: &PostAdjustment) -> Result<(), Rejection> {
    let PostAdjustment { customer_id, partner_id, subscription_id, line_id, amount, currency, reason } = command;
    gates::partner(draft.reference, partner_id, "partner_id")?;
    let subscription = gates::owner(draft.customer, partner_id, subscription_id)?;
    gates::currency(subscription, *currency, "currency")?;
    check::minor_unit("amount", *amount, *currency)?;
    check::required("reason", reason)?;
    let corrects = if let Some(line_id) = line_id {
        Some((line_id, correctable(subscription, line_id, *amount)?))
    } else {
        check_credit(*amount)?;
        None
    };
    let event = AdjustmentPosted {
        customer_id: customer_id.clone(),
        partner_id: partner_id.clone(),
        subscription_id: subscription_id.clone(),
        line_id: line_id.clone(),
        amount: *amount,
        currency: *currency,
        reason: reason.clone(),
    };
    draft.push_charged(subscription_id, event, |subscription, decision| {
        let corrects = corrects.as_ref().map(|(line_id, line)| (*line_id, line));
        charge::adjust(subscription, corrects, *amount, reason, decision);
    });
    Ok(())
}

/// A credit gives back; who wants more money corrects the line that was too low.
fn check_credit(amount: Decimal) -> Result<(), Rejection> {
    if amount < Decimal::ZERO && amount >= -Decimal::from(check::AMOUNT_MAX) {
        return Ok(());
    }
    let message =
        format!("A credit is negative, such as -5.00, not {amount}; name the line_id to correct a line upwards");
    Err(check::invalid("amount", message))
}

/// The line stands, and the correction leaves it what it is: a charge not below zero, or a credit not above.
fn correctable(subscription: &Subscription, line_id: &LineId, amount: Decimal) -> Result<StandingLine, Rejection> {
    let Some(line) = charge::standing_line(subscription, line_id) else {
        let message = format!(
            "Subscription {} has no line {line_id} in its last two billing periods that was not taken back; \
             give a credit without line_id instead",
            subscription.subscription_id
        );
        return Err(Rejection::field(Reason::LineNotFound, "line_id", message).with("line_id", line_id));
    };
    if amount.is_zero() || amount.abs() > Decimal::from(check::AMOUNT_MAX) {
        return Err(check::invalid("amount", format!("A correction of {amount} is none")));
    }
    if line.left + amount < Decimal::ZERO {
        let message = format!("{} {} is left of line {line_id}", line.left, subscription.currency);
        return Err(Rejection::field(Reason::AdjustmentExceedsLine, "amount", message).with("left", line.left));
    }
    Ok(line)
}
