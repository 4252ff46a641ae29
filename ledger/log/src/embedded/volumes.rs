//! The volumes of a ledger: the log goes on in a new one when one is full, so that what opening repairs, copies and reads stays small
//! however long the log is.
//!
//! The first one lies in the ledger's own directory, the others in `volume-2`, `volume-3`, … there. Only the last one is written. Each but
//! the first has a file `begins`: at which offset each partition begins in it, as [`offsets`] stores them. It is written last, so a
//! directory without it is a volume whose making never finished. Where one volume begins, the one before it ends: what is sealed is checked
//! against that whenever it is opened, and it is opened when somebody reads in it.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak},
    time::{Duration, Instant},
};

use crate::{Layout, OpenError, PartitionId, ReadError, durable::sync_names};

use super::{
    meta::Meta,
    offsets,
    volume::{DB, Settings, Volume, damaged, unavailable},
};

const BEGINS: &str = "begins";
const PREFIX: &str = "volume-";
/// Sealed volumes that stay open after use, so that several readers do not close each other's.
const RECENT_MAX: usize = 4;
/// How long they do: an open one takes some 50 MB, whatever its cache should be, as sled keeps a page or two in each of 256 shards.
const UNUSED_MAX: Duration = Duration::from_secs(2);
/// Bytes of pages that sled keeps in memory of each of them.
const SEALED_CACHE_BYTES: u64 = 1024 * 1024;

/// The directory of a volume; the first has number 1.
pub(super) fn place(ledger: &Path, number: u32) -> PathBuf {
    if number == 1 { ledger.to_owned() } else { ledger.join(format!("{PREFIX}{number}")) }
}

/// How many volumes a ledger has. None of them may be missing, but for the last ones: whether there were more, the acknowledged ends tell.
pub(super) fn count(ledger: &Path) -> Result<u32, OpenError> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(ledger).map_err(|error| unavailable(ledger, error))? {
        let name = entry.map_err(|error| unavailable(ledger, error))?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|number| number.parse().ok());
        numbers.extend(number.filter(|&number| place(ledger, number).join(BEGINS).exists()));
    }
    numbers.sort_unstable();
    for (expected, &found) in (2..).zip(&numbers) {
        if found != expected {
            return Err(damaged(ledger, format!("{PREFIX}{expected} is not there, but {PREFIX}{found} is")));
        }
    }
    let last = numbers.last().copied().unwrap_or(1);
    match (1..=last).map(|number| place(ledger, number)).find(|place| !place.join(DB).is_file()) {
        None => Ok(last),
        Some(gone) => Err(damaged(&gone, "its database is gone")),
    }
}

/// Where each partition begins in each of so many volumes, the oldest first.
pub(super) fn begins(ledger: &Path, count: u32, layout: Layout) -> Result<Vec<Begins>, OpenError> {
    let all = (1..=count).map(|number| Begins::read(ledger, number, layout)).collect::<Result<Vec<_>, _>>()?;
    for (number, (earlier, later)) in (1..).zip(all.iter().zip(all.iter().skip(1))) {
        if let Some((partition, begin)) = earlier.iter().find(|&(partition, begin)| begin > later.of(partition)) {
            let what =
                format!("{partition} begins at offset {} there, but at {begin} in the one before", later.of(partition));
            return Err(damaged(&place(ledger, number + 1), what));
        }
    }
    Ok(all)
}

/// Where each partition begins in a volume, in the order of the layout.
pub(super) struct Begins(Vec<(PartitionId, u64)>);

impl Begins {
    fn read(ledger: &Path, number: u32, layout: Layout) -> Result<Self, OpenError> {
        if number == 1 {
            return Ok(Self(layout.all().map(|partition| (partition, 0)).collect()));
        }
        let path = place(ledger, number).join(BEGINS);
        let bytes = fs::read(&path).map_err(|error| unavailable(&path, error))?;
        let mut begins: Vec<_> = offsets::decode(layout, &bytes)
            .map(|(partition, offset)| Some((partition, offset?)))
            .collect::<Option<_>>()
            .filter(|begins: &Vec<_>| !begins.is_empty())
            .ok_or_else(|| damaged(&path, "its checksum does not match"))?;
        // There were no records of a family before there was the family.
        let added: Vec<_> = layout.all().skip(begins.len()).map(|partition| (partition, 0)).collect();
        begins.extend(added);
        Ok(Self(begins))
    }

    fn of(&self, partition: PartitionId) -> u64 {
        let at = self.0.binary_search_by_key(&partition, |(partition, _)| *partition);
        at.ok().and_then(|at| self.0.get(at)).map_or(0, |(_, begin)| *begin)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (PartitionId, u64)> {
        self.0.iter().copied()
    }
}

/// The volumes of an open ledger.
pub(super) struct Volumes {
    ledger: PathBuf,
    meta: Meta,
    settings: Settings,
    inner: RwLock<Inner>,
    /// Sealed ones with when they were used, the last used last.
    recent: Mutex<VecDeque<(Arc<Volume>, Instant)>>,
}

struct Inner {
    /// All, the oldest first.
    slots: Vec<Arc<Slot>>,
    /// The last one, which is written.
    active: Arc<Volume>,
}

struct Slot {
    number: u32,
    begins: Begins,
    /// If somebody has it open. Locked while it is opened.
    open: Mutex<Weak<Volume>>,
}

/// Why the log cannot go on in a new volume.
pub(super) enum NotBegun {
    /// Nothing has changed: it goes on in the one there is.
    Unchanged(OpenError),
    /// Whether there is another one now is not known.
    Unknown(OpenError),
}

impl Volumes {
    /// The volumes that begin so, of which the last one is open.
    pub(super) fn new(ledger: &Path, meta: Meta, settings: Settings, begins: Vec<Begins>, active: Volume) -> Self {
        let active = Arc::new(active);
        let mut slots: Vec<_> = (1..)
            .zip(begins)
            .map(|(number, begins)| Arc::new(Slot { number, begins, open: Mutex::default() }))
            .collect();
        if let Some(last) = slots.last_mut().and_then(Arc::get_mut) {
            last.open = Mutex::new(Arc::downgrade(&active));
        }
        let inner = RwLock::new(Inner { slots, active });
        Self { ledger: ledger.to_owned(), meta, settings, inner, recent: Mutex::default() }
    }

    pub(super) fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The one that is written.
    pub(super) fn active(&self) -> Arc<Volume> {
        Arc::clone(&self.inner().active)
    }

    /// The one that has a record, and where it ends for that partition; nothing for the one that is written.
    pub(super) fn holding(&self, partition: PartitionId, offset: u64) -> Result<(Arc<Volume>, Option<u64>), ReadError> {
        let (slot, ends) = {
            let inner = self.inner();
            let after = inner.slots.partition_point(|slot| slot.begins.of(partition) <= offset);
            let (Some(slot), Some(next)) = (inner.slots.get(after.saturating_sub(1)), inner.slots.get(after.max(1)))
            else {
                return Ok((Arc::clone(&inner.active), None));
            };
            (Arc::clone(slot), Arc::clone(next))
        };
        let volume = self.sealed(&slot, &ends).map_err(|error| match error {
            OpenError::Unavailable { .. } | OpenError::InUse { .. } => {
                ReadError::Unavailable { place: self.ledger.display().to_string(), source: Box::new(error) }
            }
            error => ReadError::Damaged { partition, offset, what: error.to_string() },
        })?;
        Ok((volume, Some(ends.begins.of(partition))))
    }

    /// Opens a sealed one, unless it is open.
    fn sealed(&self, slot: &Slot, next: &Slot) -> Result<Arc<Volume>, OpenError> {
        let mut open = lock(&slot.open);
        let volume = open.upgrade().map_or_else(|| self.open_sealed(slot, next).map(Arc::new), Ok)?;
        *open = Arc::downgrade(&volume);
        drop(open);
        self.used(&volume);
        Ok(volume)
    }

    /// Opens one and checks that it is this ledger's and ends where the next one begins.
    fn open_sealed(&self, slot: &Slot, next: &Slot) -> Result<Volume, OpenError> {
        let dir = place(&self.ledger, slot.number);
        let settings = Settings { cache_bytes: SEALED_CACHE_BYTES, ..self.settings };
        let (volume, ()) = Volume::open(&dir, settings, |db, meta| {
            if meta != self.meta {
                return Err(damaged(&dir, format!("it belongs to the ledger {}", meta.ledger_id.0)));
            }
            let ends = Volume::ends(&dir, db, slot.begins.iter())?;
            match ends.into_iter().find(|&(partition, end)| end != next.begins.of(partition)) {
                None => Ok(()),
                Some((partition, end)) => {
                    let begin = next.begins.of(partition);
                    let what = format!("{partition} ends at offset {end} there, and goes on at {begin} in the next");
                    Err(damaged(&dir, what))
                }
            }
        })?;
        volume.seal();
        Ok(volume)
    }

    /// Keeps it open for a while.
    fn used(&self, volume: &Arc<Volume>) {
        let mut recent = lock(&self.recent);
        recent.retain(|(other, _)| !Arc::ptr_eq(other, volume));
        recent.push_back((Arc::clone(volume), Instant::now()));
        let oldest = if recent.len() > RECENT_MAX { recent.pop_front() } else { None };
        drop(recent);
        // Closing it takes a moment; nobody waits for the lock meanwhile.
        drop(oldest);
    }

    /// Closes those that nobody has used for a while.
    pub(super) fn close_unused(&self) {
        let mut unused = Vec::new();
        let mut recent = lock(&self.recent);
        while recent.front().is_some_and(|(_, used)| used.elapsed() > UNUSED_MAX) {
            unused.extend(recent.pop_front());
        }
        drop(recent);
        drop(unused);
    }

    /// Goes on in a new volume. All of the log is stored in those there are, up to these ends.
    pub(super) fn begin(&self, end_of: impl Fn(PartitionId) -> u64) -> Result<(), NotBegun> {
        let number = self.inner().slots.last().map_or(1, |slot| slot.number) + 1;
        let dir = place(&self.ledger, number);
        let begins = Begins(self.meta.layout.all().map(|partition| (partition, end_of(partition))).collect());
        let unavailable = |error: io::Error| unavailable(&dir, error);
        let make = || {
            // What an earlier attempt left.
            match fs::remove_dir_all(&dir) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unavailable(error)),
                _ => fs::create_dir(&dir).map_err(unavailable)?,
            }
            let (volume, _) = Volume::make(&dir, &self.meta, self.settings)?;
            let mut file = File::create(dir.join(format!("{BEGINS}.new"))).map_err(unavailable)?;
            file.write_all(&offsets::encode(self.meta.layout, &end_of))
                .and_then(|()| file.sync_all())
                .map_err(unavailable)?;
            sync_names(&self.ledger).map_err(unavailable)?;
            Ok(volume)
        };
        let active = make().map_err(NotBegun::Unchanged)?;
        fs::rename(dir.join(format!("{BEGINS}.new")), dir.join(BEGINS))
            .and_then(|()| sync_names(&dir))
            .map_err(|error| NotBegun::Unknown(unavailable(error)))?;
        tracing::info!(dir = %dir.display(), "the log goes on in a new volume");
        let active = Arc::new(active);
        let open = Mutex::new(Arc::downgrade(&active));
        let mut inner = self.inner_mut();
        inner.slots.push(Arc::new(Slot { number, begins, open }));
        let sealed = std::mem::replace(&mut inner.active, active);
        drop(inner);
        sealed.seal();
        self.used(&sealed);
        self.close_unused();
        Ok(())
    }

    /// Bytes of disk that they take.
    pub(super) fn disk_bytes(&self) -> io::Result<u64> {
        let last = self.inner().slots.last().map_or(1, |slot| slot.number);
        let mut bytes = 0;
        for dir in (1..=last).map(|number| place(&self.ledger, number)) {
            for entry in fs::read_dir(dir)? {
                let metadata = entry?.metadata()?;
                bytes += if metadata.is_file() { metadata.len() } else { 0 };
            }
        }
        Ok(bytes)
    }

    fn inner(&self) -> RwLockReadGuard<'_, Inner> {
        // Nothing in there is left half done by a panic.
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn inner_mut(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
