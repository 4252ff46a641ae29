//! Cancelling, by product family (customers page section 2.11).

use super::{Standing, Subscription, SuspensionReason, azure, draft::Draft, gates, reservation, suspension};
use crate::{
    Reason, Rejection, calendar,
    charge::{self, ONE_TIME_WINDOW_DAYS},
    check,
    command::Cancel,
    event::{AutoRenewChanged, CancellationScheduled, SubscriptionCancelled, SubscriptionExpired},
    offer::{ProductFamily, ProductKind},
    reference::partner_standing::Action,
};

pub(super) fn cancel(draft: &mut Draft<'_>, command: &Cancel) -> Result<(), Rejection> {
    let on = draft.on();
    let subscription =
        draft.owned_from(&command.partner_id, &command.subscription_id, Subscription::correctable_from)?.clone();
    gates::may(draft, &command.partner_id, Action::Cancel)?;
    if subscription.product_family != ProductFamily::License {
        gates::not_before(&subscription, on)?;
    }
    // What waits for its publisher was never billed (azure-marketplace-software.md 2.4).
    if !matches!(subscription.standing, Standing::Trial | Standing::PendingFulfilment { .. }) {
        gates::active(&subscription, on)?;
    }
    gates::unlocked(&subscription)?;
    if subscription.product_kind != Some(ProductKind::Reservation) {
        check_refund_options(&subscription, command)?;
    }
    if let Some(scheduled) = subscription.cancelled_from {
        let message = format!("It ends on {scheduled} already; switch its renewal on to take that back");
        return Err(Rejection::field(Reason::CancellationAlreadyScheduled, "subscription_id", message)
            .with("subscription_id", &subscription.subscription_id)
            .with("effective_on", scheduled));
    }
    match (subscription.product_kind, subscription.product_family) {
        (Some(ProductKind::Reservation), _) => {
            returnable(draft, &subscription)?;
            reservation::refund(draft, &subscription, command)
        }
        (Some(ProductKind::SoftwareSubscription | ProductKind::SoftwarePerpetual), _) => {
            returnable(draft, &subscription)?;
            check_software_window(draft, &subscription)?;
            end_at_once(draft, &subscription)
        }
        (Some(ProductKind::AzurePlan), _) => {
            azure::check_empty(draft, &subscription)?;
            end_at_once(draft, &subscription)
        }
        // A license is cancelled by suspending it (L15603-15606).
        (_, ProductFamily::License) => suspension::stop(draft, &subscription, SuspensionReason::Cancelled),
        _ if credited(draft, &subscription) => end_at_once(draft, &subscription),
        _ => {
            schedule(draft, &subscription);
            Ok(())
        }
    }
}

fn check_refund_options(subscription: &Subscription, command: &Cancel) -> Result<(), Rejection> {
    let field = match (command.reservation_used, command.accept_capped_refund) {
        (Some(_), _) => "reservation_used",
        (None, true) => "accept_capped_refund",
        (None, false) => return Ok(()),
    };
    Err(check::invalid(field, format!("{} is no reservation", subscription.offer_name)))
}

/// Some products are never taken back, such as Linux plans (L14307).
pub(super) fn returnable(draft: &Draft<'_>, subscription: &Subscription) -> Result<(), Rejection> {
    let offer = draft.reference.catalog.offer(&subscription.offer_id);
    if !offer.is_some_and(|offer| offer.product().not_returnable) {
        return Ok(());
    }
    let message = format!("{} can neither be cancelled nor exchanged", subscription.offer_name);
    Err(Rejection::field(Reason::NotReturnable, "subscription_id", message)
        .with("subscription_id", &subscription.subscription_id))
}

/// Software is cancelled within 60 days, day 60 included (L14303, decision G24).
fn check_software_window(draft: &Draft<'_>, subscription: &Subscription) -> Result<(), Rejection> {
    let last_day = calendar::add_days(subscription.ordered_at.date_naive(), ONE_TIME_WINDOW_DAYS);
    let days_overdue = calendar::days_between(last_day, draft.on());
    if days_overdue == 0 {
        return Ok(());
    }
    let message = format!(
        "{} could be cancelled until {last_day}, within {ONE_TIME_WINDOW_DAYS} days of the purchase; {days_overdue} days ago",
        subscription.offer_name
    );
    Err(Rejection::field(Reason::SoftwareCancelWindowPassed, "subscription_id", message)
        .with("subscription_id", &subscription.subscription_id)
        .with("days_overdue", days_overdue)
        .with("last_day", last_day))
}

fn credited(draft: &Draft<'_>, subscription: &Subscription) -> bool {
    matches!(subscription.standing, Standing::Trial | Standing::PendingFulfilment { .. })
        || charge::cancel_window_open(subscription, &draft.decision)
}

/// Ends the subscription with its credit, and its add-ons with it (decision G11): credited if their own window is open.
fn end_at_once(draft: &mut Draft<'_>, subscription: &Subscription) -> Result<(), Rejection> {
    let id = &subscription.subscription_id;
    let (customer_id, effective_on) = (subscription.customer_id.clone(), draft.on());
    let cancelled =
        |subscription_id| SubscriptionCancelled { customer_id: customer_id.clone(), subscription_id, effective_on };
    draft.push_charged(id, cancelled(id.clone()), charge::cancel);
    for id in draft.customer.add_ons_of(id) {
        let Some(add_on) = draft.get(id).filter(|add_on| matches!(add_on.standing, Standing::Active | Standing::Trial))
        else {
            continue;
        };
        gates::not_before(add_on, effective_on)?;
        if credited(draft, add_on) {
            draft.push_charged(id, cancelled(id.clone()), charge::cancel);
        } else {
            let (customer_id, subscription_id) = (customer_id.clone(), id.clone());
            draft.push(SubscriptionExpired { customer_id, subscription_id, effective_on });
        }
    }
    Ok(())
}

/// Too late for a credit: it ends with its term (L14543, decision G16).
fn schedule(draft: &mut Draft<'_>, subscription: &Subscription) {
    let (customer_id, subscription_id) = (subscription.customer_id.clone(), subscription.subscription_id.clone());
    let effective_on = subscription.term_end;
    draft.push(CancellationScheduled {
        customer_id: customer_id.clone(),
        subscription_id: subscription_id.clone(),
        effective_on,
    });
    if subscription.auto_renew {
        draft.push(AutoRenewChanged { customer_id, subscription_id, auto_renew: false });
    }
}
