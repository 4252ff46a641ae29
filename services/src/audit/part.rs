//! One partition's tree, and what was signed of it: what may be proved and signed, and what not any more.

use std::time::Instant;

use subledger_log::{Cursor, PartitionId, Seen};
use subledger_proof::{Checkpoint, proof, tile::Tiled};

use super::tree::{Tree, TreeError};

/// A signed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signed {
    pub(crate) partition: PartitionId,
    pub(crate) checkpoint: Checkpoint,
    /// The note.
    pub(crate) note: String,
}

/// There is no checkpoint or proof.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProofError {
    /// The ledger has no such partition.
    #[error("there is no partition {0}")]
    NoSuchPartition(PartitionId),
    /// The tree is smaller than the one asked for.
    #[error("{partition} has {size} records, not {wanted}")]
    TooSmall {
        /// Where.
        partition: PartitionId,
        /// Records it has.
        size: u64,
        /// Records asked for.
        wanted: u64,
    },
    /// What was signed before reaches further.
    #[error(
        "{partition} has {size} records so far, but a checkpoint over {signed} was signed before; nothing is signed until they are there \
         and the same. If the log has no more, it was put back to an older copy"
    )]
    Behind {
        /// Where.
        partition: PartitionId,
        /// Records it has.
        size: u64,
        /// Records that it had.
        signed: u64,
    },
    /// The sizes or the index asked for make no sense together.
    #[error("{0}")]
    Invalid(String),
    /// This process has no key.
    #[error("this process has no key to sign checkpoints with; set signing_key_file")]
    NoKey,
    /// The history does not continue what was signed before, or not itself. Nothing is signed any more.
    #[error("{0}")]
    Broken(String),
    /// Something failed that may go well the next time.
    #[error("{0}")]
    Unavailable(String),
}

/// One partition's tree and what was signed of it.
pub(super) struct Part {
    pub(super) tree: Tree,
    pub(super) signed: Option<(Signed, Instant)>,
    /// The largest checkpoint that was signed before this process started, until the tree has been held against it.
    pub(super) owed: Option<Checkpoint>,
    /// Why nothing is proved any more.
    pub(super) broken: Option<String>,
    /// Records when a checkpoint was last appended to the file, and when.
    pub(super) filed: (u64, Instant),
}

impl Part {
    pub(super) fn add<'a>(&mut self, records: impl Iterator<Item = &'a Seen>, cursor: Cursor) -> Result<(), TreeError> {
        let from_scratch = self.tree.from_scratch;
        let added = self.tree.add(records, cursor);
        match &added {
            // Held against what was signed as soon as the tree reaches so far.
            Ok(()) => drop(self.check()),
            Err(error @ TreeError::OtherRoot { .. }) if from_scratch => {
                self.break_off(format!("the history contradicts itself, so nothing of it is proved: {error}"));
            }
            // Files that were kept may be what is wrong: the log tells.
            Err(_) => {}
        }
        added
    }

    fn break_off(&mut self, why: String) {
        tracing::error!(partition = %self.tree.partition, why, "TAMPERING OR DAMAGE: no checkpoint is signed any more");
        self.broken = Some(why);
    }

    /// Holds the tree against the last checkpoint of an earlier process. Until that is possible nothing is signed.
    pub(super) fn check(&mut self) -> Result<(), ProofError> {
        if let Some(why) = &self.broken {
            return Err(ProofError::Broken(why.clone()));
        }
        let Some(owed) = &self.owed else { return Ok(()) };
        let partition = self.tree.partition;
        if self.tree.size() < owed.size {
            return Err(ProofError::Behind { partition, size: self.tree.size(), signed: owed.size });
        }
        match proof::root(&Tiled(&self.tree.index), owed.size) {
            Ok(root) if root == owed.root => {
                self.owed = None;
                Ok(())
            }
            Ok(_) => {
                let why = format!(
                    "the first {} records of {partition} are not those over which a checkpoint was signed: the history was written again",
                    owed.size
                );
                self.break_off(why.clone());
                Err(ProofError::Broken(why))
            }
            Err(error) => Err(self.unreadable(&error)),
        }
    }

    pub(super) fn reaches(&self, wanted: u64) -> Result<(), ProofError> {
        if let Some(why) = &self.broken {
            return Err(ProofError::Broken(why.clone()));
        }
        let (partition, size) = (self.tree.partition, self.tree.size());
        if wanted > size { Err(ProofError::TooSmall { partition, size, wanted }) } else { Ok(()) }
    }

    /// The index is of no use: the thread makes it again from the log.
    pub(super) fn unreadable(&mut self, error: &dyn std::error::Error) -> ProofError {
        self.tree.is_stale(error.to_string());
        let partition = self.tree.partition;
        ProofError::Unavailable(format!("the index of the tree of {partition} is damaged and made again: {error}"))
    }

    /// Whether the tree has so many records, and has been held against what was signed before.
    pub(super) fn is_there(&self, size: u64) -> bool {
        self.tree.size() >= self.owed.as_ref().map_or(size, |owed| owed.size.max(size))
    }
}
