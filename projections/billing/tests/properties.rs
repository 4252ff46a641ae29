//! Random histories: the books balance, every line is on one invoice, and no order of partitions matters.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::collections::{BTreeMap, VecDeque};

use common::{ALL, Commit, History, fold};
use proptest::prelude::*;
use rust_decimal::Decimal;
use subledger_billing::{
    AccountFilter, ChargeFilter, Verification, due_invoices, get_invoice, list_charges, list_entries, list_invoices,
    trial_balance, verify_invoice,
};
use subledger_domain::charge::InvoiceFamily;
use subledger_fold::memory::Memory;

const PARTITIONS: u16 = 3;

/// One line: day after the start, partition, partner, family and currency, amount in minor units.
type Line = (u64, u16, usize, usize, i64);

const PARTNERS: [(&str, u32); 3] = [("p1", 31), ("p10", 15), ("p2", 1)];
const KINDS: [(InvoiceFamily, &str); 3] = [
    (InvoiceFamily::LicenseUsage, "USD"),
    (InvoiceFamily::OneTimeRecurring, "EUR"),
    (InvoiceFamily::OneTimeRecurring, "JPY"),
];

fn lines() -> impl Strategy<Value = Vec<Line>> {
    prop::collection::vec((0..100_u64, 0..PARTITIONS, 0..3_usize, 0..3_usize, -50_000..50_000_i64), 0..60)
}

/// Plays lines day by day; at the end of each day everything due is issued.
fn play(mut lines: Vec<Line>) -> History {
    lines.sort_by_key(|line| line.0);
    let mut h = History::new(PARTITIONS);
    for (id, billing_day) in PARTNERS {
        h.register(id, "USD", billing_day, "2018-01-20");
    }
    let mut lines = lines.into_iter().peekable();
    for number in 0..140 {
        let date = (common::day("2018-01-20") + chrono::Days::new(number)).to_string();
        while let Some((_, partition, id, kind, cents)) = lines.next_if(|line| line.0 == number) {
            let (family, code) = KINDS[kind];
            let scale = if code == "JPY" { 0 } else { 2 };
            let cost = Decimal::new(cents, scale).to_string();
            h.charge_in(partition, PARTNERS[id].0, family, code, &date, &cost);
        }
        h.close(&date);
        h.issue();
    }
    h
}

/// The same commits with partitions interleaved as the picks say; each partition in its own order.
fn interleave(commits: &[Commit], picks: &[prop::sample::Index]) -> Vec<Commit> {
    let mut queues: BTreeMap<_, VecDeque<Commit>> = BTreeMap::new();
    for commit in commits {
        queues.entry(commit.0.partition).or_default().push_back(commit.clone());
    }
    let mut picks = picks.iter().cycle();
    let mut mixed = Vec::new();
    while !queues.is_empty() {
        let names: Vec<_> = queues.keys().copied().collect();
        let name = *picks.next().unwrap().get(&names);
        // Runs, so that a partition gets far ahead of the others.
        for _ in 0..7 {
            let Some(commit) = queues.get_mut(&name).and_then(VecDeque::pop_front) else {
                queues.remove(&name);
                break;
            };
            mixed.push(commit);
        }
    }
    mixed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rows_do_not_depend_on_the_interleaving(
        lines in lines(),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 40),
        stop in any::<prop::sample::Index>(),
    ) {
        let history = play(lines);
        let mut rows = Memory::default();
        let mixed = interleave(&history.commits, &picks);
        fold(&mut rows, &mixed);
        prop_assert!(rows == history.rows, "other rows");

        // Stopped half way, whatever is due then has the content that was issued.
        let mut part = Memory::default();
        fold(&mut part, &mixed[..stop.index(mixed.len())]);
        for due in due_invoices(&part, PARTITIONS).unwrap() {
            let c = &due.command;
            let issued = list_invoices(&history.rows, Some(&c.partner_id), ALL).unwrap().items;
            let same = issued.iter().find(|i| (i.family, i.currency, i.invoice_date) == (c.family, c.currency, c.invoice_date));
            let same = same.expect("it was issued");
            prop_assert_eq!(&same.lines_digest, &c.lines_digest);
            prop_assert_eq!(&same.reflects, &c.reflects);
            prop_assert_eq!(same.period_start, c.period_start);
            prop_assert_eq!(same.total, c.total);
        }
    }

    #[test]
    fn the_books_balance(lines in lines()) {
        let h = play(lines);
        for trial in trial_balance(&h.rows).unwrap() {
            prop_assert_eq!(trial.difference, Decimal::ZERO);
        }
        // The entries of each commit balance by currency, too.
        let mut commits: BTreeMap<_, Decimal> = BTreeMap::new();
        let entries = list_entries(&h.rows, &AccountFilter::default(), ALL).unwrap();
        prop_assert!(entries.next.is_none());
        for entry in entries.items {
            *commits.entry((entry.position, entry.currency)).or_default() += entry.debit - entry.credit;
        }
        prop_assert!(commits.values().all(Decimal::is_zero));
    }

    #[test]
    fn every_line_is_on_one_invoice(lines in lines()) {
        let h = play(lines);
        let all = list_charges(&h.rows, &ChargeFilter::default(), ALL).unwrap().items;
        let mut found = Vec::new();
        let mut ends = BTreeMap::new();
        for invoice in list_invoices(&h.rows, None, ALL).unwrap().items {
            let number = invoice.invoice_number;
            prop_assert_eq!(verify_invoice(&h.rows, &number).unwrap(), Verification::Matches);
            let invoice = get_invoice(&h.rows, &number).unwrap().unwrap();
            prop_assert_eq!(invoice.lines.iter().map(|line| line.line.amount).sum::<Decimal>(), invoice.total);
            for line in &invoice.lines {
                prop_assert!(invoice.period_start <= line.line.charged_on && line.line.charged_on <= invoice.period_end);
            }
            // Periods follow each other without a gap.
            let series = (invoice.partner_id, invoice.family, invoice.currency);
            if let Some(end) = ends.insert(series, invoice.period_end) {
                prop_assert_eq!(end + chrono::Days::new(1), invoice.period_start);
            }
            found.extend(invoice.lines);
        }
        let unbilled = ChargeFilter { unbilled: true, ..ChargeFilter::default() };
        found.extend(list_charges(&h.rows, &unbilled, ALL).unwrap().items);
        found.sort_by(|a, b| a.line.line_id.cmp(&b.line.line_id));
        let mut expected = all;
        expected.sort_by(|a, b| a.line.line_id.cmp(&b.line.line_id));
        prop_assert_eq!(found, expected);
    }
}
