//! Free trials of licenses (customers page section 2.12; worked examples V09 to V13).

use std::collections::BTreeSet;

use super::kit::*;
use crate::{
    Command, Reason,
    catalog::TrialTerms,
    command::PublishTrials,
    customer::Standing,
    offer::{BillingFrequency, Offer, OfferKind},
};

fn terms(trial: &str, paid: &str, into: &[&str]) -> TrialTerms {
    TrialTerms {
        offer_id: offer_id(trial),
        paid_offer_id: offer_id(paid),
        days: 0,
        quantity: 0,
        convert_to_offer_ids: into.iter().map(|id| offer_id(id)).collect::<BTreeSet<_>>(),
    }
}

/// With a trial of `e3`, one of `e1`, and one that becomes nothing.
pub(super) fn world() -> World {
    let mut world = World::with_provider();
    let trial = |id: &str| Offer { kind: OfferKind::Trial, ..offer(id) };
    let teams = "Microsoft Teams Commercial Cloud (User Initiated) Trial".to_owned();
    let offers = vec![trial("e3-trial"), trial("e1-trial"), Offer { display_name: teams, ..trial("teams-trial") }];
    world.publish(offers, 0);
    let trials = vec![
        terms("e3-trial", "e3", &["e3", "yearly"]),
        terms("e1-trial", "e1", &["e1"]),
        terms("teams-trial", "small", &[]),
    ];
    world.ok(Command::PublishTrials(PublishTrials { trials }));
    world
}

pub(super) fn start(id: &str, offer: &str) -> Command {
    command!(StartTrial {
        partner_id: partner("direct"),
        offer_id: offer_id(offer),
        subscription_id: Some(sub(id)),
        order_id: None,
    })
}

pub(super) fn convert(id: &str, to: &str, quantity: u32, billing_frequency: Option<BillingFrequency>) -> Command {
    command!(ConvertTrial {
        partner_id: partner("direct"),
        subscription_id: sub(id),
        to_offer_id: offer_id(to),
        quantity: quantity,
        billing_frequency: billing_frequency,
    })
}

const MONTHLY: Option<BillingFrequency> = Some(BillingFrequency::Monthly);
const ANNUAL: Option<BillingFrequency> = Some(BillingFrequency::Annual);

/// V09: 30 days, the last one converts, the next does not.
#[test]
fn a_trial_lasts_thirty_days_and_costs_nothing() {
    let mut world = world();
    assert_eq!(world.at("2020-05-08").ok(start("t", "e3-trial")), ["OrderPlaced", "TrialStarted"]);
    assert_eq!((world.sub("t").quantity, world.sub("t").free_trial_ends_on), (25, Some(day("2020-06-07"))));
    let mut late = world.clone();
    late.at("2020-06-07");
    assert_eq!(late.refused(convert("t", "e3", 30, MONTHLY)), Reason::TrialEnded);
    let mut closed = world.clone();
    closed.end("2020-06-07");
    assert_eq!((closed.standing("t"), closed.charges().len()), (Standing::Expired, 0));
    assert_eq!(closed.refused(convert("t", "e3", 30, MONTHLY)), Reason::TrialEnded);
    assert_eq!(closed.customer().next_due(), None);
    world.at("2020-06-06").ok(convert("t", "e3", 30, MONTHLY));
    assert_eq!(world.standing("t"), Standing::Active);
}

/// V10 and V11, and what is charged: `direct` is billed on the 15th, a seat costs 4 a month.
#[test]
fn a_converted_trial_renews_by_its_rhythm() {
    let converted = |on: &str, frequency| {
        let mut world = world();
        world.at("2020-03-01").ok(start("t", "e3-trial"));
        world.at(on).ok(convert("t", "e3", 10, frequency));
        world
    };
    let annual = converted("2020-03-10", ANNUAL);
    assert_eq!(annual.sub("t").term_end, day("2021-03-10"));
    assert_eq!(annual.charges(), ["Prorate fees when purchase 2020-03-10 2021-03-10 480.00"]);
    let mut monthly = converted("2020-03-10", MONTHLY);
    assert_eq!(monthly.sub("t").term_end, day("2021-03-15"));
    // Five of the 29 days from 15 February.
    assert_eq!(monthly.charges(), ["Prorate fees when purchase 2020-03-10 2020-03-15 6.90"]);
    monthly.end("2020-04-15");
    assert_eq!(
        monthly.charges()[1..],
        ["Cycle fee 2020-03-15 2020-04-15 40.00", "Cycle fee 2020-04-15 2020-05-15 40.00"]
    );
    monthly.end("2021-03-15");
    let renewed = monthly.sub("t");
    assert_eq!((renewed.term_number, renewed.term_start, renewed.term_end), (2, day("2021-03-15"), day("2022-03-15")));
    let on_billing_day = converted("2020-03-15", MONTHLY);
    assert_eq!(on_billing_day.sub("t").term_end, day("2021-04-15"));
    assert_eq!(on_billing_day.charges(), ["Cycle fee 2020-03-15 2020-04-15 40.00"]);
}

/// V12.
#[test]
fn a_trial_s_seats_are_fixed_until_it_is_paid_for() {
    let mut world = world();
    world.at("2020-03-01").ok(start("t", "e3-trial"));
    assert_eq!(world.refused(seats("t", 26)), Reason::TrialQuantityFixed);
    assert_eq!(world.refused(seats("t", 24)), Reason::TrialQuantityFixed);
    world.ok(convert("t", "e3", 30, MONTHLY));
    assert_eq!(world.sub("t").quantity, 30);
    world.ok(seats("t", 35));
    assert_eq!(world.sub("t").quantity, 35);
}

/// V13: one of each offer for ever, none of what it owns.
#[test]
fn one_trial_of_an_offer_and_none_of_what_is_owned() {
    let mut world = world();
    world.at("2020-03-01").ok(start("t", "e3-trial"));
    world.ok(start("u", "e1-trial"));
    assert_eq!(world.refused(start("v", "e3-trial")), Reason::TrialAlreadyUsed);
    world.end("2020-04-01");
    assert_eq!(world.refused(start("v", "e3-trial")), Reason::TrialAlreadyUsed, "for ever");
    let mut owner = self::world();
    owner.ok(buy_from("provider", vec![line("p", "e3", 1)]));
    let refusal = owner.refusal(start("t", "e3-trial"));
    assert_eq!((refusal.reason, refusal.metadata["subscription_id"].as_str()), (Reason::OfferAlreadyOwned, "p"));
    owner.ok(start("t", "e1-trial"));
}

#[test]
fn what_a_trial_does_not_become() {
    let mut world = world();
    assert_eq!(world.refused(start("t", "e3")), Reason::TrialNotOffered);
    assert_eq!(world.refused(start("t", "trial")), Reason::TrialNotOffered, "a trial without terms");
    assert_eq!(world.refused(buy(vec![line("t", "e3-trial", 1)])), Reason::TrialNotOffered);
    world.at("2020-03-01").ok(start("t", "e3-trial"));
    world.ok(start("n", "teams-trial"));
    assert_eq!(world.refused(convert("t", "e1", 5, MONTHLY)), Reason::TrialNotConvertible);
    let refusal = world.refusal(convert("n", "e1", 5, MONTHLY));
    assert_eq!(refusal.reason, Reason::TrialNotConvertible);
    assert!(refusal.metadata["compatible_offers"].starts_with("Microsoft 365 Business Basic,"), "{refusal:?}");
    assert_eq!(world.refused(convert("t", "e3", 0, MONTHLY)), Reason::QuantityRequired);
    assert_eq!(world.refused(convert("t", "e3", 5, None)), Reason::BillingFrequencyRequired);
    assert_eq!(world.refused(convert("t", "e3", 301, MONTHLY)), Reason::QuantityAboveMaximum);
    assert_eq!(world.refused(convert("t", "yearly", 5, MONTHLY)), Reason::FrequencyNotOffered);
    world.ok(convert("t", "yearly", 5, ANNUAL));
    assert_eq!(world.refused(convert("t", "yearly", 5, ANNUAL)), Reason::TrialNotFound);
}

/// A suspended trial keeps its end, and comes back as a trial, free of charge.
#[test]
fn a_suspended_trial_still_ends() {
    let mut world = world();
    world.at("2020-03-01").ok(start("t", "e3-trial"));
    world.at("2020-03-05").ok(suspend("t"));
    assert_eq!(world.refused(convert("t", "e3", 5, MONTHLY)), Reason::SubscriptionNotActive);
    let mut back = world.clone();
    back.at("2020-03-10").ok(reactivate("t"));
    assert_eq!((back.standing("t"), back.charges().len()), (Standing::Trial, 0));
    world.end("2020-03-31");
    assert_eq!((world.standing("t"), world.charges().len()), (Standing::Expired, 0));
}

#[test]
fn bad_terms_are_refused() {
    let mut world = World::new();
    let publish = |trials| Command::PublishTrials(PublishTrials { trials });
    assert_eq!(world.refused(publish(vec![])), Reason::RequiredFieldMissing);
    let twice = vec![terms("a", "b", &[]), terms("a", "c", &[])];
    assert_eq!(world.refused(publish(twice)), Reason::InvalidValue);
    assert_eq!(world.refused(publish(vec![terms("a", "a", &[])])), Reason::InvalidValue);
    assert_eq!(world.refused(publish(vec![terms("a", "b", &["a"])])), Reason::InvalidValue);
    let long = TrialTerms { days: 367, ..terms("a", "b", &[]) };
    assert_eq!(world.refused(publish(vec![long])), Reason::InvalidValue);
}
