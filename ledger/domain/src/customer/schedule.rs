//! Changes that wait for their day: seats or the end, at the renewal or on a date.
//!
//! The source lets no caller schedule anything (customers page section 2.9); that is ours. A scheduled change is decided by the same
//! rules as one of a caller, on its day. What cannot be done then is dropped, with the reason.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Standing, Subscription, SuspensionReason, draft::Draft, gates, licenses, suspension};
use crate::{
    Reason, Rejection, charge, check,
    command::{ScheduleChange, WithdrawScheduledChange},
    event::{ChangeScheduled, QuantityChanged, ScheduledChangeApplied, ScheduledChangeWithdrawn},
    ids::SubscriptionId,
    offer::ProductFamily,
};

/// A change that waits for its day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledChange {
    /// Seats from then on; none for the end of the subscription.
    pub quantity: Option<u32>,
    /// The day; none for the first day of the next term.
    pub on: Option<NaiveDate>,
}

impl Subscription {
    /// The day of the scheduled change.
    pub fn scheduled_on(&self) -> Option<NaiveDate> {
        self.scheduled.map(|change| change.on.unwrap_or(self.term_end))
    }

    /// Whether it is bound to end with its term: it does not renew, or its end is scheduled for the renewal.
    pub fn ends_with_term(&self) -> bool {
        !self.auto_renew || self.scheduled.is_some_and(|change| change.quantity.is_none() && change.on.is_none())
    }
}

pub(super) fn schedule(draft: &mut Draft<'_>, command: &ScheduleChange) -> Result<(), Rejection> {
    let (customer, on, change) = (draft.customer, draft.on(), command.change);
    let subscription = draft.owned(&command.partner_id, &command.subscription_id)?.clone();
    gates::relationship(customer, &command.partner_id, "partner_id")?;
    gates::agreement(customer, &command.partner_id, on)?;
    if subscription.standing == Standing::Trial {
        let message = "A trial's seats are fixed, and it ends by itself";
        return Err(Rejection::field(Reason::TrialQuantityFixed, "change", message));
    }
    gates::active(&subscription, on)?;
    gates::unlocked(&subscription)?;
    if subscription.product_kind.is_some() {
        let message = format!("{} stays as bought until it is cancelled or runs out", subscription.offer_name);
        return Err(Rejection::field(Reason::QuantityFixed, "change", message));
    }
    if let Some(scheduled) = subscription.scheduled_on() {
        let message = format!("A change is scheduled for {scheduled}; withdraw it first");
        return Err(Rejection::field(Reason::ChangeAlreadyScheduled, "subscription_id", message).with("on", scheduled));
    }
    match change.on {
        Some(day) if day <= on => {
            return Err(check::invalid("change.on", format!("The day lies after {on}; do it now instead")));
        }
        Some(day) if day >= subscription.term_end => {
            let message = format!(
                "The day lies before the term's end on {}; leave it out for the renewal",
                subscription.term_end
            );
            return Err(check::invalid("change.on", message).with("term_end", subscription.term_end));
        }
        Some(_) if change.quantity.is_none() && subscription.product_family != ProductFamily::License => {
            let message = format!("{} ends with its term only: leave the day out", subscription.offer_name);
            return Err(check::invalid("change.on", message));
        }
        None if !subscription.auto_renew => {
            let message = format!("The subscription ends on {} and does not renew", subscription.term_end);
            return Err(check::invalid("change.on", message).with("term_end", subscription.term_end));
        }
        _ => {}
    }
    if let Some(quantity) = change.quantity {
        seats(draft, &subscription, quantity)?;
    }
    let ScheduleChange { customer_id, subscription_id, .. } = command.clone();
    draft.push(ChangeScheduled { customer_id, subscription_id, change });
    Ok(())
}

/// What holds for the number of seats, whoever asks for it. Licenses may still be revoked before the day.
fn seats(draft: &Draft<'_>, subscription: &Subscription, quantity: u32) -> Result<(), Rejection> {
    if quantity == subscription.quantity {
        let message = format!("The subscription has {quantity} seats already");
        return Err(Rejection::field(Reason::QuantityUnchanged, "change.quantity", message));
    }
    let offer = draft.reference.catalog.offer(&subscription.offer_id);
    offer.map_or(Ok(()), |offer| gates::quantity(offer, quantity, "change.quantity"))
}

pub(super) fn withdraw(draft: &mut Draft<'_>, command: &WithdrawScheduledChange) -> Result<(), Rejection> {
    let subscription = draft.owned(&command.partner_id, &command.subscription_id)?.clone();
    gates::relationship(draft.customer, &command.partner_id, "partner_id")?;
    gates::open(&subscription, draft.on())?;
    if subscription.scheduled.is_none() {
        let message = "Nothing is scheduled, or it was done";
        return Err(Rejection::field(Reason::ChangeNotScheduled, "subscription_id", message));
    }
    let WithdrawScheduledChange { customer_id, subscription_id, .. } = command.clone();
    draft.push(ScheduledChangeWithdrawn { customer_id, subscription_id, reason: None });
    Ok(())
}

/// Does what is scheduled up to and including `day`, as if asked for on its day.
pub(super) fn run_due(draft: &mut Draft<'_>, id: &SubscriptionId, day: NaiveDate) {
    let Some(subscription) = draft.get(id).cloned() else { return };
    let Some((change, on)) = subscription.scheduled.zip(subscription.scheduled_on().filter(|on| *on <= day)) else {
        return;
    };
    let (customer_id, subscription_id) = (subscription.customer_id.clone(), id.clone());
    if let Err(refused) = still_allowed(draft, &subscription, change) {
        draft.push(ScheduledChangeWithdrawn { customer_id, subscription_id, reason: Some(refused.reason) });
        return;
    }
    let from = subscription.quantity;
    let (owner, changed) = (customer_id.clone(), subscription_id.clone());
    draft.push(ScheduledChangeApplied { customer_id, subscription_id, change, from, effective_on: on });
    if change.on.is_none() {
        // The new term begins with these seats, or does not begin.
        return;
    }
    draft.decision.effective_on = Some(on);
    match change.quantity {
        Some(to) => {
            let event = QuantityChanged { customer_id: owner, subscription_id: changed, from, to, effective_on: on };
            draft.push_charged(id, event, |before, decision| charge::change_quantity(before, to, decision));
        }
        None => {
            if let Some(subscription) = draft.get(id).cloned() {
                // Nothing happened to its add-ons since, for this is the first day due: they are suspended with it.
                let _ = suspension::stop(draft, &subscription, SuspensionReason::Cancelled);
            }
        }
    }
    draft.decision.effective_on = None;
}

fn still_allowed(draft: &Draft<'_>, subscription: &Subscription, change: ScheduledChange) -> Result<(), Rejection> {
    if subscription.standing != Standing::Active {
        return Err(Rejection::new(Reason::SubscriptionNotActive, "It is not active"));
    }
    let Some(quantity) = change.quantity else { return Ok(()) };
    seats(draft, subscription, quantity)?;
    licenses::check_assigned(draft, &subscription.subscription_id, quantity)
}
