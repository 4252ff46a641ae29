//! A moment at which the partitions fit together: nothing in one was decided after something in another that is left out.
//!
//! Customers are asked first, so what they were decided against is in the trees of the others, which are asked later. Only an invoice that
//! is issued in between can reflect customers that were asked too early; then everything is asked once more.

use std::{collections::BTreeMap, time::Duration};

use subledger_domain::Event;
use subledger_log::{Commit, Family, PartitionId, Position, codec, limits::READ_BYTES};

use super::source::{Head, Source};
use crate::client::Failure;

/// How often the partitions are asked at most.
const ATTEMPTS_MAX: u32 = 100;
/// How long to wait for records that must be there.
const READ_WAIT: Duration = Duration::from_millis(500);
const READS_MAX: u32 = 60;

/// What a commit was decided after: it makes no sense without these.
pub(in crate::client) fn needs(commit: &Commit) -> impl Iterator<Item = Position> + '_ {
    let reflects = commit.events().iter().filter_map(|event| match event {
        Event::InvoiceIssued(event) => Some(event.reflects.iter().copied()),
        _ => None,
    });
    commit.decided_against.iter().copied().chain(reflects.flatten())
}

/// A checkpoint of each partition, in their order.
pub(super) fn heads_in_turn(source: &Source, partitions: &[PartitionId]) -> Result<Vec<(PartitionId, Head)>, Failure> {
    let mut heads = Vec::new();
    for &partition in partitions.iter().rev() {
        heads.push((partition, source.checkpoint(partition)?));
    }
    heads.reverse();
    Ok(heads)
}

/// The same, of one moment.
pub(super) fn heads(source: &Source, partitions: &[PartitionId]) -> Result<Vec<(PartitionId, Head)>, Failure> {
    let partners: Vec<_> = partitions.iter().copied().filter(|it| it.family == Family::Partners).collect();
    for _ in 0..ATTEMPTS_MAX {
        let before: Vec<_> = partners.iter().map(|&it| Ok((it, source.end(it)?))).collect::<Result<_, Failure>>()?;
        let heads = heads_in_turn(source, partitions)?;
        let sizes: BTreeMap<_, _> = heads.iter().map(|(partition, head)| (*partition, head.checkpoint.size)).collect();
        let is_there = |needed: Position| sizes.get(&needed.partition).is_none_or(|size| needed.seq < *size);
        let mut closed = true;
        for (partition, from) in before {
            let meanwhile = records(source, partition, from)?;
            let taken = meanwhile.iter().filter(|commit| commit.position.seq < sizes[&partition]);
            closed &= taken.flat_map(needs).all(is_there);
        }
        if closed {
            return Ok(heads);
        }
    }
    let text = format!(
        "the partitions do not fit together after {ATTEMPTS_MAX} attempts: invoices are issued all the time; try again later"
    );
    Err(Failure::Unreachable(text))
}

/// The commits of a partition from an offset on, to where it ends now.
fn records(source: &Source, partition: PartitionId, from: u64) -> Result<Vec<Commit>, Failure> {
    let end = source.end(partition)?;
    let mut commits = Vec::new();
    if from >= end {
        return Ok(commits);
    }
    let mut reader = source.reader(partition, from)?;
    let (mut next, mut idle) = (from, 0);
    while next < end {
        let read = reader.next(READ_BYTES, READ_WAIT).map_err(super::source::read_failed)?;
        idle = if read.is_empty() { idle + 1 } else { 0 };
        if idle == READS_MAX {
            return Err(Failure::Unreachable(format!("{partition} gives no record {next}, although it has {end}")));
        }
        for record in read {
            next = record.offset + 1;
            // What is no commit is no part of the history.
            commits.extend(codec::decode(&record.bytes).ok());
        }
    }
    Ok(commits)
}
