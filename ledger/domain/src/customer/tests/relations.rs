//! Any history whatever of people and partners: relationships asked for, accepted, run out and ended, limited offers, users, licenses and
//! their groups, with several partners at once.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::{kit::*, license_groups, requests, users};
use crate::{
    Command,
    command::{CloseDay, LicenseGroupRow, RunDue},
    customer::{self, RelationshipStanding, Standing},
    event::LicenseRow,
    offer::OfferLimitScope,
};

#[derive(Clone, Debug)]
enum Step {
    Do(Box<Command>),
    Pass(i64),
    End(u8),
}

fn partner_names() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["direct", "direct", "direct", "provider", "reseller", "american"])
}

fn user_names() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["ada", "bob", "eve"])
}

fn subscriptions() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["s0", "s1", "s2", "s3"])
}

fn about_partners() -> impl Strategy<Value = Command> {
    let days = prop::option::of(1..20_u32);
    (partner_names(), 0..9_u8, any::<bool>(), days).prop_map(|(of, which, admin, days)| match which {
        0..=2 => requests::ask(of, admin, days),
        3..=5 => requests::accept(of),
        6 => command!(RemoveDelegatedAdmin { partner_id: partner(of) }),
        7 => command!(RemoveRelationship { partner_id: partner(of) }),
        _ => command!(ExtendRelationship {
            partner_id: partner("direct"),
            provider_id: partner(of),
            consent_on: Some(day("2018-01-01")),
        }),
    })
}

fn about_licenses() -> impl Strategy<Value = Command> {
    let parts =
        (partner_names(), subscriptions(), 0..9_u8, 1..6_u32, prop::sample::select(vec!["e3", "small", "once"]));
    parts.prop_map(|(of, id, which, seats_to, offer)| match which {
        0..=3 => buy_from(of, vec![line(id, offer, if offer == "small" { seats_to + 4 } else { seats_to })]),
        4 | 5 => seats(id, seats_to),
        6 => suspend(id),
        7 => reactivate(id),
        _ => license_groups::set("g", &[id, "s0"][..if id == "s0" { 1 } else { 2 }]),
    })
}

fn about_users() -> impl Strategy<Value = Command> {
    let row = (user_names(), subscriptions(), any::<bool>());
    let rows = prop::collection::vec(row, 0..4);
    let groups = prop::collection::vec((user_names(), any::<bool>()), 0..2);
    let licenses = (rows, groups).prop_map(|(rows, groups)| {
        let row = |(id, of, assign): (&str, &str, bool)| LicenseRow {
            user_id: user(id),
            subscription_id: sub(of),
            assign,
            refused: None,
        };
        let group = |(id, assign): (&str, bool)| LicenseGroupRow {
            user_id: user(id),
            group_id: license_groups::group("g"),
            assign,
        };
        command!(ChangeLicenses {
            partner_id: partner("direct"),
            rows: rows.into_iter().map(row).collect(),
            groups: groups.into_iter().map(group).collect(),
        })
    });
    prop_oneof![
        2 => user_names().prop_map(users::create_user),
        1 => user_names().prop_map(users::delete),
        1 => user_names().prop_map(|id| users::restore(&[id])),
        6 => licenses,
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    let command = |of: BoxedStrategy<Command>| of.prop_map(|command| Step::Do(Box::new(command)));
    prop_oneof![
        4 => command(about_partners().boxed()),
        4 => command(about_licenses().boxed()),
        5 => command(about_users().boxed()),
        1 => (0..200_i64).prop_map(Step::Pass),
        1 => (1..60_u8).prop_map(Step::End),
    ]
}

fn end_days(world: &mut World, days: u8) {
    for _ in 0..days {
        let last = world.reference.catalog.last_closed();
        let date = last.map_or(world.at.date_naive(), |last| last.succ_opt().unwrap());
        let over = date.succ_opt().unwrap().and_time(chrono::NaiveTime::MIN).and_utc();
        world.at = world.at.max(over);
        world.run(&Command::CloseDay(CloseDay { date })).unwrap();
        while world.customer().next_due().is_some_and(|due| due <= date) {
            let events = world.run(&Command::RunDue(RunDue { customer_id: customer_id(), date })).unwrap();
            assert!(!events.is_empty(), "due, and nothing happens");
        }
        let again = world.run(&Command::RunDue(RunDue { customer_id: customer_id(), date })).unwrap();
        assert_eq!(again, [], "a day that ends twice changes nothing twice");
    }
}

fn check(world: &World) {
    let customer = world.customer();
    let mut replayed = None;
    world.journal.iter().for_each(|event| customer::evolve(&mut replayed, event));
    assert_eq!(replayed.as_ref(), Some(customer), "replay");
    for subscription in customer.subscriptions() {
        let id = &subscription.subscription_id;
        let assigned = customer.users().assigned(id);
        assert!(assigned <= subscription.quantity, "{id}: {assigned} of {} licenses", subscription.quantity);
        for holder in customer.users().holders(id) {
            let known = customer.users().get(holder).unwrap();
            assert!(known.deleted_until.is_none() && known.licenses.contains(id), "{holder} holds {id}");
        }
        if subscription.standing == Standing::Active {
            let related = customer.relationship(&subscription.partner_id).map(|known| known.standing);
            assert_eq!(related, Some(RelationshipStanding::Active), "{id} is in use without a relationship");
        }
    }
    for (partner_id, known) in &customer.relationships {
        let asks = matches!(known.standing, RelationshipStanding::Active | RelationshipStanding::Requested);
        assert!(asks || !known.delegated_admin && !known.admin_requested, "{partner_id}: {known:?}");
        let open = known.standing == RelationshipStanding::Requested || known.admin_requested;
        assert!(open || known.request_expires_on.is_none(), "{partner_id}: {known:?}");
    }
    for offer in world.reference.catalog.offers() {
        let of_offer = || customer.subscriptions().filter(|known| known.offer_id == offer.offer_id);
        let counted = match offer.limit_scope {
            OfferLimitScope::None => continue,
            OfferLimitScope::Lifetime => of_offer().count(),
            OfferLimitScope::Concurrent => of_offer().filter(|known| !known.is_closed()).count(),
        };
        assert!(counted <= usize::try_from(offer.limit).unwrap(), "{counted} of {}", offer.offer_id);
    }
    for (id, group) in customer.users().groups() {
        let gone = |id| customer.subscription(id).is_none_or(customer::Subscription::is_closed);
        assert!(!group.subscription_ids.iter().any(gone), "group {id} has a license that is gone");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn people_and_partners_never_leave_their_bounds(steps in prop::collection::vec(steps(), 1..60)) {
        let mut world = World::with_provider();
        for step in steps {
            match step {
                Step::Do(command) => {
                    let before = world.customer.clone();
                    if world.run(&command).is_err() {
                        prop_assert_eq!(&before, &world.customer, "a refusal leaves no trace");
                    }
                }
                Step::Pass(hours) => world.at += TimeDelta::hours(hours),
                Step::End(days) => end_days(&mut world, days),
            }
            check(&world);
        }
    }
}
