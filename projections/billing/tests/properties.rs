//! Random histories: the books balance, every line is on one invoice, and no order of partitions matters.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::collections::{BTreeMap, VecDeque};

use common::{ALL, Commit, History, fold};
use proptest::prelude::*;
use rust_decimal::Decimal;
use subledger_billing::{
    Account, AccountFilter, ChargeFilter, CreditNoteState, PaymentFilter, StatementFilter, Verification,
    WithholdingState, due_invoices, get_invoice, list_balances, list_charges, list_credit_notes, list_entries,
    list_invoices, list_payments, list_statement, list_withholdings, trial_balance, verify_invoice,
};
use subledger_domain::{
    Command,
    charge::{AppliedPromotion, Charged, InvoiceFamily},
    command::{
        AllocatePayment, ApproveWithholding, IssueCreditNote, RebillInvoice, ReceivePayment, RefundPayment,
        RequestCreditNote, RequestWithholding,
    },
    ids::{PartnerId, PaymentId, PromotionId, WithholdingId},
    money::Currency,
    partner::{Certificate, CreditNoteReason},
    position::Family,
    tax::{TaxRule, TaxTreatment},
};
use subledger_fold::{as_of::Horizon, memory::Memory};

const PARTITIONS: u16 = 3;

/// One line: day after the start, partition, partner, family and currency, amount in minor units, discount and tax.
type Line = (u64, u16, usize, usize, i64, (u32, usize, u32));

const PARTNERS: [(&str, u32); 3] = [("p1", 31), ("p10", 15), ("p2", 1)];
const TREATMENTS: [Option<TaxTreatment>; 5] = [
    None,
    Some(TaxTreatment::Exclusive),
    Some(TaxTreatment::Inclusive),
    Some(TaxTreatment::Exempt),
    Some(TaxTreatment::ReverseCharge),
];
const KINDS: [(InvoiceFamily, &str); 3] = [
    (InvoiceFamily::LicenseUsage, "USD"),
    (InvoiceFamily::OneTimeRecurring, "EUR"),
    (InvoiceFamily::OneTimeRecurring, "JPY"),
];

fn lines() -> impl Strategy<Value = Vec<Line>> {
    // Percent off, how it is taxed, tenths of a percent of tax.
    let taxed = (0..100_u32, 0..TREATMENTS.len(), 0..300_u32);
    prop::collection::vec((0..100_u64, 0..PARTITIONS, 0..3_usize, 0..3_usize, -50_000..50_000_i64, taxed), 0..60)
}

/// What a partner, or the ledger, may try on a day: day, partner, kind, two picks, amount in minor units.
type Step = (u64, usize, u8, usize, usize, i64);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..140_u64, 0..3_usize, 0..8_u8, any::<usize>(), any::<usize>(), 1..60_000_i64);
    prop::collection::vec(step, 0..120)
}

/// A command about what the partner owes; many are refused.
fn command(h: &History, (_, partner, kind, a, b, minor): Step, on: &str, number: usize) -> Option<Command> {
    let partner_id = common::partner_id(PARTNERS[partner].0);
    let invoices = list_invoices(&h.rows, Some(&partner_id), ALL).unwrap().items;
    let invoice = invoices.get(a % invoices.len().max(1))?;
    let (invoice_number, currency) = (invoice.invoice_number.clone(), invoice.currency);
    let scale = currency.minor_digits();
    let (amount, due) = (Decimal::new(minor, scale), invoice.settlement.due);
    let payments = list_payments(&h.rows, &with_rest(&partner_id), &Horizon::default(), ALL).unwrap().items;
    let payment_id = || payments.get(b % payments.len().max(1)).map(|payment| payment.payment_id.clone());
    let requests = list_withholdings(&h.rows, Some(&partner_id), ALL).unwrap().items;
    let request_id = requests.iter().rev().find(|request| request.state == WithholdingState::Submitted);
    let notes = list_credit_notes(&h.rows, Some(&partner_id), &Horizon::default(), ALL).unwrap().items;
    let cancelled = |state| notes.iter().find(|note| note.state == state).map(|note| note.invoice_number.clone());
    Some(match kind {
        0 | 1 => Command::ReceivePayment(ReceivePayment {
            partner_id,
            payment_id: PaymentId::new(format!("pay-{number}")).unwrap(),
            // A part, all of it, or more than that.
            amount: if kind == 0 && due > Decimal::ZERO { due } else { amount },
            currency,
            value_date: common::day(on),
            reference: String::new(),
            invoice_number: (b % 3 > 0).then_some(invoice_number),
        }),
        2 => {
            let payment_id = payment_id()?;
            Command::AllocatePayment(AllocatePayment { partner_id, payment_id, invoice_number, amount })
        }
        3 => {
            let (payment_id, reference) = (payment_id()?, String::new());
            Command::RefundPayment(RefundPayment { partner_id, payment_id, amount, reference })
        }
        4 => {
            let amount = if due > Decimal::ZERO { due } else { amount };
            let certificate = Certificate { name: "w.pdf".into(), sha256: "0a".repeat(32), line_amount: amount };
            Command::RequestWithholding(RequestWithholding {
                partner_id,
                request_id: WithholdingId::new(format!("w-{number}")).unwrap(),
                invoice_number,
                amount,
                currency,
                certificate: Some(certificate),
                contact_email: "tax@partner.example".into(),
            })
        }
        5 => {
            let request_id = request_id?.request_id.clone();
            Command::ApproveWithholding(ApproveWithholding { partner_id, request_id })
        }
        6 => Command::RequestCreditNote(RequestCreditNote {
            partner_id,
            invoice_number,
            reason: CreditNoteReason::OtherRefund,
            note: String::new(),
        }),
        _ => match (cancelled(CreditNoteState::Issued), cancelled(CreditNoteState::Requested)) {
            (Some(invoice_number), _) if b % 2 == 0 => {
                let refund = Some(Decimal::new(minor % 100, scale));
                let (purchase_order, bill_to) = (None, None);
                Command::RebillInvoice(RebillInvoice { partner_id, invoice_number, refund, purchase_order, bill_to })
            }
            (_, Some(invoice_number)) => Command::IssueCreditNote(IssueCreditNote { partner_id, invoice_number }),
            _ => return None,
        },
    })
}

fn with_rest(partner_id: &PartnerId) -> PaymentFilter {
    PaymentFilter { partner_id: Some(partner_id.clone()), currency: None, unallocated: true }
}

/// Plays lines day by day; at the end of each day everything due is issued.
fn play(lines: Vec<Line>) -> History {
    play_with(lines, Vec::new())
}

/// The same, with what partners pay and ask for.
fn play_with(mut lines: Vec<Line>, mut steps: Vec<Step>) -> History {
    lines.sort_by_key(|line| line.0);
    steps.sort_by_key(|step| step.0);
    let mut steps = steps.into_iter().enumerate().peekable();
    let mut h = History::new(PARTITIONS);
    for (id, billing_day) in PARTNERS {
        h.register(id, "USD", billing_day, "2018-01-20");
    }
    let mut lines = lines.into_iter().peekable();
    for number in 0..140 {
        let date = (common::day("2018-01-20") + chrono::Days::new(number)).to_string();
        while let Some((_, partition, id, kind, cents, taxed)) = lines.next_if(|line| line.0 == number) {
            let (family, code) = KINDS[kind];
            let scale = if code == "JPY" { 0 } else { 2 };
            let cost = Decimal::new(cents, scale).to_string();
            let mut line = h.line(PARTNERS[id].0, family, code, &date, &cost);
            discount_and_tax(&mut line, taxed);
            h.append(Family::Customers, partition, vec![line.into()]);
        }
        h.close(&date);
        h.issue();
        h.review();
        while let Some((at, step)) = steps.next_if(|(_, step)| step.0 == number) {
            // After the day that was closed, as the invoices of that day are.
            let on = (common::day(&date) + chrono::Days::new(1)).to_string();
            if let Some(command) = command(&h, step, &on, at) {
                let _ = h.partner_command(&on, &command);
            }
        }
    }
    h
}

/// As the domain decides them: the discount off the amount, the tax of what is left.
fn discount_and_tax(line: &mut Charged, (percent, treatment, rate): (u32, usize, u32)) {
    if percent > 0 {
        let promotion = AppliedPromotion {
            promotion_id: PromotionId::new("spring").unwrap(),
            percent: Decimal::from(percent),
            until: None,
        };
        line.discount = Some(promotion.on(line.currency, line.amount));
    }
    let rate_percent = Decimal::new(i64::from(rate), 1);
    let rule = |treatment| TaxRule { name: "VAT DE".to_owned(), treatment, rate_percent };
    line.tax = TREATMENTS[treatment].map(|treatment| rule(treatment).on(line.currency, line.subtotal()));
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

/// What is due on all invoices is receivable, what payments have left is unallocated, and the statement ends with both.
fn invoices_agree_with_the_books(h: &History) -> bool {
    type Sums = BTreeMap<(PartnerId, Currency), Decimal>;
    let mut due = Sums::new();
    for invoice in list_invoices(&h.rows, None, ALL).unwrap().items {
        let s = &invoice.settlement;
        assert_eq!(s.due, invoice.total - s.paid - s.withheld - s.credited, "{}", invoice.invoice_number);
        assert!(s.due * invoice.total >= Decimal::ZERO, "{} of {}", s.due, invoice.total);
        *due.entry((invoice.partner_id, invoice.currency)).or_default() += s.due;
    }
    let mut unallocated = Sums::new();
    for payment in list_payments(&h.rows, &PaymentFilter::default(), &Horizon::default(), ALL).unwrap().items {
        assert_eq!(payment.amount, payment.allocated + payment.refunded + payment.unallocated);
        *unallocated.entry((payment.partner_id, payment.currency)).or_default() -= payment.unallocated;
    }
    let balance = |account| -> Sums {
        let filter = AccountFilter { account: Some(account), ..AccountFilter::default() };
        let items = list_balances(&h.rows, &filter, ALL).unwrap().items;
        items.into_iter().map(|balance| ((balance.partner_id, balance.currency), balance.amount)).collect()
    };
    let mut owed = balance(Account::Receivable);
    assert_eq!(owed, due);
    assert_eq!(balance(Account::Unallocated), unallocated);
    for (of, sum) in unallocated {
        *owed.entry(of).or_default() += sum;
    }
    for ((partner_id, currency), owed) in owed {
        let filter = StatementFilter { partner_id, currency: Some(currency), from: None, until: None };
        let last = list_statement(&h.rows, &filter, ALL).unwrap().items.pop();
        assert_eq!(last.map(|line| line.balance), Some(owed));
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rows_do_not_depend_on_the_interleaving(
        lines in lines(),
        steps in steps(),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 40),
        stop in any::<prop::sample::Index>(),
    ) {
        let history = play_with(lines, steps);
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
            prop_assert_eq!(same.totals.total(), c.total);
        }
    }

    #[test]
    fn the_books_balance(lines in lines(), steps in steps()) {
        let h = play_with(lines, steps);
        for trial in trial_balance(&h.rows).unwrap() {
            prop_assert_eq!(trial.difference, Decimal::ZERO);
        }
        // What is on the tax accounts is the tax of the lines, on top and contained, but for credit notes; nothing is unbilled but what no invoice carries.
        let all = list_charges(&h.rows, &ChargeFilter::default(), ALL).unwrap().items;
        let unbilled = ChargeFilter { unbilled: true, ..ChargeFilter::default() };
        let unbilled = list_charges(&h.rows, &unbilled, ALL).unwrap().items;
        for (account, lines, amount) in [
            (Account::Tax, &all, (|line| -line.tax_amount() - line.tax_included()) as fn(&Charged) -> Decimal),
            (Account::Unbilled, &unbilled, |line| line.total()),
        ] {
            let mut expected: BTreeMap<_, Decimal> = BTreeMap::new();
            for charge in lines {
                *expected.entry((charge.line.partner_id.clone(), charge.line.currency)).or_default() += amount(&charge.line);
            }
            // A credit note takes the tax of its invoice back, and the one that bills it again has its own.
            for invoice in list_invoices(&h.rows, None, ALL).unwrap().items.iter().filter(|_| account == Account::Tax) {
                let tax = invoice.totals.tax + invoice.totals.tax_included;
                let owner = expected.entry((invoice.partner_id.clone(), invoice.currency)).or_default();
                *owner += if invoice.settlement.cancelled_by.is_some() { tax } else { Decimal::ZERO };
                *owner -= if invoice.settlement.rebills.is_some() { tax } else { Decimal::ZERO };
            }
            let filter = AccountFilter { account: Some(account), ..AccountFilter::default() };
            for balance in list_balances(&h.rows, &filter, ALL).unwrap().items {
                let owner = (balance.partner_id, balance.currency);
                prop_assert_eq!(balance.amount, expected.remove(&owner).unwrap_or_default(), "{}", account);
            }
            prop_assert!(expected.values().all(Decimal::is_zero), "{}: {:?}", account, expected);
        }
        // The entries of each commit balance by currency, too.
        let mut commits: BTreeMap<_, Decimal> = BTreeMap::new();
        let entries = list_entries(&h.rows, &AccountFilter::default(), ALL).unwrap();
        prop_assert!(entries.next.is_none());
        for entry in entries.items {
            *commits.entry((entry.position, entry.currency)).or_default() += entry.debit - entry.credit;
        }
        prop_assert!(commits.values().all(Decimal::is_zero));
        prop_assert!(invoices_agree_with_the_books(&h));
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
            // Sums S1, S3, S5 and S6 of billing-details.md 3.6.
            let sum = |amount: fn(&Charged) -> Decimal| invoice.lines.iter().map(|line| amount(&line.line)).sum::<Decimal>();
            let totals = invoice.totals;
            prop_assert_eq!(sum(Charged::subtotal), totals.license_charges + totals.usage_charges + totals.one_time_charges);
            prop_assert_eq!(sum(Charged::subtotal), totals.subtotal);
            prop_assert_eq!(sum(Charged::discount_amount), totals.discounts);
            prop_assert_eq!(sum(|line| line.subtotal().min(Decimal::ZERO)), totals.credits);
            prop_assert_eq!(sum(Charged::tax_amount), totals.tax);
            prop_assert_eq!(sum(Charged::tax_included), totals.tax_included);
            prop_assert_eq!(sum(Charged::total), invoice.total);
            prop_assert_eq!(invoice.other_credits(), Decimal::ZERO);
            for line in &invoice.lines {
                prop_assert!(invoice.period_start <= invoice.billing_period_start && invoice.billing_period_start <= line.line.charged_on && line.line.charged_on <= invoice.period_end);
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
