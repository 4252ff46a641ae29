//! A writer that was replaced and does not know it yet, step by step.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set itself up has failed")]

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, NaiveDate, Utc};
use subledger_domain::Event;
use subledger_log::{
    Actor, Family, Layout, Log, PartitionId, codec,
    sim::{SimFaults, SimLog},
};
use subledger_writer::{Clock, Options, ReferenceFollower, Submission, stepped::SteppedWriter};

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        "2018-01-20T12:00:00Z".parse().unwrap()
    }
}

const LAYOUT: Layout = Layout { partners: 1, customers: 1 };
const CUSTOMERS: PartitionId = PartitionId::new(Family::Customers, 0);

fn start(log: &Arc<dyn Log>, partition: PartitionId, reference: &Arc<ReferenceFollower>, id: &str) -> SteppedWriter {
    let options = Options { claim_backoff: Duration::ZERO, due_retry: Duration::ZERO, ..Options::default() };
    SteppedWriter::start(Arc::clone(log), partition, Arc::clone(reference), Arc::new(FixedClock), id, options).unwrap()
}

fn close_day(catalog: &mut SteppedWriter, date: &str) {
    let text = format!(r#"{{"command_id": "d-{date}", "close_day": {{"date": "{date}"}}}}"#);
    let actor = Actor { principal: "test".into(), channel: "test".into() };
    let submission = Submission::new(codec::command_from_json(&text).unwrap(), actor, None).unwrap();
    assert!(catalog.submit(&[submission]).remove(0).unwrap().result.is_ok(), "{date}");
}

fn marks(log: &SimLog) -> Vec<NaiveDate> {
    let commits = log.records(CUSTOMERS, 0).into_iter().map(|bytes| codec::decode(&bytes).unwrap());
    // None is skipped here: after the zombie has lost, whatever it writes is of its new epoch.
    let events = commits.filter(|commit| commit.epoch != 1).flat_map(|commit| commit.events().to_vec());
    events
        .filter_map(|event| match event {
            Event::PartitionDayClosed(mark) => Some(mark.date),
            _ => None,
        })
        .collect()
}

/// Found by the simulation of faults: the day was chosen from what the writer knew before it claimed the partition again, and marked a
/// second time under the same id.
#[test]
fn a_day_that_another_writer_marked_is_not_marked_again() {
    let sim = SimLog::new(1, LAYOUT, SimFaults::NONE);
    let log: Arc<dyn Log> = Arc::new(sim.clone());
    let reference = ReferenceFollower::stepped(Arc::clone(&log)).unwrap();
    let mut catalog = start(&log, PartitionId::CATALOG, &reference, "catalog");
    let mut zombie = start(&log, CUSTOMERS, &reference, "one");
    let mut other = start(&log, CUSTOMERS, &reference, "two");
    for date in ["2018-01-13", "2018-01-14"] {
        close_day(&mut catalog, date);
    }
    reference.step().unwrap();
    other.close_days();
    other.close_days();
    // The first turn tells the zombie that it was replaced; in the second it is the writer again.
    zombie.close_days();
    zombie.close_days();
    let days: Vec<NaiveDate> = ["2018-01-13", "2018-01-14"].map(|day| day.parse().unwrap()).into();
    assert_eq!(marks(&sim), days);
    close_day(&mut catalog, "2018-01-15");
    reference.step().unwrap();
    zombie.close_days();
    assert_eq!(marks(&sim).len(), 3);
}
