//! The RFC 6962 tree over a partition's accepted records: leaf index is `seq`, leaf data the stored bytes.
//!
//! A writer keeps only the [`Frontier`]: the roots of the perfect subtrees, enough to add a leaf and to tell the root.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// RFC 6962 section 2.1: hash of a leaf.
pub fn leaf_hash(bytes: &[u8]) -> Hash {
    Sha256::new_with_prefix([0]).chain_update(bytes).finalize().into()
}

/// RFC 6962 section 2.1: hash of an inner node.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new_with_prefix([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The right edge of a growing tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frontier {
    size: u64,
    /// Roots of the perfect subtrees, largest first: one for each bit of `size`.
    roots: Vec<Hash>,
}

impl Frontier {
    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a record.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut hash = leaf_hash(bytes);
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
        let Some(&last) = roots.next() else { return Sha256::digest([]).into() };
        roots.fold(last, |right, left| node_hash(left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6962 as it is written: recursive, from all leaves.
    fn naive(leaves: &[Vec<u8>]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [one] => leaf_hash(one),
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                node_hash(&naive(&leaves[..split]), &naive(&leaves[split..]))
            }
        }
    }

    #[test]
    fn the_frontier_has_the_root_of_the_whole_tree() {
        let mut frontier = Frontier::default();
        let mut leaves = Vec::new();
        for n in 0_u32..200 {
            assert_eq!(frontier.root(), naive(&leaves), "{n} leaves");
            let leaf = n.to_be_bytes().repeat(n as usize % 40);
            frontier.push(&leaf);
            leaves.push(leaf);
        }
    }
}
