use super::kit::*;
use crate::{Command, Event, Reason, command::ReceivePayment};

#[test]
fn a_payment_pays_the_invoice_it_names_and_the_rest_stays_unallocated() {
    let mut w = World::new("US", "USD");
    let invoice = w.license("100.00");
    w.run(pay("a", "30.00", "USD", Some(&invoice))).unwrap();
    assert_eq!((w.due(&invoice).as_str(), w.unallocated("a").as_str()), ("70.00", "0.00"));
    w.run(pay("b", "100.00", "USD", Some(&invoice))).unwrap();
    assert_eq!(w.names(), ["PaymentReceived", "PaymentAllocated"]);
    assert_eq!((w.due(&invoice).as_str(), w.unallocated("b").as_str()), ("0.00", "30.00"));
    w.run(refund("b", "10.00")).unwrap();
    assert_eq!(w.unallocated("b"), "20.00");
    assert_eq!(w.refused(refund("b", "20.01")), (Reason::RefundExceedsUnallocated, "amount".into()));
}

#[test]
fn a_number_of_no_use_leaves_the_payment_unallocated() {
    let mut w = World::new("US", "USD");
    let invoice = w.license("100.00");
    for (id, named) in [("a", None), ("b", Some("p-L-USD-000009"))] {
        w.run(pay(id, "100.00", "USD", named)).unwrap();
        assert_eq!((w.names(), w.unallocated(id).as_str()), (vec!["PaymentReceived"], "100.00"));
    }
    // Any number of parts, up to the payment and what is due (C37).
    let second = w.license("50.00");
    for (to, part) in [(&invoice, "60.00"), (&second, "40.00")] {
        w.run(allocate("a", to, part)).unwrap();
    }
    assert_eq!((w.due(&invoice).as_str(), w.due(&second).as_str()), ("40.00", "10.00"));
    assert_eq!(w.refused(allocate("a", &second, "0.01")), (Reason::AllocationExceedsPayment, "amount".into()));
    assert_eq!(w.refused(allocate("b", &second, "10.01")), (Reason::AllocationExceedsOpenAmount, "amount".into()));
    w.run(allocate("b", &second, "10.00")).unwrap();
    assert_eq!(w.refused(allocate("b", &second, "1.00")), (Reason::InvoiceNotOpen, "invoice_number".into()));
}

#[test]
fn bad_payments_are_refused_with_the_field_at_fault() {
    let mut w = World::new("US", "USD");
    let invoice = w.license("100.00");
    w.run(pay("a", "10.00", "USD", None)).unwrap();
    w.run(pay("e", "10.00", "EUR", None)).unwrap();
    let mut early = pay("b", "1.00", "USD", None);
    if let Command::ReceivePayment(ReceivePayment { value_date, .. }) = &mut early {
        *value_date = day("2018-01-02");
    }
    for (command, reason, field) in [
        (pay("a", "10.00", "USD", None), Reason::PaymentAlreadyExists, "payment_id"),
        (pay("b", "0.00", "USD", None), Reason::InvalidValue, "amount"),
        (pay("b", "-1.00", "USD", None), Reason::InvalidValue, "amount"),
        (pay("b", "1.005", "USD", None), Reason::InvalidValue, "amount"),
        (pay("b", "1000000000000.01", "USD", None), Reason::InvalidValue, "amount"),
        (pay("b", "1.00", "XYZ", None), Reason::CurrencyMismatch, "currency"),
        (pay("b", "1.00", "EUR", Some(&invoice)), Reason::CurrencyMismatch, "invoice_number"),
        (early, Reason::InvalidValue, "value_date"),
        (allocate("z", &invoice, "1.00"), Reason::PaymentNotFound, "payment_id"),
        (allocate("a", "q-L-USD-000001", "1.00"), Reason::InvoiceNotFound, "invoice_number"),
        (allocate("e", &invoice, "1.00"), Reason::CurrencyMismatch, "invoice_number"),
        (allocate("a", &invoice, "0.001"), Reason::InvalidValue, "amount"),
        (refund("z", "1.00"), Reason::PaymentNotFound, "payment_id"),
    ] {
        assert_eq!(w.refused(command), (reason, field.to_owned()));
    }
}

#[test]
fn a_negative_invoice_reduces_the_next_payment() {
    let mut w = World::new("US", "USD");
    let credit = w.license("-20.00");
    assert_eq!(w.due(&credit), "-20.00");
    assert_eq!(w.refused(allocate("a", &credit, "1.00")).0, Reason::PaymentNotFound);
    let invoice = w.license("100.00");
    w.run(pay("a", "85.00", "USD", Some(&invoice))).unwrap();
    assert_eq!(w.names(), ["PaymentReceived", "PaymentAllocated", "CreditAllocated"]);
    let Some(Event::CreditAllocated(used)) = w.last.last() else { panic!("{:?}", w.last) };
    assert_eq!(used.amount, amount("15.00"));
    assert_eq!((w.due(&credit).as_str(), w.due(&invoice).as_str()), ("-5.00", "0.00"));
    // The rest is used by hand.
    let next = w.license("3.00");
    assert_eq!(w.refused(use_credit(&next, &credit, "1.00")), (Reason::InvoiceNotOpen, "invoice_number".into()));
    assert_eq!(w.refused(use_credit(&credit, &next, "3.01")).0, Reason::AllocationExceedsOpenAmount);
    w.run(use_credit(&credit, &next, "3.00")).unwrap();
    let last = w.license("3.00");
    assert_eq!(w.refused(use_credit(&credit, &last, "2.01")), (Reason::AllocationExceedsCredit, "amount".into()));
    assert_eq!((w.due(&credit).as_str(), w.due(&next).as_str()), ("-2.00", "0.00"));
}
