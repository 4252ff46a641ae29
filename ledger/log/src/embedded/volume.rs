//! A volume: one sled database with the records of a stretch of the log, in a directory of its own.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{OpenError, PartitionId, durable::sync_names, pages};

use super::{
    SEGMENT_BYTES, TIDY_EVERY_MS,
    chunk::Chunk,
    keep::{self, Closing, Kept},
    key,
    meta::Meta,
};

/// sled's file inside the directory.
pub(super) const DB: &str = "db";
/// How often to try for the lock.
pub(super) const LOCK_RETRY: Duration = Duration::from_millis(50);

/// How to open one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// Bytes of pages that sled keeps in memory.
    pub(super) cache_bytes: u64,
    /// How long to wait for whoever has it to let go of it.
    pub(super) lock_wait: Duration,
}

/// An open volume.
pub(super) struct Volume {
    pub(super) db: sled::Db,
    /// The same file as sled's, to sync it.
    file: File,
    /// After the database, so that it is dropped after it.
    closing: Closing,
}

impl Volume {
    /// Makes an empty one, durable but for the directory's name, or opens the one there is; tells which it is.
    pub(super) fn make(dir: &Path, meta: &Meta, settings: Settings) -> Result<(Self, Option<Meta>), OpenError> {
        let db = open_sled(dir, settings)?;
        let found = read_meta(dir, &db)?;
        if found.is_none() {
            if !db.is_empty() {
                let what = format!("{} holds a database that is not a ledger", dir.display());
                return Err(OpenError::NotALedger { what });
            }
            let row = meta.encode().map_err(|error| unavailable(dir, error))?;
            db.insert(key::META, row).map_err(|error| unavailable(dir, error))?;
            db.flush().map_err(|error| unavailable(dir, error))?;
        }
        let volume = Self::of(dir, db).map_err(|error| unavailable(dir, error))?;
        // The names of new files are durable only with their directory.
        keep::sync_files(dir).and_then(|()| sync_names(dir)).map_err(|error| unavailable(dir, error))?;
        Ok((volume, found))
    }

    /// Opens one that is complete, and looks at what sled found. If sled or `check` says that it is damaged, its files are as they were.
    pub(super) fn open<T>(
        dir: &Path,
        settings: Settings,
        check: impl FnOnce(&sled::Db, Meta) -> Result<T, OpenError>,
    ) -> Result<(Self, T), OpenError> {
        let kept = Kept::before_opening(dir, settings.lock_wait)?;
        let opened = open_sled(dir, settings).and_then(|db| {
            let meta = read_meta(dir, &db)?.ok_or_else(|| damaged(dir, "its metadata row is gone"))?;
            let checked = check(&db, meta)?;
            let volume = Self::of(dir, db).map_err(|error| unavailable(dir, error))?;
            // What recovery found may have been written but never synced; from here on readers see it.
            volume.file.sync_all().map_err(|error| unavailable(dir, error))?;
            Ok((volume, checked))
        });
        let settled = match (&kept, &opened) {
            (None, _) | (Some(_), Err(OpenError::InUse { .. })) => Ok(()),
            (Some(kept), Ok(_)) => kept.forget(),
            (Some(kept), Err(_)) => kept.put_back(),
        };
        settled.map_err(|error| unavailable(dir, error))?;
        opened
    }

    fn of(dir: &Path, db: sled::Db) -> io::Result<Self> {
        let file = File::options().read(true).write(true).open(dir.join(DB))?;
        Ok(Self { db, file, closing: Closing::begin(dir)? })
    }

    /// Has sled keep these chunks, all or none. Durable only after [`Self::sync`].
    pub(super) fn store<'a>(
        &self,
        chunks: impl IntoIterator<Item = &'a (PartitionId, Chunk)>,
    ) -> Result<(), sled::Error> {
        let (mut batch, mut keys) = (sled::Batch::default(), Vec::new());
        for (partition, chunk) in chunks {
            let key = key::of(*partition, chunk.first);
            batch.insert(&key, &*chunk.bytes);
            keys.push(key);
        }
        self.db.apply_batch(batch)?;
        keys.iter().for_each(|key| pages::passed(&self.db, key));
        self.db.flush().map(|_| ())
    }

    /// Makes what was stored durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Length of sled's file, in bytes.
    pub(super) fn bytes(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Nothing is stored in it from here on: a process that ends without closing it leaves it as it is now.
    pub(super) fn seal(&self) {
        self.closing.note();
    }

    /// Where each partition ends, if what is here begins there. Checks the last two chunks of each.
    pub(super) fn ends(
        dir: &Path,
        db: &sled::Db,
        begins: impl IntoIterator<Item = (PartitionId, u64)>,
    ) -> Result<BTreeMap<PartitionId, u64>, OpenError> {
        begins.into_iter().map(|(partition, begin)| Ok((partition, find_end(dir, db, partition, begin)?))).collect()
    }
}

pub(super) fn unavailable(dir: &Path, source: impl std::error::Error + Send + Sync + 'static) -> OpenError {
    OpenError::Unavailable { place: dir.display().to_string(), source: Box::new(source) }
}

pub(super) fn damaged(dir: &Path, what: impl Into<String>) -> OpenError {
    OpenError::Damaged { place: dir.display().to_string(), what: what.into() }
}

fn open_sled(dir: &Path, settings: Settings) -> Result<sled::Db, OpenError> {
    let config = sled::Config::new()
        .path(dir)
        .cache_capacity(settings.cache_bytes)
        .segment_size(SEGMENT_BYTES)
        .flush_every_ms(Some(TIDY_EVERY_MS));
    let deadline = Instant::now() + settings.lock_wait;
    loop {
        // sled panics on some kinds of damage.
        let opened = catch_unwind(AssertUnwindSafe(|| config.open()));
        let error = match opened {
            Ok(Ok(db)) => return Ok(db),
            Ok(Err(error)) => error,
            Err(_) => return Err(damaged(dir, "the storage engine panicked; its message is on standard error")),
        };
        match error {
            sled::Error::Io(error) if is_locked(&error) => {
                if Instant::now() >= deadline {
                    return Err(OpenError::InUse { path: dir.display().to_string() });
                }
                std::thread::sleep(LOCK_RETRY);
            }
            sled::Error::Io(source) => return Err(unavailable(dir, source)),
            sled::Error::Unsupported(what) => {
                return Err(OpenError::NotALedger {
                    what: format!("{} is not a ledger of this version: {what}", dir.display()),
                });
            }
            error => return Err(damaged(dir, error.to_string())),
        }
    }
}

fn is_locked(error: &io::Error) -> bool {
    // sled has no error of its own for it; the version is pinned and a test holds the lock.
    error.to_string().contains("could not acquire lock")
}

fn read_meta(dir: &Path, db: &sled::Db) -> Result<Option<Meta>, OpenError> {
    let Some(row) = db.get(key::META).map_err(|error| damaged(dir, error.to_string()))? else { return Ok(None) };
    let what =
        |what| OpenError::NotALedger { what: format!("{} holds no ledger of this version: {what}", dir.display()) };
    Meta::decode(&row).map(Some).map_err(what)
}

/// Finds a partition's end and checks its last two chunks: that they are whole and follow each other, or begin where they should.
fn find_end(dir: &Path, db: &sled::Db, partition: PartitionId, begin: u64) -> Result<u64, OpenError> {
    let mut follower: Option<Chunk> = None;
    let mut end = begin;
    for row in db.range(key::of(partition, 0)..=key::of(partition, u64::MAX)).rev().take(2) {
        let (key, value) = row.map_err(|error| damaged(dir, format!("{partition}: {error}")))?;
        let first =
            key::offset_in(partition, &key).ok_or_else(|| damaged(dir, format!("{partition}: a key is odd")))?;
        let chunk = Chunk::check(partition, first, Bytes::copy_from_slice(&value))
            .map_err(|what| damaged(dir, format!("{partition}: the record at offset {first}: {what}")))?;
        match &follower {
            None => end = chunk.end(),
            Some(next) if next.first == chunk.end() => {}
            Some(next) => {
                let what = format!("{partition}: after offset {} comes offset {}", chunk.end(), next.first);
                return Err(damaged(dir, what));
            }
        }
        follower = Some(chunk);
    }
    match follower {
        Some(only) if end == only.end() && only.first != begin => {
            let what = format!("{partition}: the records from offset {begin} to {} are not there", only.first);
            Err(damaged(dir, what))
        }
        _ => Ok(end),
    }
}
