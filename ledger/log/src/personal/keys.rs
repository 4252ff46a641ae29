//! What the stored form needs of keys.

use std::path::PathBuf;

use subledger_proto::log::SealedValues;

use crate::PartitionId;

/// Where values stand: what the encryption vouches for beside them.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The partition.
    pub partition: PartitionId,
    /// The customer.
    pub stream: &'a str,
    /// The command.
    pub command_id: &'a str,
}

impl Place<'_> {
    /// The place in bytes. Ids have no zero byte.
    pub(super) fn bytes(&self) -> Vec<u8> {
        format!("{}\0{}\0{}", self.partition, self.stream, self.command_id).into_bytes()
    }
}

/// What came of opening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// The values.
    Values(Vec<u8>),
    /// Their key was destroyed.
    Erased,
    /// Their key is not at hand.
    Sealed,
}

/// Keys cannot be had.
#[derive(Clone, Debug, thiserror::Error)]
pub enum KeyError {
    /// A file cannot be read or written.
    #[error("the customers' keys: {}: {what}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        what: String,
    },
    /// The history has values of a key that is not there, and was not destroyed.
    #[error(
        "the key {key_id} of customer {customer} is not in {}: it is of another ledger, or an old copy. Bring the right one back; if there \
         is none, `subledger customer-keys lost` says so, and its values read as (sealed)", dir.display()
    )]
    Missing {
        /// Whose.
        customer: String,
        /// The key's name.
        key_id: String,
        /// Where the keys are.
        dir: PathBuf,
    },
    /// The bytes are not what the key made of the values at this place.
    #[error(
        "the personal values of customer {customer}, command {command_id}, are damaged: their key {key_id} does not open them"
    )]
    Damaged {
        /// Whose.
        customer: String,
        /// Of which command.
        command_id: String,
        /// The key's name.
        key_id: String,
    },
}

/// Seals and opens personal values.
pub trait Keys: Send + Sync {
    /// Encrypts values under the customer's newest key, making one if it has none. None: this process keeps no keys, and values are
    /// stored as they are. With an empty key id: the customer was erased, and nothing was kept.
    fn seal(&self, place: &Place<'_>, values: &[u8]) -> Result<Option<SealedValues>, KeyError>;

    /// Decrypts them.
    fn open(&self, place: &Place<'_>, sealed: &SealedValues) -> Result<Opened, KeyError>;

    /// Brings new keys of a partition to disk. Called before anything that they sealed is.
    fn persist(&self, partition: PartitionId) -> Result<(), KeyError>;

    /// Destroys a customer's keys, for good once it returns. Again is no error.
    fn destroy(&self, partition: PartitionId, customer: &str) -> Result<(), KeyError>;

    /// Opens nothing of that customer any more in this process, whatever the store still says: its erasure is recorded.
    fn forget(&self, customer: &str);
}

/// No keys: values are stored as they are, and what others sealed stays so.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoKeys;

impl Keys for NoKeys {
    fn seal(&self, _: &Place<'_>, _: &[u8]) -> Result<Option<SealedValues>, KeyError> {
        Ok(None)
    }

    fn open(&self, _: &Place<'_>, sealed: &SealedValues) -> Result<Opened, KeyError> {
        Ok(if sealed.key_id.is_empty() { Opened::Erased } else { Opened::Sealed })
    }

    fn persist(&self, _: PartitionId) -> Result<(), KeyError> {
        Ok(())
    }

    fn destroy(&self, _: PartitionId, _: &str) -> Result<(), KeyError> {
        Ok(())
    }

    fn forget(&self, _: &str) {}
}
