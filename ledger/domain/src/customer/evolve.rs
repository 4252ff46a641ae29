//! How events change a customer's state.

use std::sync::Arc;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::{
    Customer, Order, Qualification, QualificationStanding, Relationship, RelationshipStanding, Standing, Subscription,
    Transfer, TransferStanding, reservation, sla, state::Refund, transaction, transfer_form, transition,
};
use crate::{
    Event,
    event::{AgreementAccepted, RelationshipEstablished, TransferRequested},
    ids::{PartnerId, SubscriptionId, TransferId},
    party::{AgreementMode, AgreementVersion},
};

/// Applies an event of a customer.
pub fn evolve(state: &mut Option<Customer>, event: &Event) {
    match (event, state) {
        (Event::CustomerCreated(e), state) => *state = Some(Customer::new(e)),
        (_, Some(customer)) => customer.apply(event),
        (_, None) => {}
    }
}

impl Customer {
    fn apply(&mut self, event: &Event) {
        self.ties.apply(event, &transaction::Relations(&self.relationships));
        self.associations.apply(event);
        match event {
            Event::AgreementAccepted(e) => self.accept_agreement(e),
            Event::CustomerErased(_) => self.erase(),
            Event::RelationshipRequested(e) => {
                let standing = RelationshipStanding::Requested;
                let mut relationship = Relationship::new(standing, e.delegated_admin, e.reseller_id.clone());
                relationship.request_expires_on = e.expires_on;
                self.relationships.insert(e.partner_id.clone(), relationship);
            }
            Event::RelationshipRequestExpired(e) => self.change_relationship(&e.partner_id, |known| {
                if known.standing == RelationshipStanding::Requested {
                    (known.standing, known.delegated_admin) = (RelationshipStanding::Expired, false);
                }
                known.close_request();
            }),
            Event::RelationshipEstablished(e) => self.establish(e),
            Event::RelationshipRemoved(e) => {
                if let Some(relationship) = self.relationships.get_mut(&e.partner_id) {
                    relationship.standing = RelationshipStanding::Removed;
                    relationship.delegated_admin = false;
                    relationship.close_request();
                    relationship.resellers.clear();
                    relationship.reseller_id = None;
                }
                self.permissions.retain(|(partner_id, _)| *partner_id != e.partner_id);
            }
            Event::OrderPlaced(e) => {
                let order = Order { partner_id: e.partner_id.clone(), subscription_ids: e.subscription_ids.clone() };
                self.orders.insert(e.order_id.clone(), order);
            }
            Event::SubscriptionCreated(e) => self.add_subscription(Subscription::from(e), event),
            Event::TrialStarted(e) => self.add_subscription(Subscription::from(e), event),
            Event::SlaClaimSubmitted(_)
            | Event::SlaClaimantAsked(_)
            | Event::SlaClaimAnswered(_)
            | Event::SlaClaimApproved(_)
            | Event::SlaClaimRefused(_) => sla::apply(&mut self.claims, event),
            Event::TransferRequested(e) => self.open_transfer(e),
            Event::TransferCompleted(e) => {
                self.close_transfer(&e.transfer_id, TransferStanding::Complete);
                self.users.apply(event);
                self.usage.apply(event);
            }
            Event::TransferFormSigned(_) | Event::TransferFormSubmitted(_) | Event::TransferAccessCleaned(_) => {
                transfer_form::apply(&mut self.transfers, event);
            }
            Event::TransferDeclined(e) => self.close_transfer(&e.transfer_id, TransferStanding::Declined),
            Event::TransferWithdrawn(e) => self.close_transfer(&e.transfer_id, TransferStanding::Withdrawn),
            Event::TransferExpired(e) => self.close_transfer(&e.transfer_id, TransferStanding::Expired),
            Event::ReservationRefunded(e) => self.add_refund(&e.partner_id, e.effective_on, e.credit),
            _ => {
                for id in transition::concerned(event) {
                    self.change_subscription(id, event);
                }
                self.apply_record(event);
            }
        }
    }

    /// What is neither about one subscription nor about a transfer.
    fn apply_record(&mut self, event: &Event) {
        match event {
            Event::QualificationRequested(e) => {
                let (standing, submissions) = (QualificationStanding::Requested, e.submission);
                self.qualifications.insert(e.segment, Qualification { standing, submissions });
            }
            Event::QualificationDecided(e) => {
                if let Some(known) = self.qualifications.get_mut(&e.segment) {
                    let (yes, no) = (QualificationStanding::Qualified, QualificationStanding::Denied);
                    known.standing = if e.qualified { yes } else { no };
                }
            }
            Event::ResellerAdded(e) => self.change_relationship(&e.partner_id, |known| {
                known.resellers.insert(e.reseller_id.clone());
                known.reseller_id.get_or_insert_with(|| e.reseller_id.clone());
            }),
            Event::ResellerRemoved(e) => self.change_relationship(&e.partner_id, |known| {
                known.resellers.remove(&e.reseller_id);
                if known.reseller_id.as_ref() == Some(&e.reseller_id) {
                    known.reseller_id = known.resellers.first().cloned();
                }
            }),
            Event::DelegatedAdminRequested(e) => {
                self.change_relationship(&e.partner_id, |known| {
                    (known.admin_requested, known.request_expires_on) = (true, e.expires_on);
                });
            }
            Event::DelegatedAdminGranted(e) => self.change_relationship(&e.partner_id, |known| {
                known.delegated_admin = true;
                known.close_request();
            }),
            Event::DelegatedAdminRemoved(e) => {
                self.change_relationship(&e.partner_id, |known| known.delegated_admin = false);
            }
            Event::PurchasePermissionChanged(e) => {
                let permission = (e.partner_id.clone(), e.permission);
                if e.allowed {
                    self.permissions.insert(permission)
                } else {
                    self.permissions.remove(&permission)
                };
            }
            Event::SubscriptionUpgraded(e) => {
                self.add_ons.remove(&e.subscription_id);
                if !e.add_on_ids.is_empty() {
                    self.add_ons.insert(e.new_subscription_id.clone(), e.add_on_ids.iter().cloned().collect());
                }
                self.users.apply(event);
            }
            _ => {
                self.users.apply(event);
                self.usage.apply(event);
            }
        }
    }

    fn change_relationship(&mut self, partner_id: &PartnerId, change: impl FnOnce(&mut Relationship)) {
        if let Some(relationship) = self.relationships.get_mut(partner_id) {
            change(relationship);
        }
    }

    fn add_refund(&mut self, partner_id: &PartnerId, on: NaiveDate, amount: Decimal) {
        let refunds = self.refunds.entry(partner_id.clone()).or_default();
        refunds.retain(|refund| refund.on > reservation::year_before(on));
        refunds.extend((amount > Decimal::ZERO).then_some(Refund { on, amount }));
    }

    fn accept_agreement(&mut self, e: &AgreementAccepted) {
        let earliest = |known: Option<NaiveDate>| known.map_or(e.accepted_on, |known| known.min(e.accepted_on));
        let version = e.version.unwrap_or(AgreementVersion::CustomerAgreement);
        match (e.mode, &e.partner_id) {
            (AgreementMode::CustomerDirect, _) => {
                let accepted_on = earliest(self.accepted_directly.get(&version).copied());
                self.accepted_directly.insert(version, accepted_on);
            }
            (AgreementMode::PartnerAttestation, Some(partner_id)) => {
                let key = (partner_id.clone(), version);
                let accepted_on = earliest(self.attested.get(&key).copied());
                self.attested.insert(key, accepted_on);
            }
            (AgreementMode::PartnerAttestation, None) => {}
        }
    }

    fn establish(&mut self, e: &RelationshipEstablished) {
        let standing = RelationshipStanding::Active;
        let relationship = Relationship::new(standing, e.delegated_admin, e.reseller_id.clone());
        self.relationships.insert(e.partner_id.clone(), relationship);
    }

    fn add_subscription(&mut self, mut subscription: Subscription, event: &Event) {
        subscription.apply(event);
        let id = subscription.subscription_id.clone();
        let owned = self.owned.entry(subscription.offer_id.clone()).or_default();
        owned.ever = owned.ever.saturating_add(1);
        owned.now = owned.now.saturating_add(1);
        if let Some(base) = &subscription.base_subscription_id {
            self.add_ons.entry(base.clone()).or_default().insert(id.clone());
        }
        self.due.extend(subscription.next_due().map(|date| (date, id.clone())));
        self.subscriptions.insert(id, Arc::new(subscription));
    }

    fn change_subscription(&mut self, id: &SubscriptionId, event: &Event) {
        let base_suspended = matches!(event, Event::SubscriptionSuspended(_)) && self.is_base_suspended(id);
        let Some(subscription) = self.subscriptions.get_mut(id).map(Arc::make_mut) else { return };
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
        if subscription.is_closed() {
            self.users.drop_subscription(id);
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
