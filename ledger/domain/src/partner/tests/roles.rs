//! Roles in a partner's account.

use super::*;
use crate::{
    command::{AssignRole, RemoveRole},
    ids::CustomerId,
    role::Role,
};

fn assign(principal: &str, role: Role) -> AssignRole {
    AssignRole {
        partner_id: PartnerId::new("p-1").unwrap(),
        principal: principal.into(),
        role,
        customer_id: None,
        location_mpn_ids: Vec::new(),
    }
}

fn remove(command: &AssignRole) -> RemoveRole {
    let AssignRole { partner_id, principal, role, customer_id, location_mpn_ids } = command.clone();
    RemoveRole { partner_id, principal, role, customer_id, location_mpn_ids }
}

fn refused(partners: &mut Partners, command: AssignRole) -> (Reason, String) {
    let rejection = run(partners, &Command::AssignRole(command)).unwrap_err();
    (rejection.reason, rejection.metadata["field"].clone())
}

fn held(partners: &Partners, principal: &str) -> Vec<String> {
    let of = partners.of_principal(principal).flat_map(|partner| partner.roles.of(principal));
    of.map(|grant| format!("{}{}", grant.role.short(), grant.location_mpn_id.as_deref().unwrap_or_default())).collect()
}

/// Role assignments add up (L3385).
#[test]
fn roles_add_up_and_go_as_they_came() {
    let mut partners = partners("p-1");
    let (billing, sales) = (assign("oidc:ada", Role::BillingAdmin), assign("oidc:ada", Role::SalesAgent));
    for command in [&billing, &sales] {
        run(&mut partners, &Command::AssignRole(command.clone())).unwrap();
    }
    assert_eq!(held(&partners, "oidc:ada"), ["BA", "SA"]);
    assert_eq!(refused(&mut partners, billing.clone()), (Reason::RoleAlreadyAssigned, "role".into()));
    run(&mut partners, &Command::RemoveRole(remove(&billing))).unwrap();
    assert_eq!(held(&partners, "oidc:ada"), ["SA"]);
    let gone = run(&mut partners, &Command::RemoveRole(remove(&billing))).unwrap_err();
    assert_eq!(gone.reason, Reason::RoleNotAssigned);
    run(&mut partners, &Command::RemoveRole(remove(&sales))).unwrap();
    assert_eq!(partners.of_principal("oidc:ada").count(), 0, "who has no role is nowhere");
}

/// One incentives admin can cover all or a set of locations (L3173, L7282); other users are managed for the company (L3169).
#[test]
fn a_role_is_for_locations_only_where_it_can_be() {
    let mut partners = partners("p-1");
    let at = |locations: &[&str]| AssignRole {
        location_mpn_ids: locations.iter().map(|&id| id.to_owned()).collect(),
        ..assign("oidc:ida", Role::IncentivesAdmin)
    };
    run(&mut partners, &Command::AssignRole(at(&["1", "2"]))).unwrap();
    run(&mut partners, &Command::AssignRole(at(&["2", "3"]))).unwrap();
    assert_eq!(held(&partners, "oidc:ida"), ["IA1", "IA2", "IA3"]);
    assert_eq!(refused(&mut partners, at(&["3", "1"])).0, Reason::RoleAlreadyAssigned);
    run(&mut partners, &Command::RemoveRole(remove(&at(&["2"])))).unwrap();
    assert_eq!(held(&partners, "oidc:ida"), ["IA1", "IA3"]);
    let company = AssignRole { location_mpn_ids: vec!["1".into()], ..assign("oidc:ada", Role::AdminAgent) };
    assert_eq!(refused(&mut partners, company), (Reason::RoleNotLocationScoped, "location_mpn_ids".into()));
}

#[test]
fn who_and_for_whom_is_checked_before_anything_happens() {
    let mut partners = partners("p-1");
    let customer = CustomerId::new("c-1").unwrap();
    let of_customer = |role| AssignRole { customer_id: Some(customer.clone()), ..assign("oidc:ada", role) };
    let cases = [
        (assign("ada", Role::SalesAgent), Reason::InvalidValue, "principal"),
        (assign("oidc:", Role::SalesAgent), Reason::InvalidValue, "principal"),
        (assign("header:ada", Role::SalesAgent), Reason::InvalidValue, "principal"),
        (assign(&format!("oidc:{}", "x".repeat(200)), Role::SalesAgent), Reason::InvalidValue, "principal"),
        (assign("app:panel", Role::SalesAgent), Reason::RoleNotForApplication, "role"),
        (assign("oidc:kim", Role::Customer), Reason::RequiredFieldMissing, "customer_id"),
        (of_customer(Role::GlobalAdmin), Reason::RoleNotCustomerScoped, "customer_id"),
        (of_customer(Role::ReportViewer), Reason::RoleNotCustomerScoped, "customer_id"),
    ];
    for (command, reason, field) in cases {
        assert_eq!(refused(&mut partners, command.clone()), (reason, field.to_owned()), "{command:?}");
    }
    assert_eq!(partners.get(&PartnerId::new("p-1").unwrap()).unwrap().roles, Roles::default());
    for command in
        [assign("app:panel", Role::GlobalAdmin), of_customer(Role::HelpdeskAgent), of_customer(Role::Customer)]
    {
        run(&mut partners, &Command::AssignRole(command)).unwrap();
    }
}
