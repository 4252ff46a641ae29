//! One customer's state, and what it answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    Qualification, Relationship, Subscription, Transfer, Users, association::Associations, sla::Claim, transaction,
    usage,
};
use crate::{
    event::CustomerCreated,
    ids::{ClaimId, CustomerId, OfferId, OrderId, PartnerId, SubscriptionId, TransferId},
    party::{AgreementVersion, PurchasePermission, Segment},
};

/// The last day on which the agreement before the customer agreement counts (L5335, L6112).
const CLOUD_AGREEMENT_LAST_DAY: NaiveDate = match NaiveDate::from_ymd_opt(2020, 1, 31) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

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
pub(super) struct Owned {
    /// Ever bought.
    pub(super) ever: u32,
    /// Of these, neither deprovisioned nor expired nor cancelled with a credit.
    pub(super) now: u32,
}

/// One customer's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    id: CustomerId,
    country: String,
    pub(super) domain_name: String,
    /// The first day that the customer's own acceptance covers.
    pub(super) accepted_directly: BTreeMap<AgreementVersion, NaiveDate>,
    /// The first day that a partner's attestation covers, for that partner only (L5341-5347).
    pub(super) attested: BTreeMap<(PartnerId, AgreementVersion), NaiveDate>,
    pub(super) qualifications: BTreeMap<Segment, Qualification>,
    pub(super) permissions: BTreeSet<(PartnerId, PurchasePermission)>,
    pub(super) users: Users,
    pub(super) relationships: BTreeMap<PartnerId, Relationship>,
    pub(super) ties: transaction::Ties,
    pub(super) orders: BTreeMap<OrderId, Order>,
    /// Each on its own: the map moves its entries, a decision changes copies of some, and a snapshot shares them all.
    pub(super) subscriptions: BTreeMap<SubscriptionId, Arc<Subscription>>,
    pub(super) add_ons: BTreeMap<SubscriptionId, BTreeSet<SubscriptionId>>,
    /// Add-ons that were suspended because their base was: exactly these come back with it (decision G11).
    pub(super) suspended_with_base: BTreeSet<SubscriptionId>,
    pub(super) owned: BTreeMap<OfferId, Owned>,
    pub(super) transfers: BTreeMap<TransferId, Transfer>,
    pub(super) in_open_transfer: BTreeMap<SubscriptionId, TransferId>,
    /// When each subscription has something due, so that nobody looks through all of them.
    pub(super) due: BTreeSet<(NaiveDate, SubscriptionId)>,
    pub(super) transfers_due: BTreeSet<(NaiveDate, TransferId)>,
    pub(super) claims: BTreeMap<ClaimId, Claim>,
    /// Refunds of reservations by partner, oldest first: those that a cap may still count.
    pub(super) refunds: BTreeMap<PartnerId, Vec<Refund>>,
    pub(super) usage: usage::Usage,
    /// Who it is was erased.
    pub(super) erased: bool,
    pub(super) associations: Associations,
}

/// A refund of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refund {
    pub(super) on: NaiveDate,
    /// Without tax, above 0.
    pub(super) amount: Decimal,
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
    pub(super) fn bought_ever(&self, offer_id: &OfferId) -> bool {
        self.owned.get(offer_id).is_some_and(|owned| owned.ever > 0)
    }

    /// Every subscription, ended ones too, by id.
    pub fn subscriptions(&self) -> impl Iterator<Item = &Subscription> {
        self.subscriptions.values().map(Arc::as_ref)
    }

    /// One subscription.
    pub fn subscription(&self, id: &SubscriptionId) -> Option<&Subscription> {
        self.subscriptions.get(id).map(Arc::as_ref)
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

    pub(super) fn new(e: &CustomerCreated) -> Self {
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

    pub(super) fn add_ons_of(&self, base: &SubscriptionId) -> impl Iterator<Item = &SubscriptionId> {
        self.add_ons.get(base).into_iter().flatten()
    }
}
