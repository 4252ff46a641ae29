//! Who has which role in a partner's account. Roles add up: a person may hold many (accounts page 2.8.1, L3385).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Partner;
use crate::{
    Event, Reason, Rejection, check,
    command::{AssignRole, RemoveRole},
    event::{RoleAssigned, RoleRemoved},
    ids::CustomerId,
    role::{Role, RoleFamily},
};

/// Most grants of one partner: a role of one principal at one location counts once.
pub const GRANTS_MAX: usize = 10_000;
/// Most locations that one command names.
const LOCATIONS_MAX: usize = 1_000;
/// Longest name of a principal, in bytes, with its kind.
pub const PRINCIPAL_BYTES_MAX: usize = 200;
/// What a principal's name begins with: a subject of the identity provider, a name in a certificate, an application that acts for users.
pub const PRINCIPAL_KINDS: [&str; 3] = ["oidc", "mtls", APPLICATION];
/// An application of a control panel vendor.
pub const APPLICATION: &str = "app";

/// One role of one principal, narrowed to a customer or a location, or not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    /// The role.
    pub role: Role,
    /// Only this customer; none for every customer of the partner.
    pub customer_id: Option<CustomerId>,
    /// Only what belongs to this location (its id in the partner network); none for the whole company.
    pub location_mpn_id: Option<String>,
}

/// Everybody's grants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles {
    by_principal: BTreeMap<String, BTreeSet<Grant>>,
}

impl Roles {
    /// The grants of a principal.
    pub fn of(&self, principal: &str) -> impl Iterator<Item = &Grant> {
        self.by_principal.get(principal).into_iter().flatten()
    }

    /// Every grant, by principal.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Grant)> {
        self.by_principal.iter().flat_map(|(principal, grants)| grants.iter().map(|grant| (principal.as_str(), grant)))
    }

    fn len(&self) -> usize {
        self.by_principal.values().map(BTreeSet::len).sum()
    }

    fn has(&self, principal: &str, grant: &Grant) -> bool {
        self.by_principal.get(principal).is_some_and(|grants| grants.contains(grant))
    }

    pub(super) fn assign(&mut self, event: &RoleAssigned) {
        let grants = grants(event.role, event.customer_id.as_ref(), &event.location_mpn_ids);
        self.by_principal.entry(event.principal.clone()).or_default().extend(grants);
    }

    pub(super) fn remove(&mut self, event: &RoleRemoved) {
        let Some(held) = self.by_principal.get_mut(&event.principal) else { return };
        for grant in grants(event.role, event.customer_id.as_ref(), &event.location_mpn_ids) {
            held.remove(&grant);
        }
        if held.is_empty() {
            self.by_principal.remove(&event.principal);
        }
    }
}

/// One for each location, or one for the company.
fn grants(role: Role, customer_id: Option<&CustomerId>, locations: &[String]) -> Vec<Grant> {
    let grant = |location: Option<&String>| Grant {
        role,
        customer_id: customer_id.cloned(),
        location_mpn_id: location.cloned(),
    };
    if locations.is_empty() {
        vec![grant(None)]
    } else {
        locations.iter().map(|location| grant(Some(location))).collect()
    }
}

/// Gives a role that the principal does not have.
pub(super) fn assign(partner: &Partner, command: &AssignRole) -> Result<Vec<Event>, Rejection> {
    let AssignRole { partner_id, principal, role, customer_id, location_mpn_ids } = command.clone();
    check_principal(&principal, role)?;
    check_scope(role, customer_id.as_ref(), &location_mpn_ids)?;
    for (n, location) in location_mpn_ids.iter().enumerate() {
        partner.check_location(location, &format!("location_mpn_ids[{n}]"))?;
    }
    let wanted = grants(role, customer_id.as_ref(), &location_mpn_ids);
    if wanted.iter().all(|grant| partner.roles.has(&principal, grant)) {
        let message = format!("{principal} has the role {} already", role.code());
        return Err(Rejection::field(Reason::RoleAlreadyAssigned, "role", message));
    }
    if partner.roles.len() + wanted.len() > GRANTS_MAX {
        let message = format!("A partner has at most {GRANTS_MAX} role assignments; remove some first");
        return Err(Rejection::field(Reason::TooManyRoles, "partner_id", message).with("maximum", GRANTS_MAX));
    }
    Ok(vec![RoleAssigned { partner_id, principal, role, customer_id, location_mpn_ids }.into()])
}

/// Takes a role away that the principal has so.
pub(super) fn remove(partner: &Partner, command: &RemoveRole) -> Result<Vec<Event>, Rejection> {
    let RemoveRole { partner_id, principal, role, customer_id, location_mpn_ids } = command.clone();
    check::required("principal", &principal)?;
    let wanted = grants(role, customer_id.as_ref(), &location_mpn_ids);
    if let Some(missing) = wanted.iter().find(|grant| !partner.roles.has(&principal, grant)) {
        let location = missing.location_mpn_id.as_ref().map(|id| format!(" at location {id}")).unwrap_or_default();
        let customer = missing.customer_id.as_ref().map(|id| format!(" for customer {id}")).unwrap_or_default();
        let message = format!(
            "{principal} does not have the role {}{customer}{location}; name the role as it was assigned",
            role.code()
        );
        return Err(Rejection::field(Reason::RoleNotAssigned, "role", message));
    }
    Ok(vec![RoleRemoved { partner_id, principal, role, customer_id, location_mpn_ids }.into()])
}

fn check_principal(principal: &str, role: Role) -> Result<(), Rejection> {
    let kind = principal.split_once(':').filter(|(_, name)| !name.is_empty()).map(|(kind, _)| kind);
    let known = kind.is_some_and(|kind| PRINCIPAL_KINDS.contains(&kind));
    if !known || principal.len() > PRINCIPAL_BYTES_MAX || principal.chars().any(char::is_control) {
        let message = format!(
            "A principal is oidc:SUBJECT, mtls:NAME or app:APPLICATION, of at most {PRINCIPAL_BYTES_MAX} bytes and \
             without control characters"
        );
        return Err(check::invalid("principal", message));
    }
    // A control panel vendor has a single role (L7419).
    if kind == Some(APPLICATION) && role != Role::GlobalAdmin {
        let message = "A control panel vendor's application has the role global_admin and no other";
        return Err(Rejection::field(Reason::RoleNotForApplication, "role", message).with("accepted", "global_admin"));
    }
    Ok(())
}

fn check_scope(role: Role, customer: Option<&CustomerId>, locations: &[String]) -> Result<(), Rejection> {
    if !locations.is_empty() && !role.takes_locations() {
        let message = format!("The role {} holds for the whole company, not for locations", role.code());
        return Err(Rejection::field(Reason::RoleNotLocationScoped, "location_mpn_ids", message));
    }
    if locations.len() > LOCATIONS_MAX {
        check::count("location_mpn_ids", locations.len(), LOCATIONS_MAX)?;
    }
    for (n, location) in locations.iter().enumerate() {
        check::required(&format!("location_mpn_ids[{n}]"), location)?;
    }
    match (role.family(), customer) {
        (RoleFamily::Customer, None) => {
            let message = "Name the customer whose own principal this is";
            Err(Rejection::field(Reason::RequiredFieldMissing, "customer_id", message))
        }
        (RoleFamily::Tenant | RoleFamily::Company | RoleFamily::Insights, Some(_)) => {
            let message = format!("The role {} holds for every customer of the partner", role.code());
            Err(Rejection::field(Reason::RoleNotCustomerScoped, "customer_id", message))
        }
        _ => Ok(()),
    }
}
