//! The RFC 6962 tree over a partition's accepted records: leaf index is `seq`, leaf data the stored bytes.
//!
//! A writer keeps only the [`Frontier`]; the tree itself, its proofs and what signs them are in `ledger/proof`.

pub use subledger_proof::{Frontier, Hash, leaf_hash, node_hash};
