//! The rows of one projection and the place in the log they reflect, in one sled tree.
//!
//! Keys: `0x00 'i'` the [`Identity`], `0x00 'c'` the [`Checkpoint`], `0x00 'r'` which runs there are; every other key is of a run
//! ([`crate::run`]). Rows that were changed lately are in memory only, over those of the runs: what a crash loses of them is folded again
//! from the checkpoint of the last run. [`crate::settle`] says how they get to disk.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use subledger_fold::StoreError;
use subledger_log::{Cursor, Layout, LedgerId, PartitionId, Position};

use crate::{
    config::StoreOptions,
    error::OpenError,
    packed,
    run::{Blocks, failed},
    settle::{Disk, Runs, WAKE_EVERY, wake},
    snapshot::{Digest, Snapshot},
    stage::{META, Staged},
};

/// Raised when the form of stores changes.
const FORMAT: u32 = 4;
const IDENTITY_KEY: [u8; 2] = [META, b'i'];
pub(crate) const CHECKPOINT_KEY: [u8; 2] = [META, b'c'];
pub(crate) const RUNS_KEY: [u8; 2] = [META, b'r'];
const LOCK_RETRY: Duration = Duration::from_millis(50);
/// How often it is looked whether the thread that writes has ended.
const STOP_POLL: Duration = Duration::from_millis(1);

/// What a store was folded from, and by what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The ledger.
    pub ledger: LedgerId,
    /// The projection's name.
    pub projection: String,
    /// The projection's version.
    pub version: u32,
    /// The ledger's partitions.
    pub layout: Layout,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Layout { partners, customers } = self.layout;
        write!(f, "{} version {} over {partners}+{customers} partitions", self.projection, self.version)
    }
}

/// The place in the log that the rows reflect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Where to go on, by partition.
    pub cursors: BTreeMap<PartitionId, Cursor>,
    /// Commits folded since the beginning.
    pub commits: u64,
    /// When the last folded commit was recorded.
    pub recorded_at: Option<DateTime<Utc>>,
}

impl Checkpoint {
    /// The last folded commit of each partition that has one.
    pub fn positions(&self) -> Vec<Position> {
        self.next_seqs()
            .filter_map(|(partition, next)| next.checked_sub(1).map(|seq| Position { partition, seq }))
            .collect()
    }

    /// The next commit of each partition.
    pub(crate) fn next_seqs(&self) -> impl Iterator<Item = (PartitionId, u64)> {
        self.cursors.iter().map(|(&partition, cursor)| (partition, cursor.admission.next_seq))
    }
}

/// Rows and checkpoint of one projection. One thread changes it; any number read.
pub struct Store {
    path: PathBuf,
    settle_every: Duration,
    /// See [`StoreOptions::memory_bytes`].
    memory_bytes: AtomicUsize,
    disk: Arc<Disk>,
    settling: Option<JoinHandle<()>>,
}

impl Store {
    /// Opens the store, or begins an empty one if there is nothing.
    ///
    /// What was folded by something else is told apart as [`OpenError::Stale`] or [`OpenError::WrongLedger`], and changed in nothing.
    pub fn open(path: &Path, identity: &Identity, options: &StoreOptions) -> Result<Self, OpenError> {
        let db = open_tree(path, options)?;
        let damaged = |error: StoreError| OpenError::Damaged { path: path.to_owned(), what: error.0 };
        match meta::<(u32, Option<Identity>)>(&db, &IDENTITY_KEY) {
            Ok(Some((FORMAT, Some(found)))) => check(path, &found, identity)?,
            // A later format may have another identity; then decoding fails, or ends in a number that is not ours.
            Ok(Some((format, _))) => {
                return Err(OpenError::Stale {
                    path: path.to_owned(),
                    found: format!("a store of form {format}"),
                    expected: format!("form {FORMAT}"),
                });
            }
            Ok(None) if db.is_empty() => begin(&db, identity).map_err(damaged)?,
            Ok(None) => {
                return Err(damaged(StoreError("there are rows, but nothing says what they reflect".into())));
            }
            Err(error) => return Err(damaged(error)),
        }
        Self::with_tree(path, db, *options).map_err(|error| match error {
            StartFailed::Rows(error) => damaged(error),
            StartFailed::Thread(source) => OpenError::Io { path: path.to_owned(), source },
        })
    }

    fn with_tree(path: &Path, db: sled::Db, options: StoreOptions) -> Result<Self, StartFailed> {
        let missing = |what: &str| StoreError(format!("{} has no {what}", path.display()));
        let checkpoint: Checkpoint = meta(&db, &CHECKPOINT_KEY)?.ok_or_else(|| missing("checkpoint"))?;
        let runs: Runs = meta(&db, &RUNS_KEY)?.ok_or_else(|| missing("list of its runs"))?;
        let disk = Arc::new(Disk::open(Blocks::new(db), &runs, checkpoint)?);
        let settling = {
            let disk = Arc::clone(&disk);
            std::thread::Builder::new()
                .name("settle-rows".into())
                .spawn(move || {
                    options.enter_thread();
                    disk.run();
                })
                .map_err(StartFailed::Thread)?
        };
        let memory_bytes = AtomicUsize::new(options.memory_bytes);
        Ok(Self {
            path: path.to_owned(),
            settle_every: options.settle_every,
            memory_bytes,
            disk,
            settling: Some(settling),
        })
    }

    /// Keeps that many bytes of changed rows in memory from now on.
    pub(crate) fn keep_in_memory(&self, bytes: usize) {
        self.memory_bytes.store(bytes, Ordering::Relaxed);
    }

    /// The place in the log that the rows reflect.
    pub fn checkpoint(&self) -> Result<Checkpoint, StoreError> {
        Ok((*self.disk.layers().checkpoint).clone())
    }

    /// The rows as they are now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(&self.disk)
    }

    /// The same, as far as they are in memory.
    pub(crate) fn at_hand(&self) -> Snapshot {
        Snapshot::at_hand(&self.disk)
    }

    /// Applies changes together with the place in the log they lead to. They are taken if that succeeds.
    pub(crate) fn apply(&self, rows: &mut Staged, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        self.disk.check()?;
        let mut recent = self.disk.layers().recent.clone();
        if !rows.is_empty() {
            packed::prepend(&mut recent, rows)?;
        }
        rows.clear();
        self.disk.show(recent, checkpoint);
        self.settle()
    }

    /// Whether the rows in memory should become a run.
    fn is_full(&self) -> bool {
        let layers = self.disk.layers();
        let old = layers.since.is_some_and(|since| since.elapsed() >= self.settle_every);
        let bytes: usize = layers.recent.iter().map(|rows| rows.memory_bytes()).sum();
        bytes >= self.memory_bytes.load(Ordering::Relaxed) || old
    }

    /// Waits while the rows in memory are too many and those before them are not yet written. Before [`Self::apply`], so that what is
    /// staged is not shown late.
    pub(crate) fn make_room(&self) -> Result<(), StoreError> {
        if self.is_full() { Disk::wait(&self.disk) } else { Ok(()) }
    }

    /// Begins to write the rows in memory if there are many, or if they have been there for long.
    pub(crate) fn settle(&self) -> Result<(), StoreError> {
        if self.is_full() { self.freeze() } else { Ok(()) }
    }

    /// Begins to write the rows in memory.
    fn freeze(&self) -> Result<(), StoreError> {
        Disk::wait(&self.disk)?;
        self.disk.freeze();
        Ok(())
    }

    /// Writes everything applied so far to disk.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.freeze()?;
        Disk::wait(&self.disk)
    }

    /// SHA-256 over every row, in the order of keys: equal for equal rows, in any process. Reads everything.
    pub fn digest(&self) -> Result<Digest, StoreError> {
        self.snapshot().digest()
    }

    /// Bytes on disk.
    pub fn size_on_disk(&self) -> Result<u64, StoreError> {
        self.disk.tree.db.size_on_disk().map_err(failed)
    }

    /// Where it lives.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.disk.stop();
        if let Some(thread) = self.settling.take() {
            let mut waking = Instant::now();
            while !thread.is_finished() {
                std::thread::sleep(STOP_POLL);
                if waking.elapsed() >= WAKE_EVERY {
                    waking = Instant::now();
                    wake(&self.disk);
                }
            }
            // It catches its own panics and says so to whoever writes next.
            let _ = thread.join();
        }
        // Whoever reads ends soon, and what is read may be removed right after this.
        while Arc::strong_count(&self.disk) > 1 {
            std::thread::sleep(STOP_POLL);
        }
    }
}

/// Why rows that were opened cannot be used.
enum StartFailed {
    Rows(StoreError),
    Thread(std::io::Error),
}

impl From<StoreError> for StartFailed {
    fn from(error: StoreError) -> Self {
        Self::Rows(error)
    }
}

fn begin(db: &sled::Db, identity: &Identity) -> Result<(), StoreError> {
    let mut batch = sled::Batch::default();
    batch.insert(&IDENTITY_KEY, encode(&(FORMAT, Some(identity)))?);
    let cursors = identity.layout.all().map(|partition| (partition, Cursor::default())).collect();
    batch.insert(&CHECKPOINT_KEY, encode(&Checkpoint { cursors, ..Checkpoint::default() })?);
    batch.insert(&RUNS_KEY, encode(&Runs::default())?);
    db.apply_batch(batch).map_err(failed)?;
    db.flush().map(|_| ()).map_err(failed)
}

fn meta<T: DeserializeOwned>(db: &sled::Db, key: &[u8]) -> Result<Option<T>, StoreError> {
    let bytes = db.get(key).map_err(failed)?;
    bytes.map(|bytes| subledger_fold::decode(&bytes)).transpose()
}

fn check(path: &Path, found: &Identity, expected: &Identity) -> Result<(), OpenError> {
    if found.ledger != expected.ledger {
        let (found, expected) = (found.ledger, expected.ledger);
        return Err(OpenError::WrongLedger { path: path.to_owned(), found, expected });
    }
    if found != expected {
        let (found, expected) = (found.to_string(), expected.to_string());
        return Err(OpenError::Stale { path: path.to_owned(), found, expected });
    }
    Ok(())
}

pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    postcard::to_stdvec(value).map_err(|error| StoreError(format!("cannot encode the store's own record: {error}")))
}

/// Opens sled's files. sled reports some damage by panicking, which is damage all the same.
fn open_tree(path: &Path, options: &StoreOptions) -> Result<sled::Db, OpenError> {
    let deadline = Instant::now() + options.lock_wait;
    let flush_ms = u64::try_from(options.flush_every.as_millis()).unwrap_or(u64::MAX).max(1);
    let damaged = |what: String| OpenError::Damaged { path: path.to_owned(), what };
    loop {
        let config = sled::Config::new().path(path).cache_capacity(options.cache_bytes).flush_every_ms(Some(flush_ms));
        let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| config.open()));
        match opened {
            Ok(Ok(db)) => return Ok(db),
            Ok(Err(sled::Error::Io(error))) if is_locked(&error) => {
                if Instant::now() >= deadline {
                    return Err(OpenError::InUse { path: path.to_owned() });
                }
                std::thread::sleep(LOCK_RETRY);
            }
            Ok(Err(sled::Error::Io(source))) if source.kind() != std::io::ErrorKind::InvalidData => {
                return Err(OpenError::Io { path: path.to_owned(), source });
            }
            Ok(Err(error)) => return Err(damaged(error.to_string())),
            Err(_) => return Err(damaged("it cannot be read at all".into())),
        }
    }
}

/// sled wraps the refusal in an error of its own that keeps only the text.
fn is_locked(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::WouldBlock || error.to_string().contains("could not acquire lock")
}

#[cfg(test)]
mod tests;
