//! An embedded ledger: its log, its reference data, its clock and a writer for each partition, in one process.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use subledger_log::{LedgerId, Log, durable, embedded::EmbeddedLog, personal::KeyStore};
use subledger_writer::{Brake, Clock, Options, PartitionService, ReferenceFollower};

use crate::{
    clock::{TestClock, WallClock},
    config::Config,
    ids,
    router::LocalRouter,
};

/// The file beside the log that says what cannot be changed later.
const SETTINGS_FILE: &str = "ledger.toml";
/// How it begins, so that it is never empty.
const SETTINGS_BEGIN: &str = "# Settled when the ledger was made. Do not change.\n";
/// What to do if a ledger has none.
const SETTINGS_LOST: &str = "It says which clock the ledger was made with. Put it back from a copy of the data directory, or write it again: one \
                             line, `# wall clock`, or for a ledger with a test clock `test_clock_start = \"2018-01-13\"` with its first day";

/// What a ledger keeps about itself beside its log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The first business day of a test clock; none for the wall clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    test_clock_start: Option<NaiveDate>,
}

/// A running ledger.
pub(crate) struct Ledger {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) reference: Arc<ReferenceFollower>,
    pub(crate) clock: Arc<dyn Clock>,
    /// First day of its test clock; none for the wall clock.
    pub(crate) test_clock_start: Option<NaiveDate>,
    pub(crate) router: Arc<LocalRouter>,
    /// Slows the writers down.
    pub(crate) brake: Arc<Brake>,
    writers: Vec<PartitionService>,
}

/// Opens the log in the data directory, or makes one. Blocks.
pub(crate) fn open_log(config: &Config) -> anyhow::Result<Arc<dyn Log>> {
    let layout = config.new_layout()?;
    let log = EmbeddedLog::open_or_create(config.data_dir.join("log"), layout, LedgerId(ids::random()))?;
    let keys = KeyStore::open_or_create(config.own_customer_keys(log.ledger_id())?)?;
    Ok(Arc::new(log.with_keys(Arc::new(keys))))
}

impl Ledger {
    /// Opens the ledger in the data directory, or makes one, and starts its writers. Blocks.
    pub(crate) fn start(config: &Config) -> anyhow::Result<Self> {
        Self::start_with(config, clock)
    }

    /// [`Self::start`], with a clock of one's own: made from the first day of a test clock, if it has one, and the reference data.
    pub(crate) fn start_with(
        config: &Config,
        clock: impl FnOnce(Option<NaiveDate>, &Arc<ReferenceFollower>) -> Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let dir = &config.data_dir;
        durable::make_dir(dir).with_context(|| format!("cannot make the data directory {}", dir.display()))?;
        // Before anything is made: what cannot be understood is left alone.
        let settled = settled(dir)?;
        let log = open_log(config)?;
        let test_clock_start = settle_clock(dir, config, settled, &*log)?;
        let reference = ReferenceFollower::start(Arc::clone(&log))?;
        let clock = clock(test_clock_start, &reference);
        let router = Arc::new(LocalRouter::new(log.layout(), Arc::clone(&reference)));
        let mut ledger =
            Self { log, reference, clock, test_clock_start, router, brake: Arc::default(), writers: Vec::new() };
        ledger.start_writers(config)?;
        Ok(ledger)
    }

    fn start_writers(&mut self, config: &Config) -> anyhow::Result<()> {
        let options = Options {
            queue_commands_max: config.limits.queue_commands,
            ready_customers_max: config.limits.ready_customers,
            snapshot_dir: Some(config.data_dir.join("snapshots")),
            brake: Arc::clone(&self.brake),
            traffic: has_threads_to_spare().then(Arc::default),
            ..Options::default()
        };
        // Side by side: most of it is reading snapshots and what came after them.
        let started: Vec<anyhow::Result<PartitionService>> = std::thread::scope(|scope| {
            let start = |partition| {
                let (log, reference, clock) =
                    (Arc::clone(&self.log), Arc::clone(&self.reference), Arc::clone(&self.clock));
                let options = options.clone();
                let started = move || {
                    PartitionService::start(log, partition, reference, clock, &ids::writer(), options)
                        .with_context(|| format!("the writer of {partition} cannot start"))
                };
                scope.spawn(started)
            };
            let starting: Vec<_> = self.log.layout().all().map(start).collect();
            let panicked = |_| anyhow::anyhow!("a writer panicked while it started");
            starting.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| Err(panicked(panic)))).collect()
        });
        for writer in started {
            let writer = writer?;
            self.router.insert(writer.handle.partition(), writer.handle.clone());
            self.writers.push(writer);
        }
        Ok(())
    }

    /// Whether there is no history yet but the writers' start.
    pub(crate) fn is_new(&self) -> bool {
        self.router.handles().values().all(|writer| writer.tail().0 <= 1)
    }

    /// Stops the writers: what waits is still decided. Blocks.
    pub(crate) fn stop(self) {
        // Customers first: they follow the others.
        self.writers.into_iter().rev().for_each(PartitionService::stop);
        self.reference.stop();
    }
}

/// Whether one thread of those that serve may wait for the disk while others go on.
fn has_threads_to_spare() -> bool {
    std::thread::available_parallelism().is_ok_and(|threads| threads.get() > 1)
}

/// The clock of a ledger.
pub(crate) fn clock(test_clock_start: Option<NaiveDate>, reference: &Arc<ReferenceFollower>) -> Arc<dyn Clock> {
    match test_clock_start {
        Some(start) => Arc::new(TestClock::new(Arc::clone(reference), start)),
        None => Arc::new(WallClock),
    }
}

/// What was settled when the ledger was made; none if nothing is.
fn settled(dir: &Path) -> anyhow::Result<Option<Settings>> {
    let path = dir.join(SETTINGS_FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let path = path.display();
    // Empty, it would say that the ledger has the wall clock.
    anyhow::ensure!(!text.trim().is_empty(), "{path} is empty. {SETTINGS_LOST}");
    toml::from_str(&text)
        .map(Some)
        .map_err(|error| anyhow::anyhow!("{path} is damaged: {}. {SETTINGS_LOST}", error.message()))
}

/// Settles what cannot be changed later. It is on disk when this returns.
pub(crate) fn write_settings(dir: &Path, test_clock_start: Option<NaiveDate>) -> anyhow::Result<()> {
    let path = dir.join(SETTINGS_FILE);
    let text = test_clock_start.map(|start| format!("test_clock_start = \"{start}\"\n")).unwrap_or_default();
    let text = format!("{SETTINGS_BEGIN}{text}");
    durable::replace(&path, text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
}

/// A ledger keeps the clock it was made with: the wall clock would close years of days on a ledger that stands in its own time.
fn settle_clock(
    dir: &Path,
    config: &Config,
    settled: Option<Settings>,
    log: &dyn Log,
) -> anyhow::Result<Option<NaiveDate>> {
    let wanted = Some(config.test_clock.start).filter(|_| config.test_clock.enabled);
    let stored = if let Some(settings) = settled {
        settings.test_clock_start
    } else {
        for partition in log.layout().all() {
            let path = dir.join(SETTINGS_FILE);
            anyhow::ensure!(log.end(partition)? == 0, "{} is not there. {SETTINGS_LOST}", path.display());
        }
        write_settings(dir, wanted)?;
        wanted
    };
    if wanted.is_some() && stored.is_none() {
        anyhow::bail!(
            "test_clock.enabled is true, but the ledger in {} was made with the wall clock and keeps it; name another data directory",
            dir.display()
        );
    }
    if let (Some(start), None) = (stored, wanted) {
        tracing::info!(%start, "this ledger was made with a test clock and keeps it");
    }
    Ok(stored)
}
