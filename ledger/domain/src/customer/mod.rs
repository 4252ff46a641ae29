//! One customer: everything whose rules are about one customer.
//!
//! Here lives the state and how events change it; each command's rules stand in a file of its own, and work on a [`draft`].

mod access;
mod adjustment;
mod agreement;
mod association;
mod azure;
mod cancel;
mod convert;
mod create;
mod dates;
mod decide;
mod details;
mod draft;
mod due;
mod erase;
mod free_trial;
mod frequency;
mod gates;
mod license_group;
mod licenses;
mod marketplace;
mod profile;
mod purchase;
mod qualification;
mod quantity;
mod relationship;
mod renewal;
mod reseller;
mod reservation;
mod schedule;
mod shared_services;
mod sla;
mod subscription;
mod suspension;
mod transaction;
mod transfer;
mod transfer_form;
mod transition;
mod upgrade;
mod usage;
mod user;
mod users;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use self::{association::Associations, sla::Claim};
use crate::{
    Event,
    event::{AgreementAccepted, CustomerCreated, RelationshipEstablished, TransferRequested},
    ids::{ClaimId, CustomerId, OfferId, OrderId, PartnerId, SubscriptionId, TransferId},
    party::{AgreementMode, AgreementVersion, PurchasePermission, Segment},
};

pub use decide::decide;
pub use due::DUE_PER_DECISION_MAX;
pub use license_group::{GROUP_LICENSES_MAX, LICENSE_GROUPS_MAX};
pub use licenses::LICENSE_ROWS_MAX;
pub use marketplace::FREE_TRIAL_DAYS_MAX;
pub use profile::{TAG_CHARS_MAX, TAGS_MAX};
pub use purchase::ORDER_LINES_MAX;
pub use qualification::{Qualification, QualificationStanding};
pub use schedule::ScheduledChange;
pub use sla::{SLA_CREDITS_MAX, SlaCredit};
pub use subscription::{Standing, Subscription};
pub use transfer::{TRANSFER_DAYS_MAX, TRANSFER_LINES_MAX, Transfer, TransferForm, TransferStanding};
pub use usage::{ASSIGNMENTS_MAX, METERED_RESOURCES_MAX, USAGE_RECORDS_MAX, open_until};
pub use user::{USER_NAME_CHARS_MAX, USER_RESTORE_DAYS, USERS_MAX};
pub use users::{LicenseGroup, User, Users};

/// The last day on which the agreement before the customer agreement counts (L5335, L6112).
const CLOUD_AGREEMENT_LAST_DAY: NaiveDate = match NaiveDate::from_ymd_opt(2020, 1, 31) {
    Some(day) => day,
    None => NaiveDate::MIN,
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

/// Where a relationship stands (customers page section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RelationshipStanding {
    /// The partner asked; the customer has not answered.
    Requested,
    /// The partner may sell.
    Active,
    /// It ended, and may be asked for again.
    Removed,
    /// The customer did not answer in time; the partner may ask again.
    Expired,
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
    /// Whether the partner asked for admin rights since.
    pub admin_requested: bool,
    /// Resellers that work for the customer with this provider.
    pub resellers: BTreeSet<PartnerId>,
    /// First day on which what was asked for cannot be accepted; none while nothing is open, or open for ever.
    pub request_expires_on: Option<NaiveDate>,
}

impl Relationship {
    fn new(standing: RelationshipStanding, delegated_admin: bool, reseller_id: Option<PartnerId>) -> Self {
        let resellers = reseller_id.iter().cloned().collect();
        let (admin_requested, request_expires_on) = (false, None);
        Self { standing, delegated_admin, reseller_id, admin_requested, resellers, request_expires_on }
    }

    /// Whether the open request ran out by that day; its timer may not have run yet.
    pub fn request_expired(&self, on: NaiveDate) -> bool {
        self.request_expires_on.is_some_and(|expires_on| expires_on <= on)
    }

    /// What was asked for has its answer, or ran out.
    fn close_request(&mut self) {
        (self.admin_requested, self.request_expires_on) = (false, None);
    }
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
    domain_name: String,
    /// The first day that the customer's own acceptance covers.
    accepted_directly: BTreeMap<AgreementVersion, NaiveDate>,
    /// The first day that a partner's attestation covers, for that partner only (L5341-5347).
    attested: BTreeMap<(PartnerId, AgreementVersion), NaiveDate>,
    qualifications: BTreeMap<Segment, Qualification>,
    permissions: BTreeSet<(PartnerId, PurchasePermission)>,
    users: Users,
    relationships: BTreeMap<PartnerId, Relationship>,
    ties: transaction::Ties,
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
    claims: BTreeMap<ClaimId, Claim>,
    /// Refunds of reservations by partner, oldest first: those that a cap may still count.
    refunds: BTreeMap<PartnerId, Vec<Refund>>,
    usage: usage::Usage,
    /// Who it is was erased.
    erased: bool,
    associations: Associations,
}

/// A refund of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Refund {
    on: NaiveDate,
    /// Without tax, above 0.
    amount: Decimal,
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
        let request = self.relationships.values().filter_map(|known| known.request_expires_on).min();
        let records = [self.users.next_due(), self.usage.next_due(), self.associations.next_due()];
        let others = [transfer, request].into_iter().chain(records).flatten();
        subscription.into_iter().chain(others).min()
    }

    /// Its whole primary domain name.
    pub fn domain_name(&self) -> &str {
        &self.domain_name
    }

    /// Whether it was erased who it is.
    pub fn is_erased(&self) -> bool {
        self.erased
    }

    /// Its users and their licenses.
    pub fn users(&self) -> &Users {
        &self.users
    }

    /// Whether the customer may buy that by itself on the partner's account.
    pub fn may_purchase(&self, partner_id: &PartnerId, permission: PurchasePermission) -> bool {
        self.permissions.contains(&(partner_id.clone(), permission))
    }

    /// Whether the customer ever had the offer, from whichever partner.
    fn bought_ever(&self, offer_id: &OfferId) -> bool {
        self.owned.get(offer_id).is_some_and(|owned| owned.ever > 0)
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
        let counts = |version: AgreementVersion| match version {
            AgreementVersion::CustomerAgreement => true,
            AgreementVersion::CloudAgreement => on <= CLOUD_AGREEMENT_LAST_DAY,
        };
        let versions = [AgreementVersion::CustomerAgreement, AgreementVersion::CloudAgreement];
        versions.into_iter().filter(|version| counts(*version)).any(|version| {
            let attested = self.attested.get(&(partner_id.clone(), version));
            self.accepted_directly.get(&version).into_iter().chain(attested).any(|from| *from <= on)
        })
    }

    fn new(e: &CustomerCreated) -> Self {
        Self {
            id: e.customer_id.clone(),
            country: e.address.country.clone(),
            domain_name: e.domain_name.clone(),
            accepted_directly: BTreeMap::new(),
            attested: BTreeMap::new(),
            qualifications: BTreeMap::new(),
            permissions: BTreeSet::new(),
            users: Users::default(),
            relationships: BTreeMap::new(),
            ties: transaction::Ties::default(),
            orders: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            add_ons: BTreeMap::new(),
            suspended_with_base: BTreeSet::new(),
            owned: BTreeMap::new(),
            transfers: BTreeMap::new(),
            in_open_transfer: BTreeMap::new(),
            due: BTreeSet::new(),
            transfers_due: BTreeSet::new(),
            claims: BTreeMap::new(),
            refunds: BTreeMap::new(),
            usage: usage::Usage::default(),
            erased: false,
            associations: Associations::default(),
        }
    }

    fn add_ons_of(&self, base: &SubscriptionId) -> impl Iterator<Item = &SubscriptionId> {
        self.add_ons.get(base).into_iter().flatten()
    }

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
        self.subscriptions.insert(id, subscription);
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
