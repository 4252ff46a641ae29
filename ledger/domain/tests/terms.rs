//! Terms and periods: whatever the anchor day, the term, the rhythm, the period a price pays for and the currency, the periods tile
//! the term without a gap, and a whole term costs what its prices say.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop")]

mod harness;

use chrono::{Datelike, NaiveDate};
use harness::{Run, created, date, midnight};
use proptest::prelude::*;
use rust_decimal::Decimal;
use subledger_domain::{
    calendar::{add_days, anniversary, days_between},
    event::SubscriptionCreated,
    money::Currency,
    offer::{BillingFrequency, PriceComponent, PricePer, ProductFamily, ProrationRule},
};

const RULES: [ProrationRule; 4] =
    [ProrationRule::Exact, ProrationRule::DailyRate3dp, ProrationRule::PublishedFormula, ProrationRule::RoundedUnit];

#[derive(Clone, Debug)]
struct Case {
    start: NaiveDate,
    term_months: u32,
    frequency: BillingFrequency,
    per: PricePer,
    family: ProductFamily,
    rule: ProrationRule,
    currency: Currency,
    /// Of each component, in minor units.
    prices: Vec<i64>,
    quantity: u32,
}

fn cases() -> impl Strategy<Value = Case> {
    let families = prop_oneof![
        Just(ProductFamily::License),
        Just(ProductFamily::OneTimeRecurring),
        Just(ProductFamily::MarketplaceSaas)
    ];
    let currencies = prop_oneof![Just("JPY"), Just("USD"), Just("KWD")];
    let frequencies =
        prop_oneof![Just(BillingFrequency::Monthly), Just(BillingFrequency::Annual), Just(BillingFrequency::OneTime)];
    let pers = prop_oneof![Just(PricePer::Month), Just(PricePer::Year), Just(PricePer::Term)];
    let terms = prop_oneof![Just(1_u32), Just(12), Just(36), Just(72)];
    let prices = prop::collection::vec(0..10_000_000_i64, 1..3);
    // Every day of two leap cycles.
    let shape = (0..2_922_u32, terms, frequencies, pers, families, 0..RULES.len());
    (shape, currencies, prices, 1..500_u32).prop_map(|(shape, currency, prices, quantity)| {
        let (day, term_months, frequency, per, family, rule) = shape;
        Case {
            start: add_days(date("2015-01-01"), day),
            term_months,
            // A year does not fit into a month's term.
            frequency: if term_months == 1 { BillingFrequency::Monthly } else { frequency },
            per,
            family,
            rule: RULES[rule],
            currency: Currency::new(currency).unwrap(),
            prices,
            quantity,
        }
    })
}

fn bought(case: &Case) -> SubscriptionCreated {
    let mut e = created(midnight(case.start), case.quantity);
    e.product_family = case.family;
    e.billing_frequency = Some(case.frequency);
    e.term_months = case.term_months;
    e.term_end = anniversary(case.start, case.term_months);
    e.currency = case.currency;
    e.proration_rule = case.rule;
    e.auto_renew = false;
    let component = |(n, minor): (usize, &i64)| PriceComponent {
        component: Some(format!("c{n}")),
        unit_price: Decimal::new(*minor, case.currency.minor_digits()),
        per: case.per,
    };
    e.prices = case.prices.iter().enumerate().map(component).collect();
    e
}

fn months(per: PricePer, case: &Case) -> u32 {
    per.months(case.term_months)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn periods_tile_a_term_and_add_up(case in cases()) {
        let e = bought(&case);
        let (start, end, prices) = (e.start, e.term_end, e.prices.clone());
        let mut run = Run::purchase(e);
        run.advance(add_days(end, 40));
        for price in &prices {
            let lines: Vec<_> =
                run.lines.iter().map(|line| &line.charged).filter(|l| l.component == price.component).collect();
            let mut next = start;
            for (n, line) in (0_u32..).zip(&lines) {
                prop_assert_eq!(line.charge_start, next, "half-open inside: no gap and no overlap");
                let grid = anniversary(start, n * case.frequency.months(case.term_months));
                prop_assert_eq!(line.charge_start, grid, "always counted from the anchor");
                let last = line.charge_end.pred_opt().unwrap();
                prop_assert_eq!(days_between(line.charge_start, line.charge_end), days_between(line.charge_start, last) + 1);
                prop_assert!(line.charge_start.day() == start.day() || add_days(line.charge_start, 1).day() == 1);
                next = line.charge_end;
            }
            prop_assert_eq!(next, end);
            // Each period is rounded once; where price and rhythm fit, nothing is rounded at all.
            let seats = Decimal::from(case.quantity);
            let whole = price.unit_price * seats * Decimal::from(case.term_months) / Decimal::from(months(price.per, &case));
            let sum: Decimal = lines.iter().map(|line| line.amount).sum();
            let fits = case.frequency.months(case.term_months) % months(price.per, &case) == 0;
            let most = Decimal::from(lines.len()) * seats * Decimal::new(5, case.currency.minor_digits() + 1);
            prop_assert!(if fits { sum == whole } else { (sum - whole).abs() <= most }, "{} of {}", sum, whole);
            for line in &lines {
                prop_assert_eq!(line.amount.scale(), case.currency.minor_digits());
            }
        }
    }

    /// Whatever is taken back on a day, no line is ever credited more than it was charged, nor a term more than it cost.
    #[test]
    fn a_suspension_never_gives_back_more_than_was_charged(case in cases(), day in 0..2_000_u32) {
        prop_assume!(case.family == ProductFamily::License && case.frequency != BillingFrequency::OneTime);
        let e = bought(&case);
        let day = add_days(e.start, day % days_between(e.start, e.term_end));
        let mut run = Run::purchase(e);
        run.suspend(midnight(day));
        for line in run.lines.iter().map(|line| &line.charged).filter(|line| line.reverses_line_id.is_some()) {
            let of = run.lines.iter().find(|of| Some(&of.charged.line_id) == line.reverses_line_id.as_ref()).unwrap();
            prop_assert!(!line.amount.is_sign_positive() || line.amount.is_zero());
            prop_assert!(-line.amount <= of.charged.amount, "{}", harness::row(line));
        }
        prop_assert!(run.total() >= Decimal::ZERO);
    }
}

fn table(
    start: &str,
    term_months: u32,
    frequency: BillingFrequency,
    price: (&str, PricePer),
    until: &str,
) -> Vec<String> {
    let mut e = created(midnight(date(start)), 3);
    e.term_months = term_months;
    e.term_end = anniversary(e.start, term_months);
    e.billing_frequency = Some(frequency);
    e.prices = vec![harness::price(price.0, price.1)];
    let mut run = Run::purchase(e);
    run.advance(date(until));
    run.table()
}

/// A price locked for 36 and 72 months, billed every year (L7989-8011); a leap day is clamped to the 28th and snaps back.
#[test]
fn long_terms_are_billed_year_by_year() {
    let annual = BillingFrequency::Annual;
    assert_eq!(
        table("2020-02-29", 36, annual, ("100.00", PricePer::Year), "2023-03-02"),
        [
            "2020-02-29 | 2020-02-29 2021-02-27 | Prorate fees when purchase | 100.00 x 3 = 300.00",
            "2021-02-28 | 2021-02-28 2022-02-27 | Cycle fee | 100.00 x 3 = 300.00",
            "2022-02-28 | 2022-02-28 2023-02-27 | Cycle fee | 100.00 x 3 = 300.00",
            "2023-02-28 | 2023-02-28 2024-02-28 | Cycle fee | 100.00 x 3 = 300.00",
        ]
    );
    let locked = table("2019-12-31", 72, annual, ("100.00", PricePer::Year), "2025-12-30");
    assert_eq!(locked.len(), 6);
    assert_eq!(locked[5], "2024-12-31 | 2024-12-31 2025-12-30 | Cycle fee | 100.00 x 3 = 300.00");
}

/// A monthly price billed annually is twelve of them; a yearly price billed monthly is a twelfth, rounded once for all seats.
#[test]
fn prices_of_another_period_than_the_rhythm() {
    assert_eq!(
        table("2018-01-31", 12, BillingFrequency::Annual, ("4.17", PricePer::Month), "2018-02-01"),
        ["2018-01-31 | 2018-01-31 2019-01-30 | Prorate fees when purchase | 50.04 x 3 = 150.12"]
    );
    assert_eq!(
        table("2018-01-31", 12, BillingFrequency::Monthly, ("100.00", PricePer::Year), "2018-03-31"),
        [
            "2018-01-31 | 2018-01-31 2018-02-27 | Cycle fee | 8.33 x 3 = 25.00",
            "2018-02-28 | 2018-02-28 2018-03-30 | Cycle fee | 8.33 x 3 = 25.00",
        ]
    );
    assert_eq!(
        table("2018-01-31", 36, BillingFrequency::Monthly, ("1000.00", PricePer::Term), "2018-02-01"),
        ["2018-01-31 | 2018-01-31 2018-02-27 | Cycle fee | 27.78 x 3 = 83.33"]
    );
}
