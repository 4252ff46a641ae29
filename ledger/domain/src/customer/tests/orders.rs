//! Purchases, seats, frequency, renewal switch, plans.

use super::kit::*;
use crate::{
    Command, Event, Reason,
    command::{ChangeBillingFrequency, Convert, Purchase, PurchaseLine, SetAutoRenew},
    customer::Standing,
    offer::BillingFrequency,
};

fn frequency(order_id: &str, billing_frequency: BillingFrequency) -> Command {
    let (customer_id, partner_id, order_id) = (customer_id(), partner("direct"), order(order_id));
    Command::ChangeBillingFrequency(ChangeBillingFrequency {
        customer_id,
        partner_id,
        order_id,
        billing_frequency,
        subscription_ids: Vec::new(),
    })
}

fn switch(id: &str, auto_renew: bool) -> Command {
    let (customer_id, partner_id, subscription_id) = (customer_id(), partner("direct"), sub(id));
    Command::SetAutoRenew(SetAutoRenew { customer_id, partner_id, subscription_id, auto_renew })
}

fn named_order(id: &str, lines: Vec<PurchaseLine>) -> Command {
    Command::Purchase(Purchase {
        location_mpn_id: None,
        customer_id: customer_id(),
        partner_id: partner("direct"),
        order_id: Some(order(id)),
        lines,
        by_customer: false,
    })
}

#[test]
fn an_order_creates_its_subscriptions() {
    let mut world = World::new();
    world.at("2018-01-13");
    let mut unnamed = line("x", "e1", 3);
    unnamed.subscription_id = None;
    let names = world.ok(named_order("o", vec![line("a", "e3", 2), add_on("b", "phone", "a"), unnamed]));
    assert_eq!(names, ["OrderPlaced", "SubscriptionCreated", "SubscriptionCreated", "SubscriptionCreated"]);
    let a = world.sub("a");
    assert_eq!((a.term_end, a.hold_days, a.quantity, a.auto_renew), (day("2019-01-13"), 92, 2, true));
    assert_eq!((a.currency.as_str(), a.price_list_id.as_str(), a.prices.len()), ("EUR", "list", 1));
    assert_eq!(world.customer().order(&order("o")).unwrap().subscription_ids.len(), 3);
}

#[test]
fn an_add_ons_term_ends_with_its_bases() {
    let mut world = World::new();
    world.at("2018-01-13").ok(buy(vec![line("a", "e3", 2)]));
    world.at("2018-03-01").ok(buy(vec![add_on("b", "phone", "a")]));
    assert_eq!(world.sub("b").term_end, day("2019-01-13"));
    world.end("2019-01-13");
    assert_eq!(world.sub("a").term_end, day("2020-01-13"));
    assert_eq!(world.sub("b").term_end, day("2020-01-13"), "renewed together");
}

#[test]
fn every_gate_refuses_the_whole_order() {
    let with = |change: fn(&mut PurchaseLine)| {
        let mut changed = line("b", "e3", 1);
        change(&mut changed);
        vec![line("a", "e3", 1), changed]
    };
    let cases: Vec<(Vec<PurchaseLine>, Reason, &str)> = vec![
        (vec![], Reason::RequiredFieldMissing, "lines"),
        (with(|l| l.offer_id = offer_id("none")), Reason::OfferNotFound, "lines[1].offer_id"),
        (with(|l| l.offer_id = offer_id("trial")), Reason::TrialNotOffered, "lines[1].offer_id"),
        (with(|l| l.offer_id = offer_id("unpriced")), Reason::OfferNotInPriceList, "lines[1].offer_id"),
        (with(|l| l.offer_id = offer_id("phone")), Reason::AddonRequiresBase, "lines[1].base_subscription_id"),
        (with(|l| l.base_subscription_id = Some(sub("a"))), Reason::InvalidValue, "lines[1].base_subscription_id"),
        (with(|l| l.quantity = 0), Reason::QuantityBelowMinimum, "lines[1].quantity"),
        (with(|l| l.quantity = 301), Reason::QuantityAboveMaximum, "lines[1].quantity"),
        (with(|l| l.billing_frequency = None), Reason::BillingFrequencyRequired, "lines[1].billing_frequency"),
        (with(|l| l.offer_id = offer_id("yearly")), Reason::FrequencyNotOffered, "lines[1].billing_frequency"),
        (with(|l| l.reseller_id = Some(partner("x"))), Reason::PartnerNotFound, "lines[1].reseller_id"),
        (with(|l| l.free_trial_days = 30), Reason::InvalidValue, "lines[1].free_trial_days"),
        (with(|l| l.auto_renew = Some(false)), Reason::AutoRenewNotSwitchable, "lines[1].auto_renew"),
        (with(|l| l.subscription_id = Some(sub("a"))), Reason::SubscriptionAlreadyExists, "lines[1].subscription_id"),
        (with(|l| l.friendly_name = Some(String::new())), Reason::RequiredFieldMissing, "lines[1].friendly_name"),
    ];
    for (lines, reason, field) in cases {
        let mut world = World::new();
        let refusal = world.refusal(buy(lines));
        assert_eq!((refusal.reason, refusal.metadata["field"].as_str()), (reason, field), "{refusal}");
        assert_eq!(world.customer().subscriptions().count(), 0);
    }
}

#[test]
fn who_may_buy() {
    let mut world = World::new();
    assert_eq!(world.refused(buy_from("nobody", vec![line("a", "e3", 1)])), Reason::PartnerNotFound);
    assert_eq!(world.refused(buy_from("reseller", vec![line("a", "e3", 1)])), Reason::ResellerCannotTransact);
    assert_eq!(world.refused(buy_from("provider", vec![line("a", "e3", 1)])), Reason::RelationshipRequired);
    world.relate("provider");
    assert_eq!(world.refused(buy_from("provider", vec![line("a", "german", 1)])), Reason::MarketNotAllowed);
    let reseller = PurchaseLine { reseller_id: Some(partner("reseller")), ..line("a", "e3", 1) };
    world.ok(buy_from("provider", vec![reseller]));
    assert_eq!(world.sub("a").reseller_id, Some(partner("reseller")));
    world.ok(named_order("o", vec![line("b", "german", 1)]));
    assert_eq!(world.refused(named_order("o", vec![line("c", "e3", 1)])), Reason::OrderAlreadyExists);
    assert_eq!(world.refused(buy(vec![line("b", "e3", 1)])), Reason::SubscriptionAlreadyExists);
    world.at("2018-07-01");
    assert_eq!(world.refused(buy(vec![line("c", "old", 1)])), Reason::OfferRetired);
    world.at("2018-06-30").ok(buy(vec![line("c", "old", 1)]));
}

#[test]
fn an_add_on_stands_on_an_active_base_of_the_same_partner() {
    let mut world = World::with_provider();
    world.ok(buy(vec![line("a", "e3", 1), line("b", "e1", 1)]));
    assert_eq!(world.refused(buy_from("provider", vec![add_on("x", "phone", "a")])), Reason::AddonRequiresBase);
    assert_eq!(world.refused(buy(vec![add_on("x", "phone", "b")])), Reason::AddonRequiresBase);
    assert_eq!(world.refused(buy(vec![add_on("x", "phone", "none")])), Reason::AddonRequiresBase);
    world.ok(suspend("a"));
    assert_eq!(world.refused(buy(vec![add_on("x", "phone", "a")])), Reason::AddonRequiresBase);
}

/// V18, and the lifetime limit beside it.
#[test]
fn a_limited_offer_is_free_again_when_deprovisioned() {
    let mut world = World::new();
    world.ok(buy(vec![line("a", "small", 5), line("b", "small", 5), line("c", "once", 1)]));
    world.at("2018-02-01").ok(suspend("b"));
    let refusal = world.refusal(buy(vec![line("d", "small", 5)]));
    assert_eq!(refusal.reason, Reason::OfferLimitExceeded);
    assert_eq!(refusal.metadata["suspended_subscription_ids"], "b");
    let until = world.expires_on("b").to_string();
    world.end(&until);
    assert_eq!(world.standing("b"), Standing::Deprovisioned);
    let both = vec![line("d", "small", 5), line("e", "small", 5)];
    assert_eq!(world.refused(buy(both)), Reason::OfferLimitExceeded, "within one order too");
    world.ok(buy(vec![line("d", "small", 5)]));
    assert_eq!(world.refused(buy(vec![line("f", "once", 1)])), Reason::OfferLimitExceeded);
}

#[test]
fn seats_change_within_the_offers_limits() {
    let mut world = World::new();
    world.at("2018-01-13").ok(buy(vec![line("a", "small", 5), line("l", "a1", 5)]));
    assert_eq!(world.refused(seats("none", 6)), Reason::SubscriptionNotFound);
    assert_eq!(world.refused(seats("a", 5)), Reason::QuantityUnchanged);
    assert_eq!(world.refused(seats("a", 4)), Reason::QuantityBelowMinimum);
    assert_eq!(world.refused(seats("a", 0)), Reason::QuantityBelowMinimum);
    assert_eq!(world.refused(seats("a", 301)), Reason::QuantityAboveMaximum);
    assert_eq!(world.refused(seats("l", 6)), Reason::OfferLocked);
    world.at("2018-01-20").ok(seats("a", 7));
    assert_eq!(world.sub("a").quantity, 7);
    world.at("2018-01-19");
    assert_eq!(world.refused(seats("a", 8)), Reason::EffectiveBeforeLastChange);
    world.at("2018-01-21").ok(suspend("a"));
    assert_eq!(world.refused(seats("a", 8)), Reason::SubscriptionNotActive);
}

#[test]
fn only_the_owner_acts() {
    let mut world = World::with_provider();
    world.ok(buy_from("provider", vec![line("a", "e3", 5)]));
    for command in [seats("a", 6), suspend("a"), reactivate("a"), cancel("a"), switch("a", false)] {
        assert_eq!(world.refused(command), Reason::SubscriptionNotOwned);
    }
}

/// V32.
#[test]
fn a_frequency_changes_for_the_whole_order() {
    let mut world = World::new();
    world.ok(named_order("o", vec![line("a", "e3", 1), line("b", "e1", 1), line("c", "e3", 1)]));
    assert_eq!(world.refused(frequency("none", BillingFrequency::Annual)), Reason::OrderNotFound);
    assert_eq!(world.refused(frequency("o", BillingFrequency::Monthly)), Reason::FrequencyUnchanged);
    world.ok(frequency("o", BillingFrequency::Annual));
    for id in ["a", "b", "c"] {
        assert_eq!(world.sub(id).next_billing_frequency, Some(BillingFrequency::Annual));
    }
    assert_eq!(world.refused(frequency("o", BillingFrequency::Annual)), Reason::FrequencyUnchanged);
    world.ok(frequency("o", BillingFrequency::Monthly));
    assert_eq!(world.sub("a").next_billing_frequency, None);

    let annual = PurchaseLine { billing_frequency: Some(BillingFrequency::Annual), ..line("d", "yearly", 1) };
    world.ok(named_order(
        "p",
        vec![annual, PurchaseLine { billing_frequency: Some(BillingFrequency::Annual), ..line("e", "e3", 1) }],
    ));
    assert_eq!(world.refused(frequency("p", BillingFrequency::Monthly)), Reason::FrequencyNotOffered);
    assert_eq!(world.sub("e").next_billing_frequency, None);
    world.ok(suspend("d"));
    world.ok(suspend("e"));
    assert_eq!(world.refused(frequency("p", BillingFrequency::Annual)), Reason::SubscriptionNotActive);
}

/// L9750: what follows was confirmed; if it changed meanwhile, it is to be confirmed again.
#[test]
fn a_frequency_change_may_name_what_follows() {
    let mut world = World::new();
    world.ok(named_order("o", vec![line("a", "e3", 1), line("b", "e1", 1)]));
    let confirmed = |ids: &[&str]| {
        let (customer_id, partner_id, order_id) = (customer_id(), partner("direct"), order("o"));
        let subscription_ids = ids.iter().map(|id| sub(id)).collect();
        let billing_frequency = BillingFrequency::Annual;
        let change = ChangeBillingFrequency { customer_id, partner_id, order_id, billing_frequency, subscription_ids };
        Command::ChangeBillingFrequency(change)
    };
    let refusal = world.refusal(confirmed(&["a"]));
    assert_eq!((refusal.reason, refusal.metadata["subscription_ids"].as_str()), (Reason::ConfirmationStale, "a,b"));
    world.ok(confirmed(&["b", "a"]));
    world.ok(frequency("o", BillingFrequency::Monthly));
    assert_eq!(world.refused(frequency("o", BillingFrequency::OneTime)), Reason::FrequencyNotOffered);
}

/// Customers page section 2.10: price and term end stay, and what is suspended follows when it comes back.
#[test]
fn a_frequency_change_moves_neither_term_nor_price() {
    let mut world = World::new();
    world.at("2018-01-31").ok(named_order("o", vec![line("a", "e3", 1), line("b", "e3", 1)]));
    world.at("2018-03-10").ok(suspend("b"));
    world.at("2018-03-15").ok(frequency("o", BillingFrequency::Annual));
    world.at("2018-04-10").ok(reactivate("b"));
    world.end("2018-04-30");
    for id in ["a", "b"] {
        let it = world.sub(id);
        assert_eq!((it.billing_frequency, it.term_end), (Some(BillingFrequency::Annual), day("2019-01-31")), "{id}");
    }
    // 306 of 365 days of 48.00 from 31 March on; b from 10 April.
    let annual: Vec<_> = world.charges().into_iter().filter(|row| row.contains("2019-01-31")).collect();
    assert_eq!(
        annual,
        ["Prorate fees when purchase 2018-04-10 2019-01-31 38.93", "Cycle fee 2018-03-31 2019-01-31 40.24"]
    );
}

#[test]
fn only_a_marketplace_renewal_is_switched() {
    let mut world = World::new();
    world.ok(buy(vec![line("a", "e3", 1), line("m", "saas", 1), line("s", "software", 1)]));
    assert_eq!(world.refused(switch("a", false)), Reason::AutoRenewNotSwitchable);
    assert_eq!(world.refused(switch("s", true)), Reason::AutoRenewNotSwitchable);
    assert_eq!(world.refused(switch("m", true)), Reason::AutoRenewUnchanged);
    world.ok(switch("m", false));
    world.ok(switch("m", true));
    world.ok(switch("m", false));
    world.end("2019-01-01");
    assert_eq!(world.standing("m"), Standing::Expired);
    assert_eq!(world.standing("s"), Standing::Expired);
    assert_eq!(world.refused(switch("m", true)), Reason::SubscriptionClosed);
}

#[test]
fn a_plan_is_converted() {
    let convert = |id: &str, to_sku: &str, to: &str| {
        let (customer_id, partner_id, subscription_id) = (customer_id(), partner("direct"), sub(id));
        let (to_sku, to_offer_id) = (to_sku.to_owned(), offer_id(to));
        Command::Convert(Convert { customer_id, partner_id, subscription_id, to_sku, to_offer_id })
    };
    let mut world = World::new();
    world.ok(buy(vec![line("a", "e3", 1), PurchaseLine { sku: Some("S1".into()), ..line("m", "saas", 1) }]));
    assert_eq!(world.refused(convert("a", "S2", "e3")), Reason::ConvertNotOffered);
    assert_eq!(world.refused(convert("m", "S2", "e3")), Reason::ConvertNotOffered);
    assert_eq!(world.refused(convert("m", "S2", "none")), Reason::OfferNotFound);
    assert_eq!(world.refused(convert("m", "S1", "saas")), Reason::ConvertTargetSameSku);
    assert_eq!(world.refused(convert("m", "", "saas")), Reason::RequiredFieldMissing);
    world.ok(convert("m", "S2", "saas"));
    assert_eq!(world.sub("m").sku.as_deref(), Some("S2"));
    assert!(
        matches!(world.journal.iter().rev().find(|e| matches!(e, Event::SubscriptionConverted(_))), Some(Event::SubscriptionConverted(e)) if e.from_sku.as_deref() == Some("S1"))
    );
}
