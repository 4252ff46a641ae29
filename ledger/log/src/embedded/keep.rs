//! Nothing is lost by looking: sled repairs its files while it opens them, and takes damage for a write that never finished. So unless
//! the last close is known to have left the files as they are, they are copied first, and put back if opening does not succeed.
//!
//! `closed` says how long the database was, and when it was last written, after the last orderly close. `before-recovery/` holds the
//! copies; `complete` in it says that all are there, so a process that is killed while it opens loses nothing either. They are not
//! synced, which would take as long as reading the log: `complete` names the run of the system that has them in memory. After a power
//! failure they may be empty and are not used; the log is then recovered from what sled's own recovery left, and an acknowledged record that
//! it dropped is missed as ever. Copies are synced before they are put back.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant, UNIX_EPOCH},
};

use fs2::FileExt as _;

use super::{
    acknowledged,
    volume::{DB, LOCK_RETRY},
};
use crate::{OpenError, durable};

const CLOSED: &str = "closed";
const KEPT: &str = "before-recovery";
const COMPLETE: &str = "complete";
/// What [`COMPLETE`] holds once the copies are on disk; before, the run of the system.
const SETTLED: &str = "on disk";

/// What a directory holds before sled looks at it.
pub(super) enum Found {
    /// Nothing, or a ledger whose making never finished: nothing was ever acknowledged in it.
    Nothing,
    /// A ledger.
    Ledger,
}

/// Looks at a directory without changing it.
pub(super) fn look(dir: &Path) -> Result<Found, OpenError> {
    let unavailable =
        |error: io::Error| OpenError::Unavailable { place: dir.display().to_string(), source: error.into() };
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(unavailable(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.map_err(unavailable)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    match acknowledged::length(dir).map_err(unavailable)? {
        Some(0) => Ok(Found::Nothing),
        Some(_) => Ok(Found::Ledger),
        None if names.is_empty() => Ok(Found::Nothing),
        None => {
            let what = format!(
                "{} holds {}, but no ledger: the file `acknowledged` of one is not there. Name an empty directory, or restore the ledger \
                 from a backup",
                dir.display(),
                names.join(", ")
            );
            Err(OpenError::NotALedger { what })
        }
    }
}

/// Copies of the files that sled may change.
pub(super) struct Kept {
    dir: PathBuf,
}

impl Kept {
    /// Puts back what an interrupted opening left, and copies the files unless the last close left them as they are.
    pub(super) fn before_opening(dir: &Path, lock_wait: Duration) -> Result<Option<Self>, OpenError> {
        let unavailable =
            |error: io::Error| OpenError::Unavailable { place: dir.display().to_string(), source: error.into() };
        // sled's own, so that nothing is copied under a database that is still being closed.
        let _lock = lock(dir, DB, lock_wait)?;
        let kept = Self { dir: dir.to_owned() };
        match kept.are_complete().map_err(unavailable)? {
            Some(true) => kept.put_back().map_err(unavailable)?,
            Some(false) => tracing::warn!(
                dir = %dir.display(),
                "the system stopped while the log was being recovered; it is recovered again from what is there"
            ),
            None => {}
        }
        let bytes = fs::metadata(dir.join(DB)).map_err(unavailable)?.len();
        if closed_as_it_is(dir).unwrap_or(false) {
            return Ok(None);
        }
        if fs2::available_space(dir).map_err(unavailable)? < bytes.saturating_mul(2) {
            tracing::warn!(dir = %dir.display(), bytes, "too little space to copy the log before it is recovered; going on without");
            return Ok(None);
        }
        kept.copy().map_err(unavailable)?;
        tracing::info!(dir = %dir.display(), bytes, "the last close was not orderly; the log was copied before it is recovered");
        Ok(Some(kept))
    }

    fn place(&self) -> PathBuf {
        self.dir.join(KEPT)
    }

    fn copy(&self) -> io::Result<()> {
        let place = self.place();
        self.forget()?;
        fs::create_dir(&place)?;
        for path in sled_files(&self.dir)? {
            if let Some(name) = path.file_name() {
                fs::copy(&path, place.join(name))?;
            }
        }
        match boot_id() {
            Some(id) => fs::write(place.join(COMPLETE), id),
            None => self.settle(),
        }
    }

    /// Whether the copies are all there, if there are copies that were once; false if the system has stopped since.
    fn are_complete(&self) -> io::Result<Option<bool>> {
        match fs::read_to_string(self.place().join(COMPLETE)) {
            Ok(id) => Ok(Some(id == SETTLED || boot_id().as_ref() == Some(&id))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes the copies durable.
    fn settle(&self) -> io::Result<()> {
        sync_files(&self.place())?;
        durable::replace(&self.place().join(COMPLETE), SETTLED.as_bytes())?;
        durable::sync_names(&self.dir)
    }

    /// Opening did not succeed: the files are as they were. Interrupted, even by a power failure, it is done again.
    pub(super) fn put_back(&self) -> io::Result<()> {
        self.settle()?;
        let kept = sled_files(&self.place())?;
        let is_kept = |path: &PathBuf| kept.iter().any(|kept| kept.file_name() == path.file_name());
        for path in sled_files(&self.dir)?.into_iter().filter(|path| !is_kept(path)) {
            fs::remove_file(path)?;
        }
        for path in &kept {
            if let Some(name) = path.file_name() {
                fs::copy(path, self.dir.join(name))?;
            }
        }
        sync_files(&self.dir)?;
        durable::sync_names(&self.dir)?;
        self.forget()
    }

    /// Opening succeeded, or there is nothing to keep.
    pub(super) fn forget(&self) -> io::Result<()> {
        match fs::remove_dir_all(self.place()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The files that sled writes in place.
fn sled_files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_file() && (name == DB || name == "conf" || name.starts_with("snap.")) {
            files.push(entry.path());
        }
    }
    Ok(files)
}

/// Brings the files that sled writes in place to the disk; it syncs only one of them by itself.
pub(super) fn sync_files(dir: &Path) -> io::Result<()> {
    sled_files(dir)?.into_iter().try_for_each(|path| File::open(path)?.sync_all())
}

/// Another one each time the system starts; none where it does not say.
fn boot_id() -> Option<String> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().filter(|id| !id.trim().is_empty())
}

/// Takes the lock of a file in a directory, for as long as the file is open.
pub(super) fn lock(dir: &Path, name: &str, wait: Duration) -> Result<File, OpenError> {
    let place = || dir.display().to_string();
    let file =
        File::open(dir.join(name)).map_err(|error| OpenError::Unavailable { place: place(), source: error.into() })?;
    let deadline = Instant::now() + wait;
    while file.try_lock_exclusive().is_err() {
        if Instant::now() >= deadline {
            return Err(OpenError::InUse { path: place() });
        }
        std::thread::sleep(LOCK_RETRY);
    }
    Ok(file)
}

fn fingerprint(dir: &Path) -> io::Result<String> {
    let metadata = fs::metadata(dir.join(DB))?;
    let written = metadata.modified()?.duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
    Ok(format!("{} {}\n", metadata.len(), written.as_nanos()))
}

fn closed_as_it_is(dir: &Path) -> io::Result<bool> {
    Ok(fs::read_to_string(dir.join(CLOSED))? == fingerprint(dir)?)
}

/// Notes an orderly close when it is dropped: after the database, if it is declared after it.
pub(super) struct Closing {
    dir: PathBuf,
}

impl Closing {
    /// The database is open now: until it is closed, nothing is known of its files.
    pub(super) fn begin(dir: &Path) -> io::Result<Self> {
        match fs::remove_file(dir.join(CLOSED)) {
            Ok(()) => durable::sync_names(dir)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(Self { dir: dir.to_owned() })
    }

    /// The files are as an orderly close leaves them, if nothing is written to them any more.
    pub(super) fn note(&self) {
        let noted = fingerprint(&self.dir).and_then(|text| {
            let mut file = File::create(self.dir.join(CLOSED))?;
            file.write_all(text.as_bytes())
        });
        if let Err(error) = noted {
            tracing::warn!(dir = %self.dir.display(), %error, "the orderly close is not noted; opening takes a copy first");
        }
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.note();
    }
}
