use super::kit::*;
use crate::{Event, Reason, charge::InvoiceFamily, partner::AccountStanding};

#[test]
fn two_thresholds_and_a_payment() {
    let mut w = World::new("US", "USD");
    w.today = day("2018-01-15");
    let first = w.license("345.00");
    let due = w.partner().receivables.invoices[&number(&first)].due_date;
    assert_eq!(due, day("2018-03-16"), "W2");
    w.today = day("2018-02-15");
    let second = w.license("10.00");
    w.invoice(InvoiceFamily::OneTimeRecurring, "EUR", "7.00", "1.00");
    w.today = day("2018-12-31");
    let standing = |w: &World| w.partner().receivables.standing();
    // Day 60 after the invoice date is the last day to pay, day 61 is too late.
    w.run(review("2018-03-16")).unwrap();
    assert_eq!(w.last, []);
    w.run(review("2018-03-17")).unwrap();
    let [Event::PartnerBecameDelinquent(delinquent)] = w.last.as_slice() else { panic!("{:?}", w.last) };
    assert_eq!(delinquent.invoice_numbers, [number(&first)]);
    assert_eq!((delinquent.overdue[0].amount.to_string().as_str(), delinquent.since), ("345.00", day("2018-03-17")));
    // The same again, and an earlier day, decide nothing.
    for date in ["2018-03-17", "2018-03-16", "2018-05-15"] {
        w.run(review(date)).unwrap();
        assert_eq!(w.last, [], "{date}");
    }
    // Day 121 after the invoice date.
    w.run(review("2018-05-16")).unwrap();
    let [Event::PartnerAccountSuspended(suspended)] = w.last.as_slice() else { panic!("{:?}", w.last) };
    let overdue: Vec<_> = suspended.overdue.iter().map(|m| format!("{} {}", m.amount, m.currency)).collect();
    assert_eq!(overdue, ["8.00 EUR", "355.00 USD"], "the invoices of 15 February are overdue too");
    assert_eq!(standing(&w), AccountStanding::Suspended);
    // Paying a part is not enough, paying what is past due is.
    w.run(pay("a", "345.00", "USD", Some(&first))).unwrap();
    assert_eq!(standing(&w), AccountStanding::Suspended);
    w.run(pay("b", "10.00", "USD", Some(&second))).unwrap();
    assert_eq!(standing(&w), AccountStanding::Suspended);
    w.run(pay("c", "8.00", "EUR", Some("p-O-EUR-000001"))).unwrap();
    assert_eq!(w.names(), ["PaymentReceived", "PaymentAllocated", "PartnerAccountReinstated"]);
    assert_eq!(standing(&w), AccountStanding::Good);
}

#[test]
fn withholding_that_clears_the_invoice_reinstates_too() {
    let mut w = World::new("AR", "USD");
    let invoice = w.license("100.00");
    w.run(pay("a", "90.00", "USD", Some(&invoice))).unwrap();
    w.today = day("2018-06-30");
    w.run(review("2018-06-30")).unwrap();
    assert_eq!(w.partner().receivables.standing(), AccountStanding::Suspended);
    w.run(crate::Command::RequestWithholding(ask_withholding("w", &invoice, "10.00"))).unwrap();
    assert_eq!(w.partner().receivables.standing(), AccountStanding::Suspended);
    w.run(approve("w")).unwrap();
    assert_eq!(w.names(), ["WithholdingApproved", "PartnerAccountReinstated"]);
}

#[test]
fn a_day_to_come_is_not_reviewed() {
    let mut w = World::new("US", "USD");
    assert_eq!(w.refused(review("2018-01-02")), (Reason::InvalidValue, "date".into()));
}
