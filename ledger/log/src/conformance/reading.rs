//! Reading and following.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{AppendError, Family, Follower, PartitionId, ReadError, Tail, WriteError, limits};

use super::{
    Fixture, Outcome, check,
    tools::{Check, P, PATIENCE, Q, WAIT, claim, drafts, history, ids, names, read_raw, same},
};

pub(super) fn reopening(fixture: &mut dyn Fixture) -> Outcome {
    let mut tail = Tail::default();
    let mut before = Vec::new();
    for round in 0..3 {
        let log = fixture.log();
        same(read_raw(&*log, P, 0)?, before, "records after reopening")?;
        let (mut writer, _) = claim(&*log, P, tail)?;
        for size in [1, 50, 300] {
            writer.append(drafts(&format!("{round}-{size}"), size))?;
        }
        tail = writer.into_tail();
        before = read_raw(&*log, P, 0)?;
        let identity = (log.ledger_id(), log.layout());
        drop(log);
        if !fixture.capabilities().durable {
            return Ok(());
        }
        fixture.reopen();
        same((fixture.log().ledger_id(), fixture.log().layout()), identity, "ledger and layout")?;
    }
    let (found, _) = history(&*fixture.log(), P)?;
    same(found.len(), before.len(), "commits")?;
    same(read_raw(&*fixture.log(), P, 0)?, before, "records after reopening")
}

pub(super) fn following_live(fixture: &mut dyn Fixture) -> Outcome {
    const BLOCKS: usize = 200;
    let log = fixture.log();
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let log = Arc::clone(&log);
                scope.spawn(move || follow_until(&log, P, BLOCKS))
            })
            .collect();
        let written = (|| -> Outcome {
            let (mut writer, _) = claim(&*log, P, Tail::default())?;
            for block in 0..BLOCKS {
                let mut draft = drafts("live", 1);
                draft[0].command_id = format!("live-{block}");
                writer.append(draft)?;
            }
            Ok(())
        })();
        for reader in readers {
            let seen = reader.join().map_err(|_| "a reader panicked")??;
            same(seen, names("live", BLOCKS), "what a live reader saw")?;
        }
        written
    })
}

/// Follows until so many commands came.
fn follow_until(log: &Arc<dyn crate::Log>, partition: PartitionId, count: usize) -> Check<Vec<String>> {
    let mut follower = Follower::from_start(&**log, [partition])?;
    let mut seen = Vec::new();
    let begin = Instant::now();
    while seen.len() < count {
        let accepted = follower.next(WAIT)?;
        seen.extend(ids(&accepted).into_iter().map(str::to_owned));
        check(begin.elapsed() < PATIENCE, || format!("only {} of {count} commits came in time", seen.len()))?;
    }
    Ok(seen)
}

pub(super) fn many_partitions(fixture: &mut dyn Fixture) -> Outcome {
    let log = fixture.log();
    let partitions: Vec<PartitionId> = log.layout().all().collect();
    let mut follower = Follower::from_start(&*log, partitions.iter().copied())?;
    let mut writers = BTreeMap::new();
    for &partition in &partitions {
        writers.insert(partition, claim(&*log, partition, Tail::default())?.0);
    }
    for round in 0..5 {
        for (n, writer) in writers.values_mut().enumerate() {
            writer.append(drafts(&format!("{round}"), n + 1))?;
        }
    }
    let ends = crate::ends(&*log, partitions.iter().copied())?;
    let mut next: BTreeMap<PartitionId, u64> = BTreeMap::new();
    let begin = Instant::now();
    while !follower.reached(&ends) {
        for accepted in follower.next(WAIT)? {
            let position = accepted.commit.position;
            let next = next.entry(position.partition).or_default();
            same(position.seq, *next, "seq")?;
            *next += 1;
        }
        check(begin.elapsed() < PATIENCE, || format!("ends {ends:?} were reached in time; got to {next:?}"))?;
    }
    for (n, partition) in writers.keys().enumerate() {
        same(next.get(partition).copied(), Some(1 + 5 * (n as u64 + 1)), "commits of a partition")?;
    }
    Ok(())
}

pub(super) fn any_position(fixture: &mut dyn Fixture) -> Outcome {
    let log = fixture.log();
    let (mut writer, _) = claim(&*log, P, Tail::default())?;
    writer.append(drafts("a", 40))?;
    writer.append(drafts("b", 1))?;
    writer.append(drafts("c", 160))?;
    drop(writer);
    drop(log);
    if fixture.capabilities().durable {
        // Whatever is kept in memory of the newest records must not be the only way to read them.
        fixture.reopen();
    }
    let log = fixture.log();
    let all = read_raw(&*log, P, 0)?;
    for from in (0..all.len()).step_by(7).chain([0, 1, all.len() - 1]) {
        same(read_raw(&*log, P, from as u64)?, all[from..].to_vec(), "records from there on")?;
    }
    // A small appetite gets the same, in more bites.
    let mut reader = log.reader(&[(P, 3)])?;
    let mut bites = Vec::new();
    let begin = Instant::now();
    while bites.len() + 3 < all.len() {
        bites.extend(reader.next(1, WAIT)?);
        check(begin.elapsed() < PATIENCE, || format!("only {} records came in time", bites.len()))?;
    }
    same(bites, all[3..].to_vec(), "records in small bites")
}

pub(super) fn two_readers(fixture: &mut dyn Fixture) -> Outcome {
    let log = fixture.log();
    let (mut writer, _) = claim(&*log, P, Tail::default())?;
    for block in 0..20 {
        writer.append(drafts(&format!("{block}"), 1 + block % 5))?;
    }
    same(read_raw(&*log, P, 0)?, read_raw(&*log, P, 0)?, "two readers")
}

pub(super) fn nothing_there(fixture: &mut dyn Fixture) -> Outcome {
    let log = fixture.log();
    same(log.end(P)?, 0, "the end of an empty partition")?;
    let mut reader = log.reader(&[(P, 0), (Q, 0)])?;
    let begin = Instant::now();
    same(reader.next(limits::READ_BYTES, Duration::from_millis(50))?, Vec::new(), "records of an empty log")?;
    check(begin.elapsed() < Duration::from_secs(10), || format!("a wait of 50 ms took {:?}", begin.elapsed()))
}

pub(super) fn past_the_end(fixture: &mut dyn Fixture) -> Outcome {
    let log = fixture.log();
    let (mut writer, _) = claim(&*log, P, Tail::default())?;
    writer.append(drafts("a", 3))?;
    let end = log.end(P)?;
    let at_end = log.reader(&[(P, end)])?.next(limits::READ_BYTES, Duration::ZERO)?;
    same(at_end, Vec::new(), "records at the end")?;
    let beyond = log.reader(&[(P, end + 1)]).and_then(|mut reader| reader.next(limits::READ_BYTES, WAIT));
    check(matches!(beyond, Err(ReadError::PastEnd { .. })), || format!("reading after the end: {beyond:?}"))
}

pub(super) fn no_such_partition(fixture: &mut dyn Fixture) -> Outcome {
    let log = fixture.log();
    let layout = log.layout();
    let beyond = [
        PartitionId::new(Family::Catalog, 1),
        PartitionId::new(Family::Partners, layout.partners),
        PartitionId::new(Family::Customers, layout.customers),
    ];
    for partition in beyond {
        let end = log.end(partition);
        check(matches!(end, Err(ReadError::NoSuchPartition { .. })), || format!("end of {partition}: {end:?}"))?;
        let reader = log.reader(&[(P, 0), (partition, 0)]).map(drop);
        check(matches!(reader, Err(ReadError::NoSuchPartition { .. })), || format!("reading {partition}: {reader:?}"))?;
        let appender = log.appender(partition).map(drop);
        check(matches!(appender, Err(AppendError::NotWritten { .. })), || {
            format!("writing {partition}: {appender:?}")
        })?;
    }
    Ok(())
}

pub(super) fn independence(fixture: &mut dyn Fixture) -> Outcome {
    let log = fixture.log();
    let (mut p, _) = claim(&*log, P, Tail::default())?;
    let (mut q, _) = claim(&*log, Q, Tail::default())?;
    p.append(drafts("p", 5))?;
    same(log.end(Q)?, 1, "the end of the other partition")?;
    // Somebody takes P over; Q's writer does not notice.
    claim(&*log, P, Tail::default())?;
    q.append(drafts("q", 2))?;
    let zombie = p.append(drafts("zombie", 1));
    check(matches!(zombie, Err(WriteError::Lost(_))), || format!("the zombie's append: {zombie:?}"))?;
    same(ids(&history(&*log, Q)?.0), vec!["q-0", "q-1"], "history of Q")?;
    // Both at once, from threads of their own.
    let (p, _) = claim(&*log, P, Tail::default())?;
    std::thread::scope(|scope| {
        let threads = [(p, "p"), (q, "q")].map(|(mut writer, name)| {
            scope.spawn(move || -> Outcome {
                for block in 0..50 {
                    writer.append(drafts(&format!("{name}{block}"), 3))?;
                }
                Ok(())
            })
        });
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a writer panicked")?)
    })?;
    same(ids(&history(&*log, P)?.0).len(), 5 + 150, "commands of P")?;
    same(ids(&history(&*log, Q)?.0).len(), 2 + 150, "commands of Q")
}
