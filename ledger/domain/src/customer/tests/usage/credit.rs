//! Earned credit.

use super::kit::*;
use crate::{
    Command, Reason,
    command::{BarEarnedCredit, PublishCreditTerms},
    usage::{AccessPath, CreditTerms, MeterFamily},
};

/// Worked examples 5 and 11: days 1-3 and 8-31 earn, 4-7 do not.
#[test]
fn w11_a_month_with_both_kinds_of_days_has_two_lines() {
    let mut world = world();
    world.grant("a", "provider", "2019-10-01");
    world.use_daily("vm", "vm1", "2019-10-01", "2019-10-03", "24");
    world.at("2019-10-04T13:00:00Z").revoke("a", "2019-10-04T13:00:00Z");
    world.use_daily("vm", "vm1", "2019-10-04", "2019-10-06", "24");
    world.at("2019-10-07T09:00:00Z").grant("b", "provider", "2019-10-07T09:00:00Z");
    world.use_daily("vm", "vm1", "2019-10-07", "2019-10-31", "24");
    assert_eq!(world.usage_lines(), ["96 0 0.00 1.75", "648 15 1.78 10.06"]);
    assert_eq!(world.charged(), dec("11.81"));
    let reasons = ["03", "04", "05", "07", "08"].map(|date| world.why(&format!("2019-10-{date}")));
    let (partial, earned) = ("ACCESS_PARTIAL_DAY", "EARNED");
    assert_eq!(reasons, [earned, partial, "NO_ELIGIBLE_ROLE", partial, earned]);
    let row = world.rated_day("vm1", "2019-10-08");
    assert_eq!((row.credit_percent, row.earner_id.as_ref().unwrap().as_str()), (dec("15"), "provider"));
}

/// Worked example 13.
#[test]
fn w13_one_resource_with_access_and_one_without() {
    let mut world = world();
    let only = Some(("group", Some("a")));
    world.ok(granted("x", "provider", "2019-10-01", only, AccessPath::AdminOnBehalfOf, "Owner"));
    for date in day("2019-10-01").iter_days().take(31) {
        let records = ["a", "b"].map(|uri| record("vm", uri, &date.to_string(), "24"));
        world.at(&format!("{date}T23:00:00Z")).ok(use_of(records.to_vec()));
        world.end(&date.to_string());
    }
    assert_eq!(world.usage_lines(), ["744 0 0.00 13.59", "744 15 2.04 11.55"]);
}

/// Worked example 14: half a day each is nothing; a day of the reseller is the provider's credit.
#[test]
fn w14_two_half_days_do_not_add_up() {
    let mut world = world();
    world.grant("p", "provider", "2019-10-01");
    world.at("2019-10-02T12:00:00Z").revoke("p", "2019-10-02T12:00:00Z");
    world.grant("r", "reseller", "2019-10-02T12:00:00Z");
    world.use_daily("vm", "vm1", "2019-10-02", "2019-10-03", "24");
    assert_eq!((world.why("2019-10-02"), world.why("2019-10-03")), ("ACCESS_PARTIAL_DAY", "EARNED"));
    assert_eq!(world.rated_day("vm1", "2019-10-03").earner_id, Some(partner("reseller")));
    // Two roles of one partner do.
    world.at("2019-10-04T12:00:00Z").revoke("r", "2019-10-04T12:00:00Z");
    world.grant("r2", "reseller", "2019-10-04T12:00:00Z");
    world.use_daily("vm", "vm1", "2019-10-04", "2019-10-04", "24");
    assert_eq!(world.why("2019-10-04"), "EARNED");
}

#[test]
fn access_holds_for_what_is_below_it() {
    for (group, uri, expected) in [
        ("group", None, "EARNED"),
        ("other", None, "NO_ELIGIBLE_ROLE"),
        ("group", Some("vm1"), "EARNED"),
        ("group", Some("vm2"), "NO_ELIGIBLE_ROLE"),
    ] {
        let mut world = world();
        world.ok(granted("a", "provider", "2019-10-01", Some((group, uri)), AccessPath::AdminOnBehalfOf, "Owner"));
        world.use_daily("vm", "vm1", "2019-10-01", "2019-10-01", "24");
        assert_eq!(world.why("2019-10-01"), expected, "{group} {uri:?}");
    }
}

#[test]
fn the_role_and_the_link_count() {
    let mut world = world();
    world.ok(granted("a", "provider", "2019-10-01", None, AccessPath::DirectoryUser, "Reader"));
    world.use_daily("vm", "vm1", "2019-10-01", "2019-10-01", "24");
    assert_eq!(world.why("2019-10-01"), "NO_ELIGIBLE_ROLE");
    world.ok(granted("b", "provider", "2019-10-02", None, AccessPath::LighthouseTemplate, "Owner"));
    world.use_daily("vm", "vm1", "2019-10-02", "2019-10-02", "24");
    assert_eq!(world.why("2019-10-02"), "PARTNER_ID_NOT_LINKED");
    let link = |linked, when: &str| {
        let (partner_id, principal_id) = (partner("provider"), "user-of-provider".to_owned());
        command!(LinkPartnerId { partner_id: partner_id, principal_id: principal_id, at: at(when), linked: linked })
    };
    world.ok(link(true, "2019-10-03"));
    world.use_daily("vm", "vm1", "2019-10-03", "2019-10-04", "24");
    assert_eq!(world.why("2019-10-04"), "EARNED");
    world.at("2019-10-05T10:00:00Z").ok(link(false, "2019-10-05T10:00:00Z"));
    world.use_daily("vm", "vm1", "2019-10-05", "2019-10-06", "24");
    assert_eq!(world.why("2019-10-05"), "PARTNER_ID_NOT_LINKED");
    let terms = CreditTerms { percent: dec("10"), eligible_roles: ["Reader".to_owned()].into() };
    world.ok(Command::PublishCreditTerms(PublishCreditTerms { valid_from: day("2019-10-07"), terms: terms.clone() }));
    world.ok(granted("c", "provider", "2019-10-07", None, AccessPath::LighthouseOffer, "Reader"));
    world.use_daily("vm", "vm1", "2019-10-07", "2019-10-07", "24");
    assert_eq!(world.rated_day("vm1", "2019-10-07").credit_percent, dec("10"));
    let again = Command::PublishCreditTerms(PublishCreditTerms { valid_from: day("2019-10-07"), terms });
    assert_eq!(world.refused(again), Reason::InvalidValue, "the day is closed");
}

#[test]
fn some_meters_never_earn() {
    let mut world = world();
    world.grant("a", "provider", "2019-10-01");
    let mut third = meter("third");
    third.tags.insert("Third Party".to_owned());
    let mut listed = meter("listed");
    listed.no_credit_from = Some(day("2019-10-02"));
    let family = |id: &str, family| crate::usage::Meter { family, ..meter(id) };
    let meters = [third, listed, family("market", MeterFamily::Marketplace), family("ri", MeterFamily::Reservation)];
    world.meters(meters.to_vec());
    let ids = ["third", "listed", "market", "ri"];
    world.prices("USD", ids.map(|id| price(id, "2019-01-01", "0", "1")).to_vec());
    let of = |id: &str, date: &str| record(id, id, date, "1");
    world.ok(use_of(ids.iter().map(|id| of(id, "2019-10-01")).collect()));
    world.end("2019-10-01");
    world.ok(use_of(vec![of("listed", "2019-10-02")]));
    world.end("2019-10-02");
    let reasons = ids.map(|id| world.rated_day(id, "2019-10-01").reason.code());
    assert_eq!(reasons, ["SERVICE_EXCLUDED", "EARNED", "SERVICE_EXCLUDED", "SERVICE_EXCLUDED"]);
    assert_eq!(world.rated_day("listed", "2019-10-02").reason.code(), "SERVICE_EXCLUDED");
}

#[test]
fn the_agreement_and_the_conduct_of_the_partner_count() {
    let mut world = world();
    world.grant("a", "provider", "2019-10-01");
    world.agreement("provider", "2019-10-02", false);
    world.agreement("provider", "2019-10-03", true);
    let bar = BarEarnedCredit {
        partner_id: partner("provider"),
        from: day("2019-10-04"),
        to: Some(day("2019-10-04")),
        reason: "coerced a customer".to_owned(),
    };
    world.ok(Command::BarEarnedCredit(bar));
    world.use_daily("vm", "vm1", "2019-10-01", "2019-10-05", "24");
    let reasons = ["01", "02", "03", "04", "05"].map(|date| world.why(&format!("2019-10-{date}")));
    assert_eq!(reasons, ["EARNED", "MPN_AGREEMENT_INACTIVE", "EARNED", "PARTNER_BARRED", "EARNED"]);
    // A fact about the past reaches the customer's open days with a review.
    world.agreement("provider", "2019-10-02", true);
    world.ok(command!(ReviewEarnedCredit { partner_id: partner("provider"), from: day("2019-10-01") }));
    world.use_daily("vm", "vm1", "2019-10-06", "2019-10-06", "24");
    assert_eq!(world.why("2019-10-02"), "EARNED");
}

/// A role given for the past corrects what was charged, in arrears.
#[test]
fn access_found_out_late_is_credited_in_arrears() {
    let mut world = world();
    world.use_daily("vm", "vm1", "2019-10-01", "2019-10-31", "24");
    assert_eq!(world.usage_lines(), ["744 0 0.00 13.59"]);
    world.at("2019-11-05").grant("a", "provider", "2019-10-30");
    world.end("2019-11-30");
    // 696 x 0.02 and 48 x 0.017 dollars.
    assert_eq!(world.usage_lines()[1..], ["696 0 0.00 -0.87", "48 15 0.13 0.74"]);
    // And taken back again.
    let mut taken = world.clone();
    taken.at("2019-11-30T12:00:00Z");
    assert_eq!(
        taken.refused(command!(RevokeAccess { assignment_id: assignment("b"), at: taken.at })),
        Reason::AssignmentNotFound
    );
    assert_eq!(
        taken.refused(command!(RevokeAccess { assignment_id: assignment("a"), at: at("2019-10-29") })),
        Reason::InvalidValue
    );
}

#[test]
fn an_azure_subscription_may_come_with_its_owner() {
    let mut world = world();
    world.at("2019-10-02T10:00:00Z");
    let names = world.ok(command!(RegisterAzureSubscription {
        partner_id: partner("provider"),
        subscription_id: sub("plan"),
        azure_subscription_id: azure("az2"),
        name: "Second".to_owned(),
        created_at: at("2019-10-02T10:00:00Z"),
        owner_access: true,
    }));
    assert_eq!(names, ["AzureSubscriptionRegistered", "AccessGranted"]);
    let of =
        |date| crate::usage::UsageRecord { azure_subscription_id: azure("az2"), ..record("vm", "vm1", date, "24") };
    world.ok(use_of(vec![of("2019-10-02")]));
    world.end("2019-10-02");
    world.ok(use_of(vec![of("2019-10-03")]));
    world.end("2019-10-03");
    assert_eq!((world.why("2019-10-02"), world.why("2019-10-03")), ("ACCESS_PARTIAL_DAY", "EARNED"));
}

/// The day of a creation after 00:00 earns nothing, whatever is said about its roles (decision G21).
#[test]
fn no_role_is_older_than_its_subscription() {
    let mut world = world();
    world.at("2019-10-02T10:00:00Z").azure("az2", "plan", "provider");
    let Command::GrantAccess(mut early) =
        granted("a", "provider", "2019-10-02", None, AccessPath::AdminOnBehalfOf, "Owner")
    else {
        unreachable!()
    };
    early.scope.azure_subscription_id = azure("az2");
    world.ok(Command::GrantAccess(early));
    let of =
        |date| crate::usage::UsageRecord { azure_subscription_id: azure("az2"), ..record("vm", "vm1", date, "24") };
    world.ok(use_of(vec![of("2019-10-02")]));
    world.end("2019-10-02");
    world.ok(use_of(vec![of("2019-10-03")]));
    world.end("2019-10-03");
    assert_eq!((world.why("2019-10-02"), world.why("2019-10-03")), ("ACCESS_PARTIAL_DAY", "EARNED"));
}
