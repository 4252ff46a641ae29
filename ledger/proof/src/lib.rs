//! Proofs about a log, pure: the RFC 6962 tree, inclusion and consistency proofs, and the C2SP texts that carry them to an auditor.
//!
//! [`Frontier`] is what a writer keeps, [`proof`] makes and checks proofs over any place that has the tree's nodes, [`tile`] says how
//! nodes are cut into tiles, [`note`] signs, [`checkpoint`] is what is signed, [`rotation`] how a key is followed by the next, [`text`] is a proof in one file.
//!
//! What may not live here: files, clocks, random sources, anything about commits. Bytes go in, hashes and texts come out.

pub mod checkpoint;
mod frontier;
mod hash;
pub mod note;
pub mod proof;
pub mod rotation;
pub mod text;
pub mod tile;

pub use checkpoint::Checkpoint;
pub use frontier::Frontier;
pub use hash::{Hash, empty_root, hash_from_text, hash_text, leaf_hash, node_hash};
pub use note::{Note, SigningKey, VerifierKey};
