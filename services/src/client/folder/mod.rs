//! An auditor's folder: what is in it and under which names. `README.txt` in each folder says the same to whoever has only that.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use subledger_log::{Family, Layout, PartitionId};
use subledger_proof::{Checkpoint, Note};

/// The value of `format` in the manifest.
pub(super) const FORMAT: &str = "subledger-export-1";
/// The list of what is in the folder; written last.
pub(super) const MANIFEST: &str = "manifest.json";
/// For people.
pub(super) const README: (&str, &str) = ("README.txt", include_str!("readme.txt"));
/// The same checks without this program.
pub(super) const CHECK: (&str, &str) = ("check.py", include_str!("check.py"));
/// The protobuf descriptors of what is stored.
pub(super) const SCHEMA: &str = "schema.binpb";
/// The ledger's public keys, the newest first: to compare with the one that the auditor has, not to trust.
pub(super) const KEYS: &str = "keys/verifier-keys.txt";
/// Notes in which an old key names the next.
pub(super) const ROTATIONS: &str = "keys/rotations.txt";

/// What is in the folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// [`FORMAT`].
    pub(super) format: String,
    /// Which program wrote it.
    pub(super) program: String,
    /// Of the ledger.
    pub(super) ledger_id: String,
    /// Partitions that the ledger has.
    pub(super) partners_partitions: u16,
    pub(super) customers_partitions: u16,
    /// What was asked for.
    pub(super) selection: Selection,
    /// The first business day of the ledger's test clock; none for the wall clock, and in folders that are no backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) test_clock_start: Option<NaiveDate>,
    /// What there is of each partition.
    pub(super) partitions: Vec<Part>,
}

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Selection {
    /// Every record of every partition.
    #[default]
    Whole,
    /// Every record of the partitions listed.
    Partitions,
    /// Records of one customer.
    Customer(String),
    /// Records that mention one partner.
    Partner(String),
    /// Records that mention one subscription.
    Subscription(String),
}

impl Selection {
    /// Whether records are proved one by one, because others are left out.
    pub(super) fn is_partial(&self) -> bool {
        !matches!(self, Self::Whole | Self::Partitions)
    }
}

impl std::fmt::Display for Selection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole => write!(f, "the whole ledger"),
            Self::Partitions => write!(f, "whole partitions"),
            Self::Customer(id) => write!(f, "records of customer {id}"),
            Self::Partner(id) => write!(f, "records that mention partner {id}"),
            Self::Subscription(id) => write!(f, "records that mention subscription {id}"),
        }
    }
}

/// What there is of a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    /// Such as `customers/0`.
    pub(super) partition: String,
    /// Records of the partition when it was exported.
    pub(super) size: u64,
    /// Records in the folder.
    pub(super) records: u64,
}

impl Manifest {
    /// The ledger's partitions, if their numbers make sense.
    pub(super) fn layout(&self) -> Result<Layout, String> {
        Layout::new(self.partners_partitions, self.customers_partitions)
    }
}

/// Reads `customers/0`.
pub(super) fn partition(text: &str) -> Option<PartitionId> {
    let (family, index) = text.split_once('/')?;
    let partition = PartitionId::new(Family::from_name(family)?, index.parse().ok()?);
    (partition.to_string() == text).then_some(partition)
}

/// A file of a partition, by the folder's name for it.
fn file(kind: &str, partition: PartitionId) -> String {
    format!("{kind}/{}-{}.{kind}", partition.family, partition.index)
}

/// Its records, each after its length in two bytes, big-endian.
pub(super) fn records(partition: PartitionId) -> String {
    file("records", partition)
}

/// The leaf hashes of a whole partition, 32 bytes each.
pub(super) fn hashes(partition: PartitionId) -> String {
    file("hashes", partition)
}

/// The inclusion proofs of single records, in their order.
pub(super) fn proofs(partition: PartitionId) -> String {
    file("proofs", partition)
}

/// Its signed checkpoint.
pub(super) fn checkpoint(partition: PartitionId) -> String {
    file("checkpoint", partition)
}

/// What the checkpoint of a partition says; nobody's signature is checked. None if it cannot be read.
pub(super) fn checkpoint_of(folder: &Folder, partition: PartitionId) -> Option<Checkpoint> {
    let text = std::fs::read_to_string(folder.path(&checkpoint(partition))).ok()?;
    Checkpoint::parse(Note::parse(&text).ok()?.unchecked_text()).ok()
}

/// A folder and the names in it.
#[derive(Clone, Debug)]
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    /// Where a file of it is.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Where it is.
    pub(super) fn dir(&self) -> &Path {
        &self.0
    }
}
