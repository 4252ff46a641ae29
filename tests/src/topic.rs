//! Topics as an upstream system sees them, through a Kafka client of its own.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use anyhow::ensure;
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    message::{BorrowedMessage, Headers as _},
    metadata::MetadataTopic,
};

/// How long a broker may take to answer a question.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// A record of a topic.
#[derive(Clone, Debug)]
pub struct Record {
    /// The value.
    pub payload: Vec<u8>,
    headers: Vec<(String, String)>,
}

impl Record {
    /// A header; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().rev().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

/// Reads a topic from its beginning.
pub struct Reader {
    consumer: BaseConsumer,
    topic: String,
    /// Everything read so far.
    pub records: Vec<Record>,
}

impl Reader {
    /// Of every partition.
    pub fn new(bootstrap: &str, topic: &str) -> anyhow::Result<Self> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("group.id", "upstream")
            .set("enable.auto.commit", "false")
            .create()?;
        let metadata = consumer.fetch_metadata(Some(topic), ANSWER_MAX)?;
        let mut assignment = TopicPartitionList::new();
        for partition in metadata.topics().iter().flat_map(MetadataTopic::partitions) {
            assignment.add_partition_offset(topic, partition.id(), Offset::Beginning)?;
        }
        ensure!(assignment.count() > 0, "there is no topic {topic}");
        consumer.assign(&assignment)?;
        Ok(Self { consumer, topic: topic.to_owned(), records: Vec::new() })
    }

    /// Reads on until `count` records satisfy `wanted`, and returns those. Blocks.
    pub fn wait_for(&mut self, count: usize, wanted: impl Fn(&Record) -> bool) -> anyhow::Result<Vec<Record>> {
        const WAIT_MAX: Duration = Duration::from_secs(60);
        let deadline = Instant::now() + WAIT_MAX;
        loop {
            let found: Vec<_> = self.records.iter().filter(|record| wanted(record)).cloned().collect();
            if found.len() >= count {
                return Ok(found);
            }
            ensure!(
                Instant::now() < deadline,
                "{} of {count} records came out on {} within {WAIT_MAX:?}; all that came: {:?}",
                found.len(),
                self.topic,
                self.records
            );
            if let Some(message) = self.consumer.poll(Duration::from_millis(100)) {
                self.records.push(record(&message?));
            }
        }
    }

    /// Reads on until every one of `ids` came as `ce_id`, at least once. Blocks.
    pub fn wait_for_ids(&mut self, ids: &BTreeSet<String>, wait: Duration) -> anyhow::Result<()> {
        let mut missing: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
        for record in &self.records {
            missing.remove(record.header("ce_id"));
        }
        let deadline = Instant::now() + wait;
        while !missing.is_empty() {
            ensure!(Instant::now() < deadline, "{} ids never came out on {}: {missing:?}", missing.len(), self.topic);
            if let Some(message) = self.consumer.poll(Duration::from_millis(100)) {
                let record = record(&message?);
                missing.remove(record.header("ce_id"));
                self.records.push(record);
            }
        }
        Ok(())
    }
}

fn record(message: &BorrowedMessage<'_>) -> Record {
    let headers = message.headers().map(|headers| {
        let text = |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap_or_default()).into_owned();
        headers.iter().map(|header| (header.key.to_owned(), text(header.value))).collect()
    });
    Record { payload: message.payload().unwrap_or_default().to_vec(), headers: headers.unwrap_or_default() }
}

/// The brokers that lead each partition of a topic, by partition.
pub fn leaders(bootstrap: &str, topic: &str) -> anyhow::Result<Vec<i32>> {
    let consumer: BaseConsumer = ClientConfig::new().set("bootstrap.servers", bootstrap).create()?;
    let metadata = consumer.fetch_metadata(Some(topic), ANSWER_MAX)?;
    let partitions = metadata.topics().iter().flat_map(MetadataTopic::partitions);
    let mut leaders: Vec<_> = partitions.map(|partition| (partition.id(), partition.leader())).collect();
    leaders.sort_unstable();
    ensure!(!leaders.is_empty(), "there is no topic {topic}");
    Ok(leaders.into_iter().map(|(_, leader)| leader).collect())
}

/// Waits until every partition of the topics with that prefix has so many replicas, all in sync. Blocks.
pub fn wait_in_sync(bootstrap: &str, prefix: &str, replicas: u64, wait: Duration) -> anyhow::Result<()> {
    let deadline = Instant::now() + wait;
    let consumer: BaseConsumer = ClientConfig::new().set("bootstrap.servers", bootstrap).create()?;
    loop {
        let metadata = consumer.fetch_metadata(None, ANSWER_MAX)?;
        let topics = metadata.topics().iter().filter(|topic| topic.name().starts_with(&format!("{prefix}.")));
        let mut found = topics
            .flat_map(|topic| topic.partitions().iter().map(move |partition| (topic.name(), partition)))
            .peekable();
        ensure!(found.peek().is_some(), "there are no topics {prefix}.*");
        let behind = found.find(|(_, partition)| partition.isr().len() as u64 != replicas);
        let Some((topic, partition)) = behind else { return Ok(()) };
        ensure!(
            Instant::now() < deadline,
            "{topic}/{} has replicas {:?}, of which {:?} are in sync, after {wait:?}",
            partition.id(),
            partition.replicas(),
            partition.isr()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}
