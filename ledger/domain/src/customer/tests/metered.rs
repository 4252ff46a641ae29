//! Custom meters: marketplace plans without a billing period (L10616-10640).

use super::kit::*;
use crate::{
    Command, Reason,
    command::{ChangeBillingFrequency, Convert, PurchaseLine},
    customer::Standing,
    ids::OrderId,
    offer::BillingFrequency,
};

fn metered(id: &str, offer: &str) -> PurchaseLine {
    PurchaseLine { billing_frequency: None, sku: Some(offer.to_owned()), ..line(id, offer, 1) }
}

fn convert(id: &str, to: &str) -> Command {
    let (customer_id, partner_id, subscription_id) = (customer_id(), partner("direct"), sub(id));
    Command::Convert(Convert {
        customer_id,
        partner_id,
        subscription_id,
        to_sku: to.to_owned(),
        to_offer_id: offer_id(to),
    })
}

#[test]
fn it_is_charged_once_and_stays_in_use() {
    let mut world = World::new();
    world.at("2019-06-10T09:00:00Z").ok(buy(vec![metered("m", "silver")]));
    world.end("2020-08-01");
    assert_eq!(world.charges(), ["New 2019-06-10 2019-06-11 4.00"]);
    let m = world.sub("m");
    assert_eq!((m.standing, m.term_start, m.is_metered()), (Standing::Active, day("2020-06-10"), true));
    assert_eq!(world.ok(cancel("m")), ["CancellationScheduled", "AutoRenewChanged"]);
    world.end("2021-06-10");
    assert_eq!((world.standing("m"), world.charges().len()), (Standing::Expired, 1));
}

#[test]
fn it_has_no_frequency_to_choose_or_to_change() {
    let mut world = World::new();
    assert_eq!(world.refused(buy(vec![line("m", "silver", 1)])), Reason::FrequencyNotOffered);
    assert_eq!(
        world.refused(buy(vec![PurchaseLine { billing_frequency: None, ..line("m", "saas", 1) }])),
        Reason::BillingFrequencyRequired
    );
    world.ok(buy(vec![metered("m", "silver")]));
    let order_id: OrderId = world.sub("m").order_id.clone();
    let (customer_id, partner_id) = (customer_id(), partner("direct"));
    let change = ChangeBillingFrequency {
        customer_id,
        partner_id,
        order_id,
        billing_frequency: BillingFrequency::Annual,
        subscription_ids: Vec::new(),
    };
    assert_eq!(world.refused(Command::ChangeBillingFrequency(change)), Reason::FrequencyNotOffered);
    assert_eq!(world.refused(convert("m", "saas")), Reason::FrequencyNotOffered);
}

/// L10632-10640; after 24 hours nothing is credited.
#[test]
fn a_cancellation_in_the_window_credits_it_whole() {
    let mut world = World::new();
    world.at("2019-06-10T09:00:00Z").ok(buy(vec![metered("m", "silver")]));
    assert_eq!(world.at("2019-06-11T08:59:59Z").ok(cancel("m")), ["SubscriptionCancelled"]);
    let charges = ["New 2019-06-10 2019-06-11 4.00", "Cancel immediate 2019-06-10 2019-06-11 -4.00"];
    assert_eq!((world.charges(), world.standing("m")), (charges.map(str::to_owned).to_vec(), Standing::Cancelled));
}

/// L10625-10627 on the day itself. Later its day is used up, and the new plan is charged for its own.
#[test]
fn a_conversion_charges_the_new_plan_for_the_day() {
    let mut world = World::new();
    world.at("2019-06-10T09:00:00Z").ok(buy(vec![metered("m", "silver")]));
    world.at("2019-06-10T10:00:00Z").ok(convert("m", "bronze"));
    world.at("2019-07-20").ok(convert("m", "silver"));
    world.end("2019-09-01");
    let charges = [
        "New 2019-06-10 2019-06-11 4.00",
        "Convert 2019-06-10 2019-06-11 -4.00",
        "Convert 2019-06-10 2019-06-11 4.00",
        "Convert 2019-07-20 2019-07-21 4.00",
    ];
    assert_eq!(world.charges(), charges);
    assert_eq!(world.standing("m"), Standing::Active);
}

#[test]
fn its_trial_is_followed_by_the_one_day() {
    let mut world = World::new();
    let trial = PurchaseLine { free_trial_days: 30, ..metered("m", "silver") };
    world.at("2019-06-10").ok(buy(vec![trial]));
    world.end("2019-09-01");
    let charges = ["New 2019-06-10 2019-07-10 0.00", "Renew 2019-07-10 2019-07-11 4.00"];
    assert_eq!((world.charges(), world.standing("m")), (charges.map(str::to_owned).to_vec(), Standing::Active));
}
