//! Which records are taken.

use super::kit::*;
use crate::{
    Reason,
    customer::{USAGE_RECORDS_MAX, open_until},
    usage::UsageRecord,
};

fn hour(hour: u32, quantity: &str) -> UsageRecord {
    UsageRecord { hour: Some(hour), ..record("vm", "vm1", "2019-10-02", quantity) }
}

fn corrected(record: UsageRecord, before: &str) -> UsageRecord {
    UsageRecord { replaces_quantity: Some(dec(before)), ..record }
}

fn at_second() -> World {
    let mut world = world();
    world.at("2019-10-02T12:00:00Z");
    world
}

#[test]
fn the_same_hour_is_taken_once() {
    let mut world = at_second();
    assert_eq!(world.ok(use_of(vec![hour(1, "1.5"), hour(2, "0.5"), hour(1, "1.50")])), ["UsageRecorded"]);
    assert_eq!(world.ok(use_of(vec![hour(1, "1.5"), hour(2, "0.500")])), [""; 0]);
    let refusal = world.refusal(use_of(vec![hour(3, "1"), hour(2, "0.6")]));
    let at = refusal.metadata["field"].as_str();
    assert_eq!((refusal.reason, at), (Reason::UsageAlreadyRecorded, "records[1].quantity"));
    assert_eq!(world.refused(use_of(vec![corrected(hour(2, "0.6"), "0.7")])), Reason::UsageConflict);
    assert_eq!(world.refused(use_of(vec![corrected(hour(3, "0.6"), "0.5")])), Reason::UsageNotFound);
    world.ok(use_of(vec![corrected(hour(2, "0.6"), "0.5")]));
    assert_eq!(world.refused(use_of(vec![record("vm", "vm1", "2019-10-02", "9")])), Reason::UsageGranularityMixed);
    world.end("2019-10-02");
    assert_eq!(world.rated_day("vm1", "2019-10-02").portions[0].quantity, dec("2.1"), "1.5 + 0.6");
}

#[test]
fn what_is_wrong_is_named_and_nothing_is_taken() {
    let mut world = at_second();
    let good = || record("vm", "vm1", "2019-10-02", "1");
    let cases: Vec<(UsageRecord, Reason, &str)> = vec![
        (UsageRecord { meter_id: meter_id("no"), ..good() }, Reason::UnknownMeter, "meter_id"),
        (UsageRecord { unit: "1 GB".to_owned(), ..good() }, Reason::UnitMismatch, "unit"),
        (
            UsageRecord { azure_subscription_id: azure("no"), ..good() },
            Reason::UnknownAzureSubscription,
            "azure_subscription_id",
        ),
        (UsageRecord { quantity: dec("-1"), ..good() }, Reason::NegativeQuantity, "quantity"),
        (UsageRecord { quantity: dec("0.1234567890123"), ..good() }, Reason::InvalidValue, "quantity"),
        (UsageRecord { quantity: dec("100000001"), ..good() }, Reason::InvalidValue, "quantity"),
        (UsageRecord { hour: Some(25), ..good() }, Reason::InvalidValue, "hour"),
        (UsageRecord { resource_uri: " ".to_owned(), ..good() }, Reason::RequiredFieldMissing, "resource_uri"),
        (UsageRecord { usage_date: day("2019-10-03"), ..good() }, Reason::UsageDateOutOfRange, "usage_date"),
        (UsageRecord { usage_date: day("2019-09-30"), ..good() }, Reason::UsageDateOutOfRange, "usage_date"),
        (UsageRecord { tags: "x".repeat(257), ..good() }, Reason::InvalidValue, "tags"),
    ];
    for (wrong, reason, field) in cases {
        let refusal = world.refusal(use_of(vec![good(), wrong]));
        assert_eq!((refusal.reason, refusal.metadata["field"].clone()), (reason, format!("records[1].{field}")));
    }
    assert_eq!(world.refused(use_of(Vec::new())), Reason::RequiredFieldMissing);
    assert_eq!(world.refused(use_of(vec![good(); USAGE_RECORDS_MAX + 1])), Reason::InvalidValue);
    let long = (0..80).map(|n| UsageRecord {
        tags: "x".repeat(255),
        hour: None,
        ..record("vm", &format!("r{n}"), "2019-10-02", "1")
    });
    assert_eq!(world.refused(use_of(long.collect())), Reason::InvalidValue, "too many bytes");
    assert_eq!(world.ok(use_of(vec![good()])), ["UsageRecorded"]);
}

#[test]
fn a_cancelled_plan_is_used_until_its_last_day() {
    let mut world = at_second();
    world.ok(command!(Cancel {
        partner_id: partner("provider"),
        subscription_id: sub("plan"),
        reservation_used: None,
        accept_capped_refund: false,
    }));
    world.end("2019-10-04");
    world.ok(use_of(vec![record("vm", "vm1", "2019-10-02", "24")]));
    assert_eq!(world.refused(use_of(vec![record("vm", "vm1", "2019-10-03", "24")])), Reason::UsageAfterCancellation);
    world.end("2019-10-31");
    assert_eq!(world.usage_lines(), ["24 0 0.00 0.43"], "the final month is billed");
}

/// As long as its credit can be disputed (decision G23); the whole month as long as its last day.
#[test]
fn usage_is_taken_until_ninety_days_after_its_month() {
    assert_eq!(open_until(day("2019-10-01")), day("2020-01-29"));
    assert_eq!(open_until(day("2019-10-31")), day("2020-01-29"));
    let mut world = at_second();
    world.end("2020-01-28");
    world.ok(use_of(vec![record("vm", "vm1", "2019-10-02", "24")]));
    world.end("2020-01-29");
    let refusal = world.refusal(use_of(vec![record("vm", "vm1", "2019-10-02", "25")]));
    assert_eq!(refusal.reason, Reason::UsagePeriodClosed);
    assert_eq!(refusal.metadata["open_until"], "2020-01-29");
}

#[test]
fn nothing_is_kept_of_days_that_are_closed_for_good() {
    let mut world = world();
    let size = |world: &World| postcard::to_stdvec(world.customer()).unwrap().len();
    let before = size(&world);
    world.use_daily("vm", "vm1", "2019-10-01", "2019-10-31", "24");
    assert!(size(&world) > before + 500);
    world.end("2020-01-31");
    world.at("2020-02-02").ok(use_of(vec![record("vm", "vm1", "2020-02-01", "24")]));
    world.end("2020-02-01");
    let after = size(&world);
    assert!(after < before + 300, "{before} then {after}");
}

#[test]
fn azure_subscriptions_stand_under_a_plan_of_their_partner() {
    let mut world = at_second();
    let register = |plan: &str, id: &str, of: &str, created: &str| {
        command!(RegisterAzureSubscription {
            partner_id: partner(of),
            subscription_id: sub(plan),
            azure_subscription_id: azure(id),
            name: String::new(),
            created_at: at(created),
            owner_access: false,
        })
    };
    assert_eq!(world.refused(register("plan", "az", "provider", "2019-10-01")), Reason::AzureSubscriptionExists);
    assert_eq!(world.refused(register("plan", "b", "provider", "2019-09-30")), Reason::InvalidValue);
    assert_eq!(world.refused(register("plan", "b", "provider", "2019-10-03")), Reason::InvalidValue);
    assert_ne!(world.refused(register("plan", "b", "direct", "2019-10-02")), Reason::InvalidValue);
    world.ok(register("plan", "b", "provider", "2019-10-02"));
}
