//! Transfers and users as they were, orders, groups of licenses, and what a partner sees of a customer that others serve too.

use chrono::{DateTime, NaiveDate, Utc};
use proptest::prelude::*;
use subledger_domain::{
    Event,
    customer::SuspensionReason,
    event::{
        LicenseGroupSet, LicenseRow, LicensesChanged, TransferCompleted, TransferDeclined, TransferRequested,
        UserCreated, UserDeleted, UserPurged, UserRestored,
    },
    ids::{LicenseGroupId, UserId},
    position::{Family, PartitionId, Position},
};
use subledger_fold::{
    Projection as _, Recorded,
    as_of::{AsOf, Horizon, RecordedBy},
    memory::Memory,
    page::PageRequest,
};

use super::history::*;
use crate::{
    CustomerProjection, Transfer, TransferState, UserRow,
    look_back::{get_transfer_as_of, list_transfers_as_of, list_users_as_of},
    query::{Days, TransferFilter, Whose, list_activities, list_license_groups, list_orders, list_users},
};

const ALL: PageRequest<'_> = PageRequest { size: 1_000, token: "" };
const PARTITION: PartitionId = PartitionId::new(Family::Customers, 0);

/// A commit that takes effect on a day and is recorded in the order of its number.
#[derive(Clone, Debug)]
struct Late {
    seq: u64,
    on: NaiveDate,
    event: Event,
}

fn noon(on: NaiveDate) -> DateTime<Utc> {
    on.and_hms_opt(12, 0, 0).unwrap().and_utc()
}

impl Late {
    fn fold(&self, rows: &mut Memory) {
        let recorded = Recorded {
            position: Position { partition: PARTITION, seq: self.seq },
            stream: "c-1",
            stream_version: self.seq + 1,
            command_id: "command",
            effective_at: noon(self.on),
            recorded_at: noon(day(12, 1)),
            principal: "alice",
            channel: "grpc",
            outcome: Ok(std::slice::from_ref(&self.event)),
        };
        CustomerProjection.fold(&recorded, rows).unwrap();
    }
}

fn user(id: &str) -> UserId {
    UserId::new(id).unwrap()
}

fn user_created(id: &str) -> Event {
    UserCreated {
        customer_id: customer("c-1"),
        partner_id: partner("p-1"),
        user_id: user(id),
        display_name: id.to_uppercase(),
        first_name: String::new(),
        last_name: String::new(),
        email: format!("{id}@contoso.onmicrosoft.com"),
    }
    .into()
}

fn license(id: &str, of: &str, assign: bool) -> Event {
    let row = LicenseRow { user_id: user(id), subscription_id: subscription(of), assign, refused: None };
    LicensesChanged { customer_id: customer("c-1"), partner_id: partner("p-1"), rows: vec![row] }.into()
}

fn requested(id: &str) -> TransferRequested {
    TransferRequested {
        customer_id: customer("c-1"),
        transfer_id: transfer(id),
        source_partner_id: partner("p-1"),
        target_partner_id: partner("p-2"),
        lines: vec![line("s-1", None)],
        requested_on: day(4, 1),
        expires_on: None,
        form: None,
    }
}

fn declined(id: &str, note: &str) -> Event {
    TransferDeclined { customer_id: customer("c-1"), transfer_id: transfer(id), note: note.into() }.into()
}

/// What may happen to user `u` and transfer `t`, in any order and on any day, once they are there.
fn events() -> impl Strategy<Value = Event> {
    let about = (customer("c-1"), partner("p-1"), user("u"));
    let (customer_id, partner_id, user_id) = about;
    let deleted = UserDeleted {
        customer_id: customer_id.clone(),
        partner_id: partner_id.clone(),
        user_id: user_id.clone(),
        restorable_until: day(6, 1),
        subscription_ids: Vec::new(),
    };
    let restored = UserRestored {
        customer_id: customer_id.clone(),
        partner_id,
        user_id,
        restored: vec![subscription("s-2")],
        not_restored: Vec::new(),
    };
    prop_oneof![
        4 => (prop::sample::select(vec!["s-1", "s-2", "s-3"]), any::<bool>()).prop_map(|(of, assign)| license("u", of, assign)),
        1 => Just(Event::from(deleted)),
        1 => Just(Event::from(restored)),
        2 => "[a-z]{1,3}".prop_map(|note| declined("t", &note)),
    ]
}

fn horizon(rows: &Memory, effective: Option<NaiveDate>, last: Option<u64>) -> Horizon {
    let recorded = last.map(|seq| RecordedBy::Positions(vec![Position { partition: PARTITION, seq }]));
    Horizon::of(rows, &AsOf { effective, recorded }).unwrap()
}

fn were(rows: &Memory, horizon: &Horizon) -> (Vec<UserRow>, Option<Transfer>) {
    let users = list_users_as_of(rows, "c-1", horizon, ALL).unwrap().items;
    (users, get_transfer_as_of(rows, "c-1", "t", horizon).unwrap())
}

proptest! {
    #[test]
    fn what_was_so_then_is_a_replay_of_what_was_known_and_in_effect(
        later in prop::collection::vec((0..28_u32, events()), 0..24),
        effective in prop::option::of(0..30_u32),
        last in prop::option::of(0..30_u64),
    ) {
        let mut log: Vec<(NaiveDate, Event)> = vec![
            (day(1, 1), created("c-1", "Contoso", "p-1").into()),
            (day(2, 1), user_created("u")),
            (day(2, 1), requested("t").into()),
        ];
        log.extend(later.into_iter().map(|(on, event)| (day(2, 1 + on.min(27)), event)));
        let log: Vec<_> = (0..).zip(log).map(|(seq, (on, event))| Late { seq, on, event }).collect();
        let mut rows = Memory::default();
        log.iter().for_each(|late| late.fold(&mut rows));
        let effective = effective.map(|on| day(2, 1 + on.min(27)));
        let mut then = Memory::default();
        let known = |late: &&Late| effective.is_none_or(|on| late.on <= on) && last.is_none_or(|last| late.seq <= last);
        log.iter().filter(known).for_each(|late| late.fold(&mut then));
        prop_assert_eq!(were(&rows, &horizon(&rows, effective, last)), were(&then, &Horizon::default()));
    }
}

#[test]
fn a_user_that_is_gone_was_there() {
    let mut rows = Memory::default();
    let purged = UserPurged { customer_id: customer("c-1"), user_id: user("u") };
    let log = [
        (day(1, 1), created("c-1", "Contoso", "p-1").into()),
        (day(2, 1), user_created("u")),
        (day(2, 3), license("u", "s-1", true)),
        (day(4, 1), purged.into()),
    ];
    (0..).zip(log).for_each(|(seq, (on, event))| Late { seq, on, event }.fold(&mut rows));
    let there = |effective, last| {
        let users = list_users_as_of(&rows, "c-1", &horizon(&rows, effective, last), ALL).unwrap().items;
        users.into_iter().map(|user| user.licenses.len()).collect::<Vec<_>>()
    };
    assert_eq!(list_users(&rows, "c-1", ALL).unwrap().items, []);
    assert_eq!((there(Some(day(2, 2)), None), there(Some(day(3, 1)), None)), (vec![0], vec![1]));
    assert_eq!((there(Some(day(4, 1)), None), there(None, Some(2)), there(None, Some(0))), (vec![], vec![1], vec![]));
}

#[test]
fn transfers_are_listed_in_the_states_of_then() {
    let mut rows = Memory::default();
    let log = [
        (day(1, 1), created("c-1", "Contoso", "p-1").into()),
        (day(2, 1), requested("t").into()),
        (day(2, 9), declined("t", "not ours")),
    ];
    (0..).zip(log).for_each(|(seq, (on, event))| Late { seq, on, event }.fold(&mut rows));
    let listed = |effective, state, partner_id| {
        let filter = TransferFilter { customer_id: None, partner_id, state };
        list_transfers_as_of(&rows, filter, &horizon(&rows, effective, None), ALL).unwrap().items.len()
    };
    assert_eq!(listed(Some(day(2, 8)), Some(TransferState::Active), Some("p-2")), 1);
    assert_eq!(listed(Some(day(2, 9)), Some(TransferState::Active), None), 0);
    assert_eq!(listed(None, Some(TransferState::Declined), Some("p-1")), 1);
    assert_eq!((listed(Some(day(1, 31)), None, None), listed(None, None, Some("p-3"))), (0, 0));
}

fn seen(history: &History, whose: Whose<'_>) -> Vec<String> {
    let found = list_activities(&history.rows, whose, Days::default(), ALL).unwrap().items;
    found.into_iter().map(|activity| format!("{} {}", activity.action, activity.subject)).collect()
}

/// The source keeps its history and sees the end of it, the target sees the transfer and what came after.
#[test]
fn after_a_transfer_each_partner_sees_its_own() {
    let mut history = History::default().with_customer("c-1", "Contoso", "p-1");
    history.commit("c-1", Ok(purchase("c-1", "p-1", "s-1", 5)));
    history.event("c-1", seats("c-1", "s-1", 5, 9));
    history.event("c-1", established("c-1", "p-2"));
    history.event("c-1", requested("t"));
    let completed = TransferCompleted {
        customer_id: customer("c-1"),
        transfer_id: transfer("t"),
        source_partner_id: partner("p-1"),
        target_partner_id: partner("p-2"),
        lines: vec![line("s-1", Some("s-2"))],
    };
    let gone = suspended("c-1", "s-1", SuspensionReason::Transferred);
    let new: Vec<Event> = vec![completed.into(), gone.into(), bought("c-1", "p-2", "s-2", 5).into()];
    history.commit("c-1", Ok(new));
    history.event("c-1", seats("c-1", "s-2", 5, 7));
    let source = seen(&history, Whose::Partner("p-1"));
    assert_eq!(
        source,
        [
            "SubscriptionSuspended s-1",
            "TransferCompleted t",
            "TransferRequested t",
            "QuantityChanged s-1",
            "SubscriptionCreated s-1",
            "OrderPlaced o-1",
            "RelationshipEstablished p-1",
            "CustomerCreated c-1"
        ]
    );
    let target = seen(&history, Whose::Partner("p-2"));
    assert_eq!(
        target,
        [
            "QuantityChanged s-2",
            "SubscriptionCreated s-2",
            "TransferCompleted t",
            "TransferRequested t",
            "RelationshipEstablished p-2"
        ]
    );
    assert_eq!(seen(&history, Whose::Customer("c-1", Some("p-2"))), target);
    assert_eq!(seen(&history, Whose::Customer("c-2", Some("p-2"))), [""; 0]);
    let detail = list_activities(&history.rows, Whose::Partner("p-1"), Days::default(), ALL).unwrap().items;
    assert_eq!(detail[0].detail, "active -> suspended: transferred");
    let of_days = |from, to| {
        let days = Days { from, to };
        list_activities(&history.rows, Whose::Partner("p-1"), days, ALL).unwrap().items.len()
    };
    let (first, last) = (detail.last().unwrap().recorded_at.date_naive(), detail[0].recorded_at.date_naive());
    assert_eq!((of_days(Some(first), Some(last)), of_days(Some(last), None)), (8, 2));
    assert_eq!((of_days(None, Some(first)), of_days(last.succ_opt(), None)), (2, 0));
}

#[test]
fn orders_are_listed_by_customer_and_by_partner_the_newest_first() {
    let mut history = History::default().with_customer("c-1", "Contoso", "p-1").with_customer("c-2", "Fabrikam", "p-1");
    history.commit("c-1", Ok(purchase("c-1", "p-1", "s-1", 5)));
    history.commit("c-2", Ok(purchase("c-2", "p-1", "s-2", 5)));
    history.event("c-1", established("c-1", "p-2"));
    history.commit("c-1", Ok(purchase("c-1", "p-2", "s-3", 5)));
    let mut resold = purchase("c-2", "p-2", "s-4", 5);
    for event in &mut resold {
        if let Event::SubscriptionCreated(e) = event {
            e.reseller_id = Some(partner("r-1"));
        }
    }
    history.event("c-2", established("c-2", "p-2"));
    history.commit("c-2", Ok(resold));
    let bought = |whose, size| {
        let (mut token, mut all) = (String::new(), Vec::new());
        loop {
            let page = list_orders(&history.rows, whose, Days::default(), PageRequest { size, token: &token }).unwrap();
            all.extend(page.items.into_iter().map(|order| order.subscription_ids[0].to_string()));
            match page.next {
                Some(next) => token = next,
                None => return all,
            }
        }
    };
    for size in [1, 2, 10] {
        assert_eq!(bought(Whose::Partner("p-1"), size), ["s-2", "s-1"]);
        assert_eq!(bought(Whose::Customer("c-1", None), size), ["s-3", "s-1"]);
        assert_eq!(bought(Whose::Customer("c-1", Some("p-2")), size), ["s-3"]);
        assert_eq!(bought(Whose::Partner("r-1"), size), ["s-4"], "a reseller's, though another pays");
        assert_eq!(bought(Whose::Customer("c-2", Some("r-1")), size), ["s-4"]);
    }
}

#[test]
fn groups_of_licenses_follow_their_licenses() {
    let mut history = History::default().with_customer("c-1", "Contoso", "p-1");
    history.commit("c-1", Ok(purchase("c-1", "p-1", "s-1", 5)));
    let set = LicenseGroupSet {
        customer_id: customer("c-1"),
        partner_id: partner("p-1"),
        group_id: LicenseGroupId::new("g").unwrap(),
        display_name: "Office".into(),
        subscription_ids: vec![subscription("s-1"), subscription("s-9")],
    };
    history.event("c-1", set);
    history.event("c-1", established("c-1", "p-2"));
    history.event("c-1", requested("t"));
    let completed = TransferCompleted {
        customer_id: customer("c-1"),
        transfer_id: transfer("t"),
        source_partner_id: partner("p-1"),
        target_partner_id: partner("p-2"),
        lines: vec![line("s-1", Some("s-2"))],
    };
    history.event("c-1", completed);
    let groups = list_license_groups(&history.rows, "c-1", ALL).unwrap().items;
    let ids: Vec<_> = groups[0].subscription_ids.iter().map(ToString::to_string).collect();
    assert_eq!(ids, ["s-2", "s-9"]);
}
