//! The directory of a projection: which of its stores is the current one.
//!
//! ```text
//! <dir>/LOCK          held while a process uses the directory
//! <dir>/CURRENT       the name of the current generation
//! <dir>/FORGET        there while the rows may have names of a customer that was erased
//! <dir>/g-00000007/   a generation: one sled store
//! ```
//!
//! A new store is built in a generation of its own and becomes the current one when `CURRENT` is replaced, by the rename of one small
//! file: before it the old store is in use, after it the new one, and nothing lies in between. (Renaming the directories instead
//! would take two renames, with a moment of no store between them, and would move files under an open sled.) Whatever `CURRENT`
//! does not name is left over, from a crash or from a replaced store, and is removed at the next opening.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use subledger_log::durable;

use crate::error::OpenError;

const CURRENT: &str = "CURRENT";
const CURRENT_NEW: &str = "CURRENT.new";
const FORGET: &str = "FORGET";
const LOCK: &str = "LOCK";
const GENERATION: &str = "g-";
const LOCK_RETRY: Duration = Duration::from_millis(50);

/// A projection's directory, in use by this process alone.
pub struct Home {
    dir: PathBuf,
    // Unlocked when it is closed, however the process ends.
    _lock: File,
}

impl Home {
    /// Takes the directory, makes it if need be, and removes what a crash left over.
    pub fn open(dir: &Path, lock_wait: Duration) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Io { path: dir.to_owned(), source };
        durable::make_dir(dir).map_err(failed)?;
        let lock = File::options().create(true).truncate(false).write(true).open(dir.join(LOCK)).map_err(failed)?;
        let deadline = Instant::now() + lock_wait;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => return Err(failed(source)),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(OpenError::InUse { path: dir.to_owned() });
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_RETRY),
            }
        }
        let home = Self { dir: dir.to_owned(), _lock: lock };
        home.sweep().map_err(failed)?;
        Ok(home)
    }

    /// The current generation, if one was ever promoted.
    pub fn current(&self) -> Result<Option<PathBuf>, OpenError> {
        let failed = |source| OpenError::Io { path: self.dir.join(CURRENT), source };
        match fs::read_to_string(self.dir.join(CURRENT)) {
            Ok(name) if number(name.trim()).is_some() => Ok(Some(self.dir.join(name.trim()))),
            Ok(name) => Err(OpenError::Damaged {
                path: self.dir.join(CURRENT),
                what: format!("{:?} is not the name of a generation", name.chars().take(40).collect::<String>()),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// A path for a new generation, later than every other.
    pub fn next(&self) -> Result<PathBuf, OpenError> {
        let failed = |source| OpenError::Io { path: self.dir.clone(), source };
        let last = self.generations().map_err(failed)?.into_iter().map(|(number, _)| number).max();
        Ok(self.dir.join(format!("{GENERATION}{:08}", last.map_or(1, |last| last + 1))))
    }

    /// Makes a generation the current one. Its files must be on disk: see [`Self::sync`].
    pub fn promote(&self, generation: &Path) -> io::Result<()> {
        let name = generation.file_name().unwrap_or_default().to_string_lossy();
        debug_assert!(number(&name).is_some(), "not a generation: {name}");
        durable::replace(&self.dir.join(CURRENT), format!("{name}\n").as_bytes())
    }

    /// Notes, on disk, that the rows must be folded again: a customer was erased.
    pub fn must_forget(&self) -> io::Result<()> {
        File::create(self.dir.join(FORGET))?.sync_all()?;
        durable::sync_names(&self.dir)
    }

    /// Whether they must.
    pub fn is_to_forget(&self) -> bool {
        self.dir.join(FORGET).exists()
    }

    /// They were.
    pub fn forgot(&self) -> io::Result<()> {
        fs::remove_file(self.dir.join(FORGET))
    }

    /// Brings every file of a generation to the disk. sled's own flush starts the write-out and does not wait for the device.
    pub fn sync(&self, generation: &Path) -> io::Result<()> {
        sync_tree(generation)?;
        durable::sync_names(&self.dir)
    }

    /// Removes a generation that is not used any more; the current one stays. What resists goes at the next opening.
    pub fn discard(&self, generation: &Path) {
        if matches!(self.current(), Ok(Some(current)) if current == generation) {
            return;
        }
        if let Err(error) = fs::remove_dir_all(generation)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %generation.display(), %error, "cannot remove a replaced store yet; trying again at the next start");
        }
    }

    /// Removes everything that `CURRENT` does not name. If it names nonsense, everything stays for whoever looks.
    fn sweep(&self) -> io::Result<()> {
        let Ok(current) = self.current() else { return Ok(()) };
        for (_, path) in self.generations()? {
            if Some(&path) != current.as_ref() {
                tracing::info!(path = %path.display(), "removing what an interrupted rebuild or a replaced store left over");
                self.discard(&path);
            }
        }
        match fs::remove_file(self.dir.join(CURRENT_NEW)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn generations(&self) -> io::Result<Vec<(u64, PathBuf)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            if let Some(number) = entry.file_name().to_str().and_then(number) {
                found.push((number, entry.path()));
            }
        }
        found.sort_unstable();
        Ok(found)
    }
}

fn number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(GENERATION)?;
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

fn sync_tree(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            sync_tree(&entry?.path())?;
        }
    }
    match File::open(path) {
        Ok(file) => file.sync_all(),
        // sled replaces its snapshot files by itself.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_at_any_point_of_a_swap_leaves_one_current_store() {
        let dir = tempfile::tempdir().unwrap();
        let open = || Home::open(dir.path(), Duration::ZERO).unwrap();
        let make = |home: &Home| {
            let path = home.next().unwrap();
            fs::create_dir(&path).unwrap();
            path
        };
        let home = open();
        assert_eq!(home.current().unwrap(), None);
        let first = make(&home);
        home.sync(&first).unwrap();
        home.promote(&first).unwrap();

        // Crash while building, and after CURRENT.new was written.
        let second = make(&home);
        fs::write(dir.path().join(CURRENT_NEW), "g-0000").unwrap();
        drop(home);
        let home = open();
        assert_eq!(home.current().unwrap().as_ref(), Some(&first));
        assert!(!second.exists() && !dir.path().join(CURRENT_NEW).exists());

        // Crash right after the rename: the old one is left over.
        let third = make(&home);
        home.promote(&third).unwrap();
        assert!(first.exists());
        drop(home);
        let home = open();
        assert_eq!(home.current().unwrap().as_ref(), Some(&third));
        assert!(third.exists() && !first.exists());
    }

    #[test]
    fn a_directory_has_one_user() {
        let dir = tempfile::tempdir().unwrap();
        let _home = Home::open(dir.path(), Duration::ZERO).unwrap();
        assert!(matches!(Home::open(dir.path(), Duration::ZERO), Err(OpenError::InUse { .. })));
    }
}
