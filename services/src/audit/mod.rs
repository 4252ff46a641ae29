//! What an auditor needs of a running ledger: the tree of every partition, signed checkpoints, proofs, keys.
//!
//! [`index`] keeps the hashes of a tree's tiles in files, derived from the log and made again whenever they do not fit it; [`tree`] is
//! one partition's tree, checked against the roots that the commits carry, [`part`] also what was signed of it; [`trees`] follows the log and answers; [`keys`] and
//! [`checkpoints`] are the files of the signer: its keys, and what it signed. [`http`] serves tiles.
//!
//! What may not live here: hashing and the form of proofs (`ledger/proof`), gRPC.

pub(crate) mod checkpoints;
pub(crate) mod http;
pub(crate) mod index;
pub(crate) mod keys;
mod part;
#[cfg(test)]
mod tests;
mod tree;
mod trees;

use subledger_log::{LedgerId, PartitionId};

pub(crate) use part::{ProofError, Signed};
pub(crate) use trees::{Settings, Trees};

/// The name of a ledger's keys.
pub(crate) fn key_name(ledger: LedgerId) -> String {
    format!("subledger/{ledger}")
}

/// The origin of a partition's checkpoints: the key's name and the partition. One key signs for all partitions of a ledger, so that an
/// auditor holds one line.
pub(crate) fn origin(ledger: LedgerId, partition: PartitionId) -> String {
    format!("{}/{partition}", key_name(ledger))
}
