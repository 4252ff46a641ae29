use super::kit::*;
use crate::{
    Command, Event, Reason,
    charge::InvoiceFamily,
    command::RefuseCreditNote,
    partner::CreditNoteReason::{self, *},
    party::Address,
};

fn address() -> Address {
    let text = str::to_owned;
    Address {
        country: text("US"),
        line1: text("Two Way"),
        city: text("Redmond"),
        state: text("WA"),
        postal_code: text("98052"),
    }
}

/// Asks for and issues a credit note.
fn cancel(w: &mut World, invoice: &str, reason: CreditNoteReason) {
    w.run(ask_note(invoice, reason)).unwrap();
    w.run(issue_note(invoice)).unwrap();
}

#[test]
fn a_credit_note_mirrors_the_invoice_and_frees_what_paid_it() {
    let mut w = World::new("US", "USD");
    let credit = w.license("-20.00");
    let invoice = w.one_time("100.00", "8.50");
    w.run(pay("a", "50.00", "USD", Some(&invoice))).unwrap();
    assert_eq!((w.due(&credit).as_str(), w.due(&invoice).as_str()), ("0.00", "38.50"));
    cancel(&mut w, &invoice, AddressCorrection);
    assert_eq!(w.names(), ["PaymentReleased", "CreditReleased", "CreditNoteIssued"]);
    let Some(Event::CreditNoteIssued(note)) = w.last.last() else { panic!("{:?}", w.last) };
    assert_eq!(note.credit_note_number.as_str(), "p-C-USD-000001");
    assert_eq!(
        (note.total.to_string(), note.totals.subtotal, note.totals.tax),
        ("-108.50".into(), amount("-100"), amount("-8.5"))
    );
    assert_eq!((note.line_count, note.lines_digest.as_slice()), (1, [7; 32].as_slice()));
    let left = [w.due(&credit), w.due(&invoice), w.unallocated("a")];
    assert_eq!(left, ["-20.00", "0.00", "50.00"]);
    assert_eq!(w.refused(allocate("a", &invoice, "1.00")), (Reason::InvoiceNotOpen, "invoice_number".into()));

    // Billed again for the same period, under the next number.
    assert_eq!(
        w.refused(Command::RebillInvoice(rebill(&invoice, ""))),
        (Reason::RequiredFieldMissing, "bill_to".into())
    );
    let mut command = rebill(&invoice, "");
    command.bill_to = Some(address());
    w.run(Command::RebillInvoice(command.clone())).unwrap();
    let [Event::InvoiceRebilled(e)] = w.last.as_slice() else { panic!("{:?}", w.last) };
    assert_eq!((e.rebills.as_str(), e.invoice.invoice_number.as_str()), (invoice.as_str(), "p-O-USD-000002"));
    assert_eq!((e.invoice.total.to_string(), e.bill_to.clone()), ("108.50".into(), Some(address())));
    assert_eq!(e.invoice.due_date, day("2018-03-02"), "60 days from today");
    assert_eq!(w.refused(Command::RebillInvoice(command)), (Reason::InvoiceAlreadyRebilled, "invoice_number".into()));
    // The next invoice of the series follows in number and period.
    assert_eq!(w.one_time("1.00", "0.00"), "p-O-USD-000003");
    w.run(allocate("a", "p-O-USD-000002", "50.00")).unwrap();
    assert_eq!(w.due("p-O-USD-000002"), "58.50");
}

#[test]
fn no_document_is_dated_before_the_invoice_that_it_is_about() {
    for (today, date, due) in [("2018-02-03", "2018-02-08", "2018-04-09"), ("2018-02-20", "2018-02-20", "2018-04-21")] {
        let mut w = World::new("US", "USD");
        // Issued on the 1st, dated the 8th.
        w.today = day("2018-02-08");
        let invoice = w.one_time("100.00", "8.50");
        w.today = day(today);
        cancel(&mut w, &invoice, OtherRefund);
        let Some(Event::CreditNoteIssued(note)) = w.last.last() else { panic!("{:?}", w.last) };
        assert_eq!(note.issued_on, day(date), "on {today}");
        w.run(Command::RebillInvoice(rebill(&invoice, "1.00"))).unwrap();
        let [Event::InvoiceRebilled(e)] = w.last.as_slice() else { panic!("{:?}", w.last) };
        assert_eq!((e.invoice.invoice_date, e.invoice.due_date), (day(date), day(due)), "on {today}");
    }
}

#[test]
fn only_one_time_invoices_once_and_for_a_reason() {
    let mut w = World::new("DE", "EUR");
    let license = w.license("100.00");
    let invoice = w.one_time("100.00", "19.00");
    let family = (Reason::CreditNoteNotSupportedForFamily, "invoice_number".to_owned());
    assert_eq!(w.refused(ask_note(&license, AddressCorrection)), family);
    assert_eq!(w.refused(issue_note(&license)), family);
    assert_eq!(w.refused(ask_note("p-O-USD-000009", AddressCorrection)).0, Reason::InvoiceNotFound);
    assert_eq!(w.refused(issue_note(&invoice)), (Reason::CreditNoteNotRequested, "invoice_number".into()));
    assert_eq!(w.refused(ask_note(&invoice, LateTaxId)), (Reason::CreditReasonInvalid, "reason".into()), "C16");
    w.run(ask_note(&invoice, TaxRefund)).unwrap();
    assert_eq!(w.refused(ask_note(&invoice, TaxRefund)).0, Reason::CreditNoteAlreadyRequested);
    let refuse = RefuseCreditNote {
        partner_id: partner_id(),
        invoice_number: number(&invoice),
        comments: "no refund was granted".into(),
    };
    w.run(Command::RefuseCreditNote(refuse)).unwrap();
    assert_eq!(w.refused(issue_note(&invoice)).0, Reason::CreditNoteNotRequested);
    let not_issued = (Reason::CreditNoteNotIssued, "invoice_number".to_owned());
    assert_eq!(w.refused(Command::RebillInvoice(rebill(&invoice, ""))), not_issued);
    cancel(&mut w, &invoice, TaxRefund);
    assert_eq!(w.refused(ask_note(&invoice, TaxRefund)).0, Reason::InvoiceAlreadyCancelled);
    assert_eq!(w.refused(issue_note(&invoice)).0, Reason::InvoiceAlreadyCancelled);

    let mut outside = World::new("US", "USD");
    let invoice = outside.one_time("100.00", "19.00");
    outside.run(ask_note(&invoice, LateTaxId)).unwrap();
}

#[test]
fn a_refund_is_taken_off_what_it_is_for() {
    let cases: [(CreditNoteReason, &str, Result<&str, Reason>); 6] = [
        (TaxRefund, "8.50", Ok("100.00")),
        (TaxRefund, "8.51", Err(Reason::InvalidValue)),
        (OtherRefund, "10.00", Ok("98.50")),
        (OtherRefund, "100.01", Err(Reason::InvalidValue)),
        (OtherRefund, "0.001", Err(Reason::InvalidValue)),
        (OtherRefund, "-1.00", Err(Reason::InvalidValue)),
    ];
    for (reason, refund, expected) in cases {
        let mut w = World::new("US", "USD");
        let invoice = w.one_time("100.00", "8.50");
        cancel(&mut w, &invoice, reason);
        match w.run(Command::RebillInvoice(rebill(&invoice, refund))) {
            Ok(()) => assert_eq!(Ok(w.due("p-O-USD-000002").as_str()), expected, "{reason:?} {refund}"),
            Err(refused) => {
                assert_eq!(Err(refused.reason), expected, "{reason:?} {refund}");
                assert_eq!(refused.metadata["field"], "refund");
            }
        }
    }
}

#[test]
fn numbers_are_gapless_for_each_currency() {
    let mut w = World::new("US", "USD");
    let mut numbers = Vec::new();
    for currency in ["USD", "EUR", "USD"] {
        let invoice = w.invoice(InvoiceFamily::OneTimeRecurring, currency, "1.00", "0.00");
        cancel(&mut w, &invoice, OtherRefund);
        let Some(Event::CreditNoteIssued(note)) = w.last.last() else { panic!("{:?}", w.last) };
        numbers.push(note.credit_note_number.to_string());
    }
    assert_eq!(numbers, ["p-C-USD-000001", "p-C-EUR-000001", "p-C-USD-000002"]);
}

#[test]
fn a_negative_invoice_is_cancelled_only_while_its_credit_is_whole() {
    let mut w = World::new("US", "USD");
    let credit = w.one_time("-20.00", "0.00");
    let invoice = w.license("5.00");
    w.run(use_credit(&credit, &invoice, "5.00")).unwrap();
    w.run(ask_note(&credit, OtherRefund)).unwrap();
    assert_eq!(w.refused(issue_note(&credit)), (Reason::InvoiceNotOpen, "invoice_number".into()));
    let whole = w.one_time("-7.00", "0.00");
    cancel(&mut w, &whole, OtherRefund);
    assert_eq!((w.due(&credit).as_str(), w.due(&whole).as_str()), ("-15.00", "0.00"));
}
