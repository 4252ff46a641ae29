//! What was so then is what a replay of what was known then gives.

use chrono::{DateTime, Days, NaiveDate, Utc};
use proptest::{prelude::*, sample::Index};
use subledger_domain::{
    Event,
    customer::SuspensionReason,
    event::{AutoRenewChanged, CustomerUpdated, SubscriptionReactivated},
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
    Customer, CustomerProjection, Subscription, SubscriptionState,
    look_back::{get_customer_as_of, get_subscription_as_of, list_customers_as_of, list_subscriptions_as_of},
    query::{self, SubscriptionFilter},
};

const ALL: PageRequest<'_> = PageRequest { size: 1_000, token: "" };
const CUSTOMERS: [&str; 3] = ["c-0", "c-1", "c-2"];
const SUBSCRIPTIONS: [&str; 2] = ["s-0", "s-1"];

/// A commit on one of two partitions: customers stay in theirs.
#[derive(Clone, Debug)]
struct Commit {
    at: Position,
    stream: &'static str,
    version: u64,
    on: NaiveDate,
    events: Vec<Event>,
}

fn noon(on: NaiveDate) -> DateTime<Utc> {
    on.and_hms_opt(12, 0, 0).unwrap().and_utc()
}

impl Commit {
    fn partition(stream: &str) -> PartitionId {
        PartitionId::new(Family::Customers, u16::from(stream == CUSTOMERS[0]))
    }

    /// A day later for every third commit.
    fn recorded_at(&self) -> DateTime<Utc> {
        noon(day(6, 1) + Days::new(self.at.seq / 3))
    }

    fn fold(&self, rows: &mut Memory) {
        let recorded = Recorded {
            position: self.at,
            stream: self.stream,
            stream_version: self.version,
            command_id: "command",
            effective_at: noon(self.on),
            recorded_at: self.recorded_at(),
            principal: "alice",
            channel: "grpc",
            outcome: Ok(&self.events),
        };
        CustomerProjection.fold(&recorded, rows).unwrap();
    }
}

/// A history as it grows. Nothing happens to a subscription before it starts, nothing to a customer before it is created; everything
/// else may be recorded late.
#[derive(Default)]
struct Story {
    commits: Vec<Commit>,
    rows: Memory,
}

impl Story {
    fn commit(&mut self, stream: &'static str, on: NaiveDate, events: Vec<Event>) {
        let partition = Commit::partition(stream);
        let before = |of: &dyn Fn(&&Commit) -> bool| self.commits.iter().filter(of).count() as u64;
        let at = Position { partition, seq: before(&|commit| commit.at.partition == partition) };
        let version = before(&|commit| commit.stream == stream) + 1;
        let commit = Commit { at, stream, version, on, events };
        commit.fold(&mut self.rows);
        self.commits.push(commit);
    }
}

fn first_day() -> NaiveDate {
    day(1, 15)
}

fn renamed(id: &str, name: &str, bill_to: bool) -> Event {
    CustomerUpdated {
        customer_id: customer(id),
        partner_id: Some(partner("p-1")),
        company_name: (!bill_to).then(|| name.to_owned()),
        bill_to_name: bill_to.then(|| name.to_owned()),
        address: None,
        contact: None,
    }
    .into()
}

/// Which thing happens, to whom, to which subscription, how many days after the first, and a number.
type Step = (u8, usize, usize, u64, u32);

fn event(id: &str, (what, _, of, days, number): Step) -> Event {
    let (s, on) = (SUBSCRIPTIONS[of], first_day() + Days::new(days));
    match what {
        0 => subledger_domain::event::QuantityChanged { effective_on: on, ..seats(id, s, 1, number) }.into(),
        1 => subledger_domain::event::SubscriptionSuspended {
            effective_on: on,
            ..suspended(id, s, SuspensionReason::NonPayment)
        }
        .into(),
        2 => SubscriptionReactivated { customer_id: customer(id), subscription_id: subscription(s), effective_on: on }
            .into(),
        3 => AutoRenewChanged {
            customer_id: customer(id),
            subscription_id: subscription(s),
            auto_renew: number % 2 == 0,
        }
        .into(),
        4 => renamed(id, ["Contoso", "Fabrikam", "Northwind"][number as usize % 3], number > 20),
        5 => removed(id, "p-1").into(),
        _ => established(id, ["p-1", "p-2"][number as usize % 2]).into(),
    }
}

fn play(steps: Vec<Step>) -> Story {
    let mut story = Story::default();
    for id in CUSTOMERS {
        story.commit(id, first_day(), vec![created(id, "Contoso", "p-1").into(), established(id, "p-1").into()]);
        for s in SUBSCRIPTIONS {
            let mut events = purchase(id, "p-1", s, 1);
            // The second begins later than its order.
            if s == SUBSCRIPTIONS[1]
                && let Some(Event::SubscriptionCreated(created)) = events.last_mut()
            {
                created.start = first_day() + Days::new(3);
            }
            story.commit(id, first_day(), events);
        }
    }
    for step in steps {
        let id = CUSTOMERS[step.1];
        let on = first_day() + Days::new(step.3);
        story.commit(id, on, vec![event(id, step)]);
    }
    story
}

/// Whether everything in the commit is about subscriptions; those hold from the event's own day.
fn day_of(event: &Event, commit: &Commit) -> NaiveDate {
    match event {
        Event::SubscriptionCreated(e) => e.start,
        _ => commit.on,
    }
}

/// Folds what was known and in effect, and nothing else.
fn replay(story: &Story, effective: Option<NaiveDate>, last: &[Position]) -> Memory {
    let mut rows = Memory::default();
    let known =
        |commit: &&Commit| last.iter().any(|last| last.partition == commit.at.partition && commit.at.seq <= last.seq);
    for commit in story.commits.iter().filter(known) {
        let in_effect = |day: NaiveDate| effective.is_none_or(|effective| day <= effective);
        let mut then = commit.clone();
        then.events.retain(|event| in_effect(day_of(event, commit)));
        if in_effect(commit.on) {
            then.fold(&mut rows);
        }
    }
    rows
}

/// Everything that can be asked about customers and subscriptions.
fn asked(rows: &Memory, horizon: &Horizon) -> (Vec<Customer>, Vec<Subscription>, Vec<String>) {
    let mut lists = Vec::new();
    for partner in [None, Some("p-1"), Some("p-2")] {
        for prefix in ["", "con", "fabrikam", "contoso.onm"] {
            let listed = list_customers_as_of(rows, partner, prefix, horizon, ALL).unwrap().items;
            lists.push(format!("{partner:?} {prefix} {:?}", ids(&listed)));
        }
        for state in [None, Some(SubscriptionState::Active), Some(SubscriptionState::Suspended)] {
            for customer_id in [None, Some("c-1")] {
                let filter = SubscriptionFilter { customer_id, partner_id: partner, state };
                let listed = list_subscriptions_as_of(rows, filter, horizon, ALL).unwrap().items;
                let ids: Vec<_> = listed.iter().map(|s| format!("{}/{}", s.customer_id, s.subscription_id)).collect();
                lists.push(format!("{filter:?} {ids:?}"));
            }
        }
    }
    let customers = CUSTOMERS.iter().filter_map(|id| get_customer_as_of(rows, id, horizon).unwrap()).collect();
    let each = CUSTOMERS.iter().flat_map(|id| SUBSCRIPTIONS.map(|s| (id, s)));
    let subscriptions = each.filter_map(|(id, s)| get_subscription_as_of(rows, id, s, horizon).unwrap()).collect();
    (customers, subscriptions, lists)
}

fn ids(customers: &[Customer]) -> Vec<&str> {
    customers.iter().map(|customer| customer.customer_id.as_str()).collect()
}

fn positions(commits: &[Commit]) -> Vec<Position> {
    let mut last: Vec<Position> = Vec::new();
    for commit in commits {
        last.retain(|known| known.partition != commit.at.partition);
        last.push(commit.at);
    }
    last
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Relationships end and begin again in the order of the log only: the day before one begins it cannot end.
    prop::collection::vec((0..7_u8, 0..3_usize, 0..2_usize, 3..40_u64, 0..40_u32), 0..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_look_back_is_a_replay_of_what_was_known_and_in_effect(
        steps in steps(),
        at in any::<Index>(),
        days in prop::option::of(0..45_u64),
        all in any::<bool>(),
    ) {
        let story = play(steps);
        let cut = if all { story.commits.len() } else { at.index(story.commits.len() + 1) };
        let last = positions(&story.commits[..cut]);
        let effective = days.map(|days| first_day() - Days::new(2) + Days::new(days));
        let as_of = AsOf { effective, recorded: Some(RecordedBy::Positions(last.clone())) };
        let horizon = Horizon::of(&story.rows, &as_of).unwrap();
        let then = replay(&story, effective, &last);
        prop_assert_eq!(asked(&story.rows, &horizon), asked(&then, &Horizon::default()));
        if all {
            let days_only = Horizon::of(&story.rows, &AsOf { effective, recorded: None }).unwrap();
            prop_assert_eq!(asked(&story.rows, &days_only), asked(&then, &Horizon::default()));
        }
    }

    #[test]
    fn an_instant_is_what_was_recorded_by_then(steps in steps(), at in any::<Index>()) {
        let story = play(steps);
        let moment = story.commits[at.index(story.commits.len())].recorded_at();
        let known: Vec<_> = story.commits.iter().filter(|commit| commit.recorded_at() <= moment).cloned().collect();
        let as_of = AsOf { effective: None, recorded: Some(RecordedBy::Instant(moment)) };
        let horizon = Horizon::of(&story.rows, &as_of).unwrap();
        let then = replay(&story, None, &positions(&known));
        prop_assert_eq!(asked(&story.rows, &horizon), asked(&then, &Horizon::default()));
    }
}

#[test]
fn a_late_fact_about_february_is_not_what_was_believed_on_the_third_of_march() {
    let mut story = play(Vec::new());
    story.commit("c-1", day(2, 10), vec![event("c-1", (0, 1, 0, 26, 5))]);
    story.commit("c-1", day(3, 1), vec![renamed("c-1", "Fabrikam", false)]);
    let believed = story.commits.last().unwrap().at;
    // On 5 March it becomes known that the name changed on 20 February, and that renewal ended on 1 February.
    story.commit("c-1", day(2, 20), vec![renamed("c-1", "Late", false)]);
    story.commit(
        "c-1",
        day(2, 1),
        vec![
            AutoRenewChanged { customer_id: customer("c-1"), subscription_id: subscription("s-0"), auto_renew: false }
                .into(),
        ],
    );
    let then = |effective: Option<(u32, u32)>, known: bool| {
        let as_of = AsOf {
            effective: effective.map(|(month, number)| day(month, number)),
            recorded: known.then(|| RecordedBy::Positions(vec![believed])),
        };
        let horizon = Horizon::of(&story.rows, &as_of).unwrap();
        let name = get_customer_as_of(&story.rows, "c-1", &horizon).unwrap().unwrap().company_name;
        let was = get_subscription_as_of(&story.rows, "c-1", "s-0", &horizon).unwrap().unwrap();
        (name, was.quantity, was.auto_renew)
    };
    assert_eq!(then(Some((2, 28)), true), ("Contoso".into(), 5, true));
    assert_eq!(then(Some((2, 28)), false), ("Late".into(), 5, false));
    assert_eq!(then(Some((2, 15)), false), ("Contoso".into(), 5, false));
    assert_eq!(then(Some((2, 1)), false), ("Contoso".into(), 1, false));
    assert_eq!(then(Some((1, 31)), false), ("Contoso".into(), 1, true));
    // In the order of the log the late name came last.
    assert_eq!(then(Some((3, 1)), false), ("Late".into(), 5, false));
    assert_eq!(then(Some((3, 1)), true), ("Fabrikam".into(), 5, true));
    assert_eq!(then(None, true), ("Fabrikam".into(), 5, true));
    let now = query::get_customer(&story.rows, "c-1").unwrap().unwrap();
    assert_eq!((now.company_name.as_str(), then(None, false).0.as_str()), ("Late", "Late"));
    // By a partition that is not named nothing is known.
    let other = Horizon::of(&story.rows, &AsOf { effective: None, recorded: Some(RecordedBy::Positions(Vec::new())) });
    assert_eq!(get_customer_as_of(&story.rows, "c-1", &other.unwrap()).unwrap(), None);
}

#[test]
fn a_subscription_is_listed_in_the_state_of_then() {
    let mut story = play(Vec::new());
    let on = day(3, 1);
    story.commit("c-0", on, vec![suspended("c-0", "s-0", SuspensionReason::NonPayment).into()]);
    let listed = |effective: NaiveDate, state| {
        let horizon = Horizon::of(&story.rows, &AsOf { effective: Some(effective), recorded: None }).unwrap();
        let filter =
            SubscriptionFilter { partner_id: Some("p-1"), state: Some(state), ..SubscriptionFilter::default() };
        list_subscriptions_as_of(&story.rows, filter, &horizon, ALL).unwrap().items.len()
    };
    assert_eq!(
        (listed(day(2, 28), SubscriptionState::Active), listed(day(2, 28), SubscriptionState::Suspended)),
        (6, 0)
    );
    assert_eq!((listed(on, SubscriptionState::Active), listed(on, SubscriptionState::Suspended)), (5, 1));
    assert_eq!(listed(day(1, 17), SubscriptionState::Active), 3, "three begin on 18 January");
}
