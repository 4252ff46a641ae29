//! Rating and charging.

use super::kit::*;
use crate::{
    Command, Reason,
    charge::{Basis, ChargeType, InvoiceFamily, explain},
    command::{PublishExchangeRates, PublishMeterPrices},
    money::Currency,
    usage::{ExchangeRate, HeldReason},
};

/// Worked example 12.
#[test]
fn w12_a_month_is_rounded_down_once() {
    let mut world = world();
    world.prices("USD", vec![price("vm", "2019-02-01", "0", "0.016875")]);
    world.use_daily("vm", "vm1", "2019-10-01", "2019-10-31", "24");
    assert_eq!(world.usage_lines(), ["744 0 0.00 11.47"]);
    let line = world.usage_charges()[0];
    assert_eq!((line.charge_start, line.charge_end), (day("2019-10-01"), day("2019-11-01")));
    assert_eq!((line.charge_type, line.invoice_family), (ChargeType::New, InvoiceFamily::OneTimeRecurring));
    assert_eq!((line.charged_on, line.currency.as_str()), (day("2019-10-31"), "EUR"));
    let arithmetic = explain(line, None);
    assert_eq!(arithmetic.basis, Basis::Rated);
    let steps: Vec<_> = arithmetic.amount.iter().map(|step| step.exact.normalize().to_string()).collect();
    assert_eq!(steps, ["0.016875", "12.555", "11.474660693295", "11.47"]);
}

/// Worked example 15.
#[test]
fn w15_a_day_that_crosses_a_tier_is_split() {
    let mut world = world();
    world.meters(vec![meter("disk")]);
    let rows = vec![price("disk", "2019-01-01", "0", "0.10"), price("disk", "2019-01-01", "100", "0.08")];
    world.prices("EUR", rows);
    world.use_daily("disk", "d1", "2019-10-01", "2019-10-02", "60");
    let parts = |date| -> Vec<_> {
        let portions = &world.rated_day("d1", date).portions;
        portions.iter().map(|part| format!("{} x {}", part.quantity, part.unit_price)).collect()
    };
    assert_eq!(
        (parts("2019-10-01"), parts("2019-10-02")),
        (vec!["60 x 0.10".into()], vec!["40 x 0.10".into(), "20 x 0.08".into()])
    );
    world.end("2019-10-31");
    assert_eq!(world.usage_lines(), ["20 0 0.00 1.60", "100 0 0.00 10.00"], "6.00 and 5.60 together");
}

/// A late record gives what an early one would have given: tiers follow the days, not the order of arrival.
#[test]
fn the_order_of_arrival_does_not_matter() {
    let rows = || vec![price("disk", "2019-01-01", "0", "0.10"), price("disk", "2019-01-01", "100", "0.08")];
    let mut early = world();
    early.meters(vec![meter("disk")]);
    early.prices("EUR", rows());
    let mut late = early.clone();
    early.use_daily("disk", "d1", "2019-10-01", "2019-10-05", "30");
    early.end("2019-10-31");
    late.use_daily("disk", "d1", "2019-10-02", "2019-10-05", "30");
    late.ok(use_of(vec![record("disk", "d1", "2019-10-01", "30")]));
    late.end("2019-10-31");
    assert_eq!(late.usage_lines(), early.usage_lines());
    assert_eq!(early.usage_lines(), ["50 0 0.00 4.00", "100 0 0.00 10.00"]);
    assert_eq!(late.rated_day("d1", "2019-10-05").portions, early.rated_day("d1", "2019-10-05").portions);
}

/// An included quantity is a tier that costs nothing, and earns nothing.
#[test]
fn an_included_quantity_costs_nothing() {
    let mut world = world();
    world.grant("a", "provider", "2019-10-01");
    world.meters(vec![meter("calls")]);
    world.prices("EUR", vec![price("calls", "2019-01-01", "0", "0"), price("calls", "2019-01-01", "50", "1.10")]);
    world.use_daily("calls", "c1", "2019-10-01", "2019-10-02", "40");
    let reasons = ["2019-10-01", "2019-10-02"].map(|date| world.rated_day("c1", date).reason.code());
    assert_eq!(reasons, ["NOT_CHARGED", "EARNED"]);
    world.end("2019-10-31");
    // 30 x 1.10 less 15 %.
    assert_eq!(world.usage_lines(), ["40 0 0.00 0.00", "10 15 0.00 0.00", "30 15 4.95 28.05"]);
}

/// Usage that comes after its month was charged is on the next month's invoice, with the days, price and rate of its own (L10042).
#[test]
fn late_usage_is_charged_in_arrears() {
    let mut world = world();
    world.use_daily("vm", "vm1", "2019-10-01", "2019-10-31", "24");
    assert_eq!(world.usage_lines(), ["744 0 0.00 13.59"]);
    world.at("2019-11-20").ok(use_of(vec![record("vm", "vm2", "2019-10-15", "24")]));
    world.end("2019-11-30");
    // 768 x 0.02 x 0.913951469 = 14.038294..., less 13.59.
    assert_eq!(world.usage_lines()[1..], ["768 0 0.00 0.44"]);
    let line = world.usage_charges()[1];
    assert_eq!((line.charged_on, line.charge_start), (day("2019-11-30"), day("2019-10-01")));
    assert_eq!(line.usage.as_ref().unwrap().exchange_rate, dec("0.913951469"));
    assert_eq!(line.charge_type, ChargeType::LineItemOffset);
    assert_eq!(world.customer().next_due(), None);
}

/// A correction of a charged month gives back what was too much.
#[test]
fn a_correction_gives_back() {
    let mut world = world();
    world.use_daily("vm", "vm1", "2019-10-01", "2019-10-31", "24");
    let corrected =
        crate::usage::UsageRecord { replaces_quantity: Some(dec("24")), ..record("vm", "vm1", "2019-10-31", "0") };
    world.at("2019-11-02").ok(use_of(vec![corrected.clone()]));
    assert_eq!(world.ok(use_of(vec![corrected])), [""; 0], "the same again changes nothing");
    world.end("2019-11-30");
    // 720 x 0.02 x 0.913951469 = 13.160901..., less 13.59.
    assert_eq!(world.usage_lines()[1..], ["720 0 0.00 -0.43"]);
}

/// Worked example 1: the first period begins with the first day of use.
#[test]
fn w1_the_first_period_begins_with_use() {
    let mut world = world();
    world.use_daily("vm", "vm1", "2019-10-15", "2019-11-30", "24");
    let spans: Vec<_> = world.usage_charges().iter().map(|line| (line.charge_start, line.charge_end)).collect();
    assert_eq!(spans, [(day("2019-10-15"), day("2019-11-01")), (day("2019-11-01"), day("2019-12-01"))]);
}

#[test]
fn without_a_price_or_a_rate_usage_waits() {
    let mut world = world();
    world.meters(vec![meter("new")]);
    world.use_daily("new", "n1", "2019-10-01", "2019-10-02", "10");
    let held: Vec<_> = world.rated().flat_map(|rated| &rated.held).map(|held| (held.usage_date, held.reason)).collect();
    let waits = (day("2019-10-01"), HeldReason::UsagePriceMissing);
    assert_eq!(held, [waits, waits], "it is tried every day");
    world.prices("USD", vec![price("new", "2019-10-01", "0", "1")]);
    world.end("2019-10-31");
    assert_eq!(world.usage_lines(), ["20 0 0.00 18.27"]);
    world.use_daily("new", "n1", "2019-11-01", "2019-11-30", "1");
    world.use_daily("new", "n1", "2019-12-01", "2019-12-31", "1");
    assert_eq!(world.usage_lines().len(), 2, "December has no rate yet, and takes no other month's");
    assert_eq!(world.rated().last().unwrap().held[0].reason, HeldReason::ExchangeRateMissing);
    world.rate("2019-12-01", "0.5");
    world.end("2020-01-31");
    assert_eq!(world.usage_lines()[2..], ["31 0 0.00 15.50"]);
}

/// A classic subscription is billed in the partner's currency on its billing day, and earns nothing (L13591).
#[test]
fn classic_usage_follows_the_billing_day() {
    let mut world = world();
    world.ok(buy_from("direct", vec![endless("old", "classic")]));
    world.end("2019-10-03");
    let of_old = |date: &str, quantity: &str| crate::usage::UsageRecord {
        azure_subscription_id: azure("old"),
        ..record("vm", "vm1", date, quantity)
    };
    world.ok(use_of(vec![of_old("2019-10-04", "100")]));
    world.end("2019-10-20");
    let line = world.usage_charges()[0].clone();
    assert_eq!((line.invoice_family, line.charged_on), (InvoiceFamily::LicenseUsage, day("2019-10-15")));
    assert_eq!((line.charge_start, line.charge_end), (day("2019-10-04"), day("2019-10-16")));
    assert_eq!(line.amount, dec("1.82"));
    assert_eq!(world.why("2019-10-04"), "SERVICE_EXCLUDED");
    world.ok(use_of(vec![of_old("2019-10-16", "100"), of_old("2019-10-15", "100")]));
    world.end("2019-11-15");
    let spans: Vec<_> = world.usage_charges()[1..].iter().map(|l| (l.charge_start, l.charge_end, l.amount)).collect();
    let (old, new) = (day("2019-10-16"), day("2019-11-16"));
    // 200 units of the first period: 3.65 less 1.82.
    assert_eq!(spans, [(day("2019-10-04"), old, dec("1.83")), (old, new, dec("1.82"))]);
}

#[test]
fn what_days_were_closed_with_stays() {
    let mut world = world();
    world.use_daily("vm", "vm1", "2019-10-01", "2019-10-02", "24");
    let usd = Currency::new("USD").unwrap();
    let publish = |from: &str, price_: &str| {
        Command::PublishMeterPrices(PublishMeterPrices { currency: usd, rows: vec![price("vm", from, "0", price_)] })
    };
    let refusal = world.refusal(publish("2019-10-01", "0.03"));
    assert_eq!((refusal.reason, refusal.metadata["field"].as_str()), (Reason::MeterPriceInUse, "rows[0].valid_from"));
    assert_eq!(world.refused(publish("2019-01-01", "0.03")), Reason::MeterPriceInUse);
    world.ok(publish("2019-01-01", "0.020"));
    world.ok(publish("2019-10-03", "0.03"));
    let mut rate = |rate: &str| {
        let (month, to) = (day("2019-10-01"), Currency::new("EUR").unwrap());
        let rates = vec![ExchangeRate { month, from: usd, to, rate: dec(rate) }];
        world.run(&Command::PublishExchangeRates(PublishExchangeRates { rates })).map_err(|refusal| refusal.reason)
    };
    assert_eq!(rate("0.9").unwrap_err(), Reason::ExchangeRateFixed);
    assert!(rate("0.9139514690").is_ok());
}

/// Prices that change within a month are lines of their own (decision G20).
#[test]
fn a_price_of_the_middle_of_the_month_is_a_line_of_its_own() {
    let mut world = world();
    world.prices("USD", vec![price("vm", "2019-10-16", "0", "0.03")]);
    world.use_daily("vm", "vm1", "2019-10-01", "2019-10-31", "24");
    assert_eq!(world.usage_lines(), ["360 0 0.00 6.58", "384 0 0.00 10.52"]);
}

/// Budgets: a notice at 80 percent, once a month (billing-details.md 2.14).
#[test]
fn a_budget_gives_one_notice_a_month() {
    let mut world = world();
    let budget = |amount: &str, code: &str| {
        let currency = Currency::new(code).unwrap();
        command!(SetSpendingBudget { partner_id: partner("provider"), amount: dec(amount), currency: currency })
    };
    assert_eq!(world.refused(budget("0", "EUR")), Reason::BudgetNotPositive);
    assert_eq!(world.refused(budget("10", "USD")), Reason::BudgetCurrencyMismatch);
    assert_eq!(world.ok(budget("10.00", "EUR")), ["SpendingBudgetSet"]);
    // 0.4387 euros a day: 80 percent of 10 are reached on the 19th.
    world.use_daily("vm", "vm1", "2019-10-01", "2019-10-18", "24");
    assert!(!world.journal.iter().any(|event| event.name() == "BudgetThresholdReached"));
    world.use_daily("vm", "vm1", "2019-10-19", "2019-10-22", "24");
    let notices = |world: &World| -> Vec<String> {
        let told = world.journal.iter().filter_map(|event| match event {
            crate::Event::BudgetThresholdReached(e) => {
                Some(format!("{} {} of {} {}", e.month, e.estimate, e.budget, e.percent))
            }
            _ => None,
        });
        told.collect()
    };
    assert_eq!(notices(&world), ["2019-10-01 8.34 of 10.00 83"]);
    // Raised a little, nobody is told again; raised far enough, the notice comes once more.
    assert_eq!(world.ok(budget("10.50", "EUR")), ["SpendingBudgetSet"]);
    world.use_daily("vm", "vm1", "2019-10-23", "2019-10-23", "24");
    assert_eq!(notices(&world).len(), 1);
    world.ok(budget("15.00", "EUR"));
    world.use_daily("vm", "vm1", "2019-10-24", "2019-10-31", "24");
    assert_eq!(notices(&world)[1..], ["2019-10-01 12.28 of 15.00 82"]);
    world.use_daily("vm", "vm1", "2019-11-01", "2019-11-30", "48");
    assert_eq!(notices(&world)[2..], ["2019-11-01 12.10 of 15.00 81"]);
    // What is set too low is told at once.
    assert_eq!(world.ok(budget("0.01", "EUR")), ["SpendingBudgetSet"], "December has no use yet");
    world.ok(command!(RemoveSpendingBudget { partner_id: partner("provider") }));
    assert_eq!(world.refused(command!(RemoveSpendingBudget { partner_id: partner("provider") })), Reason::NoBudgetSet);
    assert_eq!(
        world.refused(command!(SetSpendingBudget {
            partner_id: partner("american"),
            amount: dec("1"),
            currency: Currency::new("EUR").unwrap()
        })),
        Reason::NoUsageSubscription
    );
}
