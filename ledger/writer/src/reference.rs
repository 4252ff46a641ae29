//! Following the catalog and all partners: what decisions about customers refer to.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Condvar, Mutex, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use chrono::NaiveDate;
use subledger_domain::{
    Event, Reference,
    catalog::Catalog,
    partner::{self, Partners},
    position::Family,
};
use subledger_log::{Accepted, Body, Cursor, Follower, Log, PartitionId, Position, ReadError, ends};

/// How long the follower waits for news before it looks whether it shall stop.
const POLL: Duration = Duration::from_millis(200);
/// How long it waits after a failed read.
const RETRY: Duration = Duration::from_millis(500);

/// Reads that waiting takes at most without a thread.
#[cfg(feature = "testing")]
const STEPS_MAX: u32 = 8;

/// The reference data, and the positions it stands at.
#[derive(Clone, Debug, Default)]
pub struct ReferenceView {
    /// Catalog and partners.
    pub reference: Reference,
    /// Commits per stream, for `expected_version`.
    pub versions: BTreeMap<String, u64>,
    /// Where each partition stands.
    pub cursors: BTreeMap<PartitionId, Cursor>,
    /// What was published, in order, with the day it took effect: enough for the catalog of any day.
    published: Vec<(NaiveDate, Event)>,
    /// What partners are, in the same way; their money has read models of its own.
    accounts: Vec<(NaiveDate, Event)>,
}

impl ReferenceView {
    /// The last commit of each partition that has one.
    pub fn positions(&self) -> Vec<Position> {
        self.cursors
            .iter()
            .filter_map(|(&partition, cursor)| {
                cursor.admission.next_seq.checked_sub(1).map(|seq| Position { partition, seq })
            })
            .collect()
    }

    /// The catalog as it was published by the end of a day, UTC: what took effect later is not in it.
    pub fn catalog_on(&self, day: NaiveDate) -> Catalog {
        let mut catalog = Catalog::default();
        for (_, event) in self.published.iter().filter(|(on, _)| *on <= day) {
            catalog.evolve(event);
        }
        catalog
    }

    /// All partners as they were by the end of a day, UTC, but for their money.
    pub fn partners_on(&self, day: NaiveDate) -> Partners {
        let mut partners = Partners::default();
        for (_, event) in self.accounts.iter().filter(|(on, _)| *on <= day) {
            partners.evolve(event);
        }
        partners
    }

    fn fold(&mut self, accepted: &Accepted) {
        let commit = &accepted.commit;
        if !commit.stream.is_empty() && matches!(commit.body, Body::Accepted(_)) {
            self.versions.insert(commit.stream.clone(), commit.stream_version_before + 1);
        }
        for event in commit.events() {
            match commit.partition().family {
                Family::Catalog => {
                    self.reference.catalog.evolve(event);
                    if !matches!(event, Event::DayClosed(_)) {
                        self.published.push((commit.effective_at.date_naive(), event.clone()));
                    }
                }
                Family::Partners => {
                    self.reference.partners.evolve(event);
                    if !partner::is_money(event) {
                        self.accounts.push((commit.effective_at.date_naive(), event.clone()));
                    }
                }
                Family::Customers | Family::Access => {}
            }
        }
    }
}

/// Called whenever the view changed; false when it need not be called again.
pub(crate) type Subscriber = Box<dyn Fn() -> bool + Send>;

/// Keeps a [`ReferenceView`] up to date on a thread of its own. Shared by every writer and service of a process.
pub struct ReferenceFollower {
    log: Arc<dyn Log>,
    view: RwLock<ReferenceView>,
    /// Guards nothing but the wake-up of waiters.
    news: (Mutex<u64>, Condvar),
    subscribers: Mutex<Vec<Subscriber>>,
    stop: AtomicBool,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Without a thread: whoever waits reads.
    #[cfg(feature = "testing")]
    stepped: Option<Mutex<Follower>>,
}

impl ReferenceFollower {
    /// Reads everything there is, then follows.
    pub fn start(log: Arc<dyn Log>) -> Result<Arc<Self>, ReadError> {
        let (this, follower) = Self::read(log)?;
        let this = Arc::new(this);
        let runner = Arc::clone(&this);
        let thread = std::thread::Builder::new()
            .name("reference".into())
            .spawn(move || runner.run(follower))
            .map_err(|error| ReadError::Unavailable { place: "the reference thread".into(), source: error.into() })?;
        *this.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(this)
    }

    /// Reads everything there is, then follows when it is told to, or waited for.
    #[cfg(feature = "testing")]
    pub fn stepped(log: Arc<dyn Log>) -> Result<Arc<Self>, ReadError> {
        let (this, follower) = Self::read(log)?;
        Ok(Arc::new(Self { stepped: Some(Mutex::new(follower)), ..this }))
    }

    fn read(log: Arc<dyn Log>) -> Result<(Self, Follower), ReadError> {
        let layout = log.layout();
        let partitions: Vec<_> = layout.of(Family::Catalog).chain(layout.of(Family::Partners)).collect();
        let mut follower = Follower::from_start(&*log, partitions.iter().copied())?;
        let ends = ends(&*log, partitions.iter().copied())?;
        let mut view = ReferenceView::default();
        while !follower.reached(&ends) {
            follower.next(POLL)?.iter().for_each(|accepted| view.fold(accepted));
        }
        view.cursors = follower.cursors().clone();
        let this = Self {
            log,
            view: RwLock::new(view),
            news: (Mutex::new(0), Condvar::new()),
            subscribers: Mutex::new(Vec::new()),
            stop: AtomicBool::new(false),
            thread: Mutex::new(None),
            #[cfg(feature = "testing")]
            stepped: None,
        };
        Ok((this, follower))
    }

    fn run(&self, mut follower: Follower) {
        while !self.stop.load(Ordering::Relaxed) {
            if let Err(error) = self.follow(&mut follower, POLL) {
                tracing::error!(%error, "cannot follow the catalog and partners; trying again");
                std::thread::sleep(RETRY);
            }
        }
    }

    /// Reads once, waiting up to `wait` for news, and lets everybody know.
    fn follow(&self, follower: &mut Follower, wait: Duration) -> Result<(), ReadError> {
        let accepted = follower.next(wait)?;
        let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
        accepted.iter().for_each(|accepted| view.fold(accepted));
        if view.cursors != *follower.cursors() {
            view.cursors.clone_from(follower.cursors());
            drop(view);
            *self.news.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            self.news.1.notify_all();
            let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
            subscribers.retain(|subscriber| subscriber());
        }
        Ok(())
    }

    /// Reads once what is there. False if somebody is reading already, or there is no need.
    #[cfg(feature = "testing")]
    pub fn step(&self) -> Result<bool, ReadError> {
        let Some(follower) = &self.stepped else { return Ok(false) };
        let Ok(mut follower) = follower.try_lock() else { return Ok(false) };
        self.follow(&mut follower, Duration::ZERO)?;
        Ok(true)
    }

    pub(crate) fn subscribe(&self, subscriber: Subscriber) {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner).push(subscriber);
    }

    /// The data as it stands now. Hold it shortly: the follower waits.
    pub fn view(&self) -> RwLockReadGuard<'_, ReferenceView> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until everything in the log at the moment of the call is reflected. False if `wait` was too short.
    pub fn catch_up(&self, wait: Duration) -> Result<bool, ReadError> {
        let layout = self.log.layout();
        let ends = ends(&*self.log, layout.of(Family::Catalog).chain(layout.of(Family::Partners)))?;
        Ok(self.wait_until(wait, |view| {
            ends.iter().all(|(partition, &end)| view.cursors.get(partition).is_some_and(|cursor| cursor.offset >= end))
        }))
    }

    /// Waits until the commits named are reflected; positions of other families are not waited for.
    pub fn wait_for(&self, positions: &[Position], wait: Duration) -> bool {
        self.wait_until(wait, |view| {
            positions.iter().filter(|at| matches!(at.partition.family, Family::Catalog | Family::Partners)).all(
                |position| {
                    view.cursors.get(&position.partition).is_some_and(|cursor| cursor.admission.next_seq > position.seq)
                },
            )
        })
    }

    /// Waits until `ready` holds, at most `wait`.
    pub fn wait_until(&self, wait: Duration, ready: impl Fn(&ReferenceView) -> bool) -> bool {
        #[cfg(feature = "testing")]
        if self.stepped.is_some() {
            // A reader that is slow, or that somebody holds, is a wait that was too short.
            return (0..STEPS_MAX).any(|_| ready(&self.view()) || !matches!(self.step(), Ok(true)))
                && ready(&self.view());
        }
        let deadline = Instant::now() + wait;
        let mut news = self.news.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            // Checked under the lock that announcements take, so none is missed.
            if ready(&self.view()) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            news = self.news.1.wait_timeout(news, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Stops following. The view stays.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the reference thread panicked");
        }
    }
}
