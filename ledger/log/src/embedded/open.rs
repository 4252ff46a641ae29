//! Opening and making ledgers.

use std::{
    collections::BTreeMap,
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{Layout, LedgerId, OpenError, PartitionId};

use super::{
    EmbeddedLog, EmbeddedOptions, SEGMENT_BYTES, Shared, TIDY_EVERY_MS, acknowledged,
    acknowledged::Acknowledged,
    chunk::Chunk,
    group::store,
    journal::{self, Entries, Journal},
    keep::{self, Closing, Found, Kept},
    key, meta,
    meta::Meta,
    tail::Tail,
};

/// sled's file inside the directory.
pub(super) const DB: &str = "db";
/// How often to try for the lock.
const LOCK_RETRY: Duration = Duration::from_millis(50);

impl EmbeddedOptions {
    /// Makes a new ledger in `dir`, which must hold none.
    pub fn create(&self, dir: impl AsRef<Path>, layout: Layout, ledger_id: LedgerId) -> Result<EmbeddedLog, OpenError> {
        let dir = dir.as_ref();
        match keep::look(dir)? {
            Found::Nothing => self.make(dir, layout, ledger_id),
            Found::Ledger => {
                let what = format!("{} holds a ledger already; open it, or name an empty directory", dir.display());
                Err(OpenError::NotALedger { what })
            }
        }
    }

    /// Opens the ledger in `dir`. If it is damaged, its files stay as they are.
    pub fn open(&self, dir: impl AsRef<Path>) -> Result<EmbeddedLog, OpenError> {
        let dir = dir.as_ref();
        match keep::look(dir)? {
            Found::Ledger => self.open_ledger(dir),
            Found::Nothing => Err(OpenError::NotALedger { what: format!("there is no ledger in {}", dir.display()) }),
        }
    }

    /// Opens the ledger in `dir` as it is, or makes one of this layout and id if there is none.
    pub fn open_or_create(
        &self,
        dir: impl AsRef<Path>,
        layout: Layout,
        ledger_id: LedgerId,
    ) -> Result<EmbeddedLog, OpenError> {
        let dir = dir.as_ref();
        match keep::look(dir)? {
            Found::Ledger => self.open_ledger(dir),
            Found::Nothing => self.make(dir, layout, ledger_id),
        }
    }

    fn open_ledger(&self, dir: &Path) -> Result<EmbeddedLog, OpenError> {
        if !dir.join(DB).is_file() {
            return Err(damaged(dir, "its database is gone"));
        }
        let kept = Kept::before_opening(dir, self.lock_wait)?;
        let opened = self.open_sled(dir).and_then(|db| {
            let meta = read_meta(dir, &db)?.ok_or_else(|| damaged(dir, "its metadata row is gone"))?;
            self.start(dir, db, &meta)
        });
        let settled = match (&kept, &opened) {
            (None, _) | (Some(_), Err(OpenError::InUse { .. })) => Ok(()),
            (Some(kept), Ok(_)) => kept.forget(),
            (Some(kept), Err(_)) => kept.put_back(),
        };
        settled.map_err(|error| unavailable(dir, error))?;
        opened
    }

    fn open_sled(&self, dir: &Path) -> Result<sled::Db, OpenError> {
        let config = sled::Config::new()
            .path(dir)
            .cache_capacity(self.cache_bytes)
            .segment_size(SEGMENT_BYTES)
            .flush_every_ms(Some(TIDY_EVERY_MS));
        let deadline = Instant::now() + self.lock_wait;
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

    fn make(&self, dir: &Path, layout: Layout, ledger_id: LedgerId) -> Result<EmbeddedLog, OpenError> {
        let layout = Layout::new(layout.partners, layout.customers).map_err(|found| OpenError::WrongSetting {
            setting: "layout".into(),
            found,
            expected: "another number".into(),
            remedy: "choose it when the ledger is made".into(),
        })?;
        acknowledged::announce(dir).map_err(|error| unavailable(dir, error))?;
        let db = self.open_sled(dir)?;
        if let Some(meta) = read_meta(dir, &db)? {
            // Somebody else made it a moment ago, or its making was interrupted at its end.
            return self.start(dir, db, &meta);
        }
        if !db.is_empty() {
            let what = format!("{} holds a database that is not a ledger", dir.display());
            return Err(OpenError::NotALedger { what });
        }
        let meta = Meta { format: meta::FORMAT, ledger_id, layout };
        let row = meta.encode().map_err(|error| unavailable(dir, error))?;
        db.insert(key::META, row).map_err(|error| unavailable(dir, error))?;
        db.flush().map_err(|error| unavailable(dir, error))?;
        // The names of new files are durable only with their directory, and its name with its parent.
        for place in [Some(dir), dir.parent()].into_iter().flatten().filter(|place| !place.as_os_str().is_empty()) {
            File::open(place).and_then(|place| place.sync_all()).map_err(|error| unavailable(dir, error))?;
        }
        self.start(dir, db, &meta)
    }

    fn start(&self, dir: &Path, db: sled::Db, meta: &Meta) -> Result<EmbeddedLog, OpenError> {
        let mut ends = BTreeMap::new();
        for partition in meta.layout.all() {
            ends.insert(partition, find_end(dir, &db, partition)?);
        }
        let journaled = journaled(dir, &mut ends)?;
        let (acknowledged, noted) = Acknowledged::open(dir, meta.layout).map_err(|error| unavailable(dir, error))?;
        for (partition, noted) in noted {
            let end = ends.get(&partition).copied().unwrap_or(0);
            if end < noted {
                let what = format!("{partition} ends at offset {end}, but {noted} records had been acknowledged");
                return Err(damaged(dir, what));
            }
        }
        if !journaled.is_empty() {
            store(&db, &journal::merged(&journaled)).map_err(|error| unavailable(dir, error))?;
        }
        acknowledged
            .rewrite(|partition| ends.get(&partition).copied().unwrap_or(0))
            .map_err(|error| unavailable(dir, error))?;
        let file =
            File::options().read(true).write(true).open(dir.join(DB)).map_err(|error| unavailable(dir, error))?;
        // What recovery found may have been written but never synced; from here on readers see it.
        file.sync_all().map_err(|error| unavailable(dir, error))?;
        let journal = Journal::begin(dir, self.journal_bytes).map_err(|error| unavailable(dir, error))?;
        let closing = Closing::begin(dir).map_err(|error| unavailable(dir, error))?;
        Ok(EmbeddedLog {
            keys: Arc::new(crate::personal::NoKeys),
            shared: Arc::new(Shared {
                db,
                _closing: closing,
                file,
                journal: Mutex::new(journal),
                acknowledged,
                dir: dir.to_owned(),
                ledger_id: meta.ledger_id,
                layout: meta.layout,
                disk_reserve_bytes: self.disk_reserve_bytes,
                tail: Tail::new(ends, self.tail_cache_bytes),
                queue: Mutex::default(),
                written: Condvar::new(),
                #[cfg(feature = "testing")]
                fail_sync: std::sync::atomic::AtomicBool::new(false),
            }),
        })
    }
}

fn is_locked(error: &std::io::Error) -> bool {
    // sled has no error of its own for it; the version is pinned and a test holds the lock.
    error.to_string().contains("could not acquire lock")
}

fn unavailable(dir: &Path, source: impl std::error::Error + Send + Sync + 'static) -> OpenError {
    OpenError::Unavailable { place: dir.display().to_string(), source: Box::new(source) }
}

fn damaged(dir: &Path, what: impl Into<String>) -> OpenError {
    OpenError::Damaged { place: dir.display().to_string(), what: what.into() }
}

fn read_meta(dir: &Path, db: &sled::Db) -> Result<Option<Meta>, OpenError> {
    let Some(row) = db.get(key::META).map_err(|error| damaged(dir, error.to_string()))? else { return Ok(None) };
    let what =
        |what| OpenError::NotALedger { what: format!("{} holds no ledger of this version: {what}", dir.display()) };
    Meta::decode(&row).map(Some).map_err(what)
}

/// What the journal has beyond what sled has, in order; the ends move there.
fn journaled(dir: &Path, ends: &mut BTreeMap<PartitionId, u64>) -> Result<Entries, OpenError> {
    let mut beyond = Entries::new();
    for (partition, chunk) in journal::read(dir).map_err(|error| unavailable(dir, error))? {
        let end = ends.entry(partition).or_default();
        // The process ended after sled had it and before the journal began anew.
        if chunk.end() <= *end {
            continue;
        }
        if chunk.first != *end {
            let what = format!("{partition} ends at offset {end}, and its journal goes on at {}", chunk.first);
            return Err(damaged(dir, what));
        }
        *end = chunk.end();
        beyond.push((partition, chunk));
    }
    if !beyond.is_empty() {
        let chunks = beyond.len();
        tracing::info!(dir = %dir.display(), chunks, "what only the journal had is stored");
    }
    Ok(beyond)
}

/// Finds a partition's end and checks its last two chunks: that they are whole and follow each other.
fn find_end(dir: &Path, db: &sled::Db, partition: PartitionId) -> Result<u64, OpenError> {
    let mut follower: Option<Chunk> = None;
    let mut end = 0;
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
        Some(only) if end == only.end() && only.first != 0 => {
            Err(damaged(dir, format!("{partition}: the records before offset {} are not there", only.first)))
        }
        _ => Ok(end),
    }
}
