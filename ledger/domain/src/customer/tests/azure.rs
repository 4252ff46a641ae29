//! Azure plans and classic Azure subscriptions (azure-marketplace-software.md 2.14).

use super::kit::*;
use crate::{
    Command, Reason,
    command::{PurchaseLine, RemoveRelationship},
    customer::Standing,
    ids::PartnerId,
    offer::ProductKind,
    party::PartnerKind,
};

fn world() -> World {
    let mut world = World::with_provider();
    world.give(product("plan", ProductKind::AzurePlan, 0));
    world.give(product("classic", ProductKind::AzureSubscription, 0));
    world.ok(Command::RegisterPartner(crate::command::RegisterPartner {
        partner_id: partner("second"),
        name: "Second".to_owned(),
        kind: PartnerKind::IndirectReseller,
        country: "DE".to_owned(),
        currency: crate::money::Currency::new("EUR").unwrap(),
        billing_day: 1,
        mpn_id: String::new(),
    }));
    world
}

fn of(reseller: &str, line: PurchaseLine) -> PurchaseLine {
    PurchaseLine { reseller_id: Some(PartnerId::new(reseller).unwrap()), ..line }
}

/// Worked example 29.
#[test]
fn a29_one_plan_for_each_reseller_and_no_new_classic_subscription() {
    let mut world = world();
    world.ok(buy_from("provider", vec![of("second", endless("old", "classic"))]));
    world.ok(buy_from("provider", vec![of("reseller", endless("p1", "plan"))]));
    let refusal = world.refusal(buy_from("provider", vec![of("reseller", endless("p2", "plan"))]));
    assert_eq!((refusal.reason, refusal.metadata["subscription_id"].as_str()), (Reason::AzurePlanExists, "p1"));
    world.ok(buy_from("provider", vec![of("second", endless("p2", "plan"))]));
    for reseller in ["reseller", "second"] {
        let classic = buy_from("provider", vec![of(reseller, endless("new", "classic"))]);
        assert_eq!(world.refused(classic), Reason::AzurePlanBlocks0145p);
    }
    assert_eq!(world.standing("old"), Standing::Active, "it goes on beside the plans");
    // Another partner has plans of its own.
    world.ok(buy(vec![endless("other", "classic")]));
    assert_eq!(world.refused(buy(vec![endless("p3", "plan"), endless("p4", "plan")])), Reason::AzurePlanExists);
    assert_eq!(world.refused(buy(vec![endless("p3", "plan"), endless("c", "classic")])), Reason::AzurePlanBlocks0145p);
}

#[test]
fn a_plan_costs_nothing_and_is_active_until_cancelled() {
    let mut world = world();
    world.at("2020-03-31").ok(buy(vec![endless("p", "plan")]));
    assert_eq!((world.sub("p").auto_renew, world.sub("p").prices.len()), (true, 0));
    world.end("2021-04-30");
    assert_eq!((world.standing("p"), world.charges().len(), world.customer().next_due()), (Standing::Active, 0, None));
    assert_eq!(world.refused(suspend("p")), Reason::UseCancel);
    assert_eq!(world.refused(seats("p", 2)), Reason::QuantityFixed);
    let (customer_id, partner_id) = (customer_id(), partner("direct"));
    let remove = Command::RemoveRelationship(RemoveRelationship { customer_id, partner_id });
    assert_eq!(world.refused(remove.clone()), Reason::ActiveSubscriptionsExist);
    assert_eq!(world.ok(cancel("p")), ["SubscriptionCancelled"]);
    world.ok(buy(vec![endless("q", "plan")]));
    world.ok(cancel("q"));
    world.ok(remove);
    let two = PurchaseLine { quantity: 2, ..endless("r", "plan") };
    let mut fresh = self::world();
    assert_eq!(fresh.refused(buy(vec![two])), Reason::QuantityAboveMaximum);
    assert_eq!(fresh.refused(buy(vec![line("r", "plan", 1)])), Reason::FrequencyNotOffered);
}

/// Customers page section 2.11: a classic subscription is suspended; it costs nothing itself (L7951).
#[test]
fn a_classic_subscription_is_suspended_and_comes_back() {
    let mut world = world();
    world.at("2018-03-01").ok(buy(vec![endless("c", "classic")]));
    world.at("2018-05-01").ok(suspend("c"));
    world.at("2018-06-01").ok(reactivate("c"));
    assert_eq!(world.standing("c"), Standing::Active);
    world.ok(cancel("c"));
    let until = world.expires_on("c").to_string();
    world.end(&until);
    assert_eq!((world.standing("c"), world.charges().len()), (Standing::Deprovisioned, 0));
}
