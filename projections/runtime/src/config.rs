//! What can be chosen, with its limits.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

/// Tells the time: only for how old the rows are, never for what they say.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// Memory and disk of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// Bytes of sled's page cache.
    pub cache_bytes: u64,
    /// Bytes of changed rows that are kept in memory before they are written; about as many may be on their way meanwhile.
    pub memory_bytes: usize,
    /// The same in a rebuild until its bulk is written, which takes a tenth less with more.
    pub rebuild_memory_bytes: usize,
    /// How long changed rows are in memory only. What a crash loses of them is folded again.
    pub settle_every: Duration,
    /// How often sled writes to disk by itself, and makes room in its files.
    pub flush_every: Duration,
    /// How long to wait for another process to let go of the directory: one that was just killed may still be dying.
    pub lock_wait: Duration,
    /// Whether its threads give way to the others of the process: where commands are decided in the same process, whoever sends one need
    /// not wait for a processor that folds.
    pub gives_way: bool,
}

/// How nice the threads of a store are that gives way: with all processors busy, each gets a third of what one that decides gets.
const NICE: i32 = 5;

impl StoreOptions {
    /// Makes the calling thread one that gives way, if that is wanted.
    pub(crate) fn enter_thread(&self) {
        if self.gives_way
            && let Err(error) = rustix::process::nice(NICE)
        {
            tracing::debug!(%error, "a thread that folds competes with those that decide");
        }
    }
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 16 * 1024 * 1024,
            memory_bytes: 14 * 1024 * 1024,
            rebuild_memory_bytes: 20 * 1024 * 1024,
            settle_every: Duration::from_secs(2),
            flush_every: Duration::from_millis(500),
            lock_wait: Duration::from_secs(5),
            gives_way: false,
        }
    }
}

/// How much is staged in memory before it is applied as one batch. Whatever is reached first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most commits of a batch.
    pub commits_max: u64,
    /// Most keys of a batch.
    pub keys_max: usize,
    /// Most bytes staged, keys and rows; a single commit may go over it.
    pub bytes_max: usize,
    /// Longest time a commit is staged while more keep coming.
    pub age_max: Duration,
    /// Shortest time from one batch to the next while nobody waits for it and nothing is behind: a batch costs as much as some commits.
    pub gather: Duration,
    /// How long to wait for news before looking whether to stop.
    pub idle: Duration,
    /// How often to ask the log where it ends.
    pub lag_every: Duration,
    /// First pause after a log could not be read; doubles up to `retry_max`.
    pub retry_min: Duration,
    /// Longest pause.
    pub retry_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            commits_max: 2_000,
            keys_max: 4_096,
            bytes_max: 16 * 1024 * 1024,
            age_max: Duration::from_millis(50),
            gather: Duration::from_millis(5),
            idle: Duration::from_millis(100),
            lag_every: Duration::from_secs(1),
            retry_min: Duration::from_millis(100),
            retry_max: Duration::from_secs(10),
        }
    }
}

/// What to do with a store that cannot be continued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnStale {
    /// Fold everything again, if it is stale or damaged. A store of another ledger is refused all the same.
    #[default]
    Rebuild,
    /// Say so and do not start.
    Refuse,
}

/// Everything a runner needs besides the log and the projection.
#[derive(Clone)]
pub struct Config {
    /// The projection's own directory.
    pub dir: PathBuf,
    /// What to do with a store that cannot be continued.
    pub on_stale: OnStale,
    /// Memory and disk.
    pub store: StoreOptions,
    /// Batches and pauses.
    pub limits: Limits,
    /// For ages.
    pub clock: Clock,
}

impl Config {
    /// The defaults, in a directory.
    pub fn new(dir: impl Into<PathBuf>, clock: Clock) -> Self {
        Self {
            dir: dir.into(),
            on_stale: OnStale::default(),
            store: StoreOptions::default(),
            limits: Limits::default(),
            clock,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("dir", &self.dir)
            .field("on_stale", &self.on_stale)
            .field("store", &self.store)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
