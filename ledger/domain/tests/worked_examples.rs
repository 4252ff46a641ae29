//! Published numbers beside the golden cases, by the id they have in the notes: `w6` is W6 of billing-details.md section 5, `a16` is
//! example 16 of azure-marketplace-software.md section 3. What needs a whole customer stands in `customer/tests`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop")]

mod harness;

use chrono::TimeDelta;
use harness::{Run, created, date, midnight, price};
use rust_decimal::Decimal;
use subledger_domain::{
    calendar::{NEVER, anniversary},
    charge::{self, AppliedPromotion, Discount, Return},
    event::SubscriptionCreated,
    ids::PromotionId,
    money::Currency,
    offer::{BillingFrequency, PriceComponent, PricePer, ProductFamily, ProductKind, ProrationRule},
    proration::{Part, Prorated, prorate},
};

fn usd() -> Currency {
    Currency::new("USD").unwrap()
}

fn prorated(rule: ProrationRule, price: &str, quantity: u32, billed_days: u32, period_days: u32) -> String {
    let part = Part { period_price: price.parse().unwrap(), quantity, billed_days, period_days };
    let Prorated { unit_price, amount } = prorate(rule, usd(), part);
    format!("{unit_price} / {amount}")
}

/// Annual, bought 2017-02-11: renews on 2018-02-11 for 2018-02-11 to 2019-02-10 (L10285, L10297).
#[test]
fn w6_an_annual_subscription_renews_on_its_anniversary() {
    let mut e = created(midnight(date("2017-02-11")), 1);
    e.prices = vec![price("211.20", PricePer::Year)];
    e.billing_frequency = Some(BillingFrequency::Annual);
    let mut run = Run::purchase(e);
    run.advance(date("2018-03-01"));
    assert_eq!(
        run.table(),
        [
            "2017-02-11 | 2017-02-11 2018-02-10 | Prorate fees when purchase | 211.20 x 1 = 211.20",
            "2018-02-11 | 2018-02-11 2019-02-10 | Cycle fee | 211.20 x 1 = 211.20",
        ]
    );
    assert_eq!(harness::invoice_date(date("2018-02-11"), 14), date("2018-02-14"));
}

/// The sample row: unit price 6.82, 2 seats, amount 13.32, discount 2.32, subtotal 11, tax 0 (L10122-10129). The amount is a fact of
/// its own, not the product of the others.
#[test]
fn w7_the_sample_row_adds_up() {
    let run = Run::purchase(created(midnight(date("2018-01-13")), 2));
    let mut line = run.lines[0].charged.clone();
    let promotion = AppliedPromotion {
        promotion_id: PromotionId::new("p").unwrap(),
        percent: "17.4175".parse().unwrap(),
        until: None,
    };
    line.unit_price = "6.82".parse().unwrap();
    line.amount = "13.32".parse().unwrap();
    line.discount = Some(promotion.on(usd(), line.amount));
    let Discount { amount, .. } = line.discount.clone().unwrap();
    assert_eq!((amount.to_string(), line.subtotal().to_string()), ("2.32".to_owned(), "11.00".to_owned()));
    assert_eq!((line.tax_amount(), line.total().to_string()), (Decimal::ZERO, "11.00".to_owned()));
    assert_ne!(line.unit_price * Decimal::from(line.quantity), line.amount);
}

/// 4/31 is 0.129 a day, 4/28 is 0.143 (L10200-10208, L10239-10245).
#[test]
fn w8_printed_daily_rates() {
    let rule = ProrationRule::DailyRate3dp;
    assert_eq!(prorated(rule, "4.00", 1, 19, 31), "2.45 / 2.45", "19 x 0.129 = 2.451");
    assert_eq!(prorated(rule, "4.00", 1, 12, 31), "1.55 / 1.55", "12 x 0.129 = 1.548");
    assert_eq!(prorated(rule, "4.00", 1, 12, 28), "1.72 / 1.72", "12 x 0.143 = 1.716");
}

/// 48.00/365 is 0.13 a day (L10313-10323, L10349-10355).
#[test]
fn w9_the_annual_daily_rate() {
    let rule = ProrationRule::PublishedFormula;
    assert_eq!(prorated(rule, "48.00", 1, 19, 365), "2.47 / 2.47");
    assert_eq!(prorated(rule, "48.00", 2, 346, 365), "44.98 / 89.96");
    assert_eq!(prorated(rule, "48.00", 1, 318, 365), "41.34 / 41.34");
}

/// 28.40 and 2.00 in two lines with equal keys (L10904-10905).
#[test]
fn w13_two_components_are_two_lines() {
    let mut e = created(midnight(date("2019-08-11")), 1);
    let component =
        |name: &str, unit: &str| PriceComponent { component: Some(name.to_owned()), ..price(unit, PricePer::Month) };
    e.prices = vec![component("license", "28.40"), component("PSTN", "2.00")];
    let mut run = Run::purchase(e);
    run.change_quantity(midnight(date("2019-08-26")), 2);
    run.advance(date("2019-09-12"));
    let rows: Vec<_> = run.lines.iter().map(|line| &line.charged).collect();
    let row = |n: usize| {
        let l = rows[n];
        format!("{} {} {} {}", l.component.clone().unwrap(), l.charge_start, l.charge_end, l.amount)
    };
    assert_eq!([row(0), row(1)], ["license 2019-08-11 2019-09-11 28.40", "PSTN 2019-08-11 2019-09-11 2.00"]);
    assert_eq!((&rows[0].subscription_id, rows[0].charge_type), (&rows[1].subscription_id, rows[1].charge_type));
    // The correction has both components in each of its segments: 15 days with one seat, 16 with two.
    let corrections: Vec<_> = (2..8).map(row).collect();
    assert_eq!(
        corrections,
        [
            "license 2019-08-11 2019-09-11 -28.40",
            "PSTN 2019-08-11 2019-09-11 -2.00",
            "license 2019-08-11 2019-08-26 13.74",
            "PSTN 2019-08-11 2019-08-26 0.97",
            "license 2019-08-26 2019-09-11 29.32",
            "PSTN 2019-08-26 2019-09-11 2.06",
        ]
    );
}

/// The table keeps 6/10 to 7/09 for a change on the next day and bills 29 of 30 days (L10402-10458).
#[test]
fn w18_a_change_on_the_next_day_has_29_days() {
    let mut e = created(midnight(date("2019-06-10")), 1);
    e.ordered_at += TimeDelta::hours(20);
    e.product_family = ProductFamily::OneTimeRecurring;
    e.proration_rule = ProrationRule::RoundedUnit;
    e.prices = vec![price("4.00", PricePer::Month)];
    let mut run = Run::purchase(e);
    run.change_quantity(midnight(date("2019-06-11")), 2);
    assert_eq!(
        run.table(),
        [
            "2019-06-10 | 2019-06-10 2019-07-09 | New | 4.00 x 1 = 4.00",
            "2019-06-11 | 2019-06-10 2019-07-09 | addQuantity | 4.00 x 1 = -3.87",
            "2019-06-11 | 2019-06-10 2019-07-09 | addQuantity | 4.00 x 2 = 7.74",
        ]
    );
}

/// A reservation or software, billed up front.
fn up_front(start: &str, months: u32, unit: &str, kind: ProductKind) -> SubscriptionCreated {
    let mut e = created(midnight(date(start)), 1);
    e.product_family = ProductFamily::OneTimeRecurring;
    e.product_kind = Some(kind);
    e.prices = vec![price(unit, PricePer::Term)];
    e.billing_frequency = Some(BillingFrequency::OneTime).filter(|_| !kind.is_endless());
    e.term_months = months;
    e.term_end = if kind.is_endless() { NEVER } else { anniversary(e.start, months) };
    e.auto_renew = false;
    e
}

fn refund(start: &str, months: u32, unit: &str, on: &str, used: bool) -> String {
    let run = Run::purchase(up_front(start, months, unit, ProductKind::Reservation));
    let returned = charge::refund(&run.subscription, used, date(on));
    let Return { elapsed_days, remaining_days, value, fee, .. } = returned;
    format!("{elapsed_days} {remaining_days} {value} {fee} {}", returned.net())
}

#[test]
fn a16_refunds_by_day_and_use() {
    let refund = |on, used| refund("2020-03-01", 12, "3650.00", on, used);
    assert_eq!(refund("2020-03-06", false), "5 360 3650.00 0.00 3650.00");
    assert_eq!(refund("2020-03-06", true), "5 360 3600.00 0.00 3600.00");
    assert_eq!(refund("2020-03-07", false), "6 359 3590.00 430.80 3159.20");
    assert_eq!(refund("2020-03-07", true), "6 359 3590.00 430.80 3159.20");
    assert_eq!(refund("2020-09-01", true), "184 181 1810.00 217.20 1592.80");
    assert_eq!(refund("2021-02-28", true), "364 1 10.00 1.20 8.80");
}

#[test]
fn a17_a_leap_term() {
    assert_eq!(refund("2019-03-01", 12, "3660.00", "2019-09-01", true), "184 182 1820.00 218.40 1601.60");
    let run = Run::purchase(up_front("2020-02-29", 12, "365.00", ProductKind::Reservation));
    assert_eq!(run.table(), ["2020-02-29 | 2020-02-29 2021-02-27 | New | 365.00 x 1 = 365.00"]);
    assert_eq!(run.lines[0].charged.derivation.period_days, 365);
}

#[test]
fn a18_value_and_fee_are_rounded_each() {
    assert_eq!(refund("2020-03-01", 12, "1234.56", "2020-03-07", true), "6 359 1214.27 145.71 1068.56");
}

#[test]
fn a19_three_years() {
    assert_eq!(refund("2020-03-01", 36, "109500.00", "2021-03-01", true), "365 730 73000.00 8760.00 64240.00");
}

#[test]
fn a20_an_exchange_has_no_fee() {
    let run = Run::purchase(up_front("2020-03-01", 12, "3650.00", ProductKind::Reservation));
    let returned = charge::exchange(&run.subscription, date("2020-09-01"));
    assert_eq!((returned.credit.to_string(), returned.fee), ("1810.00".to_owned(), Decimal::ZERO));
    let within_the_first_days = charge::exchange(&run.subscription, date("2020-03-02"));
    assert_eq!(within_the_first_days.credit.to_string(), "3640.00", "the rest, used or not");
}

#[test]
fn a21_the_fee_is_on_instalments_to_come_too() {
    let mut e = up_front("2020-03-01", 12, "100.00", ProductKind::Reservation);
    e.prices = vec![price("100.00", PricePer::Month)];
    e.billing_frequency = Some(BillingFrequency::Monthly);
    let mut run = Run::purchase(e);
    run.advance(date("2020-09-16"));
    let returned = charge::refund(&run.subscription, true, date("2020-09-16"));
    let Return { value, credit, fee, .. } = returned;
    assert_eq!(format!("{value} {credit} {fee} {}", returned.net()), "545.75 50.00 65.49 -15.49");
}

#[test]
fn a25_software_at_day_60() {
    for (months, unit, credit) in [(12, "1095.00", "-915.00"), (36, "2190.00", "-2070.00"), (0, "1095.00", "-1095.00")]
    {
        let kind = if months == 0 { ProductKind::SoftwarePerpetual } else { ProductKind::SoftwareSubscription };
        let mut run = Run::purchase(up_front("2020-03-01", months, unit, kind));
        run.cancel(midnight(date("2020-04-30")));
        assert_eq!(run.lines[1].charged.amount.to_string(), credit);
        assert_eq!(run.lines[1].charged.charge_type.label(), "Cancel immediate");
    }
}
