//! What was so, as it was known: at any moment the lists are those of a fold of nothing but that.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, Utc};
use proptest::{prelude::*, sample::Index};
use subledger_domain::{
    command::{Command, DecideEarningDispute, DisputeEarning, SetIncentivePaymentStatus},
    ids::DisputeId,
    incentive::{PAYMENT_MOVES, PaymentStatus},
    position::Position,
};
use subledger_fold::{
    as_of::{AsOf, Horizon, RecordedBy},
    memory::Memory,
};
use subledger_incentive::{
    EarningFilter, IncentiveProjection, ProgramFilter, list_earning_disputes, list_earning_periods, list_earnings,
    list_enrollments, list_incentive_payments,
};

use super::{ledger::*, random};

/// What happens after the sales: a payment moves, and days go by.
type Move = (Index, u64);

fn payments(ledger: &Ledger) -> Vec<(subledger_domain::ids::PaymentId, PaymentStatus)> {
    let all = list_incentive_payments(&ledger.rows, &ProgramFilter::default(), None, None, ALL).unwrap().items;
    all.into_iter().map(|payment| (payment.event.payment_id, payment.status)).collect()
}

/// A history with payments that move, and a dispute.
fn history(steps: &[random::Step], moves: &[Move]) -> Ledger {
    let (mut ledger, sold) = random::history(steps);
    let mut today = sold.last().unwrap().on + Days::new(76);
    let disputed = ledger.earnings().into_iter().next();
    if let Some(line) = &disputed {
        let open = DisputeEarning {
            partner_id: partner_id("contoso"),
            dispute_id: DisputeId::new("d-1").unwrap(),
            earning_id: line.earning.earning_id.clone(),
            program_id: program_id(),
            mpn_id: MPN.into(),
            period: line.earning.period,
            amount: amount("1.00"),
            currency: currency("USD"),
            reason: "too little".into(),
        };
        ledger.run(&today.to_string(), Command::DisputeEarning(open)).unwrap();
    }
    for (pick, days) in moves {
        let allowed: Vec<_> = payments(&ledger)
            .into_iter()
            .flat_map(|(id, from)| {
                PAYMENT_MOVES.iter().filter(move |(begin, _)| *begin == from).map(move |(_, to)| (id.clone(), *to))
            })
            .collect();
        if !allowed.is_empty() {
            let (payment_id, status) = allowed[pick.index(allowed.len())].clone();
            let recoup_usd = (status == PaymentStatus::IncorrectPayment).then(|| amount("1.00"));
            let (partner_id, reason) = (partner_id("contoso"), "because".to_owned());
            let change = SetIncentivePaymentStatus { partner_id, payment_id, status, reason, recoup_usd };
            // Some moves are not for callers.
            let _ = ledger.run(&today.to_string(), Command::SetIncentivePaymentStatus(change));
        }
        today = today + Days::new(*days);
        ledger.close(&today.pred_opt().unwrap().to_string());
    }
    if disputed.is_some() {
        let decide = DecideEarningDispute {
            partner_id: partner_id("contoso"),
            dispute_id: DisputeId::new("d-1").unwrap(),
            correction: Some(amount("1.50")),
            note: "yes".into(),
        };
        ledger.run(&today.to_string(), Command::DecideEarningDispute(decide)).unwrap();
        ledger.close(&(today + Days::new(70)).to_string());
    }
    ledger
}

/// Every list, as it was then.
fn lists(rows: &Memory, horizon: &Horizon) -> String {
    let of = ProgramFilter { horizon: horizon.clone(), ..ProgramFilter::default() };
    let earnings = EarningFilter { horizon: horizon.clone(), ..EarningFilter::default() };
    format!(
        "{:#?}",
        (
            list_enrollments(rows, &of, ALL).unwrap().items,
            list_earning_periods(rows, &of, (None, None), false, ALL).unwrap().items,
            list_earnings(rows, &earnings, ALL).unwrap().items,
            list_incentive_payments(rows, &of, None, None, ALL).unwrap().items,
            list_earning_disputes(rows, &of, ALL).unwrap().items,
        )
    )
}

fn folded(ledger: &Ledger, takes: impl Fn(usize, DateTime<Utc>) -> bool) -> Memory {
    let mut rows = Memory::default();
    for (n, (position, at, events)) in ledger.commits.iter().enumerate() {
        if takes(n, *at) {
            fold(&IncentiveProjection, &mut rows, *position, *at, events);
        }
    }
    rows
}

fn positions(ledger: &Ledger, commits: usize) -> Vec<Position> {
    let mut last = BTreeMap::new();
    for (position, ..) in &ledger.commits[..commits] {
        last.insert(position.partition, *position);
    }
    last.into_values().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn lists_of_a_moment_are_those_of_a_fold_up_to_it(
        steps in random::steps(),
        moves in prop::collection::vec((any::<Index>(), 0..40_u64), 0..10),
        cuts in prop::collection::vec(any::<Index>(), 1..8),
    ) {
        let ledger = history(&steps, &moves);
        let now = lists(&ledger.rows, &Horizon::default());
        let first = day("2019-10-01");
        for cut in cuts {
            let commits = cut.index(ledger.commits.len() + 1);
            let as_of = AsOf { recorded: Some(RecordedBy::Positions(positions(&ledger, commits))), effective: None };
            let horizon = Horizon::of(&ledger.rows, &as_of).unwrap();
            let then = folded(&ledger, |n, _| n < commits);
            prop_assert_eq!(lists(&ledger.rows, &horizon), lists(&then, &Horizon::default()), "{} commits", commits);

            let on: NaiveDate = first + Days::new(cut.index(250) as u64);
            let horizon = Horizon::of(&ledger.rows, &AsOf { effective: Some(on), recorded: None }).unwrap();
            let then = folded(&ledger, |_, at| at.date_naive() <= on);
            prop_assert_eq!(lists(&ledger.rows, &horizon), lists(&then, &Horizon::default()), "{}", on);
        }
        let horizon = Horizon::of(&ledger.rows, &AsOf { effective: Some(NaiveDate::MAX), recorded: None }).unwrap();
        prop_assert_eq!(lists(&ledger.rows, &horizon), now);
    }
}
