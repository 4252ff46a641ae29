//! Users and their licenses (customers page section 2.6): the state table, and never more licenses than were bought.

use proptest::prelude::*;

use super::kit::*;
use crate::{Command, Event, Reason, event::LicenseRow};

pub(super) fn create_user(id: &str) -> Command {
    command!(CreateUser {
        partner_id: partner("direct"),
        user_id: user(id),
        display_name: id.to_owned(),
        first_name: String::new(),
        last_name: String::new(),
        email: format!("{id}@contoso.onmicrosoft.com"),
    })
}

pub(super) fn delete(id: &str) -> Command {
    command!(DeleteUser { partner_id: partner("direct"), user_id: user(id) })
}

fn reset(id: &str) -> Command {
    command!(ResetUserPassword { partner_id: partner("direct"), user_id: user(id) })
}

pub(super) fn restore(ids: &[&str]) -> Command {
    command!(RestoreUsers { partner_id: partner("direct"), user_ids: ids.iter().map(|id| user(id)).collect() })
}

fn row(id: &str, subscription: &str, assign: bool) -> LicenseRow {
    LicenseRow { user_id: user(id), subscription_id: sub(subscription), assign, refused: None }
}

pub(super) fn assign(rows: &[(&str, &str)]) -> Command {
    let rows = rows.iter().map(|(id, subscription)| row(id, subscription, true)).collect();
    command!(ChangeLicenses { partner_id: partner("direct"), rows: rows, groups: Vec::new() })
}

fn change(rows: Vec<LicenseRow>) -> Command {
    command!(ChangeLicenses { partner_id: partner("direct"), rows: rows, groups: Vec::new() })
}

/// What became of each row.
fn report(world: &mut World, command: &Command) -> Vec<Option<Reason>> {
    let events = world.run(command).unwrap();
    let Some(Event::LicensesChanged(changed)) = events.last() else { panic!("{events:?}") };
    changed.rows.iter().map(|row| row.refused).collect()
}

/// Each state of a user and each command; the last days of V31.
#[test]
fn the_state_table_of_a_user() {
    use Reason::{UserAlreadyExists, UserDeleted, UserNotDeleted, UserNotFound};
    let at = |state: &str| {
        let mut world = World::new();
        if state != "none" {
            world.ok(create_user("u"));
        }
        if state == "deleted" || state == "gone" {
            world.at("2020-06-01").ok(delete("u"));
        }
        if state == "gone" {
            world.end("2020-07-01");
        }
        world
    };
    let commands = [create_user("u"), reset("u"), delete("u"), restore(&["u"])];
    let table: [(&str, [Result<&str, Reason>; 4]); 4] = [
        ("none", [Ok("UserCreated"), Err(UserNotFound), Err(UserNotFound), Err(UserNotFound)]),
        ("active", [Err(UserAlreadyExists), Ok("UserPasswordReset"), Ok("UserDeleted"), Err(UserNotDeleted)]),
        ("deleted", [Err(UserAlreadyExists), Err(UserDeleted), Err(UserDeleted), Ok("UserRestored")]),
        ("gone", [Ok("UserCreated"), Err(UserNotFound), Err(UserNotFound), Err(UserNotFound)]),
    ];
    for (state, cells) in table {
        for (command, expected) in commands.iter().zip(cells) {
            let outcome = at(state).run(command).map(|events| events[0].name()).map_err(|refused| refused.reason);
            assert_eq!(outcome, expected, "{state}: {command:?}");
        }
    }
}

/// V31: deleted on 1 June, 30 June restores, 1 July does not; what was assigned meanwhile stays so.
#[test]
fn a_deleted_user_comes_back_for_thirty_days() {
    let mut world = World::new();
    world.at("2020-05-01").ok(buy(vec![line("a", "e3", 1), line("b", "e1", 1)]));
    for id in ["u", "v"] {
        world.ok(create_user(id));
    }
    assert_eq!(report(&mut world, &assign(&[("u", "a"), ("u", "b")])), [None, None]);
    world.at("2020-06-01").ok(delete("u"));
    assert_eq!(report(&mut world, &assign(&[("v", "a")])), [None], "its license is free");
    let mut late = world.clone();
    late.at("2020-07-01");
    assert_eq!(late.refused(restore(&["u"])), Reason::RestoreWindowPassed);
    let events = world.at("2020-06-30").run(&restore(&["u"])).unwrap();
    let Some(Event::UserRestored(restored)) = events.first() else { panic!("{events:?}") };
    assert_eq!((&*restored.restored, &*restored.not_restored), (&[sub("b")][..], &[sub("a")][..]));
    assert_eq!(world.refused(restore(&["v", "v"])), Reason::UserNotDeleted);
}

#[test]
fn bad_users_are_refused_with_the_field() {
    let mut world = World::new();
    world.ok(create_user("u"));
    let with = |change: fn(&mut crate::command::CreateUser)| {
        let Command::CreateUser(mut create) = create_user("w") else { unreachable!() };
        change(&mut create);
        Command::CreateUser(create)
    };
    for (command, reason, field) in [
        (with(|c| c.display_name = String::new()), Reason::RequiredFieldMissing, "display_name"),
        (with(|c| c.display_name = "x".repeat(51)), Reason::InvalidValue, "display_name"),
        (with(|c| c.last_name = "x".repeat(51)), Reason::InvalidValue, "last_name"),
        (with(|c| c.email = "w".into()), Reason::InvalidValue, "email"),
        (with(|c| c.email = "w@other.example".into()), Reason::InvalidValue, "email"),
        (with(|c| c.email = "U@contoso.onmicrosoft.com".into()), Reason::UserAlreadyExists, "email"),
        (with(|c| c.partner_id = partner("provider")), Reason::RelationshipRequired, "partner_id"),
    ] {
        let refusal = world.refusal(command);
        assert_eq!((refusal.reason, refusal.metadata["field"].as_str()), (reason, field), "{refusal}");
    }
}

/// Every reason of a row, beside rows that are done.
#[test]
fn a_bulk_change_is_reported_row_by_row() {
    use Reason::{
        LicenseAssigned, LicenseManagedByPublisher, LicenseNotAssigned, SubscriptionNotActive, SubscriptionNotFound,
        SubscriptionNotOwned, UserDeleted, UserNotFound,
    };
    let mut world = World::with_provider();
    world.ok(buy(vec![line("a", "e3", 2), line("s", "e1", 1), line("m", "saas", 5), line("few", "small", 5)]));
    world.ok(buy_from("provider", vec![line("p", "e3", 1)]));
    for id in ["u", "v", "w", "x"] {
        world.ok(create_user(id));
    }
    world.ok(delete("x"));
    world.ok(suspend("s"));
    assert_eq!(report(&mut world, &assign(&[("u", "a")])), [None]);
    let rows = vec![
        row("nobody", "a", true),
        row("x", "a", true),
        row("u", "nothing", true),
        row("u", "p", true),
        row("u", "m", true),
        row("u", "s", true),
        row("u", "a", true),
        row("v", "a", false),
        row("v", "few", true),
    ];
    let refused = [
        UserNotFound,
        UserDeleted,
        SubscriptionNotFound,
        SubscriptionNotOwned,
        LicenseManagedByPublisher,
        SubscriptionNotActive,
        LicenseAssigned,
        LicenseNotAssigned,
    ];
    let expected: Vec<_> = refused.map(Some).into_iter().chain([None]).collect();
    assert_eq!(report(&mut world, &change(rows)), expected);
    // Decision G37: two lack it, one license is free: neither gets it. One more is free once the holder gives it up.
    assert_eq!(report(&mut world, &assign(&[("v", "a"), ("w", "a")])), [Some(Reason::NoAvailableLicense); 2]);
    let swap = vec![row("v", "a", true), row("w", "a", true), row("u", "a", false)];
    assert_eq!(report(&mut world, &change(swap)), [None, None, None]);
    assert_eq!(world.customer().users().assigned(&sub("a")), 2);
    let too_many = (0..101).map(|n| row(&format!("u{n}"), "a", true)).collect();
    assert_eq!(world.refused(change(too_many)), Reason::InvalidValue);
    assert_eq!(world.refused(change(Vec::new())), Reason::RequiredFieldMissing);
    assert_eq!(world.refused(change(vec![row("u", "a", true), row("u", "a", false)])), Reason::InvalidValue);
}

/// Decision G12.
#[test]
fn assigned_licenses_hold_their_seats() {
    let mut world = World::new();
    world.ok(buy(vec![line("a", "e3", 3)]));
    for id in ["u", "v"] {
        world.ok(create_user(id));
    }
    report(&mut world, &assign(&[("u", "a"), ("v", "a")]));
    let refusal = world.refusal(seats("a", 1));
    assert_eq!((refusal.reason, refusal.metadata["assigned"].as_str()), (Reason::LicensesStillAssigned, "2"));
    world.ok(seats("a", 2));
    world.ok(suspend("a"));
    assert_eq!(world.customer().users().assigned(&sub("a")), 2, "a suspension keeps them");
    world.end(&world.expires_on("a").to_string());
    assert_eq!(world.customer().users().assigned(&sub("a")), 0, "a deletion does not");
}

/// A step of a random history.
#[derive(Clone, Debug)]
enum Step {
    Change(Vec<(usize, usize, bool)>),
    Seats(usize, u32),
    Delete(usize),
    Restore(usize),
    Suspend(usize),
    Reactivate(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (users, subs) = (0..4_usize, 0..2_usize);
    prop_oneof![
        4 => prop::collection::vec((users.clone(), subs.clone(), any::<bool>()), 1..5).prop_map(Step::Change),
        2 => (subs.clone(), 1..5_u32).prop_map(|(at, seats)| Step::Seats(at, seats)),
        1 => users.clone().prop_map(Step::Delete),
        1 => users.prop_map(Step::Restore),
        1 => subs.clone().prop_map(Step::Suspend),
        1 => subs.prop_map(Step::Reactivate),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn never_more_licenses_than_were_bought(steps in prop::collection::vec(step(), 1..30)) {
        let (users, subs) = (["u0", "u1", "u2", "u3"], ["a", "b"]);
        let mut world = World::new();
        world.ok(buy(vec![line("a", "e3", 2), line("b", "e1", 1)]));
        users.iter().for_each(|id| { world.ok(create_user(id)); });
        for step in steps {
            let _ = world.run(&match step {
                Step::Change(rows) => {
                    change(rows.into_iter().map(|(u, s, assign)| row(users[u], subs[s], assign)).collect())
                }
                Step::Seats(at, quantity) => seats(subs[at], quantity),
                Step::Delete(at) => delete(users[at]),
                Step::Restore(at) => restore(&[users[at]]),
                Step::Suspend(at) => suspend(subs[at]),
                Step::Reactivate(at) => reactivate(subs[at]),
            });
            let customer = world.customer();
            for id in subs {
                let holders: Vec<_> = customer.users().holders(&sub(id)).cloned().collect();
                prop_assert!(holders.len() <= world.sub(id).quantity as usize, "{holders:?}");
                for holder in &holders {
                    let known = customer.users().get(holder).unwrap();
                    prop_assert!(known.deleted_until.is_none() && known.licenses.contains(&sub(id)));
                }
            }
            let mut replayed = None;
            world.journal.iter().for_each(|event| crate::customer::evolve(&mut replayed, event));
            prop_assert_eq!(replayed.as_ref(), world.customer.as_ref());
        }
    }
}
