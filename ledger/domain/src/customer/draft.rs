//! A decision in the making: events in order, and working copies of the few subscriptions they change.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use chrono::NaiveDate;

use super::{Customer, Subscription, due, gates, transition::concerned};
use crate::{
    Context, Event, Reference, Rejection, charge,
    decision::Decision,
    event::SubscriptionCreated,
    ids::{PartnerId, SubscriptionId},
};

/// A subscription as the events so far have it: a copy, if any of them concerns it.
fn current<'a>(
    copies: &'a BTreeMap<SubscriptionId, Arc<Subscription>>,
    customer: &'a Customer,
    id: &SubscriptionId,
) -> Option<&'a Subscription> {
    copies.get(id).map(Arc::as_ref).or_else(|| customer.subscription(id))
}

/// What a command has decided so far. Each step sees the effect of the steps before it, without a copy of the whole customer.
pub(super) struct Draft<'a> {
    /// The customer before the command.
    pub(super) customer: &'a Customer,
    /// Catalog and partners.
    pub(super) reference: &'a Reference,
    /// The events.
    pub(super) decision: Decision<'a>,
    copies: BTreeMap<SubscriptionId, Arc<Subscription>>,
}

impl<'a> Draft<'a> {
    /// Nothing decided yet.
    pub(super) fn new(customer: &'a Customer, reference: &'a Reference, context: &'a Context) -> Self {
        let decision = Decision::new(context, reference.catalog.last_closed()).taxed_by(reference);
        Self { customer, reference, decision, copies: BTreeMap::new() }
    }

    /// The day on which the command takes effect.
    pub(super) fn on(&self) -> NaiveDate {
        self.decision.effective_on()
    }

    /// A subscription as the events so far have it.
    pub(super) fn get(&self, id: &SubscriptionId) -> Option<&Subscription> {
        current(&self.copies, self.customer, id)
    }

    /// The partner's subscription, up to date: what fell due before the command's day is decided first, so that a command that
    /// overtakes the timers meets the same state as one that follows them.
    pub(super) fn owned(&mut self, partner_id: &PartnerId, id: &SubscriptionId) -> Result<&Subscription, Rejection> {
        self.owned_from(partner_id, id, Subscription::settled_from)
    }

    /// [`Self::owned`] for what may come late: `from` says from which day on.
    pub(super) fn owned_from(
        &mut self,
        partner_id: &PartnerId,
        id: &SubscriptionId,
        from: impl FnOnce(&Subscription) -> NaiveDate,
    ) -> Result<&Subscription, Rejection> {
        gates::partner(self.reference, partner_id, "partner_id")?;
        gates::owner(self.customer, partner_id, id)?;
        self.settle_before(id);
        let subscription = gates::found(self.get(id), id)?;
        gates::reaches(subscription, self.on(), from(subscription)).map(|()| subscription)
    }

    /// Decides what fell due before the command's day, for the subscription, its base and its add-ons.
    pub(super) fn settle_before(&mut self, id: &SubscriptionId) {
        let Some(yesterday) = self.on().pred_opt() else { return };
        let customer = self.customer;
        let base = customer.subscription(id).and_then(|subscription| subscription.base_subscription_id.as_ref());
        let concerned = || base.into_iter().chain([id]).chain(customer.add_ons_of(id));
        let is_due = |id| self.get(id).and_then(Subscription::next_due).is_some_and(|due| due <= yesterday);
        if !concerned().any(is_due) {
            return;
        }
        let ids: Vec<_> = concerned().cloned().collect();
        // A closed day may be on a document already; what was due in it is charged in arrears.
        let charged_on = self.decision.charged_on;
        let first_open_day = self.reference.catalog.last_closed().and_then(|day| day.succ_opt());
        due::settle(self, ids, yesterday, |day| first_open_day.map_or(day, |open| open.max(day)));
        self.decision.charged_on = charged_on;
    }

    /// Adds an event.
    pub(super) fn push(&mut self, event: impl Into<Event>) {
        let first = self.decision.events().len();
        self.decision.push(event);
        self.follow(first);
    }

    /// Adds an event about one subscription and what it costs. The charge is decided from the subscription as it stood before.
    pub(super) fn push_charged(
        &mut self,
        id: &SubscriptionId,
        event: impl Into<Event>,
        charge: impl FnOnce(&Subscription, &mut Decision<'_>),
    ) {
        let first = self.decision.events().len();
        self.decision.push(event);
        self.charge_from(first, id, charge);
    }

    /// Adds what something costs whose event is there already.
    pub(super) fn charge(&mut self, id: &SubscriptionId, charge: impl FnOnce(&Subscription, &mut Decision<'_>)) {
        self.charge_from(self.decision.events().len(), id, charge);
    }

    fn charge_from(
        &mut self,
        first: usize,
        id: &SubscriptionId,
        charge: impl FnOnce(&Subscription, &mut Decision<'_>),
    ) {
        if let Some(subscription) = current(&self.copies, self.customer, id) {
            charge(subscription, &mut self.decision);
        }
        self.follow(first);
    }

    /// Adds a new subscription and its first charges.
    pub(super) fn create(&mut self, created: SubscriptionCreated) {
        let mut subscription = Subscription::from(&created);
        let event = Event::from(created);
        subscription.apply(&event);
        self.decision.push(event);
        // Its charges concern nothing else.
        let subscription = charge::purchased(subscription, &mut self.decision);
        self.copies.insert(subscription.subscription_id.clone(), Arc::new(subscription));
    }

    /// Charges the subscription as the events so far have it.
    pub(super) fn charge_from_now(
        &mut self,
        id: &SubscriptionId,
        charge: impl FnOnce(&Subscription, &mut Decision<'_>),
    ) {
        let first = self.decision.events().len();
        if let Some(subscription) = current(&self.copies, self.customer, id) {
            charge(subscription, &mut self.decision);
        }
        self.follow(first);
    }

    /// Charges a subscription that begins on that day, which may still be ahead of the first open one.
    pub(super) fn charge_purchase(&mut self, id: &SubscriptionId, start: NaiveDate) {
        let first = self.decision.events().len();
        let charged_on = self.decision.charged_on;
        self.decision.charged_on = charged_on.max(start);
        if let Some(subscription) = current(&self.copies, self.customer, id) {
            charge::purchase(subscription, &mut self.decision);
        }
        self.decision.charged_on = charged_on;
        self.follow(first);
    }

    /// Charges what is due at the end of the day.
    pub(super) fn charge_day_end(&mut self, id: &SubscriptionId, day: NaiveDate) {
        self.charge(id, |subscription, decision| charge::day_end(subscription, day, decision));
    }

    /// Applies the events from that one on to the working copies.
    fn follow(&mut self, first: usize) {
        for event in self.decision.events().iter().skip(first) {
            for id in concerned(event) {
                let copy = match self.copies.entry(id.clone()) {
                    Entry::Occupied(entry) => entry.into_mut(),
                    Entry::Vacant(entry) => match self.customer.subscriptions.get(id) {
                        Some(subscription) => entry.insert(Arc::clone(subscription)),
                        None => continue,
                    },
                };
                Arc::make_mut(copy).apply(event);
            }
        }
    }
}
