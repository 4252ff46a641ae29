//! Examples about who may do what.

use subledger_domain::{
    Command, Event,
    access::{AccessOutcome, AccessRow},
    command as c, event as e,
    role::Role,
};

use super::{at, customer, partner};

fn row() -> AccessRow {
    AccessRow {
        outcome: AccessOutcome::Privileged,
        principal: "oidc:ada@contoso.example".into(),
        kind: "app_and_user".into(),
        application: Some("erp".into()),
        second_factor: true,
        operation: "BillingService/GetInvoice".into(),
        reason: Some("ticket 4711".into()),
        partner_id: Some(partner()),
        customer_id: Some(customer()),
        from: Some("192.0.2.7".into()),
        first_at: at(),
        last_at: at() + chrono::TimeDelta::seconds(1),
        count: 3,
    }
}

pub(super) fn events() -> Vec<Event> {
    vec![
        e::RoleAssigned {
            partner_id: partner(),
            principal: "oidc:ada@contoso.example".into(),
            role: Role::HelpdeskAgent,
            customer_id: Some(customer()),
            location_mpn_ids: vec!["4391227".into(), "4391228".into()],
        }
        .into(),
        e::RoleRemoved {
            partner_id: partner(),
            principal: "oidc:ada@contoso.example".into(),
            role: Role::ReportViewer,
            customer_id: Some(customer()),
            location_mpn_ids: vec!["4391227".into(), "4391228".into()],
        }
        .into(),
        e::AccessRecorded { rows: vec![row()] }.into(),
    ]
}

pub(super) fn commands() -> Vec<Command> {
    vec![
        Command::AssignRole(c::AssignRole {
            partner_id: partner(),
            principal: "oidc:ada@contoso.example".into(),
            role: Role::HelpdeskAgent,
            customer_id: Some(customer()),
            location_mpn_ids: vec!["4391227".into(), "4391228".into()],
        }),
        Command::RemoveRole(c::RemoveRole {
            partner_id: partner(),
            principal: "oidc:ada@contoso.example".into(),
            role: Role::ReportViewer,
            customer_id: Some(customer()),
            location_mpn_ids: vec!["4391227".into(), "4391228".into()],
        }),
        Command::RecordAccess(c::RecordAccess { rows: vec![row()] }),
    ]
}
