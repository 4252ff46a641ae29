//! Disputes about earned credit (azure-marketplace-software.md 2.19, G23).

use super::kit::*;
use crate::{Command, Reason, command::DisputeEarnedCredit, ids::DisputeId, usage::AccessScope};

fn id(text: &str) -> DisputeId {
    DisputeId::new(text).unwrap()
}

fn dispute(name: &str, from: &str, to: &str) -> Command {
    command!(DisputeEarnedCredit {
        partner_id: partner("provider"),
        dispute_id: id(name),
        scope: AccessScope { azure_subscription_id: azure("az"), resource_group: None, resource_uri: None },
        from: day(from),
        to: day(to),
        claimed_percent: dec("15"),
        evidence: "the activity log".to_owned(),
    })
}

fn decide(name: &str, accepted: bool) -> Command {
    command!(DecideEarnedCreditDispute { dispute_id: id(name), accepted: accepted, note: "seen".to_owned() })
}

fn withdraw(name: &str) -> Command {
    command!(WithdrawEarnedCreditDispute { partner_id: partner("provider"), dispute_id: id(name) })
}

/// October without access, charged in full.
fn october() -> World {
    let mut world = world();
    world.use_daily("vm", "vm1", "2019-10-01", "2019-10-31", "24");
    assert_eq!(world.usage_lines(), ["744 0 0.00 13.59"]);
    world
}

#[test]
fn a_granted_dispute_is_credited_in_arrears_at_the_price_and_rate_of_the_day() {
    let mut world = october();
    world.at("2019-11-05T10:00:00Z");
    assert_eq!(world.ok(dispute("d", "2019-10-30", "2019-10-31")), ["EarnedCreditDisputed"]);
    world.end("2019-11-05");
    assert_eq!(world.why("2019-10-30"), "NO_ELIGIBLE_ROLE", "an open dispute changes nothing");
    world.at("2019-11-06T10:00:00Z").ok(decide("d", true));
    world.end("2019-11-30");
    // 696 x 0.02 and 48 x 0.017 dollars at 0.913951469, the rate of October.
    assert_eq!(world.usage_lines()[1..], ["696 0 0.00 -0.87", "48 15 0.13 0.74"]);
    assert_eq!((world.why("2019-10-29"), world.why("2019-10-30")), ("NO_ELIGIBLE_ROLE", "DISPUTE_ACCEPTED"));
    let row = world.rated_day("vm1", "2019-10-31");
    assert_eq!((row.credit_percent, row.earner_id.as_ref().unwrap().as_str()), (dec("15"), "provider"));
    // A use that comes late is credited with its day.
    world.at("2019-12-01T10:00:00Z").ok(use_of(vec![record("vm", "late", "2019-10-31", "24")]));
    world.end("2019-12-01");
    assert_eq!(world.rated_day("late", "2019-10-31").reason.code(), "DISPUTE_ACCEPTED");
}

#[test]
fn a_rejected_or_withdrawn_dispute_credits_nothing() {
    let mut world = october();
    world.at("2019-11-05T10:00:00Z");
    for name in ["no", "never-mind"] {
        world.ok(dispute(name, "2019-10-30", "2019-10-31"));
    }
    world.ok(decide("no", false));
    let other = command!(WithdrawEarnedCreditDispute { partner_id: partner("direct"), dispute_id: id("never-mind") });
    assert_eq!(world.refused(other), Reason::DisputeNotFound);
    world.ok(withdraw("never-mind"));
    for (command, state) in [
        (decide("no", true), "rejected"),
        (withdraw("no"), "rejected"),
        (decide("never-mind", true), "withdrawn"),
        (withdraw("never-mind"), "withdrawn"),
    ] {
        let refusal = world.refusal(command);
        assert_eq!((refusal.reason, refusal.metadata["state"].as_str()), (Reason::DisputeClosed, state));
    }
    world.end("2019-11-30");
    assert_eq!(world.usage_lines().len(), 1);
}

/// Ninety days back, and not a day more.
#[test]
fn days_are_disputed_for_ninety_days() {
    let mut world = october();
    world.end("2019-12-29");
    world.at("2019-12-30T10:00:00Z");
    let refusal = world.refusal(dispute("early", "2019-09-30", "2019-10-31"));
    assert_eq!((refusal.reason, refusal.metadata["first_day"].as_str()), (Reason::UsageDateOutOfRange, "2019-10-01"));
    world.ok(dispute("d", "2019-10-01", "2019-10-01"));
    // Its month is kept until it has its answer, however long that takes, and its roles with it.
    world.end("2020-03-31");
    world.at("2020-04-01T10:00:00Z").ok(decide("d", true));
    world.end("2020-04-30");
    // 720 x 0.02 and 24 x 0.017 dollars.
    assert_eq!(world.usage_lines()[1..], ["720 0 0.00 -0.43", "24 15 0.06 0.37"]);
    world.end("2020-05-31");
    assert_eq!(world.customer().next_due(), None);
}

#[test]
fn what_cannot_be_disputed_is_named() {
    let mut world = october();
    world.at("2019-11-05T10:00:00Z").ok(dispute("d", "2019-10-30", "2019-10-31"));
    let with = |change: fn(&mut DisputeEarnedCredit)| {
        let Command::DisputeEarnedCredit(mut command) = dispute("e", "2019-10-30", "2019-10-31") else {
            unreachable!()
        };
        change(&mut command);
        Command::DisputeEarnedCredit(command)
    };
    let cases: [(Command, Reason, &str); 7] = [
        (dispute("d", "2019-10-30", "2019-10-31"), Reason::DisputeAlreadyExists, "dispute_id"),
        (with(|c| c.to = day("2019-11-06")), Reason::UsageDateOutOfRange, "to"),
        (with(|c| c.to = day("2019-10-29")), Reason::UsageDateOutOfRange, "to"),
        (with(|c| c.claimed_percent = dec("10")), Reason::InvalidValue, "claimed_percent"),
        (with(|c| c.evidence.clear()), Reason::RequiredFieldMissing, "evidence"),
        (
            with(|c| c.scope.azure_subscription_id = azure("other")),
            Reason::UnknownAzureSubscription,
            "scope.azure_subscription_id",
        ),
        (with(|c| c.partner_id = partner("direct")), Reason::NoUsageSubscription, "partner_id"),
    ];
    for (command, reason, field) in cases {
        let refusal = world.refusal(command);
        assert_eq!((refusal.reason, refusal.metadata["field"].as_str()), (reason, field));
    }
}
