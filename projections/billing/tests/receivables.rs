//! Payments, withholding and credit notes in the read model.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{ALL, History, amount, currency, day, partner_id};
use rust_decimal::Decimal;
use subledger_billing::{
    AccountFilter, Ageing, PaymentFilter, StatementFilter, Verification, explain_charge, get_credit_note, get_invoice,
    invoice_selection, list_ageing, list_balances, list_charges, list_credit_notes, list_invoices, list_payments,
    list_selected, list_statement, list_withholdings, trial_balance, verify_invoice,
};
use subledger_domain::{
    Command, Event,
    charge::InvoiceFamily::OneTimeRecurring,
    command::{
        AllocatePayment, ApproveWithholding, IssueCreditNote, RebillInvoice, ReceivePayment, RefundPayment,
        RequestCreditNote, RequestWithholding,
    },
    event::{SlaClaimApproved, SlaClaimSubmitted},
    ids::{ClaimId, CreditNoteNumber, CustomerId, InvoiceNumber, PaymentId, WithholdingId},
    partner::{Certificate, CreditNoteReason},
    position::Family,
};
use subledger_fold::{
    as_of::{AsOf, Horizon},
    page::PageRequest,
};

fn number(text: &str) -> InvoiceNumber {
    InvoiceNumber::new(text).unwrap()
}

fn pay(id: &str, cost: &str, on: &str, invoice: Option<&str>) -> Command {
    Command::ReceivePayment(ReceivePayment {
        partner_id: partner_id("p1"),
        payment_id: PaymentId::new(id).unwrap(),
        amount: amount(cost),
        currency: currency("USD"),
        value_date: day(on),
        reference: "transfer".into(),
        invoice_number: invoice.map(number),
    })
}

fn allocate(id: &str, invoice: &str, cost: &str) -> Command {
    Command::AllocatePayment(AllocatePayment {
        partner_id: partner_id("p1"),
        payment_id: PaymentId::new(id).unwrap(),
        invoice_number: number(invoice),
        amount: amount(cost),
    })
}

fn withhold(h: &mut History, on: &str, id: &str, invoice: &str, cost: &str) {
    let (partner_id, request_id) = (partner_id("p1"), WithholdingId::new(id).unwrap());
    let certificate = Certificate { name: "wht.pdf".into(), sha256: "0a".repeat(32), line_amount: amount(cost) };
    let request = RequestWithholding {
        partner_id: partner_id.clone(),
        request_id: request_id.clone(),
        invoice_number: number(invoice),
        amount: amount(cost),
        currency: currency("USD"),
        certificate: Some(certificate),
        contact_email: "tax@partner.example".into(),
    };
    h.partner_command(on, &Command::RequestWithholding(request)).unwrap();
    h.partner_command(on, &Command::ApproveWithholding(ApproveWithholding { partner_id, request_id })).unwrap();
}

fn cancel(h: &mut History, on: &str, invoice: &str, reason: CreditNoteReason) {
    let (partner_id, invoice_number, note) = (partner_id("p1"), number(invoice), String::new());
    let request =
        RequestCreditNote { partner_id: partner_id.clone(), invoice_number: invoice_number.clone(), reason, note };
    h.partner_command(on, &Command::RequestCreditNote(request)).unwrap();
    h.partner_command(on, &Command::IssueCreditNote(IssueCreditNote { partner_id, invoice_number })).unwrap();
}

/// State, paid, withheld, credited and due of an invoice.
fn settlement(h: &History, invoice: &str) -> String {
    let s = get_invoice(&h.rows, &number(invoice)).unwrap().unwrap().settlement;
    format!("{}: {} {} {} -> {}", s.state.name(), s.paid, s.withheld, s.credited, s.due)
}

fn balances(h: &History) -> Vec<String> {
    let filter = AccountFilter { partner_id: Some(partner_id("p1")), ..AccountFilter::default() };
    let items = list_balances(&h.rows, &filter, ALL).unwrap().items;
    assert!(trial_balance(&h.rows).unwrap().iter().all(|trial| trial.difference.is_zero()));
    items.iter().map(|b| format!("{} {} {}", b.currency, b.account, b.amount)).collect()
}

fn statement(h: &History, from: Option<&str>) -> Vec<String> {
    let filter = StatementFilter { partner_id: partner_id("p1"), currency: None, from: from.map(day), until: None };
    let lines = list_statement(&h.rows, &filter, ALL).unwrap().items;
    let line = |l: subledger_billing::StatementLine| {
        format!("{} {} {} {} = {}", l.booked_on, l.kind.name(), l.reference, l.amount, l.balance)
    };
    lines.into_iter().map(line).collect()
}

/// An invoice of 345.00, dated 15 January and due on 16 March.
fn history() -> History {
    let mut h = History::new(1);
    h.register("p1", "USD", 15, "2018-01-01");
    h.charge("p1", "2018-01-02", "345.00");
    h.close("2018-01-15");
    h.issue();
    h
}

/// The ageing of the first partner.
fn aged(h: &History, on: &str) -> Ageing {
    let as_of = AsOf { effective: Some(day(on)), recorded: None };
    let horizon = Horizon::of(&h.rows, &as_of).unwrap();
    list_ageing(&h.rows, None, (day(on), &horizon), ALL).unwrap().items.remove(0)
}

const FIRST: &str = "p1-L-USD-000001";

#[test]
fn the_withholding_form_of_the_source() {
    let mut h = history();
    assert_eq!(settlement(&h, FIRST), "open: 0.00 0.00 0.00 -> 345.00");
    assert_eq!(get_invoice(&h.rows, &number(FIRST)).unwrap().unwrap().due_date, day("2018-03-16"), "W2");
    h.partner_command("2018-01-20", &pay("pay-1", "300.00", "2018-01-19", Some(FIRST))).unwrap();
    assert_eq!(settlement(&h, FIRST), "part paid: 300.00 0.00 0.00 -> 45.00", "S6");
    withhold(&mut h, "2018-01-25", "w-1", FIRST, "45.00");
    assert_eq!(settlement(&h, FIRST), "paid: 300.00 45.00 0.00 -> 0.00");
    let expected = [
        "USD receivable 0.00",
        "USD unbilled 0.00",
        "USD revenue -345.00",
        "USD unallocated 0.00",
        "USD payments 300.00",
        "USD withholding 45.00",
    ];
    assert_eq!(balances(&h), expected);
    // The next invoice prints the credit as a memo.
    h.charge("p1", "2018-02-01", "100.00");
    h.close("2018-02-15");
    h.issue();
    let next = get_invoice(&h.rows, &number("p1-L-USD-000002")).unwrap().unwrap();
    assert_eq!((next.total, next.withholding_credits[0].written_off), (amount("100"), amount("45")));
    let request = list_withholdings(&h.rows, None, ALL).unwrap().items.remove(0);
    assert_eq!((request.state.name(), request.credited.len()), ("executed", 1));
    let expected = [
        "2018-01-15 invoice p1-L-USD-000001 345.00 = 345.00",
        "2018-01-19 payment pay-1 -300.00 = 45.00",
        "2018-01-25 withholding w-1 -45.00 = 0.00",
        "2018-02-15 invoice p1-L-USD-000002 100.00 = 100.00",
    ];
    assert_eq!(statement(&h, None), expected);
    assert_eq!(statement(&h, Some("2018-01-20")), expected[2..]);
}

#[test]
fn withholding_of_a_paid_invoice_lowers_the_next() {
    let mut h = history();
    h.partner_command("2018-01-20", &pay("pay-1", "345.00", "2018-01-20", Some(FIRST))).unwrap();
    withhold(&mut h, "2018-01-25", "w-1", FIRST, "60.00");
    h.charge("p1", "2018-02-01", "100.00");
    h.close("2018-02-15");
    h.issue();
    let next = get_invoice(&h.rows, &number("p1-L-USD-000002")).unwrap().unwrap();
    assert_eq!((next.total, next.totals.subtotal), (amount("40.00"), amount("100")));
    assert_eq!(verify_invoice(&h.rows, &next.invoice_number).unwrap(), Verification::Matches);
    let expected = [
        "USD receivable 40.00",
        "USD unbilled 0.00",
        "USD revenue -445.00",
        "USD unallocated 0.00",
        "USD payments 345.00",
        "USD withholding 60.00",
    ];
    assert_eq!(balances(&h), expected);
}

#[test]
fn a_credit_note_shows_the_lines_it_takes_back_and_the_rebill_shows_them_again() {
    let mut h = history();
    h.charge_in(0, "p1", OneTimeRecurring, "USD", "2018-01-03", "80.00");
    h.charge_in(0, "p1", OneTimeRecurring, "USD", "2018-01-04", "-10.00");
    h.close("2018-01-31");
    h.issue();
    let invoice = "p1-O-USD-000001";
    h.partner_command("2018-02-01", &pay("pay-1", "50.00", "2018-02-01", Some(invoice))).unwrap();
    let before = balances(&h);
    cancel(&mut h, "2018-02-02", invoice, CreditNoteReason::OtherRefund);
    assert_eq!(settlement(&h, invoice), "cancelled: 0.00 0.00 70.00 -> 0.00");
    let payment = list_payments(&h.rows, &PaymentFilter::default(), &Horizon::default(), ALL).unwrap().items.remove(0);
    assert_eq!((payment.allocated, payment.unallocated), (amount("0"), amount("50")));
    let number_of_note = CreditNoteNumber::new("p1-C-USD-000001").unwrap();
    let (note, lines) = get_credit_note(&h.rows, &number_of_note, &Horizon::default()).unwrap().unwrap();
    let amounts: Vec<_> = lines.iter().map(|line| line.line.amount.to_string()).collect();
    assert_eq!((amounts, note.issued.as_ref().unwrap().total), (vec!["-80.00".into(), "10.00".into()], amount("-70")));
    let refund = Some(amount("5.00"));
    let rebill = RebillInvoice {
        partner_id: partner_id("p1"),
        invoice_number: number(invoice),
        refund,
        purchase_order: Some("PO 17".into()),
        bill_to: None,
    };
    h.partner_command("2018-02-03", &Command::RebillInvoice(rebill)).unwrap();
    let again = get_invoice(&h.rows, &number("p1-O-USD-000002")).unwrap().unwrap();
    assert_eq!((again.total, again.lines.len(), again.period_end), (amount("65.00"), 3, day("2018-01-31")));
    assert_eq!(again.settlement.rebills, Some(number(invoice)));
    // The refund is a line, so the sums of the lines are those of the invoice and of its file.
    let subtotal = again.lines.iter().map(|charge| charge.line.subtotal()).sum::<Decimal>();
    assert_eq!((subtotal, again.totals.subtotal, again.totals.credits), (amount("65"), amount("65"), amount("-15")));
    assert_eq!((again.totals.one_time_charges, again.line_count), (amount("65"), 3));
    let line = &again.lines[2].line;
    assert_eq!(
        (line.charge_type.label(), line.amount, line.order_id.as_str()),
        ("Line-item offset", amount("-5"), "p1-C-USD-000001")
    );
    let explained = explain_charge(&h.rows, &line.line_id).unwrap().unwrap();
    assert_eq!(
        (explained.charge.line.amount, explained.arithmetic.total.last().unwrap().value),
        (amount("-5"), amount("-5"))
    );
    assert_eq!(explained.charge.position.partition.family, Family::Partners);
    let selection = invoice_selection(&h.rows, &again.invoice_number).unwrap().unwrap();
    let mut pages = Vec::new();
    let mut token = Some(String::new());
    while let Some(from) = token {
        let page = list_selected(&h.rows, &selection, PageRequest { size: 1, token: &from }).unwrap();
        pages.extend(page.items.iter().map(|charge| charge.line.amount.to_string()));
        token = page.next;
    }
    assert_eq!(pages, ["80.00", "-10.00", "-5.00"]);
    let old = get_invoice(&h.rows, &number(invoice)).unwrap().unwrap();
    assert_eq!((old.lines.len(), old.line_count, old.totals.credits), (2, 2, amount("-10")));
    assert_eq!(again.settlement.purchase_order.as_deref(), Some("PO 17"));
    for number in [invoice, "p1-O-USD-000002"].map(number) {
        assert_eq!(verify_invoice(&h.rows, &number).unwrap(), Verification::Matches, "{number}");
    }
    let carried = list_charges(&h.rows, &subledger_billing::ChargeFilter::default(), ALL).unwrap().items;
    assert!(
        carried
            .iter()
            .filter(|c| c.line.invoice_family == OneTimeRecurring)
            .all(|c| c.invoice_number == Some(again.invoice_number.clone()))
    );
    let note = list_credit_notes(&h.rows, Some(&partner_id("p1")), &Horizon::default(), ALL).unwrap().items.remove(0);
    assert_eq!((note.state.name(), note.rebilled_as), ("rebilled", Some(again.invoice_number)));
    // Only the refund is gone, and the payment is free.
    let after = balances(&h);
    let expected = [
        ("USD receivable 365.00", "USD receivable 410.00"),
        ("USD revenue -425.00", "USD revenue -420.00"),
        ("USD unallocated 0.00", "USD unallocated -50.00"),
    ];
    for (was, is) in expected {
        assert!(before.contains(&was.to_owned()) && after.contains(&is.to_owned()), "{before:?} {after:?}");
    }
}

#[test]
fn ageing_of_any_day() {
    let mut h = history();
    h.charge("p1", "2018-02-01", "100.00");
    h.charge("p1", "2018-03-01", "-20.00");
    for date in ["2018-02-15", "2018-03-15"] {
        h.close(date);
        h.issue();
    }
    h.partner_command("2018-04-20", &pay("pay-1", "400.00", "2018-04-19", Some(FIRST))).unwrap();
    let refund = RefundPayment {
        partner_id: partner_id("p1"),
        payment_id: PaymentId::new("pay-1").unwrap(),
        amount: amount("15.00"),
        reference: String::new(),
    };
    h.partner_command("2018-04-21", &Command::RefundPayment(refund)).unwrap();
    let ageing = |as_of: &str| {
        let a = aged(&h, as_of);
        let buckets: Vec<_> = a.buckets.iter().map(Decimal::to_string).collect();
        format!("{} | {} | {} | {}", buckets.join(" "), a.due, a.open_credits, a.unallocated)
    };
    for (as_of, expected) in [
        ("2018-01-14", "0.00 0.00 0.00 0.00 0.00 | 0.00 | 0.00 | 0.00"),
        ("2018-03-16", "445.00 0.00 0.00 0.00 0.00 | 445.00 | 20.00 | 0.00"),
        ("2018-03-17", "100.00 345.00 0.00 0.00 0.00 | 445.00 | 20.00 | 0.00"),
        ("2018-04-15", "100.00 345.00 0.00 0.00 0.00 | 445.00 | 20.00 | 0.00"),
        // Due on 16 April, so a day overdue; the first one 32 days.
        ("2018-04-17", "0.00 100.00 345.00 0.00 0.00 | 445.00 | 20.00 | 0.00"),
        ("2018-04-20", "0.00 100.00 0.00 0.00 0.00 | 100.00 | 20.00 | 55.00"),
        ("2018-06-15", "0.00 0.00 100.00 0.00 0.00 | 100.00 | 20.00 | 40.00"),
        ("2018-06-16", "0.00 0.00 0.00 100.00 0.00 | 100.00 | 20.00 | 40.00"),
        ("2018-07-16", "0.00 0.00 0.00 0.00 100.00 | 100.00 | 20.00 | 40.00"),
    ] {
        assert_eq!(ageing(as_of), expected, "{as_of}");
    }
}

#[test]
fn reviews_are_due_when_something_becomes_overdue() {
    let mut h = history();
    for (date, reviews) in [
        ("2018-03-16", vec![]),
        ("2018-03-17", vec!["std:p1:2018-03-17"]),
        ("2018-05-15", vec![]),
        ("2018-05-16", vec!["std:p1:2018-05-16"]),
        ("2018-12-31", vec![]),
    ] {
        h.close(date);
        assert_eq!(h.review(), reviews, "{date}");
        assert_eq!(h.review(), Vec::<String>::new(), "it is done");
    }
    let standing = |h: &History| aged(h, "2018-12-31").standing.name();
    assert_eq!(standing(&h), "suspended");
    h.partner_command("2019-01-01", &pay("pay-1", "345.00", "2019-01-01", None)).unwrap();
    assert_eq!(standing(&h), "suspended", "nothing is paid by it yet");
    h.partner_command("2019-01-02", &allocate("pay-1", FIRST, "345.00")).unwrap();
    assert_eq!(standing(&h), "good");
    let unallocated = PaymentFilter { unallocated: true, ..PaymentFilter::default() };
    assert_eq!(list_payments(&h.rows, &unallocated, &Horizon::default(), ALL).unwrap().items, []);
    assert_eq!(list_invoices(&h.rows, None, ALL).unwrap().items[0].settlement.state.name(), "paid");
}

#[test]
fn claims_are_listed_by_partner() {
    let mut h = History::new(1);
    let (customer_id, claim_id) = (CustomerId::new("c-1").unwrap(), ClaimId::new("claim").unwrap());
    let submitted = SlaClaimSubmitted {
        customer_id: customer_id.clone(),
        partner_id: partner_id("p1"),
        claim_id: claim_id.clone(),
        incident_id: "EX1".into(),
        incident_date: day("2018-02-15"),
        service_code: "EX".into(),
        service: Some("Exchange Online".into()),
        submitted_on: day("2018-02-20"),
        deadline: day("2018-03-31"),
    };
    let (partner, credits, approved_on) = (partner_id("p1"), Vec::new(), day("2018-02-25"));
    let approved = SlaClaimApproved { customer_id, partner_id: partner.clone(), claim_id, credits, approved_on };
    h.append(Family::Customers, 0, vec![Event::from(submitted)]);
    h.append(Family::Customers, 0, vec![Event::from(approved)]);
    let claims = subledger_billing::list_sla_claims(&h.rows, Some(&partner), ALL).unwrap().items;
    assert_eq!((claims.len(), claims[0].state.name(), claims[0].decided_on), (1, "approved", Some(approved_on)));
    assert_eq!(subledger_billing::list_sla_claims(&h.rows, Some(&partner_id("p2")), ALL).unwrap().items, []);
}
