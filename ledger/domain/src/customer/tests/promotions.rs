//! Promotions: the best one, for the term, on every line (L14600-14632).

use std::collections::BTreeSet;

use super::{kit::*, trials};
use crate::{
    Command, Event, Reason,
    charge::Charged,
    command::{AcceptTransfer, ChangeBillingFrequency, PublishPromotions, PurchaseLine, RequestTransfer},
    ids::PromotionId,
    offer::{BillingFrequency, Promotion},
};

fn promotion(id: &str, percent: &str) -> Promotion {
    Promotion {
        promotion_id: PromotionId::new(id).unwrap(),
        display_name: id.to_owned(),
        offer_ids: BTreeSet::from([offer_id("e3"), offer_id("phone")]),
        percent: percent.parse().unwrap(),
        first_day: day("2018-01-01"),
        last_day: Some(day("2018-06-30")),
        markets: BTreeSet::new(),
        months: None,
    }
}

fn publish(promotions: Vec<Promotion>) -> Command {
    Command::PublishPromotions(PublishPromotions { promotions })
}

/// Type, first day, seats, amount and what is left of it of each charge.
fn discounted(world: &World) -> Vec<String> {
    let charges = world.journal.iter().filter_map(|event| match event {
        Event::Charged(line) => Some(line),
        _ => None,
    });
    let row = |l: &Charged| {
        format!("{} {} x{} {} - {}", l.charge_type.label(), l.charge_start, l.quantity, l.amount, l.discount_amount())
    };
    charges.map(row).collect()
}

fn taken(world: &World, id: &str) -> Option<String> {
    world.sub(id).promotion.as_ref().map(|taken| format!("{} {}", taken.promotion_id, taken.percent))
}

/// V17: 15 % on 5 seats, 15 % on the 3 added, the list price for all 8 after the renewal. 2018-01-01 to 2018-01-31 are 31 days at
/// 4.00 a seat; the 3 seats come on the 16th, so 15 days have 5 seats and 16 have 8.
#[test]
fn v17_the_highest_percentage_holds_for_the_term() {
    let mut world = World::new();
    world.ok(publish(vec![promotion("spring", "10"), promotion("summer", "15")]));
    world.at("2018-01-01").ok(buy(vec![line("a", "e3", 5)]));
    assert_eq!(taken(&world, "a").as_deref(), Some("summer 15"));
    world.at("2018-01-16").ok(seats("a", 8));
    world.end("2018-02-01");
    assert_eq!(
        discounted(&world),
        [
            "Cycle fee 2018-01-01 x5 20.00 - 3.00",
            "Cycle Instance Prorate 2018-01-01 x5 -20.00 - -3.00",
            "Cycle Instance Prorate 2018-01-01 x5 9.68 - 1.45",
            "Cycle Instance Prorate 2018-01-16 x8 16.52 - 2.48",
            "Cycle Instance Prorate 2018-02-01 x8 32.00 - 4.80",
        ]
    );
    world.end("2019-01-01");
    assert_eq!(taken(&world, "a"), None);
    assert_eq!(discounted(&world).last().unwrap(), "Cycle fee 2019-01-01 x8 32.00 - 0");
}

/// Credits take back what was charged: all of it in month 1, the discounted rest of the period later (L14615).
#[test]
fn a_suspension_credits_the_discounted_amount() {
    for (on, credit) in [
        ("2018-01-20", "Cancel Fee 2018-01-01 x5 -20.00 - -3.00"),
        ("2018-02-15", "Cancel Fee 2018-02-15 x5 -10.00 - -1.50"),
    ] {
        let mut world = World::new();
        world.ok(publish(vec![promotion("summer", "15")]));
        world.at("2018-01-01").ok(buy(vec![line("a", "e3", 5)]));
        world.at(on).ok(suspend("a"));
        assert_eq!(discounted(&world).last().unwrap(), credit);
    }
    let mut world = World::new();
    world.ok(publish(vec![promotion("summer", "15")]));
    world.at("2018-01-01").ok(buy(vec![line("a", "e3", 5)]));
    world.at("2018-02-15").ok(suspend("a"));
    // 10 of 28 days of 20.00.
    world.at("2018-02-19").ok(reactivate("a"));
    assert_eq!(discounted(&world).last().unwrap(), "Prorate fees when purchase 2018-02-19 x5 7.14 - 1.07", "kept");
}

#[test]
fn the_window_the_region_and_the_offer_decide() {
    let german = Promotion { markets: BTreeSet::from(["DE".to_owned()]), ..promotion("german", "20") };
    let austrian = Promotion { markets: BTreeSet::from(["AT".to_owned()]), ..promotion("austrian", "30") };
    let same = promotion("aaa", "20");
    let mut world = World::with_provider();
    world.ok(publish(vec![german, austrian, same, promotion("late", "5")]));
    world.at("2018-06-30").ok(buy(vec![line("a", "e3", 1), line("b", "e1", 1), add_on("c", "phone", "a")]));
    world.ok(buy_from("provider", vec![line("d", "e3", 1)]));
    assert_eq!(taken(&world, "a").as_deref(), Some("aaa 20"), "of equal ones the lowest id");
    assert_eq!((taken(&world, "b"), taken(&world, "c").as_deref()), (None, Some("aaa 20")));
    assert_eq!(taken(&world, "d").as_deref(), Some("austrian 30"));
    world.at("2018-07-01").ok(buy(vec![line("e", "e3", 1)]));
    assert_eq!(taken(&world, "e"), None, "the day after the last");
    assert_eq!(taken(&world, "a").as_deref(), Some("aaa 20"), "what was bought keeps it");
    world.ok(seats("a", 2));
    world.end("2018-07-30");
    let last = discounted(&world);
    assert!(last.iter().any(|row| row == "Cycle Instance Prorate 2018-07-30 x2 8.00 - 1.60"), "{last:#?}");
}

/// L886-890: all of it for the first 6 months, then the list price; seats added later pay that too.
#[test]
fn a_promotion_may_hold_for_months_of_the_term() {
    let first_months = Promotion { months: Some(6), ..promotion("start", "100") };
    let mut world = World::new();
    world.ok(publish(vec![first_months]));
    let annual = PurchaseLine { billing_frequency: Some(BillingFrequency::Annual), ..line("b", "e3", 1) };
    world.at("2018-01-31").ok(buy(vec![line("a", "e3", 2), annual]));
    assert_eq!((taken(&world, "a").as_deref(), taken(&world, "b")), (Some("start 100"), None));
    world.end("2018-08-31");
    let of_a: Vec<_> = discounted(&world).into_iter().filter(|row| row.contains(" x2 ")).collect();
    assert_eq!(of_a.len(), 8);
    for row in of_a.iter().take(6) {
        assert!(row.ends_with("8.00 - 8.00"), "{row}");
    }
    assert_eq!(of_a.get(6).unwrap(), "Cycle fee 2018-07-31 x2 8.00 - 0");
}

/// Customers page section 2.12: a frequency change keeps it, a transfer judges afresh.
#[test]
fn a_frequency_change_keeps_it_and_a_transfer_does_not() {
    let mut world = World::with_provider();
    world.ok(publish(vec![promotion("summer", "15")]));
    world.at("2018-01-31").ok(buy(vec![line("a", "e3", 5)]));
    let (partner_id, order_id) = (partner("direct"), world.sub("a").order_id.clone());
    world.ok(Command::ChangeBillingFrequency(ChangeBillingFrequency {
        customer_id: customer_id(),
        partner_id,
        order_id,
        billing_frequency: BillingFrequency::Annual,
        subscription_ids: vec![sub("a")],
    }));
    world.end("2018-02-28");
    // 337 of 365 days of 240.00.
    assert_eq!(discounted(&world).last().unwrap(), "Cycle fee 2018-02-28 x5 221.59 - 33.24");
    world.at("2018-07-02").ok(Command::RequestTransfer(RequestTransfer {
        customer_id: customer_id(),
        transfer_id: Some(transfer("t")),
        source_partner_id: partner("direct"),
        target_partner_id: partner("provider"),
        subscription_ids: vec![sub("a")],
        expires_after_days: None,
    }));
    let (transfer_id, partner_id) = (transfer("t"), partner("provider"));
    world.ok(Command::AcceptTransfer(AcceptTransfer { customer_id: customer_id(), transfer_id, partner_id }));
    let successor = world.customer().subscriptions().find(|it| it.partner_id == partner("provider")).unwrap();
    assert_eq!((successor.promotion.as_ref(), successor.quantity), (None, 5), "the window is over");
}

/// A trial that is paid for gets what holds on that day: 30 seats at 4.00, 15 % off, and the list price after the renewal.
#[test]
fn a_converted_trial_gets_what_holds_that_day() {
    let mut world = trials::world();
    world.ok(publish(vec![promotion("summer", "15")]));
    world.at("2018-03-10").ok(trials::start("t", "e3-trial"));
    assert_eq!(taken(&world, "t"), None);
    world.at("2018-03-15").ok(trials::convert("t", "e3", 30, Some(BillingFrequency::Annual)));
    assert_eq!(taken(&world, "t").as_deref(), Some("summer 15"));
    assert_eq!(discounted(&world).last().unwrap(), "Prorate fees when purchase 2018-03-15 x30 1440.00 - 216.00");
    world.end("2019-03-15");
    assert_eq!(discounted(&world).last().unwrap(), "Cycle fee 2019-03-15 x30 1440.00 - 0");
}

#[test]
fn a_bad_promotion_names_its_field() {
    type Change = fn(&mut Promotion);
    let cases: [(Change, Reason, &str); 9] = [
        (|p| p.display_name.clear(), Reason::RequiredFieldMissing, "promotions[0].display_name"),
        (|p| p.offer_ids.clear(), Reason::RequiredFieldMissing, "promotions[0].offer_ids"),
        (|p| p.offer_ids = BTreeSet::from([offer_id("none")]), Reason::OfferNotFound, "promotions[0].offer_ids"),
        (|p| p.offer_ids = BTreeSet::from([offer_id("saas")]), Reason::InvalidValue, "promotions[0].offer_ids"),
        (|p| p.percent = 0.into(), Reason::InvalidValue, "promotions[0].percent"),
        (|p| p.percent = "100.01".parse().unwrap(), Reason::InvalidValue, "promotions[0].percent"),
        (|p| p.percent = "1.00001".parse().unwrap(), Reason::InvalidValue, "promotions[0].percent"),
        (|p| p.last_day = Some(day("2017-12-31")), Reason::InvalidValue, "promotions[0].last_day"),
        (|p| p.markets = BTreeSet::from(["Germany".to_owned()]), Reason::InvalidValue, "promotions[0].markets"),
    ];
    let mut world = World::new();
    for (change, reason, field) in cases {
        let mut bad = promotion("x", "10");
        change(&mut bad);
        let refusal = world.refusal(publish(vec![bad]));
        assert_eq!((refusal.reason, refusal.metadata["field"].as_str()), (reason, field), "{refusal}");
    }
    assert_eq!(world.refused(publish(vec![])), Reason::RequiredFieldMissing);
    assert_eq!(world.refused(publish(vec![promotion("x", "1"), promotion("x", "2")])), Reason::InvalidValue);
    assert_eq!(world.reference.catalog.promotions().count(), 0, "nothing half done");
}
