//! Following partitions: raw records in, accepted commits out.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    Commit, Log, PartitionId, Position, ReadError, Reader,
    admit::{Admission, Verdict},
    codec::{self, DecodeError, Head},
    limits,
};

/// Where a reader stands in one partition: enough to go on without reading what came before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The backend's address of the next record to read.
    pub offset: u64,
    /// The reader rule's state.
    pub admission: Admission,
    /// Records skipped so far.
    pub skipped: u64,
}

/// An accepted commit with its stored bytes.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The commit.
    pub commit: Commit,
    /// The bytes it is stored as: what the tree is over.
    pub bytes: Bytes,
    /// The backend's address.
    pub offset: u64,
}

/// An accepted commit of which only the head was read.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its head.
    pub head: Head,
    /// The bytes it is stored as.
    pub bytes: Bytes,
    /// The backend's address.
    pub offset: u64,
}

/// Reads accepted commits of some partitions, from cursors on.
pub struct Follower {
    reader: Box<dyn Reader>,
    cursors: BTreeMap<PartitionId, Cursor>,
}

impl Follower {
    /// Begins to follow.
    pub fn new(log: &dyn Log, from: BTreeMap<PartitionId, Cursor>) -> Result<Self, ReadError> {
        let starts: Vec<_> = from.iter().map(|(&partition, cursor)| (partition, cursor.offset)).collect();
        Ok(Self { reader: log.reader(&starts)?, cursors: from })
    }

    /// Follows partitions from their beginning.
    pub fn from_start(log: &dyn Log, partitions: impl IntoIterator<Item = PartitionId>) -> Result<Self, ReadError> {
        Self::new(log, partitions.into_iter().map(|partition| (partition, Cursor::default())).collect())
    }

    /// The next accepted commits, waiting up to `wait` for the first record. May be empty although records were read and skipped.
    pub fn next(&mut self, wait: Duration) -> Result<Vec<Accepted>, ReadError> {
        self.next_within(limits::READ_BYTES, wait)
    }

    /// [`Self::next`] of about so many stored bytes: decoded, they take several times as much memory.
    pub fn next_within(&mut self, bytes_max: usize, wait: Duration) -> Result<Vec<Accepted>, ReadError> {
        let commit = |bytes: &Bytes| {
            let commit = codec::decode(bytes)?;
            Ok((Rule { position: commit.position, epoch: commit.epoch, starts: commit.is_writer_started() }, commit))
        };
        self.admitted(bytes_max, wait, commit, |commit, bytes, offset| Accepted { commit, bytes, offset })
    }

    /// [`Self::next_within`] without the events, for whoever needs the stored bytes or a place: several times as fast.
    pub fn next_heads(&mut self, bytes_max: usize, wait: Duration) -> Result<Vec<Seen>, ReadError> {
        let head = |bytes: &Bytes| {
            let head = codec::decode_head(bytes)?;
            Ok((Rule { position: head.position, epoch: head.epoch, starts: head.is_writer_started }, head))
        };
        self.admitted(bytes_max, wait, head, |head, bytes, offset| Seen { head, bytes, offset })
    }

    /// Reads records and applies the reader rule.
    fn admitted<D, T>(
        &mut self,
        bytes_max: usize,
        wait: Duration,
        decode: impl Fn(&Bytes) -> Result<(Rule, D), DecodeError>,
        accept: impl Fn(D, Bytes, u64) -> T,
    ) -> Result<Vec<T>, ReadError> {
        let records = self.reader.next(bytes_max, wait)?;
        let mut accepted = Vec::with_capacity(records.len());
        for record in records {
            let cursor = self.cursors.entry(record.partition).or_default();
            let damaged =
                |what: String| ReadError::Damaged { partition: record.partition, offset: record.offset, what };
            let (rule, decoded) = decode(&record.bytes).map_err(|error| damaged(error.to_string()))?;
            let Rule { position, epoch, starts } = rule;
            if position.partition != record.partition {
                return Err(damaged(format!("it belongs to {}", position.partition)));
            }
            cursor.offset = record.offset + 1;
            match cursor.admission.admit(position.seq, epoch, starts) {
                Verdict::Accept => accepted.push(accept(decoded, record.bytes, record.offset)),
                Verdict::Skip(why) => {
                    cursor.skipped += 1;
                    tracing::debug!(%position, epoch, ?why, "record skipped");
                }
            }
        }
        Ok(accepted)
    }

    /// Where it stands.
    pub fn cursors(&self) -> &BTreeMap<PartitionId, Cursor> {
        &self.cursors
    }

    /// The last accepted commit of each partition that has one.
    pub fn positions(&self) -> Vec<Position> {
        self.cursors
            .iter()
            .filter_map(|(&partition, cursor)| {
                cursor.admission.next_seq.checked_sub(1).map(|seq| Position { partition, seq })
            })
            .collect()
    }

    /// Whether every record up to `ends` (offsets) has been read.
    pub fn reached(&self, ends: &BTreeMap<PartitionId, u64>) -> bool {
        ends.iter().all(|(partition, &end)| self.cursors.get(partition).is_none_or(|cursor| cursor.offset >= end))
    }
}

/// What the reader rule asks of a record.
struct Rule {
    position: Position,
    epoch: u64,
    /// Whether it begins an epoch.
    starts: bool,
}

/// The offsets after the last record of each partition, now.
pub fn ends(
    log: &dyn Log,
    partitions: impl IntoIterator<Item = PartitionId>,
) -> Result<BTreeMap<PartitionId, u64>, ReadError> {
    partitions.into_iter().map(|partition| Ok((partition, log.end(partition)?))).collect()
}
