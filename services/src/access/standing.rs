//! What a caller is to this ledger, and how far its roles reach for an operation.

use std::collections::{BTreeMap, BTreeSet};

use subledger_domain::{
    access::AccessOutcome,
    ids::{CustomerId, PartnerId},
    partner::{APPLICATION, Grant},
    party::PartnerKind,
    role::{Role, RoleFamily},
};
use subledger_writer::ReferenceView;

use super::{
    Call, Checks,
    matrix::{Operation, Scope},
    refusal::Refusal,
};
use crate::identity::{Caller, Kind};

/// What a caller is.
#[derive(Debug)]
pub(crate) enum Standing {
    /// Runs the ledger.
    Operator,
    /// Has the roles that partners gave it, or none.
    Tenant(Tenant),
}

impl Standing {
    /// In whose account the caller is at home: the first, if it has roles at several partners.
    pub(super) fn home(&self) -> Option<PartnerId> {
        match self {
            Self::Operator => None,
            Self::Tenant(tenant) => tenant.held.first().map(|held| held.partner_id.clone()),
        }
    }
}

/// Somebody with roles in partners' accounts.
#[derive(Debug)]
pub(crate) struct Tenant {
    held: Vec<Held>,
}

/// A role, where.
#[derive(Debug)]
struct Held {
    partner_id: PartnerId,
    kind: PartnerKind,
    mpn_id: String,
    grant: Grant,
}

/// What an operation of a caller may concern.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach {
    /// By partner.
    pub(super) partners: BTreeMap<PartnerId, Of>,
    /// Customers as whom the caller asks.
    pub(super) customers: BTreeSet<CustomerId>,
    /// The roles by which it may.
    roles: BTreeSet<Role>,
}

/// How much of a partner.
#[derive(Clone, Debug)]
pub(super) struct Of {
    /// What the partner is.
    pub(super) kind: PartnerKind,
    /// What single roles are for.
    parts: BTreeSet<Part>,
}

/// What a role is for: one customer, one location, or all of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    customer: Option<CustomerId>,
    location: Option<String>,
}

impl Of {
    /// These customers only; none for all.
    pub(super) fn customers(&self) -> Option<BTreeSet<&CustomerId>> {
        self.parts.iter().map(|part| part.customer.as_ref()).collect()
    }

    /// These locations only; none for all.
    pub(super) fn locations(&self) -> Option<BTreeSet<&str>> {
        let whole = self.parts.iter().any(|part| part.customer.is_none() && part.location.is_none());
        let named: BTreeSet<_> = self.parts.iter().filter_map(|part| part.location.as_deref()).collect();
        (!whole && !named.is_empty()).then_some(named)
    }
}

impl Checks {
    /// What a caller is now.
    pub(super) fn standing(&self, caller: &Caller) -> Standing {
        if self.operators.contains(caller.principal.as_str()) {
            return Standing::Operator;
        }
        let held = self.ledger.get().map(|ledger| held(&ledger.reference.view(), caller)).unwrap_or_default();
        Standing::Tenant(Tenant { held })
    }

    /// How far the roles of a caller reach for an operation.
    pub(super) fn reach(&self, operation: &Operation, tenant: &Tenant, caller: &Caller) -> Result<Reach, Refusal> {
        self.reach_by(operation, &operation.allowed, tenant, caller)
    }

    /// The same by other roles than those that may.
    pub(super) fn reach_by(
        &self,
        operation: &Operation,
        roles: &BTreeSet<Role>,
        tenant: &Tenant,
        caller: &Caller,
    ) -> Result<Reach, Refusal> {
        if operation.scope == Scope::Operator {
            return Err(Refusal::operators_only(operation));
        }
        let mut reach = Reach::default();
        for held in tenant.held.iter().filter(|held| roles.contains(&held.grant.role)) {
            if held.counts_for(operation) {
                reach.add(held);
            }
        }
        if reach.roles.is_empty() {
            return Err(Refusal::role(operation));
        }
        self.check_second_factor(operation, &reach.roles, caller)?;
        Ok(reach)
    }

    /// An application for a person shows a second factor for everything; a person for the pages that are protected for one of the
    /// roles it needs (L18665-18668, L18713). An application for itself never does (L18753), nor who has an exception.
    fn check_second_factor(
        &self,
        operation: &Operation,
        roles: &BTreeSet<Role>,
        caller: &Caller,
    ) -> Result<(), Refusal> {
        let needed = match caller.kind {
            Kind::Application => false,
            Kind::ApplicationAndUser | Kind::Vendor => true,
            Kind::User => {
                operation.page.is_some_and(|page| roles.iter().any(|role| self.matrix.is_protected(page, *role)))
            }
        };
        if !needed || self.has_second_factor(caller) { Ok(()) } else { Err(Refusal::second_factor(operation)) }
    }

    /// Operators are more than any role: people among them always show it, but for what everybody may ask.
    pub(super) fn check_operator(&self, operation: &Operation, caller: &Caller) -> Result<(), Refusal> {
        let needed = caller.kind != Kind::Application && operation.scope != Scope::Any;
        if !needed || self.has_second_factor(caller) { Ok(()) } else { Err(Refusal::second_factor(operation)) }
    }

    /// Counts a call, for the status of second factors.
    pub(super) fn count(&self, caller: &Caller, standing: &Standing) {
        self.recorder.note(&Call {
            outcome: AccessOutcome::Counted,
            caller: Some(caller),
            operation: "",
            reason: "",
            partner: standing.home(),
            customer: None,
            from: None,
        });
    }

    fn has_second_factor(&self, caller: &Caller) -> bool {
        caller.second_factor || self.exceptions.contains(caller.principal.as_str())
    }
}

/// The roles of a caller. An application of a vendor has those of its person, where the partner let the application in.
fn held(view: &ReferenceView, caller: &Caller) -> Vec<Held> {
    let application = caller.application.as_ref().map(|id| format!("{APPLICATION}:{id}"));
    let mut held = Vec::new();
    for partner in view.reference.partners.of_principal(caller.principal.as_str()) {
        let let_in = application.as_ref().is_some_and(|app| partner.roles.of(app).next().is_some());
        if caller.kind == Kind::Vendor && !let_in {
            continue;
        }
        held.extend(partner.roles.of(caller.principal.as_str()).map(|grant| Held {
            partner_id: partner.partner_id.clone(),
            kind: partner.kind,
            mpn_id: partner.mpn_id.clone(),
            grant: grant.clone(),
        }));
    }
    held
}

impl Held {
    /// What a partner has belongs to the location it registered with.
    fn is_here(&self) -> bool {
        self.grant.location_mpn_id.as_ref().is_none_or(|location| *location == self.mpn_id)
    }

    /// A role for a location counts where rows say which location they belong to, and else at the one whose everything is.
    fn counts_for(&self, operation: &Operation) -> bool {
        let transacts = operation.scope != Scope::Transacting || self.kind != PartnerKind::IndirectReseller;
        let anywhere = operation.is_by_location || operation.scope == Scope::Catalog;
        (self.is_here() || anywhere) && transacts
    }
}

impl Tenant {
    /// Whether it has any role at a partner: to it the partner is no secret.
    pub(super) fn knows(&self, partner: &PartnerId) -> bool {
        self.held.iter().any(|held| held.partner_id == *partner && held.grant.role.family() != RoleFamily::Customer)
    }

    /// Whether it has this role at a partner as a whole, or at the location.
    pub(super) fn holds(&self, partner: &str, location: &str, role: Role) -> bool {
        self.held.iter().any(|held| {
            let here = held.grant.location_mpn_id.as_deref().is_none_or(|of| of == location);
            held.partner_id.as_str() == partner && held.grant.role == role && here
        })
    }

    /// Roles and where they are held, for whoever asks about himself.
    pub(crate) fn roles(&self) -> impl Iterator<Item = (&PartnerId, &Grant)> {
        self.held.iter().map(|held| (&held.partner_id, &held.grant))
    }
}

impl Reach {
    fn add(&mut self, held: &Held) {
        self.roles.insert(held.grant.role);
        if held.grant.role.family() == RoleFamily::Customer {
            self.customers.extend(held.grant.customer_id.clone());
            return;
        }
        let of = self
            .partners
            .entry(held.partner_id.clone())
            .or_insert_with(|| Of { kind: held.kind, parts: BTreeSet::new() });
        let Grant { customer_id, location_mpn_id, .. } = held.grant.clone();
        of.parts.insert(Part { customer: customer_id, location: location_mpn_id });
    }

    /// Whether a partner's row about a customer is in reach; either may be unknown.
    pub(super) fn covers(&self, partner: &str, customer: Option<&str>) -> bool {
        self.covers_at(partner, customer, "")
    }

    /// The same of a row that belongs to a location; empty if it belongs to none.
    pub(super) fn covers_at(&self, partner: &str, customer: Option<&str>, location: &str) -> bool {
        self.partners.get(partner).is_some_and(|of| {
            of.parts.iter().any(|part| {
                let its = part.customer.as_ref().zip(customer).is_none_or(|(its, of)| its.as_str() == of);
                its && (location.is_empty() || part.location.as_deref().is_none_or(|its| its == location))
            })
        })
    }

    /// The part of it that one partner gives.
    pub(super) fn only(&self, partner: &str) -> Self {
        let of = self.partners.get_key_value(partner).map(|(id, of)| (id.clone(), of.clone()));
        Self { partners: of.into_iter().collect(), customers: BTreeSet::new(), roles: self.roles.clone() }
    }

    /// Whether the caller asks as this customer itself.
    pub(super) fn is_customer(&self, customer: &str) -> bool {
        self.customers.iter().any(|id| id.as_str() == customer)
    }
}
