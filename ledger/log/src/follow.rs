//! Following partitions: raw records in, accepted commits out.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use subledger_domain::Event;

use crate::{
    Commit, Log, PartitionId, Position, RawRecord, ReadError, Reader,
    admit::{Admission, Verdict},
    codec::{self, DecodeError, Head},
    limits,
    personal::Keys,
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
    keys: Arc<dyn Keys>,
    cursors: BTreeMap<PartitionId, Cursor>,
}

impl Follower {
    /// Begins to follow.
    pub fn new(log: &dyn Log, from: BTreeMap<PartitionId, Cursor>) -> Result<Self, ReadError> {
        let starts: Vec<_> = from.iter().map(|(&partition, cursor)| (partition, cursor.offset)).collect();
        Ok(Self { reader: log.reader(&starts)?, keys: log.keys(), cursors: from })
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
        let mut accepted = Vec::new();
        let place = |commit: &Commit| (commit.position, commit.epoch, commit.is_writer_started());
        let keys = Arc::clone(&self.keys);
        let decode = |record: &mut RawRecord| match record.opened.take() {
            Some(opened) => codec::open_as(&record.bytes, opened),
            None => codec::open(&record.bytes, &*keys),
        };
        self.read((bytes_max, wait), decode, place, &mut |commit, bytes, offset| {
            for event in commit.events() {
                if let Event::CustomerErased(erased) = event {
                    keys.forget(erased.customer_id.as_str());
                }
            }
            accepted.push(Accepted { commit, bytes, offset });
        })?;
        Ok(accepted)
    }

    /// [`Self::next_within`] without the events, for whoever needs the stored bytes or a place: several times as fast.
    pub fn next_heads(&mut self, bytes_max: usize, wait: Duration) -> Result<Vec<Seen>, ReadError> {
        let mut accepted = Vec::new();
        let place = |head: &Head| (head.position, head.epoch, head.is_writer_started);
        let decode = |record: &mut RawRecord| codec::decode_head(&record.bytes);
        self.read((bytes_max, wait), decode, place, &mut |head, bytes, offset| {
            accepted.push(Seen { head, bytes, offset });
        })?;
        Ok(accepted)
    }

    /// Hands on what the reader rule accepts.
    fn read<T>(
        &mut self,
        (bytes_max, wait): (usize, Duration),
        decode: impl Fn(&mut RawRecord) -> Result<T, DecodeError>,
        place: impl Fn(&T) -> (Position, u64, bool),
        accept: &mut dyn FnMut(T, Bytes, u64),
    ) -> Result<(), ReadError> {
        for mut record in self.reader.next(bytes_max, wait)? {
            let decoded = decode(&mut record);
            let RawRecord { partition, offset, bytes, .. } = record;
            let cursor = self.cursors.entry(partition).or_default();
            let damaged = |what: String| ReadError::Damaged { partition, offset, what };
            let decoded = decoded.map_err(|error| match error {
                DecodeError::Keys(error) => {
                    ReadError::Unavailable { place: partition.to_string(), source: error.into() }
                }
                error => damaged(error.to_string()),
            })?;
            let (position, epoch, writer_started) = place(&decoded);
            if position.partition != partition {
                return Err(damaged(format!("it belongs to {}", position.partition)));
            }
            cursor.offset = offset + 1;
            match cursor.admission.admit(position.seq, epoch, writer_started) {
                Verdict::Accept => accept(decoded, bytes, offset),
                Verdict::Skip(why) => {
                    cursor.skipped += 1;
                    tracing::debug!(%position, epoch, ?why, "record skipped");
                }
            }
        }
        Ok(())
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

/// The offsets after the last record of each partition, now.
pub fn ends(
    log: &dyn Log,
    partitions: impl IntoIterator<Item = PartitionId>,
) -> Result<BTreeMap<PartitionId, u64>, ReadError> {
    log.ends(&partitions.into_iter().collect::<Vec<_>>())
}
