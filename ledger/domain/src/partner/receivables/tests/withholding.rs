use super::kit::*;
use crate::{Command, Event, Reason, command::RequestWithholding, partner::CreditNoteReason};

fn ask(command: RequestWithholding) -> Command {
    Command::RequestWithholding(command)
}

#[test]
fn the_form_of_the_source() {
    // W10: total 345, paid 300, due 45.
    let mut w = World::new("AR", "USD");
    let invoice = w.license("345.00");
    assert_eq!(
        w.refused(ask(ask_withholding("w", &invoice, "45.00"))),
        (Reason::InvoiceNotPaid, "invoice_number".into())
    );
    w.run(pay("a", "300.00", "USD", Some(&invoice))).unwrap();
    assert_eq!(w.due(&invoice), "45.00");
    let too_much = (Reason::WithholdingExceedsOpenAmount, "amount".to_owned());
    assert_eq!(w.refused(ask(ask_withholding("w", &invoice, "900.00"))), too_much);
    assert_eq!(w.refused(ask(ask_withholding("w", &invoice, "45.01"))), too_much);
    w.run(ask(ask_withholding("w", &invoice, "45.00"))).unwrap();
    w.run(approve("w")).unwrap();
    assert_eq!(w.due(&invoice), "0.00");
    // The next invoice prints it, without effect on its total (C20).
    w.license("100.00");
    let [Event::InvoiceIssued(next)] = w.last.as_slice() else { panic!("{:?}", w.last) };
    let memo = &next.withholding_credits[0];
    assert_eq!((next.total, memo.written_off, memo.credited), (amount("100"), amount("45"), amount("0")));
    assert_eq!(memo.invoice_number, number(&invoice));
    w.license("100.00");
    let [Event::InvoiceIssued(third)] = w.last.as_slice() else { panic!("{:?}", w.last) };
    assert_eq!(third.withholding_credits, [], "printed once");
}

#[test]
fn a_paid_invoice_is_credited_on_the_next_ones_down_to_zero() {
    let mut w = World::new("AR", "USD");
    let invoice = w.license("345.00");
    w.run(pay("a", "345.00", "USD", Some(&invoice))).unwrap();
    let too_much = (Reason::WithholdingExceedsInvoiceTotal, "amount".to_owned());
    assert_eq!(w.refused(ask(ask_withholding("w", &invoice, "345.01"))), too_much);
    w.run(ask(ask_withholding("w", &invoice, "60.00"))).unwrap();
    w.run(approve("w")).unwrap();
    let mut totals = Vec::new();
    for gross in ["-5.00", "40.00", "100.00", "100.00"] {
        let next = w.license(gross);
        let [Event::InvoiceIssued(e)] = w.last.as_slice() else { panic!("{:?}", w.last) };
        let credited: Vec<_> = e.withholding_credits.iter().map(|credit| credit.credited.to_string()).collect();
        assert_eq!(e.total.to_string(), w.due(&next));
        totals.push((e.total.to_string(), credited.join(" ")));
    }
    let expected = [("-5.00", ""), ("0.00", "40.00"), ("80.00", "20.00"), ("100.00", "")];
    assert_eq!(totals, expected.map(|(total, credited)| (total.to_owned(), credited.to_owned())));
    // What was carried to later invoices counts: 345 less 60 is the most that is left.
    assert_eq!(w.refused(ask(ask_withholding("w2", &invoice, "285.01"))), too_much);
    w.run(ask(ask_withholding("w2", &invoice, "285.00"))).unwrap();
}

#[test]
fn a_payment_between_request_and_approval_makes_the_rest_a_credit() {
    let mut w = World::new("AR", "USD");
    let invoice = w.license("100.00");
    w.run(pay("a", "80.00", "USD", Some(&invoice))).unwrap();
    w.run(ask(ask_withholding("w", &invoice, "20.00"))).unwrap();
    w.run(pay("b", "15.00", "USD", Some(&invoice))).unwrap();
    w.run(approve("w")).unwrap();
    let [Event::WithholdingApproved(e)] = w.last.as_slice() else { panic!("{:?}", w.last) };
    assert_eq!((e.written_off.to_string(), e.rest.to_string()), ("5.00".into(), "15.00".into()));
    assert_eq!(w.due(&invoice), "0.00");
}

#[test]
fn a_request_goes_back_and_forth() {
    let mut w = World::new("DE", "EUR");
    let invoice = w.license("100.00");
    w.run(pay("a", "100.00", "USD", Some(&invoice))).unwrap();
    w.run(ask(ask_withholding("w", &invoice, "10.00"))).unwrap();
    assert_eq!(w.refused(resubmit("w", "9.00")), (Reason::RequestNotEditable, "request_id".into()));
    let again = w.refused(ask(ask_withholding("w2", &invoice, "10.00")));
    assert_eq!(again, (Reason::RequestAlreadyOpenForInvoice, "invoice_number".into()));
    assert_eq!(
        w.refused(ask(ask_withholding("w", &invoice, "10.00"))),
        (Reason::RequestAlreadyExists, "request_id".into())
    );
    w.run(send_back("w")).unwrap();
    assert_eq!(w.refused(approve("w")), (Reason::RequestNotSubmitted, "request_id".into()));
    assert_eq!(w.refused(send_back("w")), (Reason::RequestNotSubmitted, "request_id".into()));
    w.run(resubmit("w", "9.00")).unwrap();
    w.run(send_back("w")).unwrap();
    // A new request takes the place of the one that was sent back.
    w.run(ask(ask_withholding("w3", &invoice, "8.00"))).unwrap();
    let [Event::WithholdingRequested(e)] = w.last.as_slice() else { panic!("{:?}", w.last) };
    assert_eq!((e.replaces.clone(), e.country.as_str()), (Some(request_id("w")), "DE"));
    assert_eq!(w.refused(resubmit("w", "9.00")).0, Reason::RequestNotEditable);
    w.run(approve("w3")).unwrap();
    assert_eq!(w.refused(approve("w3")).0, Reason::RequestNotSubmitted);
    assert_eq!(w.refused(approve("nothing")), (Reason::RequestNotFound, "request_id".into()));
}

type Change = fn(&mut RequestWithholding);

#[test]
fn certificates_and_fields_are_checked() {
    let mut w = World::new("AR", "USD");
    let invoice = w.license("100.00");
    w.run(pay("a", "50.00", "USD", Some(&invoice))).unwrap();
    let name =
        |name: &'static str| move |c: &mut RequestWithholding| c.certificate.as_mut().unwrap().name = name.into();
    let cases: [(Change, Reason, &str); 7] = [
        (|c| c.certificate = None, Reason::CertificateMissing, "certificate"),
        (|c| c.certificate.as_mut().unwrap().sha256.push('0'), Reason::InvalidValue, "certificate.sha256"),
        (|c| c.certificate.as_mut().unwrap().line_amount += amount("1"), Reason::CertificateAmountMismatch, "amount"),
        (|c| c.currency = crate::money::Currency::new("ARS").unwrap(), Reason::CurrencyMismatch, "currency"),
        (|c| c.invoice_number = number("q-L-USD-000001"), Reason::InvoiceNotFound, "invoice_number"),
        (|c| c.contact_email = "nobody".into(), Reason::InvalidValue, "contact_email"),
        (|c| c.amount = amount("0"), Reason::InvalidValue, "amount"),
    ];
    for (change, reason, field) in cases {
        let mut command = ask_withholding("w", &invoice, "10.00");
        change(&mut command);
        assert_eq!(w.refused(ask(command)), (reason, field.to_owned()));
    }
    for (file, reason) in [
        ("", Reason::CertificateMissing),
        ("wht", Reason::CertificateFormatInvalid),
        ("wht.docx", Reason::CertificateFormatInvalid),
        ("my wht.pdf", Reason::CertificateNameInvalid),
        ("../wht.pdf", Reason::CertificateNameInvalid),
        ("a.b.pdf", Reason::CertificateNameInvalid),
        (".pdf", Reason::CertificateNameInvalid),
    ] {
        let mut command = ask_withholding("w", &invoice, "10.00");
        name(file)(&mut command);
        assert_eq!(w.refused(ask(command)).0, reason, "{file}");
    }
    for file in ["WHT_1-a.PDF", "a.jpg", "a.JPEG", "a.png", "a.gif"] {
        let mut command = ask_withholding("w", &invoice, "10.00");
        name(file)(&mut command);
        w.run(ask(command)).unwrap();
        w = World::new("AR", "USD");
        w.license("100.00");
        w.run(pay("a", "50.00", "USD", Some(&invoice))).unwrap();
    }
}

#[test]
fn a_credit_note_gives_withholding_back_to_the_next_invoice() {
    let mut w = World::new("AR", "USD");
    let invoice = w.one_time("300.00", "45.00");
    w.run(pay("a", "300.00", "USD", Some(&invoice))).unwrap();
    w.run(ask(ask_withholding("w", &invoice, "45.00"))).unwrap();
    w.run(approve("w")).unwrap();
    w.run(ask_note(&invoice, CreditNoteReason::OtherRefund)).unwrap();
    w.run(issue_note(&invoice)).unwrap();
    assert_eq!(w.names(), ["PaymentReleased", "CreditNoteIssued"]);
    assert_eq!((w.due(&invoice).as_str(), w.unallocated("a").as_str()), ("0.00", "300.00"));
    w.run(Command::RebillInvoice(rebill(&invoice, "100.00"))).unwrap();
    let [Event::InvoiceRebilled(e)] = w.last.as_slice() else { panic!("{:?}", w.last) };
    assert_eq!((e.invoice.totals.subtotal, e.invoice.totals.tax), (amount("200"), amount("45")));
    assert_eq!(
        (e.invoice.total.to_string(), e.invoice.withholding_credits[0].credited),
        ("200.00".into(), amount("45"))
    );
}
