//! A writer on a log that loses acknowledgements, tears blocks, lets zombies write late and says no: what was acknowledged is in the
//! history exactly once, and whatever the caller could not be told is settled by sending it again.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set itself up has failed")]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use subledger_domain::position::Position;
use subledger_log::{
    Actor, Family, Follower, Layout, Log, PartitionId, codec, ends,
    sim::{SimFaults, SimLog},
    tree::Frontier,
};
use subledger_writer::{Clock, CommandError, Options, PartitionService, ReferenceFollower, Submission};

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        "2018-01-13T12:00:00Z".parse().unwrap()
    }
}

const LAYOUT: Layout = Layout { partners: 1, customers: 1 };
const PARTNERS: PartitionId = PartitionId::new(Family::Partners, 0);

fn partner(n: u32) -> Submission {
    let text = format!(
        r#"{{"command_id": "p-{n}", "register_partner": {{"partner_id": "partner-{n}", "name": "Partner {n}",
            "kind": "PARTNER_KIND_DIRECT_BILL", "country": "US", "currency": "USD", "billing_day": 15}}}}"#
    );
    let actor = Actor { principal: "test".into(), channel: "test".into() };
    Submission::new(codec::command_from_json(&text).unwrap(), actor, None).unwrap()
}

fn start(log: &Arc<dyn Log>, reference: &Arc<ReferenceFollower>, id: &str) -> PartitionService {
    PartitionService::start(
        Arc::clone(log),
        PARTNERS,
        Arc::clone(reference),
        Arc::new(FixedClock),
        id,
        Options { claim_backoff: Duration::from_millis(1), ..Options::default() },
    )
    .unwrap()
}

/// Sends until there is an outcome. `None` if the writer never gave one in the tries it had.
async fn insist(writer: &PartitionService, submission: &Submission) -> Option<Position> {
    for _ in 0..40 {
        let answer = match writer.handle.submit(vec![submission.clone()]).await {
            Ok(mut answers) => answers.remove(0),
            Err(error) => Err(error),
        };
        match answer {
            Ok(outcome) => {
                assert!(outcome.result.is_ok(), "{:?}", outcome.result);
                return Some(outcome.position);
            }
            Err(CommandError::Unavailable { .. } | CommandError::Unknown { .. } | CommandError::Overloaded { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    None
}

/// Reads the history as an auditor does, and checks the tree on the way.
fn recorded(log: &dyn Log) -> BTreeMap<String, Vec<Position>> {
    let mut follower = Follower::from_start(log, [PARTNERS]).unwrap();
    let ends = ends(log, [PARTNERS]).unwrap();
    let (mut frontier, mut recorded) = (Frontier::default(), BTreeMap::<_, Vec<_>>::new());
    while !follower.reached(&ends) {
        for accepted in follower.next(Duration::from_millis(50)).unwrap() {
            assert_eq!(accepted.commit.position.seq, frontier.size(), "gapless");
            if let Some(root) = accepted.commit.previous_root {
                assert_eq!(root, frontier.root(), "the tree at {}", accepted.commit.position);
            }
            frontier.push(&accepted.bytes);
            if !accepted.commit.command_id.is_empty() {
                recorded.entry(accepted.commit.command_id).or_default().push(accepted.commit.position);
            }
        }
    }
    recorded
}

#[test]
fn what_is_acknowledged_is_there_once_on_a_hostile_log() {
    let (mut acknowledged_in_all, mut unknown_in_all) = (0, 0);
    for seed in 0..12 {
        let sim = Arc::new(SimLog::new(seed, LAYOUT, SimFaults::NONE));
        let log: Arc<dyn Log> = Arc::clone(&sim) as Arc<dyn Log>;
        let reference = ReferenceFollower::start(Arc::clone(&log)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // Two writers of one partition at once, as after a network split: each takes it from the other again and again.
        let writers = [start(&log, &reference, "one"), start(&log, &reference, "two")];
        sim.set_faults(SimFaults::HOSTILE);
        let acknowledged: BTreeMap<String, Option<Position>> = runtime.block_on(async {
            let mut acknowledged = BTreeMap::new();
            for n in 0..24 {
                let submission = partner(n);
                let position = insist(&writers[(n % 2) as usize], &submission).await;
                acknowledged.insert(submission.envelope.command_id.to_string(), position);
            }
            acknowledged
        });
        sim.set_faults(SimFaults::NONE);
        sim.settle();
        writers.into_iter().for_each(PartitionService::stop);
        reference.stop();
        let recorded = recorded(&*log);
        for (id, position) in &acknowledged {
            let found = recorded.get(id).map_or(&[][..], Vec::as_slice);
            if let Some(position) = position {
                assert_eq!(found, [*position], "seed {seed}: {id}");
                acknowledged_in_all += 1;
            } else {
                assert!(found.len() <= 1, "seed {seed}: {id} is there more than once");
                unknown_in_all += 1;
            }
        }
    }
    println!("{acknowledged_in_all} acknowledged, {unknown_in_all} given up");
    assert!(acknowledged_in_all > 200, "the faults leave too little to check");
}
