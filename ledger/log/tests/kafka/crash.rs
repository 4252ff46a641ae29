//! The broker dies in the middle.

use std::{
    collections::BTreeMap,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use subledger_log::{AppendError, Log, PartitionWriter, Tail, WriteError, kafka::KafkaOptions, limits};

use crate::{
    broker::{Cluster, ledger, options, skipped},
    history::{P, claim, draft, history},
};

/// Appends blocks until one has no known outcome; gives back the ids acknowledged, and says of each block that it is.
fn append_until_lost(writer: &mut PartitionWriter, round: usize, went: &mpsc::Sender<()>) -> (Vec<String>, WriteError) {
    let mut acknowledged = Vec::new();
    for block in 0.. {
        let ids: Vec<_> = (0..200).map(|n| format!("{round}-{block}-{n}")).collect();
        match writer.append(ids.iter().map(|id| draft(id, 300)).collect()) {
            Ok(_) => {
                acknowledged.extend(ids);
                let _ = went.send(());
            }
            Err(error) => return (acknowledged, error),
        }
    }
    unreachable!("the broker is killed")
}

#[test]
fn nothing_acknowledged_is_lost_when_the_broker_is_killed() {
    if skipped() {
        return;
    }
    let cluster = Cluster::start();
    let options = KafkaOptions { append_timeout: Duration::from_secs(2), ..options(&cluster.bootstrap) };
    let log = ledger(&options);
    let mut follower = log.reader(&[(P, 0)]).unwrap();
    let mut acknowledged = Vec::new();
    let mut tail = Tail::default();
    for round in 0..3 {
        let mut writer = claim(&log, tail, &mut Vec::new());
        let (went, going) = mpsc::channel();
        let (ids, error) = thread::scope(|scope| {
            let cluster = &cluster;
            scope.spawn(move || {
                // However slow the machine is: in the middle.
                let _ = going.recv_timeout(Duration::from_secs(10));
                thread::sleep(Duration::from_millis(200));
                cluster.kill();
            });
            append_until_lost(&mut writer, round, &went)
        });
        assert!(matches!(error, WriteError::Lost(AppendError::Unknown { .. })), "{error}");
        assert!(!ids.is_empty(), "the broker died before anything was acknowledged");
        acknowledged.extend(ids);
        let again = writer.append(vec![draft("too late", 10)]).unwrap_err();
        assert!(matches!(again, WriteError::Lost(AppendError::Unknown { .. })), "{again}");
        tail = writer.into_tail();
        // A reader that was there before only waits.
        let began = Instant::now();
        while !follower.next(limits::READ_BYTES, Duration::from_millis(100)).unwrap().is_empty() {}
        assert!(began.elapsed() < Duration::from_secs(20));
        cluster.restart();
    }
    let mut writer = claim(&log, tail, &mut Vec::new());
    writer.append(vec![draft("last", 10)]).unwrap();
    let (ids, _) = history(&log);
    let known: BTreeMap<&String, usize> = ids.iter().fold(BTreeMap::new(), |mut known, id| {
        *known.entry(id).or_default() += 1;
        known
    });
    for id in &acknowledged {
        assert_eq!(known.get(id), Some(&1), "{id} was acknowledged");
    }
    assert!(known.values().all(|&times| times == 1), "nothing twice");
    assert_eq!(ids.last().map(String::as_str), Some("last"));
    assert!(!known.contains_key(&"too late".to_owned()));

    // The reader that lived through it all reads on to the same end.
    let (end, mut last) = (log.end(P).unwrap(), None);
    let deadline = Instant::now() + Duration::from_secs(30);
    while last != Some(end - 1) && Instant::now() < deadline {
        let records = follower.next(limits::READ_BYTES, Duration::from_millis(200)).unwrap();
        last = records.last().map(|record| record.offset).or(last);
    }
    assert_eq!(last, Some(end - 1));
    eprintln!("{} commands acknowledged over three kills, {} in the history", acknowledged.len(), ids.len());
}

#[test]
fn dropping_everything_while_the_broker_is_dead_does_not_hang() {
    if skipped() {
        return;
    }
    let cluster = Cluster::start();
    let options = KafkaOptions { append_timeout: Duration::from_secs(20), ..options(&cluster.bootstrap) };
    let log = ledger(&options);
    let mut appender = log.appender(P).unwrap();
    appender.append(0, &["x".into()]).unwrap();
    let reader = log.reader(&[(P, 0)]).unwrap();
    cluster.kill();
    let began = Instant::now();
    drop((appender, reader, log));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
