//! Random histories against a deliberately naive calculation, in any order of partitions, and against the entries.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate};
use proptest::prelude::*;
use rust_decimal::{Decimal, RoundingStrategy};
use subledger_domain::incentive::Lever;
use subledger_fold::memory::Memory;
use subledger_incentive::IncentiveProjection;

use super::ledger::*;

/// A sale: days after 2019-11-01, cents, and maybe which earlier sale it takes back.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    days: u64,
    cents: i64,
    back: Option<prop::sample::Index>,
    partition: u16,
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..4_u64, 1..200_000_i64, prop::option::weighted(0.3, any::<prop::sample::Index>()), 0..2_u16);
    let step = step.prop_map(|(days, cents, back, partition)| Step { days, cents, back, partition });
    prop::collection::vec(step, 1..40)
}

pub(crate) struct Sold {
    id: String,
    pub(crate) on: NaiveDate,
    amount: Decimal,
    back: Option<usize>,
}

fn levers() -> Vec<Lever> {
    let core = accelerated(lever("core", "0.033"), "2500", "0.0475");
    let small = Lever { minimum_revenue: amount("1000"), cap: Some(amount("40.00")), ..lever("small", "0.0199") };
    vec![core, small]
}

/// The month of the billing day, the 8th, on or after a day.
fn month(on: NaiveDate) -> (i32, u32) {
    match (on.day() <= 8, on.month()) {
        (true, month) => (on.year(), month),
        (false, 12) => (on.year() + 1, 1),
        (false, month) => (on.year(), month + 1),
    }
}

fn cents(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

/// What each month earns, by nothing but the rules as they are written.
fn naive(sold: &[Sold]) -> BTreeMap<(i32, u32), Decimal> {
    let rated_in = |n: usize| month(sold[sold[n].back.unwrap_or(n)].on);
    let mut months: Vec<_> = sold.iter().map(|sale| month(sale.on)).collect();
    months.sort_unstable();
    months.dedup();
    let mut earned = BTreeMap::new();
    for lever in levers() {
        let rate = |of: (i32, u32)| {
            let revenue: Decimal = (0..sold.len())
                .filter(|n| month(sold[*n].on) == of && rated_in(*n) == of)
                .map(|n| sold[n].amount)
                .sum();
            lever.rate_of(revenue)
        };
        for &this in &months {
            let (mut own, mut adjusted) = (Decimal::ZERO, Decimal::ZERO);
            for n in (0..sold.len()).filter(|n| month(sold[*n].on) == this) {
                let amount = rate(rated_in(n)).map_or(Decimal::ZERO, |rate| cents(sold[n].amount * rate));
                if rated_in(n) == this { own += amount } else { adjusted += amount }
            }
            let own = lever.cap.map_or(own, |cap| own.min(cap));
            *earned.entry(this).or_insert(Decimal::ZERO) += own + adjusted;
        }
    }
    earned
}

pub(crate) fn history(steps: &[Step]) -> (Ledger, Vec<Sold>) {
    let mut ledger = Ledger::new("US", "USD", program(levers()));
    ledger.rate("USD", "EUR", "2019-07-01", "0.9");
    ledger.enroll("contoso", "2019-11-01");
    let mut on = day("2019-11-01");
    let mut sold: Vec<Sold> = Vec::new();
    for (n, step) in steps.iter().enumerate() {
        on = on + Days::new(step.days);
        if step.days > 0 {
            ledger.close(&on.pred_opt().unwrap().to_string());
        }
        let originals: Vec<usize> = (0..sold.len()).filter(|n| sold[*n].back.is_none()).collect();
        let back = step.back.filter(|_| !originals.is_empty()).map(|index| originals[index.index(originals.len())]);
        let size = Decimal::new(step.cents, 2);
        let amount = back.map_or(size, |back| -size.min(sold[back].amount));
        sold.push(Sold { id: format!("line-{n}"), on, amount, back });
        let (shown, text, on_text) = (&sold[n], amount.to_string(), on.to_string());
        let reverses = shown.back.map(|back| sold[back].id.as_str());
        ledger.charge(step.partition, &Sale { reverses, ..sale(&shown.id, &on_text, &text) });
    }
    ledger.close(&(on + Days::new(75)).to_string());
    (ledger, sold)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn earnings_are_what_the_rules_say(steps in steps()) {
        let (ledger, sold) = history(&steps);
        let naive = naive(&sold);
        let closed: BTreeMap<_, _> =
            ledger.periods().into_iter().map(|it| ((it.event.period.year(), it.event.period.month()), it.event)).collect();
        for (month, expected) in &naive {
            prop_assert_eq!(closed.get(month).map(|event| event.earned_usd), Some(*expected), "{:?}", month);
        }
        // What is listed is what was closed, and the entries say the same.
        let listed: Decimal = ledger.earnings().iter().map(|line| line.earning.amount_usd).sum();
        let total: Decimal = closed.values().map(|event| event.earned_usd).sum();
        prop_assert_eq!(listed, total);
        let balance = |name: &str| {
            let found = ledger.balances("USD").into_iter().find_map(|it| Some(it.strip_prefix(name)?.trim().parse::<Decimal>().unwrap()));
            found.unwrap_or_default()
        };
        prop_assert_eq!(balance("incentive_cost "), total);
        let open: Decimal = ledger.periods().iter().filter(|it| it.payment_id.is_none()).map(|it| it.event.earned_usd).sum();
        prop_assert_eq!(-balance("incentive_payable "), open);
        prop_assert_eq!(-balance("incentive_exchange "), total - open);
    }

    /// Partitions may come in any order: the rows are the same.
    #[test]
    fn rows_do_not_depend_on_the_order_of_partitions(steps in steps(), seed in any::<u64>()) {
        let (ledger, _) = history(&steps);
        let mut queues: BTreeMap<_, std::collections::VecDeque<_>> = BTreeMap::new();
        for (position, at, events) in &ledger.commits {
            queues.entry(position.partition).or_default().push_back((*position, *at, events));
        }
        let (mut rows, mut random) = (Memory::default(), seed);
        while !queues.is_empty() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let pick = usize::try_from(random >> 33).unwrap() % queues.len();
            let partition = *queues.keys().nth(pick).unwrap();
            let queue = queues.get_mut(&partition).unwrap();
            if let Some((position, at, events)) = queue.pop_front() {
                fold(&IncentiveProjection, &mut rows, position, at, events);
            }
            if queue.is_empty() {
                queues.remove(&partition);
            }
        }
        prop_assert_eq!(rows, ledger.rows);
    }
}
