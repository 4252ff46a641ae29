//! The rows of one projection and the place in the log they reflect, in one sled tree.
//!
//! Keys: `0x00 'i'` the [`Identity`], `0x00 'c'` the [`Checkpoint`]; every other key begins a block of the projection's rows
//! ([`crate::block`]), whose tables begin with another byte: a block has the rows from its key on, up to the next block's key. A batch of changed rows and the new checkpoint are one sled `Batch`: both are there after a crash, or neither. No
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
    block::{self, Block},
    config::StoreOptions,
    error::OpenError,
    stage::{META, Staged, Visit, bounds},
};

/// Raised when the form of stores changes.
const FORMAT: u32 = 2;
const IDENTITY_KEY: [u8; 2] = [META, b'i'];
const CHECKPOINT_KEY: [u8; 2] = [META, b'c'];
/// Where the first block begins: before every row, after the store's own keys.
const FIRST_BLOCK: &[u8] = &[META + 1];
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

/// A [`Digest`] in the making: rows in the order of keys.
#[derive(Default)]
pub(crate) struct RowsDigest(Sha256);

impl RowsDigest {
    pub(crate) fn add(&mut self, key: &[u8], row: &[u8]) {
        for part in [key, row] {
            self.0.update((part.len() as u64).to_be_bytes());
            self.0.update(part);
        }
    }

    pub(crate) fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
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
        let mut changes = rows.iter().map(|(key, row)| (key.as_slice(), row.as_deref())).peekable();
        while let Some(&(first, _)) = changes.peek() {
            let (begins, old) = self.block_of(first)?;
            let ends = self.next_block(&begins)?;
            let mut of_block = Vec::new();
            while let Some(change) = changes.next_if(|(key, _)| ends.as_deref().is_none_or(|end| *key < end)) {
                of_block.push(change);
            }
            let old = old.as_deref().map(Block::read).transpose()?;
            let appended = match old {
                Some(block) => block.find(first)?.0 == block.len(),
                None => true,
            };
            let merged = block::merge(old, &of_block)?;
            let pieces = block::cut(&merged, appended);
            if pieces.is_empty() {
                batch.remove(begins.as_slice());
            }
            for (n, piece) in pieces.into_iter().enumerate() {
                // The first piece keeps the block's place, so that no key before its first row is left without one.
                let key = if n == 0 { begins.as_slice() } else { piece.first().map_or(&[][..], |(key, _)| key) };
                batch.insert(key, block::write(piece)?);
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
        let mut digest = RowsDigest::default();
        self.scan(&[], &[], false, &mut |key, row| {
            digest.add(key, row);
            Ok(true)
        })?;
        Ok(digest.finish())
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
    pub(crate) fn rows(&self) -> Walk<'_> {
        Walk { store: self, blocks: self.db.range(FIRST_BLOCK..), block: None, index: 0 }
    }

    /// Where the block of a key begins, and the block if there is one.
    fn block_of(&self, key: &[u8]) -> Result<(Vec<u8>, Option<sled::IVec>), StoreError> {
        let found = self.db.range::<&[u8], _>(FIRST_BLOCK..=key).next_back().transpose();
        Ok(match found.map_err(|error| self.failed(&error))? {
            Some((begins, block)) => (begins.to_vec(), Some(block)),
            None => (FIRST_BLOCK.to_vec(), None),
        })
    }

    /// Where the block after this one begins.
    fn next_block(&self, begins: &[u8]) -> Result<Option<sled::IVec>, StoreError> {
        let after = (Bound::Excluded(begins), Bound::Unbounded);
        let next = self.db.range::<&[u8], _>(after).next().transpose().map_err(|error| self.failed(&error))?;
        Ok(next.map(|(begins, _)| begins))
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
        let (_, Some(block)) = self.block_of(key)? else { return Ok(None) };
        Ok(Block::read(&block)?.get(key)?.map(<[u8]>::to_vec))
    }

    fn scan(&self, prefix: &[u8], from: &[u8], reverse: bool, visit: Visit<'_>) -> Result<(), StoreError> {
        let Some((low, high)) = bounds(prefix, from, reverse) else { return Ok(()) };
        let low = match low {
            Bound::Included(low) if low.as_slice() >= FIRST_BLOCK => low,
            _ => FIRST_BLOCK.to_vec(),
        };
        let beyond = |key: &[u8]| match &high {
            Bound::Included(high) => key > high.as_slice(),
            Bound::Excluded(high) => key >= high.as_slice(),
            Bound::Unbounded => false,
        };
        if beyond(&low) {
            return Ok(());
        }
        // The block that has the first key may begin before it.
        let (first, _) = self.block_of(&low)?;
        let mut blocks = self.db.range::<Vec<u8>, _>((Bound::Included(first), high.clone()));
        let mut key = Vec::new();
        while let Some(entry) = if reverse { blocks.next_back() } else { blocks.next() } {
            let (_, bytes) = entry.map_err(|error| self.failed(&error))?;
            let block = Block::read(&bytes)?;
            let (mut start, mut end) = (block.find(&low)?.0, block.len());
            while start < end {
                let index = if reverse { end - 1 } else { start };
                let row = block.row(index, &mut key)?;
                if reverse {
                    end -= 1;
                } else {
                    start += 1;
                }
                if beyond(&key) {
                    if reverse {
                        continue;
                    }
                    return Ok(());
                }
                if !visit(&key, row)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

type KeyAndRow = (Vec<u8>, Vec<u8>);

/// Every row, block after block.
pub(crate) struct Walk<'a> {
    store: &'a Store,
    blocks: sled::Iter,
    block: Option<sled::IVec>,
    index: usize,
}

impl Walk<'_> {
    fn step(&mut self) -> Result<Option<KeyAndRow>, StoreError> {
        loop {
            if let Some(bytes) = &self.block {
                let block = Block::read(bytes)?;
                if self.index < block.len() {
                    let mut key = Vec::new();
                    let row = block.row(self.index, &mut key)?.to_vec();
                    self.index += 1;
                    return Ok(Some((key, row)));
                }
            }
            match self.blocks.next() {
                None => return Ok(None),
                Some(entry) => {
                    let (_, bytes) = entry.map_err(|error| self.store.failed(&error))?;
                    (self.block, self.index) = (Some(bytes), 0);
                }
            }
        }
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<KeyAndRow, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use subledger_fold::{Changes as _, memory::Memory};
    use uuid::Uuid;

    use super::*;

    fn store(path: &Path) -> Store {
        let (ledger, layout) = (LedgerId(Uuid::from_u128(1)), Layout::default());
        let identity = Identity { ledger, layout, projection: "p".into(), version: 1 };
        Store::open(path, &identity, &StoreOptions::default()).unwrap()
    }

    fn key() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(prop_oneof![Just(1_u8), Just(2), Just(255), any::<u8>()], 1..4)
            .prop_filter("the store's own", |key| key[0] != META)
    }

    fn walk(rows: &dyn Rows, prefix: &[u8], from: &[u8], reverse: bool) -> Vec<(Vec<u8>, usize)> {
        let mut seen = Vec::new();
        rows.scan(prefix, from, reverse, &mut |key, row| {
            seen.push((key.to_vec(), row.len()));
            Ok(true)
        })
        .unwrap();
        seen
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        // Rows are long, so that a few of them fill a block.
        #[test]
        fn reads_like_a_map_whatever_blocks_come_of_it(
            batches in proptest::collection::vec(
                proptest::collection::btree_map(key(), proptest::option::of(0..3_000_usize), 1..30), 1..6),
            scans in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..2), key(), any::<bool>()), 1..8),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let store = store(dir.path());
            let mut model = Memory::default();
            for batch in &batches {
                let staged: Staged =
                    batch.iter().map(|(key, len)| (key.clone(), len.map(|len| vec![7; len]))).collect();
                store.apply(&staged, &Checkpoint::default()).unwrap();
                for (key, row) in staged {
                    match row {
                        Some(row) => model.put(key, row),
                        None => model.delete(key),
                    }
                }
            }
            for key in batches.iter().flat_map(BTreeMap::keys) {
                prop_assert_eq!(store.get(key).unwrap(), model.get(key).unwrap());
            }
            for (prefix, from, reverse) in &scans {
                for prefix in [&prefix[..], &[]] {
                    for from in [&from[..], &[]] {
                        prop_assert_eq!(walk(&store, prefix, from, *reverse), walk(&model, prefix, from, *reverse));
                    }
                }
            }
            let all: Vec<_> = store.rows().map(|row| row.map(|(key, row)| (key, row.len())).unwrap()).collect();
            prop_assert_eq!(all, walk(&model, &[], &[], false));
        }
    }
}
