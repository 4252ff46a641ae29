//! Global accounts, locations, legal profiles, domains, shared services.

use super::kit::*;
use crate::{Reason, ids::CustomerId, partner::VerificationCheck};

fn add(name: &str, location: &str, country: Option<&str>) -> crate::Command {
    command!(AddLocation {
        partner_id: id(name),
        mpn_id: mpn(location),
        name: format!("Place {location}"),
        address: country.map(address),
        contact: None,
    })
}

#[test]
fn the_registered_id_is_the_first_location_and_the_global_account_never_transacts() {
    let mut w = World::new();
    assert_eq!(w.partner("direct").account.headquarters(), Some(&mpn("300")));
    assert_eq!(w.refused(&add("direct", "301", None)), Reason::GlobalAccountMissing);
    w.company("direct", "999");
    w.ok(&add("direct", "301", Some("CA")));
    let direct = w.partner("direct");
    assert_eq!(direct.account.locations().count(), 2);
    assert_eq!(direct.account.country_of(direct, &mpn("301")), Some("CA"));
    assert_eq!(direct.account.country_of(direct, &mpn("300")), Some("US"));
    assert!(direct.location(&mpn("300"), "f").is_ok());
    assert_eq!(direct.location(&mpn("999"), "f").unwrap_err().reason, Reason::PgaCannotTransact);
    assert_eq!(direct.location(&mpn("100"), "f").unwrap_err().reason, Reason::LocationNotFound);
}

#[test]
fn an_id_of_the_network_is_given_once() {
    let mut w = World::new();
    w.company("direct", "999");
    for taken in ["300", "999", "100"] {
        assert_eq!(w.refused(&add("direct", taken, None)), Reason::MpnIdInUse, "{taken}");
    }
    let open = command!(OpenGlobalAccount { partner_id: id("rival"), pga_mpn_id: mpn("999"), legal: legal("r", "US") });
    assert_eq!(w.refused(&open), Reason::MpnIdInUse);
    let again =
        command!(OpenGlobalAccount { partner_id: id("direct"), pga_mpn_id: mpn("998"), legal: legal("d", "US") });
    assert_eq!(w.refused(&again), Reason::GlobalAccountExists);
}

#[test]
fn the_country_stays_and_so_does_the_name_of_an_authorized_company() {
    let mut w = World::new();
    let abroad =
        command!(OpenGlobalAccount { partner_id: id("direct"), pga_mpn_id: mpn("9"), legal: legal("d", "DE") });
    assert_eq!(w.refused(&abroad), Reason::CountryLocked);
    w.company("direct", "999");
    let update = |name: &str, country: &str| {
        command!(UpdateLegalProfile { partner_id: id("direct"), legal: legal(name, country) })
    };
    assert_eq!(w.refused(&update("direct", "CA")), Reason::CountryLocked);
    w.ok(&update("Direct Ltd.", "US"));
    for check in VerificationCheck::ALL {
        w.ok(&decide_check("direct", check, true));
    }
    assert_eq!(w.partner("direct").account.verification().name(), "authorized");
    assert_eq!(w.refused(&update("Other Ltd.", "US")), Reason::LegalNameLocked);
    w.ok(&update("Direct Ltd.", "US"));
    assert_eq!(w.partner("direct").account.verification().name(), "pending", "a statement is looked at again");
}

#[test]
fn a_contact_has_an_address_of_the_company_and_a_state_its_letters() {
    let mut w = World::new();
    let mut command = |change: fn(&mut crate::partner::LegalProfile)| {
        let mut legal = legal("direct", "US");
        change(&mut legal);
        let open = command!(OpenGlobalAccount { partner_id: id("direct"), pga_mpn_id: mpn("999"), legal: legal });
        let rejection = w.decide(&open).unwrap_err();
        (rejection.reason, rejection.metadata["field"].clone())
    };
    let invalid = |field: &str| (Reason::InvalidValue, field.to_owned());
    assert_eq!(command(|legal| legal.contact.email = "ada@gmail.com".into()), invalid("legal.contact.email"));
    assert_eq!(command(|legal| legal.contact.email = "ada".into()), invalid("legal.contact.email"));
    assert_eq!(command(|legal| legal.address.state = "Washington".into()), invalid("legal.address.state"));
    let missing = |field: &str| (Reason::RequiredFieldMissing, field.to_owned());
    assert_eq!(command(|legal| legal.name.clear()), missing("legal.name"));
    assert_eq!(command(|legal| legal.address.city.clear()), missing("legal.address.city"));
}

#[test]
fn headquarters_move_to_a_location_at_home() {
    let mut w = World::new();
    w.company("direct", "999");
    w.ok(&add("direct", "301", Some("US")));
    w.ok(&add("direct", "302", Some("CA")));
    let to = |location: &str| command!(MoveHeadquarters { partner_id: id("direct"), mpn_id: mpn(location) });
    assert_eq!(w.refused(&to("300")), Reason::InvalidValue, "they are there");
    assert_eq!(w.refused(&to("302")), Reason::CountryLocked);
    assert_eq!(w.refused(&to("777")), Reason::LocationNotFound);
    w.ok(&to("301"));
    assert_eq!(w.partner("direct").account.headquarters(), Some(&mpn("301")));
}

#[test]
fn who_proves_a_domain_is_the_global_admin() {
    let mut w = World::new();
    let with = |domain: &str, record: &str| {
        let (domain, record, global_admin) = (domain.to_owned(), record.to_owned(), "a@direct.example".to_owned());
        command!(VerifyDomain { partner_id: id("direct"), domain: domain, record: record, global_admin: global_admin })
    };
    assert_eq!(w.refused(&with("outlook.com", "MS=1")), Reason::DomainInvalid);
    assert_eq!(w.refused(&with("direct", "MS=1")), Reason::DomainInvalid);
    assert_eq!(w.refused(&with("direct.example", "v=spf1")), Reason::InvalidValue);
    w.ok(&verify_domain("direct"));
    assert_eq!(w.partner("direct").account.global_admin(), Some("admin@direct.example"));
    assert_eq!(w.refused(&verify_domain("direct")), Reason::DomainAlreadyVerified);
}

/// Consolidation: the id is preserved, and what was bought stays usable for one more year (L3505, L3602).
#[test]
fn a_membership_account_becomes_a_location_for_good() {
    let mut w = World::new();
    let consolidate = command!(ConsolidateAccount {
        partner_id: id("direct"),
        mpn_id: mpn("4870137"),
        name: "Branch".to_owned(),
        address: Some(address("US")),
        contact: None,
    });
    assert_eq!(w.refused(&consolidate), Reason::GlobalAccountMissing);
    w.company("direct", "999");
    w.on("2019-02-28").ok(&consolidate);
    let (_, location) = w.partner("direct").account.locations().find(|(id, _)| **id == mpn("4870137")).unwrap();
    assert_eq!(location.extended_until, Some(day("2020-02-28")));
    assert_eq!(w.refused(&consolidate), Reason::MpnIdInUse, "it is done once");
}

#[test]
fn a_partner_has_one_tenant_of_its_own() {
    let mut w = World::new();
    let create = |tenant: &str| {
        let customer_id = CustomerId::new(tenant).unwrap();
        command!(CreateSharedServices { partner_id: id("direct"), customer_id: customer_id })
    };
    w.ok(&create("own"));
    assert_eq!(w.refused(&create("second")), Reason::SharedServicesExists);
}
