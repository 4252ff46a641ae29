//! Groups of licenses (customers page section 2.6).

use super::{kit::*, users};
use crate::{
    Command, Event, Reason,
    command::{DeleteLicenseGroup, LicenseGroupRow, SetLicenseGroup},
    customer::{GROUP_LICENSES_MAX, LICENSE_ROWS_MAX},
    ids::LicenseGroupId,
};

pub(super) fn group(id: &str) -> LicenseGroupId {
    LicenseGroupId::new(id).unwrap()
}

pub(super) fn set(id: &str, subscriptions: &[&str]) -> Command {
    Command::SetLicenseGroup(SetLicenseGroup {
        customer_id: customer_id(),
        partner_id: partner("direct"),
        group_id: group(id),
        display_name: "Office workers".to_owned(),
        subscription_ids: subscriptions.iter().map(|id| sub(id)).collect(),
    })
}

pub(super) fn give(rows: &[(&str, &str, bool)]) -> Command {
    let row = |(user_id, id, assign): &(&str, &str, bool)| LicenseGroupRow {
        user_id: user(user_id),
        group_id: group(id),
        assign: *assign,
    };
    command!(ChangeLicenses { partner_id: partner("direct"), rows: Vec::new(), groups: rows.iter().map(row).collect() })
}

/// Users `ada` and `bob`, two licenses each of `mail` and `phone`, in a group.
fn world() -> World {
    let mut world = World::new();
    world.ok(users::create_user("ada"));
    world.ok(users::create_user("bob"));
    world.ok(buy(vec![line("mail", "e1", 2), line("files", "e3", 1)]));
    world.ok(set("office", &["mail", "files"]));
    world
}

fn members(world: &World, id: &str) -> Vec<String> {
    let known = world.customer().users().group(&group(id)).unwrap();
    known.subscription_ids.iter().map(ToString::to_string).collect()
}

/// What became of each row, by user and license.
fn report(world: &mut World, command: &Command) -> Vec<String> {
    let events = world.run(command).unwrap();
    let rows = events.into_iter().find_map(|event| match event {
        Event::LicensesChanged(e) => Some(e.rows),
        _ => None,
    });
    let told = |refused: Option<Reason>| refused.map_or("done", Reason::code);
    rows.unwrap().iter().map(|row| format!("{} {} {}", row.user_id, row.subscription_id, told(row.refused))).collect()
}

#[test]
fn a_group_is_assigned_and_revoked_in_one_row_and_reported_license_by_license() {
    let mut world = world();
    assert_eq!(report(&mut world, &give(&[("ada", "office", true)])), ["ada files done", "ada mail done"]);
    // One license of `files` is left for nobody: that product is refused, the other one is given.
    assert_eq!(
        report(&mut world, &give(&[("bob", "office", true)])),
        ["bob files NO_AVAILABLE_LICENSE", "bob mail done"]
    );
    assert_eq!(
        report(&mut world, &give(&[("ada", "office", false), ("bob", "office", true)])),
        ["ada files done", "ada mail done", "bob files done", "bob mail LICENSE_ASSIGNED"]
    );
    assert_eq!(world.refused(give(&[("ada", "none", true)])), Reason::LicenseGroupNotFound);
    assert_eq!(world.refused(give(&[("ada", "office", true), ("ada", "office", false)])), Reason::InvalidValue);
}

#[test]
fn a_group_names_licenses_of_its_partner_each_once() {
    let mut world = world();
    world.ok(buy(vec![line("saas", "saas", 2)]));
    let cases = [
        (set("g", &[]), Reason::RequiredFieldMissing),
        (set("g", &["mail", "mail"]), Reason::InvalidValue),
        (set("g", &["none"]), Reason::SubscriptionNotFound),
        (set("g", &["saas"]), Reason::LicenseManagedByPublisher),
    ];
    for (command, reason) in cases {
        assert_eq!(world.refused(command.clone()), reason, "{command:?}");
    }
    world.ok(set("office", &["mail"]));
    assert_eq!(members(&world, "office"), ["mail"], "set again");
    let (customer_id, partner_id, group_id) = (customer_id(), partner("direct"), group("office"));
    let delete = Command::DeleteLicenseGroup(DeleteLicenseGroup { customer_id, partner_id, group_id });
    world.ok(delete.clone());
    assert_eq!(world.refused(delete), Reason::LicenseGroupNotFound);
}

#[test]
fn a_group_follows_its_licenses() {
    let mut world = world();
    world.relate("provider");
    world.ok(command!(RequestTransfer {
        transfer_id: Some(transfer("t")),
        source_partner_id: partner("direct"),
        target_partner_id: partner("provider"),
        subscription_ids: vec![sub("mail")],
        expires_after_days: None,
    }));
    world.ok(command!(AcceptTransfer { transfer_id: transfer("t"), partner_id: partner("provider") }));
    let new = world.customer().subscriptions().find(|known| known.partner_id == partner("provider")).unwrap();
    let expected = [new.subscription_id.to_string(), "files".to_owned()];
    let mut found = members(&world, "office");
    found.sort_by_key(|id| id == "files");
    assert_eq!(found, expected);
    world.ok(suspend("files"));
    world.end("2018-12-31");
    assert_eq!(members(&world, "office"), expected[..1], "what is gone is in no group");
    assert_eq!(GROUP_LICENSES_MAX, LICENSE_ROWS_MAX, "a whole group fits a command");
}
