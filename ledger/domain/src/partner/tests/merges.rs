//! Two companies become one, and what becomes of their locations and memberships.

use super::kit::*;
use crate::{
    Command, Reason,
    partner::{MembershipOffer, Partners},
};

pub(super) fn invite(from: &str, target: &str, name: &str) -> Command {
    command!(InviteMerge {
        partner_id: id(from),
        merge_id: Some(merge(name)),
        target_mpn_id: mpn(target),
        invited_by: "kim".to_owned(),
    })
}

pub(super) fn accept(from: &str, by: &str, name: &str) -> Command {
    command!(AcceptMerge { partner_id: id(from), merge_id: merge(name), target_partner_id: id(by) })
}

pub(super) fn reject(from: &str, by: &str, name: &str) -> Command {
    let reason = "not now".to_owned();
    command!(RejectMerge { partner_id: id(from), merge_id: merge(name), target_partner_id: id(by), reason: reason })
}

pub(super) fn complete(from: &str, name: &str) -> Command {
    command!(CompleteMerge { partner_id: id(from), merge_id: merge(name) })
}

fn merged(w: &mut World, from: &str, target: (&str, &str), name: &str) {
    w.ok(&invite(from, target.1, name));
    w.ok(&accept(from, target.0, name));
    w.ok(&complete(from, name));
}

fn companies() -> World {
    let mut w = World::new();
    for (name, pga) in [("direct", "3000"), ("rival", "4000"), ("provider", "1000")] {
        w.company(name, pga);
    }
    w
}

fn company<'a>(partners: &'a Partners, name: &str) -> &'a str {
    let (id, _) = partners.iter().find(|(id, _)| id.as_str() == name).unwrap();
    partners.company_of(id).as_str()
}

#[test]
fn a_merge_addresses_the_global_account_of_another_company() {
    let mut w = companies();
    for (target, reason) in [
        ("3000", Reason::InvalidValue),
        ("300", Reason::MergeTargetUnknown),
        ("400", Reason::MergeTargetNotGlobalAccount),
        ("7777", Reason::MergeTargetUnknown),
    ] {
        assert_eq!(w.refused(&invite("direct", target, "m")), reason, "{target}");
    }
    assert_eq!(w.refused(&invite("reseller", "4000", "m")), Reason::GlobalAccountMissing);
    w.ok(&invite("direct", "4000", "m"));
    assert_eq!(w.refused(&invite("direct", "4000", "n")), Reason::MergeExists, "it is open");
    assert_eq!(w.refused(&invite("direct", "1000", "m")), Reason::MergeExists, "the id is taken");
    assert_eq!(w.refused(&accept("direct", "provider", "m")), Reason::MergeNotFound, "it is not the one invited");
}

/// The history of before stays readable: who looks at an earlier day sees two companies.
#[test]
fn locations_stand_under_the_surviving_company_from_that_day_on() {
    let mut w = companies();
    let before = w.reference.partners.clone();
    w.on("2019-06-01");
    merged(&mut w, "direct", ("rival", "4000"), "m");
    let after = &w.reference.partners;
    assert_eq!((company(&before, "rival"), company(after, "rival")), ("rival", "direct"));
    let rival = w.partner("rival");
    let absorbed = rival.account.absorbed().unwrap();
    assert_eq!((absorbed.pga_mpn_id.as_str(), absorbed.on), ("3000", day("2019-06-01")));
    assert!(rival.location(&mpn("400"), "f").is_ok(), "its locations go on selling under their ids (L7173)");
    assert_eq!(w.refused(&invite("provider", "4000", "x")), Reason::AccountAbsorbed);
    assert_eq!(w.refused(&invite("rival", "1000", "x")), Reason::AccountAbsorbed);
    assert_eq!(w.refused(&complete("direct", "m")), Reason::MergeClosed);

    // Two levels only: what it had absorbed moves along.
    merged(&mut w, "provider", ("direct", "3000"), "n");
    for name in ["direct", "rival", "provider"] {
        assert_eq!(company(&w.reference.partners, name), "provider", "{name}");
    }
}

#[test]
fn of_two_that_accepted_each_other_one_goes_into_the_other() {
    let mut w = companies();
    w.ok(&invite("direct", "4000", "m"));
    w.ok(&invite("rival", "3000", "n"));
    w.ok(&accept("direct", "rival", "m"));
    w.ok(&accept("rival", "direct", "n"));
    w.ok(&complete("direct", "m"));
    assert_eq!(w.refused(&complete("rival", "n")), Reason::AccountAbsorbed);
}

/// Golden vectors G6 and G7 of the accounts page.
#[test]
fn the_later_action_pack_and_the_higher_competency_count() {
    let mut w = companies();
    w.on("2019-06-15").ok(&purchase("direct", MembershipOffer::ActionPack, "june"));
    w.on("2019-10-15").ok(&purchase("rival", MembershipOffer::ActionPack, "october"));
    w.ok(&purchase("direct", MembershipOffer::GoldCompetency, "gold"));
    w.ok(&purchase("rival", MembershipOffer::SilverCompetency, "silver"));
    w.on("2020-01-10");
    w.ok(&invite("direct", "4000", "m"));
    w.ok(&accept("direct", "rival", "m"));
    let events = w.decide(&complete("direct", "m")).unwrap();
    let [crate::Event::AccountsMerged(event)] = events.as_slice() else { panic!("{events:?}") };
    let kept: Vec<_> = event.resolutions.iter().map(|r| (r.kept.as_str(), r.dropped.as_str())).collect();
    assert_eq!(kept, [("gold", "silver"), ("october", "june")]);
    assert_eq!(event.resolutions[1].anniversary, day("2020-10-14"));
    assert_eq!(event.relocated_mpn_ids, [mpn("4000"), mpn("400")]);
    w.ok(&complete("direct", "m"));

    w.on("2020-06-20");
    assert_eq!(w.refused(&renew("direct", "june")), Reason::DuplicateActionPack);
    assert_eq!(w.refused(&purchase("direct", MembershipOffer::ActionPack, "third")), Reason::DuplicateActionPack);
    w.on("2020-10-15").ok(&renew("rival", "october"));
}
