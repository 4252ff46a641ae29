//! Suspension, cancellation, and what happens by itself.

use super::kit::*;
use crate::{
    Command, Reason,
    command::{PublishPriceList, PurchaseLine, Suspend},
    customer::{Standing, SuspensionReason},
    ids::PriceListId,
    money::Currency,
    offer::BillingFrequency,
};

/// V01 to V03.
#[test]
fn a_suspension_lasts_as_long_as_the_stub_says() {
    for (start, on, hold, expires_on) in [
        ("2018-01-13", "2018-03-01", 92, "2018-06-01"),
        ("2018-01-15", "2018-03-01", 90, "2018-05-30"),
        ("2018-01-31", "2018-03-01", 105, "2018-06-14"),
        ("2018-01-16", "2018-03-01", 120, "2018-06-29"),
        ("2020-01-16", "2020-02-29", 120, "2020-06-28"),
    ] {
        let mut world = World::new();
        world.at(start).ok(buy(vec![line("a", "e3", 1)]));
        world.at(on).ok(suspend("a"));
        assert_eq!((world.sub("a").hold_days, world.expires_on("a")), (hold, day(expires_on)), "{start}");
        let mut late = world.clone();
        late.at(expires_on);
        assert_eq!(late.refused(reactivate("a")), Reason::HoldExpired);
        world.at(&day(expires_on).pred_opt().unwrap().to_string()).ok(reactivate("a"));
        assert_eq!(world.standing("a"), Standing::Active);
    }
}

#[test]
fn what_cannot_be_suspended_or_reactivated() {
    let mut world = World::new();
    world.ok(buy(vec![line("a", "e3", 1), line("l", "a1", 1), line("m", "saas", 1), line("s", "software", 1)]));
    assert_eq!(world.refused(suspend("l")), Reason::OfferLocked);
    assert_eq!(world.refused(suspend("m")), Reason::UseCancel);
    assert_eq!(world.refused(suspend("s")), Reason::UseCancel);
    assert_eq!(world.refused(reactivate("a")), Reason::SubscriptionNotSuspended);
    let (customer_id, partner_id, reason) = (customer_id(), partner("direct"), SuspensionReason::Transferred);
    let transferred = Command::Suspend(Suspend { customer_id, partner_id, subscription_id: sub("a"), reason });
    assert_eq!(world.refused(transferred), Reason::InvalidValue);
    world.ok(suspend("a"));
    assert_eq!(world.refused(suspend("a")), Reason::SubscriptionNotActive);
}

#[test]
fn a_suspension_ends_in_deletion() {
    let mut world = World::new();
    world.at("2018-01-13").ok(buy(vec![line("a", "e3", 1), add_on("b", "phone", "a")]));
    world.at("2018-03-01").ok(suspend("a"));
    assert_eq!(world.customer().next_due(), Some(day("2018-06-01")));
    world.end("2018-06-01");
    assert_eq!((world.standing("a"), world.standing("b")), (Standing::Deprovisioned, Standing::Deprovisioned));
    assert_eq!(world.customer().next_due(), None);
    assert_eq!(world.refused(reactivate("a")), Reason::SubscriptionClosed);
    assert_eq!(world.refused(seats("a", 2)), Reason::SubscriptionClosed);
}

/// Decision G11: a base takes its active add-ons along, and brings exactly those back.
#[test]
fn add_ons_follow_their_base() {
    let mut world = World::new();
    world.ok(buy(vec![line("a", "e3", 1), add_on("b", "phone", "a"), add_on("c", "phone", "a")]));
    world.at("2018-02-01").ok(suspend("c"));
    assert_eq!(world.at("2018-02-03").ok(suspend("a")), ["SubscriptionSuspended", "SubscriptionSuspended"]);
    assert_eq!(world.expires_on("b"), world.expires_on("a"));
    assert_eq!(world.refused(reactivate("b")), Reason::AddonRequiresBase);
    assert_eq!(world.at("2018-02-05").ok(reactivate("a")), ["SubscriptionReactivated", "SubscriptionReactivated"]);
    assert_eq!(world.standing("b"), Standing::Active);
    assert!(matches!(world.standing("c"), Standing::Suspended { .. }));
    world.ok(reactivate("c"));
}

#[test]
fn a_license_is_cancelled_by_suspending_it() {
    let mut world = World::new();
    world.ok(buy(vec![line("a", "e3", 1), line("l", "a1", 1)]));
    assert_eq!(world.refused(cancel("l")), Reason::OfferLocked);
    world.ok(cancel("a"));
    assert!(matches!(world.standing("a"), Standing::Suspended { reason: SuspensionReason::Cancelled, .. }));
    assert_eq!(world.refused(cancel("a")), Reason::SubscriptionNotActive);
    world.ok(reactivate("a"));
}

/// V15 and V16: inside the window everything is credited; the boundary itself is late, and it ends with the term.
#[test]
fn a_marketplace_product_has_a_window() {
    for (frequency, inside, late) in [
        (BillingFrequency::Monthly, "2020-06-02T09:59:59Z", "2020-06-02T10:00:00Z"),
        (BillingFrequency::Annual, "2020-06-15T09:59:59Z", "2020-06-15T10:00:00Z"),
    ] {
        let mut world = World::new();
        let product = PurchaseLine { billing_frequency: Some(frequency), ..line("m", "saas", 1) };
        world.at("2020-06-01T10:00:00Z").ok(buy(vec![product]));
        let mut early = world.clone();
        assert_eq!(early.at(inside).ok(cancel("m")), ["SubscriptionCancelled"]);
        assert_eq!((early.standing("m"), early.charged()), (Standing::Cancelled, 0.into()));
        assert_eq!(world.at(late).ok(cancel("m")), ["CancellationScheduled", "AutoRenewChanged"]);
        assert_eq!((world.standing("m"), world.sub("m").auto_renew), (Standing::Active, false));
        assert!(world.charged() > 0.into());
        world.end("2021-06-01");
        assert_eq!(world.standing("m"), Standing::Expired);
        assert_eq!(world.refused(cancel("m")), Reason::SubscriptionClosed);
    }
}

/// V05 and V06 by their sums: month 1 is credited whole, day 30 is not in it.
#[test]
fn a_suspension_is_credited() {
    for (on, left) in [("2018-02-01", "0.00"), ("2018-02-11", "0.00"), ("2018-02-12", "3.87")] {
        let mut world = World::new();
        world.at("2018-01-13").ok(buy(vec![line("a", "e3", 1)]));
        world.at(on).ok(suspend("a"));
        assert_eq!(world.charged().to_string(), left, "{on}");
    }
}

/// V08: a reactivation does not move the term.
#[test]
fn a_reactivation_keeps_the_term() {
    let mut world = World::new();
    let annual = PurchaseLine { billing_frequency: Some(BillingFrequency::Annual), ..line("a", "e3", 1) };
    world.at("2018-01-13").ok(buy(vec![annual]));
    world.at("2018-02-01").ok(suspend("a"));
    world.at("2018-03-01").ok(reactivate("a"));
    assert_eq!((world.sub("a").term_end, world.charged().to_string().as_str()), (day("2019-01-13"), "41.82"));
}

#[test]
fn a_marketplace_trial_converts_or_is_cancelled() {
    let mut world = World::new();
    let trial = |id: &str| PurchaseLine { free_trial_days: 30, ..line(id, "saas", 1) };
    world.at("2019-06-10").ok(buy(vec![trial("m"), trial("n")]));
    assert_eq!(world.standing("m"), Standing::Trial);
    assert_eq!(world.refused(seats("m", 2)), Reason::TrialQuantityFixed);
    assert_eq!(world.ok(cancel("n")), ["SubscriptionCancelled"]);
    world.end("2019-07-09");
    assert_eq!(world.standing("m"), Standing::Trial);
    world.end("2019-07-10");
    let m = world.sub("m");
    assert_eq!((m.standing, m.term_start, m.term_end), (Standing::Active, day("2019-07-10"), day("2020-07-10")));
    assert_eq!(world.standing("n"), Standing::Cancelled);
}

/// Row 9: the next term has the list price of its first day.
#[test]
fn a_term_renews_at_the_new_price() {
    let mut world = World::new();
    world.at("2018-01-31").ok(buy(vec![line("a", "e3", 1)]));
    let (price_list_id, currency) = (PriceListId::new("next").unwrap(), Currency::new("EUR").unwrap());
    let rows = vec![price_row("e3", 7, "2019-01-31")];
    world.ok(Command::PublishPriceList(PublishPriceList { price_list_id, currency, rows }));
    world.end("2019-01-30");
    assert_eq!(world.sub("a").term_number, 1);
    world.end("2019-01-31");
    let a = world.sub("a");
    assert_eq!((a.term_number, a.term_end, a.price_list_id.as_str()), (2, day("2020-01-31"), "next"));
    assert_eq!(a.prices.first().unwrap().unit_price, 7.into());
}

/// Row 10, and add-ons with it.
#[test]
fn a_retired_offer_expires() {
    let mut world = World::new();
    world.at("2018-01-13").ok(buy(vec![line("a", "old", 1), line("l", "a1", 1)]));
    world.end("2019-01-13");
    assert_eq!(world.standing("a"), Standing::Expired);
    world.end("2024-01-13");
    assert_eq!(world.standing("l"), Standing::Expired, "72 months do not renew");
}

/// Rows 11 and 12 (decision G09).
#[test]
fn a_suspended_term_rolls_or_ends() {
    let mut world = World::new();
    world.at("2018-01-13").ok(buy(vec![line("a", "e3", 1), line("b", "old", 1)]));
    world.at("2019-01-01").ok(suspend("a"));
    world.ok(suspend("b"));
    world.end("2019-01-13");
    assert_eq!((world.sub("a").term_number, world.sub("a").term_end), (2, day("2020-01-13")));
    assert!(matches!(world.standing("a"), Standing::Suspended { term_ended: false, .. }));
    assert!(matches!(world.standing("b"), Standing::Suspended { term_ended: true, .. }));
    assert_eq!(world.refused(reactivate("b")), Reason::TermEnded);
    world.ok(reactivate("a"));
}

/// A command may overtake the timers: it meets what they would have done.
#[test]
fn what_fell_due_before_a_command_is_decided_first() {
    let mut world = World::new();
    world.at("2018-01-13").ok(buy(vec![line("a", "e3", 1)]));
    assert_eq!(world.at("2019-01-20").ok(seats("a", 2)), ["SubscriptionRenewed", "QuantityChanged"]);
    let due: Vec<_> = world.charge_days();
    assert_eq!(due.first().zip(due.last()), Some((&day("2018-01-13"), &day("2019-01-13"))));
    world.at("2019-03-01").ok(suspend("a"));
    world.at("2019-07-01");
    assert_eq!(world.refused(reactivate("a")), Reason::SubscriptionClosed);
}

/// Between the end of its term and the timer that says so, nothing can be done to what does not renew.
#[test]
fn a_term_that_ends_today_is_over() {
    let mut world = World::new();
    world.at("2018-01-13").ok(buy(vec![line("s", "software", 1)]));
    world.at("2019-01-13");
    assert_eq!(world.refused(seats("s", 2)), Reason::SubscriptionClosed);
}

/// A late fact is charged in arrears: on the first day that is still open, and never inside an issued document.
#[test]
fn a_late_fact_is_charged_in_arrears() {
    let mut world = World::new();
    world.end("2018-03-20");
    world.at("2018-01-13").ok(buy(vec![line("a", "e3", 1)]));
    world.at("2018-03-21").ok(seats("a", 2));
    assert_eq!(world.charge_days(), [day("2018-03-21"); 3], "the purchase and two periods");
}
