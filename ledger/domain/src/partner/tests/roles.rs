//! Roles in a partner's account.

use super::{kit::*, *};
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
    let mut w = World::new();
    w.company("direct", "999");
    for location in ["301", "302"] {
        w.ok(&command!(AddLocation {
            partner_id: id("direct"),
            mpn_id: mpn(location),
            name: location.into(),
            address: None,
            contact: None,
        }));
    }
    let assign = |principal, role| AssignRole { partner_id: id("direct"), ..assign(principal, role) };
    let at = |locations: &[&str]| AssignRole {
        location_mpn_ids: locations.iter().map(|&id| id.to_owned()).collect(),
        ..assign("oidc:ida", Role::IncentivesAdmin)
    };
    let held = |w: &World| -> Vec<String> {
        let roles = &w.partner("direct").roles;
        roles.of("oidc:ida").map(|grant| grant.location_mpn_id.clone().unwrap_or_default()).collect()
    };
    w.ok(&Command::AssignRole(at(&["300", "301"])));
    w.ok(&Command::AssignRole(at(&["301", "302"])));
    assert_eq!(held(&w), ["300", "301", "302"]);
    assert_eq!(w.refused(&Command::AssignRole(at(&["302", "300"]))), Reason::RoleAlreadyAssigned);
    w.ok(&Command::RemoveRole(remove(&at(&["301"]))));
    assert_eq!(held(&w), ["300", "302"]);
    for nowhere in ["100", "999", "7777"] {
        assert_eq!(w.refused(&Command::AssignRole(at(&["301", nowhere]))), Reason::MpnIdNotLocation, "{nowhere}");
    }
    let company = AssignRole { location_mpn_ids: vec!["300".into()], ..assign("oidc:ada", Role::AdminAgent) };
    assert_eq!(w.refused(&Command::AssignRole(company)), Reason::RoleNotLocationScoped);
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
