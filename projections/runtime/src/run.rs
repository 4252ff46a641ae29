//! Runs: rows in the order of keys that are written once, in blocks ([`crate::block`]), and never changed.
//!
//! Keys of the tree: `0x01`, the run's number (u32) and the block's (u32): a block; `0x02` and the same: a block of the run's directory, whose
//! rows are the first keys of its blocks; `0x03` and the same: a piece of its filter. All numbers are big-endian. A number is never used
//! again, so what a crash leaves of a run that was not finished is told apart by it.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use serde::{Deserialize, Serialize};
use subledger_fold::StoreError;
use subledger_log::pages;

use crate::{
    block::{BLOCK_BYTES, Block, Builder, Row, damaged},
    filter::Filter,
};

/// First bytes of the keys of blocks, directories and filters.
pub(crate) const BLOCKS: u8 = 1;
const DIRECTORY: u8 = 2;
const FILTER: u8 = 3;
/// Bytes of one piece of a filter.
const FILTER_PIECE_BYTES: usize = 16 * 1024;
/// Blocks that one batch of the tree writes or removes: nobody waits for longer than that.
const BATCH_BLOCKS: usize = 32;
/// Decoded blocks that are kept, of [`BLOCK_BYTES`] each.
const CACHED_BLOCKS: usize = 512;

/// What the store knows of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunInfo {
    pub(crate) id: u32,
    /// How often its rows were merged.
    pub(crate) level: u8,
    pub(crate) blocks: u32,
    pub(crate) rows: u64,
}

/// A run that can be read.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) info: RunInfo,
    /// First keys of the blocks, one after another, and where each ends.
    keys: Vec<u8>,
    ends: Vec<usize>,
    filter: Filter,
}

impl Run {
    /// Reads a run's directory and filter.
    pub(crate) fn open(tree: &Blocks, info: RunInfo) -> Result<Self, StoreError> {
        let mut run = Self { info, keys: Vec::new(), ends: Vec::new(), filter: Filter::default() };
        let mut key = Vec::new();
        for n in 0.. {
            let Some(bytes) = tree.get(DIRECTORY, info.id, n)? else { break };
            let block = Block::read(&bytes)?;
            for index in 0..block.len() {
                block.key(index, &mut key);
                run.keys.extend_from_slice(&key);
                run.ends.push(run.keys.len());
            }
        }
        if run.ends.len() != usize::try_from(info.blocks).unwrap_or(usize::MAX) {
            return Err(damaged());
        }
        let mut filter = Vec::new();
        for n in 0.. {
            let Some(bytes) = tree.get(FILTER, info.id, n)? else { break };
            filter.extend_from_slice(&bytes);
        }
        run.filter = Filter::from_bytes(&filter, info.rows).ok_or_else(damaged)?;
        Ok(run)
    }

    /// The first key of a block.
    pub(crate) fn first_key(&self, block: usize) -> &[u8] {
        let start = block.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.keys[start..self.ends[block]]
    }

    pub(crate) fn blocks(&self) -> usize {
        self.ends.len()
    }

    /// How many blocks begin with a key for which `before` holds; those are the first ones.
    pub(crate) fn blocks_before(&self, before: impl Fn(&[u8]) -> bool) -> usize {
        let (mut low, mut high) = (0, self.blocks());
        while low < high {
            let middle = low + (high - low) / 2;
            if before(self.first_key(middle)) { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// The block that has something of a key with that hash ([`crate::filter::hash`]), and where; none if an older run is to be asked.
    pub(crate) fn find(
        &self,
        tree: &Blocks,
        key: &[u8],
        hash: u64,
        way: Way<'_>,
    ) -> Result<Option<(Arc<Block>, usize)>, StoreError> {
        if !self.filter.may_have(hash) {
            return Ok(None);
        }
        let Some(block) = self.blocks_before(|first| first <= key).checked_sub(1) else { return Ok(None) };
        let block = tree.block(self, block, way)?;
        let (index, found) = block.find(key);
        Ok(found.then_some((block, index)))
    }
}

/// How blocks are read.
#[derive(Clone, Copy)]
pub(crate) enum Way<'a> {
    /// What is decoded is kept for the next one who asks.
    Kept,
    /// Once, in passing.
    Once,
    /// Only what was kept, so that nobody waits for the disk; says if that is not enough.
    AtHand(&'a AtomicBool),
}

/// Where blocks are kept: the tree, with some of them decoded.
pub(crate) struct Blocks {
    pub(crate) db: sled::Db,
    decoded: Vec<Slot>,
}

/// A decoded block with its run's number and its own.
type Slot = Mutex<Option<(u32, usize, Arc<Block>)>>;

impl Blocks {
    pub(crate) fn new(db: sled::Db) -> Self {
        Self { db, decoded: (0..CACHED_BLOCKS).map(|_| Mutex::default()).collect() }
    }

    fn get(&self, kind: u8, run: u32, n: u32) -> Result<Option<sled::IVec>, StoreError> {
        self.db.get(block_key(kind, run, n)).map_err(failed)
    }

    /// A block of a run, which must be there.
    pub(crate) fn read(&self, run: &Run, n: usize) -> Result<Block, StoreError> {
        let number = u32::try_from(n).map_err(|_| damaged())?;
        let block = Block::read(&self.get(BLOCKS, run.info.id, number)?.ok_or_else(damaged)?)?;
        pages::passed(&self.db, block_key(BLOCKS, run.info.id, number));
        let mut first = Vec::new();
        block.key(0, &mut first);
        if first == run.first_key(n) { Ok(block) } else { Err(damaged()) }
    }

    /// A block of a run, read in that way.
    pub(crate) fn block(&self, run: &Run, n: usize, way: Way<'_>) -> Result<Arc<Block>, StoreError> {
        let id = run.info.id;
        let slot = &self.decoded[(n + 131 * usize::try_from(id).unwrap_or_default()) % self.decoded.len()];
        let kept = |slot: &Option<(u32, usize, Arc<Block>)>| {
            let found = slot.as_ref().filter(|(of, number, _)| (*of, *number) == (id, n));
            found.map(|(.., block)| Arc::clone(block))
        };
        match way {
            Way::Once => self.read(run, n).map(Arc::new),
            Way::Kept => {
                let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(block) = kept(&slot) {
                    return Ok(block);
                }
                let block = Arc::new(self.read(run, n)?);
                *slot = Some((id, n, Arc::clone(&block)));
                Ok(block)
            }
            // Whoever has the lock may be reading.
            Way::AtHand(missed) => slot.try_lock().ok().and_then(|slot| kept(&slot)).ok_or_else(|| {
                missed.store(true, Ordering::Relaxed);
                StoreError("a block of rows is not in memory".to_owned())
            }),
        }
    }

    /// Removes everything of a run.
    pub(crate) fn remove_run(&self, run: u32) -> Result<(), StoreError> {
        for kind in [BLOCKS, DIRECTORY, FILTER] {
            let mut keys = self.db.scan_prefix(&block_key(kind, run, 0)[..5]).keys();
            loop {
                let mut batch = sled::Batch::default();
                let mut count = 0;
                for key in keys.by_ref().take(BATCH_BLOCKS) {
                    batch.remove(key.map_err(failed)?);
                    count += 1;
                }
                if count == 0 {
                    break;
                }
                self.db.apply_batch(batch).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// The numbers of runs of which there is anything, by leaps from one to the next.
    pub(crate) fn runs_found(&self) -> Result<Vec<u32>, StoreError> {
        let mut found = Vec::new();
        for kind in [BLOCKS, DIRECTORY, FILTER] {
            let mut from = block_key(kind, 0, 0);
            while let Some(entry) = self.db.range::<&[u8], _>(&from[..]..&[kind + 1][..]).next() {
                let (key, _) = entry.map_err(failed)?;
                let run = key
                    .get(1..5)
                    .and_then(|bytes| bytes.try_into().ok())
                    .map(u32::from_be_bytes)
                    .ok_or_else(damaged)?;
                found.push(run);
                let Some(next) = run.checked_add(1) else { break };
                from = block_key(kind, next, 0);
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }
}

fn block_key(kind: u8, run: u32, n: u32) -> [u8; 9] {
    let mut key = [kind; 9];
    key[1..5].copy_from_slice(&run.to_be_bytes());
    key[5..].copy_from_slice(&n.to_be_bytes());
    key
}

#[allow(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
pub(crate) fn failed(error: sled::Error) -> StoreError {
    StoreError(format!("the rows cannot be read or written: {error}"))
}

/// A run in the making. What was written of it does no harm until the store names it.
pub(crate) struct RunWriter<'a> {
    tree: &'a Blocks,
    info: RunInfo,
    block: Builder,
    directory: Builder,
    run: Run,
    batch: sled::Batch,
    /// The keys in it.
    batched: Vec<[u8; 9]>,
}

impl<'a> RunWriter<'a> {
    /// For at most `rows_max` rows.
    pub(crate) fn new(tree: &'a Blocks, id: u32, level: u8, rows_max: u64) -> Self {
        let info = RunInfo { id, level, blocks: 0, rows: 0 };
        let run = Run { info, keys: Vec::new(), ends: Vec::new(), filter: Filter::new(rows_max) };
        Self {
            tree,
            info,
            block: Builder::default(),
            directory: Builder::default(),
            run,
            batch: sled::Batch::default(),
            batched: Vec::with_capacity(BATCH_BLOCKS),
        }
    }

    /// Adds the next row in the order of keys.
    pub(crate) fn add(&mut self, key: &[u8], row: Row<'_>) -> Result<(), StoreError> {
        self.block.add(key, row);
        self.run.filter.add(key);
        self.info.rows += 1;
        if self.block.bytes() >= BLOCK_BYTES { self.end_block() } else { Ok(()) }
    }

    fn end_block(&mut self) -> Result<(), StoreError> {
        let first = self.block.first().to_vec();
        let Some(bytes) = self.block.finish() else { return Ok(()) };
        self.run.keys.extend_from_slice(&first);
        self.run.ends.push(self.run.keys.len());
        self.put(BLOCKS, self.info.blocks, bytes)?;
        self.info.blocks += 1;
        Ok(())
    }

    fn put(&mut self, kind: u8, n: u32, bytes: Vec<u8>) -> Result<(), StoreError> {
        let key = block_key(kind, self.info.id, n);
        self.batch.insert(&key, bytes);
        self.batched.push(key);
        if self.batched.len() == BATCH_BLOCKS { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<(), StoreError> {
        self.tree.db.apply_batch(std::mem::take(&mut self.batch)).map_err(failed)?;
        self.batched.drain(..).for_each(|key| pages::passed(&self.tree.db, key));
        Ok(())
    }

    /// Brings everything to disk. The run is ready to be named and read.
    pub(crate) fn finish(mut self) -> Result<Run, StoreError> {
        self.end_block()?;
        let mut pieces = 0;
        for n in 0..self.run.blocks() {
            self.directory.add(self.run.first_key(n), Some(&[]));
            if self.directory.bytes() >= BLOCK_BYTES || n + 1 == self.run.blocks() {
                if let Some(bytes) = self.directory.finish() {
                    self.put(DIRECTORY, pieces, bytes)?;
                }
                pieces += 1;
            }
        }
        let filter = self.run.filter.to_bytes();
        for (n, piece) in (0..).zip(filter.chunks(FILTER_PIECE_BYTES)) {
            self.put(FILTER, n, piece.to_vec())?;
        }
        self.write()?;
        self.tree.db.flush().map_err(failed)?;
        self.run.info = self.info;
        Ok(self.run)
    }
}
