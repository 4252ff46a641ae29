//! One customer: everything whose rules are about one customer.
//!
//! Here lives the state and how events change it; each command's rules stand in a file of its own, and work on a [`draft`].

mod agreement;
mod cancel;
mod convert;
mod create;
mod dates;
mod decide;
mod draft;
mod due;
mod frequency;
mod gates;
mod purchase;
mod quantity;
mod relationship;
mod renewal;
mod subscription;
mod suspension;
mod transfer;
mod transition;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    Event,
    event::{AgreementAccepted, CustomerCreated, RelationshipEstablished, SubscriptionCreated, TransferRequested},
    ids::{CustomerId, OfferId, OrderId, PartnerId, SubscriptionId, TransferId},
    party::AgreementMode,
};

pub use decide::decide;
pub use due::DUE_PER_DECISION_MAX;
pub use purchase::{FREE_TRIAL_DAYS_MAX, ORDER_LINES_MAX};
pub use subscription::{Standing, Subscription};
pub use transfer::{TRANSFER_DAYS_MAX, TRANSFER_LINES_MAX, Transfer, TransferStanding};

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
}

/// Where a relationship stands (customers page section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RelationshipStanding {
    /// The partner asked; the customer has not answered.
    Requested,
    /// The partner may sell.
    Active,
    /// It ended, and may be asked for again.
    Removed,
}

/// A partner's relationship with the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relationship {
    /// Where it stands.
    pub standing: RelationshipStanding,
    /// Whether with admin rights; never without an active relationship.
    pub delegated_admin: bool,
    /// Reseller of record, where a purchase names none.
    pub reseller_id: Option<PartnerId>,
}

/// An order and what it created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Who pays.
    pub partner_id: PartnerId,
    /// Its subscriptions.
    pub subscription_ids: Vec<SubscriptionId>,
}

/// How often the customer owns an offer (accounts page section 2.14).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Owned {
    /// Ever bought.
    ever: u32,
    /// Of these, neither deprovisioned nor expired nor cancelled with a credit.
    now: u32,
}

/// One customer's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    id: CustomerId,
    country: String,
    /// The first day that the customer's own acceptance covers.
    accepted_directly: Option<NaiveDate>,
    /// The first day that a partner's attestation covers, for that partner only (L5341-5347).
    attested: BTreeMap<PartnerId, NaiveDate>,
    relationships: BTreeMap<PartnerId, Relationship>,
    orders: BTreeMap<OrderId, Order>,
    subscriptions: BTreeMap<SubscriptionId, Subscription>,
    add_ons: BTreeMap<SubscriptionId, BTreeSet<SubscriptionId>>,
    /// Add-ons that were suspended because their base was: exactly these come back with it (decision G11).
    suspended_with_base: BTreeSet<SubscriptionId>,
    owned: BTreeMap<OfferId, Owned>,
    transfers: BTreeMap<TransferId, Transfer>,
    in_open_transfer: BTreeMap<SubscriptionId, TransferId>,
    /// When each subscription has something due, so that nobody looks through all of them.
    due: BTreeSet<(NaiveDate, SubscriptionId)>,
    transfers_due: BTreeSet<(NaiveDate, TransferId)>,
}

impl Customer {
    /// Its id.
    pub fn id(&self) -> &CustomerId {
        &self.id
    }

    /// ISO 3166 alpha-2.
    pub fn country(&self) -> &str {
        &self.country
    }

    /// The first day at whose end something is due, if no command comes in between.
    pub fn next_due(&self) -> Option<NaiveDate> {
        let subscription = self.due.first().map(|(date, _)| *date);
        let transfer = self.transfers_due.first().map(|(date, _)| *date);
        subscription.into_iter().chain(transfer).min()
    }

    /// Every subscription, ended ones too, by id.
    pub fn subscriptions(&self) -> impl Iterator<Item = &Subscription> {
        self.subscriptions.values()
    }

    /// One subscription.
    pub fn subscription(&self, id: &SubscriptionId) -> Option<&Subscription> {
        self.subscriptions.get(id)
    }

    /// One order.
    pub fn order(&self, id: &OrderId) -> Option<&Order> {
        self.orders.get(id)
    }

    /// One transfer.
    pub fn transfer(&self, id: &TransferId) -> Option<&Transfer> {
        self.transfers.get(id)
    }

    /// The relationship with a partner, active or not.
    pub fn relationship(&self, partner_id: &PartnerId) -> Option<&Relationship> {
        self.relationships.get(partner_id)
    }

    /// Whether the customer agreement holds for that partner on that day: accepted by the customer itself for every partner, or
    /// attested by this one (program page C02, L5341-5347).
    pub fn has_accepted_agreement(&self, partner_id: &PartnerId, on: NaiveDate) -> bool {
        self.accepted_directly.is_some_and(|from| from <= on)
            || self.attested.get(partner_id).is_some_and(|from| *from <= on)
    }

    fn new(e: &CustomerCreated) -> Self {
        Self {
            id: e.customer_id.clone(),
            country: e.address.country.clone(),
            accepted_directly: None,
            attested: BTreeMap::new(),
            relationships: BTreeMap::new(),
            orders: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            add_ons: BTreeMap::new(),
            suspended_with_base: BTreeSet::new(),
            owned: BTreeMap::new(),
            transfers: BTreeMap::new(),
            in_open_transfer: BTreeMap::new(),
            due: BTreeSet::new(),
            transfers_due: BTreeSet::new(),
        }
    }

    fn add_ons_of(&self, base: &SubscriptionId) -> impl Iterator<Item = &SubscriptionId> {
        self.add_ons.get(base).into_iter().flatten()
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::AgreementAccepted(e) => self.accept_agreement(e),
            Event::RelationshipRequested(e) => {
                let standing = RelationshipStanding::Requested;
                let (delegated_admin, reseller_id) = (e.delegated_admin, e.reseller_id.clone());
                let relationship = Relationship { standing, delegated_admin, reseller_id };
                self.relationships.insert(e.partner_id.clone(), relationship);
            }
            Event::RelationshipEstablished(e) => self.establish(e),
            Event::RelationshipRemoved(e) => {
                if let Some(relationship) = self.relationships.get_mut(&e.partner_id) {
                    relationship.standing = RelationshipStanding::Removed;
                    relationship.delegated_admin = false;
                }
            }
            Event::OrderPlaced(e) => {
                let order = Order { partner_id: e.partner_id.clone(), subscription_ids: e.subscription_ids.clone() };
                self.orders.insert(e.order_id.clone(), order);
            }
            Event::SubscriptionCreated(e) => self.add_subscription(e, event),
            Event::TransferRequested(e) => self.open_transfer(e),
            Event::TransferCompleted(e) => self.close_transfer(&e.transfer_id, TransferStanding::Complete),
            Event::TransferDeclined(e) => self.close_transfer(&e.transfer_id, TransferStanding::Declined),
            Event::TransferWithdrawn(e) => self.close_transfer(&e.transfer_id, TransferStanding::Withdrawn),
            Event::TransferExpired(e) => self.close_transfer(&e.transfer_id, TransferStanding::Expired),
            _ => {
                for id in transition::concerned(event) {
                    self.change_subscription(id, event);
                }
            }
        }
    }

    fn accept_agreement(&mut self, e: &AgreementAccepted) {
        let earliest = |known: Option<NaiveDate>| known.map_or(e.accepted_on, |known| known.min(e.accepted_on));
        match (e.mode, &e.partner_id) {
            (AgreementMode::CustomerDirect, _) => self.accepted_directly = Some(earliest(self.accepted_directly)),
            (AgreementMode::PartnerAttestation, Some(partner_id)) => {
                let accepted_on = earliest(self.attested.get(partner_id).copied());
                self.attested.insert(partner_id.clone(), accepted_on);
            }
            (AgreementMode::PartnerAttestation, None) => {}
        }
    }

    fn establish(&mut self, e: &RelationshipEstablished) {
        let standing = RelationshipStanding::Active;
        let relationship =
            Relationship { standing, delegated_admin: e.delegated_admin, reseller_id: e.reseller_id.clone() };
        self.relationships.insert(e.partner_id.clone(), relationship);
    }

    fn add_subscription(&mut self, e: &SubscriptionCreated, event: &Event) {
        let mut subscription = Subscription::from(e);
        subscription.apply(event);
        let owned = self.owned.entry(e.offer_id.clone()).or_default();
        owned.ever = owned.ever.saturating_add(1);
        owned.now = owned.now.saturating_add(1);
        if let Some(base) = &e.base_subscription_id {
            self.add_ons.entry(base.clone()).or_default().insert(e.subscription_id.clone());
        }
        self.due.extend(subscription.next_due().map(|date| (date, e.subscription_id.clone())));
        self.subscriptions.insert(e.subscription_id.clone(), subscription);
    }

    fn change_subscription(&mut self, id: &SubscriptionId, event: &Event) {
        let base_suspended = matches!(event, Event::SubscriptionSuspended(_)) && self.is_base_suspended(id);
        let Some(subscription) = self.subscriptions.get_mut(id) else { return };
        let (was_due, was_open, offer_before) =
            (subscription.next_due(), !subscription.is_closed(), subscription.offer_id.clone());
        subscription.apply(event);
        let due = subscription.next_due();
        if was_due != due {
            was_due.map(|date| self.due.remove(&(date, id.clone())));
            self.due.extend(due.map(|date| (date, id.clone())));
        }
        if was_open && (subscription.is_closed() || subscription.offer_id != offer_before) {
            if let Some(owned) = self.owned.get_mut(&offer_before) {
                owned.now = owned.now.saturating_sub(1);
            }
            if !subscription.is_closed() {
                let owned = self.owned.entry(subscription.offer_id.clone()).or_default();
                owned.ever = owned.ever.saturating_add(1);
                owned.now = owned.now.saturating_add(1);
            }
        }
        if base_suspended {
            self.suspended_with_base.insert(id.clone());
        } else if !matches!(subscription.standing, Standing::Suspended { .. }) {
            self.suspended_with_base.remove(id);
        }
    }

    /// An add-on suspended while its base already is was suspended with it: alone, it could not have been in use.
    fn is_base_suspended(&self, id: &SubscriptionId) -> bool {
        let base = self.subscriptions.get(id).and_then(|add_on| add_on.base_subscription_id.as_ref());
        let base = base.and_then(|base| self.subscriptions.get(base));
        base.is_some_and(|base| matches!(base.standing, Standing::Suspended { .. }))
    }

    fn open_transfer(&mut self, e: &TransferRequested) {
        for line in &e.lines {
            self.in_open_transfer.insert(line.subscription_id.clone(), e.transfer_id.clone());
        }
        self.transfers_due.extend(e.expires_on.map(|date| (date, e.transfer_id.clone())));
        self.transfers.insert(e.transfer_id.clone(), Transfer::from(e));
    }

    fn close_transfer(&mut self, id: &TransferId, standing: TransferStanding) {
        let Some(transfer) = self.transfers.get_mut(id) else { return };
        transfer.standing = standing;
        for line in &transfer.lines {
            // A request that ran out may have a successor before its timer ran.
            if self.in_open_transfer.get(&line.subscription_id) == Some(id) {
                self.in_open_transfer.remove(&line.subscription_id);
            }
        }
        transfer.expires_on.map(|date| self.transfers_due.remove(&(date, id.clone())));
    }
}

/// Applies an event of a customer.
pub fn evolve(state: &mut Option<Customer>, event: &Event) {
    match (event, state) {
        (Event::CustomerCreated(e), state) => *state = Some(Customer::new(e)),
        (_, Some(customer)) => customer.apply(event),
        (_, None) => {}
    }
}

#[cfg(test)]
mod tests;
