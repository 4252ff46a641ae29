//! Upgrades and migrations by the table (customers page sections 2.13 and 2.14; worked examples V04, V19, V20).

use std::collections::BTreeSet;

use super::{
    kit::*,
    users::{assign, create_user},
};
use crate::{
    Command, Event, Reason,
    customer::{Standing, SuspensionReason},
    offer::{Offer, OfferKind},
};

fn named(id: &str, name: &str) -> Offer {
    Offer { display_name: name.to_owned(), ..offer(id) }
}

/// The offers of the worked examples, at 10 a month.
pub(super) fn world() -> World {
    let mut world = World::with_provider();
    let add_on = |id: &str, bases: &[&str]| Offer {
        kind: OfferKind::AddOn,
        prerequisite_offer_ids: bases.iter().map(|id| offer_id(id)).collect::<BTreeSet<_>>(),
        ..offer(id)
    };
    let offers = vec![
        named("basic", "Microsoft 365 Business Basic"),
        named("standard", "Microsoft 365 Business Standard"),
        named("basic-in", "Microsoft 365 Business Basic India"),
        named("o-e1", "Office 365 Enterprise E1"),
        named("o-e3", "Office 365 Enterprise E3"),
        named("nav", "Dynamics 365 for Team Members, Business edition"),
        named("bc", "Dynamics 365 Business Central"),
        add_on("both", &["basic", "o-e1"]),
        add_on("only", &["basic"]),
    ];
    world.publish(offers, 10);
    world
}

pub(super) fn upgrade(id: &str, to: &str) -> Command {
    upgrade_by("direct", id, to)
}

fn upgrade_by(by: &str, id: &str, to: &str) -> Command {
    command!(Upgrade {
        partner_id: partner(by),
        subscription_id: sub(id),
        to_offer_id: offer_id(to),
        new_subscription_id: Some(sub("new")),
    })
}

pub(super) fn migrate(id: &str, to: &str) -> Command {
    command!(Migrate { partner_id: partner("direct"), subscription_id: sub(id), to_subscription_id: sub(to) })
}

/// V19.
#[test]
fn the_table_says_what_becomes_what() {
    for (from, to, outcome) in [
        ("basic", "o-e1", Ok(())),
        ("basic", "o-e3", Ok(())),
        ("standard", "o-e3", Ok(())),
        ("standard", "o-e1", Err(Reason::UpgradePathUnknown)),
        ("basic-in", "standard", Err(Reason::UpgradePathUnknown)),
        ("o-e3", "basic", Err(Reason::UpgradePathUnknown)),
    ] {
        let mut world = world();
        world.ok(buy(vec![line("a", from, 5)]));
        assert_eq!(world.run(&upgrade("a", to)).map(|_| ()).map_err(|refused| refused.reason), outcome, "{from} {to}");
    }
}

/// The old one is credited, the new one charged, licenses and add-ons stand on it.
#[test]
fn an_upgrade_carries_seats_licenses_and_add_ons() {
    let mut world = world();
    world.at("2018-01-13").ok(buy(vec![line("a", "basic", 5), add_on("b", "both", "a")]));
    world.ok(create_user("u"));
    world.ok(assign(&[("u", "a")]));
    let events = world.at("2018-03-01").ok(upgrade("a", "o-e1"));
    assert_eq!(events, ["SubscriptionUpgraded", "SubscriptionSuspended", "OrderPlaced", "SubscriptionCreated"]);
    let Standing::Suspended { reason, expires_on, .. } = world.standing("a") else {
        panic!("{:?}", world.standing("a"))
    };
    assert_eq!((reason, expires_on), (SuspensionReason::Upgraded, day("2018-06-01")), "V01's hold of 92 days");
    assert_eq!(world.refused(reactivate("a")), Reason::SubscriptionUpgraded);
    let new = world.sub("new");
    assert_eq!((new.quantity, new.start, new.term_end), (5, day("2018-03-01"), day("2019-03-01")));
    let users = world.customer().users();
    assert_eq!((users.assigned(&sub("a")), users.assigned(&sub("new"))), (0, 1));
    assert_eq!(
        (world.standing("b"), world.sub("b").base_subscription_id.clone()),
        (Standing::Active, Some(sub("new")))
    );
    let last: Vec<_> = world.charges().into_iter().rev().take(2).collect();
    // Twelve of the 28 days from 13 February are left.
    assert_eq!(last, ["Cycle fee 2018-03-01 2018-04-01 50.00", "Cancel Fee 2018-03-01 2018-03-13 -21.43"]);
    // The add-on follows its new base.
    world.at("2018-03-02").ok(suspend("new"));
    assert!(matches!(world.standing("b"), Standing::Suspended { .. }));
    world.end("2018-06-01");
    assert_eq!(world.standing("a"), Standing::Deprovisioned);
}

/// V20, and the other guards.
#[test]
fn an_upgrade_is_refused_with_its_reason() {
    let mut world = world();
    world.ok(buy(vec![line("a", "basic", 5)]));
    let mut suspended = world.clone();
    suspended.ok(suspend("a"));
    assert_eq!(suspended.refused(upgrade("a", "o-e1")), Reason::SubscriptionNotActive);
    let mut without = world.clone();
    without.ok(command!(RemoveDelegatedAdmin { partner_id: partner("direct") }));
    assert_eq!(without.refused(upgrade("a", "o-e1")), Reason::DelegatedAdminRequired);
    let mut elsewhere = world.clone();
    elsewhere.ok(buy_from("provider", vec![line("p", "o-e1", 1)]));
    assert_eq!(elsewhere.refused(upgrade("a", "o-e1")), Reason::TargetAlreadyOwned);
    let mut with_add_on = world.clone();
    with_add_on.ok(buy(vec![add_on("b", "only", "a")]));
    assert_eq!(with_add_on.refused(upgrade("a", "o-e1")), Reason::AddonIncompatible);
    let mut in_transfer = world.clone();
    in_transfer.ok(command!(RequestTransfer {
        transfer_id: None,
        source_partner_id: partner("direct"),
        target_partner_id: partner("provider"),
        subscription_ids: vec![sub("a")],
        expires_after_days: None,
    }));
    assert_eq!(in_transfer.refused(upgrade("a", "o-e1")), Reason::TransferInProgress);
    assert_eq!(world.refused(upgrade_by("provider", "a", "o-e1")), Reason::SubscriptionNotOwned);
    assert_eq!(world.refused(upgrade("nothing", "o-e1")), Reason::SubscriptionNotFound);
    assert_eq!(world.refused(upgrade("a", "nothing")), Reason::OfferNotFound);
}

/// V04: 120 days, whatever the stub; licenses move as far as they fit.
#[test]
fn a_migration_moves_licenses_and_ends_the_old() {
    let mut world = world();
    world.at("2018-01-13").ok(buy(vec![line("a", "nav", 3)]));
    for id in ["u", "v"] {
        world.ok(create_user(id));
    }
    world.ok(assign(&[("u", "a"), ("v", "a")]));
    let refusal = world.refusal(migrate("a", "a"));
    assert_eq!(refusal.reason, Reason::InvalidValue);
    world.ok(buy(vec![line("n", "bc", 1), line("e", "e3", 9)]));
    assert_eq!(world.refused(migrate("a", "e")), Reason::ReplacementNotActive, "no row of the table");
    assert_eq!(world.refused(migrate("e", "n")), Reason::ReplacementNotActive);
    assert_eq!(world.refused(migrate("a", "nothing")), Reason::ReplacementNotActive);
    let events = world.at("2019-02-01").run(&migrate("a", "n")).unwrap();
    let moved = events.iter().find_map(|event| match event {
        Event::SubscriptionMigrated(e) => Some((e.moved_user_ids.clone(), e.left_user_ids.clone())),
        _ => None,
    });
    assert_eq!(moved, Some((vec![user("u")], vec![user("v")])));
    assert_eq!(world.expires_on("a"), day("2019-06-01"));
    assert_eq!(world.refused(reactivate("a")), Reason::SubscriptionMigrated);
    assert_eq!(world.customer().users().assigned(&sub("n")), 1);
    world.end("2019-06-01");
    assert_eq!(world.standing("a"), Standing::Deprovisioned);
}
