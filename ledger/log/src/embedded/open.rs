//! Opening and making ledgers.

use std::{
    collections::BTreeMap,
    fs::File,
    path::Path,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use crate::{
    Layout, LedgerId, OpenError, PartitionId,
    durable::{parent, sync_names},
};

use super::{
    EmbeddedLog, EmbeddedOptions, Shared, acknowledged,
    acknowledged::Acknowledged,
    journal::{self, Entries, Journal},
    keep::{self, Found},
    meta,
    meta::Meta,
    tail::Tail,
    volume::{Settings, Volume, damaged, unavailable},
    volumes::{self, Begins, Volumes},
};

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
        let lock = lock(dir, self.lock_wait)?;
        let count = volumes::count(dir)?;
        let place = volumes::place(dir, count);
        let (active, (meta, begins, found)) = Volume::open(&place, self.settings(), |db, meta| {
            let begins = volumes::begins(dir, count, meta.layout)?;
            let ends = Volume::ends(&place, db, begins.iter().last().into_iter().flat_map(Begins::iter))?;
            let found = Stored::find(dir, meta.layout, ends)?;
            Ok((meta, begins, found))
        })?;
        let volumes = Volumes::new(dir, meta, self.settings(), begins, active);
        self.start(dir, lock, volumes, found)
    }

    fn make(&self, dir: &Path, layout: Layout, ledger_id: LedgerId) -> Result<EmbeddedLog, OpenError> {
        let layout = Layout::new(layout.partners, layout.customers).map_err(|found| OpenError::WrongSetting {
            setting: "layout".into(),
            found,
            expected: "another number".into(),
            remedy: "choose it when the ledger is made".into(),
        })?;
        acknowledged::announce(dir).map_err(|error| unavailable(dir, error))?;
        let lock = lock(dir, self.lock_wait)?;
        if let Found::Ledger = keep::look(dir)? {
            // Somebody else made it a moment ago.
            drop(lock);
            return self.open_ledger(dir);
        }
        let meta = Meta { format: meta::FORMAT, ledger_id, layout };
        let (volume, was_there) = Volume::make(dir, &meta, self.settings())?;
        // Its name is durable only with its parent.
        sync_names(parent(dir)).map_err(|error| unavailable(parent(dir), error))?;
        // Its making may have been interrupted at its end.
        let meta = was_there.unwrap_or(meta);
        let begins = volumes::begins(dir, 1, meta.layout)?;
        let ends = Volume::ends(dir, &volume.db, begins.iter().flat_map(Begins::iter))?;
        let found = Stored::find(dir, meta.layout, ends)?;
        let volumes = Volumes::new(dir, meta, self.settings(), begins, volume);
        self.start(dir, lock, volumes, found)
    }

    fn settings(&self) -> Settings {
        Settings { cache_bytes: self.cache_bytes, lock_wait: self.lock_wait }
    }

    fn start(&self, dir: &Path, lock: File, volumes: Volumes, found: Stored) -> Result<EmbeddedLog, OpenError> {
        let Stored { ends, journaled, acknowledged } = found;
        if !journaled.is_empty() {
            let volume = volumes.active();
            volume.store(&journal::merged(&journaled)).map_err(|error| unavailable(dir, error))?;
            volume.sync().map_err(|error| unavailable(dir, error))?;
        }
        acknowledged
            .rewrite(|partition| ends.get(&partition).copied().unwrap_or(0))
            .map_err(|error| unavailable(dir, error))?;
        let journal = Journal::begin(dir, self.journal_bytes).map_err(|error| unavailable(dir, error))?;
        Ok(EmbeddedLog {
            keys: Arc::new(crate::personal::NoKeys),
            shared: Arc::new(Shared {
                volumes,
                volume_bytes: self.volume_bytes,
                full_at: self.volume_bytes.into(),
                journal: Mutex::new(journal),
                acknowledged,
                dir: dir.to_owned(),
                disk_reserve_bytes: self.disk_reserve_bytes,
                tail: Tail::new(ends, self.tail_cache_bytes),
                queue: Mutex::default(),
                written: Condvar::new(),
                _lock: lock,
                #[cfg(feature = "testing")]
                fail_sync: std::sync::atomic::AtomicBool::new(false),
            }),
        })
    }
}

/// What a ledger has, as its files say it.
struct Stored {
    ends: BTreeMap<PartitionId, u64>,
    /// What only the journal has of it.
    journaled: Entries,
    acknowledged: Acknowledged,
}

impl Stored {
    /// Adds what the journal has to what sled has, and compares it with what was acknowledged.
    fn find(dir: &Path, layout: Layout, mut ends: BTreeMap<PartitionId, u64>) -> Result<Self, OpenError> {
        let journaled = journaled(dir, &mut ends)?;
        let (acknowledged, noted) = Acknowledged::open(dir, layout).map_err(|error| unavailable(dir, error))?;
        for (partition, noted) in noted {
            let end = ends.get(&partition).copied().unwrap_or(0);
            if end < noted {
                let what = format!("{partition} ends at offset {end}, but {noted} records had been acknowledged");
                return Err(damaged(dir, what));
            }
        }
        Ok(Self { ends, journaled, acknowledged })
    }
}

/// Has the directory for this process alone: sled's own lock is on one volume, and the ledger goes on in another.
fn lock(dir: &Path, wait: Duration) -> Result<File, OpenError> {
    keep::lock(dir, acknowledged::NAME, wait)
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
