//! Following the outcomes topic: what became of commands that left no new record in the log.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use prost::Message as _;
use rdkafka::{
    ClientConfig, ClientContext, Message as _, Offset, TopicPartitionList,
    config::FromClientConfigAndContext as _,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::{KafkaError, KafkaResult},
    metadata::MetadataTopic,
};
use subledger_log::kafka::brokers::KnownBrokers;
use subledger_proto::api;

use crate::config::KafkaConfig;

/// How long to wait for one answer about the topic.
const ANSWER_WAIT: Duration = Duration::from_secs(5);
/// How long to ask: partitions may be without a leader, or have another one, for as long as brokers take to choose.
const ASK_MAX: Duration = Duration::from_secs(30);
/// How long to wait before asking again.
const ASK_PAUSE: Duration = Duration::from_millis(200);
/// KiB of records held at a time.
const QUEUE_KIB: &str = "16384";
/// How often the client says which brokers it knows, in milliseconds.
const REPORT_MS: &str = "2000";

#[derive(Default)]
struct Context(KnownBrokers);

impl ClientContext for Context {
    fn stats_raw(&self, report: &[u8]) {
        self.0.note(report);
    }
}

impl ConsumerContext for Context {}

/// Reads all partitions of the topic from its end on. No group: every gateway sees every outcome.
pub(super) struct OutcomeReader {
    settings: ClientConfig,
    topic: String,
    reading: Mutex<Reading>,
}

struct Reading {
    consumer: BaseConsumer<Context>,
    /// By partition: the next offset.
    next: BTreeMap<i32, i64>,
}

impl OutcomeReader {
    /// Begins at the end. Blocks.
    pub(super) fn new(kafka: &KafkaConfig, topic: &str) -> Result<Self, KafkaError> {
        let mut settings = ClientConfig::new();
        for (name, value) in &kafka.client {
            settings.set(name, value);
        }
        settings
            .set("bootstrap.servers", &kafka.bootstrap)
            // Required by the client, never joined.
            .set("group.id", "subledger-outcomes")
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "50")
            .set("statistics.interval.ms", REPORT_MS)
            .set("queued.max.messages.kbytes", QUEUE_KIB);
        let consumer: BaseConsumer<Context> = BaseConsumer::from_config_and_context(&settings, Context::default())?;
        let next = ends(&consumer, topic)?;
        let reading = Reading { consumer, next };
        reading.assign(topic)?;
        Ok(Self { settings, topic: topic.to_owned(), reading: Mutex::new(reading) })
    }

    /// The next outcome, if one comes in time. What cannot be read is skipped: the log has it.
    pub(super) fn next(&self, wait: Duration) -> Option<api::Outcome> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if reading.consumer.context().0.are_lost()
            && let Err(error) = reading.replace(&self.settings, &self.topic)
        {
            tracing::error!(%error, "no Kafka client in place of one that has lost every broker");
        }
        let Reading { consumer, next } = &mut *reading;
        let payload = match consumer.poll(wait)? {
            Ok(message) => {
                next.insert(message.partition(), message.offset() + 1);
                Bytes::copy_from_slice(message.payload().unwrap_or_default())
            }
            Err(error) => {
                tracing::debug!(%error, "outcomes cannot be read for now");
                return None;
            }
        };
        api::Outcome::decode(payload).ok()
    }
}

/// Where each partition ends, asked until somebody knows.
fn ends(consumer: &BaseConsumer<Context>, topic: &str) -> KafkaResult<BTreeMap<i32, i64>> {
    let deadline = Instant::now() + ASK_MAX;
    loop {
        // The description names leaders, so it is asked for again too.
        let ends = consumer.fetch_metadata(Some(topic), ANSWER_WAIT).and_then(|metadata| {
            let partitions = metadata.topics().iter().flat_map(MetadataTopic::partitions);
            partitions
                .map(|partition| {
                    let (_, end) = consumer.fetch_watermarks(topic, partition.id(), ANSWER_WAIT)?;
                    Ok((partition.id(), end))
                })
                .collect()
        });
        match ends {
            Err(error) if Instant::now() < deadline => {
                tracing::debug!(%error, topic, "it is not known where the topic ends; asking again");
                std::thread::sleep(ASK_PAUSE);
            }
            ends => return ends,
        }
    }
}

impl Reading {
    fn assign(&self, topic: &str) -> KafkaResult<()> {
        let mut assignment = TopicPartitionList::new();
        for (&partition, &offset) in &self.next {
            assignment.add_partition_offset(topic, partition, Offset::Offset(offset))?;
        }
        self.consumer.assign(&assignment)
    }

    /// A new client in place of one that has lost its brokers, where that one was.
    fn replace(&mut self, settings: &ClientConfig, topic: &str) -> KafkaResult<()> {
        let fresh = BaseConsumer::from_config_and_context(settings, Context::default())?;
        let lost = std::mem::replace(&mut self.consumer, fresh);
        tracing::warn!("the client that reads outcomes has lost every broker; a new one goes on");
        std::thread::spawn(move || drop(lost));
        self.assign(topic)
    }
}
