//! Epochs, the reader rule and the tree.

use crate::{AppendError, Body, PartitionWriter, Tail, WriteError};

use super::{
    Fixture, Outcome, check,
    faulty::{Faulty, Lie},
    tools::{Check, P, append_raw, claim, draft, drafts, history, ids, names, read_raw, record, same, verify},
};

pub(super) fn gapless(fixture: &mut dyn Fixture) -> Outcome {
    let log = fixture.log();
    let (mut writer, read) = claim(&*log, P, Tail::default())?;
    same(read.len(), 1, "commits read by the first claim")?;
    let mut written = read;
    for size in [1, 2, 7, 100] {
        written.extend(writer.append(drafts(&format!("block{size}"), size))?);
    }
    let (found, skipped) = history(&*log, P)?;
    same(skipped, 0, "skipped records")?;
    same(found.len(), written.len(), "commits")?;
    for (found, written) in found.iter().zip(&written) {
        check(found.commit == written.commit, || format!("{} came back changed", written.commit.position))?;
        check(found.bytes == written.bytes, || format!("{} has other bytes", written.commit.position))?;
        same(found.offset, written.offset, "offset")?;
    }
    same(writer.tail().cursor.offset, log.end(P)?, "the writer's offset")
}

pub(super) fn zombie_is_shut_out(fixture: &mut dyn Fixture) -> Outcome {
    let log = fixture.log();
    let (mut old, _) = claim(&*log, P, Tail::default())?;
    old.append(drafts("old", 3))?;
    let (mut new, read) = claim(&*log, P, Tail::default())?;
    same(ids(&read), names("old", 3).iter().map(String::as_str).collect(), "commands the new writer read")?;
    let refused = old.append(drafts("zombie", 2));
    check(matches!(refused, Err(WriteError::Lost(_))), || format!("the zombie's append: {refused:?}"))?;
    // On a broker the zombie's records stand in the way; claiming again steps over them.
    let new = match new.append(drafts("new", 2)) {
        Ok(_) => new,
        Err(WriteError::Lost(_)) => claim(&*log, P, new.into_tail())?.0,
        Err(error) => return Err(error.into()),
    };
    let (found, _) = history(&*log, P)?;
    check(!ids(&found).iter().any(|id| id.starts_with("zombie")), || "the zombie wrote history".into())?;
    let last = found.last().map(|accepted| accepted.commit.position.seq + 1);
    same(Some(new.tail().cursor.admission.next_seq), last, "where the new writer goes on")
}

/// Claims through a log that lies about the first append after it; returns the histories before and after the next claim.
fn after_lie(fixture: &mut dyn Fixture, lie: Lie) -> Check<Vec<String>> {
    let log = fixture.log();
    // The claim itself appends once.
    let faulty = Faulty::after(&*log, 2, lie);
    let (mut writer, _) = claim(&faulty, P, Tail::default())?;
    writer.append(drafts("known", 3))?;
    let lost = writer.append(drafts("unknown", 5));
    check(matches!(lost, Err(WriteError::Lost(AppendError::Unknown { .. }))), || format!("the append: {lost:?}"))?;
    let (mut writer, decided) = claim(&faulty, P, writer.into_tail())?;
    writer.append(drafts("after", 2))?;
    let (found, skipped) = history(&*log, P)?;
    same(skipped, 0, "skipped records")?;
    let decided: Vec<String> = ids(&decided).into_iter().map(str::to_owned).collect();
    let expected: Vec<String> = [names("known", 3), decided.clone(), names("after", 2)].concat();
    same(ids(&found), expected.iter().map(String::as_str).collect(), "history")?;
    same(writer.tail().frontier.root(), verify(&found)?.root(), "the writer's root")?;
    Ok(decided)
}

pub(super) fn unknown_but_written(fixture: &mut dyn Fixture) -> Outcome {
    same(after_lie(fixture, Lie::LostAcknowledgement)?, names("unknown", 5), "decided")
}

pub(super) fn unknown_and_not_written(fixture: &mut dyn Fixture) -> Outcome {
    same(after_lie(fixture, Lie::LostRequest)?, Vec::new(), "decided")
}

pub(super) fn torn_block(fixture: &mut dyn Fixture) -> Outcome {
    same(after_lie(fixture, Lie::Torn(2))?, names("unknown", 2), "decided")
}

/// Appends records that the rule skips behind a writer's back; the writer must come through and the history must not change.
fn intruders(
    fixture: &mut dyn Fixture,
    make: impl Fn(&PartitionWriter, &[crate::RawRecord]) -> Vec<bytes::Bytes>,
) -> Outcome {
    let log = fixture.log();
    let (mut writer, _) = claim(&*log, P, Tail::default())?;
    writer.append(drafts("first", 4))?;
    let (mut writer, _) = claim(&*log, P, writer.into_tail())?;
    writer.append(drafts("second", 4))?;
    let intruders = make(&writer, &read_raw(&*log, P, 0)?);
    append_raw(&*log, P, &intruders)?;
    let blocked = writer.append(drafts("blocked", 1));
    check(matches!(blocked, Err(WriteError::Lost(AppendError::Interleaved { .. }))), || {
        format!("an append over unseen records: {blocked:?}")
    })?;
    let (mut writer, _) = claim(&*log, P, writer.into_tail())?;
    writer.append(drafts("third", 4))?;
    let (found, skipped) = history(&*log, P)?;
    same(skipped, intruders.len() as u64, "skipped records")?;
    // A broker has written the blocked append, and it was the right one: nobody had claimed the epoch.
    let blocked = if fixture.capabilities().interleaved_is_written { names("blocked", 1) } else { Vec::new() };
    let expected = [names("first", 4), names("second", 4), blocked, names("third", 4)].concat();
    same(ids(&found), expected.iter().map(String::as_str).collect(), "history")
}

pub(super) fn duplicate_is_skipped(fixture: &mut dyn Fixture) -> Outcome {
    intruders(fixture, |_, all| all[all.len() - 2..].iter().map(|record| record.bytes.clone()).collect())
}

pub(super) fn late_record_is_skipped(fixture: &mut dyn Fixture) -> Outcome {
    intruders(fixture, |writer, _| {
        let admission = writer.tail().cursor.admission;
        let commit = |seq, epoch| record(seq, epoch, Body::Accepted(Vec::new()), "late");
        vec![
            commit(admission.next_seq, admission.epoch - 1),
            commit(admission.next_seq, admission.epoch + 1),
            commit(admission.next_seq + 1, admission.epoch),
        ]
    })
}

pub(super) fn second_start_is_skipped(fixture: &mut dyn Fixture) -> Outcome {
    intruders(fixture, |writer, _| {
        let admission = writer.tail().cursor.admission;
        let start = || Body::WriterStarted { writer_id: "loser".into() };
        vec![
            record(admission.next_seq, admission.epoch, start(), ""),
            record(admission.next_seq, admission.epoch - 1, start(), ""),
        ]
    })
}

pub(super) fn roots_match(fixture: &mut dyn Fixture) -> Outcome {
    let log = fixture.log();
    let mut tail = Tail::default();
    for round in 0..4 {
        let (mut writer, _) = claim(&*log, P, tail)?;
        for block in 1..=5 {
            let written = writer.append(drafts(&format!("{round}-{block}"), block))?;
            let begins: Vec<bool> = written.iter().map(|accepted| accepted.commit.previous_root.is_some()).collect();
            let expected: Vec<bool> = (0..block).map(|n| n == 0).collect();
            same(begins, expected, "which commits of a block carry a root")?;
        }
        tail = writer.into_tail();
    }
    let (found, _) = history(&*log, P)?;
    let frontier = verify(&found)?;
    same(frontier.size(), 4 * (1 + 15), "leaves")?;
    same(tail.frontier, frontier, "the writer's tree")
}

pub(super) fn wrong_end(fixture: &mut dyn Fixture) -> Outcome {
    let log = fixture.log();
    let (mut writer, _) = claim(&*log, P, Tail::default())?;
    writer.append(vec![draft("a", 10)])?;
    let end = log.end(P)?;
    let intruder = record(end, 1, Body::Accepted(Vec::new()), "intruder");
    for expected in [end - 1, end + 1] {
        let before = log.end(P)?;
        let refused = log.appender(P)?.append(expected, std::slice::from_ref(&intruder));
        check(matches!(refused, Err(AppendError::Interleaved { .. })), || {
            format!("expecting {expected} of {before}: {refused:?}")
        })?;
        let written = u64::from(fixture.capabilities().interleaved_is_written);
        same(log.end(P)?, before + written, "the end")?;
        if written == 1 {
            // Each further one would move the end to where the next is expected.
            break;
        }
    }
    Ok(())
}
