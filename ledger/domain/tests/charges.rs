//! What the published tables do not show: several causes in one period, month ends, terms. Numbers are computed by hand: most prices
//! are a whole amount for each day.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop")]

mod harness;

use chrono::TimeDelta;
use harness::{Run, created, date, midnight, price};
use subledger_domain::{
    calendar::add_days,
    event::SubscriptionCreated,
    money::Currency,
    offer::{BillingFrequency, PricePer, ProductFamily, ProrationRule},
};

fn license(start: &str, quantity: u32, unit: &str) -> SubscriptionCreated {
    let mut e = created(midnight(date(start)), quantity);
    e.prices = vec![price(unit, PricePer::Month)];
    e
}

fn annual(start: &str, quantity: u32, yearly: &str) -> SubscriptionCreated {
    let mut e = license(start, quantity, yearly);
    e.prices = vec![price(yearly, PricePer::Year)];
    e.billing_frequency = Some(BillingFrequency::Annual);
    e
}

fn one_time(start: &str, quantity: u32, unit: &str) -> SubscriptionCreated {
    let mut e = license(start, quantity, unit);
    e.ordered_at += TimeDelta::hours(20);
    e.product_family = ProductFamily::OneTimeRecurring;
    e.proration_rule = ProrationRule::RoundedUnit;
    e
}

fn check(run: &Run, expected: &[&str]) {
    assert_eq!(run.table(), expected, "{:#?}", run.table());
}

#[test]
fn two_changes_in_a_period_are_one_correction() {
    let mut run = Run::purchase(license("2018-01-13", 1, "31.00"));
    run.change_quantity(midnight(date("2018-01-20")), 3);
    run.change_quantity(midnight(date("2018-02-01")), 2);
    run.advance(date("2018-02-14"));
    check(
        &run,
        &[
            "2018-01-13 | 2018-01-13 2018-02-12 | Cycle fee | 31.00 x 1 = 31.00",
            "2018-02-13 | 2018-01-13 2018-02-12 | Cycle Instance Prorate | -31.00 x 1 = -31.00",
            "2018-02-13 | 2018-01-13 2018-01-19 | Cycle Instance Prorate | 7.00 x 1 = 7.00",
            "2018-02-13 | 2018-01-20 2018-01-31 | Cycle Instance Prorate | 12.00 x 3 = 36.00",
            "2018-02-13 | 2018-02-01 2018-02-12 | Cycle Instance Prorate | 12.00 x 2 = 24.00",
            "2018-02-13 | 2018-02-13 2018-03-12 | Cycle Instance Prorate | 31.00 x 2 = 62.00",
        ],
    );
}

#[test]
fn a_change_on_the_day_of_purchase_leaves_no_empty_segment() {
    let mut run = Run::purchase(license("2018-01-13", 1, "31.00"));
    run.change_quantity(midnight(date("2018-01-13")), 4);
    run.advance(date("2018-02-14"));
    check(
        &run,
        &[
            "2018-01-13 | 2018-01-13 2018-02-12 | Cycle fee | 31.00 x 1 = 31.00",
            "2018-02-13 | 2018-01-13 2018-02-12 | Cycle Instance Prorate | -31.00 x 1 = -31.00",
            "2018-02-13 | 2018-01-13 2018-02-12 | Cycle Instance Prorate | 31.00 x 4 = 124.00",
            "2018-02-13 | 2018-02-13 2018-03-12 | Cycle Instance Prorate | 31.00 x 4 = 124.00",
        ],
    );
}

/// The new period is billed for the seats at the end of the one before (L9771); the change is corrected after it (C43).
#[test]
fn a_change_on_an_anniversary_is_corrected_on_the_next() {
    let mut run = Run::purchase(license("2018-01-13", 1, "31.00"));
    run.change_quantity(midnight(date("2018-02-13")), 2);
    run.advance(date("2018-03-14"));
    check(
        &run,
        &[
            "2018-01-13 | 2018-01-13 2018-02-12 | Cycle fee | 31.00 x 1 = 31.00",
            "2018-02-13 | 2018-02-13 2018-03-12 | Cycle fee | 31.00 x 1 = 31.00",
            "2018-03-13 | 2018-02-13 2018-03-12 | Cycle Instance Prorate | -31.00 x 1 = -31.00",
            "2018-03-13 | 2018-02-13 2018-03-12 | Cycle Instance Prorate | 31.00 x 2 = 62.00",
            "2018-03-13 | 2018-03-13 2018-04-12 | Cycle Instance Prorate | 31.00 x 2 = 62.00",
        ],
    );
}

#[test]
fn a_change_that_was_undone_the_same_day_corrects_nothing() {
    let mut run = Run::purchase(license("2018-01-13", 1, "31.00"));
    run.change_quantity(midnight(date("2018-01-20")), 5);
    run.change_quantity(midnight(date("2018-01-20")), 1);
    run.advance(date("2018-02-14"));
    check(
        &run,
        &[
            "2018-01-13 | 2018-01-13 2018-02-12 | Cycle fee | 31.00 x 1 = 31.00",
            "2018-02-13 | 2018-02-13 2018-03-12 | Cycle fee | 31.00 x 1 = 31.00",
        ],
    );
}

/// 28 days at a dollar: 7 days with one seat, 9 with two, then nothing; 5 days with two and 3 with three after the reactivation.
#[test]
fn change_suspend_reactivate_change_in_one_period() {
    for cause_first in [true, false] {
        let mut run = Run::purchase(license("2018-01-13", 1, "28.00"));
        run.cause_first = cause_first;
        run.change_quantity(midnight(date("2018-02-20")), 2);
        run.suspend(midnight(date("2018-03-01")));
        run.reactivate(midnight(date("2018-03-05")));
        run.change_quantity(midnight(date("2018-03-10")), 3);
        run.advance(date("2018-03-14"));
        check(
            &run,
            &[
                "2018-01-13 | 2018-01-13 2018-02-12 | Cycle fee | 28.00 x 1 = 28.00",
                "2018-02-13 | 2018-02-13 2018-03-12 | Cycle fee | 28.00 x 1 = 28.00",
                "2018-03-01 | 2018-02-13 2018-03-12 | Cycle Instance Prorate | -28.00 x 1 = -28.00",
                "2018-03-01 | 2018-02-13 2018-02-19 | Cycle Instance Prorate | 7.00 x 1 = 7.00",
                "2018-03-01 | 2018-02-20 2018-03-12 | Cycle Instance Prorate | 21.00 x 2 = 42.00",
                "2018-03-01 | 2018-03-01 2018-03-12 | Cancel Fee | -12.00 x 2 = -24.00",
                "2018-03-05 | 2018-03-05 2018-03-12 | Prorate fees when purchase | 8.00 x 2 = 16.00",
                "2018-03-13 | 2018-03-05 2018-03-12 | Cycle Instance Prorate | -8.00 x 2 = -16.00",
                "2018-03-13 | 2018-03-05 2018-03-09 | Cycle Instance Prorate | 5.00 x 2 = 10.00",
                "2018-03-13 | 2018-03-10 2018-03-12 | Cycle Instance Prorate | 3.00 x 3 = 9.00",
                "2018-03-13 | 2018-03-13 2018-04-12 | Cycle Instance Prorate | 28.00 x 3 = 84.00",
            ],
        );
    }
}

/// V06: day 29 is still month 1, day 30 is not.
#[test]
fn the_full_credit_ends_after_thirty_days() {
    let mut e = license("2018-01-13", 1, "4.00");
    e.proration_rule = ProrationRule::DailyRate3dp;
    for (day, expected) in [
        ("2018-02-11", "2018-02-11 | 2018-01-13 2018-02-12 | Cancel Fee | -4.00 x 1 = -4.00"),
        ("2018-02-12", "2018-02-12 | 2018-02-12 2018-02-12 | Cancel Fee | -0.13 x 1 = -0.13"),
    ] {
        let mut run = Run::purchase(e.clone());
        run.suspend(midnight(date(day)));
        run.advance(date("2018-05-01"));
        check(&run, &["2018-01-13 | 2018-01-13 2018-02-12 | Cycle fee | 4.00 x 1 = 4.00", expected]);
    }
}

/// Full means every charge so far, also when a 28-day cycle has already rolled over (C27); seats that were never charged are not credited.
#[test]
fn the_full_credit_reaches_over_a_short_month() {
    let mut run = Run::purchase(license("2018-02-13", 2, "31.00"));
    run.change_quantity(midnight(date("2018-03-13")), 9);
    run.suspend(midnight(date("2018-03-14")));
    run.advance(date("2018-05-01"));
    check(
        &run,
        &[
            "2018-02-13 | 2018-02-13 2018-03-12 | Cycle fee | 31.00 x 2 = 62.00",
            "2018-03-13 | 2018-03-13 2018-04-12 | Cycle fee | 31.00 x 2 = 62.00",
            "2018-03-14 | 2018-02-13 2018-03-12 | Cancel Fee | -31.00 x 2 = -62.00",
            "2018-03-14 | 2018-03-13 2018-04-12 | Cancel Fee | -31.00 x 2 = -62.00",
        ],
    );
}

#[test]
fn a_suspension_on_an_anniversary_begins_no_period() {
    let mut run = Run::purchase(license("2018-01-13", 1, "31.00"));
    run.suspend(midnight(date("2018-02-13")));
    run.advance(date("2018-02-20"));
    check(&run, &["2018-01-13 | 2018-01-13 2018-02-12 | Cycle fee | 31.00 x 1 = 31.00"]);
}

#[test]
fn a_reactivation_in_a_later_period_charges_the_rest_of_that_one() {
    let mut run = Run::purchase(license("2018-01-13", 1, "30.00"));
    run.suspend(midnight(date("2018-01-15")));
    run.reactivate(midnight(date("2018-04-20")));
    run.advance(date("2018-05-14"));
    check(
        &run,
        &[
            "2018-01-13 | 2018-01-13 2018-02-12 | Cycle fee | 30.00 x 1 = 30.00",
            "2018-01-15 | 2018-01-13 2018-02-12 | Cancel Fee | -30.00 x 1 = -30.00",
            "2018-04-20 | 2018-04-20 2018-05-12 | Prorate fees when purchase | 23.00 x 1 = 23.00",
            "2018-05-13 | 2018-05-13 2018-06-12 | Cycle fee | 30.00 x 1 = 30.00",
        ],
    );
}

/// A second change negates every line in force and charges all segments anew (C43), cut at the anniversary it is made on.
#[test]
fn a_second_change_of_an_annual_period() {
    let mut e = annual("2018-01-13", 1, "365.00");
    e.split_rebill_at_anniversary = true;
    let mut run = Run::purchase(e);
    run.change_quantity(midnight(date("2018-01-20")), 2);
    run.change_quantity(midnight(date("2018-02-20")), 3);
    run.advance(date("2018-12-31"));
    check(
        &run,
        &[
            "2018-01-13 | 2018-01-13 2019-01-12 | Prorate fees when purchase | 365.00 x 1 = 365.00",
            "2018-02-13 | 2018-01-13 2019-01-12 | Cycle Instance Prorate | -365.00 x 1 = -365.00",
            "2018-02-13 | 2018-01-13 2018-01-19 | Cycle Instance Prorate | 7.00 x 1 = 7.00",
            "2018-02-13 | 2018-01-20 2018-02-12 | Cycle Instance Prorate | 24.00 x 2 = 48.00",
            "2018-02-13 | 2018-02-13 2019-01-12 | Cycle Instance Prorate | 334.00 x 2 = 668.00",
            "2018-03-13 | 2018-01-13 2018-01-19 | Cycle Instance Prorate | -7.00 x 1 = -7.00",
            "2018-03-13 | 2018-01-20 2018-02-12 | Cycle Instance Prorate | -24.00 x 2 = -48.00",
            "2018-03-13 | 2018-02-13 2019-01-12 | Cycle Instance Prorate | -334.00 x 2 = -668.00",
            "2018-03-13 | 2018-01-13 2018-01-19 | Cycle Instance Prorate | 7.00 x 1 = 7.00",
            "2018-03-13 | 2018-01-20 2018-02-19 | Cycle Instance Prorate | 31.00 x 2 = 62.00",
            "2018-03-13 | 2018-02-20 2018-03-12 | Cycle Instance Prorate | 21.00 x 3 = 63.00",
            "2018-03-13 | 2018-03-13 2019-01-12 | Cycle Instance Prorate | 306.00 x 3 = 918.00",
        ],
    );
}

/// The old term is corrected at the price it was charged at; the renewal's price holds from its first day.
#[test]
fn a_correction_at_the_renewal_keeps_the_old_price() {
    let mut run = Run::purchase(license("2018-01-13", 1, "31.00"));
    run.renewal_prices = vec![price("50.00", PricePer::Month)];
    run.change_quantity(midnight(date("2018-12-20")), 2);
    run.advance(date("2019-01-14"));
    assert_eq!(
        run.table()[12..],
        [
            "2019-01-13 | 2018-12-13 2019-01-12 | Cycle Instance Prorate | -31.00 x 1 = -31.00",
            "2019-01-13 | 2018-12-13 2018-12-19 | Cycle Instance Prorate | 7.00 x 1 = 7.00",
            "2019-01-13 | 2018-12-20 2019-01-12 | Cycle Instance Prorate | 24.00 x 2 = 48.00",
            "2019-01-13 | 2019-01-13 2019-02-12 | Cycle Instance Prorate | 50.00 x 2 = 100.00",
        ]
    );
}

#[test]
fn an_expired_term_owes_its_last_correction_and_no_more() {
    let mut e = annual("2018-01-13", 1, "365.00");
    e.auto_renew = false;
    let mut run = Run::purchase(e);
    run.change_quantity(midnight(date("2019-01-03")), 2);
    run.advance(date("2019-06-01"));
    assert_eq!(
        run.table()[1..],
        [
            "2019-01-13 | 2018-01-13 2019-01-12 | Cycle Instance Prorate | -365.00 x 1 = -365.00",
            "2019-01-13 | 2018-01-13 2019-01-02 | Cycle Instance Prorate | 355.00 x 1 = 355.00",
            "2019-01-13 | 2019-01-03 2019-01-12 | Cycle Instance Prorate | 10.00 x 2 = 20.00",
        ]
    );
}

#[test]
fn an_annual_term_renews_with_a_cycle_fee() {
    let mut run = Run::purchase(annual("2017-02-11", 1, "211.20"));
    run.advance(date("2018-02-12"));
    assert_eq!(run.table()[1..], ["2018-02-11 | 2018-02-11 2019-02-10 | Cycle fee | 211.20 x 1 = 211.20"]);
}

#[test]
fn cycles_of_the_31st_snap_back() {
    let mut run = Run::purchase(license("2019-12-31", 1, "10.00"));
    run.advance(date("2020-04-01"));
    check(
        &run,
        &[
            "2019-12-31 | 2019-12-31 2020-01-30 | Cycle fee | 10.00 x 1 = 10.00",
            "2020-01-31 | 2020-01-31 2020-02-28 | Cycle fee | 10.00 x 1 = 10.00",
            "2020-02-29 | 2020-02-29 2020-03-30 | Cycle fee | 10.00 x 1 = 10.00",
            "2020-03-31 | 2020-03-31 2020-04-29 | Cycle fee | 10.00 x 1 = 10.00",
        ],
    );
}

/// A period is never longer than the term: 334 of 365 days at 12 x 31.00 are 340.405.
#[test]
fn a_frequency_change_holds_from_the_next_period() {
    let mut run = Run::purchase(license("2018-01-13", 1, "31.00"));
    run.subscription.next_billing_frequency = Some(BillingFrequency::Annual);
    run.advance(date("2019-01-14"));
    check(
        &run,
        &[
            "2018-01-13 | 2018-01-13 2018-02-12 | Cycle fee | 31.00 x 1 = 31.00",
            "2018-02-13 | 2018-02-13 2019-01-12 | Cycle fee | 340.41 x 1 = 340.41",
            "2019-01-13 | 2019-01-13 2020-01-12 | Cycle fee | 372.00 x 1 = 372.00",
        ],
    );
    run.subscription.next_billing_frequency = Some(BillingFrequency::Monthly);
    run.advance(date("2020-01-14"));
    assert_eq!(run.table()[3..], ["2020-01-13 | 2020-01-13 2020-02-12 | Cycle fee | 31.00 x 1 = 31.00"]);
    assert_eq!(run.subscription.next_billing_frequency, None);
}

/// An add-on ends with its base: 23 of 30 days at 30.00.
#[test]
fn a_term_that_ends_off_the_anniversary_cuts_the_last_period() {
    let mut e = license("2018-03-20", 1, "30.00");
    (e.term_end, e.auto_renew) = (date("2018-05-13"), false);
    let mut run = Run::purchase(e);
    run.advance(date("2018-07-01"));
    check(
        &run,
        &[
            "2018-03-20 | 2018-03-20 2018-04-19 | Cycle fee | 30.00 x 1 = 30.00",
            "2018-04-20 | 2018-04-20 2018-05-12 | Cycle fee | 23.00 x 1 = 23.00",
        ],
    );
}

#[test]
fn yen_have_no_minor_unit_and_dinars_three_digits() {
    for (code, unit, credit) in [("JPY", "1000", "-226"), ("KWD", "1.000", "-0.224")] {
        let mut e = license("2018-01-13", 1, unit);
        (e.currency, e.proration_rule) = (Currency::new(code).unwrap(), ProrationRule::DailyRate3dp);
        let mut run = Run::purchase(e);
        // 7 of 31 days: 1000 / 31 = 32.258, x 7 = 225.806; 1 / 31 = 0.032, x 7 = 0.224.
        run.suspend(midnight(date("2018-03-13") + TimeDelta::days(24)));
        assert_eq!(run.lines.last().unwrap().charged.amount.to_string(), credit);
    }
}

#[test]
fn one_time_products_are_corrected_at_once_and_again() {
    let mut run = Run::purchase(one_time("2019-06-10", 1, "4.00"));
    run.change_quantity(midnight(date("2019-06-12")), 3);
    run.change_quantity(midnight(date("2019-06-20")), 2);
    run.change_quantity(midnight(date("2019-07-10")), 5);
    run.advance(date("2019-08-11"));
    check(
        &run,
        &[
            "2019-06-10 | 2019-06-10 2019-07-09 | New | 4.00 x 1 = 4.00",
            "2019-06-12 | 2019-06-10 2019-07-09 | addQuantity | 4.00 x 1 = -3.73",
            "2019-06-12 | 2019-06-10 2019-07-09 | addQuantity | 4.00 x 3 = 11.19",
            "2019-06-20 | 2019-06-10 2019-07-09 | removeQuantity | 4.00 x 3 = -8.01",
            "2019-06-20 | 2019-06-10 2019-07-09 | removeQuantity | 4.00 x 2 = 5.34",
            "2019-07-10 | 2019-07-10 2019-08-09 | Renew | 4.00 x 2 = 8.00",
            "2019-07-10 | 2019-07-10 2019-08-09 | addQuantity | 4.00 x 2 = -8.00",
            "2019-07-10 | 2019-07-10 2019-08-09 | addQuantity | 4.00 x 5 = 20.00",
            "2019-08-10 | 2019-08-10 2019-09-09 | Renew | 4.00 x 5 = 20.00",
        ],
    );
}

#[test]
fn a_marketplace_cancellation_credits_every_charge_so_far() {
    let mut e = one_time("2019-06-10", 1, "4.00");
    e.product_family = ProductFamily::MarketplaceSaas;
    let ordered_at = e.ordered_at;
    let mut run = Run::purchase(e);
    run.change_quantity(ordered_at + TimeDelta::hours(10), 2);
    run.convert(ordered_at + TimeDelta::hours(12), "Gold", "6.00");
    run.cancel(ordered_at + TimeDelta::hours(24) - TimeDelta::seconds(1));
    check(
        &run,
        &[
            "2019-06-10 | 2019-06-10 2019-07-09 | New | 4.00 x 1 = 4.00",
            "2019-06-11 | 2019-06-10 2019-07-09 | addQuantity | 4.00 x 1 = -3.87",
            "2019-06-11 | 2019-06-10 2019-07-09 | addQuantity | 4.00 x 2 = 7.74",
            "2019-06-11 | 2019-06-10 2019-07-09 | Convert | 4.00 x 2 = -7.74",
            "2019-06-11 | 2019-06-10 2019-07-09 | Convert | 6.00 x 2 = 11.60",
            "2019-06-11 | 2019-06-10 2019-07-09 | Cancel immediate | 4.00 x 1 = -0.13",
            "2019-06-11 | 2019-06-10 2019-07-09 | Cancel immediate | 6.00 x 2 = -11.60",
        ],
    );
    assert!(run.total().is_zero());
}

#[test]
fn a_converted_trial_counts_anniversaries_from_its_first_paid_day() {
    let mut e = one_time("2018-01-01", 2, "4.00");
    e.product_family = ProductFamily::MarketplaceSaas;
    e.trial_end = Some(add_days(e.start, 30));
    let mut run = Run::purchase(e);
    run.advance(date("2018-04-01"));
    check(
        &run,
        &[
            "2018-01-01 | 2018-01-01 2018-01-30 | New | 0.00 x 2 = 0.00",
            "2018-01-31 | 2018-01-31 2018-02-27 | Renew | 4.00 x 2 = 8.00",
            "2018-02-28 | 2018-02-28 2018-03-30 | Renew | 4.00 x 2 = 8.00",
            "2018-03-31 | 2018-03-31 2018-04-29 | Renew | 4.00 x 2 = 8.00",
        ],
    );
    assert_eq!(run.subscription.term_end, date("2019-01-31"));
    assert_eq!(run.lines[3].charged.subscription_description.as_deref(), Some("Paid subscription"));
}

/// A fact that comes late is charged on the first open day, over as many as two periods.
#[test]
fn a_late_change_corrects_both_periods_in_arrears() {
    let mut run = Run::purchase(license("2018-01-13", 1, "31.00"));
    run.advance(date("2018-02-20"));
    run.change_quantity(midnight(date("2018-02-01")), 2);
    run.advance(date("2018-03-14"));
    assert_eq!(
        run.table()[2..],
        [
            "2018-02-20 | 2018-01-13 2018-02-12 | Cycle Instance Prorate | -31.00 x 1 = -31.00",
            "2018-02-20 | 2018-01-13 2018-01-31 | Cycle Instance Prorate | 19.00 x 1 = 19.00",
            "2018-02-20 | 2018-02-01 2018-02-12 | Cycle Instance Prorate | 12.00 x 2 = 24.00",
            "2018-02-20 | 2018-02-13 2018-03-12 | Cycle Instance Prorate | -31.00 x 1 = -31.00",
            "2018-02-20 | 2018-02-13 2018-03-12 | Cycle Instance Prorate | 31.00 x 2 = 62.00",
            "2018-03-13 | 2018-03-13 2018-04-12 | Cycle fee | 31.00 x 2 = 62.00",
        ]
    );
}

#[test]
fn a_late_suspension_credits_the_period_that_should_not_have_begun() {
    let mut run = Run::purchase(license("2018-01-13", 1, "28.00"));
    run.advance(date("2018-03-20"));
    run.suspend(midnight(date("2018-03-01")));
    run.reactivate(midnight(date("2018-03-10")));
    run.advance(date("2018-03-21"));
    assert_eq!(
        run.table()[3..],
        [
            "2018-03-20 | 2018-03-01 2018-03-12 | Cancel Fee | -12.00 x 1 = -12.00",
            "2018-03-20 | 2018-03-13 2018-04-12 | Cancel Fee | -28.00 x 1 = -28.00",
            "2018-03-20 | 2018-03-10 2018-03-12 | Prorate fees when purchase | 3.00 x 1 = 3.00",
            "2018-03-20 | 2018-03-13 2018-04-12 | Cycle fee | 28.00 x 1 = 28.00",
        ]
    );
}

/// Each component of an offer is corrected and credited on its own line.
#[test]
fn components_keep_their_own_lines() {
    let mut e = license("2018-01-13", 1, "31.00");
    let part = |name: &str, unit: &str| {
        let mut price = price(unit, PricePer::Month);
        price.component = Some(name.to_owned());
        price
    };
    e.prices = vec![part("non-PSTN", "31.00"), part("PSTN", "62.00")];
    let mut run = Run::purchase(e);
    run.change_quantity(midnight(date("2018-02-01")), 2);
    run.advance(date("2018-02-14"));
    run.suspend(midnight(date("2018-03-13")));
    check(
        &run,
        &[
            "2018-01-13 | 2018-01-13 2018-02-12 | Cycle fee | 31.00 x 1 = 31.00",
            "2018-01-13 | 2018-01-13 2018-02-12 | Cycle fee | 62.00 x 1 = 62.00",
            "2018-02-13 | 2018-01-13 2018-02-12 | Cycle Instance Prorate | -31.00 x 1 = -31.00",
            "2018-02-13 | 2018-01-13 2018-02-12 | Cycle Instance Prorate | -62.00 x 1 = -62.00",
            "2018-02-13 | 2018-01-13 2018-01-31 | Cycle Instance Prorate | 19.00 x 1 = 19.00",
            "2018-02-13 | 2018-01-13 2018-01-31 | Cycle Instance Prorate | 38.00 x 1 = 38.00",
            "2018-02-13 | 2018-02-01 2018-02-12 | Cycle Instance Prorate | 12.00 x 2 = 24.00",
            "2018-02-13 | 2018-02-01 2018-02-12 | Cycle Instance Prorate | 24.00 x 2 = 48.00",
            "2018-02-13 | 2018-02-13 2018-03-12 | Cycle Instance Prorate | 31.00 x 2 = 62.00",
            "2018-02-13 | 2018-02-13 2018-03-12 | Cycle Instance Prorate | 62.00 x 2 = 124.00",
        ],
    );
    let names: Vec<_> = run.lines.iter().map(|line| line.charged.component.as_deref().unwrap()).collect();
    assert_eq!(names, ["non-PSTN", "PSTN"].repeat(5));
}
