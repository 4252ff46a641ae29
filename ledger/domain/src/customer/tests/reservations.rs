//! Reservations: gates, refund, exchange, scope (azure-marketplace-software.md 2.10 to 2.13). Tests named `a16` and so on are the
//! worked examples of that page, section 3.

use super::kit::*;
use crate::{
    Command, Event, Reason,
    command::{
        Cancel, ChangeReservation, CreateCustomer, ExchangeReservation, PublishRefundCap, PurchaseLine, RequestTransfer,
    },
    customer::Standing,
    money::Currency,
    offer::{BillingFrequency, Offer, PricePer, ProductKind, ReservationScope},
    party::Address,
};

fn reservation(id: &str, term_months: u32) -> Offer {
    let frequencies = [BillingFrequency::OneTime, BillingFrequency::Monthly];
    Offer { billing_frequencies: frequencies.into(), ..product(id, ProductKind::Reservation, term_months) }
}

/// A plan `p` of the direct partner, a cap of 50,000 euros, reservations of one and three years.
fn world() -> World {
    let mut world = bare();
    world.at("2020-02-01").ok(buy(vec![endless("p", "plan")]));
    cap(&mut world, "2020-01-01", "50000");
    world
}

fn bare() -> World {
    let mut world = World::with_provider();
    world.give(product("plan", ProductKind::AzurePlan, 0));
    world.give(product("classic", ProductKind::AzureSubscription, 0));
    for (id, term, price, per) in [
        ("year", 12, "3650.00", PricePer::Term),
        ("leap", 12, "3660.00", PricePer::Term),
        ("odd", 12, "1234.56", PricePer::Term),
        ("large", 36, "109500.00", PricePer::Term),
        ("monthly", 12, "100.00", PricePer::Month),
        ("dear", 12, "5000.00", PricePer::Term),
        ("cheap", 12, "1500.00", PricePer::Year),
    ] {
        world.sell(reservation(id, term), price, per);
    }
    world
}

fn cap(world: &mut World, valid_from: &str, amount: &str) {
    let (currency, valid_from) = (Currency::new("EUR").unwrap(), day(valid_from));
    let amount = amount.parse().unwrap();
    world.ok(Command::PublishRefundCap(PublishRefundCap { currency, valid_from, amount }));
}

fn of_plan(id: &str, offer: &str) -> PurchaseLine {
    PurchaseLine { azure_subscription_id: Some(sub("p")), ..up_front(id, offer) }
}

fn give_back(id: &str, used: Option<bool>, accept_capped_refund: bool) -> Command {
    let (customer_id, partner_id, subscription_id) = (customer_id(), partner("direct"), sub(id));
    Command::Cancel(Cancel { customer_id, partner_id, subscription_id, reservation_used: used, accept_capped_refund })
}

fn exchange(id: &str, line: PurchaseLine) -> Command {
    let (customer_id, partner_id, subscription_id) = (customer_id(), partner("direct"), sub(id));
    Command::ExchangeReservation(ExchangeReservation { customer_id, partner_id, subscription_id, order_id: None, line })
}

fn change(id: &str, scope: Option<ReservationScope>, to: Option<&str>) -> Command {
    let (customer_id, partner_id, subscription_id) = (customer_id(), partner("direct"), sub(id));
    let azure_subscription_id = to.map(sub);
    Command::ChangeReservation(ChangeReservation {
        customer_id,
        partner_id,
        subscription_id,
        scope,
        azure_subscription_id,
    })
}

/// Charges after the purchases.
fn since(world: &World, first: usize) -> Vec<String> {
    world.charges().split_off(first)
}

fn bought(offer: &str, on: &str) -> World {
    let mut world = world();
    world.at(on).ok(buy(vec![of_plan("r", offer)]));
    world
}

/// Worked examples 16 to 18: what is given back, by day and use.
#[test]
fn a16_to_a18_what_a_reservation_gives_back() {
    for (offer, bought_on, on, used, lines) in [
        ("year", "2020-03-01", "2020-03-06", Some(false), &["-3650.00"][..]),
        ("year", "2020-03-01", "2020-03-06", Some(true), &["-3600.00"]),
        ("year", "2020-03-01", "2020-03-07", Some(false), &["-3590.00", "430.80"]),
        ("year", "2020-03-01", "2020-03-07", None, &["-3590.00", "430.80"]),
        ("year", "2020-03-01", "2020-09-01", Some(true), &["-1810.00", "217.20"]),
        ("year", "2020-03-01", "2021-02-28", Some(true), &["-10.00", "1.20"]),
        ("leap", "2019-03-01", "2019-09-01", None, &["-1820.00", "218.40"]),
        ("odd", "2020-03-01", "2020-03-07", None, &["-1214.27", "145.71"]),
    ] {
        let mut world = World::with_provider();
        world.give(product("plan", ProductKind::AzurePlan, 0));
        let price = match offer {
            "year" => "3650.00",
            "leap" => "3660.00",
            _ => "1234.56",
        };
        world.sell(reservation(offer, 12), price, PricePer::Term);
        cap(&mut world, "2019-01-01", "50000");
        world.at(bought_on).ok(buy(vec![endless("p", "plan")]));
        world.ok(buy(vec![of_plan("r", offer)]));
        assert_eq!(world.at(on).ok(give_back("r", used, false)), ["ReservationRefunded", "SubscriptionCancelled"]);
        let end = world.sub("r").term_end;
        let types = ["Cancel immediate", "earlyTerminationFee"];
        let starts = [bought_on, on];
        let expected: Vec<_> =
            (0..lines.len()).map(|i| format!("{} {} {end} {}", types[i], starts[i], lines[i])).collect();
        assert_eq!(since(&world, 1), expected, "{offer} {on}");
        assert_eq!(world.standing("r"), Standing::Cancelled);
    }
}

/// Worked example 17: a term from a leap day ends on the 28th.
#[test]
fn a17_a_leap_day_is_clamped() {
    let world = bought("year", "2020-02-29");
    let r = world.sub("r");
    assert_eq!((r.term_end, crate::calendar::days_between(r.start, r.term_end)), (day("2021-02-28"), 365));
}

#[test]
fn in_the_first_days_its_use_must_be_known() {
    let mut world = bought("year", "2020-03-01");
    let refusal = world.at("2020-03-06").refusal(give_back("r", None, false));
    assert_eq!(
        (refusal.reason, refusal.metadata["field"].as_str()),
        (Reason::RequiredFieldMissing, "reservation_used")
    );
}

/// Worked example 19: 109,500 for three years, given back after one.
#[test]
fn a19_a_years_refunds_stay_under_the_cap() {
    let mut world = bought("large", "2020-03-01");
    world.ok(buy(vec![PurchaseLine { quantity: 14, ..of_plan("s", "year") }]));
    let refusal = world.at("2021-03-01").refusal(give_back("r", None, false));
    assert_eq!(refusal.reason, Reason::ReservationRefundCapExceeded);
    assert_eq!(
        (refusal.metadata["headroom"].as_str(), refusal.metadata["would_be"].as_str()),
        ("50000.00", "64240.00")
    );
    assert_eq!(world.standing("r"), Standing::Active);
    let mut capped = world.clone();
    capped.ok(give_back("r", None, true));
    let lines = since(&capped, 2);
    assert_eq!(
        lines,
        ["Cancel immediate 2020-03-01 2023-03-01 -58760.00", "earlyTerminationFee 2021-03-01 2023-03-01 8760.00"]
    );
    let event = capped.journal.iter().find_map(|event| match event {
        Event::ReservationRefunded(e) => Some(e.clone()),
        _ => None,
    });
    let event = event.unwrap();
    assert_eq!(
        (event.value.to_string(), event.credit.to_string(), event.capped),
        ("73000.00".into(), "50000.00".into(), true)
    );
}

/// Worked example 19: after 45,000.00 within the 12 months, 5,000.00 are left; a year later they are free again.
#[test]
fn a19_earlier_refunds_count_for_12_months() {
    let mut world = world();
    world.sell(reservation("big", 12), "45000.00", PricePer::Term);
    world.at("2020-03-01").ok(buy(vec![of_plan("a", "big"), PurchaseLine { quantity: 2, ..of_plan("b", "year") }]));
    world.at("2020-03-05").ok(give_back("a", Some(false), false));
    let refusal = world.refusal(give_back("b", Some(false), false));
    assert_eq!((refusal.metadata["headroom"].as_str(), refusal.metadata["would_be"].as_str()), ("5000.00", "7300.00"));
    world.sell(reservation("long", 36), "10950.00", PricePer::Term);
    world.at("2020-03-06").ok(buy(vec![of_plan("c", "long")]));
    // 732 of 1095 days: 7,320.00 less 878.40.
    let refusal = world.at("2021-03-04").refusal(give_back("c", None, false));
    assert_eq!((refusal.metadata["headroom"].as_str(), refusal.metadata["would_be"].as_str()), ("5000.00", "6441.60"));
    world.at("2021-03-05").ok(give_back("c", None, false));
}

#[test]
fn without_a_known_cap_nothing_is_refunded() {
    let mut world = bare();
    world.at("2020-03-01").ok(buy(vec![endless("p", "plan")]));
    world.ok(buy(vec![of_plan("r", "year")]));
    let refusal = world.refusal(give_back("r", Some(false), false));
    assert_eq!((refusal.reason, refusal.metadata["currency"].as_str()), (Reason::RefundCapUnknown, "EUR"));
    cap(&mut world, "2020-03-02", "44000");
    assert_eq!(world.refused(give_back("r", Some(false), false)), Reason::RefundCapUnknown, "not from that day yet");
    world.at("2020-03-02").ok(give_back("r", Some(false), false));
}

/// Worked example 21: the instalment of September has 15 unused days, those to come lapse, and the fee is on the term's rest.
#[test]
fn a21_instalments_lapse_and_the_fee_stays() {
    let mut world = world();
    let monthly = PurchaseLine { billing_frequency: Some(BillingFrequency::Monthly), ..of_plan("r", "monthly") };
    world.at("2020-03-01").ok(buy(vec![monthly]));
    world.end("2020-09-15");
    assert_eq!(since(&world, 0).len(), 7);
    world.at("2020-09-16").ok(give_back("r", None, false));
    assert_eq!(
        since(&world, 7),
        ["Cancel immediate 2020-09-01 2020-10-01 -50.00", "earlyTerminationFee 2020-09-16 2021-03-01 65.49"]
    );
    let event = world.journal.iter().find_map(|event| match event {
        Event::ReservationRefunded(e) => Some((e.value.to_string(), e.credit.to_string())),
        _ => None,
    });
    assert_eq!(event, Some(("545.75".to_owned(), "-15.49".to_owned())));
    world.end("2021-04-01");
    assert_eq!(since(&world, 9), [""; 0]);
}

/// Worked example 20.
#[test]
fn a20_an_exchange_credits_the_rest_towards_another() {
    let mut world = bought("year", "2020-03-01");
    world.at("2020-09-01");
    let refusal = world.refusal(exchange("r", of_plan("n", "cheap")));
    assert_eq!((refusal.reason, refusal.metadata["credit"].as_str()), (Reason::ExchangeValueTooLow, "1810.00"));
    assert_eq!(refusal.metadata["price"], "1500.00");
    assert_eq!(world.refusal(exchange("r", line("n", "saas", 1))).metadata["field"], "line.offer_id");
    let names = world.ok(exchange("r", of_plan("n", "dear")));
    assert_eq!(names, ["ReservationExchanged", "SubscriptionCancelled", "OrderPlaced", "SubscriptionCreated"]);
    assert_eq!(
        since(&world, 1),
        ["Cancel immediate 2020-03-01 2021-03-01 -1810.00", "New 2020-09-01 2021-09-01 5000.00"]
    );
    assert_eq!((world.standing("r"), world.sub("n").term_end), (Standing::Cancelled, day("2021-09-01")));
    assert_eq!(world.refused(exchange("r", of_plan("m", "dear"))), Reason::SubscriptionClosed);
}

#[test]
fn a_reservation_has_its_gates() {
    let mut world = bare();
    world.at("2020-03-01");
    assert_eq!(world.refused(buy(vec![up_front("r", "year")])), Reason::NoAzureSubscription);
    assert_eq!(world.refused(buy(vec![of_plan("r", "year")])), Reason::AzureSubscriptionNotActive);
    let mut earlier = world.clone();
    earlier.at("2020-01-31").ok(buy(vec![endless("c", "classic")]));
    let under_classic = PurchaseLine { azure_subscription_id: Some(sub("c")), ..up_front("r", "year") };
    assert_eq!(earlier.refusal(buy(vec![under_classic.clone()])).metadata["field"], "lines[0].reservation_scope");
    let single = PurchaseLine { reservation_scope: Some(ReservationScope::Single), ..under_classic.clone() };
    earlier.ok(buy(vec![single.clone()]));
    assert_eq!(earlier.sub("r").reservation.as_ref().unwrap().scope, ReservationScope::Single);
    let again = PurchaseLine { subscription_id: Some(sub("s")), ..single.clone() };
    assert_eq!(earlier.at("2020-02-01").refused(buy(vec![again])), Reason::ReservationRequiresAzurePlan);

    world.ok(buy(vec![endless("p", "plan")]));
    let refusal = world.refusal(buy(vec![up_front("r", "year")]));
    assert_eq!((refusal.reason, refusal.metadata["subscription_ids"].as_str()), (Reason::RequiredFieldMissing, "p"));
    let narrow = PurchaseLine { reservation_scope: Some(ReservationScope::Single), ..of_plan("r", "year") };
    assert_eq!(world.refused(buy(vec![narrow])), Reason::ScopeMustBeShared);
    let frequency = PurchaseLine { billing_frequency: Some(BillingFrequency::Annual), ..of_plan("r", "year") };
    assert_eq!(world.refused(buy(vec![frequency])), Reason::FrequencyNotOffered);
    assert_eq!(world.refused(buy_from("provider", vec![of_plan("r", "year")])), Reason::ResellerRequired);
    let reseller = PurchaseLine { reseller_id: Some(partner("reseller")), ..of_plan("r", "year") };
    assert_eq!(world.refused(buy_from("provider", vec![reseller])), Reason::AzureSubscriptionNotActive);
    let elsewhere = PurchaseLine { azure_subscription_id: Some(sub("p")), ..line("e", "e3", 1) };
    assert_eq!(world.refusal(buy(vec![elsewhere])).metadata["field"], "lines[0].azure_subscription_id");
    world.ok(buy(vec![of_plan("r", "year")]));
    assert_eq!(world.sub("r").reservation.as_ref().unwrap().scope, ReservationScope::Shared);
    let refusal = world.refusal(cancel("p"));
    assert_eq!((refusal.reason, refusal.metadata["reservation_ids"].as_str()), (Reason::AzurePlanNotEmpty, "r"));
}

/// L12708: the reseller is the plan's.
#[test]
fn the_reseller_is_the_plans() {
    let mut world = bare();
    let of = |line: PurchaseLine| PurchaseLine { reseller_id: Some(partner("reseller")), ..line };
    world.at("2020-03-01").ok(buy_from("provider", vec![endless("p", "plan")]));
    assert_eq!(world.refused(buy_from("provider", vec![of(of_plan("r", "year"))])), Reason::ResellerMismatch);
    world.ok(buy_from("provider", vec![of(endless("q", "plan"))]));
    let under_q = PurchaseLine { azure_subscription_id: Some(sub("q")), ..of_plan("r", "year") };
    world.ok(buy_from("provider", vec![of(under_q)]));
}

/// Worked example 28.
#[test]
fn a28_some_markets_have_none() {
    let mut world = World::empty();
    let greenland = Address { country: "GL".to_owned(), ..create().address };
    world.ok(Command::CreateCustomer(CreateCustomer { address: greenland, ..create() }));
    world.ok(Command::AcceptAgreement(crate::command::AcceptAgreement {
        customer_id: customer_id(),
        mode: crate::party::AgreementMode::CustomerDirect,
        partner_id: None,
        signatory: contact(),
        accepted_on: day("2018-01-01"),
        version: None,
        language: None,
    }));
    world.give(reservation("year", 12));
    let refusal = world.refusal(buy(vec![of_plan("r", "year")]));
    assert_eq!((refusal.reason, refusal.metadata["country"].as_str()), (Reason::ReservationMarketExcluded, "GL"));
}

#[test]
fn after_the_purchase_it_stays_as_it_is() {
    let mut world = bought("year", "2020-03-01");
    assert_eq!(world.refused(seats("r", 2)), Reason::QuantityFixed);
    assert_eq!(world.refused(seats("r", 0)), Reason::PartialReturnNotAllowed);
    assert_eq!(world.refused(suspend("r")), Reason::UseCancel);
    let transfer = Command::RequestTransfer(RequestTransfer {
        customer_id: customer_id(),
        transfer_id: None,
        source_partner_id: partner("direct"),
        target_partner_id: partner("provider"),
        subscription_ids: vec![sub("p"), sub("r")],
        expires_after_days: None,
    });
    let refusal = world.refusal(transfer);
    let reasons = ["reason.p", "reason.r"].map(|key| refusal.metadata[key].as_str());
    assert_eq!(reasons, ["NOT_TRANSFERABLE_AZURE_PLAN", "NOT_TRANSFERABLE_RESERVATION"]);
    assert_eq!(world.refused(change("r", Some(ReservationScope::Single), None)), Reason::ScopeMustBeShared);
    assert_eq!(world.refused(change("r", None, None)), Reason::InvalidValue, "nothing changes");
    assert_eq!(world.refused(change("p", None, None)), Reason::InvalidValue, "no reservation");
    assert_eq!(world.refused(change("r", None, Some("none"))), Reason::AzureSubscriptionNotActive);
    world.end("2021-03-01");
    assert_eq!((world.standing("r"), world.charges().len()), (Standing::Expired, 1), "no renewal (L13424)");
}

#[test]
fn its_scope_changes_under_a_classic_subscription() {
    let mut world = bare();
    world.at("2019-03-01").ok(buy(vec![endless("c", "classic"), endless("d", "classic")]));
    let single = PurchaseLine {
        azure_subscription_id: Some(sub("c")),
        reservation_scope: Some(ReservationScope::Single),
        ..up_front("r", "year")
    };
    world.ok(buy(vec![single]));
    world.at("2019-04-01").ok(change("r", Some(ReservationScope::Shared), Some("d")));
    let reservation = world.sub("r").reservation.clone().unwrap();
    assert_eq!((reservation.azure_subscription_id, reservation.scope), (sub("d"), ReservationScope::Shared));
}

#[test]
fn a_bad_cap_is_refused() {
    for amount in ["0", "-1", "50000.001", "10000000000"] {
        let (currency, valid_from) = (Currency::new("EUR").unwrap(), day("2020-01-01"));
        let amount = amount.parse().unwrap();
        let refusal =
            World::new().refusal(Command::PublishRefundCap(PublishRefundCap { currency, valid_from, amount }));
        assert_eq!(refusal.metadata["field"], "amount");
    }
}
