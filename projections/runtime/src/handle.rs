//! What everybody but the folding thread has of a projection.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    thread::Thread,
    time::{Duration, Instant},
};

use subledger_fold::{Projection, Rows, StoreError};
use subledger_log::{Log, PartitionId, Position};
use tokio::sync::watch;

use crate::{
    config::Config,
    error::{QueryFailed, RebuildError, WaitError},
    home::Home,
    pump::NextSeqs,
    rebuild::{self, GivenUp, Handover, Rebuild, RebuildProgress, RebuildReport},
    snapshot::{Digest, Snapshot},
    store::{Checkpoint, Store},
};

/// What a projection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not caught up with the log since the start: folding a new store from the beginning, or what came while it was stopped. Rows
    /// are those of the positions told, perhaps far behind; not for serving yet.
    Rebuilding,
    /// Folding what comes.
    Running,
    /// The log cannot be read for now; trying again.
    Retrying,
    /// A commit could not be folded, or rows could not be written. Rows stay as they were, and are served.
    Failed,
    /// Stopped.
    Stopped,
}

/// What a projection is doing, and how well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// What it is doing.
    pub state: State,
    /// Why it is not running, if something is wrong.
    pub error: Option<String>,
    /// How far a rebuild is: the first one, or one beside the rows that are served.
    pub rebuild: Option<RebuildProgress>,
}

/// How far the rows are behind the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Records that are not folded yet.
    pub records: u64,
    /// How old the rows are; zero if nothing is left to fold.
    pub age: Duration,
}

/// An answer with what it reflects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read<T> {
    /// The answer.
    pub value: T,
    /// The last commit of each partition that it reflects, and not one more.
    pub reflects: Arc<[Position]>,
}

/// What is published after each batch.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    pub(crate) next: Arc<NextSeqs>,
    pub(crate) status: Status,
    pub(crate) lag: Lag,
}

/// What the folding thread and the handles share.
pub(crate) struct Shared {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) projection: Arc<dyn Projection>,
    pub(crate) config: Config,
    pub(crate) home: Home,
    /// The rows that are served.
    pub(crate) live: RwLock<Arc<Store>>,
    pub(crate) progress: watch::Sender<Progress>,
    pub(crate) stop: AtomicBool,
    /// How many wait for positions.
    pub(crate) waiting: AtomicUsize,
    /// Who folds; none before it begins.
    pub(crate) folding: OnceLock<Thread>,
    pub(crate) rebuilding: Mutex<()>,
    pub(crate) handovers: mpsc::Sender<Handover>,
    /// Erasures that the rows were told of since the start.
    pub(crate) erasures: AtomicU64,
    /// Whether rows may have names of an erased customer.
    pub(crate) forgetting: AtomicBool,
    /// Whether a thread folds them again.
    pub(crate) forgetter: AtomicBool,
}

/// Somebody who waits for positions.
struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    /// From now on nothing gathers.
    fn begin(shared: &'a Shared) -> Self {
        shared.waiting.fetch_add(1, Ordering::SeqCst);
        shared.wake();
        Self(shared)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Shared {
    /// Ends what gathers.
    fn wake(&self) {
        if let Some(thread) = self.folding.get() {
            thread.unpark();
        }
    }

    /// Whether anybody waits for positions.
    pub(crate) fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    pub(crate) fn name(&self) -> &'static str {
        self.projection.name()
    }

    pub(crate) fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn set_state(&self, state: State, error: Option<String>) {
        self.progress.send_if_modified(|progress| {
            let changed = progress.status.state != state || progress.status.error != error;
            progress.status.state = state;
            progress.status.error = error;
            changed
        });
    }

    pub(crate) fn set_rebuild(&self, rebuild: Option<RebuildProgress>) {
        self.progress.send_modify(|progress| progress.status.rebuild = rebuild);
    }

    /// Tells those who wait. After the rows can be read, never before.
    pub(crate) fn publish(&self, checkpoint: &Checkpoint) {
        let next: NextSeqs = checkpoint.next_seqs().collect();
        self.progress.send_modify(|progress| progress.next = Arc::new(next));
    }
}

/// A projection, for reading and steering. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
}

impl Handle {
    /// The projection's name.
    pub fn name(&self) -> &'static str {
        self.shared.name()
    }

    /// The last commit of each partition that the rows reflect.
    pub fn positions(&self) -> Vec<Position> {
        let progress = self.shared.progress.borrow();
        let last =
            |(&partition, &next): (&PartitionId, &u64)| next.checked_sub(1).map(|seq| Position { partition, seq });
        progress.next.iter().filter_map(last).collect()
    }

    /// What it is doing.
    pub fn status(&self) -> Status {
        self.shared.progress.borrow().status.clone()
    }

    /// Waits until the state is not `seen` any more, and tells the new status.
    pub async fn changed(&self, seen: State) -> Status {
        let mut progress = self.shared.progress.subscribe();
        match progress.wait_for(|progress| progress.status.state != seen).await {
            Ok(progress) => progress.status.clone(),
            // Cannot happen while this handle holds the sender.
            Err(_) => self.status(),
        }
    }

    /// Whether the rows are being folded again because a customer was erased.
    pub fn is_forgetting(&self) -> bool {
        self.shared.forgetting.load(Ordering::SeqCst)
    }

    /// How far the rows are behind the log, as of the last look at it ([`crate::Limits::lag_every`]).
    pub fn lag(&self) -> Lag {
        self.shared.progress.borrow().lag
    }

    /// Waits until the rows reflect every position given, or says which one is missing at the deadline.
    pub async fn wait_for(&self, wanted: &[Position], deadline: Instant) -> Result<(), WaitError> {
        let mut progress = self.shared.progress.subscribe();
        let mut waiting = None;
        loop {
            let missing = {
                let progress = progress.borrow_and_update();
                let Some(missing) = missing(&progress.next, wanted)? else { return Ok(()) };
                if matches!(progress.status.state, State::Failed | State::Stopped) {
                    let error = progress.status.error.clone().unwrap_or_else(|| "it was stopped".into());
                    return Err(WaitError::NotFolding { projection: self.name(), missing, error });
                }
                missing
            };
            waiting.get_or_insert_with(|| Waiting::begin(&self.shared));
            if tokio::time::timeout_at(deadline.into(), progress.changed()).await.is_err() {
                return Err(WaitError::Timeout { projection: self.name(), missing });
            }
        }
    }

    /// Reads rows together with the positions they reflect. Blocks for as long as `query` takes. What is folded meanwhile is not seen, and
    /// waits for nothing; the rows of that moment are kept until then, so a query reads a bounded page.
    pub fn read<T, E>(&self, query: impl FnOnce(&dyn Rows) -> Result<T, E>) -> Result<Read<T>, E> {
        let rows = self.snapshot();
        Ok(Read { value: query(&rows)?, reflects: Arc::clone(rows.reflects()) })
    }

    fn snapshot(&self) -> Snapshot {
        self.shared.live.read().unwrap_or_else(PoisonError::into_inner).snapshot()
    }

    /// [`Self::read`] for async callers: on a thread that may block.
    pub async fn query<T: Send + 'static, E: Send + 'static>(
        &self,
        query: impl FnOnce(&dyn Rows) -> Result<T, E> + Send + 'static,
    ) -> Result<Read<T>, QueryFailed<E>> {
        let handle = self.clone();
        match tokio::task::spawn_blocking(move || handle.read(query)).await {
            Ok(read) => read.map_err(QueryFailed::Query),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(QueryFailed::Cancelled),
        }
    }

    /// [`Self::query`] of a few rows: on the caller's own thread, which is less than half of the work, if all of them are in memory. Else
    /// it begins again on one that may wait for the disk.
    pub async fn query_few<T: Send + 'static, E: Send + 'static>(
        &self,
        query: impl Fn(&dyn Rows) -> Result<T, E> + Send + 'static,
    ) -> Result<Read<T>, QueryFailed<E>> {
        match self.read_at_hand(&query) {
            Some(read) => read.map_err(QueryFailed::Query),
            None => self.query(query).await,
        }
    }

    /// None if it needs what is not in memory.
    fn read_at_hand<T, E>(&self, query: impl Fn(&dyn Rows) -> Result<T, E>) -> Option<Result<Read<T>, E>> {
        let rows = self.shared.live.read().unwrap_or_else(PoisonError::into_inner).at_hand();
        let answer = query(&rows);
        let read = |value| Read { value, reflects: Arc::clone(rows.reflects()) };
        (!rows.missed()).then(|| answer.map(read))
    }

    /// The digest of all rows, with the positions they reflect: equal positions must have equal digests in every process. Reads
    /// everything. Blocks.
    pub fn digest(&self) -> Result<Read<Digest>, StoreError> {
        let rows = self.snapshot();
        Ok(Read { value: rows.digest()?, reflects: Arc::clone(rows.reflects()) })
    }

    /// Bytes on disk.
    pub fn size_on_disk(&self) -> Result<u64, StoreError> {
        self.shared.live.read().unwrap_or_else(PoisonError::into_inner).size_on_disk()
    }

    /// Folds the whole log again into a store beside the one that is served, tells how far it is after each batch, then compares and
    /// swaps as asked. Blocks until done; the rows are served and kept up to date all the while, and are never older after the swap.
    pub fn rebuild(
        &self,
        what: Rebuild,
        progress: &mut dyn FnMut(&RebuildProgress),
    ) -> Result<RebuildReport, RebuildError> {
        let wanted: GivenUp = Arc::new(|| false);
        rebuild::run(&self.shared, what, &wanted, progress)
    }

    /// [`Self::rebuild`], unless it is given up meanwhile: then nothing has changed.
    pub fn rebuild_unless(
        &self,
        given_up: &GivenUp,
        what: Rebuild,
        progress: &mut dyn FnMut(&RebuildProgress),
    ) -> Result<RebuildReport, RebuildError> {
        rebuild::run(&self.shared, what, given_up, progress)
    }

    /// Asks the folding thread to stop after its batch. Reads go on.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.wake();
    }

    /// The directory it lives in.
    pub fn dir(&self) -> &Path {
        &self.shared.config.dir
    }
}

fn missing(next: &BTreeMap<PartitionId, u64>, wanted: &[Position]) -> Result<Option<Position>, WaitError> {
    for position in wanted {
        match next.get(&position.partition) {
            None => return Err(WaitError::NoSuchPartition { partition: position.partition }),
            Some(&next) if position.seq >= next => return Ok(Some(*position)),
            Some(_) => {}
        }
    }
    Ok(None)
}
