//! Claims for outages, adjustments by hand, and what a suspended partner may still do.

use super::kit::*;
use crate::{
    Command, Event, Reason,
    charge::{ChargeType, Charged},
    command::{
        AnswerSlaClaim, ApproveSlaClaim, AskSlaClaimant, Cancel, IssueInvoice, PostAdjustment, ReceivePayment,
        RefuseSlaClaim, ReviewStanding, SubmitSlaClaim,
    },
    customer::SlaCredit,
    ids::{ClaimId, LineId, PaymentId},
    money::Currency,
};

fn claim_id(id: &str) -> ClaimId {
    ClaimId::new(id).unwrap()
}

fn eur() -> Currency {
    Currency::new("EUR").unwrap()
}

fn claim(id: &str, incident: &str, date: &str) -> SubmitSlaClaim {
    SubmitSlaClaim {
        customer_id: customer_id(),
        partner_id: partner("direct"),
        claim_id: claim_id(id),
        incident_id: incident.into(),
        incident_date: day(date),
        service_code: None,
        purchased_through_csp: true,
    }
}

fn submit(claim: SubmitSlaClaim) -> Command {
    Command::SubmitSlaClaim(claim)
}

fn ask(id: &str) -> Command {
    let (claim_id, question) = (claim_id(id), "how long?".into());
    Command::AskSlaClaimant(AskSlaClaimant { customer_id: customer_id(), claim_id, question })
}

fn answer(id: &str, by: &str) -> Command {
    let (customer_id, partner_id, claim_id) = (customer_id(), partner(by), claim_id(id));
    Command::AnswerSlaClaim(AnswerSlaClaim { customer_id, partner_id, claim_id, answer: "an hour".into() })
}

fn approve(id: &str, credits: &[(&str, &str, &str)]) -> Command {
    let credit = |&(id, amount, code): &(&str, &str, &str)| SlaCredit {
        subscription_id: sub(id),
        amount: amount.parse().unwrap(),
        currency: Currency::new(code).unwrap(),
    };
    let credits = credits.iter().map(credit).collect();
    Command::ApproveSlaClaim(ApproveSlaClaim { customer_id: customer_id(), claim_id: claim_id(id), credits })
}

fn refuse(id: &str) -> Command {
    let comments = "too short".into();
    Command::RefuseSlaClaim(RefuseSlaClaim { customer_id: customer_id(), claim_id: claim_id(id), comments })
}

fn adjust(id: &str, line_id: Option<&LineId>, amount: &str) -> PostAdjustment {
    PostAdjustment {
        customer_id: customer_id(),
        partner_id: partner("direct"),
        subscription_id: sub(id),
        line_id: line_id.cloned(),
        amount: amount.parse().unwrap(),
        currency: eur(),
        reason: "goodwill".into(),
    }
}

/// The last charge line.
fn last_line(world: &World) -> Charged {
    let line = |event: &Event| match event {
        Event::Charged(line) => Some(line.clone()),
        _ => None,
    };
    world.journal.iter().rev().find_map(line).unwrap()
}

fn world() -> World {
    let mut world = World::new();
    world.at("2018-01-13").ok(buy(vec![line("a", "e3", 10), line("s", "software", 2)]));
    world
}

#[test]
fn a_claim_comes_by_the_end_of_the_month_after_the_incident() {
    // W12
    for (incident, last, late) in
        [("2018-02-15", "2018-03-31", "2018-04-01"), ("2018-12-15", "2019-01-31", "2019-02-01")]
    {
        let mut world = world();
        world.at(late);
        let refused = world.refusal(submit(claim("c", "EX25194", incident)));
        assert_eq!((refused.reason, refused.metadata["deadline"].as_str()), (Reason::SlaClaimTooLate, last));
        world.at(last).ok(submit(claim("c", "EX25194", incident)));
        // Its information comes by then, too.
        world.ok(ask("c"));
        world.at(late);
        assert_eq!(world.refused(answer("c", "direct")), Reason::SlaClaimTooLate);
        world.at(last).ok(answer("c", "direct"));
    }
}

#[test]
fn a_granted_claim_is_a_line_of_each_subscription() {
    let mut world = world();
    world.end("2018-02-20");
    world.ok(submit(claim("c", "EX25194", "2018-02-15")));
    assert_eq!(world.ok(approve("c", &[("a", "1.50", "EUR"), ("s", "0.25", "EUR")])), ["SlaClaimApproved"]);
    let line = last_line(&world);
    assert_eq!((line.charge_type, line.amount.to_string().as_str()), (ChargeType::CustomerCredit, "-0.25"));
    assert_eq!((line.unit_price.to_string().as_str(), line.reference.as_deref()), ("0.25", Some("EX25194 c")));
    assert_eq!((line.charged_on, line.charge_end), (day("2018-02-21"), day("2018-02-22")));
    let lines: Vec<_> = world.charges().into_iter().filter(|line| line.starts_with("customerCredit")).collect();
    assert_eq!(lines, ["customerCredit 2018-02-21 2018-02-22 -1.50", "customerCredit 2018-02-21 2018-02-22 -0.25"]);
    for command in [approve("c", &[("a", "1.50", "EUR")]), refuse("c"), ask("c"), answer("c", "direct")] {
        assert_eq!(world.refused(command), Reason::SlaClaimNotOpen);
    }
    // Nothing of it changes what is billed afterwards.
    world.end("2018-03-14");
    assert!(world.charges().contains(&"Cycle fee 2018-03-13 2018-04-13 40.00".to_owned()), "{:?}", world.charges());
}

#[test]
fn bad_claims_are_refused() {
    let mut world = world();
    world.relate("provider");
    world.at("2018-02-20");
    let mut by_reseller = claim("c", "EX25194", "2018-02-15");
    by_reseller.partner_id = partner("reseller");
    let mut by_other = claim("c", "EX25194", "2018-02-15");
    by_other.partner_id = partner("provider");
    let mut elsewhere = claim("c", "EX25194", "2018-02-15");
    elsewhere.purchased_through_csp = false;
    let mut other_service = claim("c", "EX25194", "2018-02-15");
    other_service.service_code = Some("SP".into());
    for (command, reason, field) in [
        (by_reseller, Reason::SlaClaimantNotAllowed, "partner_id"),
        (by_other, Reason::NotPurchasedThroughCsp, "partner_id"),
        (elsewhere, Reason::NotPurchasedThroughCsp, "purchased_through_csp"),
        (other_service, Reason::ServiceNotAffected, "service_code"),
        (claim("c", "25194", "2018-02-15"), Reason::IncidentIdInvalid, "incident_id"),
        (claim("c", "EX25194", "2018-02-21"), Reason::InvalidValue, "incident_date"),
    ] {
        let refused = world.refusal(submit(command));
        assert_eq!((refused.reason, refused.metadata["field"].as_str()), (reason, field));
    }
    world.ok(submit(claim("c", "ZZ7", "2018-02-15")));
    let Some(Event::SlaClaimSubmitted(unlisted)) = world.journal.last() else { panic!("{:?}", world.journal) };
    assert_eq!((unlisted.service_code.as_str(), &unlisted.service), ("ZZ", &None), "accepted and flagged");
    assert_eq!(world.refused(submit(claim("d", "ZZ7", "2018-02-15"))), Reason::DuplicateSlaClaim);
    assert_eq!(world.refused(submit(claim("c", "EX1", "2018-02-15"))), Reason::RequestAlreadyExists);
    assert_eq!(world.refused(ask("nothing")), Reason::SlaClaimNotFound);
    for (credits, reason) in [
        (vec![], Reason::RequiredFieldMissing),
        (vec![("a", "0.00", "EUR")], Reason::InvalidValue),
        (vec![("a", "1.00", "USD")], Reason::CurrencyMismatch),
        (vec![("z", "1.00", "EUR")], Reason::SubscriptionNotFound),
        (vec![("a", "1.00", "EUR"), ("a", "1.00", "EUR")], Reason::InvalidValue),
    ] {
        assert_eq!(world.refused(approve("c", &credits)), reason);
    }
    world.ok(refuse("c"));
    world.ok(submit(claim("d", "ZZ7", "2018-02-15")));
}

#[test]
fn a_corrected_line_is_taken_back_with_its_correction() {
    let mut world = world();
    let software = last_line(&world);
    assert_eq!(software.amount.to_string(), "8.00");
    world.at("2018-01-14").ok(Command::PostAdjustment(adjust("s", Some(&software.line_id), "-3.00")));
    let offset = last_line(&world);
    assert_eq!((offset.charge_type, offset.amount.to_string().as_str()), (ChargeType::LineItemOffset, "-3.00"));
    assert_eq!((offset.charge_start, offset.charge_end), (software.charge_start, software.charge_end));
    assert_eq!(
        (offset.reverses_line_id.as_ref(), offset.reference.as_deref()),
        (Some(&software.line_id), Some("goodwill"))
    );
    let refused = world.refusal(Command::PostAdjustment(adjust("s", Some(&software.line_id), "-5.01")));
    assert_eq!((refused.reason, refused.metadata["left"].as_str()), (Reason::AdjustmentExceedsLine, "5.00"));
    world.ok(Command::PostAdjustment(adjust("s", Some(&software.line_id), "1.00")));
    // A cancellation in its window gives back the 6.00 that are left, not the 8.00 charged first.
    let (customer_id, partner_id, subscription_id) = (customer_id(), partner("direct"), sub("s"));
    world.ok(Command::Cancel(Cancel {
        customer_id,
        partner_id,
        subscription_id,
        reservation_used: None,
        accept_capped_refund: false,
    }));
    assert_eq!(last_line(&world).amount.to_string(), "-6.00");
    assert_eq!(world.charged().to_string(), "40.00", "the licenses of a");
    assert_eq!(
        world.refused(Command::PostAdjustment(adjust("s", Some(&software.line_id), "-1.00"))),
        Reason::LineNotFound
    );
}

#[test]
fn a_credit_by_hand_leaves_what_was_charged_as_it_is() {
    let mut world = world();
    world.at("2018-01-14").ok(Command::PostAdjustment(adjust("a", None, "-5.00")));
    assert_eq!(last_line(&world).charge_type, ChargeType::CustomerCredit);
    let mut cases = vec![(adjust("a", None, "5.00"), Reason::InvalidValue, "amount")];
    cases.push((adjust("a", None, "-0.001"), Reason::InvalidValue, "amount"));
    cases.push((adjust("z", None, "-1.00"), Reason::SubscriptionNotFound, "subscription_id"));
    cases.push((
        PostAdjustment { currency: Currency::new("USD").unwrap(), ..adjust("a", None, "-1.00") },
        Reason::CurrencyMismatch,
        "currency",
    ));
    cases.push((
        PostAdjustment { reason: " ".into(), ..adjust("a", None, "-1.00") },
        Reason::RequiredFieldMissing,
        "reason",
    ));
    cases.push((
        PostAdjustment { partner_id: partner("provider"), ..adjust("a", None, "-1.00") },
        Reason::SubscriptionNotOwned,
        "partner_id",
    ));
    for (command, reason, field) in cases {
        let refused = world.refusal(Command::PostAdjustment(command));
        assert_eq!((refused.reason, refused.metadata["field"].as_str()), (reason, field));
    }
    // More seats: the correction on the anniversary is that of the seats alone.
    world.at("2018-01-20").ok(seats("a", 11));
    world.end("2018-02-13");
    let credit = "Cycle Instance Prorate 2018-01-13 2018-02-13 -40.00".to_owned();
    assert!(world.charges().contains(&credit), "{:?}", world.charges());
}

#[test]
fn a_suspended_partner_sells_nothing_new_and_keeps_what_it_sold() {
    let mut world = world();
    world.end("2018-01-15");
    let invoice_date = day("2018-01-15");
    world.ok(Command::IssueInvoice(IssueInvoice {
        partner_id: partner("direct"),
        family: crate::charge::InvoiceFamily::LicenseUsage,
        currency: eur(),
        period_start: day("2018-01-01"),
        period_end: day("2018-01-16"),
        invoice_date,
        total: "40.00".parse().unwrap(),
        totals: crate::charge::InvoiceTotals { subtotal: "40.00".parse().unwrap(), ..Default::default() },
        line_count: 1,
        lines_digest: vec![0; 32],
        reflects: Vec::new(),
    }));
    let review =
        |date: &str| Command::ReviewStanding(ReviewStanding { partner_id: partner("direct"), date: day(date) });
    world.end("2018-05-15");
    assert_eq!(world.ok(review("2018-05-15")), ["PartnerBecameDelinquent"]);
    world.ok(buy(vec![line("b", "e1", 1)]));
    world.end("2018-05-16");
    assert_eq!(world.ok(review("2018-05-16")), ["PartnerAccountSuspended"]);
    let refused = world.refusal(buy(vec![line("c", "e1", 1)]));
    assert_eq!((refused.reason, refused.metadata["field"].as_str()), (Reason::PartnerSuspended, "partner_id"));
    // What it sold goes on, and renews.
    world.ok(seats("a", 12));
    world.end("2019-01-14");
    assert_eq!(world.sub("a").term_number, 2);
    let pay = ReceivePayment {
        partner_id: partner("direct"),
        payment_id: PaymentId::new("pay").unwrap(),
        amount: "40.00".parse().unwrap(),
        currency: eur(),
        value_date: day("2019-01-15"),
        reference: String::new(),
        invoice_number: Some(crate::ids::InvoiceNumber::new("direct-L-EUR-000001").unwrap()),
    };
    let paid = world.ok(Command::ReceivePayment(pay));
    assert_eq!(paid, ["PaymentReceived", "PaymentAllocated", "PartnerAccountReinstated"]);
    world.ok(buy(vec![line("c", "e1", 1)]));
}
