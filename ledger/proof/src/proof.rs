//! Inclusion and consistency proofs of RFC 6962 section 2.1: making them from a tree's nodes, checking them from nothing but hashes.

use crate::hash::{Hash, empty_root, leaf_hash, node_hash};

/// A place that has the nodes of a tree.
pub trait Nodes {
    /// Why a node cannot be had.
    type Error;

    /// Root of the perfect subtree over the leaves `index << level` to `(index + 1) << level`, the last one excluded.
    fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// A list of leaf hashes: every node is computed. For small trees and tests.
impl Nodes for [Hash] {
    type Error = std::convert::Infallible;

    fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error> {
        if level == 0 {
            let leaf = usize::try_from(index).ok().and_then(|index| self.get(index));
            return Ok(leaf.copied().unwrap_or_else(empty_root));
        }
        Ok(node_hash(&self.node(level - 1, 2 * index)?, &self.node(level - 1, 2 * index + 1)?))
    }
}

/// A proof does not prove what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf lies after the end of the tree.
    #[error("leaf {index} is not in a tree of {size} leaves")]
    NoSuchLeaf {
        /// Of the leaf.
        index: u64,
        /// Of the tree.
        size: u64,
    },
    /// The tree cannot have shrunk.
    #[error("a tree of {to} leaves cannot continue one of {from}")]
    Shrunk {
        /// Leaves of the earlier tree.
        from: u64,
        /// Leaves of the later tree.
        to: u64,
    },
    /// Hashes are missing or left over.
    #[error("the proof has {found} hashes, which is the wrong number for these trees")]
    WrongLength {
        /// How many there are.
        found: usize,
    },
    /// The hashes lead to another root.
    #[error("the proof leads to another root")]
    OtherRoot,
    /// The hashes lead to another root of the earlier tree: what was there then was changed since.
    #[error("the proof leads to another root of the earlier tree")]
    OtherEarlierRoot,
}

/// The root of the first `size` leaves.
pub fn root<N: Nodes + ?Sized>(nodes: &N, size: u64) -> Result<Hash, N::Error> {
    if size == 0 { Ok(empty_root()) } else { subtree(nodes, 0, size) }
}

/// PATH of RFC 6962: from the leaf's sibling to the root's child. The leaf must be in the tree, or the proof is empty.
pub fn inclusion<N: Nodes + ?Sized>(nodes: &N, index: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    let mut path = Vec::new();
    if index >= size {
        return Ok(path);
    }
    let (mut begin, mut end) = (0, size);
    while end - begin > 1 {
        let middle = begin + split(end - begin);
        if index < middle {
            path.push(subtree(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(subtree(nodes, begin, middle)?);
            begin = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// PROOF of RFC 6962: that a tree of `to` leaves continues one of `from` leaves. Empty if either is all of the other, or nothing.
pub fn consistency<N: Nodes + ?Sized>(nodes: &N, from: u64, to: u64) -> Result<Vec<Hash>, N::Error> {
    let mut path = Vec::new();
    if from == 0 || from >= to {
        return Ok(path);
    }
    let (mut begin, mut end) = (0, to);
    // What is left of the earlier tree is a whole subtree of it only while it began at its first leaf.
    while end != from {
        let middle = begin + split(end - begin);
        if from <= middle {
            path.push(subtree(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(subtree(nodes, begin, middle)?);
            begin = middle;
        }
    }
    if begin > 0 {
        path.push(subtree(nodes, begin, end)?);
    }
    path.reverse();
    Ok(path)
}

/// The hash over the leaves from `begin` to `end`, where `begin` is where RFC 6962 splits.
fn subtree<N: Nodes + ?Sized>(nodes: &N, begin: u64, end: u64) -> Result<Hash, N::Error> {
    let width = end - begin;
    if width.is_power_of_two() {
        return nodes.node(width.trailing_zeros(), begin >> width.trailing_zeros());
    }
    let middle = begin + split(width);
    Ok(node_hash(&subtree(nodes, begin, middle)?, &subtree(nodes, middle, end)?))
}

/// The largest power of two below `width`, which is at least 2.
fn split(width: u64) -> u64 {
    1 << (u64::BITS - 1 - (width - 1).leading_zeros())
}

/// Checks that `leaf` stands at `index` of the tree with this root (RFC 9162 section 2.1.3.2).
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::NoSuchLeaf { index, size });
    }
    let wrong_length = ProofError::WrongLength { found: path.len() };
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in path {
        if last == 0 {
            return Err(wrong_length);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    match (last, hash == *root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::OtherRoot),
        _ => Err(wrong_length),
    }
}

/// Checks that record `bytes` stands at `index` of the tree with this root.
pub fn verify_record(bytes: &[u8], index: u64, size: u64, path: &[Hash], root: &Hash) -> Result<(), ProofError> {
    verify_inclusion(&leaf_hash(bytes), index, size, path, root)
}

/// Checks that the tree of `to` leaves and root `to_root` continues the tree of `from` leaves and root `from_root` (RFC 9162 section
/// 2.1.4.2).
pub fn verify_consistency(
    from: u64,
    from_root: &Hash,
    to: u64,
    to_root: &Hash,
    path: &[Hash],
) -> Result<(), ProofError> {
    let wrong_length = ProofError::WrongLength { found: path.len() };
    if from > to {
        return Err(ProofError::Shrunk { from, to });
    }
    if from == 0 || from == to {
        let (expected, found) = if from == 0 { (empty_root(), *from_root) } else { (*to_root, *from_root) };
        return match (path.is_empty(), expected == found) {
            (true, true) => Ok(()),
            (true, false) => Err(ProofError::OtherEarlierRoot),
            _ => Err(wrong_length),
        };
    }
    let (mut node, mut last) = (from - 1, to - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    // A whole subtree from the first leaf on: its root is known and left out of the proof.
    let (first, rest) = match path.split_first() {
        _ if from.is_power_of_two() => (from_root, path),
        Some((first, rest)) => (first, rest),
        None => return Err(wrong_length),
    };
    let (mut earlier, mut later) = (*first, *first);
    for hash in rest {
        if last == 0 {
            return Err(wrong_length);
        }
        if node & 1 == 1 || node == last {
            earlier = node_hash(hash, &earlier);
            later = node_hash(hash, &later);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            later = node_hash(&later, hash);
        }
        node >>= 1;
        last >>= 1;
    }
    match (last, earlier == *from_root, later == *to_root) {
        (0, true, true) => Ok(()),
        (0, false, _) => Err(ProofError::OtherEarlierRoot),
        (0, true, false) => Err(ProofError::OtherRoot),
        _ => Err(wrong_length),
    }
}
