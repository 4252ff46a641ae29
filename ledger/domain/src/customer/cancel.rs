//! Cancelling, by product family (customers page section 2.11).

use super::{Standing, Subscription, SuspensionReason, draft::Draft, gates, suspension};
use crate::{
    Rejection, charge,
    command::Cancel,
    event::{AutoRenewChanged, CancellationScheduled, SubscriptionCancelled, SubscriptionExpired},
    offer::ProductFamily,
};

pub(super) fn cancel(draft: &mut Draft<'_>, command: &Cancel) -> Result<(), Rejection> {
    let on = draft.on();
    let subscription = draft.owned(&command.partner_id, &command.subscription_id)?.clone();
    if subscription.standing != Standing::Trial {
        gates::active(&subscription, on)?;
    }
    gates::unlocked(&subscription)?;
    match subscription.product_family {
        // A license is cancelled by suspending it (L15603-15606).
        ProductFamily::License => suspension::stop(draft, &subscription, SuspensionReason::Cancelled),
        _ if credited(draft, &subscription) => end_at_once(draft, &subscription),
        _ => {
            schedule(draft, &subscription);
            Ok(())
        }
    }
}

fn credited(draft: &Draft<'_>, subscription: &Subscription) -> bool {
    subscription.standing == Standing::Trial || charge::cancel_window_open(subscription, &draft.decision)
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
