//! Marketplace products: publishers, chosen partners, cancellation and its withdrawal, plans (azure-marketplace-software.md 2.3 to 2.7).

use std::collections::BTreeSet;

use super::kit::*;
use crate::{
    Command, Reason, Rejection,
    command::{ConfirmFulfilment, Convert, PublishPriceList, PurchaseLine, RemoveRelationship, SetAutoRenew},
    customer::Standing,
    ids::PriceListId,
    money::Currency,
    offer::{Availability, BillingFrequency, Fulfilment, FulfilmentFact, Offer, PricePer, Product, ProductFamily},
};

const ASSIGNED: FulfilmentFact = FulfilmentFact::LicensesAssigned;
const SET_UP: FulfilmentFact = FulfilmentFact::SetupConfirmed;

fn saas(id: &str, product: Product) -> Offer {
    Offer { product_family: ProductFamily::MarketplaceSaas, product: Some(product), ..offer(id) }
}

fn publishers() -> Product {
    Product { fulfilment: Fulfilment::Publisher, publisher_name: Some("Tailspin".to_owned()), ..Product::default() }
}

fn world() -> World {
    let mut world = World::with_provider();
    world.sell(saas("mail", publishers()), "31.00", PricePer::Month);
    world.sell(saas("trial-mail", Product { free_trial_days: 30, ..publishers() }), "31.00", PricePer::Month);
    world
}

fn confirm(world: &World, id: &str, fact: FulfilmentFact) -> Command {
    let authorization_code = world.sub(id).authorization_code.clone().unwrap();
    Command::ConfirmFulfilment(ConfirmFulfilment {
        customer_id: customer_id(),
        subscription_id: sub(id),
        fact,
        authorization_code,
    })
}

fn fact(world: &mut World, at: &str, id: &str, fact: FulfilmentFact) -> Vec<&'static str> {
    let command = confirm(world, id, fact);
    world.at(at).ok(command)
}

fn refused_fact(world: &mut World, at: &str, id: &str, fact: FulfilmentFact) -> Rejection {
    let command = confirm(world, id, fact);
    world.at(at).refusal(command)
}

fn switch(id: &str, auto_renew: bool) -> Command {
    let (customer_id, partner_id, subscription_id) = (customer_id(), partner("direct"), sub(id));
    Command::SetAutoRenew(SetAutoRenew { customer_id, partner_id, subscription_id, auto_renew })
}

fn convert(id: &str, to: &str) -> Command {
    let (customer_id, partner_id, subscription_id) = (customer_id(), partner("direct"), sub(id));
    let (to_sku, to_offer_id) = (to.to_owned(), offer_id(to));
    Command::Convert(Convert { customer_id, partner_id, subscription_id, to_sku, to_offer_id })
}

/// Worked example 23: ordered 06-10, licenses 06-12, confirmed 06-13, either first.
#[test]
fn a23_billing_starts_with_the_later_of_two_facts() {
    for facts in
        [[("2020-06-12", ASSIGNED), ("2020-06-13", SET_UP)], [("2020-06-13", SET_UP), ("2020-06-12", ASSIGNED)]]
    {
        let mut world = world();
        world.at("2020-06-10T09:00:00Z").ok(buy(vec![line("m", "mail", 1)]));
        assert!(matches!(world.standing("m"), Standing::PendingFulfilment { .. }));
        let [(first_on, first), (second_on, second)] = facts;
        assert_eq!(fact(&mut world, first_on, "m", first), ["FulfilmentConfirmed"]);
        assert_eq!(world.charges(), [""; 0]);
        assert_eq!(fact(&mut world, second_on, "m", second), ["FulfilmentConfirmed", "SubscriptionActivated"]);
        assert_eq!(world.charges(), ["New 2020-06-13 2020-07-13 31.00"]);
        assert_eq!(world.charge_days(), [day("2020-06-13")]);
        let m = world.sub("m");
        assert_eq!((m.standing, m.start, m.term_end), (Standing::Active, day("2020-06-13"), day("2021-06-13")));
        world.at("2020-06-13").end("2020-07-13");
        assert_eq!(world.charges().get(1).unwrap(), "Renew 2020-07-13 2020-08-13 31.00");
    }
}

#[test]
fn a_trial_starts_with_the_facts_too() {
    let mut world = world();
    world.at("2020-06-01").ok(buy(vec![line("m", "trial-mail", 1)]));
    fact(&mut world, "2020-06-10", "m", ASSIGNED);
    fact(&mut world, "2020-06-10", "m", SET_UP);
    let m = world.sub("m");
    assert_eq!((m.standing, m.trial_end, m.term_end), (Standing::Trial, Some(day("2020-07-10")), day("2021-07-10")));
    world.end("2020-07-10");
    assert_eq!(world.charges(), ["New 2020-06-10 2020-07-10 0.00", "Renew 2020-07-10 2020-08-10 31.00"]);
}

#[test]
fn what_waits_for_its_publisher_cannot_change_but_can_be_cancelled() {
    let mut world = world();
    world.at("2020-06-10").ok(buy(vec![line("m", "mail", 1), line("a", "saas", 1)]));
    for command in [seats("m", 2), switch("m", false), convert("m", "saas")] {
        assert_eq!(world.refused(command), Reason::SubscriptionNotActive);
    }
    let (customer_id, partner_id) = (customer_id(), partner("direct"));
    let remove = Command::RemoveRelationship(RemoveRelationship { customer_id, partner_id });
    assert_eq!(world.refusal(remove).metadata["subscription_ids"], "a,m");
    let before = world.charges().len();
    assert_eq!(world.at("2020-08-01").ok(cancel("m")), ["SubscriptionCancelled"]);
    assert_eq!(world.charges().iter().filter(|row| row.contains("31.00")).count(), 0, "never billed");
    assert!(world.charges().len() >= before);
    assert_eq!(refused_fact(&mut world, "2020-08-02", "m", ASSIGNED).reason, Reason::FulfilmentNotPending);
}

#[test]
fn a_fact_must_fit() {
    let mut world = world();
    world.at("2020-06-10").ok(buy(vec![line("m", "mail", 1), line("a", "saas", 1)]));
    let Command::ConfirmFulfilment(mut wrong) = confirm(&world, "m", ASSIGNED) else { unreachable!() };
    "other".clone_into(&mut wrong.authorization_code);
    assert_eq!(world.refused(Command::ConfirmFulfilment(wrong.clone())), Reason::AuthorizationCodeMismatch);
    wrong.subscription_id = sub("none");
    assert_eq!(world.refused(Command::ConfirmFulfilment(wrong.clone())), Reason::SubscriptionNotFound);
    wrong.subscription_id = sub("a");
    assert_eq!(world.refused(Command::ConfirmFulfilment(wrong)), Reason::FulfilmentNotPending, "automatic");
    let early = refused_fact(&mut world, "2020-06-09", "m", ASSIGNED);
    assert_eq!(early.reason, Reason::EffectiveBeforeLastChange);
    fact(&mut world, "2020-06-11", "m", ASSIGNED);
    let again = refused_fact(&mut world, "2020-06-12", "m", ASSIGNED);
    assert_eq!(
        (again.reason, again.metadata["effective_on"].as_str()),
        (Reason::FulfilmentAlreadyConfirmed, "2020-06-11")
    );
}

/// Worked example 22 with a publisher: the window is the order's, whenever billing started (decision G3).
#[test]
fn a22_the_cancel_window_runs_from_the_order() {
    let mut world = world();
    world.at("2020-06-10T09:00:00Z").ok(buy(vec![line("m", "mail", 1)]));
    fact(&mut world, "2020-06-10T20:00:00Z", "m", ASSIGNED);
    fact(&mut world, "2020-06-11T08:00:00Z", "m", SET_UP);
    let mut early = world.clone();
    assert_eq!(early.at("2020-06-11T08:59:59Z").ok(cancel("m")), ["SubscriptionCancelled"]);
    assert_eq!(early.charged(), 0.into());
    let late = world.at("2020-06-11T09:00:00Z").ok(cancel("m"));
    assert_eq!(late, ["CancellationScheduled", "AutoRenewChanged"]);
}

#[test]
fn a_scheduled_cancellation_is_taken_back_by_renewing_again() {
    let mut world = world();
    world.at("2019-06-10").ok(buy(vec![line("m", "saas", 1)]));
    world.at("2019-07-01").ok(cancel("m"));
    assert_eq!(world.sub("m").cancelled_from, Some(day("2020-06-10")));
    let refusal = world.refusal(cancel("m"));
    assert_eq!(
        (refusal.reason, refusal.metadata["effective_on"].as_str()),
        (Reason::CancellationAlreadyScheduled, "2020-06-10")
    );
    assert_eq!(world.ok(switch("m", true)), ["AutoRenewChanged", "CancellationWithdrawn"]);
    assert_eq!((world.sub("m").cancelled_from, world.sub("m").auto_renew), (None, true));
    assert_eq!(world.ok(switch("m", false)), ["AutoRenewChanged"]);
    assert_eq!(world.ok(switch("m", true)), ["AutoRenewChanged"], "nothing was scheduled");
    let (price_list_id, currency) = (PriceListId::new("next").unwrap(), Currency::new("EUR").unwrap());
    let rows = vec![price_row("saas", 9, "2020-01-01")];
    world.ok(Command::PublishPriceList(PublishPriceList { price_list_id, currency, rows }));
    world.end("2020-06-10");
    assert_eq!(world.standing("m"), Standing::Active);
    let charges = world.charges();
    let tail = charges.split_at(charges.len() - 2).1;
    assert_eq!(
        tail,
        ["Renew 2020-05-10 2020-06-10 4.00", "Renew 2020-06-10 2020-07-10 9.00"],
        "the price of that day (L9719)"
    );
}

#[test]
fn the_full_credit_covers_every_line_since_the_order() {
    let mut world = world();
    let annual = PurchaseLine { billing_frequency: Some(BillingFrequency::Annual), ..line("m", "saas", 2) };
    world.at("2020-06-10T09:00:00Z").ok(buy(vec![annual]));
    world.at("2020-06-12").ok(seats("m", 5));
    world.at("2020-06-20").ok(seats("m", 3));
    assert!(world.charged() > 0.into());
    world.at("2020-06-24T08:59:59Z").ok(cancel("m"));
    assert_eq!(world.charged(), 0.into());
    assert_eq!(world.refused(seats("m", 1)), Reason::SubscriptionClosed);
}

#[test]
fn an_exclusive_offer_is_sold_by_chosen_partners() {
    let mut world = world();
    let selected = |ids: &[&str]| {
        let granted_partner_ids = ids.iter().map(|id| partner(id)).collect::<BTreeSet<_>>();
        Product { availability: Availability::Selected, granted_partner_ids, ..Product::default() }
    };
    world.sell(saas("chosen", selected(&["provider"])), "4.00", PricePer::Month);
    world.sell(
        saas("nobody", Product { availability: Availability::None, ..Product::default() }),
        "4.00",
        PricePer::Month,
    );
    let refusal = world.refusal(buy(vec![line("m", "chosen", 1)]));
    assert_eq!(
        (refusal.reason, refusal.metadata["field"].as_str()),
        (Reason::ExclusiveOfferNotGranted, "lines[0].offer_id")
    );
    assert_eq!(world.refused(buy(vec![line("m", "nobody", 1)])), Reason::OfferNotInCsp);
    world.ok(buy_from("provider", vec![line("m", "chosen", 1)]));
    world.ok(buy(vec![line("n", "saas", 1)]));
    assert_eq!(world.refused(convert("n", "chosen")), Reason::ExclusiveOfferNotGranted, "a new plan is a new purchase");
    // Decision G2: a grant that is lost stops nothing that runs.
    world.give(saas("chosen", selected(&[])));
    assert_eq!(world.refused(buy_from("provider", vec![line("o", "chosen", 1)])), Reason::ExclusiveOfferNotGranted);
    world.end("2019-01-01");
    assert_eq!((world.standing("m"), world.sub("m").term_number), (Standing::Active, 2));
}

/// Worked example 24: 06-10 to 07-09, 15 of 30 days left, from 20.00 to 10.00.
#[test]
fn a24_a_plan_converts_within_its_product() {
    let mut world = world();
    let of = |product: &str| Product { product_id: Some(product.to_owned()), ..Product::default() };
    for (id, price, product) in
        [("gold", "20.00", "backup"), ("silver-plan", "10.00", "backup"), ("other", "1.00", "chat")]
    {
        world.sell(saas(id, of(product)), price, PricePer::Month);
    }
    world.at("2020-06-10").ok(buy(vec![line("m", "gold", 1)]));
    world.at("2020-06-25");
    assert_eq!(world.refused(convert("m", "other")), Reason::ConvertTargetOtherProduct);
    world.ok(convert("m", "silver-plan"));
    assert_eq!(
        world.charges().get(1..).unwrap(),
        ["Convert 2020-06-10 2020-07-10 -10.00", "Convert 2020-06-10 2020-07-10 5.00"]
    );
}

/// L14516: the publisher's trial can be neither waived nor changed.
#[test]
fn a_trial_of_the_offer_cannot_be_waived() {
    let mut world = world();
    world.sell(saas("try", Product { free_trial_days: 30, ..Product::default() }), "4.00", PricePer::Month);
    let days = |free_trial_days| PurchaseLine { free_trial_days, ..line("m", "try", 1) };
    let refusal = world.refusal(buy(vec![days(60)]));
    assert_eq!((refusal.reason, refusal.metadata["free_trial_days"].as_str()), (Reason::TrialNotWaivable, "30"));
    let mut same = world.clone();
    same.ok(buy(vec![days(30)]));
    world.ok(buy(vec![days(0)]));
    assert_eq!((world.standing("m"), world.sub("m").trial_end), (Standing::Trial, Some(day("2018-01-31"))));
}

#[test]
fn a_publishers_say_is_for_marketplace_products() {
    let cases = [
        (Product { fulfilment: Fulfilment::Publisher, ..Product::default() }, "fulfilment"),
        (Product { availability: Availability::None, ..Product::default() }, "availability"),
        (Product { free_trial_days: 30, ..Product::default() }, "free_trial_days"),
        (Product { free_trial_days: 366, ..Product::default() }, "free_trial_days"),
        (Product { publisher_name: Some(" ".to_owned()), ..Product::default() }, "publisher_name"),
        (
            Product { granted_partner_ids: BTreeSet::from([partner("direct")]), ..Product::default() },
            "granted_partner_ids",
        ),
    ];
    for (product, field) in cases {
        let offers = vec![Offer { product: Some(product), ..offer("x") }];
        let refusal = World::new().refusal(Command::PublishOffers(crate::command::PublishOffers { offers }));
        assert_eq!(refusal.metadata["field"], format!("offers[0].product.{field}"));
    }
}
