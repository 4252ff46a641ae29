//! What happens by itself when a day ends: deletions, trial ends, terms, charges, requests that nobody answered.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::{Standing, Subscription, association, draft::Draft, free_trial, renewal, schedule, usage, user};
use crate::{
    calendar,
    event::{RelationshipRequestExpired, SubscriptionDeprovisioned, TransferExpired, TrialConverted},
    ids::SubscriptionId,
};

/// Subscriptions, and as many transfers, that one decision about a day's end takes on, so that its commit stays far below the
/// longest record. Whoever runs it repeats it while the customer still has something due.
pub const DUE_PER_DECISION_MAX: usize = 16;

/// What is due first of all that is due at the end of the day: of one day, bases before add-ons, at most
/// [`DUE_PER_DECISION_MAX`] of them.
pub(super) fn run(draft: &mut Draft<'_>, date: NaiveDate) {
    let customer = draft.customer;
    if let Some(&(first, _)) = customer.due.first().filter(|(due, _)| *due <= date) {
        let of_day = || customer.due.iter().take_while(move |(due, _)| *due == first).map(|(_, id)| id);
        let is_add_on = |id: &SubscriptionId| {
            customer.subscription(id).is_some_and(|subscription| subscription.base_subscription_id.is_some())
        };
        let bases = of_day().filter(|id| !is_add_on(id));
        let add_ons = of_day().filter(|id| is_add_on(id));
        let ids: Vec<_> = bases.chain(add_ons).take(DUE_PER_DECISION_MAX).cloned().collect();
        // The day's documents wait for this very decision, so its charges belong to the day itself, what was late included.
        settle(draft, ids, first, |_| date);
    }
    let expired = customer.transfers_due.iter().take_while(|(due, _)| *due <= date).take(DUE_PER_DECISION_MAX);
    for (_, transfer_id) in expired {
        draft.push(TransferExpired { customer_id: customer.id().clone(), transfer_id: transfer_id.clone() });
    }
    let requests = customer.relationships.iter().filter_map(|(id, known)| Some((id, known.request_expires_on?)));
    for (partner_id, expired_on) in requests.filter(|(_, on)| *on <= date).take(DUE_PER_DECISION_MAX) {
        let (customer_id, partner_id) = (customer.id().clone(), partner_id.clone());
        draft.push(RelationshipRequestExpired { customer_id, partner_id, expired_on });
    }
    user::purge(draft, date, DUE_PER_DECISION_MAX);
    association::end_windows(draft, date, DUE_PER_DECISION_MAX);
    // A commit of its own: a day's usage can be as much as fits in one.
    if draft.decision.events().is_empty() {
        usage::run_due(draft, date);
    }
}

/// Ends day after day, up to and including `until`, for the subscriptions; on each day bases go before their add-ons, which
/// follow them. `charged_on` says on which day the charges of a day are created.
pub(super) fn settle(
    draft: &mut Draft<'_>,
    ids: impl IntoIterator<Item = SubscriptionId>,
    until: NaiveDate,
    charged_on: impl Fn(NaiveDate) -> NaiveDate,
) {
    let mut queue: BTreeSet<_> = ids.into_iter().filter_map(|id| turn(draft, id)).collect();
    while let Some((day, is_add_on, id)) = queue.pop_first() {
        if day > until {
            break;
        }
        match draft.get(&id).and_then(Subscription::next_due) {
            Some(due) if due == day => {
                draft.decision.charged_on = charged_on(day);
                end_day(draft, &id, day);
                // What is still due on the same day had its turn; waiting for it again would never end.
                queue.extend(turn(draft, id).filter(|(next, ..)| *next > day));
            }
            // Something that came before changed it.
            Some(due) => queue.extend(Some((due, is_add_on, id)).filter(|_| due > day)),
            None => {}
        }
    }
}

fn turn(draft: &Draft<'_>, id: SubscriptionId) -> Option<(NaiveDate, bool, SubscriptionId)> {
    let subscription = draft.get(&id)?;
    Some((subscription.next_due()?, subscription.base_subscription_id.is_some(), id))
}

fn end_day(draft: &mut Draft<'_>, id: &SubscriptionId, day: NaiveDate) {
    let Some(subscription) = draft.get(id) else { return };
    if let Some(ends_on) = subscription.free_trial_ends_on.filter(|ends_on| *ends_on <= day) {
        free_trial::expire(draft, id, ends_on);
        return;
    }
    match subscription.standing {
        Standing::Suspended { expires_on, .. } if expires_on <= day => {
            deprovision(draft, id, expires_on);
            return;
        }
        Standing::Trial => convert_trial(draft, id, day),
        _ => {}
    }
    schedule::run_due(draft, id, day);
    // Asked again, because a trial that converts moves its term.
    let term_end = draft.get(id).filter(|subscription| subscription.standing != Standing::Trial).map(|it| it.term_end);
    if term_end.is_some_and(|end| end <= day) {
        renewal::end_term(draft, id);
    }
    draft.charge_day_end(id, day);
}

/// The suspension lasted too long (row 8): the subscription is gone, and every add-on on it.
fn deprovision(draft: &mut Draft<'_>, id: &SubscriptionId, effective_on: NaiveDate) {
    let customer = draft.customer;
    for id in std::iter::once(id).chain(customer.add_ons_of(id)) {
        if draft.get(id).is_some_and(|subscription| !subscription.is_closed()) {
            let (customer_id, subscription_id) = (customer.id().clone(), id.clone());
            draft.push(SubscriptionDeprovisioned { customer_id, subscription_id, effective_on });
        }
    }
}

/// A marketplace trial converts by itself on its first paid day (L14516).
fn convert_trial(draft: &mut Draft<'_>, id: &SubscriptionId, day: NaiveDate) {
    let Some(subscription) = draft.get(id) else { return };
    let Some(paid_from) = subscription.trial_end.filter(|end| *end <= day) else { return };
    let term_end = calendar::anniversary(paid_from, subscription.term_months);
    let (customer_id, subscription_id) = (subscription.customer_id.clone(), id.clone());
    draft.push(TrialConverted { customer_id, subscription_id, paid_from, term_end });
}
