//! Writers, epochs and zombies.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use subledger_log::{
    Accepted, Actor, AppendError, Draft, Family, Follower, Log, PartitionId, PartitionWriter, Tail, WriteError, ends,
};

use crate::broker::{bootstrap, ledger, options, random};

pub(crate) const P: PartitionId = PartitionId::new(Family::Customers, 1);

pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

/// A commit of about `bytes` bytes.
pub(crate) fn draft(command_id: &str, bytes: usize) -> Draft {
    Draft {
        command_id: command_id.into(),
        command: Bytes::from(vec![b'c'; bytes]),
        stream: "contoso".into(),
        stream_version_before: 0,
        decided_against: Vec::new(),
        effective_at: now(),
        recorded_at: now(),
        actor: Actor { principal: "test".into(), channel: "grpc".into() },
        outcome: Ok(Vec::new()),
        source: None,
    }
}

pub(crate) fn claim(log: &dyn Log, tail: Tail, seen: &mut Vec<Accepted>) -> PartitionWriter {
    PartitionWriter::claim(log, P, tail, &format!("test-{:x}", random()), now(), &mut |accepted| {
        seen.push(accepted);
        Ok(())
    })
    .unwrap()
}

/// The command ids of the history, and how many records were skipped.
pub(crate) fn history(log: &dyn Log) -> (Vec<String>, u64) {
    let mut follower = Follower::from_start(log, [P]).unwrap();
    let ends: BTreeMap<_, _> = ends(log, [P]).unwrap();
    let mut ids = Vec::new();
    while !follower.reached(&ends) {
        let accepted = follower.next(Duration::from_millis(200)).unwrap();
        ids.extend(accepted.into_iter().filter(|a| !a.commit.is_writer_started()).map(|a| a.commit.command_id));
    }
    (ids, follower.cursors()[&P].skipped)
}

#[test]
fn a_zombie_notices_and_nobody_reads_what_it_wrote() {
    let Some(bootstrap) = bootstrap() else { return };
    let log = ledger(&options(&bootstrap));
    let mut seen = Vec::new();
    let mut first = claim(&log, Tail::default(), &mut seen);
    first.append(vec![draft("a", 10), draft("b", 10)]).unwrap();
    let mut second = claim(&log, Tail::default(), &mut seen);
    assert_eq!(second.tail().cursor.admission.epoch, 2);
    second.append(vec![draft("c", 10)]).unwrap();

    let error = first.append(vec![draft("zombie-1", 10), draft("zombie-2", 10)]).unwrap_err();
    assert!(matches!(error, WriteError::Lost(AppendError::Interleaved { .. })), "{error}");
    // The second learns that somebody wrote, claims again, and goes on.
    let error = second.append(vec![draft("d", 10)]).unwrap_err();
    assert!(matches!(error, WriteError::Lost(AppendError::Interleaved { .. })), "{error}");
    let mut seen = Vec::new();
    let mut third = claim(&log, second.into_tail(), &mut seen);
    assert!(seen.iter().any(|accepted| accepted.commit.command_id == "d"), "it was written, after the zombie's");
    third.append(vec![draft("e", 10)]).unwrap();
    assert_eq!(history(&log), (["a", "b", "c", "d", "e"].map(str::to_owned).to_vec(), 2));
}

#[test]
fn many_claims_at_once_leave_one_writer() {
    let Some(bootstrap) = bootstrap() else { return };
    let log = ledger(&options(&bootstrap));
    let acknowledged: Vec<String> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|n| {
                let log = &log;
                scope.spawn(move || {
                    let (mut tail, mut acknowledged) = (Tail::default(), Vec::new());
                    for round in 0..3 {
                        let mut writer = claim(log, tail, &mut Vec::new());
                        for block in 0..3 {
                            let id = format!("{n}-{round}-{block}");
                            if writer.append(vec![draft(&id, 10)]).is_ok() {
                                acknowledged.push(id);
                            } else {
                                break;
                            }
                        }
                        tail = writer.into_tail();
                    }
                    acknowledged
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    let (ids, _) = history(&log);
    for id in acknowledged {
        assert_eq!(ids.iter().filter(|known| **known == id).count(), 1, "{id} was acknowledged");
    }
    assert_eq!(history(&log), history(&log));
}
