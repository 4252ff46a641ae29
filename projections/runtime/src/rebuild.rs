//! A new store beside the one that is served: built from the beginning of the log, brought to the same position, compared, swapped.
//!
//! The caller's thread folds until the new store is within one batch of the end, then hands it over to the folding thread. That one
//! brings both to exactly the same positions (it is the only one that moves the live store, so this ends), and swaps between two
//! batches: what a reader has seen once is there after the swap as well.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, TryLockError, mpsc},
    time::{Duration, Instant},
};

use subledger_log::{PartitionId, Position, ends};

use crate::{
    compare::Difference,
    config::StoreOptions,
    error::{OpenError, RebuildError},
    handle::Shared,
    pump::Pump,
    snapshot::Digest,
    store::{Checkpoint, Identity, Store},
};

/// What a rebuild is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebuild {
    /// Compare the new rows with those that are served, at the same positions. Holds up folding for the time of reading both.
    pub compare: bool,
    /// Serve the new rows from then on. Otherwise they are thrown away: a check.
    pub swap: bool,
}

/// How far a rebuild is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RebuildProgress {
    /// Records read.
    pub done: u64,
    /// Records of the log, as of the last look.
    pub total: u64,
    /// Records a second, so far.
    pub per_second: u64,
    /// Time left at that rate; none before there is one.
    pub remaining: Option<Duration>,
}

/// What a rebuild did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RebuildReport {
    /// Commits folded.
    pub commits: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// How long until all was folded and written, before rows were compared.
    pub folded: Duration,
    /// Whether the rows were compared. Not if they were asked to be, but folding had failed: then there is no common position.
    pub compared: bool,
    /// Where they differ, if they do.
    pub difference: Option<Difference>,
    /// Whether the new rows are served now.
    pub swapped: bool,
    /// The digest of the new rows as they were compared or swapped; only if they were to be compared.
    pub digest: Option<Digest>,
    /// The last commit of each partition that they reflected then.
    pub reflects: Vec<Position>,
}

/// Whether nobody wants the rebuild any more. Asked after each batch, from the caller's thread and from the folding one.
pub type GivenUp = Arc<dyn Fn() -> bool + Send + Sync>;

/// A new store on its way to the folding thread.
pub(crate) struct Handover {
    pub(crate) pump: Pump,
    pub(crate) what: Rebuild,
    pub(crate) given_up: GivenUp,
    pub(crate) reply: mpsc::Sender<Result<Handed, RebuildError>>,
}

/// What became of it.
pub(crate) struct Handed {
    pub(crate) commits: u64,
    pub(crate) compared: bool,
    pub(crate) difference: Option<Difference>,
    pub(crate) digest: Option<Digest>,
    pub(crate) reflects: Vec<Position>,
}

/// Measures how far a fold from the beginning is.
pub(crate) struct Meter {
    began: Instant,
    first: u64,
}

impl Meter {
    pub(crate) fn new(from: &Checkpoint) -> Self {
        Self { began: Instant::now(), first: records(from) }
    }

    pub(crate) fn progress(&self, at: &Checkpoint, ends: &BTreeMap<PartitionId, u64>) -> RebuildProgress {
        let done = records(at);
        let total = ends.values().sum::<u64>().max(done);
        let elapsed_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let per_second = (done - self.first).saturating_mul(1_000) / elapsed_ms;
        let remaining = (total - done).checked_div(per_second).map(Duration::from_secs);
        RebuildProgress { done, total, per_second, remaining }
    }
}

fn records(checkpoint: &Checkpoint) -> u64 {
    checkpoint.cursors.values().map(|cursor| cursor.offset).sum()
}

/// The identity of what is folded here and now.
pub(crate) fn identity(log: &dyn subledger_log::Log, projection: &dyn subledger_fold::Projection) -> Identity {
    Identity {
        ledger: log.ledger_id(),
        layout: log.layout(),
        projection: projection.name().to_owned(),
        version: projection.version(),
    }
}

pub(crate) fn run(
    shared: &Arc<Shared>,
    what: Rebuild,
    given_up: &GivenUp,
    progress: &mut dyn FnMut(&RebuildProgress),
) -> Result<RebuildReport, RebuildError> {
    let _only = match shared.rebuilding.try_lock() {
        Ok(guard) => guard,
        // A panic in a progress callback leaves nothing behind but files, which go at the next start.
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => return Err(RebuildError::AlreadyRunning { projection: shared.name() }),
    };
    let began = Instant::now();
    let path = shared.home.next()?;
    tracing::info!(projection = shared.name(), path = %path.display(), ?what, "rebuilding beside the rows in use");
    let result = build(shared, &path, given_up, progress).and_then(|pump| {
        let folded = began.elapsed();
        hand_over(shared, &path, pump, what, given_up.clone()).map(|handed| (handed, folded))
    });
    shared.set_rebuild(None);
    match result {
        Ok((handed, folded)) => {
            let report = RebuildReport {
                commits: handed.commits,
                elapsed: began.elapsed(),
                folded,
                compared: handed.compared,
                difference: handed.difference,
                swapped: what.swap,
                digest: handed.digest,
                reflects: handed.reflects,
            };
            if let Some(difference) = &report.difference {
                tracing::error!(projection = shared.name(), %difference, "rebuilt rows differ from those that were served");
            }
            tracing::info!(projection = shared.name(), commits = report.commits, elapsed = ?report.elapsed, "rebuilt");
            if !what.swap {
                shared.home.discard(&path);
            }
            Ok(report)
        }
        Err(error) => {
            tracing::warn!(projection = shared.name(), %error, "the rebuild was given up; the rows in use stay");
            shared.home.discard(&path);
            Err(error)
        }
    }
}

/// Folds until less than a batch is missing, and writes it.
fn build(
    shared: &Arc<Shared>,
    path: &Path,
    given_up: &GivenUp,
    progress: &mut dyn FnMut(&RebuildProgress),
) -> Result<Pump, RebuildError> {
    let limits = shared.config.limits;
    let identity = identity(&*shared.log, &*shared.projection);
    let live = shared.config.store;
    // Whoever began it waits for its end, and under load it would otherwise come nowhere near.
    let options = StoreOptions { gives_way: false, memory_bytes: live.rebuild_memory_bytes, ..live };
    let store = Arc::new(Store::open(path, &identity, &options)?);
    let mut pump = Pump::new(shared.log.clone(), shared.projection.clone(), store, limits)?;
    pump.read_ahead(true);
    let meter = Meter::new(pump.applied());
    let mut end = ends(&*shared.log, shared.log.layout().all())?;
    loop {
        let folded = pump.next_batch_patiently(None, &|| shared.stopping() || given_up());
        if given_up() {
            return Err(RebuildError::GivenUp { projection: shared.name() });
        }
        if folded? {
            pump.apply()?;
            let at = meter.progress(pump.applied(), &end);
            shared.set_rebuild(Some(at));
            progress(&at);
        }
        let at = meter.progress(pump.applied(), &end);
        if at.total - at.done <= limits.commits_max {
            end = ends(&*shared.log, shared.log.layout().all())?;
            let at = meter.progress(pump.applied(), &end);
            if at.total - at.done <= limits.commits_max {
                progress(&at);
                // The bulk goes to disk here; the folding thread has little left to write.
                pump.store().flush()?;
                pump.store().keep_in_memory(live.memory_bytes);
                pump.read_ahead(false);
                return Ok(pump);
            }
        }
    }
}

fn hand_over(
    shared: &Shared,
    path: &Path,
    pump: Pump,
    what: Rebuild,
    given_up: GivenUp,
) -> Result<Handed, RebuildError> {
    shared.home.sync(path).map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
    let (reply, replies) = mpsc::channel();
    shared.handovers.send(Handover { pump, what, given_up, reply }).map_err(|_| RebuildError::Stopped)?;
    replies.recv().map_err(|_| RebuildError::Stopped)?
}
