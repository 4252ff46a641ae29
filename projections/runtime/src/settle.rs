//! From memory to runs, and from many runs to fewer, on a thread of the store's own: folding and reading go on meanwhile.
//!
//! Rows that are folded stay in memory until there are enough of them ([`crate::StoreOptions::memory_bytes`]); then they become a run of
//! level 0. [`FAN`] runs of a level become one of the next when it is quiet, and more while it is not; so a row is written once for each
//! level, however many rows there are and whatever their keys, and a read looks in a few runs of each.
//!
//! A run is on disk before the store names it, and is named in one batch with the place in the log that it leads to. What is not named is
//! no part of the store: a crash at any point leaves the rows of some position, whole.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use subledger_fold::StoreError;
use subledger_log::Position;

use crate::{
    merge::{Cursor, Source as _, merge},
    packed::Packed,
    pump::panic_message,
    run::{Blocks, Run, RunInfo, RunWriter, failed},
    stage::META,
    store::{CHECKPOINT_KEY, Checkpoint, RUNS_KEY, encode},
};

/// Runs of a level that become one.
const FAN: usize = 12;
/// Runs of a level that become one even while many rows come: merging takes time from folding them.
const FAN_BUSY: usize = 2 * FAN;
/// How long no rows may have come for it to be quiet.
const QUIET: Duration = Duration::from_secs(1);
/// How long writing may take before it is woken.
pub(crate) const WAKE_EVERY: Duration = Duration::from_secs(5);
/// What is written to wake it.
const WAKE_KEY: [u8; 2] = [META, b'w'];
/// Rows that are merged between two looks whether rows in memory wait.
const LOOK_EVERY_ROWS: u64 = 4_096;

/// Which runs there are, as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Runs {
    /// The number of the next run.
    pub(crate) next: u32,
    /// The newest first.
    pub(crate) runs: Vec<RunInfo>,
}

/// Rows that are on their way to a run.
pub(crate) struct Frozen {
    /// The newest first.
    pub(crate) rows: Vec<Arc<Packed>>,
    pub(crate) checkpoint: Arc<Checkpoint>,
}

/// Everything there is at one moment. Never changed itself, but replaced.
#[derive(Clone)]
pub(crate) struct Layers {
    /// What was changed lately, the newest first.
    pub(crate) recent: Vec<Arc<Packed>>,
    /// When the first of it came.
    pub(crate) since: Option<Instant>,
    /// What all of it reflects.
    pub(crate) checkpoint: Arc<Checkpoint>,
    /// The same, as readers are told.
    pub(crate) reflects: Arc<[Position]>,
    pub(crate) frozen: Option<Arc<Frozen>>,
    /// The newest first.
    pub(crate) runs: Vec<Arc<Run>>,
}

/// What the thread has to know.
#[derive(Default)]
struct Work {
    next_run: u32,
    /// Runs that were merged, and that somebody may still read.
    retired: Vec<Arc<Run>>,
    /// When rows were handed over last.
    handed_over: Option<Instant>,
    stop: bool,
    failed: Option<String>,
}

impl Work {
    /// Runs of a level that are worth merging now.
    fn fan(&self) -> usize {
        if self.handed_over.is_some_and(|at| at.elapsed() < QUIET) { FAN_BUSY } else { FAN }
    }
}

/// What is below the rows in memory.
pub(crate) struct Disk {
    pub(crate) tree: Blocks,
    layers: RwLock<Arc<Layers>>,
    work: Mutex<Work>,
    bell: Condvar,
}

impl Disk {
    /// Opens the runs, and removes what a crash left of others.
    pub(crate) fn open(tree: Blocks, runs: &Runs, checkpoint: Checkpoint) -> Result<Self, StoreError> {
        let found = tree.runs_found()?;
        for run in found.iter().filter(|id| runs.runs.iter().all(|named| named.id != **id)) {
            tree.remove_run(*run)?;
        }
        let next_run = found.last().map_or(runs.next, |last| runs.next.max(last.saturating_add(1)));
        let runs = runs.runs.iter().map(|info| Run::open(&tree, *info).map(Arc::new)).collect::<Result<_, _>>()?;
        let reflects = checkpoint.positions().into();
        let checkpoint = Arc::new(checkpoint);
        let layers = Layers { recent: Vec::new(), since: None, checkpoint, reflects, frozen: None, runs };
        Ok(Self {
            tree,
            layers: RwLock::new(Arc::new(layers)),
            work: Mutex::new(Work { next_run, ..Work::default() }),
            bell: Condvar::new(),
        })
    }

    /// As it is now.
    pub(crate) fn layers(&self) -> Arc<Layers> {
        self.layers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        // Nothing here is left half done by a panic.
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replace(&self, change: impl FnOnce(&mut Layers)) {
        let mut layers = self.layers.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut layers));
    }

    /// An error if rows could not be written: then none are accepted any more.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        self.work().failed.clone().map_or(Ok(()), |what| Err(StoreError(what)))
    }

    /// Shows rows that were changed, and the place in the log that they lead to. Only one thread does.
    pub(crate) fn show(&self, recent: Vec<Arc<Packed>>, checkpoint: &Checkpoint) {
        let (checkpoint, reflects) = (Arc::new(checkpoint.clone()), checkpoint.positions().into());
        self.replace(|layers| {
            layers.since.get_or_insert_with(Instant::now);
            (layers.recent, layers.checkpoint, layers.reflects) = (recent, checkpoint, reflects);
        });
    }

    /// Hands what was changed lately over to be written. Nothing else may be on its way ([`Self::wait`]).
    pub(crate) fn freeze(&self) {
        self.replace(|layers| {
            if layers.since.take().is_some() {
                let rows = std::mem::take(&mut layers.recent);
                layers.frozen = Some(Arc::new(Frozen { rows, checkpoint: Arc::clone(&layers.checkpoint) }));
            }
        });
        // With the lock held, so that the thread is not between its look and its wait.
        self.work().handed_over = Some(Instant::now());
        self.bell.notify_all();
    }

    /// Waits until what was handed over is written.
    pub(crate) fn wait(this: &Arc<Self>) -> Result<(), StoreError> {
        let mut work = this.work();
        loop {
            if let Some(what) = &work.failed {
                return Err(StoreError(what.clone()));
            }
            if this.layers().frozen.is_none() {
                return Ok(());
            }
            let (guard, waited) = this.bell.wait_timeout(work, WAKE_EVERY).unwrap_or_else(PoisonError::into_inner);
            work = guard;
            if waited.timed_out() {
                wake(this);
            }
        }
    }

    pub(crate) fn stop(&self) {
        self.work().stop = true;
        self.bell.notify_all();
    }

    fn stopping(&self) -> bool {
        self.work().stop
    }

    /// The thread. What it wrote is on disk when it ends.
    pub(crate) fn run(&self) {
        self.work_on();
        if let Err(error) = self.tree.db.flush() {
            tracing::warn!(%error, "the last rows are not on disk, and will be folded again");
        }
    }

    fn work_on(&self) {
        while self.wait_for_work() {
            let done = catch_unwind(AssertUnwindSafe(|| self.turn()))
                .unwrap_or_else(|panic| Err(StoreError(format!("writing rows panicked: {}", panic_message(&*panic)))));
            if let Err(error) = done {
                self.work().failed = Some(error.0);
                self.bell.notify_all();
                return;
            }
        }
    }

    /// False when it is time to end.
    fn wait_for_work(&self) -> bool {
        let mut work = self.work();
        loop {
            if work.stop {
                return false;
            }
            let layers = self.layers();
            if layers.frozen.is_some() || to_merge(&layers.runs, work.fan()).is_some() {
                return true;
            }
            work = if to_merge(&layers.runs, FAN).is_some() {
                self.bell.wait_timeout(work, QUIET).unwrap_or_else(PoisonError::into_inner).0
            } else {
                self.bell.wait(work).unwrap_or_else(PoisonError::into_inner)
            };
        }
    }

    fn turn(&self) -> Result<(), StoreError> {
        self.write_frozen()?;
        let fan = self.work().fan();
        if let Some(runs) = to_merge(&self.layers().runs, fan) {
            self.merge(&runs)?;
        }
        self.remove_retired()
    }

    fn new_run(&self) -> u32 {
        let mut work = self.work();
        work.next_run += 1;
        work.next_run - 1
    }

    /// Writes what was handed over, if anything was.
    fn write_frozen(&self) -> Result<(), StoreError> {
        let Some(frozen) = self.layers().frozen.clone() else { return Ok(()) };
        let rows_max = frozen.rows.iter().map(|rows| rows.len() as u64).sum();
        let mut writer = RunWriter::new(&self.tree, self.new_run(), 0, rows_max);
        let mut sources: Vec<_> = frozen.rows.iter().map(|rows| rows.whole()).collect();
        merge(&mut sources, false, |key, at| writer.add(key, at.row()).map(|()| true))?;
        let run = writer.finish()?;
        let mut runs = self.layers().runs.clone();
        if run.info.rows > 0 {
            runs.insert(0, Arc::new(run));
        }
        self.name(runs, Some(&frozen.checkpoint))
    }

    /// Makes the runs those of the store; with the place in the log they lead to, if they have what was handed over. Only this thread
    /// changes them, but rows may be handed over at any moment.
    fn name(&self, runs: Vec<Arc<Run>>, checkpoint: Option<&Checkpoint>) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        let named = Runs { next: self.work().next_run, runs: runs.iter().map(|run| run.info).collect() };
        batch.insert(&RUNS_KEY, encode(&named)?);
        if let Some(checkpoint) = checkpoint {
            batch.insert(&CHECKPOINT_KEY, encode(checkpoint)?);
        }
        self.tree.db.apply_batch(batch).map_err(failed)?;
        self.tree.db.flush().map_err(failed)?;
        self.replace(|layers| {
            layers.runs = runs;
            if checkpoint.is_some() {
                layers.frozen = None;
            }
        });
        let _work = self.work();
        self.bell.notify_all();
        Ok(())
    }

    /// Makes one run of several that follow each other.
    fn merge(&self, old: &[Arc<Run>]) -> Result<(), StoreError> {
        let oldest = self.layers().runs.last().map(|run| run.info.id);
        let to_the_end = old.last().map(|run| run.info.id) == oldest;
        let level = old.iter().map(|run| run.info.level).max().unwrap_or_default().saturating_add(1);
        let rows_max = old.iter().map(|run| run.info.rows).sum();
        let mut writer = RunWriter::new(&self.tree, self.new_run(), level, rows_max);
        let cursors = old.iter().map(|run| Cursor::whole(&self.tree, Arc::clone(run)));
        let mut sources = cursors.collect::<Result<Vec<_>, _>>()?;
        let (mut read, mut stopped) = (0_u64, false);
        merge(&mut sources, false, |key, at| {
            let row = at.row();
            // Below the oldest run is nothing to be taken away.
            if row.is_some() || !to_the_end {
                writer.add(key, row)?;
            }
            read += 1;
            if read.is_multiple_of(LOOK_EVERY_ROWS) {
                self.write_frozen()?;
                stopped = self.stopping();
            }
            Ok(!stopped)
        })?;
        if stopped {
            return Ok(());
        }
        let run = writer.finish()?;
        let mut runs = self.layers().runs.clone();
        let is_old = |run: &Arc<Run>| old.iter().any(|old| Arc::ptr_eq(old, run));
        let at = runs.iter().position(is_old).unwrap_or_default();
        runs.retain(|run| !is_old(run));
        if run.info.rows > 0 {
            runs.insert(at, Arc::new(run));
        }
        self.name(runs, None)?;
        self.work().retired.extend(old.iter().cloned());
        Ok(())
    }

    /// Removes merged runs that nobody reads any more.
    fn remove_retired(&self) -> Result<(), StoreError> {
        let unread = {
            let mut work = self.work();
            let retired = std::mem::take(&mut work.retired);
            let (unread, read): (Vec<_>, Vec<_>) = retired.into_iter().partition(|run| Arc::strong_count(run) == 1);
            work.retired = read;
            unread
        };
        if unread.is_empty() {
            return Ok(());
        }
        unread.iter().try_for_each(|run| self.tree.remove_run(run.info.id))
    }
}

/// sled's flush (0.34.7) was once seen to sleep on although all was written. Any other write wakes it, so whoever has waited for long
/// makes one, on a thread of its own.
pub(crate) fn wake(disk: &Arc<Disk>) {
    let disk = Arc::clone(disk);
    let waking = std::thread::Builder::new().name("wake-settling".into()).spawn(move || {
        let written = disk.tree.db.insert(WAKE_KEY, &[]).and_then(|_| disk.tree.db.flush());
        if let Err(error) = written {
            tracing::warn!(%error, "rows are not being written");
        }
    });
    if let Err(error) = waking {
        tracing::warn!(%error, "rows are not being written, and there is no thread to wake their writer");
    }
}

/// The runs that should become one: all of the lowest level that has as many as `fan`.
fn to_merge(runs: &[Arc<Run>], fan: usize) -> Option<Vec<Arc<Run>>> {
    runs.chunk_by(|a, b| a.info.level == b.info.level).find(|level| level.len() >= fan).map(<[_]>::to_vec)
}
