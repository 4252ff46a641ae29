//! What a place for logs must be able to do.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{
    PartitionId,
    error::{AppendError, ReadError},
    layout::{Layout, LedgerId},
    personal::{Keys, NoKeys, Opened},
};

/// A place where partitions live. Calls block; callers run them on threads of their own.
///
/// Offsets are the backend's addresses of records: dense, from 0, in the order written. An offset is not a sequence number: a record
/// that the reader rule skips has an offset but no place in the history.
pub trait Log: Send + Sync {
    /// Identifies the ledger, for ever.
    fn ledger_id(&self) -> LedgerId;

    /// Which partitions there are.
    fn layout(&self) -> Layout;

    /// `embedded`, `kafka`, `sim` or `remote`: for people.
    fn backend(&self) -> &'static str;

    /// The offset after the last record that readers can see.
    fn end(&self, partition: PartitionId) -> Result<u64, ReadError>;

    /// [`Self::end`] of several partitions, each as of some moment of the call.
    fn ends(&self, partitions: &[PartitionId]) -> Result<BTreeMap<PartitionId, u64>, ReadError> {
        partitions.iter().map(|&partition| Ok((partition, self.end(partition)?))).collect()
    }

    /// A place to append to one partition. Any number may exist at a time, in any process: the reader rule sorts them out.
    fn appender(&self, partition: PartitionId) -> Result<Box<dyn Appender>, AppendError>;

    /// The keys of personal values: what writes to it seals with them, what reads opens with them.
    fn keys(&self) -> Arc<dyn Keys> {
        Arc::new(NoKeys)
    }

    /// Reads the partitions named, each from an offset on.
    fn reader(&self, from: &[(PartitionId, u64)]) -> Result<Box<dyn Reader>, ReadError>;
}

/// Appends records to one partition.
pub trait Appender: Send {
    /// Appends `records` in this order, the first one at offset `expected`, and returns once they are durable: on disk (embedded), or
    /// acknowledged by all in-sync replicas and proved to stand at `expected`, `expected + 1`, … with nothing in between (Kafka).
    ///
    /// Every record is at most [`crate::limits::RECORD_BYTES_MAX`] bytes; a longer one is [`AppendError::TooLarge`] and nothing is written.
    ///
    /// After [`AppendError::Unknown`] the appender may be of no more use (every append is `Unknown` then, and writes nothing): make another.
    fn append(&mut self, expected: u64, records: &[Bytes]) -> Result<(), AppendError>;
}

/// A record as the backend has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawRecord {
    /// Where.
    pub partition: PartitionId,
    /// The backend's address.
    pub offset: u64,
    /// The stored bytes.
    pub bytes: Bytes,
    /// What is sealed in them, if whoever gave them has opened it; otherwise the log's keys do.
    pub opened: Option<Opened>,
}

/// Reads records in the order of each partition.
pub trait Reader: Send {
    /// The next records, at most about `bytes_max` bytes of them but at least one if there is any, waiting up to `wait` for the first.
    /// None if none came. Records of several partitions may be mixed; each partition's are in order and without a hole.
    fn next(&mut self, bytes_max: usize, wait: Duration) -> Result<Vec<RawRecord>, ReadError>;
}
