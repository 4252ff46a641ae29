//! The record itself, agreements, relationships.

use super::kit::*;
use crate::{
    Command, Event, Reason,
    command::{AcceptAgreement, AcceptRelationship, CreateCustomer, RemoveRelationship, RequestRelationship},
    party::{Address, AgreementMode},
};

fn attest(id: &str, on: &str) -> Command {
    Command::AcceptAgreement(AcceptAgreement {
        customer_id: customer_id(),
        mode: AgreementMode::PartnerAttestation,
        partner_id: Some(partner(id)),
        signatory: contact(),
        accepted_on: day(on),
        version: None,
        language: None,
    })
}

fn request(id: &str) -> Command {
    let (customer_id, partner_id) = (customer_id(), partner(id));
    Command::RequestRelationship(RequestRelationship {
        customer_id,
        partner_id,
        delegated_admin: true,
        reseller_id: None,
        expires_after_days: None,
    })
}

fn accept(id: &str) -> Command {
    Command::AcceptRelationship(AcceptRelationship { customer_id: customer_id(), partner_id: partner(id) })
}

fn remove(id: &str) -> Command {
    Command::RemoveRelationship(RemoveRelationship { customer_id: customer_id(), partner_id: partner(id) })
}

#[test]
fn a_customer_begins_with_a_relationship() {
    let mut world = World::empty();
    assert_eq!(world.ok(Command::CreateCustomer(create())), ["CustomerCreated", "RelationshipEstablished"]);
    let Some(Event::CustomerCreated(created)) = world.journal.first() else { panic!("{:?}", world.journal) };
    assert_eq!(created.domain_name, "contoso.onmicrosoft.com");
    assert_eq!(world.refused(Command::CreateCustomer(create())), Reason::CustomerAlreadyExists);
}

#[test]
fn a_customer_is_refused_with_the_field_at_fault() {
    let with = |change: fn(&mut CreateCustomer)| {
        let mut command = create();
        change(&mut command);
        Command::CreateCustomer(command)
    };
    let cases: [(Command, Reason, &str); 9] = [
        (with(|c| c.partner_id = partner("nobody")), Reason::PartnerNotFound, "partner_id"),
        (with(|c| c.partner_id = partner("reseller")), Reason::ResellerCannotCreateTenant, "partner_id"),
        (with(|c| c.reseller_id = Some(partner("reseller"))), Reason::InvalidValue, "reseller_id"),
        (with(|c| c.company_name = " ".into()), Reason::RequiredFieldMissing, "company_name"),
        (with(|c| c.domain_prefix = "con-toso".into()), Reason::DomainInvalid, "domain_prefix"),
        (with(|c| c.domain_prefix = "x".repeat(28)), Reason::DomainInvalid, "domain_prefix"),
        (with(|c| c.contact.email = String::new()), Reason::RequiredFieldMissing, "contact.email"),
        (with(|c| c.address.city = "x".repeat(257)), Reason::InvalidValue, "address.city"),
        (
            with(|c| c.address = Address { country: "US".into(), ..c.address.clone() }),
            Reason::MarketNotAllowed,
            "address.country",
        ),
    ];
    for (command, reason, field) in cases {
        let refusal = World::empty().refusal(command);
        assert_eq!(
            (refusal.reason, refusal.metadata.get("field").map(String::as_str)),
            (reason, Some(field)),
            "{refusal}"
        );
    }
}

#[test]
fn nothing_happens_to_a_customer_that_is_not_there() {
    assert_eq!(World::empty().refused(suspend("x")), Reason::CustomerNotFound);
}

#[test]
fn time_does_not_run_ahead() {
    let mut world = World::new();
    let recorded_at = world.at;
    world.at("2018-01-01T00:01:00Z");
    assert!(world.decide(&request("provider"), recorded_at).is_ok());
    world.at("2018-01-01T00:01:01Z");
    let refusal = world.decide(&request("provider"), recorded_at).unwrap_err();
    assert_eq!(refusal.reason, Reason::EffectiveInFuture);
}

/// V28: an attestation holds for the partner that gave it only.
#[test]
fn an_attestation_covers_one_partner() {
    let mut world = World::empty();
    world.ok(Command::CreateCustomer(create()));
    assert_eq!(world.refused(buy(vec![line("a", "e3", 1)])), Reason::McaNotAccepted);
    assert_eq!(world.refused(attest("direct", "2018-01-02")), Reason::AcceptanceDateInFuture);
    assert_eq!(world.refused(attest("reseller", "2018-01-01")), Reason::ResellerCannotAttest);
    assert_eq!(world.refused(attest("provider", "2018-01-01")), Reason::RelationshipRequired);
    world.ok(attest("direct", "2018-01-01"));
    world.ok(buy(vec![line("a", "e3", 1)]));
    world.relate("provider");
    assert_eq!(world.refused(buy_from("provider", vec![line("b", "e3", 1)])), Reason::McaNotAccepted);
    world.ok(attest("provider", "2018-01-01"));
    world.ok(buy_from("provider", vec![line("b", "e3", 1)]));
}

#[test]
fn who_accepts_the_agreement_is_said_clearly() {
    let mut world = World::new();
    let command = |mode, partner_id| {
        let (signatory, accepted_on) = (contact(), day("2018-01-01"));
        Command::AcceptAgreement(AcceptAgreement {
            customer_id: customer_id(),
            mode,
            partner_id,
            signatory,
            accepted_on,
            version: None,
            language: None,
        })
    };
    assert_eq!(world.refused(command(AgreementMode::PartnerAttestation, None)), Reason::RequiredFieldMissing);
    assert_eq!(world.refused(command(AgreementMode::CustomerDirect, Some(partner("direct")))), Reason::InvalidValue);
}

#[test]
fn a_relationship_is_asked_for_and_accepted() {
    let mut world = World::new();
    assert_eq!(world.refused(accept("provider")), Reason::RelationshipNotRequested);
    assert_eq!(world.refused(request("nobody")), Reason::PartnerNotFound);
    assert_eq!(world.refused(request("direct")), Reason::RelationshipExists);
    assert_eq!(world.refused(request("american")), Reason::MarketNotAllowed);
    world.ok(request("provider"));
    assert_eq!(world.refused(request("provider")), Reason::RelationshipExists);
    assert_eq!(world.refused(remove("provider")), Reason::RelationshipRequired);
    world.ok(accept("provider"));
    assert!(world.customer().relationship(&partner("provider")).unwrap().delegated_admin);
}

/// V29, with the license part: suspended, nothing keeps the relationship, and nothing can be bought without it.
#[test]
fn a_relationship_ends_when_nothing_is_in_use() {
    let mut world = World::new();
    world.ok(buy(vec![line("a", "e3", 1)]));
    let refusal = world.refusal(remove("direct"));
    assert_eq!(refusal.reason, Reason::ActiveSubscriptionsExist);
    assert_eq!(refusal.metadata["subscription_ids"], "a");
    world.ok(suspend("a"));
    world.ok(remove("direct"));
    assert!(!world.customer().relationship(&partner("direct")).unwrap().delegated_admin);
    assert_eq!(world.refused(buy(vec![line("b", "e3", 1)])), Reason::RelationshipRequired);
    assert_eq!(world.refused(reactivate("a")), Reason::RelationshipRequired);
    world.relate("direct");
    world.ok(reactivate("a"));
}
