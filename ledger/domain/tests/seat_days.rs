//! Whatever happens in whatever order: what a license was charged is what its seats were used, day by day.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop")]

mod harness;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use harness::{Run, created, date, midnight, price, row};
use proptest::prelude::*;
use rust_decimal::Decimal;
use subledger_domain::{
    calendar::{add_days, anniversary, days_between, months_elapsed, next_anniversary},
    charge::{self, AppliedPromotion, Basis, TakenBack},
    customer::Standing,
    money::Currency,
    offer::{BillingFrequency, PricePer, ProductFamily, ProrationRule},
};

/// After so many days, the seats are set, or the subscription is suspended or reactivated, whichever it can be.
#[derive(Clone, Copy, Debug)]
struct Step {
    gap_days: u32,
    seats: Option<u32>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let gap = prop_oneof![Just(0_u32), 0..12_u32, 0..80_u32];
    let step = (gap, proptest::option::weighted(0.6, 1..6_u32)).prop_map(|(gap_days, seats)| Step { gap_days, seats });
    proptest::collection::vec(step, 0..9)
}

fn rules() -> impl Strategy<Value = ProrationRule> {
    prop_oneof![
        Just(ProrationRule::Exact),
        Just(ProrationRule::DailyRate3dp),
        Just(ProrationRule::PublishedFormula),
        Just(ProrationRule::RoundedUnit),
    ]
}

#[derive(Debug, Clone)]
struct Case {
    start: NaiveDate,
    frequency: BillingFrequency,
    split: bool,
    cause_first: bool,
    rule: ProrationRule,
    currency: &'static str,
    price: &'static str,
    promotion: Option<AppliedPromotion>,
    steps: Vec<Step>,
}

fn cases() -> impl Strategy<Value = Case> {
    let frequency = prop_oneof![Just(BillingFrequency::Monthly), Just(BillingFrequency::Annual)];
    let currency = prop_oneof![Just("JPY"), Just("USD"), Just("KWD")];
    // Small prices are where a rounded daily rate exceeds the period's price.
    let price = prop_oneof![Just("97.30"), Just("1.71"), Just("0.05"), Just("12345")];
    (0..800_u32, frequency, any::<(bool, bool)>(), rules(), currency, price, steps()).prop_map(
        |(day, frequency, (split, cause_first), rule, currency, price, steps)| {
            let start = add_days(date("2019-01-01"), day);
            Case { start, frequency, split, cause_first, rule, currency, price, promotion: None, steps }
        },
    )
}

const SEATS_AT_START: u32 = 2;

/// Seats from a day on; 0 while suspended.
type Usage = BTreeMap<NaiveDate, u32>;

fn play(case: &Case) -> (Run, Usage, NaiveDate) {
    let mut e = created(midnight(case.start), SEATS_AT_START);
    e.billing_frequency = Some(case.frequency);
    e.split_rebill_at_anniversary = case.split;
    e.proration_rule = case.rule;
    e.currency = Currency::new(case.currency).unwrap();
    e.prices = vec![price(case.price, PricePer::Month)];
    e.promotion.clone_from(&case.promotion);
    let mut run = Run::purchase(e);
    run.cause_first = case.cause_first;
    let mut usage = Usage::from([(case.start, SEATS_AT_START)]);
    let mut day = case.start;
    for step in &case.steps {
        day = add_days(day, step.gap_days);
        let active = run.subscription.standing == Standing::Active;
        match step.seats {
            Some(seats) if active && seats != run.subscription.quantity => {
                run.change_quantity(midnight(day), seats);
                usage.insert(day, seats);
            }
            None if active => {
                run.suspend(midnight(day));
                if day < add_days(case.start, 30) {
                    usage.clear();
                }
                usage.insert(day, 0);
            }
            None => {
                run.reactivate(midnight(day));
                usage.insert(day, run.subscription.quantity);
            }
            Some(_) => {}
        }
    }
    let settled = next_anniversary(case.start, next_anniversary(case.start, day));
    run.advance(add_days(settled, 1));
    (run, usage, settled)
}

/// Seat-days times the price of a day, over every period begun by `last`, at what is known now.
fn worth(case: &Case, usage: &Usage, last: NaiveDate) -> Decimal {
    let months = case.frequency.months(12);
    let periods = months_elapsed(case.start, last) / months + 1;
    let mut worth = Decimal::ZERO;
    for n in 0..periods {
        let (start, end) = (anniversary(case.start, n * months), anniversary(case.start, (n + 1) * months));
        let mut seat_days = 0;
        for offset in 0..days_between(start, end) {
            let day = add_days(start, offset);
            seat_days += usage.range(..=day).next_back().map_or(0, |(_, seats)| *seats);
        }
        let period_price = case.price.parse::<Decimal>().unwrap() * Decimal::from(months);
        worth += period_price * Decimal::from(seat_days) / Decimal::from(days_between(start, end));
    }
    worth
}

fn explains_all(run: &Run) -> Result<(), TestCaseError> {
    for (place, line) in run.lines.iter().enumerate() {
        let line = &line.charged;
        let before = || run.lines[..place].iter().map(|line| &line.charged);
        let original = before().find(|other| Some(&other.line_id) == line.reverses_line_id.as_ref());
        let earlier: Vec<_> =
            before().filter(|other| other.reverses_line_id == line.reverses_line_id).cloned().collect();
        let taken_back = original.map(|line| TakenBack { line, earlier: &earlier });
        let explained = charge::explain(line, taken_back);
        prop_assert_ne!(explained.basis, Basis::Given, "{} of {:#?}", row(line), run.table());
        prop_assert_eq!(explained.amount.last().unwrap().value, line.amount);
        prop_assert_eq!(explained.total.last().unwrap().value, line.total());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn charges_are_worth_the_seat_days(mut case in cases()) {
        case.rule = ProrationRule::Exact;
        let (run, usage, last) = play(&case);
        let minor = Decimal::new(1, run.subscription.currency.minor_digits());
        let tolerance = minor * Decimal::from(run.lines.len()) / Decimal::from(2);
        let off = run.total() - worth(&case, &usage, last);
        prop_assert!(off.abs() <= tolerance, "off by {off}: {usage:?} {:#?}", run.table());
    }

    #[test]
    fn no_line_is_credited_for_more_than_it_charged(case in cases()) {
        let (run, _, _) = play(&case);
        let mut left = BTreeMap::new();
        for line in &run.lines {
            let l = &line.charged;
            prop_assert!(l.charge_start < l.charge_end, "{}", row(l));
            match &l.reverses_line_id {
                None => {
                    prop_assert!(!l.amount.is_sign_negative(), "{}", row(l));
                    prop_assert!(left.insert(l.line_id.clone(), l.amount).is_none());
                }
                Some(id) => {
                    let rest = left.get_mut(id).expect("the line it takes back");
                    *rest += l.amount;
                    prop_assert!(!rest.is_sign_negative() || rest.is_zero(), "{} of {:#?}", row(l), run.table());
                }
            }
        }
    }

    /// Whatever the engine charged or took back, the explanation computes it again to the cent, and never has to say "given".
    #[test]
    fn every_line_is_explained(mut case in cases(), percent in proptest::option::of(0..1_000_u32)) {
        case.promotion = percent.map(|tenths| AppliedPromotion {
            promotion_id: "p".to_owned().try_into().unwrap(),
            percent: Decimal::new(i64::from(tenths), 1),
            until: None,
        });
        let (run, _, _) = play(&case);
        explains_all(&run)?;
    }

    #[test]
    fn every_line_of_other_products_is_explained(
        case in cases(), saas in any::<bool>(), days in proptest::collection::vec((0..25_u32, 1..9_u32), 0..8),
    ) {
        let mut e = created(midnight(case.start), SEATS_AT_START);
        e.product_family = if saas { ProductFamily::MarketplaceSaas } else { ProductFamily::OneTimeRecurring };
        e.billing_frequency = Some(case.frequency);
        e.proration_rule = case.rule;
        e.currency = Currency::new(case.currency).unwrap();
        e.prices = vec![price(case.price, PricePer::Month)];
        let mut run = Run::purchase(e);
        let mut day = case.start;
        for (gap_days, seats) in days {
            day = add_days(day, gap_days);
            if seats == 8 {
                run.convert(midnight(day), "plan-b", "12.34");
            } else {
                run.change_quantity(midnight(day), seats);
            }
        }
        if !saas && day <= add_days(case.start, 60) {
            run.cancel(midnight(day));
        }
        explains_all(&run)?;
    }

    #[test]
    fn the_order_of_cause_and_charge_does_not_matter(case in cases()) {
        let (one, _, _) = play(&Case { cause_first: true, ..case.clone() });
        let (two, _, _) = play(&Case { cause_first: false, ..case });
        prop_assert_eq!(one.table(), two.table());
        prop_assert_eq!(one.subscription.billing, two.subscription.billing);
    }

    /// Periods follow each other without a gap or an overlap and end with the term.
    #[test]
    fn periods_tile_the_term(
        day in 0..1_500_u32, annual in any::<bool>(), term in prop_oneof![Just(1_u32), Just(12), Just(36)],
    ) {
        let mut e = created(midnight(add_days(date("2019-01-01"), day)), 1);
        e.billing_frequency = Some(if annual { BillingFrequency::Annual } else { BillingFrequency::Monthly });
        e.term_months = term;
        e.term_end = anniversary(e.start, term);
        e.auto_renew = false;
        let (start, end) = (e.start, e.term_end);
        let mut run = Run::purchase(e);
        run.advance(add_days(end, 40));
        let mut next = start;
        for line in &run.lines {
            prop_assert_eq!(line.charged.charge_start, next);
            prop_assert_eq!(line.charged.charged_on, next);
            next = line.charged.charge_end;
        }
        prop_assert_eq!(next, end);
        prop_assert_eq!(charge::next_due(&run.subscription), None);
    }
}
