//! Group commit: appends that come while one is written share the next. A small group goes to the journal, a large one to sled.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, MutexGuard, PoisonError, atomic::Ordering},
};

use bytes::Bytes;

use crate::{AppendError, PartitionId, limits::RECORD_BYTES_MAX};

use super::{
    GROUP_BYTES_MAX, JOURNAL_ENTRY_BYTES_MAX, Shared,
    chunk::Chunk,
    journal::{self, Journal},
    volumes::NotBegun,
};

type Outcome = Result<(), AppendError>;

/// Appends that wait, and the outcomes of those that waited.
#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<Waiting>,
    outcomes: BTreeMap<u64, Outcome>,
    next_ticket: u64,
    /// Whether somebody writes.
    writing: bool,
    /// Why nothing can be written any more.
    poisoned: Option<Arc<str>>,
}

struct Waiting {
    ticket: u64,
    partition: PartitionId,
    expected: u64,
    chunks: Vec<Chunk>,
}

impl Waiting {
    fn bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.bytes.len()).sum()
    }

    fn not_written(&self, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> (u64, Outcome) {
        (self.ticket, Err(AppendError::NotWritten { partition: self.partition, source: why.into() }))
    }
}

impl Queue {
    /// The next group: everything that waits, up to the limit.
    fn take(&mut self) -> Vec<Waiting> {
        let mut bytes = 0;
        let fits = |waiting: &&Waiting| {
            let first = bytes == 0;
            bytes += waiting.bytes();
            first || bytes <= GROUP_BYTES_MAX
        };
        let count = self.waiting.iter().take_while(fits).count();
        self.waiting.drain(..count).collect()
    }
}

impl Shared {
    pub(super) fn append(&self, partition: PartitionId, expected: u64, records: &[Bytes]) -> Outcome {
        if let Some(long) = records.iter().find(|record| record.len() > RECORD_BYTES_MAX) {
            return Err(AppendError::TooLarge { partition, bytes: long.len(), limit: RECORD_BYTES_MAX });
        }
        let chunks = Chunk::cut(partition, expected, records);
        if chunks.is_empty() {
            return Ok(());
        }
        let mut queue = self.queue();
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        queue.waiting.push_back(Waiting { ticket, partition, expected, chunks });
        loop {
            if let Some(outcome) = queue.outcomes.remove(&ticket) {
                return outcome;
            }
            if queue.writing {
                queue = self.written.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            queue.writing = true;
            let group = queue.take();
            let poisoned = queue.poisoned.clone();
            drop(queue);
            let (outcomes, poison) = match poisoned {
                None => self.write(group),
                Some(why) => (group.iter().map(|waiting| waiting.not_written(&*why)).collect(), Some(why)),
            };
            queue = self.queue();
            queue.writing = false;
            queue.poisoned = poison;
            queue.outcomes.extend(outcomes);
            self.written.notify_all();
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing in there is left half done by a panic: the write itself runs outside and catches its own.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a group. Returns everybody's outcome, and why the log is poisoned if it is.
    fn write(&self, group: Vec<Waiting>) -> (Vec<(u64, Outcome)>, Option<Arc<str>>) {
        let (fits, mut outcomes) = self.in_order(group);
        if fits.is_empty() {
            return (outcomes, None);
        }
        let journaled: usize = self.journal().waiting().iter().map(|(_, chunk)| chunk.bytes.len()).sum();
        if let Some(why) = self.too_full(journaled + fits.iter().map(Waiting::bytes).sum::<usize>()) {
            outcomes.extend(fits.iter().map(|waiting| waiting.not_written(why.as_str())));
            return (outcomes, None);
        }
        // sled panics where it finds itself in a state it does not expect.
        let result = catch_unwind(AssertUnwindSafe(|| self.write_durably(&fits)));
        let failure = match result {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("the storage engine panicked; its message is on standard error".to_owned()),
        };
        if let Some(failure) = failure {
            tracing::error!(%failure, "append failed; nothing more is written until the ledger is opened again");
            let unknown = |waiting: &Waiting| AppendError::Unknown {
                partition: waiting.partition,
                source: failure.as_str().into(),
            };
            outcomes.extend(fits.iter().map(|waiting| (waiting.ticket, Err(unknown(waiting)))));
            let why = format!("an earlier append failed and the ledger must be opened again: {failure}");
            return (outcomes, Some(why.into()));
        }
        for waiting in &fits {
            let end = waiting.chunks.last().map_or(waiting.expected, Chunk::end);
            if let Err(error) = self.acknowledged.note(waiting.partition, end) {
                tracing::warn!(partition = %waiting.partition, %error, "cannot note the end; a later loss may go unnoticed");
            }
        }
        outcomes.extend(fits.iter().map(|waiting| (waiting.ticket, Ok(()))));
        self.tail.publish(fits.into_iter().map(|waiting| (waiting.partition, waiting.chunks)));
        if self.journal().waiting().is_empty() {
            self.tail.all_stored();
        }
        (outcomes, None)
    }

    /// Sorts out who expected another end.
    fn in_order(&self, group: Vec<Waiting>) -> (Vec<Waiting>, Vec<(u64, Outcome)>) {
        let mut ends = BTreeMap::new();
        let mut fits = Vec::with_capacity(group.len());
        let mut outcomes = Vec::with_capacity(group.len());
        for waiting in group {
            let Waiting { ticket, partition, expected, .. } = waiting;
            let end = ends.entry(partition).or_insert_with(|| self.tail.end(partition).unwrap_or(0));
            if expected == *end {
                *end = waiting.chunks.last().map_or(expected, Chunk::end);
                fits.push(waiting);
            } else {
                outcomes.push((ticket, Err(AppendError::Interleaved { partition, expected, got: *end })));
            }
        }
        (fits, outcomes)
    }

    /// Why there is no space for so many bytes, if so. sled may write a page anew for each chunk.
    fn too_full(&self, bytes: usize) -> Option<String> {
        let needed = self.disk_reserve_bytes.saturating_add(2 * bytes as u64);
        match fs2::available_space(&self.dir) {
            Ok(free) if free < needed => {
                Some(format!("the disk is full: {free} bytes are free at {}, {needed} are needed", self.dir.display()))
            }
            Ok(_) => None,
            Err(error) => Some(format!("cannot tell how much space is free at {}: {error}", self.dir.display())),
        }
    }

    fn write_durably(&self, group: &[Waiting]) -> io::Result<()> {
        let mut journal = self.journal();
        if self.volumes.active().bytes()? >= self.full_at.load(Ordering::Relaxed) {
            self.begin_volume(&mut journal)?;
        }
        let chunks: Vec<_> = group
            .iter()
            .flat_map(|waiting| waiting.chunks.iter().map(|chunk| (waiting.partition, chunk.clone())))
            .collect();
        let size = Journal::entry_bytes(chunks.iter().map(|(_, chunk)| chunk));
        if size > JOURNAL_ENTRY_BYTES_MAX || size > journal.len() {
            return self.store(&mut journal, &chunks);
        }
        if !journal.has_room(size) {
            self.store(&mut journal, &[])?;
            self.tail.all_stored();
        }
        journal.write(chunks)?;
        self.keeps()?;
        journal.sync()
    }

    /// Has the log go on in a new volume, if it can.
    fn begin_volume(&self, journal: &mut Journal) -> io::Result<()> {
        self.store(journal, &[])?;
        self.tail.all_stored();
        let full_at = match self.volumes.begin(|partition| self.tail.end(partition).unwrap_or(0)) {
            Ok(()) => self.volume_bytes,
            Err(NotBegun::Unchanged(error)) => {
                tracing::warn!(dir = %self.dir.display(), %error, "the log cannot go on in a new volume yet; this one grows");
                self.volumes.active().bytes()? + self.volume_bytes / 8
            }
            Err(NotBegun::Unknown(error)) => return Err(io::Error::other(error)),
        };
        self.full_at.store(full_at, Ordering::Relaxed);
        Ok(())
    }

    /// Has sled keep what waits in the journal, and more.
    fn store(&self, journal: &mut Journal, more: &[(PartitionId, Chunk)]) -> io::Result<()> {
        let volume = self.volumes.active();
        volume.store(journal::merged(journal.waiting()).iter().chain(more))?;
        self.keeps()?;
        volume.sync()?;
        journal.restart();
        Ok(())
    }

    /// Has sled keep what waits in the journal, and empties it.
    pub(super) fn close_journal(&self) -> io::Result<()> {
        let mut journal = self.journal();
        if !journal.waiting().is_empty() {
            self.store(&mut journal, &[])?;
        }
        journal.clear()
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        // A panic while it is held poisons the ledger itself.
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the disk keeps what it is given, as a test may want it not to.
    #[cfg_attr(
        not(feature = "testing"),
        allow(clippy::unused_self, clippy::unnecessary_wraps, reason = "only tests fail")
    )]
    fn keeps(&self) -> io::Result<()> {
        #[cfg(feature = "testing")]
        if self.fail_sync.swap(false, Ordering::Relaxed) {
            return Err(io::Error::other("Input/output error while syncing, as a test wants it"));
        }
        Ok(())
    }

    /// Whether an append failed before.
    pub(super) fn is_poisoned(&self) -> bool {
        self.queue().poisoned.is_some()
    }
}
