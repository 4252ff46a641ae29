//! From the log into a store: reads commits, folds them into a staged batch, applies it. Used by the thread that serves and by a
//! rebuild alike, so both fold in the same way.

use std::{
    any::Any,
    collections::{BTreeMap, VecDeque},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use subledger_domain::Event;
use subledger_fold::{Projection, Recorded, Rows, StoreError};
use subledger_log::{Accepted, Body, Cursor, Follower, Log, PartitionId, ReadError, admit::Admission, ends};

use crate::{
    config::Limits,
    error::{FoldError, RebuildError},
    source::{ReadAhead, Source},
    stage::{CommitChanges, Layer, Staged},
    store::{Checkpoint, Store},
};

/// Where a pump puts rows.
pub(crate) trait Backing {
    /// The rows as they are now.
    fn now(&self) -> impl Rows;

    /// The place in the log that the rows reflect.
    fn checkpoint(&self) -> Result<Checkpoint, StoreError>;

    /// Applies changes together with the place in the log they lead to. They are taken if that succeeds.
    fn apply(&self, rows: &mut Staged, checkpoint: &Checkpoint) -> Result<(), StoreError>;
}

impl Backing for Store {
    fn now(&self) -> impl Rows {
        self.snapshot()
    }

    fn checkpoint(&self) -> Result<Checkpoint, StoreError> {
        self.checkpoint()
    }

    fn apply(&self, rows: &mut Staged, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        self.apply(rows, checkpoint)
    }
}

/// The next sequence number of each partition.
pub(crate) type NextSeqs = BTreeMap<PartitionId, u64>;

/// Why a pump cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PumpError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Fold(#[from] FoldError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<PumpError> for RebuildError {
    fn from(error: PumpError) -> Self {
        match error {
            PumpError::Read(error) => error.into(),
            PumpError::Fold(error) => error.into(),
            PumpError::Store(error) => error.into(),
        }
    }
}

pub(crate) struct Pump<S = Store> {
    log: Arc<dyn Log>,
    projection: Arc<dyn Projection>,
    limits: Limits,
    store: Arc<S>,
    /// None before the first read and after a failed one.
    source: Option<Source>,
    /// Whether another thread reads and decodes meanwhile.
    reads_ahead: bool,
    /// Read, not folded.
    pending: VecDeque<Accepted>,
    /// Read, and beyond what the caller wants folded for now; before everything in `pending`.
    held: VecDeque<Accepted>,
    /// Whether the last read brought nothing.
    current: bool,
    /// What the store reflects.
    applied: Checkpoint,
    /// What it will reflect with `rows` applied.
    staged: Checkpoint,
    rows: Staged,
    bytes: usize,
    since: Option<Instant>,
    /// Where the log ended when this began: a customer that was erased after it may have been read with its names.
    began_at: Option<BTreeMap<PartitionId, u64>>,
    /// Such a customer was met.
    erased: bool,
}

impl<S: Backing> Pump<S> {
    /// Goes on from the store's checkpoint.
    pub(crate) fn new(
        log: Arc<dyn Log>,
        projection: Arc<dyn Projection>,
        store: Arc<S>,
        limits: Limits,
    ) -> Result<Self, StoreError> {
        let applied = store.checkpoint()?;
        #[cfg(feature = "planted-bugs")]
        let applied = if subledger_domain::planted::has(subledger_domain::planted::Bug::FoldAgainAfterRestart) {
            one_back(applied)
        } else {
            applied
        };
        Ok(Self {
            log,
            projection,
            limits,
            store,
            source: None,
            reads_ahead: false,
            pending: VecDeque::new(),
            held: VecDeque::new(),
            current: false,
            staged: applied.clone(),
            applied,
            rows: Staged::new(),
            bytes: 0,
            since: None,
            began_at: None,
            erased: false,
        })
    }

    /// From now on another thread reads and decodes while this one folds: worth it where there is a long way to go.
    pub(crate) fn read_ahead(&mut self, ahead: bool) {
        if self.reads_ahead != ahead {
            self.forget_read();
            self.reads_ahead = ahead;
        }
    }

    pub(crate) fn store(&self) -> &Arc<S> {
        &self.store
    }

    /// Whether a customer was erased whose names the rows may have. Asked once.
    pub(crate) fn take_erased(&mut self) -> bool {
        std::mem::take(&mut self.erased)
    }

    /// What the store reflects.
    pub(crate) fn applied(&self) -> &Checkpoint {
        &self.applied
    }

    /// Reads and folds, waiting up to `wait` for news. True if a batch should be applied now.
    ///
    /// With `until`, no commit at or beyond those numbers is folded; it is kept for later.
    ///
    /// After a fold error the staged batch holds everything before the commit that failed, and may be applied. After a read error
    /// too, and the next call reads again from there.
    pub(crate) fn next_batch(&mut self, wait: Duration, until: Option<&NextSeqs>) -> Result<bool, PumpError> {
        if until.is_none() && !self.held.is_empty() {
            self.held.append(&mut self.pending);
            std::mem::swap(&mut self.held, &mut self.pending);
        }
        if self.pending.is_empty() {
            let wait = if self.since.is_some() { Duration::ZERO } else { wait };
            if let Err(error) = self.read(wait) {
                self.forget_read();
                return Err(error.into());
            }
            self.current = self.pending.is_empty();
            if self.current {
                self.pass_skipped();
                return Ok(self.is_staged());
            }
        }
        while let Some(accepted) = self.pending.pop_front() {
            let position = accepted.commit.position;
            if until.is_some_and(|until| until.get(&position.partition).is_none_or(|&next| position.seq >= next)) {
                self.held.push_back(accepted);
                continue;
            }
            if let Err(error) = self.fold(&accepted) {
                self.pending.push_front(accepted);
                return Err(error.into());
            }
            if self.is_full() {
                return Ok(true);
            }
        }
        self.pass_skipped();
        Ok(self.since.is_some_and(|since| since.elapsed() >= self.limits.age_max))
    }

    /// Reads and folds once, and has `apply` called on what was folded, even if it ends badly.
    pub(crate) fn turn(
        &mut self,
        wait: Duration,
        apply: &mut dyn FnMut(&mut Self) -> Result<(), StoreError>,
    ) -> Result<(), PumpError> {
        match self.next_batch(wait, None) {
            Ok(false) => Ok(()),
            Ok(true) => Ok(apply(self)?),
            Err(PumpError::Store(error)) => Err(error.into()),
            Err(error) => {
                apply(self)?;
                Err(error)
            }
        }
    }

    /// [`Self::next_batch`] for a rebuild: hours of folding are not given up because the log is away for a moment.
    pub(crate) fn next_batch_patiently(
        &mut self,
        until: Option<&NextSeqs>,
        stopping: &dyn Fn() -> bool,
    ) -> Result<bool, RebuildError> {
        let mut retry = self.limits.retry_min;
        loop {
            if stopping() {
                return Err(RebuildError::Stopped);
            }
            match self.next_batch(self.limits.idle, until) {
                Err(PumpError::Read(error @ ReadError::Unavailable { .. })) => {
                    tracing::warn!(projection = self.projection.name(), %error, ?retry, "cannot read the log; trying again");
                    pause(retry, self.limits.idle, stopping);
                    retry = (retry * 2).min(self.limits.retry_max);
                }
                result => return Ok(result?),
            }
        }
    }

    /// Whether everything is folded that there was when it was last looked.
    pub(crate) fn is_current(&self) -> bool {
        self.current
    }

    /// Whether there is anything to apply.
    pub(crate) fn is_staged(&self) -> bool {
        self.staged != self.applied
    }

    /// Whether everything before these numbers is folded (applied or staged).
    pub(crate) fn reached(&self, until: &NextSeqs) -> bool {
        until.iter().all(|(partition, &next)| {
            self.staged.cursors.get(partition).is_some_and(|cursor| cursor.admission.next_seq >= next)
        })
    }

    /// Applies the staged batch; how many commits it held. Only this changes rows that others see.
    pub(crate) fn apply(&mut self) -> Result<u64, StoreError> {
        #[cfg(feature = "planted-bugs")]
        if subledger_domain::planted::has(subledger_domain::planted::Bug::ForgetCheckpoint) {
            self.store.apply(&mut self.rows, &self.applied)?;
        } else {
            self.store.apply(&mut self.rows, &self.staged)?;
        }
        #[cfg(not(feature = "planted-bugs"))]
        self.store.apply(&mut self.rows, &self.staged)?;
        let commits = self.staged.commits - self.applied.commits;
        self.applied.clone_from(&self.staged);
        self.rows.clear();
        self.bytes = 0;
        self.since = None;
        Ok(commits)
    }

    fn read(&mut self, wait: Duration) -> Result<(), ReadError> {
        if self.began_at.is_none() {
            // A store that goes on has read everything before it with its names.
            let from_start = self.applied.commits == 0;
            let ends = if from_start { ends(&*self.log, self.log.layout().all())? } else { BTreeMap::new() };
            self.began_at = Some(ends);
        }
        let source = if let Some(source) = &mut self.source {
            source
        } else {
            let follower = Follower::new(&*self.log, self.staged.cursors.clone())?;
            let source = self.source_from(follower)?;
            self.source.insert(source)
        };
        self.pending.extend(source.next(wait)?);
        Ok(())
    }

    fn source_from(&self, follower: Follower) -> Result<Source, ReadError> {
        if !self.reads_ahead {
            return Ok(Source::Here(follower));
        }
        let no_thread = |error: io::Error| ReadError::Unavailable { place: "the log".into(), source: error.into() };
        ReadAhead::start(follower, self.limits.idle).map(Source::Ahead).map_err(no_thread)
    }

    /// What was read and not folded is read again.
    fn forget_read(&mut self) {
        self.source = None;
        self.pending.clear();
        self.held.clear();
    }

    /// Records that the reader rule skips have no commit to carry the cursor past them.
    fn pass_skipped(&mut self) {
        if let Some(source) = &self.source
            && self.pending.is_empty()
            && self.held.is_empty()
        {
            self.staged.cursors.clone_from(source.cursors());
        }
    }

    fn is_full(&self) -> bool {
        self.staged.commits - self.applied.commits >= self.limits.commits_max
            || self.rows.len() >= self.limits.keys_max
            || self.bytes >= self.limits.bytes_max
    }

    fn fold(&mut self, accepted: &Accepted) -> Result<(), FoldError> {
        let commit = &accepted.commit;
        let projection = self.projection.name();
        tracing::debug!(projection, command_id = %commit.command_id, position = %commit.position, "folding");
        let recorded = recorded(accepted);
        let below = self.store.now();
        let mut changes = CommitChanges::new(Layer { base: &below, staged: &self.rows });
        // Nothing of a failed commit is kept, however it failed, so a panic is an error like any other.
        let folded = catch_unwind(AssertUnwindSafe(|| self.projection.fold(&recorded, &mut changes)))
            .unwrap_or_else(|panic| Err(StoreError(format!("a panic: {}", panic_message(&*panic)))))
            .and_then(|()| changes.finish());
        let rows = folded.map_err(|source| FoldError {
            projection: self.projection.name(),
            position: commit.position,
            what: match commit.stream.as_str() {
                "" => "record of the partition".into(),
                stream => format!("{stream} version {}", recorded.stream_version),
            },
            source,
        })?;
        for (key, row) in rows {
            self.bytes += key.len() + row.as_ref().map_or(0, Vec::len);
            self.rows.insert(key, row);
        }
        let fresh = |ends: &BTreeMap<PartitionId, u64>| {
            accepted.offset >= ends.get(&commit.position.partition).copied().unwrap_or(0)
        };
        if self.began_at.as_ref().is_none_or(fresh) {
            self.erased |= commit.events().iter().any(|event| matches!(event, Event::CustomerErased(_)));
        }
        self.staged.cursors.insert(commit.position.partition, cursor_after(accepted));
        self.staged.commits += 1;
        self.staged.recorded_at = Some(commit.recorded_at);
        self.since.get_or_insert_with(Instant::now);
        Ok(())
    }
}

/// The last commit of each partition is not folded, as a planted bug has it.
#[cfg(feature = "planted-bugs")]
fn one_back(mut checkpoint: Checkpoint) -> Checkpoint {
    for cursor in checkpoint.cursors.values_mut().filter(|cursor| cursor.offset == cursor.admission.next_seq) {
        cursor.offset = cursor.offset.saturating_sub(1);
        cursor.admission.next_seq = cursor.offset;
    }
    checkpoint
}

/// What a panic said.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

/// Sleeps, but not on when it is time to stop.
pub(crate) fn pause(pause: Duration, step: Duration, stopping: &dyn Fn() -> bool) {
    let until = Instant::now() + pause;
    while !stopping() && Instant::now() < until {
        std::thread::sleep(step.min(pause));
    }
}

/// Where a reader stands right after a commit: a batch may end in the middle of what one read brought. Offsets are dense, so all
/// records before that are not commits were skipped.
fn cursor_after(accepted: &Accepted) -> Cursor {
    let (seq, epoch) = (accepted.commit.position.seq, accepted.commit.epoch);
    Cursor {
        offset: accepted.offset + 1,
        admission: Admission { next_seq: seq + 1, epoch },
        skipped: accepted.offset.saturating_sub(seq),
    }
}

fn recorded(accepted: &Accepted) -> Recorded<'_> {
    let commit = &accepted.commit;
    Recorded {
        position: commit.position,
        stream: &commit.stream,
        stream_version: match &commit.body {
            Body::Accepted(_) if !commit.stream.is_empty() => commit.stream_version_before + 1,
            _ => commit.stream_version_before,
        },
        command_id: if commit.is_writer_started() { "" } else { &commit.command_id },
        effective_at: commit.effective_at,
        recorded_at: commit.recorded_at,
        principal: &commit.actor.principal,
        channel: &commit.actor.channel,
        outcome: match &commit.body {
            Body::Accepted(events) => Ok(events),
            Body::Rejected(rejection) => Err(rejection),
            Body::WriterStarted { .. } => Ok(&[]),
        },
    }
}
