//! What is due, what is issued, and whether it stays so.

mod common;

use common::{ALL, History, amount, day, fold, issued, partner_id};
use rust_decimal::Decimal;
use subledger_billing::{
    ChargeFilter, Difference, Verification, closed_through, each_invoice_line, get_invoice, invoiced_through,
    list_charges, list_invoice_lines, list_invoices, verify_invoice,
};
use subledger_domain::{
    charge::{
        InvoiceFamily::{LicenseUsage, OneTimeRecurring},
        InvoiceTotals,
    },
    ids::InvoiceNumber,
    position::Family,
};
use subledger_fold::{memory::Memory, page::PageRequest};

#[allow(clippy::unwrap_used, reason = "a helper of tests")]
fn number(text: &str) -> InvoiceNumber {
    InvoiceNumber::new(text).unwrap()
}

#[test]
fn a_clamped_billing_day_over_several_months() {
    let mut h = History::new(1);
    h.register("p1", "USD", 31, "2018-01-10");
    h.charge("p1", "2018-01-31", "10.00");
    h.charge("p1", "2018-02-01", "20.00");
    h.charge("p1", "2018-02-28", "-5.50");
    h.charge("p1", "2018-03-31", "30.00");
    h.close("2018-01-30");
    assert!(h.due().is_empty());
    assert_eq!(invoiced_through(&h.rows, 1).unwrap(), Some(day("2018-01-30")));
    h.close("2018-01-31");
    assert_eq!(h.due_in_short(), ["inv:p1:L:USD:2018-01-31 2018-01-10..2018-01-31 10.00 x 1"]);
    assert_eq!(invoiced_through(&h.rows, 1).unwrap(), Some(day("2018-01-30")));
    h.issue();
    assert_eq!(invoiced_through(&h.rows, 1).unwrap(), Some(day("2018-01-31")));
    h.close("2018-03-31");
    assert_eq!(invoiced_through(&h.rows, 1).unwrap(), Some(day("2018-02-27")));
    assert_eq!(
        h.due_in_short(),
        [
            "inv:p1:L:USD:2018-02-28 2018-02-01..2018-02-28 14.50 x 2",
            "inv:p1:L:USD:2018-03-31 2018-03-01..2018-03-31 30.00 x 1",
        ]
    );
    assert_eq!(h.issue(), 2);
    assert!(h.due().is_empty());
    assert_eq!(invoiced_through(&h.rows, 1).unwrap(), Some(day("2018-03-31")));
    assert_eq!(invoiced_through(&h.rows, 2).unwrap(), None);
}

#[test]
fn a_line_is_on_the_first_invoice_on_or_after_its_day() {
    let mut h = History::new(1);
    h.register("p1", "USD", 15, "2017-12-15");
    h.charge("p1", "2018-01-15", "1.00");
    h.charge("p1", "2018-01-16", "2.00");
    h.close("2018-02-15");
    assert_eq!(
        h.due_in_short(),
        [
            "inv:p1:L:USD:2018-01-15 2017-12-15..2018-01-15 1.00 x 1",
            "inv:p1:L:USD:2018-02-15 2018-01-16..2018-02-15 2.00 x 1",
        ]
    );
    let due = h.due();
    assert_eq!(due[0].effective_at.to_rfc3339(), "2018-01-16T00:00:00+00:00");
    assert_eq!(due[0].command.invoice_date, day("2018-01-15"));
}

#[test]
fn months_without_lines_issue_nothing_and_leave_no_gap() {
    let mut h = History::new(1);
    h.register("p1", "USD", 15, "2018-01-01");
    h.register("p2", "USD", 15, "2018-01-01");
    h.close("2018-02-28");
    assert!(h.due().is_empty());
    h.charge("p1", "2018-03-01", "1.00");
    h.close("2018-06-30");
    assert_eq!(h.due_in_short(), ["inv:p1:L:USD:2018-03-15 2018-01-01..2018-03-15 1.00 x 1"]);
    h.issue();
    h.charge("p1", "2018-07-01", "1.00");
    h.close("2018-07-31");
    assert_eq!(h.due_in_short(), ["inv:p1:L:USD:2018-07-15 2018-03-16..2018-07-15 1.00 x 1"]);
}

#[test]
fn the_slowest_partition_decides() {
    let mut h = History::new(3);
    h.register("p1", "USD", 15, "2018-01-01");
    h.charge_in(0, "p1", LicenseUsage, "USD", "2018-01-02", "1.00");
    let first = h.close_partition(0, "2018-01-15");
    h.charge_in(1, "p1", LicenseUsage, "USD", "2018-01-15", "2.00");
    let second = h.close_partition(1, "2018-01-15");
    h.close_partition(0, "2018-01-16");
    assert_eq!(closed_through(&h.rows, 3).unwrap(), None);
    assert!(h.due().is_empty());
    h.close_partition(2, "2018-01-14");
    assert!(h.due().is_empty());
    let third = h.close_partition(2, "2018-01-15");
    assert_eq!(closed_through(&h.rows, 3).unwrap(), Some(day("2018-01-15")));
    assert_eq!(h.due()[0].command.reflects, [first, second, third]);
    assert_eq!(h.due_in_short(), ["inv:p1:L:USD:2018-01-15 2018-01-01..2018-01-15 3.00 x 2"]);
    // A layout without partitions closes nothing.
    assert_eq!(closed_through(&h.rows, 0).unwrap(), None);
}

#[test]
fn other_families_by_calendar_month_and_currency() {
    let mut h = History::new(1);
    h.register("p1", "USD", 15, "2018-01-10");
    h.charge_in(0, "p1", OneTimeRecurring, "EUR", "2018-01-20", "5.00");
    h.charge_in(0, "p1", OneTimeRecurring, "JPY", "2018-01-31", "500");
    h.charge_in(0, "p1", OneTimeRecurring, "EUR", "2018-02-01", "7.00");
    h.charge_in(0, "p1", LicenseUsage, "USD", "2018-01-20", "9.00");
    h.close("2018-01-30");
    assert!(h.due().is_empty());
    h.close("2018-01-31");
    assert_eq!(
        h.due_in_short(),
        [
            "inv:p1:O:EUR:2018-01-31 2018-01-10..2018-01-31 5.00 x 1",
            "inv:p1:O:JPY:2018-01-31 2018-01-10..2018-01-31 500 x 1",
        ]
    );
    h.issue();
    h.close("2018-02-28");
    assert_eq!(
        h.due_in_short(),
        [
            "inv:p1:L:USD:2018-02-15 2018-01-10..2018-02-15 9.00 x 1",
            "inv:p1:O:EUR:2018-02-28 2018-02-01..2018-02-28 7.00 x 1",
        ]
    );
}

#[test]
fn a_repetition_gives_the_same_commands_whatever_was_folded_since() {
    let mut h = History::new(2);
    h.register("p1", "USD", 15, "2018-01-01");
    h.charge("p1", "2018-01-02", "1.00");
    h.charge("p1", "2018-01-20", "2.00");
    h.close("2018-01-20");
    let first = h.due();
    // Nothing of it was issued when the next period was closed, too.
    h.charge("p1", "2018-02-17", "4.00");
    h.close("2018-02-20");
    let both = h.due();
    assert_eq!(both[..1], first);
    assert_eq!(both.len(), 2);
    // Only the first was folded.
    h.append(Family::Partners, 0, vec![issued(&both[0], 1).into()]);
    assert_eq!(h.due(), both[1..]);
    // A rebuild computes them again.
    let mut rebuilt = Memory::default();
    let charges = h.commits.iter().filter(|(_, events)| events[0].name() != "InvoiceIssued").cloned();
    fold(&mut rebuilt, &charges.collect::<Vec<_>>());
    assert_eq!(subledger_billing::due_invoices(&rebuilt, 2).unwrap(), both);
}

#[test]
fn charges_before_the_registration_is_folded_wait_for_it() {
    let mut h = History::new(1);
    h.charge("p1", "2018-01-02", "1.00");
    h.close("2018-03-31");
    assert!(h.due().is_empty());
    h.register("p1", "USD", 15, "2018-01-05");
    assert_eq!(h.due_in_short(), ["inv:p1:L:USD:2018-01-15 2018-01-02..2018-01-15 1.00 x 1"]);
}

#[test]
fn issued_lines_carry_the_number_and_the_rest_is_unbilled() {
    let mut h = History::new(2);
    h.register("p1", "USD", 15, "2018-01-01");
    for (partition, on, cost) in
        [(1, "2018-01-03", "3.00"), (0, "2018-01-03", "1.00"), (0, "2018-01-02", "2.00"), (0, "2018-01-16", "4.00")]
    {
        h.charge_in(partition, "p1", LicenseUsage, "USD", on, cost);
    }
    h.close("2018-01-20");
    h.issue();
    let invoice = get_invoice(&h.rows, &number("p1-L-USD-000001")).unwrap().unwrap();
    let amounts: Vec<_> = invoice.lines.iter().map(|line| line.line.amount.to_string()).collect();
    assert_eq!(amounts, ["2.00", "1.00", "3.00"]);
    assert_eq!((invoice.period_end, invoice.total), (day("2018-01-15"), amount("6.00")));
    let listed = list_invoices(&h.rows, Some(&partner_id("p1")), ALL).unwrap().items;
    assert_eq!(listed.len(), 1);
    assert!(listed[0].lines.is_empty());
    assert_eq!(get_invoice(&h.rows, &number("N2")).unwrap(), None);

    let filter = |unbilled| ChargeFilter { partner_id: Some(partner_id("p1")), unbilled, ..ChargeFilter::default() };
    let numbers = |unbilled| -> Vec<_> {
        let lines = list_charges(&h.rows, &filter(unbilled), ALL).unwrap().items;
        lines.into_iter().map(|line| line.invoice_number.map(String::from)).collect()
    };
    let n1 = Some("p1-L-USD-000001".to_owned());
    assert_eq!(numbers(false), [n1.clone(), n1.clone(), n1, None]);
    assert_eq!(numbers(true), [None]);

    let mut visited = Vec::new();
    let mut visit = |line| {
        visited.push(line);
        Ok(())
    };
    assert!(each_invoice_line(&h.rows, &number("p1-L-USD-000001"), &mut visit).unwrap());
    assert_eq!(visited, invoice.lines);
    let (mut paged, mut token) = (Vec::new(), String::new());
    loop {
        let request = PageRequest { size: 2, token: &token };
        let page = list_invoice_lines(&h.rows, &number("p1-L-USD-000001"), request).unwrap().unwrap();
        paged.extend(page.items);
        let Some(next) = page.next else { break };
        token = next;
    }
    assert_eq!(paged, invoice.lines);
}

#[test]
fn verification_says_what_differs() {
    let mut h = History::new(1);
    h.register("p1", "USD", 15, "2018-01-01");
    h.charge("p1", "2018-01-03", "1.00");
    h.close("2018-01-15");
    let mut event = issued(&h.due()[0], 1);
    let commits = h.commits.clone();
    h.append(Family::Partners, 0, vec![event.clone().into()]);
    assert_eq!(verify_invoice(&h.rows, &number("N1")).unwrap(), Verification::Matches);
    assert_eq!(verify_invoice(&h.rows, &number("N2")).unwrap(), Verification::Unknown);

    // The invoice is folded before the charges that it reflects.
    let mut only_invoice = Memory::default();
    fold(&mut only_invoice, &h.commits[h.commits.len() - 1..]);
    assert_eq!(verify_invoice(&only_invoice, &number("N1")).unwrap(), Verification::Behind(event.reflects[0]));

    // Another invoice than the lines give.
    event.total = amount("2.00");
    event.totals = totals("2.00");
    event.line_count = 2;
    event.lines_digest[0] ^= 1;
    let mut other = History::new(1);
    for (position, events) in commits {
        other.append(position.partition.family, position.partition.index, events);
    }
    other.append(Family::Partners, 0, vec![event.into()]);
    let Verification::Differs(differences) = verify_invoice(&other.rows, &number("N1")).unwrap() else {
        panic!("it differs");
    };
    assert_eq!(differences[0], Difference::LineCount { issued: 2, found: 1 });
    assert_eq!(
        differences[1],
        Difference::Totals { issued: Box::new(totals("2.00")), found: Box::new(totals("1.00")) }
    );
    assert!(matches!(differences[2], Difference::LinesDigest { .. }));
}

#[test]
fn the_digest_never_changes_its_form() {
    let mut h = History::new(1);
    h.register("p1", "USD", 15, "2018-01-01");
    h.charge("p1", "2018-01-03", "1.50");
    h.close("2018-01-15");
    // Computed by another program from the form that the digest module describes.
    let digest = h.due()[0].command.lines_digest.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    assert_eq!(digest, "2ce182d820e40691a8777cff458e57072b85c381c1a5754e2cdc64de3005822e");
}

fn totals(text: &str) -> InvoiceTotals {
    let (sum, zero) = (amount(text), Decimal::ZERO);
    InvoiceTotals { license_charges: sum, subtotal: sum, tax: zero, ..InvoiceTotals::default() }
}
