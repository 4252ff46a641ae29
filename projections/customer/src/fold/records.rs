//! Profile, tags, qualifications, resellers, admin rights, permissions, and what a customer is found by.

use std::collections::BTreeSet;

use subledger_domain::{
    Event,
    event::{
        CustomerTagged, CustomerUpdated, DelegatedAdminRequested, OrderPlaced, PurchasePermissionChanged,
        QualificationDecided, QualificationRequested, ResellerAdded, ResellerRemoved,
    },
    ids::{PartnerId, SubscriptionId},
};
use subledger_fold::{StoreError, put};

use super::Fold;
use crate::{
    rows::{Order, PartnerTags, Permission, QualificationRow, QualificationState, Relationship, RelationshipState},
    search::trigrams_of,
    tables::{
        ids::{self, IdKind},
        names::searchable,
        of_partner::{self, Table},
        orders, trigrams,
    },
};

impl Fold<'_> {
    pub(super) fn updated(&mut self, e: &CustomerUpdated) -> Result<(), StoreError> {
        let active = |known: &&Relationship| known.state == RelationshipState::Active;
        let partners: Vec<_> =
            self.customer()?.relationships.iter().filter(active).map(|known| known.partner_id.clone()).collect();
        self.list_everywhere(&partners, false)?;
        let customer = self.customer()?;
        if let Some(name) = &e.company_name {
            customer.company_name.clone_from(name);
        }
        if e.bill_to_name.is_some() {
            customer.bill_to_name.clone_from(&e.bill_to_name);
        }
        if let Some(address) = &e.address {
            customer.address.clone_from(address);
        }
        if let Some(contact) = &e.contact {
            customer.contact.clone_from(contact);
        }
        self.list_everywhere(&partners, true)
    }

    /// Under its partners, under none, and by trigrams.
    pub(super) fn list_everywhere(&mut self, partners: &[PartnerId], listed: bool) -> Result<(), StoreError> {
        self.list_under(None, listed)?;
        partners.iter().try_for_each(|partner_id| self.list_under(Some(partner_id), listed))?;
        self.index_name(listed)
    }

    /// Lists the trigrams of the name that lists show, or takes them off.
    pub(super) fn index_name(&mut self, listed: bool) -> Result<(), StoreError> {
        let name = self.customer()?.listed_name().to_owned();
        for trigram in trigrams_of(&name) {
            let key = trigrams::key(&trigram, self.commit.stream);
            if listed { put(self.rows, key, &())? } else { self.rows.delete(key) }
        }
        Ok(())
    }

    /// The customer is found by this text.
    pub(super) fn index_id(&mut self, text: &str, kind: IdKind) -> Result<(), StoreError> {
        put(self.rows, ids::key(&searchable(text), kind, "", self.commit.stream), &())
    }

    pub(super) fn order_placed(&mut self, e: &OrderPlaced) -> Result<(), StoreError> {
        let (commit, number) = (self.commit, self.orders);
        self.orders += 1;
        let order = Order {
            order_id: e.order_id.clone(),
            customer_id: e.customer_id.clone(),
            partner_id: e.partner_id.clone(),
            placed_at: commit.effective_at,
            recorded_at: commit.recorded_at,
            principal: commit.principal.to_owned(),
            by_customer: e.by_customer,
            subscription_ids: e.subscription_ids.clone(),
            reseller_ids: self.resellers_of(&e.subscription_ids),
        };
        put(self.rows, orders::key(commit.stream, commit.position.seq, number), &order)?;
        for partner_id in std::iter::once(&order.partner_id).chain(&order.reseller_ids) {
            let of_partner =
                of_partner::key(Table::Orders, partner_id.as_str(), commit.recorded_at, commit.position, number);
            put(self.rows, of_partner, &commit.stream)?;
        }
        self.index_id(e.order_id.as_str(), IdKind::Order)
    }

    /// Resellers of record of subscriptions that the commit began.
    fn resellers_of(&self, subscription_ids: &[SubscriptionId]) -> BTreeSet<PartnerId> {
        let begun = self.commit.outcome.unwrap_or_default().iter().filter_map(|event| match event {
            Event::SubscriptionCreated(e) => Some((&e.subscription_id, &e.reseller_id)),
            Event::TrialStarted(e) => Some((&e.subscription_id, &e.reseller_id)),
            _ => None,
        });
        begun.filter(|(id, _)| subscription_ids.contains(id)).filter_map(|(_, reseller)| reseller.clone()).collect()
    }

    pub(super) fn tagged(&mut self, e: &CustomerTagged) -> Result<(), StoreError> {
        let stream = self.commit.stream;
        let key = |tag: &String| ids::key(&searchable(tag), IdKind::Tag, e.partner_id.as_str(), stream);
        let known = &mut self.customer()?.tags;
        let before: Vec<_> =
            known.extract_if(.., |tags| tags.partner_id == e.partner_id).flat_map(|it| it.tags).collect();
        if !e.tags.is_empty() {
            let at = known.partition_point(|tags| tags.partner_id < e.partner_id);
            known.insert(at, PartnerTags { partner_id: e.partner_id.clone(), tags: e.tags.clone() });
        }
        before.iter().for_each(|tag| self.rows.delete(key(tag)));
        e.tags.iter().try_for_each(|tag| put(self.rows, key(tag), &()))
    }

    pub(super) fn qualification_requested(&mut self, e: &QualificationRequested) -> Result<(), StoreError> {
        let (segment, state, submissions) = (e.segment, QualificationState::Requested, e.submission);
        let known = &mut self.customer()?.qualifications;
        known.retain(|known| known.segment != segment);
        let at = known.partition_point(|known| known.segment < segment);
        known.insert(at, QualificationRow { segment, state, submissions, note: String::new() });
        Ok(())
    }

    pub(super) fn qualification_decided(&mut self, e: &QualificationDecided) -> Result<(), StoreError> {
        let missing = self.impossible("the qualification was never asked for");
        let known = self.customer()?.qualifications.iter_mut().find(|known| known.segment == e.segment);
        let known = known.ok_or(missing)?;
        known.state = if e.qualified { QualificationState::Qualified } else { QualificationState::Denied };
        known.note.clone_from(&e.note);
        Ok(())
    }

    pub(super) fn permission_changed(&mut self, e: &PurchasePermissionChanged) -> Result<(), StoreError> {
        let permission = Permission { partner_id: e.partner_id.clone(), permission: e.permission };
        let known = &mut self.customer()?.permissions;
        known.retain(|known| *known != permission);
        if e.allowed {
            known.push(permission);
            known.sort_by(|one, other| (&one.partner_id, one.permission).cmp(&(&other.partner_id, other.permission)));
        }
        Ok(())
    }

    pub(super) fn reseller_added(&mut self, e: &ResellerAdded) -> Result<(), StoreError> {
        self.change_relationship(&e.partner_id, |known| {
            let at = known.resellers.partition_point(|reseller| *reseller < e.reseller_id);
            known.resellers.insert(at, e.reseller_id.clone());
            known.reseller_id.get_or_insert_with(|| e.reseller_id.clone());
        })
    }

    pub(super) fn reseller_removed(&mut self, e: &ResellerRemoved) -> Result<(), StoreError> {
        self.change_relationship(&e.partner_id, |known| {
            known.resellers.retain(|reseller| *reseller != e.reseller_id);
            if known.reseller_id.as_ref() == Some(&e.reseller_id) {
                known.reseller_id = known.resellers.first().cloned();
            }
        })
    }

    pub(super) fn admin(&mut self, partner_id: &PartnerId, granted: bool) -> Result<(), StoreError> {
        self.change_relationship(partner_id, |known| {
            (known.delegated_admin, known.admin_requested, known.request_expires_on) = (granted, false, None);
        })
    }

    pub(super) fn admin_requested(&mut self, e: &DelegatedAdminRequested) -> Result<(), StoreError> {
        self.change_relationship(&e.partner_id, |known| {
            (known.delegated_admin, known.admin_requested, known.request_expires_on) = (false, true, e.expires_on);
        })
    }

    pub(super) fn request_expired(&mut self, partner_id: &PartnerId) -> Result<(), StoreError> {
        self.change_relationship(partner_id, |known| {
            if known.state == RelationshipState::Requested {
                (known.state, known.delegated_admin) = (RelationshipState::Expired, false);
            }
            (known.admin_requested, known.request_expires_on) = (false, None);
        })
    }

    fn change_relationship(
        &mut self,
        partner_id: &PartnerId,
        change: impl FnOnce(&mut Relationship),
    ) -> Result<(), StoreError> {
        let missing = self.impossible("there is no such relationship");
        let known = self.customer()?.relationships.iter_mut().find(|known| known.partner_id == *partner_id);
        change(known.ok_or(missing)?);
        Ok(())
    }
}
