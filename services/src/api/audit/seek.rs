//! From a sequence number to where a follower has to begin.
//!
//! A backend addresses records by offset. Skipped records (of zombies, of lost races) have offsets and no sequence number, so the two
//! drift apart, though rarely and by little. Without skipped records the offset is the number; that is looked at first. Otherwise a
//! follower reads on from the last place known, and places are remembered.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use subledger_log::{
    Cursor, Family, Follower, Layout, Log, PartitionId, Position, ReadError, admit::Admission, codec, limits,
};
use tonic::{Code, Status};

use crate::api::errors;

/// Records between two places remembered.
const PLACE_EVERY_RECORDS: u64 = 16_384;
/// Bytes to ask for when one record is wanted.
const ONE_RECORD_BYTES: usize = 1;
/// How long to wait for a record that the log says is there.
const READ_WAIT: Duration = Duration::from_millis(500);
/// How often to wait before giving up.
const READ_ATTEMPTS_MAX: u32 = 20;

/// A place could not be found.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SeekError {
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The history does not reach so far.
    #[error("{} lies after the end of its partition, which has {next_seq} records", .position)]
    PastEnd {
        /// Asked for.
        position: Position,
        /// The end.
        next_seq: u64,
    },
    /// The log says there are records, but gives none.
    #[error("{partition} gives no record although it is not at its end")]
    Stalled {
        /// Where.
        partition: PartitionId,
    },
}

impl SeekError {
    pub(crate) fn to_status(&self) -> Status {
        match self {
            Self::Read(error) => errors::read(error),
            Self::PastEnd { next_seq, .. } => {
                let facts = [("next_seq", next_seq.to_string())];
                errors::status(Code::OutOfRange, "POSITION_PAST_END", self.to_string(), &facts)
            }
            Self::Stalled { .. } => errors::unavailable("LOG_UNAVAILABLE", self.to_string()),
        }
    }
}

/// Whether records of the stream `key` can be in the partition.
pub(crate) fn may_hold(layout: Layout, partition: PartitionId, key: &str) -> bool {
    match partition.family {
        Family::Catalog => key == "catalog",
        Family::Access => key == "access",
        family => layout.partition_of(family, key) == partition,
    }
}

/// Finds places.
pub(crate) struct Seeker {
    log: Arc<dyn Log>,
    /// For each partition, places by the next sequence number.
    places: Mutex<BTreeMap<PartitionId, BTreeMap<u64, Cursor>>>,
}

impl Seeker {
    pub(crate) fn new(log: Arc<dyn Log>) -> Self {
        Self { log, places: Mutex::default() }
    }

    /// Where to begin so that the record at `position` is the first.
    pub(crate) fn seek(&self, position: Position) -> Result<Cursor, SeekError> {
        let Position { partition, seq } = position;
        let end = self.log.end(partition)?;
        if seq < end
            && let Some(cursor) = self.direct(partition, seq)?
        {
            return Ok(cursor);
        }
        let cursor = self.scan(partition, seq, end)?;
        if cursor.admission.next_seq == seq {
            return Ok(cursor);
        }
        Err(SeekError::PastEnd { position, next_seq: cursor.admission.next_seq })
    }

    /// The number of accepted records.
    pub(crate) fn next_seq(&self, partition: PartitionId) -> Result<u64, SeekError> {
        let end = self.log.end(partition)?;
        match end.checked_sub(1) {
            None => Ok(0),
            Some(last) if self.direct(partition, last)?.is_some() => Ok(end),
            Some(_) => Ok(self.scan(partition, u64::MAX, end)?.admission.next_seq),
        }
    }

    /// A place at or shortly before the end, from which a follower may begin.
    #[cfg(feature = "kafka")]
    pub(crate) fn near_end(&self, partition: PartitionId) -> Result<Cursor, SeekError> {
        let end = self.log.end(partition)?;
        let Some(last) = end.checked_sub(1) else { return Ok(Cursor::default()) };
        match self.direct(partition, last)? {
            Some(cursor) => Ok(cursor),
            None => self.scan(partition, u64::MAX, end),
        }
    }

    /// The place of `seq` if nothing before it was skipped: then its offset is the same number. A writer that missed a record of
    /// another one counts less than the offset, never the same, so equality proves it.
    fn direct(&self, partition: PartitionId, seq: u64) -> Result<Option<Cursor>, SeekError> {
        if seq == 0 {
            return Ok(Some(Cursor::default()));
        }
        let mut reader = self.log.reader(&[(partition, seq)])?;
        for _ in 0..READ_ATTEMPTS_MAX {
            let records = reader.next(ONE_RECORD_BYTES, READ_WAIT)?;
            let Some(record) = records.first() else { continue };
            let damaged = |error: codec::DecodeError| ReadError::Damaged {
                partition,
                offset: record.offset,
                what: error.to_string(),
            };
            let head = codec::decode_head(&record.bytes).map_err(damaged)?;
            let epoch = if head.is_writer_started { head.epoch.saturating_sub(1) } else { head.epoch };
            let cursor = Cursor { offset: seq, admission: Admission { next_seq: seq, epoch }, skipped: 0 };
            return Ok((head.position.seq == seq).then_some(cursor));
        }
        Err(SeekError::Stalled { partition })
    }

    /// Reads on from the last place known, to `seq` or to the offset `end`.
    fn scan(&self, partition: PartitionId, seq: u64, end: u64) -> Result<Cursor, SeekError> {
        let mut here = self.nearest(partition, seq);
        let mut follower = Follower::new(&*self.log, BTreeMap::from([(partition, here)]))?;
        let mut idle = 0;
        while here.admission.next_seq < seq && here.offset < end {
            let accepted = follower.next_heads(limits::READ_BYTES, READ_WAIT)?;
            let after = follower.cursors().get(&partition).copied().unwrap_or_default();
            idle = if after.offset == here.offset { idle + 1 } else { 0 };
            if idle == READ_ATTEMPTS_MAX {
                return Err(SeekError::Stalled { partition });
            }
            if let Some(record) = accepted.iter().find(|record| record.head.position.seq == seq) {
                let epoch = record.head.epoch - u64::from(record.head.is_writer_started);
                let admission = Admission { next_seq: seq, epoch };
                return Ok(Cursor { offset: record.offset, admission, skipped: record.offset - seq });
            }
            here = after;
            self.remember(partition, here);
        }
        Ok(here)
    }

    fn nearest(&self, partition: PartitionId, seq: u64) -> Cursor {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let known = places.get(&partition).and_then(|known| known.range(..=seq).next_back());
        known.map(|(_, cursor)| *cursor).unwrap_or_default()
    }

    fn remember(&self, partition: PartitionId, cursor: Cursor) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let known = places.entry(partition).or_default();
        let last = known.last_key_value().map_or(0, |(seq, _)| *seq);
        if cursor.admission.next_seq >= last + PLACE_EVERY_RECORDS {
            known.insert(cursor.admission.next_seq, cursor);
        }
    }
}
