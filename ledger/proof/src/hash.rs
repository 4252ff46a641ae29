//! Hashes of leaves and inner nodes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
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

/// Root of the tree without leaves: the hash of nothing.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// A hash as checkpoints and proofs write it: base64.
pub fn hash_text(hash: &Hash) -> String {
    STANDARD.encode(hash)
}

/// Reads what [`hash_text`] writes; none for anything else.
pub fn hash_from_text(text: &str) -> Option<Hash> {
    STANDARD.decode(text).ok()?.try_into().ok()
}
