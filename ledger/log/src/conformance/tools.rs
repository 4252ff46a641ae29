//! What the properties are written with.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use subledger_domain::event::{Event, PartitionDayClosed};

use crate::{
    Accepted, Actor, AppendError, Body, ClaimError, Commit, Draft, Family, Follower, Log, PartitionId, PartitionWriter,
    Position, RawRecord, ReadError, Tail, WriteError, codec, limits, tree::Frontier,
};

/// The partition that most properties use.
pub(super) const P: PartitionId = PartitionId::new(Family::Customers, 0);
/// Another one.
pub(super) const Q: PartitionId = PartitionId::new(Family::Customers, 1);
/// How long anything may take: far more than it needs, also on a slow broker.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// How long one wait for records may last.
pub(super) const WAIT: Duration = Duration::from_millis(200);

/// Why a property does not hold.
#[derive(Debug)]
pub struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Failure {
    fn from(what: String) -> Self {
        Self(what)
    }
}

impl From<&str> for Failure {
    fn from(what: &str) -> Self {
        Self(what.to_owned())
    }
}

macro_rules! failure_from {
    ($($error:ty)*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self(error.to_string())
            }
        }
    )*};
}

failure_from! { AppendError ReadError ClaimError WriteError codec::DecodeError }

/// Whether a property holds.
pub type Outcome = Result<(), Failure>;
/// What a step of a property found.
pub type Check<T> = Result<T, Failure>;

/// Fails with `what` unless `ok`.
pub fn check(ok: bool, what: impl FnOnce() -> String) -> Outcome {
    if ok { Ok(()) } else { Err(Failure(what())) }
}

/// Fails unless both are the same.
#[allow(clippy::needless_pass_by_value, reason = "reads better where it is called")]
pub(super) fn same<T: PartialEq + fmt::Debug>(found: T, expected: T, what: &str) -> Outcome {
    check(found == expected, || format!("{what}: found {found:?}, expected {expected:?}"))
}

/// Always the same time: no property depends on it.
pub(super) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_517_400_000, 0).unwrap_or_default()
}

/// A command's record to be.
pub(super) fn draft(command_id: impl Into<String>, bytes: usize) -> Draft {
    Draft {
        command_id: command_id.into(),
        command: vec![b'c'; bytes].into(),
        stream: "c-1".into(),
        stream_version_before: 0,
        decided_against: Vec::new(),
        effective_at: now(),
        recorded_at: now(),
        actor: Actor { principal: "conformance".into(), channel: "grpc".into() },
        outcome: Ok(vec![Event::from(PartitionDayClosed { date: now().date_naive() })]),
        source: None,
    }
}

/// Drafts with ids `{prefix}-0`, `{prefix}-1`, …
pub(super) fn drafts(prefix: &str, count: usize) -> Vec<Draft> {
    (0..count).map(|n| draft(format!("{prefix}-{n}"), 200)).collect()
}

/// A commit by hand, with any seq and epoch.
pub(super) fn record(seq: u64, epoch: u64, body: Body, command_id: &str) -> Bytes {
    codec::encode(&Commit {
        position: Position { partition: P, seq },
        epoch,
        command_id: command_id.into(),
        command: Bytes::new(),
        stream: String::new(),
        stream_version_before: 0,
        decided_against: Vec::new(),
        recorded_at: now(),
        effective_at: now(),
        actor: Actor { principal: "conformance".into(), channel: "ledger".into() },
        body,
        previous_root: None,
        source: None,
    })
    .into()
}

/// Becomes the writer of `partition`, reading on from `tail`; also returns what was read.
pub(super) fn claim(log: &dyn Log, partition: PartitionId, tail: Tail) -> Check<(PartitionWriter, Vec<Accepted>)> {
    static UNIQUE: AtomicU64 = AtomicU64::new(0);
    let writer_id = format!("writer-{}", UNIQUE.fetch_add(1, Ordering::Relaxed));
    let mut read = Vec::new();
    let writer = PartitionWriter::claim(log, partition, tail, &writer_id, now(), &mut |accepted| {
        read.push(accepted);
        Ok(())
    })?;
    Ok((writer, read))
}

/// Appends by hand at the present end.
pub(super) fn append_raw(log: &dyn Log, partition: PartitionId, records: &[Bytes]) -> Outcome {
    log.appender(partition)?.append(log.end(partition)?, records)?;
    Ok(())
}

/// All records from `from` to the present end, with their offsets checked.
pub(super) fn read_raw(log: &dyn Log, partition: PartitionId, from: u64) -> Check<Vec<RawRecord>> {
    let end = log.end(partition)?;
    let mut reader = log.reader(&[(partition, from)])?;
    let mut records: Vec<RawRecord> = Vec::new();
    let begin = Instant::now();
    while from + (records.len() as u64) < end {
        for record in reader.next(limits::READ_BYTES, WAIT)? {
            same(record.partition, partition, "partition of a record")?;
            same(record.offset, from + records.len() as u64, "offset of a record")?;
            records.push(record);
        }
        check(begin.elapsed() < PATIENCE, || format!("{} of {end} records came in time", records.len()))?;
    }
    Ok(records)
}

/// The history of a partition up to the present end, and how many records were skipped.
pub(super) fn history(log: &dyn Log, partition: PartitionId) -> Check<(Vec<Accepted>, u64)> {
    let end = log.end(partition)?;
    let mut follower = Follower::from_start(log, [partition])?;
    let mut accepted = Vec::new();
    let begin = Instant::now();
    loop {
        let cursor = follower.cursors().get(&partition).copied().unwrap_or_default();
        if cursor.offset >= end {
            verify(&accepted)?;
            return Ok((accepted, cursor.skipped));
        }
        accepted.extend(follower.next(WAIT)?);
        check(begin.elapsed() < PATIENCE, || format!("offset {} of {end} was reached in time", cursor.offset))?;
    }
}

/// What holds of every history: gapless, epochs rise, and every root is that of the bytes before it.
pub(super) fn verify(history: &[Accepted]) -> Check<Frontier> {
    let mut frontier = Frontier::default();
    let mut epoch = 0;
    for (seq, accepted) in (0_u64..).zip(history) {
        let commit = &accepted.commit;
        same(commit.position.seq, seq, "seq")?;
        check(commit.epoch >= epoch, || format!("epoch {} after {epoch} at {}", commit.epoch, commit.position))?;
        epoch = commit.epoch;
        if let Some(root) = commit.previous_root {
            same(root, frontier.root(), "previous root")?;
        }
        frontier.push(&accepted.bytes);
    }
    Ok(frontier)
}

/// The ids of the commands in a history; starts of writers left out.
pub(super) fn ids(history: &[Accepted]) -> Vec<&str> {
    let commands = history.iter().filter(|accepted| !accepted.commit.is_writer_started());
    commands.map(|accepted| accepted.commit.command_id.as_str()).collect()
}

/// `{prefix}-0`, `{prefix}-1`, …
pub(super) fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}-{n}")).collect()
}
