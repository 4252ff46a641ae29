//! A ledger in one directory of this machine, for one process at a time: sled underneath, nothing of it visible above.
//!
//! **Layout.** Volumes of some hundred megabytes, one after another ([`volumes`]), each a sled database with one tree ([`volume`]). A
//! block of records is cut into *chunks* ([`chunk`]) of at most [`CHUNK_BYTES_MAX`] bytes; a chunk is one value under family, partition
//! and first offset ([`key`]). All chunks of all appends of a flush are one `Batch`, which sled recovers whole or not at all. Beside it
//! stands `acknowledged` ([`acknowledged`]): how far each partition had come when its last append was answered, so that a database that
//! lost its end is noticed and not taken for a shorter history.
//!
//! **Durable before the answer.** A small append is written to the [`journal`] and synced, and comes to sled later, with others. sled's
//! `flush` is `sync_file_range` on Linux, which flushes neither the file's length nor the disk's cache, so the file is synced as well.
//! sled never syncs the files it moves large pages into (`blobs/`); segments are made so large ([`SEGMENT_BYTES`]) that no page of a log
//! ever becomes one.
//!
//! **Group commit.** Appends that wait while a flush runs are taken together by the next: one batch, one flush ([`group`]). Whoever
//! comes while nothing runs writes at once and on its own thread.
//!
//! **Errors.** An append fails with `NotWritten` only where sled was not asked at all: too little space was left, or the log failed
//! before. Once sled was asked and did not succeed, the records may be found after reopening, so the outcome is `Unknown` and the log
//! is *poisoned*: every later append is `NotWritten` and names the first failure, until the directory is opened again. What opening
//! then finds is the truth: each append whole or not at all. Meanwhile readers see nothing beyond the last acknowledged record; where
//! sled refuses to read a page that it could not write, they get `Unavailable`.
//!
//! **Damage.** A chunk that does not check out is `Damaged` with its offset; what stands before it is read. Damage in sled's own
//! structures is worse: opening, sled zeroes its file from there on. So unless the last close left the files as they are, they are copied
//! before sled looks at them ([`keep`]); if the acknowledged ends are not reached, the ledger refuses to open and puts them back. A volume
//! that is not written any more is opened when it is read: if it does not end where the next one begins, its files are put back and the
//! read is `Damaged`.
//!
//! What may not live here: the meaning of a record.

mod acknowledged;
mod chunk;
mod group;
mod journal;
mod keep;
mod key;
mod meta;
mod offsets;
mod open;
mod reader;
mod tail;
mod volume;
mod volumes;

use std::{
    path::Path,
    sync::{Arc, Condvar, Mutex, atomic::AtomicU64},
    time::Duration,
};

use bytes::Bytes;

use crate::{
    AppendError, Appender, Layout, LedgerId, Log, OpenError, PartitionId, ReadError, Reader,
    error::AppendError::NotWritten, personal::Keys,
};

use group::Queue;
use reader::EmbeddedReader;
use tail::Tail;

/// Longest stored value, in bytes, unless a single record is longer: a flush costs about 15 microseconds for each value. A page holds up to
/// 16, and sled keeps 256 pages in memory whatever its cache should be: that is 25 to 50 MB ([`crate::pages`]).
const CHUNK_BYTES_MAX: usize = 12 * 1024;

/// sled's unit of space, in bytes. A page of more than a quarter of it would go to a file of its own that is never synced; a page
/// has at most 17 values, so even pages full of the longest records stay below.
const SEGMENT_BYTES: usize = 8 * 1024 * 1024;

/// Most bytes of appends that share a flush, unless one alone is larger.
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Longest entry of the journal, in bytes: what is longer goes to sled at once, so that it is not written twice.
const JOURNAL_ENTRY_BYTES_MAX: usize = 256 * 1024;

/// How often sled tidies up in the background, in milliseconds.
const TIDY_EVERY_MS: u64 = 1_000;

/// Settings of an embedded log. None of them changes what is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddedOptions {
    /// Bytes of pages that sled keeps in memory.
    pub cache_bytes: u64,
    /// Bytes of recent records kept in memory, so that live readers need not touch sled.
    pub tail_cache_bytes: usize,
    /// How long to wait for another process to let go of the directory: one that was just killed may hold it for a moment.
    pub lock_wait: Duration,
    /// Length of the journal, in bytes: at most so much of the history is not in sled yet. 0 has every append go to sled at once.
    pub journal_bytes: usize,
    /// Length of a volume, in bytes, at which the log goes on in a new one: after a process that was killed, at most so much is copied
    /// and read again before the ledger is open.
    pub volume_bytes: u64,
    /// Bytes of disk that appends leave free: below it they fail cleanly, and go on when there is space again.
    pub disk_reserve_bytes: u64,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 8 * 1024 * 1024,
            tail_cache_bytes: 4 * 1024 * 1024,
            lock_wait: Duration::from_secs(5),
            journal_bytes: 2 * 1024 * 1024,
            volume_bytes: 256 * 1024 * 1024,
            disk_reserve_bytes: 32 * 1024 * 1024,
        }
    }
}

/// A ledger in a directory.
#[derive(Clone)]
pub struct EmbeddedLog {
    shared: Arc<Shared>,
    keys: Arc<dyn Keys>,
}

/// What appenders and readers share.
struct Shared {
    volumes: volumes::Volumes,
    volume_bytes: u64,
    /// Length of the active volume, in bytes, at which the log goes on in a new one.
    full_at: AtomicU64,
    /// What sled does not have yet.
    journal: Mutex<journal::Journal>,
    acknowledged: acknowledged::Acknowledged,
    dir: std::path::PathBuf,
    disk_reserve_bytes: u64,
    tail: Tail,
    queue: Mutex<Queue>,
    written: Condvar,
    /// Dropped after all else: nobody else opens the directory before.
    _lock: std::fs::File,
    #[cfg(feature = "testing")]
    fail_sync: std::sync::atomic::AtomicBool,
}

impl EmbeddedLog {
    /// Seals and opens personal values with these keys.
    #[must_use]
    pub fn with_keys(self, keys: Arc<dyn Keys>) -> Self {
        Self { keys, ..self }
    }

    /// Makes a new ledger in `dir`, which must hold none.
    pub fn create(dir: impl AsRef<Path>, layout: Layout, ledger_id: LedgerId) -> Result<Self, OpenError> {
        EmbeddedOptions::default().create(dir, layout, ledger_id)
    }

    /// Opens the ledger in `dir`.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, OpenError> {
        EmbeddedOptions::default().open(dir)
    }

    /// Opens the ledger in `dir` as it is, or makes one of this layout and id if there is none.
    pub fn open_or_create(dir: impl AsRef<Path>, layout: Layout, ledger_id: LedgerId) -> Result<Self, OpenError> {
        EmbeddedOptions::default().open_or_create(dir, layout, ledger_id)
    }

    /// The next time the disk is told to keep what was written, it says that it cannot.
    #[cfg(feature = "testing")]
    pub fn fail_next_sync(&self) {
        self.shared.fail_sync.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    /// Bytes of disk that the ledger takes.
    pub fn disk_bytes(&self) -> Result<u64, ReadError> {
        self.shared.volumes.disk_bytes().map_err(|error| self.shared.unavailable(error))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // After a failure only opening tells what there is.
        if self.is_poisoned() {
            return;
        }
        if let Err(error) = self.close_journal() {
            tracing::warn!(dir = %self.dir.display(), %error, "the journal could not be emptied; opening reads it");
        }
    }
}

impl Shared {
    fn unavailable(&self, source: impl std::error::Error + Send + Sync + 'static) -> ReadError {
        ReadError::Unavailable { place: self.dir.display().to_string(), source: Box::new(source) }
    }

    fn end(&self, partition: PartitionId) -> Result<u64, ReadError> {
        self.tail.end(partition).ok_or(ReadError::NoSuchPartition { partition })
    }
}

impl Log for EmbeddedLog {
    fn ledger_id(&self) -> LedgerId {
        self.shared.volumes.meta().ledger_id
    }

    fn layout(&self) -> Layout {
        self.shared.volumes.meta().layout
    }

    fn backend(&self) -> &'static str {
        "embedded"
    }

    fn keys(&self) -> Arc<dyn Keys> {
        Arc::clone(&self.keys)
    }

    fn end(&self, partition: PartitionId) -> Result<u64, ReadError> {
        self.shared.end(partition)
    }

    fn appender(&self, partition: PartitionId) -> Result<Box<dyn Appender>, AppendError> {
        self.shared.end(partition).map_err(|error| NotWritten { partition, source: Box::new(error) })?;
        Ok(Box::new(EmbeddedAppender { shared: Arc::clone(&self.shared), partition }))
    }

    fn reader(&self, from: &[(PartitionId, u64)]) -> Result<Box<dyn Reader>, ReadError> {
        Ok(Box::new(EmbeddedReader::new(Arc::clone(&self.shared), from)?))
    }
}

struct EmbeddedAppender {
    shared: Arc<Shared>,
    partition: PartitionId,
}

impl Appender for EmbeddedAppender {
    fn append(&mut self, expected: u64, records: &[Bytes]) -> Result<(), AppendError> {
        self.shared.append(self.partition, expected, records)
    }
}
