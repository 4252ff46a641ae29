//! The log on Kafka: one topic for each family, one topic partition for each partition.
//!
//! Correctness does not rest on Kafka's transactions or consumer groups. Topics written without transactions have gapless offsets, so
//! an appender knows from the offsets of its own records whether anybody else wrote in between ([`crate::Appender::append`]); the
//! reader rule does the rest. What is expected of the broker is in [`settings`], verified whenever a ledger is opened.
//!
//! | module | holds |
//! |---|---|
//! | [`options`] | where the brokers are, timeouts, what may be passed through to the client |
//! | [`settings`] | the topics and what their settings must be |
//! | [`init`] | making the topics and the record that names the ledger; checking them |
//! | `append`, `read` | the two halves of [`crate::Log`] |
//! | [`brokers`] | whether a client still knows a broker |
//! | [`topics`] | the topics around the log: commands in, outcomes and dead letters out |

mod admin;
mod append;
mod bounds;
pub mod brokers;
mod context;
mod identity;
pub mod init;
pub mod options;
mod read;
pub mod settings;
pub mod topics;

use std::sync::Arc;

use self::{append::KafkaAppender, bounds::Asker, read::KafkaReader};
pub use self::{
    init::{Initialized, check, init},
    options::KafkaOptions,
    settings::Topics,
};
use crate::{
    AppendError, Appender, Layout, LedgerId, Log, OpenError, PartitionId, ReadError, Reader,
    personal::{Keys, NoKeys},
};

/// A ledger's log on Kafka.
pub struct KafkaLog {
    options: KafkaOptions,
    topics: Topics,
    ledger_id: LedgerId,
    layout: Layout,
    keys: Arc<dyn Keys>,
    /// Asks for ends of partitions.
    asker: Arc<Asker>,
}

impl KafkaLog {
    /// Opens the ledger, if all its topics are there and set as they must be.
    pub fn open(options: KafkaOptions) -> Result<Self, OpenError> {
        let (ledger_id, layout) = check(&options)?;
        let asker = Arc::new(Asker::new(&options).map_err(|error| options.cannot_open(error))?);
        let topics = Topics::new(&options.topic_prefix);
        Ok(Self { options, topics, ledger_id, layout, keys: Arc::new(NoKeys), asker })
    }

    /// Seals and opens personal values with these keys.
    #[must_use]
    pub fn with_keys(self, keys: Arc<dyn Keys>) -> Self {
        Self { keys, ..self }
    }

    /// What it was opened with.
    pub fn options(&self) -> &KafkaOptions {
        &self.options
    }

    /// The names of its topics.
    pub fn topics(&self) -> &Topics {
        &self.topics
    }
}

impl Log for KafkaLog {
    fn ledger_id(&self) -> LedgerId {
        self.ledger_id
    }

    fn layout(&self) -> Layout {
        self.layout
    }

    fn backend(&self) -> &'static str {
        "kafka"
    }

    fn keys(&self) -> Arc<dyn Keys> {
        Arc::clone(&self.keys)
    }

    fn end(&self, partition: PartitionId) -> Result<u64, ReadError> {
        if !self.layout.contains(partition) {
            return Err(ReadError::NoSuchPartition { partition });
        }
        read::watermarks(&self.asker, &self.options, &self.topics, partition).map(|(_, end)| end)
    }

    fn appender(&self, partition: PartitionId) -> Result<Box<dyn Appender>, AppendError> {
        if !self.layout.contains(partition) {
            let source = format!("the ledger has no such partition; its layout is {:?}", self.layout).into();
            return Err(AppendError::NotWritten { partition, source });
        }
        Ok(Box::new(KafkaAppender::new(&self.options, &self.topics, partition)?))
    }

    fn reader(&self, from: &[(PartitionId, u64)]) -> Result<Box<dyn Reader>, ReadError> {
        if let Some(&(partition, _)) = from.iter().find(|(partition, _)| !self.layout.contains(*partition)) {
            return Err(ReadError::NoSuchPartition { partition });
        }
        Ok(Box::new(KafkaReader::new(&self.options, &self.topics, Arc::clone(&self.asker), from)?))
    }
}
