//! One partition's tree, made from the log and checked against the roots that the commits carry.

use std::{io, path::PathBuf};

use subledger_log::{Cursor, LedgerId, PartitionId, Seen};
use subledger_proof::{Frontier, Hash, leaf_hash};

use super::index::Index;

/// One partition's tree.
pub(super) struct Tree {
    pub(super) partition: PartitionId,
    dir: PathBuf,
    ledger: LedgerId,
    pub(super) index: Index,
    pub(super) frontier: Frontier,
    /// Where the log goes on.
    pub(super) cursor: Cursor,
    /// Whether every leaf was read by this process; if not, files that were kept may be what is wrong.
    pub(super) from_scratch: bool,
    /// Why the index has to be made again before it is used.
    stale: Option<String>,
}

/// A tree cannot take a record.
#[derive(Debug, thiserror::Error)]
pub(super) enum TreeError {
    /// The files of the index cannot be written or read.
    #[error("{partition}: the index of its tree in {dir}: {source}")]
    Index { partition: PartitionId, dir: String, source: io::Error },
    /// The record says another root than the tree has.
    #[error("{partition}: the commit at {seq} says that the root over what is before it is another one")]
    OtherRoot { partition: PartitionId, seq: u64 },
}

impl Tree {
    /// Opens the index and goes on from there.
    pub(super) fn open(dir: PathBuf, ledger: LedgerId, partition: PartitionId) -> Result<Self, TreeError> {
        let failed = |source| TreeError::Index { partition, dir: dir.display().to_string(), source };
        let (index, cursor) = Index::open(&dir, ledger).map_err(failed)?;
        let frontier = index.frontier().map_err(failed)?;
        let from_scratch = index.size() == 0;
        Ok(Self { partition, dir, ledger, index, frontier, cursor, from_scratch, stale: None })
    }

    /// The index is of no use any more.
    pub(super) fn is_stale(&mut self, why: impl Into<String>) {
        self.stale.get_or_insert(why.into());
    }

    /// Whether it is.
    pub(super) fn stale(&self) -> bool {
        self.stale.is_some()
    }

    /// Begins with the first record if the index is of no use.
    pub(super) fn make_ready(&mut self) -> Result<(), TreeError> {
        let Some(why) = &self.stale else { return Ok(()) };
        tracing::warn!(partition = %self.partition, why, "the index of the tree is made again from the log");
        self.index = Index::create(&self.dir, self.ledger).map_err(|source| self.failed(source))?;
        (self.frontier, self.cursor, self.from_scratch, self.stale) =
            (Frontier::default(), Cursor::default(), true, None);
        Ok(())
    }

    /// Adds what follows. On an error nothing of it counts any more, and the index is of no use.
    pub(super) fn add<'a>(&mut self, records: impl Iterator<Item = &'a Seen>, cursor: Cursor) -> Result<(), TreeError> {
        self.add_all(records, cursor).inspect_err(|error| self.is_stale(error.to_string()))
    }

    fn add_all<'a>(&mut self, records: impl Iterator<Item = &'a Seen>, cursor: Cursor) -> Result<(), TreeError> {
        for record in records {
            let seq = record.head.position.seq;
            let fits = record.head.previous_root.is_none_or(|root| root == self.frontier.root());
            if !fits || seq != self.frontier.size() {
                return Err(TreeError::OtherRoot { partition: self.partition, seq });
            }
            let leaf = leaf_hash(&record.bytes);
            self.frontier.push_hash(leaf);
            self.index.push(leaf).map_err(|source| self.failed(source))?;
        }
        self.index.write().map_err(|source| self.failed(source))?;
        self.cursor = cursor;
        Ok(())
    }

    /// Makes it durable.
    pub(super) fn save(&mut self) -> Result<(), TreeError> {
        self.index.save(self.cursor).map_err(|source| self.failed(source))
    }

    /// Its leaves.
    pub(super) fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Its root.
    pub(super) fn root(&self) -> Hash {
        self.frontier.root()
    }

    fn failed(&self, source: io::Error) -> TreeError {
        TreeError::Index { partition: self.partition, dir: self.dir.display().to_string(), source }
    }
}
