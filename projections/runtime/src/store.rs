//! The rows of one projection and the place in the log they reflect, in one sled tree.
//!
//! Keys: `0x00 'i'` the [`Identity`], `0x00 'c'` the [`Checkpoint`]; every other key belongs to the projection, whose tables begin with
//! another byte. A batch of changed rows and the new checkpoint are one sled `Batch`: both are there after a crash, or neither. No
//! flush for a batch: what sled had not written is folded again from the checkpoint it had.

use std::{
    collections::BTreeMap,
    fmt,
    ops::Bound,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use subledger_fold::{Rows, StoreError};
use subledger_log::{Cursor, Layout, LedgerId, PartitionId, Position};

use crate::{
    config::StoreOptions,
    error::OpenError,
    stage::{META, Staged, Visit, bounds},
};

/// Raised when the form of stores changes.
const FORMAT: u32 = 1;
const IDENTITY_KEY: [u8; 2] = [META, b'i'];
const CHECKPOINT_KEY: [u8; 2] = [META, b'c'];
const LOCK_RETRY: Duration = Duration::from_millis(50);

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

/// SHA-256 over every row, in the order of keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Rows and checkpoint of one projection. One thread changes it; any number read.
pub struct Store {
    db: sled::Db,
    path: PathBuf,
}

impl Store {
    /// Opens the store, or begins an empty one if there is nothing.
    ///
    /// What was folded by something else is told apart as [`OpenError::Stale`] or [`OpenError::WrongLedger`], and changed in nothing.
    pub fn open(path: &Path, identity: &Identity, options: &StoreOptions) -> Result<Self, OpenError> {
        let db = open_tree(path, options)?;
        let store = Self { db, path: path.to_owned() };
        let damaged = |error: StoreError| OpenError::Damaged { path: path.to_owned(), what: error.0 };
        match store.meta::<(u32, Option<Identity>)>(&IDENTITY_KEY) {
            Ok(Some((FORMAT, Some(found)))) => {
                check(path, &found, identity)?;
                store.checkpoint().map_err(damaged)?;
                Ok(store)
            }
            // A later format may have another identity; then decoding fails, or ends in a number that is not ours.
            Ok(Some((format, _))) => Err(OpenError::Stale {
                path: path.to_owned(),
                found: format!("a store of form {format}"),
                expected: format!("form {FORMAT}"),
            }),
            Ok(None) if store.db.is_empty() => {
                store.begin(identity).map_err(damaged)?;
                Ok(store)
            }
            Ok(None) => Err(damaged(StoreError("there are rows, but nothing says what they reflect".into()))),
            Err(error) => Err(damaged(error)),
        }
    }

    fn begin(&self, identity: &Identity) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        batch.insert(&IDENTITY_KEY, encode(&(FORMAT, Some(identity)))?);
        let cursors = identity.layout.all().map(|partition| (partition, Cursor::default())).collect();
        batch.insert(&CHECKPOINT_KEY, encode(&Checkpoint { cursors, ..Checkpoint::default() })?);
        self.db.apply_batch(batch).map_err(|error| self.failed(&error))?;
        self.flush()
    }

    /// The place in the log that the rows reflect.
    pub fn checkpoint(&self) -> Result<Checkpoint, StoreError> {
        self.meta(&CHECKPOINT_KEY)?.ok_or_else(|| StoreError(format!("{} has no checkpoint", self.path.display())))
    }

    /// Applies changes together with the place in the log they lead to.
    pub(crate) fn apply(&self, rows: &Staged, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for (key, row) in rows {
            match row {
                Some(row) => batch.insert(key.as_slice(), row.as_slice()),
                None => batch.remove(key.as_slice()),
            }
        }
        batch.insert(&CHECKPOINT_KEY, encode(checkpoint)?);
        self.db.apply_batch(batch).map_err(|error| self.failed(&error))
    }

    /// Writes everything applied so far to disk.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.db.flush().map(|_| ()).map_err(|error| self.failed(&error))
    }

    /// SHA-256 over every row, in the order of keys: equal for equal rows, in any process. Reads everything.
    pub fn digest(&self) -> Result<Digest, StoreError> {
        let mut digest = Sha256::new();
        self.scan(&[], &[], false, &mut |key, row| {
            for part in [key, row] {
                digest.update((part.len() as u64).to_be_bytes());
                digest.update(part);
            }
            Ok(true)
        })?;
        Ok(Digest(digest.finalize().into()))
    }

    /// Bytes on disk.
    pub fn size_on_disk(&self) -> Result<u64, StoreError> {
        self.db.size_on_disk().map_err(|error| self.failed(&error))
    }

    /// Where it lives.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Rows in order from the first, without the store's own.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Result<(sled::IVec, sled::IVec), StoreError>> + '_ {
        let own = vec![META + 1];
        self.db.range(own..).map(|entry| entry.map_err(|error| self.failed(&error)))
    }

    fn meta<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, StoreError> {
        let bytes = self.db.get(key).map_err(|error| self.failed(&error))?;
        bytes.map(|bytes| subledger_fold::decode(&bytes)).transpose()
    }

    fn failed(&self, error: &sled::Error) -> StoreError {
        StoreError(format!("{}: {error}", self.path.display()))
    }
}

impl Rows for Store {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if key.first() == Some(&META) {
            return Ok(None);
        }
        Ok(self.db.get(key).map_err(|error| self.failed(&error))?.map(|row| row.to_vec()))
    }

    fn scan(&self, prefix: &[u8], from: &[u8], reverse: bool, visit: Visit<'_>) -> Result<(), StoreError> {
        let Some((low, high)) = bounds(prefix, from, reverse) else { return Ok(()) };
        let low = match low {
            Bound::Included(low) if low.first().is_none_or(|&first| first == META) => Bound::Included(vec![META + 1]),
            low => low,
        };
        // sled panics on bounds that are the wrong way round, which the line above can make of a scan of its own keys.
        if let (Bound::Included(low), Bound::Included(high) | Bound::Excluded(high)) = (&low, &high)
            && low > high
        {
            return Ok(());
        }
        let mut rows = self.db.range::<Vec<u8>, _>((low, high));
        while let Some(entry) = if reverse { rows.next_back() } else { rows.next() } {
            let (key, row) = entry.map_err(|error| self.failed(&error))?;
            if !visit(&key, &row)? {
                break;
            }
        }
        Ok(())
    }
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

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
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
