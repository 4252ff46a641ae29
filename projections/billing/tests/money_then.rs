//! Payments and credit notes as they were: at every commit what a replay up to it gives, and on a day what had come by then.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{ALL, History, amount, currency, day, fold, partner_id};
use subledger_billing::{PaymentFilter, get_credit_note, list_credit_notes, list_payments};
use subledger_domain::{
    Command,
    charge::InvoiceFamily::OneTimeRecurring,
    command::{
        AllocatePayment, IssueCreditNote, RebillInvoice, ReceivePayment, RefundPayment, RefuseCreditNote,
        RequestCreditNote,
    },
    ids::{CreditNoteNumber, InvoiceNumber, PaymentId},
    partner::CreditNoteReason,
};
use subledger_fold::{
    as_of::{AsOf, Horizon, RecordedBy},
    memory::Memory,
};

const INVOICE: &str = "p1-O-USD-000001";

/// An invoice of 80.00 of January, and what becomes of it: day and command of each commit.
fn story() -> History {
    let mut h = History::new(1);
    h.register("p1", "USD", 15, "2018-01-01");
    h.charge_in(0, "p1", OneTimeRecurring, "USD", "2018-01-03", "80.00");
    h.close("2018-01-31");
    h.issue();
    let (partner_id, invoice_number) = (partner_id("p1"), InvoiceNumber::new(INVOICE).unwrap());
    let payment_id = PaymentId::new("pay-1").unwrap();
    let request = Command::RequestCreditNote(RequestCreditNote {
        partner_id: partner_id.clone(),
        invoice_number: invoice_number.clone(),
        reason: CreditNoteReason::OtherRefund,
        note: "wrong address".into(),
    });
    let commands = [
        (
            "2018-02-12",
            Command::ReceivePayment(ReceivePayment {
                partner_id: partner_id.clone(),
                payment_id: payment_id.clone(),
                amount: amount("70.00"),
                currency: currency("USD"),
                value_date: day("2018-02-10"),
                reference: "transfer".into(),
                invoice_number: None,
            }),
        ),
        (
            "2018-02-13",
            Command::AllocatePayment(AllocatePayment {
                partner_id: partner_id.clone(),
                payment_id: payment_id.clone(),
                invoice_number: invoice_number.clone(),
                amount: amount("50.00"),
            }),
        ),
        (
            "2018-02-14",
            Command::RefundPayment(RefundPayment {
                partner_id: partner_id.clone(),
                payment_id,
                amount: amount("5.00"),
                reference: String::new(),
            }),
        ),
        ("2018-02-15", request.clone()),
        (
            "2018-02-16",
            Command::RefuseCreditNote(RefuseCreditNote {
                partner_id: partner_id.clone(),
                invoice_number: invoice_number.clone(),
                comments: "which address?".into(),
            }),
        ),
        ("2018-02-17", request),
        (
            "2018-02-18",
            Command::IssueCreditNote(IssueCreditNote {
                partner_id: partner_id.clone(),
                invoice_number: invoice_number.clone(),
            }),
        ),
        (
            "2018-02-19",
            Command::RebillInvoice(RebillInvoice {
                partner_id,
                invoice_number,
                refund: None,
                purchase_order: None,
                bill_to: None,
            }),
        ),
    ];
    for (on, command) in commands {
        h.partner_command(on, &command).unwrap();
    }
    h
}

/// Payments, credit notes, and the lines of the one of that number.
fn seen(rows: &Memory, horizon: &Horizon) -> Vec<String> {
    let number = CreditNoteNumber::new("p1-C-USD-000001").unwrap();
    let payments = list_payments(rows, &PaymentFilter::default(), horizon, ALL).unwrap().items;
    let notes = list_credit_notes(rows, None, horizon, ALL).unwrap().items;
    let issued = get_credit_note(rows, &number, horizon).unwrap();
    let payments = payments
        .iter()
        .map(|it| format!("{} = {} + {} + {}", it.payment_id, it.allocated, it.refunded, it.unallocated));
    let notes = notes.iter().map(|it| {
        let rebilled = it.rebilled_as.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{} {:?} {rebilled}", it.state.name(), it.comments)
    });
    payments.chain(notes).chain(issued.map(|(_, lines)| format!("{} lines", lines.len()))).collect()
}

#[test]
fn every_commit_is_looked_back_at_as_a_replay_has_it() {
    let h = story();
    let mut differ = std::collections::BTreeSet::new();
    for at in 1..=h.commits.len() {
        let known = &h.commits[..at];
        let mut replayed = Memory::default();
        fold(&mut replayed, known);
        let positions = known.iter().map(|(position, _)| *position).collect();
        let as_of = AsOf { effective: None, recorded: Some(RecordedBy::Positions(positions)) };
        let then = seen(&h.rows, &Horizon::of(&h.rows, &as_of).unwrap());
        assert_eq!(then, seen(&replayed, &Horizon::default()), "after {at} commits");
        differ.insert(then);
    }
    // None yet, received, allocated, refunded; asked for, refused, asked for as at first, issued, billed again.
    assert_eq!(differ.len(), 8, "{differ:#?}");
}

#[test]
fn a_day_has_what_had_come_by_its_end() {
    let h = story();
    let on = |text: &str| {
        let as_of = AsOf { effective: Some(day(text)), recorded: None };
        seen(&h.rows, &Horizon::of(&h.rows, &as_of).unwrap())
    };
    assert!(on("2018-02-09").is_empty());
    // Recorded on the 12th, but it counts from the 10th.
    assert_eq!(on("2018-02-10"), ["pay-1 = 0.00 + 0.00 + 70.00"]);
    assert_eq!(on("2018-02-13"), ["pay-1 = 50.00 + 0.00 + 20.00"]);
    assert_eq!(on("2018-02-14"), ["pay-1 = 50.00 + 5.00 + 15.00"]);
    assert_eq!(on("2018-02-15")[1..], ["requested \"\" "]);
    assert_eq!(on("2018-02-16")[1..], ["refused \"which address?\" "]);
    assert_eq!(on("2018-02-18"), ["pay-1 = 0.00 + 5.00 + 65.00", "issued \"\" ", "1 lines"]);
    assert_eq!(on("2018-02-19")[1..], ["rebilled \"\" p1-O-USD-000002", "1 lines"]);
}
