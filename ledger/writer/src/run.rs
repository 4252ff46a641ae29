//! The writer's thread: restore, claim, then blocks until told to stop.

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use subledger_log::{ClaimError, LedgerId, Log, PartitionId, PartitionWriter, ReadError};
use tokio::sync::oneshot;

use crate::{
    Clock, CommandError, ReferenceFollower, Submission,
    alone::{Desk, lock},
    block::BlockError,
    core::{Core, is_erasure},
    customers::Customers,
    due::DueRun,
    partition::{Answers, Job, Previewed, Shared, StartError},
    recorded::Place,
    snapshot,
};

/// Attempts to get a block into the history when others write to the partition too.
const BLOCK_ATTEMPTS_MAX: u32 = 3;
/// Commits between two lines of progress while restoring.
const PROGRESS_COMMITS: u64 = 250_000;

/// A partition's writer.
pub(crate) struct Writer {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) reference: Arc<ReferenceFollower>,
    pub(crate) clock: Arc<dyn Clock>,
    id: String,
    claims: u64,
    pub(crate) shared: Arc<Shared>,
    pub(crate) core: Core,
    /// None until claimed, and after an append that did not end well.
    pub(crate) claimed: Option<PartitionWriter>,
    pub(crate) due: DueRun,
    commits_since_snapshot: u64,
    /// The thread that writes a snapshot.
    snapshotting: Option<JoinHandle<()>>,
    /// A customer was erased since the last snapshot, which may have its names.
    pub(crate) forget_old_snapshots: bool,
}

impl Writer {
    /// Restores the state and claims the partition.
    pub(crate) fn start(
        log: Arc<dyn Log>,
        reference: Arc<ReferenceFollower>,
        clock: Arc<dyn Clock>,
        writer_id: &str,
        shared: Arc<Shared>,
    ) -> Result<Self, StartError> {
        let mut writer = Self::restore(log, reference, clock, writer_id, shared)?;
        writer.claim()?;
        Ok(writer)
    }

    /// The state from the snapshot, or nothing; [`Self::claim`] reads the rest.
    fn restore(
        log: Arc<dyn Log>,
        reference: Arc<ReferenceFollower>,
        clock: Arc<dyn Clock>,
        writer_id: &str,
        shared: Arc<Shared>,
    ) -> Result<Self, ReadError> {
        if !log.layout().contains(shared.partition) {
            return Err(ReadError::NoSuchPartition { partition: shared.partition });
        }
        let core = restored(&*log, &shared);
        Ok(Self {
            log,
            reference,
            clock,
            id: writer_id.to_owned(),
            claims: 0,
            shared,
            core,
            claimed: None,
            due: DueRun::default(),
            commits_since_snapshot: 0,
            snapshotting: None,
            forget_old_snapshots: false,
        })
    }

    pub(crate) fn partition(&self) -> PartitionId {
        self.shared.partition
    }

    pub(crate) fn sources(&self) -> Vec<((String, u32), u64)> {
        self.core.sources().collect()
    }

    /// Becomes the writer of the partition, with the state at its end.
    fn claim(&mut self) -> Result<(), StartError> {
        self.catch_up()?;
        self.claims += 1;
        let id = format!("{}/{}", self.id, self.claims);
        let (core, partition) = (&mut self.core, self.shared.partition);
        let (mut folded, mut erased) = (0, false);
        let tail = core.tail.clone();
        let writer = PartitionWriter::claim(&*self.log, partition, tail, &id, self.clock.now(), &mut |accepted| {
            core.fold(&accepted);
            erased |= is_erasure(&accepted);
            folded += 1;
            if folded % PROGRESS_COMMITS == 0 {
                tracing::info!(%partition, commits = folded, "restoring");
            }
            Ok(())
        })?;
        core.tail = writer.tail().clone();
        let admission = core.tail.cursor.admission;
        tracing::info!(%partition, next_seq = admission.next_seq, epoch = admission.epoch, folded, "writer ready");
        self.claimed = Some(writer);
        self.forget_old_snapshots |= erased;
        if let Err(error) = self.destroy_keys_again() {
            self.claimed = None;
            return Err(error);
        }
        if !self.knows_its_days() {
            // Another writer closed a day between our reading and our claim.
            if let Err(error) = self.catch_up() {
                self.claimed = None;
                return Err(error);
            }
        }
        self.commits_since_snapshot += folded;
        self.publish_tail();
        Ok(())
    }

    /// An old copy of the keys may be back; what a snapshot knows to be erased was not read again just now.
    fn destroy_keys_again(&self) -> Result<(), StartError> {
        let (partition, keys) = (self.partition(), self.log.keys());
        let mut erased = self.core.machine.customers().into_iter().flat_map(Customers::erased);
        erased
            .try_for_each(|customer| keys.destroy(partition, customer.as_str()))
            .map_err(|error| ClaimError::Fold { partition, what: error.to_string() }.into())
    }

    /// Waits until the catalog and partners are read to their end.
    fn catch_up(&self) -> Result<(), StartError> {
        let wait = self.shared.options.reference_wait;
        if self.reference.catch_up(wait)? {
            return Ok(());
        }
        let text = format!("the catalog and partners could not be read to their end within {} s", wait.as_secs());
        Err(ReadError::Unavailable { place: "the reference data".into(), source: text.into() }.into())
    }

    /// A day that this partition has marked as closed must be known, or a late fact could be charged into it.
    fn knows_its_days(&self) -> bool {
        let marked = self.core.machine.customers().and_then(Customers::closed);
        marked <= self.reference.view().reference.catalog.last_closed()
    }

    /// Forgets what may not be in the log, after an append that did not end well.
    pub(crate) fn reset(&mut self) {
        self.claimed = None;
        self.due = DueRun::default();
        #[cfg(feature = "planted-bugs")]
        if subledger_domain::planted::has(subledger_domain::planted::Bug::KeepStateOfLostBlock) {
            return;
        }
        self.core = restored(&*self.log, &self.shared);
    }

    /// Makes sure that it is the writer.
    pub(crate) fn ensure_claimed(&mut self) -> Result<(), StartError> {
        if self.claimed.is_some() {
            return Ok(());
        }
        std::thread::sleep(self.shared.options.claim_backoff);
        self.claim()
            .inspect_err(|error| tracing::error!(partition = %self.partition(), %error, "cannot become the writer"))
    }

    pub(crate) fn publish_tail(&self) {
        let admission = self.core.tail.cursor.admission;
        self.shared.next_seq.store(admission.next_seq, Ordering::Relaxed);
        self.shared.epoch.store(admission.epoch, Ordering::Relaxed);
    }

    /// Whether it can decide at once: it is the writer, and no day waits to be closed.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.claimed.is_some() && self.day_to_close().is_none()
    }

    /// Whether there is something to do besides deciding.
    pub(crate) fn has_more_to_do(&self) -> bool {
        self.is_snapshot_due() || !self.is_at_rest()
    }

    /// Does what was asked, and what is due; how long the commands took.
    fn turn(&mut self, work: Work) -> Duration {
        let began = Instant::now();
        let took = if work.batch.is_empty() {
            Duration::ZERO
        } else {
            self.answer(work.batch);
            began.elapsed()
        };
        for (submission, answer) in work.previews {
            let preview = self.preview(&submission);
            self.shared.went(1);
            // An asker that went away wants no answer.
            let _ = answer.send(preview);
        }
        if !work.stop {
            self.close_days();
        }
        self.begin_snapshot_if_due();
        took
    }

    fn answer(&mut self, batch: Vec<(Vec<Submission>, oneshot::Sender<Answers>)>) {
        let mut submissions = Vec::with_capacity(batch.iter().map(|(asked, _)| asked.len()).sum());
        let mut askers = Vec::with_capacity(batch.len());
        for (asked, answer) in batch {
            askers.push((asked.len(), answer));
            submissions.extend(asked);
        }
        let mut answers = self.decide_and_commit(&submissions).into_iter();
        if self.forget_old_snapshots {
            // Nobody is told that a customer is erased while a file has its names.
            self.snapshot();
        }
        self.shared.went(submissions.len());
        for (count, answer) in askers {
            // An asker that went away learns it by sending the command again.
            let _ = answer.send(answers.by_ref().take(count).collect());
        }
    }

    /// Decides, and answers once all is in the log: the outcomes in the order of the submissions.
    pub(crate) fn decide_and_commit(&mut self, submissions: &[Submission]) -> Answers {
        let all = |error: &CommandError| submissions.iter().map(|_| Err(error.clone())).collect();
        let mut last = String::new();
        for _ in 0..BLOCK_ATTEMPTS_MAX {
            if let Err(error) = self.ensure_claimed() {
                // A block that went before may be in the log; nothing of this attempt is.
                let reason = error.to_string();
                return all(&if last.is_empty() {
                    CommandError::Unavailable { reason }
                } else {
                    CommandError::Unknown { reason }
                });
            }
            match self.block(submissions) {
                Ok(answers) => return answers,
                Err(BlockError::NotWritten(error)) => {
                    tracing::error!(partition = %self.partition(), %error, "a block could not be written; its commands are refused");
                    self.reset();
                    return all(&CommandError::Unavailable { reason: error.to_string() });
                }
                Err(BlockError::Lost(error)) => {
                    tracing::warn!(partition = %self.partition(), %error, "the partition is claimed again to learn what was written");
                    last = error.to_string();
                    self.reset();
                }
            }
        }
        all(&CommandError::Unknown { reason: last })
    }

    pub(crate) fn committed(&mut self, commits: u64) {
        self.commits_since_snapshot += commits;
        self.publish_tail();
    }

    fn is_snapshot_due(&self) -> bool {
        self.forget_old_snapshots || self.commits_since_snapshot >= self.shared.options.snapshot_every_commits
    }

    /// Writes a snapshot after so many commits.
    #[cfg(feature = "testing")]
    pub(crate) fn snapshot_if_due(&mut self) {
        if self.is_snapshot_due() {
            self.snapshot();
        }
    }

    /// Begins to write a snapshot after so many commits, of the state as it is now, while commands go on being decided.
    fn begin_snapshot_if_due(&mut self) {
        let is_writing = self.snapshotting.as_ref().is_some_and(|writing| !writing.is_finished());
        if !self.is_snapshot_due() || is_writing || self.claimed.is_none() {
            return;
        }
        let Some(dir) = self.shared.options.snapshot_dir.clone().filter(|_| !self.forget_old_snapshots) else {
            return self.snapshot();
        };
        self.end_snapshot();
        let (core, ledger, commits) = (self.core.clone(), self.log.ledger_id(), self.commits_since_snapshot);
        let partition = self.partition();
        let writing = move || write_snapshot(&dir, ledger, partition, commits, &core);
        match std::thread::Builder::new().name(format!("snapshot {partition}")).spawn(writing) {
            Ok(thread) => (self.snapshotting, self.commits_since_snapshot) = (Some(thread), 0),
            Err(error) => tracing::warn!(%partition, %error, "no thread for a snapshot; trying again"),
        }
    }

    /// Waits for the snapshot that is being written, if one is.
    fn end_snapshot(&mut self) {
        if let Some(writing) = self.snapshotting.take()
            && writing.join().is_err()
        {
            tracing::error!(partition = %self.partition(), "writing a snapshot panicked");
        }
    }

    /// Writes a snapshot, if there is a place for it and anything new.
    pub(crate) fn snapshot(&mut self) {
        self.end_snapshot();
        let Some(dir) = self.shared.options.snapshot_dir.clone() else { return };
        if (self.commits_since_snapshot == 0 && !self.forget_old_snapshots) || self.claimed.is_none() {
            return;
        }
        if self.forget_old_snapshots {
            // Whatever becomes of the new one: the old one has names that are erased.
            if let Err(error) = snapshot::remove(&dir, self.partition()) {
                tracing::error!(partition = %self.partition(), dir = %dir.display(), %error, "a snapshot with erased names cannot be removed; trying again with the next command");
                return;
            }
            self.forget_old_snapshots = false;
        }
        write_snapshot(&dir, self.log.ledger_id(), self.partition(), self.commits_since_snapshot, &self.core);
        self.commits_since_snapshot = 0;
    }

    pub(crate) fn place(&self) -> Place<'_> {
        Place { log: &*self.log, partition: self.shared.partition }
    }
}

/// What a writer does between two looks into its queue.
#[derive(Default)]
struct Work {
    batch: Vec<(Vec<Submission>, oneshot::Sender<Answers>)>,
    previews: Vec<(Box<Submission>, oneshot::Sender<Previewed>)>,
    stop: bool,
}

impl Work {
    /// What waits, up to so many commands; `next` came first.
    fn take(mut next: Option<Job>, inbox: &mpsc::Receiver<Job>, commands_max: usize) -> Self {
        let (mut work, mut commands) = (Self::default(), 0);
        while let Some(job) = next {
            match job {
                Job::Commands(submissions, answer) => {
                    commands += submissions.len();
                    work.batch.push((submissions, answer));
                }
                Job::Preview(submission, answer) => work.previews.push((submission, answer)),
                Job::Wake => {}
                Job::Stop => work.stop = true,
            }
            let full = commands + work.previews.len() >= commands_max;
            next = if full { None } else { inbox.try_recv().ok() };
        }
        work
    }
}

/// The thread: until told to stop, or until nobody holds a handle.
pub(crate) fn run(shared: &Arc<Shared>, desk: &Desk, inbox: &mpsc::Receiver<Job>) {
    let _running = Running(Arc::clone(shared));
    let (mut stop, mut closing) = (false, true);
    while !stop {
        // With days to close, commands are looked for but not waited for.
        let first = if closing { inbox.try_recv().ok() } else { Some(inbox.recv().unwrap_or(Job::Stop)) };
        let mut desk = lock(desk);
        let Some(writer) = desk.as_mut() else {
            tracing::error!(partition = %shared.partition, "the writer panicked; it must be started again");
            return;
        };
        let work = Work::take(first, inbox, shared.options.block_commands_max);
        stop = work.stop;
        let took = writer.turn(work);
        closing = writer.day_to_close().is_some();
        drop(desk);
        if !stop {
            shared.options.brake.wait(took, &shared.stopping);
        }
    }
    if let Some(mut writer) = lock(desk).take() {
        writer.snapshot();
    }
}

/// Says that the writer no longer runs, also when its thread panics.
struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.store(false, Ordering::Relaxed);
    }
}

fn write_snapshot(dir: &Path, ledger: LedgerId, partition: PartitionId, commits: u64, core: &Core) {
    let began = Instant::now();
    match snapshot::write(dir, ledger, partition, core) {
        Ok(()) => tracing::info!(%partition, commits, milliseconds = began.elapsed().as_millis(), "snapshot written"),
        Err(error) => {
            tracing::warn!(%partition, dir = %dir.display(), %error, "no snapshot: a restart will take longer");
        }
    }
}

fn restored(log: &dyn Log, shared: &Shared) -> Core {
    let dir = shared.options.snapshot_dir.as_deref();
    let core = dir.and_then(|dir| snapshot::read(dir, log.ledger_id(), shared.partition));
    let core = core.filter(|core: &Core| {
        let readable = core.machine.customers().is_none_or(Customers::can_be_read);
        if !readable {
            tracing::warn!(partition = %shared.partition, "the snapshot has customers of another shape; reading the whole partition");
        }
        readable
    });
    let mut core = core.unwrap_or_else(|| Core::new(shared.partition.family));
    if let Some(customers) = core.machine.customers_mut() {
        customers.keep_ready(shared.options.ready_customers_max);
    }
    core
}
