//! Suspending and reactivating licenses (rows 5 to 7 of customers page section 2.8); add-ons follow their base (decision G11).

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Standing, Subscription, draft::Draft, gates};
use crate::{
    Reason, Rejection, calendar, charge, check,
    command::{Reactivate, Suspend},
    event::{SubscriptionReactivated, SubscriptionSuspended},
    ids::SubscriptionId,
    offer::ProductFamily,
    reference::partner_standing::Action,
};

/// Why a subscription is suspended (customers page section 2.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SuspensionReason {
    /// The customer asked for it.
    CustomerRequest,
    /// It was not paid.
    NonPayment,
    /// Fraud.
    Fraud,
    /// The partner cancelled it.
    Cancelled,
    /// It went to another partner; it cannot come back.
    Transferred,
    /// It became another offer; it cannot come back.
    Upgraded,
    /// Its replacement took over; it cannot come back.
    Migrated,
    /// It broke the terms of use; its publisher enforced them, and the partner cannot bring it back (L11075).
    Enforced,
}

impl SuspensionReason {
    /// Whether nothing brings the subscription back.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Transferred | Self::Upgraded | Self::Migrated)
    }

    /// Whether only the ledger gives it, with what causes it.
    pub(crate) fn is_the_ledgers(self) -> bool {
        matches!(self, Self::Cancelled) || self.is_final()
    }
}

pub(super) fn suspend(draft: &mut Draft<'_>, command: &Suspend) -> Result<(), Rejection> {
    let on = draft.on();
    if command.reason.is_the_ledgers() {
        let message = "A suspension is asked for by the customer, or for non-payment, fraud or a breach of the terms of use; the ledger gives other reasons itself";
        return Err(check::invalid("reason", message));
    }
    let subscription =
        draft.owned_from(&command.partner_id, &command.subscription_id, Subscription::correctable_from)?.clone();
    gates::may(draft, &command.partner_id, Action::Suspend)?;
    if subscription.product_family != ProductFamily::License {
        let message = format!("{} is cancelled, not suspended (decision G15)", subscription.offer_name);
        return Err(Rejection::field(Reason::UseCancel, "subscription_id", message));
    }
    // A free trial is suspended like what it tries; it still ends on its day (section 2.8).
    if subscription.standing != Standing::Trial {
        gates::active(&subscription, on)?;
    }
    gates::open(&subscription, on)?;
    gates::unlocked(&subscription)?;
    stop(draft, &subscription, command.reason)
}

/// Suspends the subscription and its active add-ons; all of them are kept as long as it is.
pub(super) fn stop(
    draft: &mut Draft<'_>,
    subscription: &Subscription,
    reason: SuspensionReason,
) -> Result<(), Rejection> {
    stop_for(draft, subscription, reason, subscription.hold_days)
}

/// The same, for a number of days.
pub(super) fn stop_for(
    draft: &mut Draft<'_>,
    subscription: &Subscription,
    reason: SuspensionReason,
    hold_days: u32,
) -> Result<(), Rejection> {
    let expires_on = calendar::add_days(draft.on(), hold_days);
    let mut ids = vec![subscription.subscription_id.clone()];
    for id in draft.customer.add_ons_of(&subscription.subscription_id) {
        if let Some(add_on) = draft.get(id).filter(|add_on| add_on.standing == Standing::Active) {
            gates::reaches(add_on, draft.on(), add_on.correctable_from())?;
            ids.push(id.clone());
        }
    }
    for id in ids {
        push_suspended(draft, &id, reason, expires_on);
    }
    Ok(())
}

/// Suspends one subscription, and credits it.
pub(super) fn push_suspended(
    draft: &mut Draft<'_>,
    id: &SubscriptionId,
    reason: SuspensionReason,
    expires_on: NaiveDate,
) {
    let (customer_id, subscription_id) = (draft.customer.id().clone(), id.clone());
    let event = SubscriptionSuspended { customer_id, subscription_id, reason, effective_on: draft.on(), expires_on };
    draft.push_charged(id, event, charge::suspend);
}

pub(super) fn reactivate(draft: &mut Draft<'_>, command: &Reactivate) -> Result<(), Rejection> {
    let (on, customer) = (draft.on(), draft.customer);
    let id = &command.subscription_id;
    let subscription = draft.owned_from(&command.partner_id, id, Subscription::reactivable_from)?.clone();
    gates::may(draft, &command.partner_id, Action::Reactivate)?;
    gates::relationship(customer, &command.partner_id, "partner_id")?;
    check_suspended(&subscription, on)?;
    if let Some(base) = subscription.base_subscription_id.as_ref().and_then(|base| draft.get(base))
        && gates::active(base, on).is_err()
    {
        let message = format!(
            "The base subscription {} is not active; reactivate it, and its add-ons follow",
            base.subscription_id
        );
        return Err(Rejection::field(Reason::AddonRequiresBase, "subscription_id", message));
    }
    let followers = customer.add_ons_of(id).filter(|id| customer.suspended_with_base.contains(*id));
    let followers = followers.filter(|id| draft.get(id).is_some_and(|add_on| check_suspended(add_on, on).is_ok()));
    let ids: Vec<_> = std::iter::once(id).chain(followers).cloned().collect();
    for id in ids {
        let (customer_id, subscription_id) = (command.customer_id.clone(), id.clone());
        let event = SubscriptionReactivated { customer_id, subscription_id, effective_on: on };
        match draft.get(&id).and_then(|subscription| subscription.free_trial_ends_on) {
            Some(_) => draft.push(event),
            None => draft.push_charged(&id, event, charge::reactivate),
        }
    }
    Ok(())
}

/// Suspended, not for good, and not for too long.
fn check_suspended(subscription: &Subscription, on: NaiveDate) -> Result<(), Rejection> {
    gates::open(subscription, on)?;
    let id = &subscription.subscription_id;
    let refuse = |reason, message| Err(Rejection::field(reason, "subscription_id", message));
    let Standing::Suspended { reason, expires_on, term_ended, .. } = subscription.standing else {
        return refuse(Reason::SubscriptionNotSuspended, format!("Subscription {id} is in use"));
    };
    match reason {
        SuspensionReason::Transferred => {
            let message = format!("Subscription {id} went to another partner for good");
            return refuse(Reason::SubscriptionTransferred, message);
        }
        SuspensionReason::Upgraded => {
            return refuse(Reason::SubscriptionUpgraded, format!("Subscription {id} became another offer for good"));
        }
        SuspensionReason::Migrated => {
            return refuse(Reason::SubscriptionMigrated, format!("Subscription {id} was replaced for good"));
        }
        SuspensionReason::Enforced => {
            let message = format!("Subscription {id} was suspended for a breach of the terms of use; buy a new one");
            return refuse(Reason::SuspensionEnforced, message);
        }
        _ => {}
    }
    if on >= expires_on {
        let message = format!("Subscription {id} could be reactivated before {expires_on} only; buy a new one");
        return refuse(Reason::HoldExpired, message);
    }
    if term_ended || (subscription.term_end <= on && subscription.ends_with_term()) {
        return refuse(Reason::TermEnded, format!("The term of {id} ended while it was suspended; buy a new one"));
    }
    Ok(())
}
