//! The right edge of a growing tree: the roots of the perfect subtrees, enough to add a leaf and to tell the root.

use serde::{Deserialize, Serialize};

use crate::{
    hash::{Hash, empty_root, leaf_hash, node_hash},
    proof::Nodes,
};

/// The right edge of a growing tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frontier {
    size: u64,
    /// Roots of the perfect subtrees, largest first: one for each bit of `size`.
    roots: Vec<Hash>,
}

impl Frontier {
    /// The frontier of the first `size` leaves of a tree whose nodes are kept somewhere.
    pub fn of<N: Nodes>(nodes: &N, size: u64) -> Result<Self, N::Error> {
        let mut roots = Vec::new();
        let mut begin = 0;
        for level in (0..u64::BITS).rev().filter(|level| size >> level & 1 == 1) {
            roots.push(nodes.node(level, begin >> level)?);
            begin += 1 << level;
        }
        Ok(Self { size, roots })
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a record.
    pub fn push(&mut self, bytes: &[u8]) {
        self.push_hash(leaf_hash(bytes));
    }

    /// Adds a record whose leaf hash is known.
    pub fn push_hash(&mut self, mut hash: Hash) {
        let mut bits = self.size;
        while bits & 1 == 1 {
            if let Some(left) = self.roots.pop() {
                hash = node_hash(&left, &hash);
            }
            bits >>= 1;
        }
        self.roots.push(hash);
        self.size += 1;
    }

    /// The root. Of the empty tree: the hash of nothing.
    pub fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        let Some(&last) = roots.next() else { return empty_root() };
        roots.fold(last, |right, left| node_hash(left, &right))
    }
}
