//! Every command id ever recorded in a partition, and where.

use std::{collections::HashMap, sync::Arc};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A command id, as 128 bits of its SHA-256: two ids that share it do not occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct IdKey(u128);

impl IdKey {
    fn share(self) -> usize {
        usize::from(self.0.to_be_bytes()[15]) % SHARES
    }
}

/// A command's content, as 64 bits of its SHA-256: tells another content, not more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ContentKey(u64);

pub(crate) fn id_key(id: &str) -> IdKey {
    let digest = Sha256::digest(id.as_bytes());
    let mut head = [0; 16];
    head.copy_from_slice(&digest[..16]);
    IdKey(u128::from_be_bytes(head))
}

pub(crate) fn content_key(bytes: &[u8]) -> ContentKey {
    let digest = Sha256::digest(bytes);
    let mut head = [0; 8];
    head.copy_from_slice(&digest[..8]);
    ContentKey(u64::from_be_bytes(head))
}

/// Where a command is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recorded {
    pub(crate) content: ContentKey,
    /// The backend's address of the record.
    pub(crate) offset: u64,
}

/// Shares of the ids, by their last bits.
const SHARES: usize = 256;

/// The ids. About 50 bytes of memory each; a copy shares them, share by share, until one is added.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Dedup {
    seen: Vec<Arc<HashMap<IdKey, Recorded>>>,
}

impl Default for Dedup {
    fn default() -> Self {
        Self { seen: (0..SHARES).map(|_| Arc::default()).collect() }
    }
}

impl Dedup {
    pub(crate) fn get(&self, id: IdKey) -> Option<Recorded> {
        self.seen[id.share()].get(&id).copied()
    }

    pub(crate) fn insert(&mut self, id: IdKey, recorded: Recorded) {
        Arc::make_mut(&mut self.seen[id.share()]).insert(id, recorded);
    }
}
