//! How an event changes one subscription (customers page sections 2.8 to 2.11).

use std::slice::from_ref;

use chrono::NaiveDate;

use super::{Standing, Subscription, SuspensionReason};
use crate::{charge, event::Event, ids::SubscriptionId};

/// The subscriptions an event changes; the one it creates is not there yet.
pub(super) fn concerned(event: &Event) -> &[SubscriptionId] {
    match event {
        Event::QuantityChanged(e) => from_ref(&e.subscription_id),
        Event::SubscriptionSuspended(e) => from_ref(&e.subscription_id),
        Event::SubscriptionReactivated(e) => from_ref(&e.subscription_id),
        Event::SubscriptionCancelled(e) => from_ref(&e.subscription_id),
        Event::BillingFrequencyChanged(e) => &e.subscription_ids,
        Event::AutoRenewChanged(e) => from_ref(&e.subscription_id),
        Event::SubscriptionConverted(e) => from_ref(&e.subscription_id),
        Event::SubscriptionRenewed(e) => from_ref(&e.subscription_id),
        Event::SubscriptionExpired(e) => from_ref(&e.subscription_id),
        Event::SubscriptionDeprovisioned(e) => from_ref(&e.subscription_id),
        Event::TermRolled(e) => from_ref(&e.subscription_id),
        Event::TermEnded(e) => from_ref(&e.subscription_id),
        Event::TrialConverted(e) => from_ref(&e.subscription_id),
        Event::CancellationScheduled(e) => from_ref(&e.subscription_id),
        Event::Charged(e) => from_ref(&e.subscription_id),
        Event::PeriodStarted(e) => from_ref(&e.subscription_id),
        _ => &[],
    }
}

impl Subscription {
    /// Whether it has ended for good.
    pub fn is_closed(&self) -> bool {
        matches!(self.standing, Standing::Cancelled | Standing::Expired | Standing::Deprovisioned)
    }

    /// Applies an event that concerns it, and lets the charges follow.
    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::QuantityChanged(e) => {
                self.quantity = e.to;
                self.changed_on(e.effective_on);
            }
            Event::SubscriptionSuspended(e) => {
                let (reason, since, expires_on) = (e.reason, e.effective_on, e.expires_on);
                self.standing = Standing::Suspended { reason, since, expires_on, term_ended: false };
                self.changed_on(since);
            }
            Event::SubscriptionReactivated(e) => self.stand(Standing::Active, e.effective_on),
            Event::SubscriptionCancelled(e) => self.stand(Standing::Cancelled, e.effective_on),
            Event::SubscriptionExpired(e) => self.stand(Standing::Expired, e.effective_on),
            Event::SubscriptionDeprovisioned(e) => self.stand(Standing::Deprovisioned, e.effective_on),
            Event::BillingFrequencyChanged(e) => {
                self.next_billing_frequency = Some(e.to).filter(|to| Some(*to) != self.billing_frequency);
            }
            Event::AutoRenewChanged(e) => self.auto_renew = e.auto_renew,
            Event::CancellationScheduled(_) => self.auto_renew = false,
            Event::SubscriptionConverted(e) => {
                self.sku = Some(e.to_sku.clone());
                self.prices.clone_from(&e.prices);
                self.offer_id = e.offer_id.clone();
                self.offer_name.clone_from(&e.offer_name);
                self.changed_on(e.effective_on);
            }
            Event::SubscriptionRenewed(e) => {
                (self.term_number, self.term_start, self.term_end) = (e.term_number, e.term_start, e.term_end);
                self.prices.clone_from(&e.prices);
                self.price_list_id = e.price_list_id.clone();
                // A promotion holds for its term (L14600-14612).
                self.promotion = None;
                self.changed_on(e.term_start);
            }
            Event::TermRolled(e) => {
                (self.term_number, self.term_start, self.term_end) = (e.term_number, e.term_start, e.term_end);
                self.prices.clone_from(&e.prices);
                self.price_list_id = e.price_list_id.clone();
                // A promotion holds for its term (L14600-14612).
                self.promotion = None;
                self.changed_on(e.term_start);
            }
            Event::TermEnded(e) => {
                if let Standing::Suspended { term_ended, .. } = &mut self.standing {
                    *term_ended = true;
                }
                self.changed_on(e.effective_on);
            }
            Event::TrialConverted(e) => {
                // The first paid term begins here, and the anniversary day with it.
                (self.start, self.term_start, self.term_end) = (e.paid_from, e.paid_from, e.term_end);
                self.stand(Standing::Active, e.paid_from);
            }
            Event::PeriodStarted(e) => self.changed_on(e.start),
            _ => {}
        }
        charge::evolve(self, event);
    }

    fn stand(&mut self, standing: Standing, on: NaiveDate) {
        self.standing = standing;
        self.changed_on(on);
    }

    fn changed_on(&mut self, on: NaiveDate) {
        self.last_changed_on = self.last_changed_on.max(on);
    }

    /// The next day at whose end something happens to it by itself (rows 8 to 12 of customers page section 2.8, and charges).
    pub(super) fn next_due(&self) -> Option<NaiveDate> {
        let own = match self.standing {
            Standing::Cancelled | Standing::Deprovisioned => return None,
            // What expired may owe a correction of its last month.
            Standing::Expired => None,
            Standing::Trial => self.trial_end,
            Standing::Active => Some(self.term_end),
            Standing::Suspended { reason: SuspensionReason::Transferred, expires_on, .. }
            | Standing::Suspended { term_ended: true, expires_on, .. } => Some(expires_on),
            Standing::Suspended { expires_on, .. } => Some(expires_on.min(self.term_end)),
        };
        own.into_iter().chain(charge::next_due(self)).min()
    }
}
