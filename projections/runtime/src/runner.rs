//! The thread that folds.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use subledger_fold::{Projection, StoreError};
use subledger_log::{Log, PartitionId, ReadError, ends};
use tokio::sync::watch;

use crate::{
    compare::compare_and_digest,
    config::{Config, OnStale},
    error::{OpenError, RebuildError, StartError},
    forget,
    handle::{Handle, Lag, Progress, Shared, State, Status},
    home::Home,
    pump::{NextSeqs, Pump, PumpError, panic_message, pause},
    rebuild::{Handed, Handover, Meter, Rebuild, RebuildProgress, identity},
    store::{Identity, Store},
    telemetry,
};

/// A running projection. Dropping it stops the thread and waits for it.
pub struct Runner {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Runner {
    /// Opens the projection's store, or makes it, and begins to fold from where it stands.
    pub fn start(log: Arc<dyn Log>, projection: Arc<dyn Projection>, config: Config) -> Result<Self, StartError> {
        telemetry::describe();
        let home = Home::open(&config.dir, config.store.lock_wait)?;
        let to_forget = home.is_to_forget();
        let store = Arc::new(open(&home, &identity(&*log, &*projection), &config)?);
        let pump = Pump::new(log.clone(), projection.clone(), store.clone(), config.limits)?;
        let checkpoint = pump.applied();
        let progress = Progress {
            next: Arc::new(checkpoint.next_seqs().collect()),
            status: Status { state: State::Rebuilding, error: None, rebuild: None },
            lag: Lag::default(),
        };
        let (handovers, requests) = mpsc::channel();
        let shared = Arc::new(Shared {
            live: RwLock::new(store),
            log,
            projection,
            config,
            home,
            progress: watch::Sender::new(progress),
            stop: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            folding: OnceLock::new(),
            rebuilding: Mutex::new(()),
            handovers,
            erasures: AtomicU64::new(0),
            forgetting: AtomicBool::new(to_forget),
            forgetter: AtomicBool::new(false),
        });
        if to_forget {
            forget::begin(&shared);
        }
        let name = format!("project-{}", shared.name());
        let handle = Handle { shared: shared.clone() };
        let meter = Some(Meter::new(pump.applied()));
        let folding = Folding {
            shared,
            requests,
            meter,
            ends: BTreeMap::new(),
            looked_at: None,
            current_at: None,
            applied_at: None,
        };
        let thread = thread::Builder::new().name(name).spawn(move || folding.run(pump)).map_err(StartError::Thread)?;
        Ok(Self { handle, thread: Some(thread) })
    }

    /// For reading and steering.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Stops folding after the batch, brings everything to disk and waits for that. Handles can still read; the directory is free
    /// for another runner when the last of them is gone.
    pub fn stop(mut self) {
        self.join();
    }

    fn join(&mut self) {
        self.handle.stop();
        if let Some(thread) = self.thread.take() {
            // The thread catches its own panics and reports them as its state.
            let _ = thread.join();
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.join();
    }
}

/// The current store; a new one if there is none, or none that can be continued.
fn open(home: &Home, identity: &Identity, config: &Config) -> Result<Store, OpenError> {
    let current = home.current();
    let old = current.as_ref().ok().cloned().flatten();
    let found = current.and_then(|path| path.map(|path| Store::open(&path, identity, &config.store)).transpose());
    match found {
        Ok(Some(store)) => return Ok(store),
        Ok(None) => {}
        Err(error) if config.on_stale == OnStale::Rebuild && error.may_rebuild() => {
            tracing::warn!(projection = identity.projection, %error, "folding the log again from its beginning");
        }
        Err(error) => return Err(error),
    }
    // The new store is the current one from the start: a crash while it is folded goes on from its checkpoint.
    let path = home.next()?;
    let store = Store::open(&path, identity, &config.store)?;
    home.sync(&path).and_then(|()| home.promote(&path)).map_err(|source| OpenError::Io { path, source })?;
    if let Some(old) = old {
        home.discard(&old);
    }
    Ok(store)
}

/// What the thread knows besides its pump.
struct Folding {
    shared: Arc<Shared>,
    requests: mpsc::Receiver<Handover>,
    /// Until it has caught up with the log for the first time.
    meter: Option<Meter>,
    /// Where the log ended when last looked.
    ends: BTreeMap<PartitionId, u64>,
    looked_at: Option<Instant>,
    /// When nothing was left to fold, for the last time.
    current_at: Option<Instant>,
    /// When a batch was applied after which nothing was left to fold.
    applied_at: Option<Instant>,
}

impl Folding {
    fn run(mut self, pump: Pump) {
        self.shared.folding.get_or_init(thread::current);
        self.shared.config.store.enter_thread();
        let ended = catch_unwind(AssertUnwindSafe(|| self.follow(pump)));
        match ended {
            Ok(()) => {
                let error = self.shared.progress.borrow().status.error.clone();
                self.shared.set_state(State::Stopped, error);
            }
            Err(panic) => self.fail(&format!("a panic: {}", panic_message(&*panic))),
        }
    }

    fn follow(&mut self, mut pump: Pump) {
        let limits = self.shared.config.limits;
        let mut retry = limits.retry_min;
        while !self.shared.stopping() {
            if let Ok(handover) = self.requests.try_recv() {
                pump = self.take_over(pump, handover, true);
            }
            match self.turn(&mut pump) {
                Ok(()) => retry = limits.retry_min,
                Err(PumpError::Read(error @ ReadError::Unavailable { .. })) => {
                    tracing::warn!(projection = self.shared.name(), %error, ?retry, "cannot read the log; trying again");
                    self.shared.set_state(State::Retrying, Some(error.to_string()));
                    pause(retry, limits.idle, &|| self.shared.stopping());
                    retry = (retry * 2).min(limits.retry_max);
                }
                Err(error) => {
                    self.fail(&error.to_string());
                    match self.wait_for_help(pump) {
                        Some(rebuilt) => pump = rebuilt,
                        None => return,
                    }
                }
            }
        }
        let last = self.apply(&mut pump).and_then(|()| pump.store().flush());
        if let Err(error) = last {
            self.fail(&error.to_string());
        }
    }

    /// Folds once, and keeps what was folded even if it ends badly.
    fn turn(&mut self, pump: &mut Pump) -> Result<(), PumpError> {
        if self.looked_at.is_none_or(|at| at.elapsed() >= self.shared.config.limits.lag_every) {
            self.ends = ends(&*self.shared.log, self.shared.log.layout().all())?;
            self.looked_at = Some(Instant::now());
            self.show_lag(pump);
        }
        self.gather();
        pump.turn(self.shared.config.limits.idle, &mut |pump| self.apply(pump))?;
        pump.store().settle()?;
        let way = self.meter.as_ref().map(|meter| meter.progress(pump.applied(), &self.ends));
        // Where less than a batch is left, commits come a few at a time.
        pump.read_ahead(way.is_some_and(|way| way.total - way.done > self.shared.config.limits.commits_max));
        self.show_state(way);
        Ok(())
    }

    /// Lets commits gather, unless somebody waits for them: who comes to wait wakes it.
    fn gather(&mut self) {
        let Some(applied_at) = self.applied_at.take() else { return };
        let left = self.shared.config.limits.gather.saturating_sub(applied_at.elapsed());
        if !left.is_zero() && !self.shared.is_awaited() {
            thread::park_timeout(left);
        }
    }

    /// Applies the staged batch: readers see all of it or nothing.
    fn apply(&mut self, pump: &mut Pump) -> Result<(), StoreError> {
        if !pump.is_staged() {
            return Ok(());
        }
        let erased = pump.take_erased();
        if erased {
            self.shared.note_erasure()?;
        }
        pump.store().make_room()?;
        self.applied_at = pump.is_current().then(Instant::now);
        let commits = pump.apply()?;
        if commits > 0 {
            telemetry::batch(self.shared.name(), commits);
        }
        // Whoever waits for the positions finds a lag that knows of them.
        self.show_lag(pump);
        self.shared.publish(pump.applied());
        if erased {
            forget::begin(&self.shared);
        }
        Ok(())
    }

    /// Shows how far it is on its way to where the log ended, if it has not been there yet.
    fn show_state(&mut self, way: Option<RebuildProgress>) {
        if let Some(way) = way.filter(|way| way.done < way.total) {
            self.shared.set_rebuild(Some(way));
            self.shared.set_state(State::Rebuilding, None);
            return;
        }
        if self.meter.take().is_some() {
            self.shared.set_rebuild(None);
        }
        self.shared.set_state(State::Running, None);
    }

    fn show_lag(&mut self, pump: &Pump) {
        let at = pump.applied();
        let behind = |(partition, &end): (&PartitionId, &u64)| {
            end.saturating_sub(at.cursors.get(partition).map_or(0, |cursor| cursor.offset))
        };
        let records = self.ends.iter().map(behind).sum();
        let age = if records == 0 {
            self.current_at = Some(Instant::now());
            Duration::ZERO
        } else {
            // The oldest commit not folded is not read yet. It is younger than the last one folded, and than the last moment at
            // which there was none.
            let now = (self.shared.config.clock)();
            let recorded = at.recorded_at.map(|at| (now - at).max(TimeDelta::zero()).to_std().unwrap_or_default());
            let idle = self.current_at.map(|at| at.elapsed());
            recorded.into_iter().chain(idle).min().unwrap_or_default()
        };
        let lag = Lag { records, age };
        self.shared.progress.send_if_modified(|progress| {
            progress.lag = lag;
            false
        });
        telemetry::lag(self.shared.name(), lag);
    }

    fn fail(&self, error: &str) {
        tracing::error!(
            projection = self.shared.name(),
            error,
            "folding has stopped; rows stay as they are and are still served. Mend the cause and restart, or rebuild"
        );
        self.shared.set_state(State::Failed, Some(error.to_owned()));
    }

    /// After a failure: a rebuilt store begins again. None when stopped.
    fn wait_for_help(&mut self, mut pump: Pump) -> Option<Pump> {
        while !self.shared.stopping() {
            let Ok(handover) = self.requests.recv_timeout(self.shared.config.limits.idle) else { continue };
            let swapped = handover.what.swap;
            pump = self.take_over(pump, handover, false);
            if swapped && self.shared.progress.borrow().status.state == State::Running {
                return Some(pump);
            }
        }
        None
    }

    /// Brings a rebuilt store to where the live one is, and does what was asked. The pump to go on with.
    fn take_over(&mut self, mut live: Pump, handover: Handover, folding: bool) -> Pump {
        let Handover { pump: mut rebuilt, what, given_up, reply } = handover;
        let done = self.meet(&mut live, &mut rebuilt, what, folding).and_then(|handed| {
            if given_up() {
                return Err(RebuildError::GivenUp { projection: self.shared.name() });
            }
            if what.swap {
                self.swap(&rebuilt)?;
            }
            Ok(handed)
        });
        let swapped = what.swap && done.is_ok();
        let erased = swapped && rebuilt.take_erased();
        let (pump, old) = if swapped { (rebuilt, live) } else { (live, rebuilt) };
        let replaced = old.store().path().to_owned();
        drop(old);
        if erased {
            // It read the customer's names before they were erased.
            match self.shared.note_erasure() {
                Ok(()) => forget::begin(&self.shared),
                Err(error) => {
                    tracing::error!(projection = self.shared.name(), %error, "rebuild this read model: it has names of an erased customer");
                }
            }
        }
        if swapped {
            self.shared.publish(pump.applied());
            self.meter = None;
            self.shared.set_state(State::Running, None);
            self.shared.home.discard(&replaced);
        }
        // Nobody to tell is nothing to mend: the rebuild's caller is gone.
        let _ = reply.send(done);
        pump
    }

    /// Folds on until both reflect the same positions, or at least until the rebuilt rows are not older than the live ones.
    fn meet(
        &mut self,
        live: &mut Pump,
        rebuilt: &mut Pump,
        what: Rebuild,
        folding: bool,
    ) -> Result<Handed, RebuildError> {
        let compared = what.compare && folding;
        if compared {
            let until: NextSeqs = rebuilt.applied().next_seqs().collect();
            self.drive(live, &until)?;
            self.apply(live)?;
        }
        let until: NextSeqs = live.applied().next_seqs().collect();
        self.drive(rebuilt, &until)?;
        rebuilt.apply()?;
        let (difference, digest) = if compared {
            let (difference, digest) = compare_and_digest(live.store(), rebuilt.store())?;
            (difference, Some(digest))
        } else if what.compare {
            (None, Some(rebuilt.store().digest()?))
        } else {
            (None, None)
        };
        let at = rebuilt.applied();
        Ok(Handed { commits: at.commits, compared, difference, digest, reflects: at.positions() })
    }

    fn drive(&mut self, pump: &mut Pump, until: &NextSeqs) -> Result<(), RebuildError> {
        let live = self.shared.live.read().unwrap_or_else(PoisonError::into_inner).path() == pump.store().path();
        while !pump.reached(until) {
            let shared = &self.shared;
            if pump.next_batch_patiently(Some(until), &|| shared.stopping())? {
                if live {
                    self.apply(pump)?;
                } else {
                    pump.apply()?;
                }
            }
        }
        Ok(())
    }

    fn swap(&self, rebuilt: &Pump) -> Result<(), RebuildError> {
        let path = rebuilt.store().path();
        rebuilt.store().flush()?;
        self.shared
            .home
            .sync(path)
            .and_then(|()| self.shared.home.promote(path))
            .map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
        *self.shared.live.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(rebuilt.store());
        Ok(())
    }
}
