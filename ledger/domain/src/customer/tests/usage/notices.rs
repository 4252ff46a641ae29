//! What partners are told: credit that is lost, and whether budgets are told of at all.

use super::kit::*;
use crate::{Command, Event, Reason, command::SwitchBudgetNotice, money::Currency, usage::AccessPath};

/// Subscription, group, resource, first day and reason of each notice.
fn lost(world: &World) -> Vec<String> {
    let told = world.journal.iter().filter_map(|event| match event {
        Event::EarnedCreditLost(e) => {
            let below = [&e.scope.resource_group, &e.scope.resource_uri];
            let below = below.map(|part| part.as_deref().unwrap_or("-")).join(" ");
            Some(format!("{} {below} {} {}", e.scope.azure_subscription_id, e.first_day, e.reason.code()))
        }
        _ => None,
    });
    told.collect()
}

/// Days 1-3 earn, 4-7 do not, 8 on do (worked example 5): one notice, for the 4th; another when a role is taken again.
#[test]
fn credit_that_is_lost_is_told_once() {
    let mut world = world();
    // What never earned loses nothing.
    world.use_daily("vm", "vm1", "2019-10-01", "2019-10-01", "24");
    world.at("2019-10-02").grant("a", "provider", "2019-10-02");
    world.use_daily("vm", "vm1", "2019-10-02", "2019-10-03", "24");
    assert_eq!(lost(&world), [""; 0]);
    world.at("2019-10-04T13:00:00Z").revoke("a", "2019-10-04T13:00:00Z");
    world.use_daily("vm", "vm1", "2019-10-04", "2019-10-06", "24");
    let first = "az group vm1 2019-10-04 ACCESS_PARTIAL_DAY";
    assert_eq!(lost(&world), [first]);
    world.at("2019-10-07").grant("b", "provider", "2019-10-07");
    world.use_daily("vm", "vm1", "2019-10-07", "2019-10-08", "24");
    world.at("2019-10-09").revoke("b", "2019-10-09");
    // A day without use is no day without credit: the 10th is the first.
    world.end("2019-10-09");
    world.use_daily("vm", "vm1", "2019-10-10", "2019-10-11", "24");
    assert_eq!(lost(&world), [first, "az group vm1 2019-10-10 NO_ELIGIBLE_ROLE"]);
    // Of a day that is known to have none, neither a correction nor another resource tells anything again.
    let corrected =
        crate::usage::UsageRecord { replaces_quantity: Some(dec("24")), ..record("vm", "vm1", "2019-10-10", "25") };
    world.at("2019-10-12").ok(use_of(vec![corrected, record("vm", "vm2", "2019-10-10", "24")]));
    world.end("2019-10-12");
    assert_eq!(lost(&world).len(), 2);
}

/// A fact for the past: the first day without credit is told when it is known.
#[test]
fn a_role_that_was_taken_earlier_is_told_of_its_own_day() {
    let mut world = world();
    world.grant("a", "provider", "2019-10-01");
    world.use_daily("vm", "vm1", "2019-10-01", "2019-10-06", "24");
    world.at("2019-10-07").revoke("a", "2019-10-03T08:00:00Z");
    world.end("2019-10-07");
    assert_eq!(lost(&world), ["az group vm1 2019-10-03 ACCESS_PARTIAL_DAY"]);
}

#[test]
fn the_scope_is_the_narrowest_that_has_all() {
    for (resources, expected) in [
        (&[("web", "a"), ("web", "a")][..], "az web a"),
        (&[("web", "a"), ("web", "b")], "az web -"),
        // The same name in two groups is two resources.
        (&[("web", "a"), ("db", "a")], "az - -"),
        (&[("web", "a"), ("web", "b"), ("db", "c")], "az - -"),
    ] {
        let mut world = world();
        world.meters(vec![meter("disk")]);
        world.prices("USD", vec![price("disk", "2019-01-01", "0", "0.02")]);
        world.ok(granted("a", "provider", "2019-10-01", None, AccessPath::AdminOnBehalfOf, "Owner"));
        for date in ["2019-10-01", "2019-10-02"] {
            if date == "2019-10-02" {
                world.at(date).revoke("a", date);
            }
            let records = resources.iter().enumerate().map(|(at, (group, uri))| crate::usage::UsageRecord {
                resource_group: (*group).to_owned(),
                ..record(["vm", "disk"][at % 2], uri, date, "24")
            });
            world.at(&format!("{date}T23:00:00Z")).ok(use_of(records.collect()));
            world.end(date);
        }
        assert_eq!(lost(&world), [format!("{expected} 2019-10-02 NO_ELIGIBLE_ROLE")], "{resources:?}");
    }
}

/// The switch is the partner's (billing-details.md 2.14): off, nobody is told; on again, the next refresh tells what is reached.
#[test]
fn a_partner_that_is_not_told_is_told_when_it_wants_to_be() {
    let mut world = world();
    let switch = |on, email: &str| {
        Command::SwitchBudgetNotice(SwitchBudgetNotice { partner_id: partner("provider"), on, email: email.to_owned() })
    };
    for (on, email) in [(true, ""), (true, "nobody"), (false, "no body@x.example"), (true, "a@b")] {
        assert_eq!(world.refused(switch(on, email)), Reason::EmailInvalid, "{email}");
    }
    assert_eq!(world.ok(switch(false, "")), ["BudgetNoticeSwitched"]);
    let budget = |amount: &str| {
        let currency = Currency::new("EUR").unwrap();
        command!(SetSpendingBudget { partner_id: partner("provider"), amount: dec(amount), currency: currency })
    };
    world.ok(budget("1.00"));
    world.use_daily("vm", "vm1", "2019-10-01", "2019-10-04", "24");
    // What is set too low is told at once, but not to who does not want to know.
    assert_eq!(world.ok(budget("1.10")), ["SpendingBudgetSet"]);
    let told = |world: &World| world.journal.iter().filter(|e| e.name() == "BudgetThresholdReached").count();
    assert_eq!(told(&world), 0);
    assert_eq!(world.ok(switch(true, "azure@contoso.example")), ["BudgetNoticeSwitched"]);
    world.use_daily("vm", "vm1", "2019-10-05", "2019-10-06", "24");
    assert_eq!(told(&world), 1);
    assert_eq!(world.ok(budget("1.20")), ["SpendingBudgetSet"], "told this month");
}
