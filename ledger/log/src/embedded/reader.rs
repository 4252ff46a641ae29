//! Reading: from the tail in memory if the records are recent, else from sled.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{PartitionId, RawRecord, ReadError, Reader, pages};

use super::{Shared, chunk::Chunk, key, tail::Look};

/// How long a reader that just got something lets more gather: while much is written, several commits then cost it one turn, and
/// whoever writes need not wake it.
const GATHER: Duration = Duration::from_millis(2);

pub(super) struct EmbeddedReader {
    shared: Arc<Shared>,
    /// The next offset of each partition.
    at: Vec<(PartitionId, u64)>,
    /// Which partition comes first next time, so that a busy one does not starve the others.
    turn: usize,
    /// When it last got something.
    served: Option<Instant>,
}

impl EmbeddedReader {
    pub(super) fn new(shared: Arc<Shared>, from: &[(PartitionId, u64)]) -> Result<Self, ReadError> {
        for &(partition, offset) in from {
            let end = shared.end(partition)?;
            if offset > end {
                return Err(ReadError::PastEnd { partition, offset, end });
            }
        }
        Ok(Self { shared, at: from.to_vec(), turn: 0, served: None })
    }

    /// What there is now. An error is reported only once everything before it has been.
    fn take(&mut self, bytes_max: usize) -> Result<Vec<RawRecord>, ReadError> {
        let mut records = Vec::new();
        let mut bytes = 0;
        let (partitions, turn) = (self.at.len(), self.turn);
        for n in (0..partitions).map(|n| (turn + n) % partitions) {
            let (partition, from) = self.at[n];
            let chunks = match self.shared.chunks(partition, from, bytes_max.saturating_sub(bytes)) {
                Ok(chunks) => chunks,
                Err(_) if !records.is_empty() => break,
                Err(error) => return Err(error),
            };
            let mut next = from;
            for (offset, bytes_of) in chunks.iter().flat_map(|chunk| chunk.records_from(from)) {
                debug_assert_eq!(offset, next, "{partition}");
                bytes += bytes_of.len();
                next = offset + 1;
                records.push(RawRecord { partition, offset, bytes: bytes_of, opened: None });
            }
            self.at[n].1 = next;
            if bytes >= bytes_max && !records.is_empty() {
                // Not merely one further than before: whoever follows partitions that are silent would have it twice.
                self.turn = n + 1;
                break;
            }
        }
        Ok(records)
    }
}

impl Reader for EmbeddedReader {
    fn next(&mut self, bytes_max: usize, wait: Duration) -> Result<Vec<RawRecord>, ReadError> {
        let deadline = Instant::now() + wait;
        loop {
            let records = self.take(bytes_max)?;
            let now = Instant::now();
            if !records.is_empty() {
                self.served = Some(now);
                return Ok(records);
            }
            if now >= deadline {
                return Ok(records);
            }
            let until = self.served.take().map(|served| served + GATHER).filter(|&until| until > now);
            if let Some(until) = until {
                std::thread::sleep(until.min(deadline) - now);
            } else {
                self.shared.volumes.close_unused();
                self.shared.tail.wait(&self.at, deadline);
            }
        }
    }
}

impl Shared {
    /// The chunks from the one with offset `from` on, at least one unless `from` is the end, at most about `bytes_max` bytes.
    fn chunks(&self, partition: PartitionId, from: u64, bytes_max: usize) -> Result<Vec<Chunk>, ReadError> {
        match self.tail.look(partition, from, bytes_max) {
            Look::AtEnd => Ok(Vec::new()),
            Look::Chunks(chunks) => Ok(chunks),
            Look::Older { end } => self.stored_chunks(partition, from, end, bytes_max),
        }
    }

    fn stored_chunks(
        &self,
        partition: PartitionId,
        from: u64,
        end: u64,
        bytes_max: usize,
    ) -> Result<Vec<Chunk>, ReadError> {
        let (volume, volume_end) = self.volumes.holding(partition, from)?;
        let end = volume_end.unwrap_or(u64::MAX).min(end);
        let first = self.chunk_with(&volume.db, partition, from)?;
        let mut bytes = first.bytes.len();
        let mut next = first.end();
        let mut chunks = vec![first];
        // Above the end may stand what is not synced yet, or never was.
        let mut rows = volume.db.range(key::of(partition, next.min(end))..key::of(partition, end));
        while bytes < bytes_max && next < end {
            // What is good comes first; if this is not, the next read begins here and says what is wrong.
            let Some(Ok((key, value))) = rows.next() else { break };
            let Ok(chunk) = check_row(partition, &key, &value) else { break };
            if chunk.first != next {
                break;
            }
            pages::passed(&volume.db, &key);
            bytes += chunk.bytes.len();
            next = chunk.end();
            chunks.push(chunk);
        }
        Ok(chunks)
    }

    /// The stored chunk that has the record at `offset`.
    fn chunk_with(&self, db: &sled::Db, partition: PartitionId, offset: u64) -> Result<Chunk, ReadError> {
        let hole = || ReadError::Damaged { partition, offset, what: "it is not there".into() };
        let row = db.get_lt(key::of(partition, offset.saturating_add(1)));
        let (key, value) = row.map_err(|error| self.read_error(partition, offset, error))?.ok_or_else(hole)?;
        if key::offset_in(partition, &key).is_none() {
            return Err(hole());
        }
        let chunk = check_row(partition, &key, &value)?;
        pages::passed(db, &key);
        if chunk.end() <= offset { Err(hole()) } else { Ok(chunk) }
    }

    fn read_error(&self, partition: PartitionId, offset: u64, error: sled::Error) -> ReadError {
        match error {
            sled::Error::Corruption { .. } | sled::Error::ReportableBug(_) => {
                ReadError::Damaged { partition, offset, what: format!("the page it is on: {error}") }
            }
            _ => self.unavailable(error),
        }
    }
}

fn check_row(partition: PartitionId, key: &[u8], value: &[u8]) -> Result<Chunk, ReadError> {
    let first = key::offset_in(partition, key).unwrap_or(u64::MAX);
    Chunk::check(partition, first, Bytes::copy_from_slice(value)).map_err(|what| ReadError::Damaged {
        partition,
        offset: first,
        what,
    })
}
