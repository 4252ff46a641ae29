//! How an event changes one subscription (customers page sections 2.8 to 2.11).

use std::slice::from_ref;

use chrono::NaiveDate;

use super::{ScheduledChange, Standing, Subscription};
use crate::{
    charge,
    event::{Event, FreeTrialConverted},
    ids::SubscriptionId,
    offer::FulfilmentFact,
};

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
        Event::TrialExpired(e) => from_ref(&e.subscription_id),
        Event::FreeTrialConverted(e) => from_ref(&e.subscription_id),
        Event::ChangeScheduled(e) => from_ref(&e.subscription_id),
        Event::ScheduledChangeWithdrawn(e) => from_ref(&e.subscription_id),
        Event::ScheduledChangeApplied(e) => from_ref(&e.subscription_id),
        Event::SubscriptionDetailsChanged(e) => from_ref(&e.subscription_id),
        Event::SubscriptionUpgraded(e) => &e.add_on_ids,
        Event::FulfilmentConfirmed(e) => from_ref(&e.subscription_id),
        Event::SubscriptionActivated(e) => from_ref(&e.subscription_id),
        Event::CancellationWithdrawn(e) => from_ref(&e.subscription_id),
        Event::ReservationChanged(e) => from_ref(&e.subscription_id),
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
            Event::SubscriptionReactivated(e) => {
                let trial = self.free_trial_ends_on.is_some();
                self.stand(if trial { Standing::Trial } else { Standing::Active }, e.effective_on);
            }
            Event::SubscriptionCancelled(e) => self.stand(Standing::Cancelled, e.effective_on),
            Event::SubscriptionExpired(e) => self.stand(Standing::Expired, e.effective_on),
            Event::SubscriptionDeprovisioned(e) => self.stand(Standing::Deprovisioned, e.effective_on),
            Event::BillingFrequencyChanged(e) => {
                self.next_billing_frequency = Some(e.to).filter(|to| Some(*to) != self.billing_frequency);
            }
            Event::AutoRenewChanged(e) => {
                self.auto_renew = e.auto_renew;
                self.cancelled_from = self.cancelled_from.filter(|_| !e.auto_renew);
            }
            Event::CancellationScheduled(e) => {
                self.auto_renew = false;
                self.cancelled_from = Some(e.effective_on);
            }
            Event::CancellationWithdrawn(_) => self.cancelled_from = None,
            Event::FulfilmentConfirmed(e) => self.confirm(e.fact, e.effective_on),
            Event::SubscriptionActivated(e) => {
                (self.start, self.term_start, self.term_end) = (e.start, e.start, e.term_end);
                self.trial_end = e.trial_end;
                self.stand(if e.trial_end.is_some() { Standing::Trial } else { Standing::Active }, e.start);
            }
            Event::ReservationChanged(e) => {
                self.reservation = Some(e.reservation.clone());
                self.changed_on(e.effective_on);
            }
            Event::SubscriptionConverted(e) => {
                self.sku = Some(e.to_sku.clone());
                // The new plan is judged afresh (customers page section 2.12), and plans have no promotions.
                self.promotion = None;
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
            }
            Event::TermRolled(e) => {
                (self.term_number, self.term_start, self.term_end) = (e.term_number, e.term_start, e.term_end);
                self.prices.clone_from(&e.prices);
                self.price_list_id = e.price_list_id.clone();
                // A promotion holds for its term (L14600-14612).
                self.promotion = None;
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
            Event::TrialExpired(e) => self.stand(Standing::Expired, e.effective_on),
            Event::FreeTrialConverted(e) => self.paid_for(e),
            Event::ChangeScheduled(e) => self.scheduled = Some(e.change),
            Event::ScheduledChangeWithdrawn(_) => self.scheduled = None,
            Event::ScheduledChangeApplied(e) => {
                self.scheduled = None;
                self.changed_on(e.effective_on);
                match e.change {
                    // What follows on a date has an event of its own.
                    ScheduledChange { on: Some(_), .. } => {}
                    ScheduledChange { quantity: Some(to), .. } => self.quantity = to,
                    ScheduledChange { quantity: None, .. } => self.auto_renew = false,
                }
            }
            Event::SubscriptionDetailsChanged(e) => {
                self.friendly_name.clone_from(&e.friendly_name);
                self.po_number.clone_from(&e.po_number);
                self.support_contact_id.clone_from(&e.support_contact_id);
                self.reseller_id.clone_from(&e.reseller_id);
            }
            Event::SubscriptionUpgraded(e) => self.base_subscription_id = Some(e.new_subscription_id.clone()),
            _ => {}
        }
        charge::evolve(self, event);
    }

    /// Does not move what is to come: the facts may come in either order.
    fn confirm(&mut self, fact: FulfilmentFact, on: NaiveDate) {
        if let Standing::PendingFulfilment { licenses_assigned_on, setup_confirmed_on } = &mut self.standing {
            match fact {
                FulfilmentFact::LicensesAssigned => *licenses_assigned_on = Some(on),
                FulfilmentFact::SetupConfirmed => *setup_confirmed_on = Some(on),
            }
        }
    }

    fn stand(&mut self, standing: Standing, on: NaiveDate) {
        self.standing = standing;
        if self.is_closed() {
            self.scheduled = None;
        }
        self.changed_on(on);
    }

    /// A free trial is the paid offer from now on.
    fn paid_for(&mut self, e: &FreeTrialConverted) {
        self.offer_id = e.offer_id.clone();
        self.offer_name.clone_from(&e.offer_name);
        self.quantity = e.quantity;
        self.billing_frequency = Some(e.billing_frequency);
        self.term_months = e.term_months;
        (self.start, self.term_start, self.term_end) = (e.start, e.start, e.term_end);
        self.prices.clone_from(&e.prices);
        self.price_list_id = e.price_list_id.clone();
        self.proration_rule = e.proration_rule;
        self.split_rebill_at_anniversary = e.split_rebill_at_anniversary;
        self.promotion.clone_from(&e.promotion);
        self.auto_renew = e.auto_renew;
        self.free_trial_ends_on = None;
        self.stand(Standing::Active, e.start);
    }

    /// The first day on which a change follows everything that happened: the last change, and the beginning of the term and of the
    /// period that is charged now.
    pub(super) fn settled_from(&self) -> NaiveDate {
        self.last_changed_on.max(self.term_start).max(charge::charged_from(self).unwrap_or(self.term_start))
    }

    /// The first day on which a late change of seats, or a late suspension, can be corrected in arrears: it reaches over what began by
    /// itself and is remembered, never over another change (billing.md section 2; billing-details.md 2.4, L9721).
    pub(super) fn correctable_from(&self) -> NaiveDate {
        charge::remembered_from(self).map_or_else(|| self.settled_from(), |oldest| oldest.max(self.last_changed_on))
    }

    /// The same of a reactivation, which is charged by the rhythm and the prices of now.
    pub(super) fn reactivable_from(&self) -> NaiveDate {
        charge::same_rhythm_from(self)
            .map_or_else(|| self.settled_from(), |oldest| oldest.max(self.term_start).max(self.last_changed_on))
    }

    fn changed_on(&mut self, on: NaiveDate) {
        self.last_changed_on = self.last_changed_on.max(on);
    }

    /// The next day at whose end something happens to it by itself (rows 8 to 12 of customers page section 2.8, and charges).
    pub(super) fn next_due(&self) -> Option<NaiveDate> {
        let own = match self.standing {
            Standing::Cancelled | Standing::Deprovisioned | Standing::PendingFulfilment { .. } => return None,
            // What expired may owe a correction of its last month.
            Standing::Expired => None,
            Standing::Trial => self.trial_end.or(self.free_trial_ends_on),
            Standing::Active if self.is_endless() => self.scheduled_on(),
            Standing::Active => self.scheduled_on().into_iter().chain([self.term_end]).min(),
            Standing::Suspended { reason, expires_on, term_ended, .. } if reason.is_final() || term_ended => {
                Some(expires_on)
            }
            Standing::Suspended { expires_on, .. } => {
                self.scheduled_on().into_iter().chain([expires_on, self.term_end]).min()
            }
        };
        own.into_iter().chain(charge::next_due(self)).min()
    }
}
