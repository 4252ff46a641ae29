//! Following the outcomes topic: what became of commands that left no new record in the log.

use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    metadata::MetadataTopic,
};
use subledger_proto::api;

use crate::config::KafkaConfig;

/// How long to wait for the topic's description.
const METADATA_WAIT: Duration = Duration::from_secs(10);
/// KiB of records held at a time.
const QUEUE_KIB: &str = "16384";

/// Reads all partitions of the topic from its end on. No group: every gateway sees every outcome.
pub(super) struct OutcomeReader {
    consumer: BaseConsumer,
}

impl OutcomeReader {
    /// Begins at the end. Blocks.
    pub(super) fn new(kafka: &KafkaConfig, topic: &str) -> Result<Self, KafkaError> {
        let mut settings = ClientConfig::new();
        for (name, value) in &kafka.client {
            settings.set(name, value);
        }
        let consumer: BaseConsumer = settings
            .set("bootstrap.servers", &kafka.bootstrap)
            // Required by the client, never joined.
            .set("group.id", "subledger-outcomes")
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "50")
            .set("queued.max.messages.kbytes", QUEUE_KIB)
            .create()?;
        let metadata = consumer.fetch_metadata(Some(topic), METADATA_WAIT)?;
        let mut assignment = TopicPartitionList::new();
        for partition in metadata.topics().iter().flat_map(MetadataTopic::partitions) {
            let (_, end) = consumer.fetch_watermarks(topic, partition.id(), METADATA_WAIT)?;
            assignment.add_partition_offset(topic, partition.id(), Offset::Offset(end))?;
        }
        consumer.assign(&assignment)?;
        Ok(Self { consumer })
    }

    /// The next outcome, if one comes in time. What cannot be read is skipped: the log has it.
    pub(super) fn next(&self, wait: Duration) -> Option<api::Outcome> {
        let message = self.consumer.poll(wait)?;
        let payload = match &message {
            Ok(message) => Bytes::copy_from_slice(message.payload().unwrap_or_default()),
            Err(error) => {
                tracing::debug!(%error, "outcomes cannot be read for now");
                return None;
            }
        };
        api::Outcome::decode(payload).ok()
    }
}
