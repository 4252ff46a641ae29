//! Transfers (customers page section 2.18).

use super::kit::*;
use crate::{
    Command, Event, Reason,
    command::{AcceptTransfer, DeclineTransfer, PurchaseLine, RemoveRelationship, RequestTransfer, WithdrawTransfer},
    customer::{Standing, SuspensionReason, TransferStanding},
    offer::BillingFrequency,
};

fn request(id: &str, subscriptions: &[&str]) -> RequestTransfer {
    RequestTransfer {
        customer_id: customer_id(),
        transfer_id: Some(transfer(id)),
        source_partner_id: partner("direct"),
        target_partner_id: partner("provider"),
        subscription_ids: subscriptions.iter().map(|id| sub(id)).collect(),
        expires_after_days: None,
    }
}

fn ask(id: &str, subscriptions: &[&str]) -> Command {
    Command::RequestTransfer(request(id, subscriptions))
}

fn accept(id: &str) -> Command {
    let (customer_id, transfer_id, partner_id) = (customer_id(), transfer(id), partner("provider"));
    Command::AcceptTransfer(AcceptTransfer { customer_id, transfer_id, partner_id })
}

fn decline(id: &str, by: &str) -> Command {
    let (customer_id, transfer_id, partner_id) = (customer_id(), transfer(id), partner(by));
    Command::DeclineTransfer(DeclineTransfer { customer_id, transfer_id, partner_id, note: String::new() })
}

fn withdraw(id: &str, by: &str) -> Command {
    let (customer_id, transfer_id, partner_id) = (customer_id(), transfer(id), partner(by));
    Command::WithdrawTransfer(WithdrawTransfer { customer_id, transfer_id, partner_id })
}

/// `direct` owns two licenses, a base with two add-ons among them.
fn world() -> World {
    let mut world = World::with_provider();
    let annual = PurchaseLine { billing_frequency: Some(BillingFrequency::Annual), ..line("e1", "e1", 10) };
    let base = vec![line("e3", "e3", 5), add_on("x", "phone", "e3"), add_on("y", "phone", "e3")];
    world.at("2020-02-01").ok(buy(vec![annual]));
    world.ok(buy(base));
    world.at("2020-02-21");
    world
}

/// V23 and V25: what was chosen moves with the quantities of the request, the rest stays.
#[test]
fn a_transfer_moves_what_was_asked_for() {
    let mut world = world();
    world.ok(ask("t", &["e1"]));
    world.at("2020-03-01").ok(seats("e1", 12));
    let names = world.at("2020-03-05").ok(accept("t"));
    assert_eq!(names, ["TransferCompleted", "SubscriptionSuspended", "OrderPlaced", "SubscriptionCreated"]);
    let created = world.journal.iter().rev().find_map(|event| match event {
        Event::SubscriptionCreated(e) => Some(e.clone()),
        _ => None,
    });
    let new = created.unwrap();
    assert_eq!((new.partner_id.as_str(), new.quantity, new.start), ("provider", 10, day("2020-03-05")));
    assert_eq!(
        (new.term_end, new.billing_frequency, new.auto_renew),
        (day("2021-03-05"), Some(BillingFrequency::Annual), true)
    );
    assert_eq!((new.transferred_from_subscription_id, new.reseller_id), (Some(sub("e1")), Some(partner("direct"))));
    assert_eq!(world.sub("e1").quantity, 12, "what is credited");
    assert!(matches!(world.standing("e1"), Standing::Suspended { reason: SuspensionReason::Transferred, .. }));
    assert_eq!((world.standing("e3"), world.sub("e3").auto_renew), (Standing::Active, true));
    assert_eq!(world.customer().transfer(&transfer("t")).unwrap().standing, TransferStanding::Complete);
    assert_eq!(world.refused(reactivate("e1")), Reason::SubscriptionTransferred);
    assert_eq!(world.refused(accept("t")), Reason::TransferClosed);
    assert_eq!(world.refused(withdraw("t", "direct")), Reason::TransferClosed);
}

/// V24: add-ons come with their base, and never alone.
#[test]
fn add_ons_move_with_their_base() {
    let mut world = world();
    assert_eq!(world.refused(ask("t", &["x"])), Reason::AddonMovesWithBase);
    world.ok(ask("t", &["e3"]));
    let lines = &world.customer().transfer(&transfer("t")).unwrap().lines;
    assert_eq!(lines.iter().map(|line| line.subscription_id.as_str()).collect::<Vec<_>>(), ["e3", "x", "y"]);
    world.ok(accept("t"));
    let base = world
        .customer()
        .subscriptions()
        .find(|it| it.offer_id.as_str() == "e3" && it.partner_id.as_str() == "provider");
    let base = base.unwrap().subscription_id.clone();
    let moved = world.customer().subscriptions().filter(|it| it.base_subscription_id.as_ref() == Some(&base));
    assert_eq!(moved.map(|it| it.term_end).collect::<Vec<_>>(), [day("2021-02-21"); 2]);
}

/// V26.
#[test]
fn a_subscription_is_in_one_request_at_a_time() {
    let mut world = world();
    world.ok(ask("t", &["e1"]));
    let refusal = world.refusal(ask("u", &["e3", "e1"]));
    assert_eq!(
        (refusal.reason, refusal.metadata["reason.e1"].as_str()),
        (Reason::InAnotherRequest, "IN_ANOTHER_REQUEST")
    );
    assert_eq!(world.refused(ask("t", &["e3"])), Reason::TransferAlreadyExists);
    world.ok(withdraw("t", "direct"));
    world.ok(ask("u", &["e3", "e1"]));
}

/// V27, with the families of this ledger.
#[test]
fn each_ineligible_line_has_its_reason() {
    let mut world = world();
    let trial = PurchaseLine { free_trial_days: 30, ..line("n", "saas", 1) };
    world.ok(buy(vec![line("m", "saas", 1), line("s", "software", 1), line("l", "a1", 1), line("z", "e3", 1), trial]));
    world.ok(suspend("z"));
    let refusal = world.refusal(ask("t", &["m", "s", "l", "z", "n", "e3"]));
    for (id, reason) in [
        ("m", Reason::NotTransferableMarketplace),
        ("n", Reason::NotTransferableMarketplace),
        ("s", Reason::NotTransferableTermBased),
        ("l", Reason::NotTransferableLocked),
        ("z", Reason::NotTransferableSuspended),
    ] {
        assert_eq!(refusal.metadata[&format!("reason.{id}")], reason.code());
    }
    assert!(!refusal.metadata.contains_key("reason.e3"));
    world.ok(ask("t", &["e3"]));
}

#[test]
fn who_asks_and_who_answers() {
    let mut world = world();
    let with = |change: fn(&mut RequestTransfer)| {
        let mut command = request("t", &["e1"]);
        change(&mut command);
        Command::RequestTransfer(command)
    };
    assert_eq!(world.refused(with(|c| c.subscription_ids.clear())), Reason::RequiredFieldMissing);
    assert_eq!(world.refused(with(|c| c.subscription_ids.push(sub("e1")))), Reason::InvalidValue);
    assert_eq!(world.refused(with(|c| c.subscription_ids.push(sub("none")))), Reason::SubscriptionNotFound);
    assert_eq!(world.refused(with(|c| c.target_partner_id = partner("direct"))), Reason::TransferTargetIsSource);
    assert_eq!(world.refused(with(|c| c.target_partner_id = partner("reseller"))), Reason::ResellerCannotTransact);
    assert_eq!(world.refused(with(|c| c.target_partner_id = partner("american"))), Reason::RelationshipRequired);
    assert_eq!(world.refused(with(|c| c.expires_after_days = Some(0))), Reason::InvalidValue);
    assert_eq!(world.refused(accept("t")), Reason::TransferNotFound);
    world.ok(ask("t", &["e1"]));
    assert_eq!(world.refused(withdraw("t", "provider")), Reason::NotATransferParty);
    assert_eq!(world.refused(decline("t", "direct")), Reason::NotATransferParty);
    world.ok(decline("t", "provider"));
    assert_eq!(world.refused(decline("t", "provider")), Reason::TransferClosed);
}

#[test]
fn an_open_transfer_holds_other_things_up() {
    let mut world = world();
    world.ok(ask("t", &["e3"]));
    assert_eq!(world.refused(buy(vec![add_on("w", "phone", "e3")])), Reason::TransferInProgress);
    for id in ["direct", "provider"] {
        let (customer_id, partner_id) = (customer_id(), partner(id));
        let remove = Command::RemoveRelationship(RemoveRelationship { customer_id, partner_id });
        assert_eq!(world.refused(remove), Reason::TransferInProgress);
    }
    world.ok(suspend("y"));
    let refusal = world.refusal(accept("t"));
    assert_eq!((refusal.reason, refusal.metadata["subscription_ids"].as_str()), (Reason::TransferLineNotActive, "y"));
}

#[test]
fn an_unanswered_request_expires() {
    let mut world = world();
    world.ok(Command::RequestTransfer(RequestTransfer { expires_after_days: Some(3), ..request("t", &["e1"]) }));
    assert_eq!(world.customer().transfers_due.first().map(|(date, _)| *date), Some(day("2020-02-24")));
    let mut late = world.clone();
    late.at("2020-02-24");
    assert_eq!(late.refused(accept("t")), Reason::TransferClosed);
    late.ok(ask("u", &["e1"]));
    late.end("2020-02-24");
    assert_eq!(late.refused(ask("v", &["e1"])), Reason::InAnotherRequest, "the second request is still open");
    world.end("2020-02-23");
    world.at("2020-02-23").ok(accept("t"));
}

/// V28: an attestation does not move with the subscription.
#[test]
fn the_target_needs_the_agreement() {
    let mut world = world();
    world.ok(ask("t", &["e1"]));
    world.customer.as_mut().unwrap().accepted_directly.clear();
    assert_eq!(world.refused(accept("t")), Reason::McaNotAccepted);
}
