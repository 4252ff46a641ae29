//! What was told late comes to the same as what was told in time: it is corrected in arrears, over the periods and terms that began
//! meanwhile (billing.md section 2, billing-details.md 2.4).

use chrono::NaiveDate;
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::kit::*;
use crate::{
    Command, Reason, Rejection, calendar::add_days, command::PurchaseLine, customer::Standing, offer::BillingFrequency,
};

/// Seats, or with none suspended, or in use again. None where that is no change.
fn step(world: &mut World, id: &str, to: Option<u32>) -> Option<Result<(), Rejection>> {
    let active = world.sub(id).standing == Standing::Active;
    let command: Command = match (to, active) {
        (Some(to), true) if to != world.sub(id).quantity => seats(id, to),
        (None, true) if id == "l" => suspend(id),
        (_, false) if id == "l" => reactivate(id),
        _ => return None,
    };
    Some(world.run(&command).map(|_| ()))
}

fn end(world: &mut World, until: NaiveDate) {
    world.end(&until.to_string());
}

/// Bought on a day, changed on another, told so many days late: what was charged once everything is settled.
fn charged(start: NaiveDate, annual: bool, id: &str, changes: &[(u32, Option<u32>)], late: u32) -> Option<Decimal> {
    let mut world = World::new();
    world.at(&start.to_string());
    let frequency = if annual { BillingFrequency::Annual } else { BillingFrequency::Monthly };
    let offer = if id == "l" { "e3" } else { "saas" };
    world.ok(buy(vec![PurchaseLine { billing_frequency: Some(frequency), ..line(id, offer, 3) }]));
    let mut day = start;
    for (gap, to) in changes {
        day = add_days(day, *gap);
        let told = add_days(day, late);
        if world.at.date_naive() < told {
            end(&mut world, add_days(told, 0).pred_opt()?);
        }
        world.at(&day.to_string());
        if let Err(refused) = step(&mut world, id, *to)? {
            // What was suspended when its term ended is charged at the prices of the new one, so it is not used again before.
            let rolled = world.sub(id).standing != Standing::Active && day < world.sub(id).term_start;
            assert!(late == 0 || rolled, "only because it is late: {refused} on {day}");
            return None;
        }
        assert!(world.lines().all(|line| line.charged_on >= start));
        world.at(&told.to_string());
    }
    end(&mut world, add_days(day, 70));
    let last_closed = world.reference.catalog.last_closed();
    assert!(world.lines().all(|line| Some(line.charged_on) <= last_closed));
    Some(world.charged())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn late_is_the_same_money(
        start in 0..400_u32, annual in any::<bool>(), license in any::<bool>(), late in 1..25_u32,
        gap in 30..400_u32, to in proptest::option::of(1..6_u32), again in proptest::option::of((0..20_u32, 1..6_u32)),
    ) {
        let start = add_days(day("2018-01-13"), start);
        let id = if license { "l" } else { "s" };
        let mut changes = vec![(gap, to)];
        // Told at once or not at all: what comes after a change is told after it.
        changes.extend(again.map(|(gap, seats)| (gap + late, Some(seats))));
        if let Some((in_time, late)) =
            charged(start, annual, id, &changes, 0).zip(charged(start, annual, id, &changes, late))
        {
            prop_assert_eq!(late, in_time);
        }
    }
}

/// The example of the published monthly table (L10185-10209), told a month later: the same lines, and the fee of the month that began
/// meanwhile is taken back and charged anew.
#[test]
fn seats_changed_before_a_period_that_is_charged() {
    let mut world = World::new();
    world.at("2018-01-13").ok(buy(vec![line("a", "e3", 1)]));
    world.end("2018-02-19");
    world.at("2018-02-01").ok(seats("a", 2));
    world.end("2018-02-20");
    assert_eq!(
        world.charges(),
        [
            "Cycle fee 2018-01-13 2018-02-13 4.00",
            "Cycle fee 2018-02-13 2018-03-13 4.00",
            "Cycle Instance Prorate 2018-01-13 2018-02-13 -4.00",
            "Cycle Instance Prorate 2018-01-13 2018-02-01 2.45",
            "Cycle Instance Prorate 2018-02-01 2018-02-13 3.10",
            "Cycle Instance Prorate 2018-02-13 2018-03-13 -4.00",
            "Cycle Instance Prorate 2018-02-13 2018-03-13 8.00",
        ]
    );
    // On the first open day, as of the day that the seats changed.
    assert!(world.lines().skip(2).all(|line| line.charged_on == day("2018-02-20")));
    assert!(world.lines().skip(2).all(|line| line.purchase_date == day("2018-02-01")));
}

#[test]
fn what_is_not_remembered_is_not_corrected() {
    let mut world = World::new();
    world.at("2018-01-13").ok(buy(vec![line("a", "e3", 1)]));
    world.end("2018-03-20");
    world.at("2018-02-12");
    let refused = world.refusal(seats("a", 2));
    assert_eq!(
        (refused.reason, refused.metadata["last_changed_on"].as_str()),
        (Reason::EffectiveBeforeLastChange, "2018-02-13")
    );
    world.at("2018-02-13").ok(seats("a", 2));
    world.at("2018-02-12");
    assert_eq!(world.refused(suspend("a")), Reason::EffectiveBeforeLastChange);
}

/// The old term's price for the old term's days.
#[test]
fn seats_changed_before_a_renewal_that_is_charged() {
    let mut world = World::new();
    world.at("2018-01-13").ok(buy(vec![line("a", "e3", 1)]));
    let rows = vec![crate::offer::PriceRow { list_price: 5.into(), ..price_row("e3", 5, "2019-01-01") }];
    let price_list_id = crate::ids::PriceListId::new("2019").unwrap();
    let currency = crate::money::Currency::new("EUR").unwrap();
    world.ok(Command::PublishPriceList(crate::command::PublishPriceList { price_list_id, currency, rows }));
    world.end("2019-01-20");
    world.at("2019-01-12").ok(seats("a", 3));
    let before = world.charges().len();
    world.end("2019-01-21");
    assert_eq!(
        world.charges()[before..],
        [
            "Cycle Instance Prorate 2018-12-13 2019-01-13 -4.00",
            "Cycle Instance Prorate 2018-12-13 2019-01-12 3.87",
            "Cycle Instance Prorate 2019-01-12 2019-01-13 0.39",
            "Cycle Instance Prorate 2019-01-13 2019-02-13 -5.00",
            "Cycle Instance Prorate 2019-01-13 2019-02-13 15.00",
        ]
    );
}

/// A marketplace product's two lines at once, for the month that is over and for the one that runs.
#[test]
fn seats_of_another_product_changed_before_a_period_that_is_charged() {
    let mut world = World::new();
    world.at("2018-06-10").ok(buy(vec![line("a", "saas", 1)]));
    world.end("2018-07-15");
    world.at("2018-07-09").ok(seats("a", 3));
    let lines: Vec<_> = world.lines().skip(2).map(|l| (l.charge_start, l.amount.to_string())).collect();
    let line = |start: &str, amount: &str| (day(start), amount.to_owned());
    assert_eq!(
        lines,
        [
            line("2018-06-10", "-0.13"),
            line("2018-06-10", "0.40"),
            line("2018-07-10", "-4.00"),
            line("2018-07-10", "12.00"),
        ]
    );
    assert!(world.lines().skip(2).all(|line| line.charge_type == crate::charge::ChargeType::AddQuantity));
    assert!(world.lines().skip(2).all(|line| line.charged_on == day("2018-07-16")));
}
