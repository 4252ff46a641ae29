//! The record in full: profile, tags, agreement by country, special segments, resellers, admin rights, permissions.

use super::kit::*;
use crate::{
    Command, Event, Reason,
    command::{AcceptAgreement, AcceptRelationship, RequestRelationship, UpdateCustomer},
    customer::QualificationStanding,
    money::Currency,
    offer::{Offer, PriceRow},
    party::{Address, AgreementMode, AgreementVersion, PurchasePermission, Segment},
};

fn update(change: impl FnOnce(&mut UpdateCustomer)) -> Command {
    let mut update = UpdateCustomer {
        customer_id: customer_id(),
        partner_id: Some(partner("direct")),
        company_name: None,
        bill_to_name: None,
        address: None,
        contact: None,
    };
    change(&mut update);
    Command::UpdateCustomer(update)
}

fn address(country: &str, city: &str) -> Address {
    let [country, line1, city] = [country, "Weg 2", city].map(str::to_owned);
    Address { country, line1, city, state: String::new(), postal_code: String::new() }
}

/// Decision G05: two names, and who changes which.
#[test]
fn a_partner_changes_what_is_billed_to_and_the_customer_its_own_name() {
    let mut world = World::new();
    let names = ["CustomerUpdated"];
    assert_eq!(world.ok(update(|c| c.bill_to_name = Some(" Contoso Nord ".into()))), names);
    let Some(Event::CustomerUpdated(updated)) = world.journal.last() else { panic!("{:?}", world.journal) };
    assert_eq!((updated.bill_to_name.as_deref(), updated.address.as_ref()), (Some("Contoso Nord"), None));
    assert_eq!(world.ok(update(|c| (c.partner_id, c.company_name) = (None, Some("Contoso AG".into())))), names);
    assert_eq!(world.ok(update(|c| c.address = Some(address("DE", "Bonn")))), names);
    let cases: [(Command, Reason, Option<&str>); 7] = [
        (update(|_| ()), Reason::RequiredFieldMissing, None),
        (update(|c| c.company_name = Some("X".into())), Reason::InvalidValue, Some("company_name")),
        (
            update(|c| (c.partner_id, c.bill_to_name) = (None, Some("X".into()))),
            Reason::InvalidValue,
            Some("bill_to_name"),
        ),
        (update(|c| c.bill_to_name = Some("  ".into())), Reason::RequiredFieldMissing, Some("bill_to_name")),
        (update(|c| c.address = Some(address("AT", "Wien"))), Reason::MarketNotAllowed, Some("address.country")),
        (update(|c| c.address = Some(address("DE", ""))), Reason::RequiredFieldMissing, Some("address.city")),
        (
            update(|c| (c.partner_id, c.bill_to_name) = (Some(partner("provider")), Some("X".into()))),
            Reason::RelationshipRequired,
            Some("partner_id"),
        ),
    ];
    for (command, reason, field) in cases {
        let refusal = world.refusal(command);
        assert_eq!((refusal.reason, refusal.metadata.get("field").map(String::as_str)), (reason, field), "{refusal}");
    }
}

#[test]
fn tags_are_a_partner_s_own_and_few() {
    let mut world = World::new();
    let tag = |tags: &[&str]| {
        command!(TagCustomer { partner_id: partner("direct"), tags: tags.iter().map(|&tag| tag.to_owned()).collect() })
    };
    assert_eq!(world.ok(tag(&["gold", "North 7"])), ["CustomerTagged"]);
    assert_eq!(world.ok(tag(&[])), ["CustomerTagged"]);
    assert_eq!(world.refused(tag(&["gold", "Gold"])), Reason::InvalidValue);
    assert_eq!(world.refused(tag(&[" gold"])), Reason::InvalidValue);
    assert_eq!(world.refused(tag(&[""])), Reason::RequiredFieldMissing);
    assert_eq!(world.refused(tag(&["x".repeat(65).as_str()])), Reason::InvalidValue);
    let many: Vec<_> = (0..21).map(|n| format!("t{n}")).collect();
    assert_eq!(world.refused(tag(&many.iter().map(String::as_str).collect::<Vec<_>>())), Reason::InvalidValue);
}

fn accept(version: AgreementVersion, language: Option<&str>, on: &str) -> Command {
    Command::AcceptAgreement(AcceptAgreement {
        customer_id: customer_id(),
        mode: AgreementMode::CustomerDirect,
        partner_id: None,
        signatory: contact(),
        accepted_on: day(on),
        version: Some(version),
        language: language.map(str::to_owned),
    })
}

#[test]
fn the_agreement_is_read_in_a_language_of_the_country() {
    let mut world = World::new();
    world.ok(accept(AgreementVersion::CustomerAgreement, Some("German"), "2018-01-01"));
    let refusal = world.refusal(accept(AgreementVersion::CustomerAgreement, Some("French"), "2018-01-01"));
    assert_eq!(refusal.reason, Reason::InvalidValue);
    assert_eq!(refusal.metadata["languages"], "English,German");
    assert_eq!(refusal.message, "In DE the agreement is published in English, German, not in \"French\"");
}

/// Program page C02: the agreement before counts up to 2020-01-31, for purchases and seats alike.
#[test]
fn the_older_agreement_ends() {
    let mut world = World::empty();
    world.ok(Command::CreateCustomer(create()));
    world.ok(accept(AgreementVersion::CloudAgreement, None, "2018-01-01"));
    world.at("2020-01-31").ok(buy(vec![line("a", "e3", 5)]));
    world.at("2020-02-01");
    assert_eq!(world.refused(buy(vec![line("b", "e3", 5)])), Reason::McaNotAccepted);
    assert_eq!(world.refused(seats("a", 6)), Reason::McaNotAccepted);
    world.ok(accept(AgreementVersion::CustomerAgreement, Some("English"), "2020-02-01"));
    world.ok(seats("a", 6));
}

fn qualify(segment: Segment, email: Option<&str>) -> Command {
    let email = email.map(str::to_owned);
    command!(RequestQualification { partner_id: partner("direct"), segment: segment, email: email })
}

fn answer(segment: Segment, qualified: bool) -> Command {
    command!(DecideQualification { segment: segment, qualified: qualified, note: String::new() })
}

#[test]
fn a_qualification_is_examined_denied_and_submitted_again() {
    let mut world = World::new();
    let edu = Segment::Education;
    assert_eq!(world.refused(qualify(edu, None)), Reason::RequiredFieldMissing);
    for free in ["dean@gmail.com", "dean@contoso.onmicrosoft.com"] {
        assert_eq!(world.refused(qualify(edu, Some(free))), Reason::EmailNotEntityOwned, "{free}");
    }
    assert_eq!(world.refused(qualify(edu, Some("dean"))), Reason::InvalidValue);
    assert_eq!(world.refused(qualify(Segment::Commercial, None)), Reason::InvalidValue);
    assert_eq!(world.refused(answer(edu, true)), Reason::QualificationNotRequested);
    world.ok(qualify(edu, Some("dean@school.example")));
    assert_eq!(world.refused(qualify(edu, Some("dean@school.example"))), Reason::QualificationExists);
    world.ok(answer(edu, false));
    world.ok(qualify(edu, Some("dean@school.example")));
    let known = world.customer().qualification(edu).unwrap();
    assert_eq!((known.standing, known.submissions), (QualificationStanding::Requested, 2));
    world.ok(answer(edu, true));
    assert_eq!(world.refused(qualify(edu, Some("dean@school.example"))), Reason::QualificationExists);
    assert_eq!(world.refused(answer(edu, true)), Reason::QualificationNotRequested);
}

/// The matrix of accounts page section 2.12, every cell.
#[test]
fn who_may_buy_what() {
    let row = |id: &str, agreement: &str, customer: &str| PriceRow {
        license_agreement_type: agreement.into(),
        end_customer_type: customer.into(),
        ..price_row(id, 4, "2000-01-01")
    };
    let offers = ["com", "edu", "gov", "npo"];
    let segments = [Segment::Commercial, Segment::Education, Segment::Government, Segment::NonProfit];
    for (segment, allowed) in segments.into_iter().zip([
        [true, false, false, false],
        [true, true, false, false],
        [false, false, true, false],
        [true, false, false, true],
    ]) {
        let mut world = World::new();
        world.ok(Command::PublishOffers(crate::command::PublishOffers { offers: offers.map(offer).to_vec() }));
        world.ok(Command::PublishPriceList(crate::command::PublishPriceList {
            price_list_id: crate::ids::PriceListId::new("segments").unwrap(),
            currency: Currency::new("EUR").unwrap(),
            rows: vec![
                row("com", "corporate", "cloud reseller corporate"),
                row("edu", "academic", "cloud reseller faculty"),
                row("gov", "government", "cloud reseller government"),
                row("npo", "corporate", "cloud reseller non-profit"),
            ],
        }));
        if segment != Segment::Commercial {
            world.ok(qualify(segment, Some("a@entity.example")));
            for id in ["edu", "gov", "npo"] {
                assert_eq!(world.refused(buy(vec![line(id, id, 1)])), Reason::SegmentNotQualified, "not examined yet");
            }
            world.ok(answer(segment, true));
        }
        for (id, allowed) in offers.into_iter().zip(allowed) {
            let bought = world.run(&buy(vec![line(id, id, 1)])).map(|_| ()).map_err(|refused| refused.reason);
            let expected = if allowed { Ok(()) } else { Err(Reason::SegmentNotQualified) };
            assert_eq!(bought, expected, "{segment:?} buys {id}");
        }
    }
}

#[test]
fn resellers_come_and_go_and_the_first_is_of_record() {
    let mut world = World::with_provider();
    let add = |of: &str, id: &str| command!(AddReseller { partner_id: partner(of), reseller_id: partner(id) });
    let remove = |id: &str| command!(RemoveReseller { partner_id: partner("provider"), reseller_id: partner(id) });
    assert_eq!(world.refused(add("direct", "reseller")), Reason::InvalidValue);
    assert_eq!(world.refused(add("provider", "direct")), Reason::PartnerTypeNotAllowed);
    assert_eq!(world.refused(add("provider", "nobody")), Reason::PartnerNotFound);
    world.ok(add("provider", "reseller"));
    assert_eq!(world.refused(add("provider", "reseller")), Reason::ResellerExists);
    world.ok(buy_from("provider", vec![line("a", "e3", 1)]));
    assert_eq!(world.sub("a").reseller_id, Some(partner("reseller")));
    world.ok(remove("reseller"));
    assert_eq!(world.refused(remove("reseller")), Reason::ResellerNotFound);
    world.ok(buy_from("provider", vec![line("b", "e3", 1)]));
    assert_eq!((world.sub("a").reseller_id.is_some(), world.sub("b").reseller_id.is_some()), (true, false));
}

#[test]
fn a_direct_partner_brings_its_provider_in_with_the_customer_s_consent() {
    let mut world = World::new();
    let extend = |from: &str, to: &str, consent: Option<&str>| {
        let consent_on = consent.map(day);
        command!(ExtendRelationship { partner_id: partner(from), provider_id: partner(to), consent_on: consent_on })
    };
    assert_eq!(world.refused(extend("direct", "provider", None)), Reason::ConsentRequired);
    assert_eq!(world.refused(extend("direct", "provider", Some("2018-01-02"))), Reason::InvalidValue);
    assert_eq!(world.refused(extend("direct", "american", Some("2018-01-01"))), Reason::PartnerTypeNotAllowed);
    assert_eq!(world.refused(extend("provider", "provider", Some("2018-01-01"))), Reason::RelationshipRequired);
    assert_eq!(world.ok(extend("direct", "provider", Some("2018-01-01"))), ["RelationshipEstablished"]);
    assert!(!world.customer().relationship(&partner("provider")).unwrap().delegated_admin);
    assert_eq!(world.refused(extend("direct", "provider", Some("2018-01-01"))), Reason::RelationshipExists);
    world.ok(buy_from("provider", vec![line("a", "e3", 1)]));
}

/// Section 2.4: each state and each trigger.
#[test]
fn admin_rights_are_asked_for_given_and_taken_back() {
    let mut world = World::with_provider();
    let ask = |delegated_admin| {
        Command::RequestRelationship(RequestRelationship {
            customer_id: customer_id(),
            partner_id: partner("provider"),
            delegated_admin,
            reseller_id: None,
            expires_after_days: None,
        })
    };
    let give = || {
        Command::AcceptRelationship(AcceptRelationship { customer_id: customer_id(), partner_id: partner("provider") })
    };
    let take = |id: &str| command!(RemoveDelegatedAdmin { partner_id: partner(id) });
    assert_eq!(world.refused(take("provider")), Reason::DelegatedAdminRequired);
    assert_eq!(world.refused(give()), Reason::RelationshipNotRequested);
    assert_eq!(world.refused(ask(false)), Reason::RelationshipExists);
    assert_eq!(world.ok(ask(true)), ["DelegatedAdminRequested"]);
    assert_eq!(world.refused(ask(true)), Reason::RelationshipExists);
    assert_eq!(world.ok(give()), ["DelegatedAdminGranted"]);
    assert_eq!(world.refused(ask(true)), Reason::RelationshipExists);
    assert_eq!(world.ok(take("provider")), ["DelegatedAdminRemoved"]);
    assert_eq!(world.ok(buy_from("provider", vec![line("a", "e3", 1)])).len(), 2, "the relationship is kept (L11402)");
    assert_eq!(world.ok(take("direct")), ["DelegatedAdminRemoved"]);
}

#[test]
fn a_customer_buys_reservations_where_the_partner_has_an_azure_subscription() {
    let mut world = World::new();
    let permit = |allowed| {
        let (permission, partner_id) = (PurchasePermission::AzureReservations, partner("direct"));
        command!(SetPurchasePermission { partner_id: partner_id, permission: permission, allowed: allowed })
    };
    assert_eq!(world.refused(permit(false)), Reason::PermissionUnchanged);
    assert_eq!(world.refused(permit(true)), Reason::NoAzureSubscription);
    world.publish(vec![Offer { display_name: "Azure plan".into(), ..offer("azure") }], 0);
    world.ok(buy(vec![line("az", "azure", 1)]));
    assert_eq!(world.ok(permit(true)), ["PurchasePermissionChanged"]);
    assert_eq!(world.refused(permit(true)), Reason::PermissionUnchanged);
    assert!(world.customer().may_purchase(&partner("direct"), PurchasePermission::AzureReservations));
    world.ok(permit(false));
    assert!(!world.customer().may_purchase(&partner("direct"), PurchasePermission::AzureReservations));
}
