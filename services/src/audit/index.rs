//! The hashes of a tree's tiles in files: one file for each level of tiles, hash after hash.
//!
//! All of it is derived from the log. `state` says how far it surely reaches and where the log goes on; what is beyond it was not synced
//! and is cut off when the index is opened. Whatever does not fit together is thrown away and made again.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use subledger_log::{Cursor, LedgerId, durable};
use subledger_proof::{
    Frontier, Hash,
    tile::{self, Hashes, Tiled, WIDTH},
};

/// Bytes of a hash.
const HASH_BYTES: u64 = 32;
/// The file that says how far the others reach.
const STATE: &str = "state";

/// What is surely there.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct State {
    ledger: LedgerId,
    size: u64,
    cursor: Cursor,
}

/// One level of tiles.
struct Level {
    file: File,
    /// Its hashes.
    count: u64,
    /// Those of the last tile, while it is not full.
    row: Vec<Hash>,
    /// What is not written yet.
    unwritten: Vec<u8>,
}

/// The index of one partition's tree.
pub(crate) struct Index {
    dir: PathBuf,
    ledger: LedgerId,
    levels: Vec<Level>,
    saved: u64,
}

impl Index {
    /// Opens what is there and fits this ledger, or begins anew. Gives the place in the log to go on from as well.
    pub(crate) fn open(dir: &Path, ledger: LedgerId) -> io::Result<(Self, Cursor)> {
        fs::create_dir_all(dir)?;
        let state = fs::read(dir.join(STATE)).ok().and_then(|bytes| serde_json::from_slice::<State>(&bytes).ok());
        if let Some(state) =
            state.filter(|state| state.ledger == ledger && state.size == state.cursor.admission.next_seq)
            && let Some(levels) = open_levels(dir, state.size)?
        {
            let index = Self { dir: dir.to_owned(), ledger, levels, saved: state.size };
            return Ok((index, state.cursor));
        }
        Ok((Self::create(dir, ledger)?, Cursor::default()))
    }

    /// Begins anew, whatever is there.
    pub(crate) fn create(dir: &Path, ledger: LedgerId) -> io::Result<Self> {
        match fs::remove_dir_all(dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(dir)?,
        }
        Ok(Self { dir: dir.to_owned(), ledger, levels: Vec::new(), saved: 0 })
    }

    /// The number of leaves.
    pub(crate) fn size(&self) -> u64 {
        self.levels.first().map_or(0, |level| level.count)
    }

    /// The right edge of the tree.
    pub(crate) fn frontier(&self) -> io::Result<Frontier> {
        Frontier::of(&Tiled(self), self.size())
    }

    /// Adds a leaf; [`Self::write`] puts it into the files.
    pub(crate) fn push(&mut self, leaf: Hash) -> io::Result<()> {
        let mut carry = Some(leaf);
        let mut number = 0;
        while let Some(hash) = carry.take() {
            if self.levels.len() == number {
                self.levels.push(Level::create(&self.dir, number)?);
            }
            let level = &mut self.levels[number];
            level.count += 1;
            level.unwritten.extend_from_slice(&hash);
            level.row.push(hash);
            if level.row.len() as u64 == WIDTH {
                // A full tile is one hash of the level above.
                let mut row = Frontier::default();
                level.row.drain(..).for_each(|hash| row.push_hash(hash));
                carry = Some(row.root());
            }
            number += 1;
        }
        Ok(())
    }

    /// Writes what was added, so that it can be read.
    pub(crate) fn write(&mut self) -> io::Result<()> {
        self.levels.iter_mut().try_for_each(|level| {
            level.file.write_all(&level.unwritten)?;
            level.unwritten.clear();
            Ok(())
        })
    }

    /// Makes it durable: after a restart it goes on from here, at `cursor` of the log. Nothing to do if nothing was added.
    pub(crate) fn save(&mut self, cursor: Cursor) -> io::Result<()> {
        if self.saved == self.size() {
            return Ok(());
        }
        self.levels.iter().try_for_each(|level| level.file.sync_data())?;
        let state = State { ledger: self.ledger, size: self.size(), cursor };
        durable::replace(&self.dir.join(STATE), &serde_json::to_vec(&state)?)?;
        self.saved = state.size;
        Ok(())
    }
}

impl Hashes for Index {
    type Error = io::Error;

    fn read(&self, level: u32, first: u64, count: u64) -> io::Result<Vec<Hash>> {
        let short = || {
            let what = format!("the index of the tree has no hashes {first} to {} of level {level}", first + count);
            io::Error::new(io::ErrorKind::UnexpectedEof, what)
        };
        let level = self.levels.get(level as usize).ok_or_else(short)?;
        if first + count > level.count {
            return Err(short());
        }
        let mut file = &level.file;
        file.seek(SeekFrom::Start(first * HASH_BYTES))?;
        let mut bytes = vec![0; usize::try_from(count * HASH_BYTES).map_err(|_| short())?];
        let read = file.read_exact(&mut bytes);
        // Appending goes on at the end, whatever was read.
        file.seek(SeekFrom::Start(level.count * HASH_BYTES - level.unwritten.len() as u64))?;
        read?;
        Ok(bytes.chunks_exact(32).filter_map(|hash| hash.try_into().ok()).collect())
    }
}

impl Level {
    fn create(dir: &Path, number: usize) -> io::Result<Self> {
        let file = File::options().read(true).write(true).create(true).truncate(true).open(path(dir, number))?;
        Ok(Self { file, count: 0, row: Vec::new(), unwritten: Vec::new() })
    }

    /// Opens a level that has at least `count` hashes; cuts off what it has more. None if it has less.
    fn open(dir: &Path, number: usize, count: u64) -> io::Result<Option<Self>> {
        let mut file = match File::options().read(true).write(true).open(path(dir, number)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        if file.metadata()?.len() < count * HASH_BYTES {
            return Ok(None);
        }
        file.set_len(count * HASH_BYTES)?;
        let partial = count % WIDTH;
        file.seek(SeekFrom::Start((count - partial) * HASH_BYTES))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let row = bytes.chunks_exact(32).filter_map(|hash| hash.try_into().ok()).collect();
        Ok(Some(Self { file, count, row, unwritten: Vec::new() }))
    }
}

fn path(dir: &Path, number: usize) -> PathBuf {
    dir.join(format!("level-{number}"))
}

/// Every level of a tree of that size; none if one is not there or too short.
fn open_levels(dir: &Path, size: u64) -> io::Result<Option<Vec<Level>>> {
    let mut levels = Vec::new();
    loop {
        let number = levels.len();
        let count = u32::try_from(number).map_or(0, |number| tile::hashes(size, number));
        if count == 0 {
            return Ok(Some(levels));
        }
        match Level::open(dir, number, count)? {
            Some(level) => levels.push(level),
            None => return Ok(None),
        }
    }
}
