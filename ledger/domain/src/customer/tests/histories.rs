//! Any history whatever: two partners, one customer, commands in any order, most of them refused.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::kit::*;
use crate::{
    Command, Event,
    command::{
        AcceptTransfer, Cancel, ChangeBillingFrequency, ChangeQuantity, CloseDay, DeclineTransfer, Purchase,
        PurchaseLine, Reactivate, RemoveRelationship, RequestTransfer, RunDue, SetAutoRenew, Suspend, WithdrawTransfer,
    },
    customer::{self, Customer, SuspensionReason, TransferStanding},
    ids::{OrderId, PartnerId, SubscriptionId, TransferId},
    offer::BillingFrequency,
};

#[derive(Clone, Debug)]
enum Step {
    Do(Box<Command>),
    /// Hours pass, and nobody ends the days.
    Pass(i64),
    /// Days end.
    End(u8),
}

fn partners() -> impl Strategy<Value = PartnerId> {
    prop_oneof![20 => Just("direct"), 4 => Just("provider"), 1 => Just("reseller")].prop_map(partner)
}

fn subscriptions() -> impl Strategy<Value = SubscriptionId> {
    (0..7_u8).prop_map(|n| sub(&format!("s{n}")))
}

fn orders() -> impl Strategy<Value = OrderId> {
    (0..3_u8).prop_map(|n| order(&format!("o{n}")))
}

fn transfers() -> impl Strategy<Value = TransferId> {
    (0..2_u8).prop_map(|n| transfer(&format!("t{n}")))
}

fn frequencies() -> impl Strategy<Value = BillingFrequency> {
    prop_oneof![Just(BillingFrequency::Monthly), Just(BillingFrequency::Annual)]
}

fn lines() -> impl Strategy<Value = PurchaseLine> {
    let offers =
        vec!["e3", "e1", "phone", "calls", "saas", "silver", "software", "a1", "small", "once", "yearly", "old"];
    let base = proptest::option::of(subscriptions());
    let parts = (subscriptions(), prop::sample::select(offers), 0..8_u32, frequencies(), base, 0..3_u32);
    parts.prop_map(|(id, offer, quantity, frequency, base, trial)| PurchaseLine {
        billing_frequency: Some(frequency).filter(|_| offer != "silver"),
        base_subscription_id: base.filter(|_| matches!(offer, "phone" | "calls")),
        free_trial_days: if matches!(offer, "saas" | "silver") { trial * 15 } else { 0 },
        ..line(id.as_str(), offer, quantity)
    })
}

fn purchases() -> impl Strategy<Value = Command> {
    (partners(), any::<bool>(), prop::collection::vec(lines(), 1..3)).prop_map(|(partner_id, named, mut lines)| {
        // Mostly new ids, so that the order does not fail for a used one.
        lines.iter_mut().filter(|_| !named).for_each(|line| line.subscription_id = None);
        Command::Purchase(Purchase {
            location_mpn_id: None,
            customer_id: customer_id(),
            partner_id,
            order_id: None,
            lines,
            by_customer: false,
        })
    })
}

fn changes() -> impl Strategy<Value = Command> {
    let parts = (partners(), subscriptions(), 0..24_u8, 0..8_u32, orders(), frequencies());
    parts.prop_map(|(partner_id, subscription_id, which, quantity, order_id, billing_frequency)| {
        let customer_id = customer_id();
        match which {
            0..=6 => Command::ChangeQuantity(ChangeQuantity { customer_id, partner_id, subscription_id, quantity }),
            7..=10 => {
                let reason = SuspensionReason::NonPayment;
                Command::Suspend(Suspend { customer_id, partner_id, subscription_id, reason })
            }
            11..=14 => Command::Reactivate(Reactivate { customer_id, partner_id, subscription_id }),
            15..=17 => Command::Cancel(Cancel {
                customer_id,
                partner_id,
                subscription_id,
                reservation_used: None,
                accept_capped_refund: false,
            }),
            18..=20 => {
                let auto_renew = quantity % 2 == 0;
                Command::SetAutoRenew(SetAutoRenew { customer_id, partner_id, subscription_id, auto_renew })
            }
            21 | 22 => Command::ChangeBillingFrequency(ChangeBillingFrequency {
                customer_id,
                partner_id,
                order_id,
                billing_frequency,
                subscription_ids: Vec::new(),
            }),
            _ => Command::RemoveRelationship(RemoveRelationship { customer_id, partner_id }),
        }
    })
}

fn moves() -> impl Strategy<Value = Command> {
    let parts = (partners(), transfers(), 0..12_u8, prop::collection::vec(subscriptions(), 1..3), 0..20_u32);
    parts.prop_map(|(partner_id, transfer_id, which, subscription_ids, days)| {
        let customer_id = customer_id();
        match which {
            0 => {
                Command::DeclineTransfer(DeclineTransfer { customer_id, transfer_id, partner_id, note: String::new() })
            }
            1 => Command::WithdrawTransfer(WithdrawTransfer { customer_id, transfer_id, partner_id }),
            2..=6 => {
                Command::AcceptTransfer(AcceptTransfer { customer_id, transfer_id, partner_id: partner("provider") })
            }
            _ => Command::RequestTransfer(RequestTransfer {
                customer_id,
                transfer_id: Some(transfer_id),
                source_partner_id: partner_id,
                target_partner_id: partner("provider"),
                subscription_ids,
                expires_after_days: Some(days).filter(|days| *days > 0),
            }),
        }
    })
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => purchases().prop_map(|command| Step::Do(Box::new(command))),
        5 => changes().prop_map(|command| Step::Do(Box::new(command))),
        3 => moves().prop_map(|command| Step::Do(Box::new(command))),
        2 => (-72..1_000_i64).prop_map(Step::Pass),
        2 => (1..120_u8).prop_map(Step::End),
    ]
}

/// What `next_due` says, found by looking at everything.
fn naive_next_due(customer: &Customer) -> Option<chrono::NaiveDate> {
    let open = customer.transfers.values().filter(|transfer| transfer.standing == TransferStanding::Active);
    let transfers = open.filter_map(|transfer| transfer.expires_on);
    customer.subscriptions().filter_map(customer::Subscription::next_due).chain(transfers).min()
}

fn check(world: &World) {
    let customer = world.customer();
    assert_eq!(customer.next_due(), naive_next_due(customer));
    let mut replayed = None;
    world.journal.iter().for_each(|event| customer::evolve(&mut replayed, event));
    assert_eq!(replayed.as_ref(), Some(customer), "replay");
    for subscription in customer.subscriptions() {
        let offer = world.reference.catalog.offer(&subscription.offer_id).unwrap();
        assert!(subscription.quantity >= offer.minimum_quantity);
        assert!(offer.maximum_quantity.is_none_or(|maximum| subscription.quantity <= maximum));
        assert!(subscription.term_start < subscription.term_end, "{subscription:?}");
    }
    for (offer_id, owned) in &customer.owned {
        let of_offer = customer.subscriptions().filter(|subscription| subscription.offer_id == *offer_id);
        let open = of_offer.filter(|subscription| !subscription.is_closed()).count();
        assert_eq!(usize::try_from(owned.now).unwrap(), open, "{offer_id}");
    }
    for (base, add_ons) in &customer.add_ons {
        let closed = customer.subscription(base).is_none_or(customer::Subscription::is_closed);
        let in_use = |id| customer.subscription(id).is_some_and(|it| it.standing == customer::Standing::Active);
        assert!(!closed || !add_ons.iter().any(in_use), "an add-on outlives its base");
    }
    let bytes = postcard::to_stdvec(customer).unwrap();
    assert_eq!(&postcard::from_bytes::<Customer>(&bytes).unwrap(), customer);
}

fn end_days(world: &mut World, days: u8) {
    for _ in 0..days {
        let last = world.reference.catalog.last_closed();
        let date = last.map_or(world.at.date_naive(), |last| last.succ_opt().unwrap());
        let over = date.succ_opt().unwrap().and_time(chrono::NaiveTime::MIN).and_utc();
        world.at = world.at.max(over);
        world.run(&Command::CloseDay(CloseDay { date })).unwrap();
        while world.customer().next_due().is_some_and(|due| due <= date) {
            let events = world.run(&Command::RunDue(RunDue { customer_id: customer_id(), date })).unwrap();
            assert!(!events.is_empty(), "due, and nothing happens");
            assert!(events.iter().all(|event| !matches!(event, Event::Charged(line) if line.charged_on != date)));
        }
        assert!(world.customer().next_due().is_none_or(|due| due > date), "the day is done");
    }
}

/// A customer with one of each kind, so that most commands find something to change.
fn furnished() -> World {
    let mut world = World::with_provider();
    let trial = PurchaseLine { free_trial_days: 30, ..line("s4", "saas", 2) };
    let lines =
        vec![line("s0", "e3", 5), add_on("s1", "phone", "s0"), add_on("s2", "calls", "s0"), line("s3", "saas", 2)];
    let order_id = |id| Some(order(id));
    let (customer_id, partner_id) = (customer_id(), partner("direct"));
    for (id, lines) in [("o0", lines), ("o1", vec![trial, line("s5", "software", 3), line("s6", "old", 4)])] {
        let (customer_id, partner_id) = (customer_id.clone(), partner_id.clone());
        world.ok(Command::Purchase(Purchase {
            location_mpn_id: None,
            customer_id,
            partner_id,
            order_id: order_id(id),
            lines,
            by_customer: false,
        }));
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_rules_hold(steps in prop::collection::vec(steps(), 1..40)) {
        let mut world = furnished();
        for step in steps {
            match step {
                Step::Do(command) => {
                    let before = world.customer.clone();
                    if world.run(&command).is_err() {
                        prop_assert_eq!(&before, &world.customer);
                    }
                }
                Step::Pass(hours) => world.at += TimeDelta::hours(hours),
                Step::End(days) => end_days(&mut world, days),
            }
            check(&world);
        }
    }
}
