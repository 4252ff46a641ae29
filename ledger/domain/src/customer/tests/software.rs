//! Software: paid up front, cancelled within 60 days (azure-marketplace-software.md 2.23).

use super::kit::*;
use crate::{
    Command, Reason,
    command::{Cancel, ChangeBillingFrequency, RemoveRelationship},
    customer::Standing,
    offer::{BillingFrequency, Offer, PricePer, Product, ProductKind, ProrationRule},
};

fn world() -> World {
    let mut world = World::new();
    world.sell(product("server", ProductKind::SoftwareSubscription, 12), "1095.00", PricePer::Term);
    world.sell(product("server-3", ProductKind::SoftwareSubscription, 36), "2190.00", PricePer::Term);
    world.sell(product("for-ever", ProductKind::SoftwarePerpetual, 0), "1095.00", PricePer::Term);
    let linux = product("linux", ProductKind::SoftwareSubscription, 12);
    let product = Some(Product { not_returnable: true, ..linux.product().clone() });
    world.sell(Offer { product, ..linux }, "365.00", PricePer::Year);
    world
}

/// Worked example 25: bought 2020-03-01, day 60 is 2020-04-30.
#[test]
fn a25_day_60_is_in_time_and_day_61_is_overdue() {
    let mut world = world();
    world.at("2020-03-01T15:00:00Z").ok(buy(vec![
        up_front("one", "server"),
        up_front("three", "server-3"),
        endless("ever", "for-ever"),
    ]));
    let bought =
        ["New 2020-03-01 2021-03-01 1095.00", "New 2020-03-01 2023-03-01 2190.00", "New 2020-03-01 2020-03-02 1095.00"];
    assert_eq!(world.charges(), bought);
    let mut late = world.clone();
    let refusal = late.at("2020-05-01").refusal(cancel("one"));
    assert_eq!((refusal.reason, refusal.metadata["days_overdue"].as_str()), (Reason::SoftwareCancelWindowPassed, "1"));
    assert_eq!(refusal.metadata["last_day"], "2020-04-30");
    let refusal = late.at("2020-06-09").refusal(cancel("ever"));
    assert_eq!((refusal.reason, refusal.metadata["days_overdue"].as_str()), (Reason::SoftwareCancelWindowPassed, "40"));

    world.at("2020-04-30T23:59:59Z");
    for id in ["one", "three", "ever"] {
        assert_eq!(world.ok(cancel(id)), ["SubscriptionCancelled"]);
        assert_eq!(world.standing(id), Standing::Cancelled);
    }
    let credits = [
        "Cancel immediate 2020-03-01 2021-03-01 -915.00",
        "Cancel immediate 2020-03-01 2023-03-01 -2070.00",
        "Cancel immediate 2020-03-01 2020-03-02 -1095.00",
    ];
    assert_eq!(world.charges().get(3..).unwrap(), credits);
}

#[test]
fn software_for_ever_neither_ends_nor_is_charged_again() {
    let mut world = world();
    world.at("2018-01-31").ok(buy(vec![endless("ever", "for-ever"), up_front("one", "server")]));
    assert_eq!(world.sub("ever").term_end, crate::calendar::NEVER);
    world.end("2019-01-31");
    assert_eq!((world.standing("ever"), world.standing("one")), (Standing::Active, Standing::Expired));
    assert_eq!((world.charges().len(), world.customer().next_due()), (2, None));
}

#[test]
fn it_is_returned_whole_or_not_at_all() {
    let mut world = world();
    world.ok(buy(vec![up_front("one", "server"), up_front("lin", "linux")]));
    assert_eq!(world.refused(cancel("lin")), Reason::NotReturnable);
    assert_eq!(world.refused(seats("one", 2)), Reason::QuantityFixed);
    assert_eq!(world.refused(seats("one", 0)), Reason::PartialReturnNotAllowed);
    assert_eq!(world.refused(suspend("one")), Reason::UseCancel);
    let (partner_id, order_id) = (partner("direct"), world.sub("one").order_id.clone());
    let annual = BillingFrequency::Annual;
    let change = ChangeBillingFrequency {
        customer_id: customer_id(),
        partner_id,
        order_id,
        billing_frequency: annual,
        subscription_ids: Vec::new(),
    };
    assert_eq!(world.refused(Command::ChangeBillingFrequency(change)), Reason::FrequencyNotOffered);
    let (customer_id, partner_id, subscription_id) = (customer_id(), partner("direct"), sub("one"));
    let used = Cancel {
        customer_id: customer_id.clone(),
        partner_id: partner_id.clone(),
        subscription_id,
        reservation_used: Some(true),
        accept_capped_refund: false,
    };
    assert_eq!(world.refusal(Command::Cancel(used)).metadata["field"], "reservation_used");
    // L11337: it keeps the relationship while it can be cancelled; V29 and decision G04.
    let remove = Command::RemoveRelationship(RemoveRelationship { customer_id, partner_id });
    assert_eq!(world.refused(remove.clone()), Reason::ActiveSubscriptionsExist);
    world.at("2018-03-03").ok(remove);
}

#[test]
fn a_bad_offer_names_its_field() {
    type Change = fn(&mut Offer);
    let cases: [(ProductKind, Change, &str); 9] = [
        (ProductKind::SoftwareSubscription, |o| o.term_months = 72, "term_months"),
        (ProductKind::SoftwareSubscription, |o| o.proration_rule = ProrationRule::RoundedUnit, "proration_rule"),
        (
            ProductKind::SoftwareSubscription,
            |o| o.billing_frequencies = [BillingFrequency::Monthly].into(),
            "billing_frequencies",
        ),
        (
            ProductKind::Reservation,
            |o| o.billing_frequencies = [BillingFrequency::Annual].into(),
            "billing_frequencies",
        ),
        (ProductKind::SoftwarePerpetual, |o| o.term_months = 12, "term_months"),
        (
            ProductKind::SoftwarePerpetual,
            |o| o.billing_frequencies = [BillingFrequency::OneTime].into(),
            "billing_frequencies",
        ),
        (ProductKind::AzurePlan, |o| o.maximum_quantity = Some(2), "maximum_quantity"),
        (ProductKind::AzurePlan, |o| o.product_family = crate::offer::ProductFamily::License, "product_family"),
        (ProductKind::Reservation, |o| o.kind = crate::offer::OfferKind::Trial, "kind"),
    ];
    for (kind, change, field) in cases {
        let mut bad = product("x", kind, 12);
        change(&mut bad);
        let refusal = World::new().refusal(Command::PublishOffers(crate::command::PublishOffers { offers: vec![bad] }));
        assert_eq!(
            (refusal.reason, refusal.metadata["field"].as_str()),
            (Reason::InvalidValue, format!("offers[0].{field}").as_str()),
            "{refusal}"
        );
    }
    let up_front_license = Offer { billing_frequencies: [BillingFrequency::OneTime].into(), ..offer("x") };
    let publish = Command::PublishOffers(crate::command::PublishOffers { offers: vec![up_front_license] });
    assert_eq!(World::new().refusal(publish).metadata["field"], "offers[0].billing_frequencies");
}
