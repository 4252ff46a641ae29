//! Subscriptions and the tables that list them.

use chrono::NaiveDate;
use subledger_domain::{
    customer::ScheduledChange,
    event::{
        BillingFrequencyChanged, FreeTrialConverted, FulfilmentConfirmed, PeriodStarted, ScheduledChangeApplied,
        SubscriptionActivated, SubscriptionConverted, SubscriptionCreated, SubscriptionDetailsChanged,
        SubscriptionSuspended, SubscriptionUpgraded, TrialConverted,
    },
    ids::SubscriptionId,
    offer::PriceComponent,
};
use subledger_fold::{StoreError, encode, get, put};

use super::Fold;
use crate::{
    rows::{Price, Promotion, Subscription, SubscriptionState, last_day},
    tables::{frequencies, ids::IdKind, subscriptions, subscriptions_by_partner},
};

impl Fold<'_> {
    pub(super) fn subscription_created(&mut self, e: &SubscriptionCreated) -> Result<(), StoreError> {
        if self.subscription(&e.subscription_id)?.is_some() {
            return Err(self.impossible(&format!("subscription {} was created before", e.subscription_id)));
        }
        self.index_id(e.subscription_id.as_str(), IdKind::Subscription)?;
        let mut created = Subscription::from(e);
        if let Some(predecessor) = e.transferred_from_subscription_id.as_ref().filter(|_| e.product_kind.is_some()) {
            let predecessor = self.subscription(predecessor)?;
            created.azure_subscription_id = predecessor.and_then(|known| known.azure_subscription_id.clone());
        }
        self.add(created)?;
        match &e.transferred_from_subscription_id {
            Some(predecessor) => self.transferred(predecessor, &e.subscription_id),
            None => Ok(()),
        }
    }

    /// Lists a new subscription by its partner.
    pub(super) fn add(&mut self, subscription: Subscription) -> Result<(), StoreError> {
        put(self.rows, subscriptions_by_partner::key(&subscription, None), &())?;
        let row = encode(&subscription)?;
        self.save(None, &subscription, row.clone())?;
        self.note_begin(&subscription.subscription_id, row)?;
        self.begun = Some(subscription.subscription_id.clone());
        self.subscription = Some(subscription);
        Ok(())
    }

    /// A subscription as it stands in its row.
    pub(super) fn subscription(&mut self, id: &SubscriptionId) -> Result<Option<&Subscription>, StoreError> {
        if self.subscription.as_ref().is_none_or(|known| known.subscription_id != *id) {
            self.subscription = get(self.rows, &subscriptions::key(self.commit.stream, id.as_str()))?;
        }
        Ok(self.subscription.as_ref())
    }

    pub(super) fn free_trial_converted(&mut self, e: &FreeTrialConverted) -> Result<(), StoreError> {
        self.change(&e.subscription_id, |s| {
            s.state = SubscriptionState::Active;
            s.free_trial_ends_on = None;
            s.ends_on = None;
            s.offer_id = e.offer_id.clone();
            s.offer_name.clone_from(&e.offer_name);
            s.quantity = e.quantity;
            s.billing_frequency = Some(e.billing_frequency);
            s.term_months = e.term_months;
            (s.start, s.term_start, s.term_end) = (e.start, e.start, last_day(e.term_end));
            s.prices = e.prices.iter().map(Price::from).collect();
            s.auto_renew = e.auto_renew;
            s.promotion = e.promotion.as_ref().map(Promotion::from);
        })
    }

    pub(super) fn scheduled_change_applied(&mut self, e: &ScheduledChangeApplied) -> Result<(), StoreError> {
        self.change(&e.subscription_id, |s| {
            s.scheduled = None;
            match e.change {
                ScheduledChange { on: Some(_), .. } => {}
                ScheduledChange { quantity: Some(to), .. } => s.quantity = to,
                ScheduledChange { quantity: None, .. } => s.auto_renew = false,
            }
        })
    }

    pub(super) fn details_changed(&mut self, e: &SubscriptionDetailsChanged) -> Result<(), StoreError> {
        self.change(&e.subscription_id, |s| {
            s.friendly_name.clone_from(&e.friendly_name);
            s.po_number.clone_from(&e.po_number);
            s.support_contact_id.clone_from(&e.support_contact_id);
            s.reseller_id.clone_from(&e.reseller_id);
        })
    }

    pub(super) fn upgraded(&mut self, e: &SubscriptionUpgraded) -> Result<(), StoreError> {
        self.licenses_moved(&e.subscription_id, &e.new_subscription_id)?;
        self.change(&e.subscription_id, |s| s.replaced_by_subscription_id = Some(e.new_subscription_id.clone()))?;
        e.add_on_ids
            .iter()
            .try_for_each(|id| self.change(id, |s| s.base_subscription_id = Some(e.new_subscription_id.clone())))
    }

    pub(super) fn transferred(&mut self, from: &SubscriptionId, to: &SubscriptionId) -> Result<(), StoreError> {
        self.change(from, |s| s.transferred_to_subscription_id = Some(to.clone()))
    }

    pub(super) fn suspended(&mut self, e: &SubscriptionSuspended) -> Result<(), StoreError> {
        self.change(&e.subscription_id, |s| {
            s.state = SubscriptionState::Suspended;
            s.suspension_reason = Some(e.reason);
            s.expires_on = Some(e.expires_on);
        })
    }

    pub(super) fn ended(
        &mut self,
        subscription_id: &SubscriptionId,
        state: SubscriptionState,
        effective_on: NaiveDate,
    ) -> Result<(), StoreError> {
        self.change(subscription_id, |s| {
            s.state = state;
            s.suspension_reason = None;
            s.expires_on = None;
            s.ends_on = Some(effective_on);
            s.next_billing_frequency = None;
            s.scheduled = None;
        })?;
        self.licenses_gone(subscription_id)
    }

    pub(super) fn billing_frequency_changed(&mut self, e: &BillingFrequencyChanged) -> Result<(), StoreError> {
        e.subscription_ids.iter().try_for_each(|subscription_id| {
            put(self.rows, frequencies::key(self.commit.stream, subscription_id.as_str()), &())?;
            self.change(subscription_id, |s| {
                s.next_billing_frequency = (s.billing_frequency != Some(e.to)).then_some(e.to);
            })
        })
    }

    pub(super) fn period_started(&mut self, e: &PeriodStarted) -> Result<(), StoreError> {
        // Nothing was changed of one that the commit begins, and of most others.
        let changed = frequencies::key(self.commit.stream, e.subscription_id.as_str());
        if self.begun.as_ref() == Some(&e.subscription_id) || self.rows.get(&changed)?.is_none() {
            return Ok(());
        }
        self.change(&e.subscription_id, |s| {
            s.billing_frequency = s.next_billing_frequency.take().or(s.billing_frequency);
        })
    }

    pub(super) fn converted(&mut self, e: &SubscriptionConverted) -> Result<(), StoreError> {
        self.change(&e.subscription_id, |s| {
            s.sku = Some(e.to_sku.clone());
            s.prices = e.prices.iter().map(Price::from).collect();
            s.offer_id = e.offer_id.clone();
            s.offer_name.clone_from(&e.offer_name);
        })
    }

    pub(super) fn new_term(
        &mut self,
        subscription_id: &SubscriptionId,
        start: NaiveDate,
        end: NaiveDate,
        prices: &[PriceComponent],
    ) -> Result<(), StoreError> {
        self.change(subscription_id, |s| {
            s.term_start = start;
            s.term_end = last_day(end);
            s.prices = prices.iter().map(Price::from).collect();
            // A promotion holds for its term.
            s.promotion = None;
        })
    }

    pub(super) fn confirmed(&mut self, e: &FulfilmentConfirmed) -> Result<(), StoreError> {
        self.change(&e.subscription_id, |s| {
            s.confirmed.push(e.fact);
            s.confirmed.sort_unstable();
        })
    }

    pub(super) fn activated(&mut self, e: &SubscriptionActivated) -> Result<(), StoreError> {
        self.change(&e.subscription_id, |s| {
            let trial = e.trial_end.is_some();
            s.state = if trial { SubscriptionState::Trial } else { SubscriptionState::Active };
            (s.start, s.term_start) = (e.start, e.start);
            s.term_end = last_day(e.term_end);
            s.trial_end = e.trial_end;
        })
    }

    pub(super) fn trial_converted(&mut self, e: &TrialConverted) -> Result<(), StoreError> {
        self.change(&e.subscription_id, |s| {
            s.state = SubscriptionState::Active;
            s.term_start = e.paid_from;
            s.term_end = last_day(e.term_end);
        })
    }

    pub(super) fn change(
        &mut self,
        subscription_id: &SubscriptionId,
        change: impl Fn(&mut Subscription),
    ) -> Result<(), StoreError> {
        self.subscription(subscription_id)?;
        let before = self.subscription.take();
        let before = before.ok_or_else(|| self.impossible(&format!("there is no subscription {subscription_id}")))?;
        let mut after = before.clone();
        change(&mut after);
        let in_order = if after == before {
            !self.is_late(subscription_id)?
        } else {
            let row = encode(&after)?;
            self.save(Some(&before), &after, row.clone())?;
            self.note_in_order(subscription_id, row)?
        };
        self.subscription = Some(after);
        if in_order { Ok(()) } else { self.note_late(subscription_id, change) }
    }

    /// Writes the row, the list by state and the customer's count.
    fn save(&mut self, before: Option<&Subscription>, after: &Subscription, row: Vec<u8>) -> Result<(), StoreError> {
        if before.is_none_or(|before| before.state != after.state) {
            if let Some(before) = before {
                self.rows.delete(subscriptions_by_partner::key(before, Some(before.state)));
            }
            put(self.rows, subscriptions_by_partner::key(after, Some(after.state)), &())?;
        }
        let count = &mut self.customer()?.subscription_count;
        match (before.is_some_and(Subscription::counts), after.counts()) {
            (false, true) => *count += 1,
            (true, false) => *count = count.saturating_sub(1),
            _ => {}
        }
        self.rows.put(subscriptions::key(self.commit.stream, after.subscription_id.as_str()), row);
        Ok(())
    }
}
