//! Requests that run out, what a customer may buy by itself, segments of offers, enforced suspensions.

use std::collections::BTreeSet;

use super::kit::*;
use crate::{
    Command, Reason,
    command::{DecideQualification, Purchase, PurchaseLine, RequestQualification, SetPurchasePermission},
    customer::RelationshipStanding,
    offer::{Offer, PricePer, Product, ProductKind, ReservationScope},
    party::{PurchasePermission, Segment},
};

pub(super) fn ask(id: &str, delegated_admin: bool, days: Option<u32>) -> Command {
    command!(RequestRelationship {
        partner_id: partner(id),
        delegated_admin: delegated_admin,
        reseller_id: None,
        expires_after_days: days,
    })
}

pub(super) fn accept(id: &str) -> Command {
    command!(AcceptRelationship { partner_id: partner(id) })
}

#[test]
fn a_request_that_nobody_answers_runs_out_and_may_be_asked_again() {
    let mut world = World::new();
    world.ok(ask("provider", true, Some(10)));
    assert_eq!(world.customer().next_due(), Some(day("2018-01-11")));
    assert_eq!(world.refused(ask("provider", true, None)), Reason::RelationshipExists);
    world.end("2018-01-10");
    let standing = |world: &World| world.customer().relationship(&partner("provider")).unwrap().standing;
    assert_eq!(standing(&world), RelationshipStanding::Requested);
    // The timer of the day has not run, and still the day counts.
    assert_eq!(world.at("2018-01-11").refused(accept("provider")), Reason::RequestExpired);
    world.end("2018-01-11");
    assert_eq!(standing(&world), RelationshipStanding::Expired);
    assert_eq!(world.customer().next_due(), None);
    assert_eq!(world.refused(accept("provider")), Reason::RelationshipNotRequested);
    world.ok(ask("provider", true, None));
    world.end("2018-12-31");
    assert_eq!(world.ok(accept("provider")), ["RelationshipEstablished"], "without days it waits for ever");
}

#[test]
fn the_last_day_of_a_request_is_the_one_before() {
    let mut world = World::new();
    world.ok(ask("provider", false, Some(10)));
    world.at("2018-01-10").ok(accept("provider"));
    assert_eq!(world.customer().next_due(), None, "it has its answer");
    for days in [0, 366] {
        assert_eq!(world.refused(ask("reseller", false, Some(days))), Reason::InvalidValue, "{days}");
    }
}

#[test]
fn a_request_for_admin_rights_runs_out_and_the_relationship_stays() {
    let mut world = World::with_provider();
    assert_eq!(world.ok(ask("provider", true, Some(5))), ["DelegatedAdminRequested"]);
    world.end("2018-01-06");
    let known = world.customer().relationship(&partner("provider")).unwrap();
    assert_eq!((known.standing, known.admin_requested), (RelationshipStanding::Active, false));
    assert_eq!(world.refused(accept("provider")), Reason::RelationshipNotRequested);
    assert_eq!(world.ok(ask("provider", true, Some(5))), ["DelegatedAdminRequested"]);
    // Asked again before the timer has run: the new request counts.
    world.at("2018-01-20").ok(ask("provider", true, Some(5)));
    assert_eq!(world.ok(accept("provider")), ["DelegatedAdminGranted"]);
}

#[test]
fn a_breach_of_the_terms_of_use_is_final_for_the_partner() {
    let mut world = World::new();
    world.ok(buy(vec![line("a", "e3", 5)]));
    let enforce = command!(Suspend {
        partner_id: partner("direct"),
        subscription_id: sub("a"),
        reason: crate::customer::SuspensionReason::Enforced,
    });
    assert_eq!(world.at("2018-01-10").ok(enforce), ["SubscriptionSuspended"]);
    assert_eq!(world.refused(reactivate("a")), Reason::SuspensionEnforced);
    assert_eq!(world.charged(), rust_decimal::Decimal::ZERO, "credited like any other suspension");
}

fn segmented(id: &str, segments: &[Segment]) -> Offer {
    let segments = segments.iter().copied().collect::<BTreeSet<_>>();
    Offer { product: Some(Product { segments, ..Product::default() }), ..offer(id) }
}

/// The matrix of sellability (L15112-15116): government customers buy government offers only, others commercial ones too.
#[test]
fn an_offer_is_sold_to_the_segments_it_names() {
    use Segment::{Commercial, Education, Government, NonProfit};
    let segments = [Commercial, Education, Government, NonProfit];
    for customer in segments {
        for offered in segments {
            let mut world = World::new();
            world.publish(vec![segmented("special", &[offered])], 4);
            if customer != Commercial {
                let (customer_id, partner_id, segment) = (customer_id(), partner("direct"), customer);
                let email = Some("dean@school.example".to_owned());
                let ask = RequestQualification { customer_id: customer_id.clone(), partner_id, segment, email };
                world.ok(Command::RequestQualification(ask));
                let (qualified, note) = (true, String::new());
                world.ok(Command::DecideQualification(DecideQualification { customer_id, segment, qualified, note }));
            }
            let may = offered == customer || offered == Commercial && customer != Government;
            let bought = world.run(&buy(vec![line("x", "special", 1)])).map(|_| ()).map_err(|refused| refused.reason);
            let expected = if may { Ok(()) } else { Err(Reason::SegmentNotQualified) };
            assert_eq!(bought, expected, "{customer:?} buys {offered:?}");
        }
    }
    let mut world = World::new();
    world.publish(vec![segmented("two", &[Education, Commercial])], 4);
    world.ok(buy(vec![line("x", "two", 1)]));
    let special = Product { segments: BTreeSet::from([Education]), ..Product::default() };
    let software =
        Offer { product: Some(special), product_family: crate::offer::ProductFamily::OneTimeRecurring, ..offer("y") };
    let publish = Command::PublishOffers(crate::command::PublishOffers { offers: vec![software] });
    assert_eq!(world.refusal(publish).metadata["field"], "offers[0].product.segments");
}

fn reservation() -> PurchaseLine {
    PurchaseLine {
        azure_subscription_id: Some(sub("plan")),
        reservation_scope: Some(ReservationScope::Shared),
        ..up_front("r", "reserved")
    }
}

fn by_customer(lines: Vec<PurchaseLine>) -> Command {
    let Command::Purchase(order) = buy(lines) else { unreachable!() };
    Command::Purchase(Purchase { by_customer: true, ..order })
}

/// Accounts page section 2.19: reservations, once the partner that pays permits it.
#[test]
fn a_customer_buys_reservations_by_itself_where_its_partner_permits_it() {
    let mut world = World::new();
    world.give(Offer { display_name: "Azure plan".into(), ..product("plan", ProductKind::AzurePlan, 0) });
    world.sell(product("reserved", ProductKind::Reservation, 12), "100", PricePer::Term);
    world.ok(buy(vec![endless("plan", "plan")]));
    assert_eq!(world.refused(by_customer(vec![reservation()])), Reason::PermissionDisabled);
    let permit = |allowed| {
        let (customer_id, partner_id) = (customer_id(), partner("direct"));
        let permission = PurchasePermission::AzureReservations;
        Command::SetPurchasePermission(SetPurchasePermission { customer_id, partner_id, permission, allowed })
    };
    world.ok(permit(true));
    assert_eq!(world.refused(by_customer(vec![line("x", "e3", 1)])), Reason::PermissionDisabled);
    world.ok(by_customer(vec![reservation()]));
    let placed = world.journal.iter().rev().find_map(|event| match event {
        crate::Event::OrderPlaced(e) => Some(e.by_customer),
        _ => None,
    });
    assert_eq!(placed, Some(true));
    world.ok(permit(false));
    assert_eq!(world.refused(by_customer(vec![reservation()])), Reason::PermissionDisabled);
}
