//! Read models: processes that fold, with a store that a crash takes batches from.

use std::{sync::Arc, time::Duration};

use subledger_billing::BillingProjection;
use subledger_customer::CustomerProjection;
use subledger_fold::Projection;
use subledger_incentive::IncentiveProjection;
use subledger_log::{Log, sim::SimLog};
use subledger_projection_runtime::{
    Limits,
    stepped::{MemoryStore, SteppedProjection},
};

use super::{
    schedule::{self, Process, with},
    world::World,
};

/// How the error of a log that is away begins; anything else must not be.
const AWAY: &str = "cannot read from";

pub(super) struct Projector {
    pub(super) life: u64,
    pub(super) projection: Arc<dyn Projection>,
    store: Arc<MemoryStore>,
    /// None while an action has it, and before it starts.
    stepped: Option<SteppedProjection>,
    busy: bool,
}

impl Projector {
    /// One of each read model, and a second one of billing, which issues the same invoices.
    pub(super) fn all(log: &SimLog) -> Vec<Self> {
        let projections: [Arc<dyn Projection>; 4] = [
            Arc::new(BillingProjection),
            Arc::new(BillingProjection),
            Arc::new(CustomerProjection),
            Arc::new(IncentiveProjection),
        ];
        let begin = |projection| Self {
            life: 0,
            projection,
            store: Arc::new(MemoryStore::new(log)),
            stepped: None,
            busy: false,
        };
        projections.map(begin).into()
    }

    pub(super) fn is_billing(&self) -> bool {
        self.projection.name() == "billing"
    }

    pub(super) fn store(&self) -> &MemoryStore {
        &self.store
    }

    pub(super) fn unflushed(&self) -> usize {
        self.store.unflushed()
    }

    pub(super) fn is_free(&self) -> bool {
        !self.busy
    }

    /// What it staged is gone, with all but the first `kept` of the batches not flushed; or the whole store cannot be read any more.
    pub(super) fn kill(&mut self, kept: usize, lost: bool, log: &SimLog) {
        self.life += 1;
        self.stepped = None;
        self.busy = false;
        self.store = Arc::new(if lost { MemoryStore::new(log) } else { self.store.after_crash(kept) });
    }
}

pub(super) fn limits(batch_commits_max: u64) -> Limits {
    // A batch never ends because time passes, which nothing here repeats.
    Limits { commits_max: batch_commits_max, age_max: Duration::from_secs(3_600), ..Limits::default() }
}

/// Reads and folds once. False if the projector is busy, or died.
pub(super) fn turn(number: usize, flush: bool) -> bool {
    let taken = with(|world| {
        let life = world.life(Process::Projector(number));
        let (log, limits) = (world.log(life), limits(world.profile.batch_commits_max));
        let projector = &mut world.projectors[number];
        if projector.busy {
            return None;
        }
        projector.busy = true;
        Some((life, log, limits, projector.projection.clone(), projector.store.clone(), projector.stepped.take()))
    });
    let Some((life, log, limits, projection, store, stepped)) = taken else { return false };
    let done = schedule::alive(|| {
        let mut stepped = match stepped {
            Some(stepped) => stepped,
            None => {
                SteppedProjection::new(log, projection, store, limits).map_err(|error| (None, error.to_string()))?
            }
        };
        match stepped.turn() {
            Ok(()) => Ok(stepped),
            Err(what) => Err((Some(Box::new(stepped)), what)),
        }
    });
    with(|world| {
        world.read_log();
        let Some(done) = done.filter(|_| !world.is_dead(life)) else { return false };
        let (stepped, error) = match done {
            Ok(stepped) => (Some(stepped), None),
            Err((stepped, what)) => (stepped.map(|stepped| *stepped), Some(what)),
        };
        let projector = &mut world.projectors[number];
        projector.busy = false;
        if flush {
            projector.store.flush();
        }
        if let Some(stepped) = &stepped {
            let found = world.reflects(stepped);
            world.insist(found);
        }
        world.projectors[number].stepped = stepped;
        if let Some(what) = error.filter(|what| !what.starts_with(AWAY)) {
            world.violated(format!("projector {number}: {what}"));
        }
        true
    })
}

impl World {
    /// A reader that says that it reflects so many commits has read so many, of the same epoch.
    fn reflects(&self, stepped: &SteppedProjection) -> Result<(), String> {
        for (partition, cursor) in &stepped.checkpoint().cursors {
            let history = self.oracle.history(*partition);
            let next = cursor.admission.next_seq;
            if next > history.commits.len() as u64 {
                return Err(format!(
                    "a projector reflects {next} commits of {partition}, which has {}",
                    history.commits.len()
                ));
            }
            let last = next.checked_sub(1).and_then(|seq| history.commits.get(usize::try_from(seq).ok()?));
            if last.map_or(0, |commit| commit.epoch) != cursor.admission.epoch {
                return Err(format!(
                    "a projector is in epoch {} of {partition} after {last:?}",
                    cursor.admission.epoch
                ));
            }
        }
        Ok(())
    }
}

/// Folds the whole log, read in another order and applied in other batches.
pub(super) fn rebuilt(log: &SimLog, projection: Arc<dyn Projection>, batch: u64) -> Result<Arc<MemoryStore>, String> {
    let store = Arc::new(MemoryStore::new(log));
    let mut stepped = SteppedProjection::new(Arc::new(log.clone()), projection, Arc::clone(&store), limits(batch))
        .map_err(|error| error.to_string())?;
    while !is_current(log, &stepped)? {
        stepped.turn()?;
    }
    Ok(store)
}

fn is_current(log: &SimLog, stepped: &SteppedProjection) -> Result<bool, String> {
    for (partition, cursor) in &stepped.checkpoint().cursors {
        if cursor.offset < log.end(*partition).map_err(|error| error.to_string())? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a projector has folded everything there is.
pub(super) fn is_up_to_date(world: &World, number: usize) -> bool {
    let projector = &world.projectors[number];
    projector.stepped.as_ref().is_some_and(|stepped| is_current(&world.sim, stepped).unwrap_or(false))
}
