//! What a subscription was on each day, and what made it so.

use chrono::NaiveDate;
use subledger_domain::{Event, ids::SubscriptionId};
use subledger_fold::{Recorded, StoreError, put};

use super::Fold;
use crate::{rows::StateOnDay, tables::history};

/// The subscription whose state an event changes, and from which day, if not from the command's.
fn changes(event: &Event) -> Option<(&SubscriptionId, Option<NaiveDate>)> {
    Some(match event {
        Event::SubscriptionCreated(e) => (&e.subscription_id, Some(e.start)),
        Event::TrialStarted(e) => (&e.subscription_id, Some(e.start)),
        Event::QuantityChanged(e) => (&e.subscription_id, Some(e.effective_on)),
        Event::SubscriptionSuspended(e) => (&e.subscription_id, Some(e.effective_on)),
        Event::SubscriptionReactivated(e) => (&e.subscription_id, Some(e.effective_on)),
        Event::SubscriptionCancelled(e) => (&e.subscription_id, Some(e.effective_on)),
        Event::SubscriptionExpired(e) => (&e.subscription_id, Some(e.effective_on)),
        Event::SubscriptionDeprovisioned(e) => (&e.subscription_id, Some(e.effective_on)),
        Event::SubscriptionConverted(e) => (&e.subscription_id, Some(e.effective_on)),
        Event::SubscriptionRenewed(e) => (&e.subscription_id, Some(e.term_start)),
        Event::SubscriptionActivated(e) => (&e.subscription_id, Some(e.start)),
        Event::TrialConverted(e) => (&e.subscription_id, Some(e.paid_from)),
        Event::TrialExpired(e) => (&e.subscription_id, Some(e.effective_on)),
        Event::FreeTrialConverted(e) => (&e.subscription_id, Some(e.start)),
        Event::ScheduledChangeApplied(e) => (&e.subscription_id, Some(e.effective_on)),
        _ => return None,
    })
}

/// The day from which an event holds for the subscriptions it changes: its own, or the command's.
pub(super) fn day_of(event: &Event, commit: &Recorded<'_>) -> NaiveDate {
    let own = match event {
        Event::TermRolled(e) => Some(e.term_start),
        Event::FulfilmentConfirmed(e) => Some(e.effective_on),
        event => changes(event).and_then(|(_, on)| on),
    };
    own.unwrap_or_else(|| commit.effective_at.date_naive())
}

impl Fold<'_> {
    /// Notes what the event made of a subscription; called when it is folded.
    pub(super) fn note_state(&mut self, event: &Event, number: u64) -> Result<(), StoreError> {
        let Some((id, on)) = changes(event) else { return Ok(()) };
        let commit = self.commit;
        let Some(now) = self.subscription(id)? else { return Ok(()) };
        let since = on.unwrap_or_else(|| commit.effective_at.date_naive());
        let state = StateOnDay {
            since,
            state: now.state,
            suspension_reason: now.suspension_reason,
            quantity: now.quantity,
            offer_id: now.offer_id.clone(),
            event: event.name().to_owned(),
            position: commit.position,
            command_id: commit.command_id.to_owned(),
            principal: commit.principal.to_owned(),
        };
        put(self.rows, history::key(commit.stream, id.as_str(), since, commit.position.seq, number), &state)
    }
}
