//! Changes that wait for their day, to the day and the cent.

use super::{
    kit::*,
    users::{assign, create_user},
};
use crate::{
    Command, Event, Reason,
    command::SetAutoRenew,
    customer::{ScheduledChange, Standing, SuspensionReason},
};

pub(super) fn plan(id: &str, quantity: Option<u32>, on: Option<&str>) -> Command {
    let change = ScheduledChange { quantity, on: on.map(day) };
    command!(ScheduleChange { partner_id: partner("direct"), subscription_id: sub(id), change: change })
}

pub(super) fn withdraw(id: &str) -> Command {
    command!(WithdrawScheduledChange { partner_id: partner("direct"), subscription_id: sub(id) })
}

/// One subscription of five seats at 4 a month, from 13 January 2018.
fn world() -> World {
    let mut world = World::new();
    world.at("2018-01-13").ok(buy(vec![line("a", "e3", 5), add_on("b", "phone", "a"), line("m", "saas", 5)]));
    world
}

/// The new term begins with the new seats, and nothing of the old one is corrected.
#[test]
fn seats_change_with_the_renewal() {
    let mut world = world();
    world.at("2018-06-01").ok(seats("a", 8));
    assert_eq!(world.ok(plan("a", Some(3), None)), ["ChangeScheduled"]);
    world.end("2019-01-12");
    assert_eq!((world.sub("a").quantity, world.sub("a").scheduled.is_some()), (8, true));
    let before = world.charges().len();
    world.end("2019-01-13");
    let subscription = world.sub("a");
    assert_eq!((subscription.quantity, subscription.term_number, subscription.scheduled), (3, 2, None));
    let renewed: Vec<_> = world.charges()[before..].iter().filter(|line| line.ends_with(" 12.00")).cloned().collect();
    assert_eq!(renewed, ["Cycle fee 2019-01-13 2019-02-13 12.00"], "three seats at 4");
    let settled = world.charges().len();
    world.end("2019-02-13");
    let next: Vec<_> = world.charges()[settled..].iter().filter(|line| line.ends_with(" 12.00")).cloned().collect();
    assert_eq!(next, ["Cycle fee 2019-02-13 2019-03-13 12.00"]);
    assert!(!world.charges()[settled..].iter().any(|line| line.contains('-') && line.contains(" -")), "no credit");
}

#[test]
fn a_subscription_ends_with_its_term() {
    let mut world = world();
    world.ok(plan("a", None, None));
    assert!(world.sub("a").ends_with_term());
    world.end("2019-01-12");
    assert_eq!(world.standing("a"), Standing::Active);
    world.end("2019-01-13");
    assert_eq!((world.standing("a"), world.standing("b")), (Standing::Expired, Standing::Expired));
    assert_eq!(world.refused(seats("a", 6)), Reason::SubscriptionClosed);
}

/// A command on the day of the term's end, before the day is closed, finds a subscription that has ended.
#[test]
fn on_its_last_morning_it_has_ended() {
    let mut world = world();
    world.ok(plan("a", None, None));
    world.at("2019-01-13");
    assert_eq!(world.refused(seats("a", 6)), Reason::SubscriptionClosed);
}

#[test]
fn seats_and_the_end_come_on_a_date() {
    let mut world = world();
    world.ok(plan("a", Some(9), Some("2018-03-01")));
    let mut by_hand = self::world();
    by_hand.end("2018-02-28");
    by_hand.at("2018-03-01").ok(seats("a", 9));
    world.end("2018-03-20");
    by_hand.end("2018-03-20");
    assert_eq!(world.charges(), by_hand.charges(), "as if it had been asked for on that day");
    assert_eq!(world.sub("a").quantity, 9);

    world.ok(plan("a", None, Some("2018-04-02")));
    world.end("2018-04-02");
    let Standing::Suspended { reason, since, .. } = world.standing("a") else { panic!("{:?}", world.standing("a")) };
    assert_eq!((reason, since), (SuspensionReason::Cancelled, day("2018-04-02")));
    assert!(matches!(world.standing("b"), Standing::Suspended { .. }), "its add-on with it");
    assert!(world.charges().iter().any(|line| line.starts_with("Cancel fee") || line.starts_with("Cancel Fee")));
}

/// A command that overtakes the timers meets the change as if its day had been closed, and money dated as it should be.
#[test]
fn a_late_close_changes_nothing() {
    let mut world = world();
    world.ok(plan("a", Some(9), Some("2018-03-01")));
    let mut timely = world.clone();
    timely.end("2018-03-05");
    world.at("2018-03-06").ok(seats("a", 10));
    timely.at("2018-03-06").ok(seats("a", 10));
    let changes = |world: &World| -> Vec<_> {
        world
            .journal
            .iter()
            .filter_map(|event| match event {
                Event::QuantityChanged(e) => Some((e.from, e.to, e.effective_on)),
                _ => None,
            })
            .collect()
    };
    assert_eq!(changes(&world), [(5, 9, day("2018-03-01")), (9, 10, day("2018-03-06"))]);
    assert_eq!(changes(&world), changes(&timely));
}

#[test]
fn what_is_scheduled_is_withdrawn_or_refused() {
    let mut world = world();
    assert_eq!(world.refused(withdraw("a")), Reason::ChangeNotScheduled);
    world.ok(plan("a", Some(9), None));
    assert_eq!(world.refused(plan("a", Some(8), None)), Reason::ChangeAlreadyScheduled);
    assert_eq!(world.ok(withdraw("a")), ["ScheduledChangeWithdrawn"]);
    assert_eq!(world.refused(plan("a", Some(5), None)), Reason::QuantityUnchanged);
    assert_eq!(world.refused(plan("a", Some(301), None)), Reason::QuantityAboveMaximum);
    assert_eq!(world.refused(plan("a", Some(9), Some("2018-01-13"))), Reason::InvalidValue, "not later");
    assert_eq!(world.refused(plan("a", Some(9), Some("2019-01-13"))), Reason::InvalidValue, "not within the term");
    assert_eq!(world.refused(plan("m", None, Some("2018-03-01"))), Reason::InvalidValue, "marketplace: with the term");
    let (customer_id, partner_id, subscription_id) = (customer_id(), partner("direct"), sub("m"));
    world.ok(Command::SetAutoRenew(SetAutoRenew { customer_id, partner_id, subscription_id, auto_renew: false }));
    assert_eq!(world.refused(plan("m", Some(9), None)), Reason::InvalidValue, "it does not renew");
}

/// What cannot be done on its day is dropped, and says why.
#[test]
fn what_became_impossible_is_dropped() {
    let dropped = |world: &World| {
        world.journal.iter().find_map(|event| match event {
            Event::ScheduledChangeWithdrawn(e) => Some(e.reason),
            _ => None,
        })
    };
    let mut suspended = world();
    suspended.ok(plan("a", Some(9), Some("2018-03-01")));
    suspended.at("2018-02-20").ok(suspend("a"));
    suspended.end("2018-03-01");
    assert_eq!(dropped(&suspended), Some(Some(Reason::SubscriptionNotActive)));
    let mut assigned = world();
    assigned.ok(create_user("u"));
    assigned.ok(create_user("v"));
    assigned.ok(plan("a", Some(1), Some("2018-03-01")));
    assigned.ok(assign(&[("u", "a"), ("v", "a")]));
    assigned.end("2018-03-01");
    assert_eq!(dropped(&assigned), Some(Some(Reason::LicensesStillAssigned)));
    assert_eq!(assigned.sub("a").quantity, 5);
}

#[test]
fn names_and_people_around_a_subscription() {
    let mut world = World::with_provider();
    world.ok(buy_from("provider", vec![line("a", "e3", 1)]));
    let change = |friendly: Option<&str>, po: Option<&str>, contact: Option<&str>, clear: &[&str]| {
        command!(UpdateSubscription {
            partner_id: partner("provider"),
            subscription_id: sub("a"),
            friendly_name: friendly.map(str::to_owned),
            po_number: po.map(str::to_owned),
            support_contact_id: contact.map(partner),
            reseller_id: None,
            clear: clear.iter().map(|&name| name.to_owned()).collect(),
        })
    };
    assert_eq!(world.ok(change(Some("Mail"), Some("PO 4711"), None, &[])), ["SubscriptionDetailsChanged"]);
    assert_eq!(world.sub("a").po_number.as_deref(), Some("PO 4711"));
    world.ok(change(None, None, None, &["friendly_name"]));
    assert_eq!((world.sub("a").friendly_name.as_deref(), world.sub("a").po_number.as_deref()), (None, Some("PO 4711")));
    assert_eq!(world.refused(change(None, None, None, &[])), Reason::RequiredFieldMissing);
    assert_eq!(world.refused(change(None, None, None, &["quantity"])), Reason::InvalidValue);
    assert_eq!(world.refused(change(Some("x"), None, None, &["friendly_name"])), Reason::InvalidValue);
    assert_eq!(world.refused(change(Some(&"x".repeat(257)), None, None, &[])), Reason::InvalidValue);
    assert_eq!(world.refused(change(None, None, Some("direct"), &[])), Reason::PartnerTypeNotAllowed);
    assert_eq!(world.refused(change(None, None, Some("reseller"), &[])), Reason::ResellerNoRelationship);
    world.relate("reseller");
    assert_eq!(world.refused(change(None, None, Some("reseller"), &[])), Reason::ResellerNoDap);
    let ask = crate::command::RequestRelationship {
        customer_id: customer_id(),
        partner_id: partner("reseller"),
        delegated_admin: true,
        reseller_id: None,
        expires_after_days: None,
    };
    world.ok(Command::RequestRelationship(ask));
    world.ok(command!(AcceptRelationship { partner_id: partner("reseller") }));
    world.ok(change(None, None, Some("reseller"), &[]));
    assert_eq!(world.sub("a").support_contact_id, Some(partner("reseller")));
    world.ok(change(None, None, Some("provider"), &[]));
}
