//! Many appenders and readers at once.

use std::{
    collections::BTreeMap,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use subledger_log::{AppendError, Family, Layout, Log as _, PartitionId, embedded::EmbeddedLog};

use super::tools::{LAYOUT, LEDGER, P, Q, block, cold, create, directory, read_all, verify};

/// Whoever comes second for an offset is told so, and nothing of it is written.
#[test]
fn of_appends_that_expect_the_same_end_one_is_written() {
    const RIVALS: usize = 4;
    const ROUNDS: u64 = 50;
    let dir = directory();
    let log = create(dir.path());
    let start = Barrier::new(RIVALS);
    let won: Vec<Vec<bool>> = std::thread::scope(|scope| {
        let rivals: Vec<_> = (0..RIVALS)
            .map(|rival| {
                let (log, start) = (&log, &start);
                scope.spawn(move || {
                    let mut appender = log.appender(P).unwrap();
                    let attempt = |round: u64| {
                        start.wait();
                        let records = [Bytes::from(format!("{round} by {rival}")), Bytes::from_static(b"and more")];
                        match appender.append(2 * round, &records) {
                            Ok(()) => true,
                            Err(AppendError::Interleaved { expected, got, .. }) => {
                                assert_eq!((expected, got), (2 * round, 2 * round + 2));
                                false
                            }
                            Err(error) => panic!("{error}"),
                        }
                    };
                    (0..ROUNDS).map(attempt).collect()
                })
            })
            .collect();
        rivals.into_iter().map(|rival| rival.join().unwrap()).collect()
    });
    drop(log);
    let log = cold().open(dir.path()).unwrap();
    assert_eq!(log.end(P).unwrap(), 2 * ROUNDS);
    for (round, pair) in read_all(&log, P).chunks(2).enumerate() {
        let winners: Vec<_> = (0..RIVALS).filter(|&rival| won[rival][round]).collect();
        assert_eq!(winners.len(), 1, "round {round}");
        assert_eq!(pair[0].bytes, format!("{round} by {}", winners[0]));
    }
}

/// Writers of eight partitions share flushes while readers of all of them follow; everybody sees everything, also after reopening.
#[test]
fn many_writers_and_readers_at_once() {
    const BLOCKS: u64 = 60;
    let dir = directory();
    let layout = Layout { partners: 1, customers: 8 };
    // A tail so short that readers fall out of it into sled.
    let mut options = cold();
    options.tail_cache_bytes = 20_000;
    let log = options.create(dir.path(), layout, LEDGER).unwrap();
    let partitions: Vec<PartitionId> = layout.of(Family::Customers).collect();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = partitions
            .iter()
            .map(|&partition| {
                scope.spawn({
                    let log = &log;
                    move || write_blocks(log, partition, BLOCKS)
                })
            })
            .collect();
        for _ in 0..4 {
            let (log, partitions, done) = (&log, &partitions, &done);
            scope.spawn(move || follow(log, partitions, done));
        }
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::Release);
    });
    let ends: Vec<u64> = partitions.iter().map(|&partition| verify(&log, partition)).collect();
    drop(log);
    let log = cold().open(dir.path()).unwrap();
    assert_eq!(partitions.iter().map(|&partition| verify(&log, partition)).collect::<Vec<_>>(), ends);
}

/// With more waiting in two partitions than a read takes, and nothing in the others, both come as far.
#[test]
fn busy_partitions_are_read_in_turn_whatever_is_silent() {
    let dir = directory();
    let log = create(dir.path());
    for partition in [P, Q] {
        write_blocks(&log, partition, 60);
    }
    let from: Vec<(PartitionId, u64)> = LAYOUT.all().map(|partition| (partition, 0)).collect();
    let mut reader = log.reader(&from).unwrap();
    let mut read = BTreeMap::from([(P, 0_usize), (Q, 0)]);
    for _ in 0..12 {
        for record in reader.next(10_000, Duration::ZERO).unwrap() {
            *read.get_mut(&record.partition).unwrap() += record.bytes.len();
        }
    }
    let apart = read[&P].abs_diff(read[&Q]);
    assert!(apart < read[&P] / 4, "{read:?}");
    let rest: Vec<_> = read
        .iter()
        .filter(|(partition, read)| {
            let whole: usize = read_all(&log, **partition).iter().map(|record| record.bytes.len()).sum();
            whole <= **read
        })
        .collect();
    assert!(rest.is_empty(), "there was more of each: {read:?}");
}

fn write_blocks(log: &EmbeddedLog, partition: PartitionId, blocks: u64) {
    let mut appender = log.appender(partition).unwrap();
    let mut end = 0;
    for n in 0..blocks {
        let count = 1 + n * 13 % 40;
        appender.append(end, &block(partition, end, count)).unwrap();
        end += count;
    }
}

/// Reads until the writers are done and everything of them is read; checks every record.
fn follow(log: &EmbeddedLog, partitions: &[PartitionId], done: &AtomicBool) {
    let mut next: Vec<(PartitionId, u64)> = partitions.iter().map(|&partition| (partition, 0)).collect();
    let mut reader = log.reader(&next).unwrap();
    loop {
        let finished = done.load(Ordering::Acquire);
        let records = reader.next(100_000, Duration::from_millis(20)).unwrap();
        if records.is_empty() && finished {
            break;
        }
        for found in records {
            let at = next.iter_mut().find(|(partition, _)| *partition == found.partition).unwrap();
            assert_eq!((found.offset, &found.bytes), (at.1, &super::tools::record(found.partition, at.1)));
            at.1 += 1;
        }
    }
    for (partition, read) in next {
        assert_eq!(read, log.end(partition).unwrap(), "{partition}");
    }
}
