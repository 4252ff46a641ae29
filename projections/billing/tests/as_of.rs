//! Looking back: the answer of then is what a replay of what was known then gives.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use common::{ALL, Commit, History, day, fold, recorded_at};
use proptest::prelude::*;
use rust_decimal::Decimal;
use subledger_billing::{
    AccountFilter, Balance, ChargeFilter, get_invoice_as_of, list_balances, list_charges, list_entries, list_invoices,
    list_invoices_as_of, trial_balance_as_of,
};
use subledger_domain::{
    charge::InvoiceFamily,
    position::{Family, Position},
};
use subledger_fold::{
    as_of::{AsOf, Horizon, RecordedBy},
    memory::Memory,
};

const PARTITIONS: u16 = 3;
const PARTNERS: [(&str, u32); 2] = [("p1", 31), ("p2", 1)];

/// When it is recorded, how many days it is late, partition, partner, family, amount in cents.
type Line = (u64, u64, u16, usize, bool, i64);

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let line = (0..70_u64, 0..3_u64, 0..PARTITIONS, 0..2_usize, any::<bool>(), -50_000..50_000_i64);
    prop::collection::vec(line, 0..50)
}

/// Plays lines day by day; some of them are charged on a day that is closed in another partition already, but not invoiced.
fn play(mut lines: Vec<Line>) -> History {
    lines.sort_by_key(|line| line.0);
    let mut h = History::new(PARTITIONS);
    for (id, billing_day) in PARTNERS {
        h.register(id, "USD", billing_day, "2018-01-20");
    }
    let mut lines = lines.into_iter().peekable();
    for number in 0..90 {
        let date = day("2018-01-20") + Days::new(number);
        while let Some((_, late, partition, id, one_time, cents)) = lines.next_if(|line| line.0 == number) {
            let family = if one_time { InvoiceFamily::OneTimeRecurring } else { InvoiceFamily::LicenseUsage };
            // The first open day, as a late fact has it, or a day to come.
            let on = (date + Days::new(late)).to_string();
            h.charge_in(partition, PARTNERS[id].0, family, "USD", &on, &Decimal::new(cents, 2).to_string());
        }
        h.close(&date.to_string());
        h.issue();
    }
    h
}

/// A history cut at the same commit of each partition, as positions.
fn cut(h: &History, at: usize) -> (Vec<Commit>, Vec<Position>) {
    let known = h.commits[..at].to_vec();
    let mut last = BTreeMap::new();
    for (position, _) in &known {
        last.insert(position.partition, position.seq);
    }
    (known, last.into_iter().map(|(partition, seq)| Position { partition, seq }).collect())
}

fn horizon(rows: &Memory, effective: Option<NaiveDate>, recorded: RecordedBy) -> Horizon {
    Horizon::of(rows, &AsOf { effective, recorded: Some(recorded) }).unwrap()
}

fn replayed(commits: &[Commit]) -> Memory {
    let mut rows = Memory::default();
    fold(&mut rows, commits);
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_was_recorded_by_then_is_what_a_replay_gives(lines in lines(), at in any::<prop::sample::Index>()) {
        let h = play(lines);
        let (known, positions) = cut(&h, at.index(h.commits.len() + 1));
        let then = replayed(&known);
        let horizon = horizon(&h.rows, None, RecordedBy::Positions(positions));
        let accounts = AccountFilter { horizon: horizon.clone(), ..AccountFilter::default() };
        prop_assert_eq!(
            list_balances(&h.rows, &accounts, ALL).unwrap().items,
            list_balances(&then, &AccountFilter::default(), ALL).unwrap().items
        );
        prop_assert_eq!(
            list_entries(&h.rows, &accounts, ALL).unwrap().items,
            list_entries(&then, &AccountFilter::default(), ALL).unwrap().items
        );
        for unbilled in [false, true] {
            let charges = ChargeFilter { unbilled, horizon: horizon.clone(), ..ChargeFilter::default() };
            let now = ChargeFilter { unbilled, ..ChargeFilter::default() };
            prop_assert_eq!(
                list_charges(&h.rows, &charges, ALL).unwrap().items,
                list_charges(&then, &now, ALL).unwrap().items
            );
        }
        let invoices = list_invoices(&h.rows, None, ALL).unwrap().items;
        prop_assert_eq!(
            list_invoices_as_of(&h.rows, None, &horizon, ALL).unwrap().items,
            list_invoices(&then, None, ALL).unwrap().items
        );
        for invoice in invoices {
            let number = &invoice.invoice_number;
            let known = horizon.knows(invoice.position);
            prop_assert_eq!(get_invoice_as_of(&h.rows, number, &horizon).unwrap().is_some(), known);
        }
        for trial in trial_balance_as_of(&h.rows, &horizon).unwrap() {
            prop_assert_eq!(trial.difference, Decimal::ZERO, "at every position");
        }
    }

    #[test]
    fn both_axes_together_are_the_entries_known_and_booked_by_then(
        lines in lines(),
        at in any::<prop::sample::Index>(),
        days in 0..95_u64,
    ) {
        let h = play(lines);
        let (known, positions) = cut(&h, at.index(h.commits.len() + 1));
        let effective = day("2018-01-18") + Days::new(days);
        let mut expected: BTreeMap<_, (Decimal, Decimal, u64)> = BTreeMap::new();
        for entry in list_entries(&replayed(&known), &AccountFilter::default(), ALL).unwrap().items {
            if entry.booked_on <= effective {
                let key = (entry.partner_id, entry.currency, entry.account);
                let sums = expected.entry(key).or_default();
                *sums = (sums.0 + entry.debit, sums.1 + entry.credit, sums.2 + 1);
            }
        }
        let filter = AccountFilter {
            horizon: horizon(&h.rows, Some(effective), RecordedBy::Positions(positions)),
            ..AccountFilter::default()
        };
        let found = list_balances(&h.rows, &filter, ALL).unwrap().items;
        let found: BTreeMap<_, _> = found
            .into_iter()
            .map(|Balance { partner_id, currency, account, debits, credits, entry_count, .. }| {
                ((partner_id, currency, account), (debits, credits, entry_count))
            })
            .collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn an_instant_is_the_last_commits_recorded_by_then(lines in lines(), at in any::<prop::sample::Index>()) {
        let h = play(lines);
        let moment = recorded_at(h.commits[at.index(h.commits.len())].0);
        let known: Vec<Commit> = h.commits.iter().filter(|(at, _)| recorded_at(*at) <= moment).cloned().collect();
        let (_, positions) = cut(&History { commits: known.clone(), ..History::default() }, known.len());
        let found = horizon(&h.rows, None, RecordedBy::Instant(moment));
        let mut found = found.positions().unwrap();
        found.sort();
        prop_assert_eq!(found, positions);
    }
}

#[test]
fn what_did_we_believe_on_the_third_of_march_about_february() {
    let mut h = History::new(1);
    h.register("p1", "USD", 28, "2018-01-01");
    h.charge("p1", "2018-02-10", "100.00");
    h.close("2018-02-28");
    h.issue();
    let believed = h.commits.last().unwrap().0;
    // A late fact about February, charged in arrears, and one of March.
    h.charge("p1", "2018-03-01", "-25.00");
    h.charge("p1", "2018-03-10", "7.00");
    let receivable = |effective: &str, recorded: Option<Vec<Position>>| {
        let as_of = AsOf { effective: Some(day(effective)), recorded: recorded.map(RecordedBy::Positions) };
        let filter = AccountFilter { horizon: Horizon::of(&h.rows, &as_of).unwrap(), ..AccountFilter::default() };
        let balances = list_balances(&h.rows, &filter, ALL).unwrap().items;
        let show = |balance: &Balance| format!("{} {}", balance.account, balance.amount);
        balances.iter().map(show).collect::<Vec<_>>()
    };
    let then = vec![believed, Position { partition: common::partition(Family::Customers, 0), seq: 1 }];
    assert_eq!(receivable("2018-02-28", Some(then.clone())), ["receivable 100.00", "unbilled 0.00", "revenue -100.00"]);
    assert_eq!(receivable("2018-02-28", None), ["receivable 100.00", "unbilled 0.00", "revenue -100.00"]);
    assert_eq!(
        receivable("2018-03-05", None),
        ["receivable 100.00", "unbilled -25.00", "revenue -100.00", "credits 25.00"]
    );
    assert_eq!(receivable("2018-03-31", Some(then)), ["receivable 100.00", "unbilled 0.00", "revenue -100.00"]);
    assert!(receivable("2018-02-09", None).is_empty());
}
