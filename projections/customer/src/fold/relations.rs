//! Customers, their relationships and agreements.

use subledger_domain::{
    event::{AgreementAccepted, CustomerCreated, RelationshipEstablished, RelationshipRemoved, RelationshipRequested},
    ids::PartnerId,
    party::AgreementVersion,
};
use subledger_fold::{StoreError, put};

use super::Fold;
use crate::{
    rows::{Agreement, Customer, Relationship, RelationshipState},
    tables::{
        customers_by_partner,
        ids::IdKind,
        names::{self, Listed, Name, searchable},
    },
};

impl Fold<'_> {
    pub(super) fn created(&mut self, e: &CustomerCreated) -> Result<(), StoreError> {
        if self.customer.is_some() {
            return Err(self.impossible("the customer was created before"));
        }
        self.customer = Some(Customer {
            customer_id: e.customer_id.clone(),
            company_name: e.company_name.clone(),
            domain_name: e.domain_name.clone(),
            address: e.address.clone(),
            contact: e.contact.clone(),
            relationships: Vec::new(),
            bill_to_name: None,
            tags: Vec::new(),
            qualifications: Vec::new(),
            permissions: Vec::new(),
            agreements: Vec::new(),
            subscription_count: 0,
            version: self.commit.stream_version,
            created_on: self.commit.effective_at.date_naive(),
        });
        self.list_under(None, true)?;
        self.index_name(true)?;
        self.index_id(e.customer_id.as_str(), IdKind::Customer)
    }

    pub(super) fn agreement_accepted(&mut self, e: &AgreementAccepted) -> Result<(), StoreError> {
        let agreements = &mut self.customer()?.agreements;
        let version = e.version.unwrap_or(AgreementVersion::CustomerAgreement);
        let of =
            |known: &Agreement| (known.mode, known.version) == (e.mode, version) && known.partner_id == e.partner_id;
        agreements.retain(|known| !of(known));
        agreements.push(Agreement {
            mode: e.mode,
            partner_id: e.partner_id.clone(),
            accepted_on: e.accepted_on,
            version,
            language: e.language.clone(),
        });
        Ok(())
    }

    pub(super) fn relationship_requested(&mut self, e: &RelationshipRequested) -> Result<(), StoreError> {
        self.set_relationship(Relationship {
            partner_id: e.partner_id.clone(),
            state: RelationshipState::Requested,
            delegated_admin: e.delegated_admin,
            reseller_id: e.reseller_id.clone(),
            resellers: e.reseller_id.iter().cloned().collect(),
            admin_requested: false,
            request_expires_on: e.expires_on,
        })
    }

    pub(super) fn relationship_established(&mut self, e: &RelationshipEstablished) -> Result<(), StoreError> {
        self.set_relationship(Relationship {
            partner_id: e.partner_id.clone(),
            state: RelationshipState::Active,
            delegated_admin: e.delegated_admin,
            reseller_id: e.reseller_id.clone(),
            resellers: e.reseller_id.iter().cloned().collect(),
            admin_requested: false,
            request_expires_on: None,
        })?;
        self.list_under(Some(&e.partner_id), true)
    }

    pub(super) fn relationship_removed(&mut self, e: &RelationshipRemoved) -> Result<(), StoreError> {
        let missing = self.impossible("the relationship that ends never began");
        let relationships = &mut self.customer()?.relationships;
        let ended = relationships.iter_mut().find(|known| known.partner_id == e.partner_id).ok_or(missing)?;
        ended.state = RelationshipState::Removed;
        ended.delegated_admin = false;
        (ended.admin_requested, ended.request_expires_on) = (false, None);
        ended.resellers.clear();
        ended.reseller_id = None;
        self.customer()?.permissions.retain(|known| known.partner_id != e.partner_id);
        self.list_under(Some(&e.partner_id), false)
    }

    fn set_relationship(&mut self, relationship: Relationship) -> Result<(), StoreError> {
        put(self.rows, customers_by_partner::key(relationship.partner_id.as_str(), self.commit.stream), &())?;
        let relationships = &mut self.customer()?.relationships;
        match relationships.binary_search_by(|known| known.partner_id.cmp(&relationship.partner_id)) {
            Ok(at) => relationships[at] = relationship,
            Err(at) => relationships.insert(at, relationship),
        }
        Ok(())
    }

    /// Lists the customer's names under a partner, or under none; or takes them off.
    pub(super) fn list_under(&mut self, partner: Option<&PartnerId>, listed: bool) -> Result<(), StoreError> {
        let partner = partner.map_or("", PartnerId::as_str);
        for (name, text) in names_of(self.customer()?) {
            let key = |table| names::key(table, partner, name, &text, self.commit.stream);
            if listed {
                put(self.rows, key(Listed::Ever), &())?;
                put(self.rows, key(Listed::Now), &())?;
            } else {
                self.rows.delete(key(Listed::Now));
            }
        }
        Ok(())
    }

    /// Lists what a customer was on some day, as far as it was never so at one time.
    pub(super) fn list_ever(&mut self, customer: &Customer) -> Result<(), StoreError> {
        let active = customer.relationships.iter().filter(|known| known.state == RelationshipState::Active);
        for partner in std::iter::once("").chain(active.map(|known| known.partner_id.as_str())) {
            for (name, text) in names_of(customer) {
                put(self.rows, names::key(Listed::Ever, partner, name, &text, self.commit.stream), &())?;
            }
        }
        Ok(())
    }
}

fn names_of(customer: &Customer) -> [(Name, String); 2] {
    [(Name::Company, searchable(customer.listed_name())), (Name::Domain, searchable(&customer.domain_name))]
}
