//! Reading topic partitions from offsets on.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    config::FromClientConfigAndContext as _,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::BorrowedMessage,
};

use super::{bounds::Asker, brokers, context::Context, options::KafkaOptions, settings::Topics};
use crate::{PartitionId, RawRecord, ReadError, Reader};

/// Most records of one answer: bounds it when they are tiny.
const RECORDS_MAX: usize = 65_536;

/// The offsets of the first record of a partition and after its last.
pub(super) fn watermarks(
    asker: &Asker,
    options: &KafkaOptions,
    topics: &Topics,
    partition: PartitionId,
) -> Result<(u64, u64), ReadError> {
    let topic = topics.family(partition.family);
    let (low, high) = asker.bounds(topic, i32::from(partition.index)).map_err(|error| unavailable(options, error))?;
    match (u64::try_from(low), u64::try_from(high)) {
        (Ok(low), Ok(high)) => Ok((low, high)),
        _ => Err(unavailable(options, format!("{topic}/{}: the broker does not know its end", partition.index))),
    }
}

fn unavailable(options: &KafkaOptions, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ReadError {
    ReadError::Unavailable { place: options.place(), source: source.into() }
}

/// Reads some partitions. No consumer group is joined and nothing is committed: every reader keeps its own place.
pub(super) struct KafkaReader {
    options: KafkaOptions,
    topics: Topics,
    consumer: BaseConsumer<Context>,
    /// Asks for ends; shared with the log.
    asker: Arc<Asker>,
    next: BTreeMap<PartitionId, u64>,
    /// What to answer once everything read before it has been handed out.
    failed: Option<ReadError>,
    /// Whether an outage has been logged that is not over yet.
    troubled: bool,
}

impl KafkaReader {
    pub(super) fn new(
        options: &KafkaOptions,
        topics: &Topics,
        asker: Arc<Asker>,
        from: &[(PartitionId, u64)],
    ) -> Result<Self, ReadError> {
        for &(partition, offset) in from {
            let (low, end) = watermarks(&asker, options, topics, partition)?;
            in_range(partition, offset, low)?;
            if offset > end {
                return Err(ReadError::PastEnd { partition, offset, end });
            }
        }
        let consumer = consumer(options).map_err(|error| unavailable(options, error))?;
        let reader = Self {
            options: options.clone(),
            topics: topics.clone(),
            consumer,
            asker,
            next: from.iter().copied().collect(),
            failed: None,
            troubled: false,
        };
        reader.assign().map_err(|error| unavailable(options, error))?;
        Ok(reader)
    }

    /// A new client in place of one that has lost its brokers, where that one was.
    fn replace(&mut self) -> KafkaResult<()> {
        brokers::give_up("reader", std::mem::replace(&mut self.consumer, consumer(&self.options)?));
        self.assign()
    }

    fn assign(&self) -> KafkaResult<()> {
        let mut from = TopicPartitionList::with_capacity(self.next.len());
        for (partition, &offset) in &self.next {
            let offset = Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX));
            from.add_partition_offset(self.topics.family(partition.family), i32::from(partition.index), offset)?;
        }
        self.consumer.assign(&from)
    }

    /// What an error of the consumer means. None if it will pass.
    fn triage(&mut self, error: KafkaError) -> Option<ReadError> {
        use RDKafkaErrorCode as Code;
        let code = match &error {
            KafkaError::MessageConsumption(code) => *code,
            _ => return Some(unavailable(&self.options, error)),
        };
        match code {
            Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation => self.out_of_range(),
            Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::SaslAuthenticationFailed
            | Code::Authentication
            | Code::UnsupportedVersion
            | Code::UnknownTopic
            | Code::UnknownPartition
            | Code::UnknownTopicOrPartition
            | Code::BadMessage
            | Code::InvalidMessage => Some(unavailable(&self.options, error)),
            _ => {
                self.trouble(&error);
                None
            }
        }
    }

    fn trouble(&mut self, error: &KafkaError) {
        if !self.troubled {
            self.troubled = true;
            tracing::warn!(%error, place = %self.options.place(), "reading is held up; it goes on when the brokers are back");
        }
    }

    /// Some partition has no record where this reader stands. The client does not say which, and has stopped reading it.
    fn out_of_range(&mut self) -> Option<ReadError> {
        for (&partition, &offset) in &self.next {
            let checked = watermarks(&self.asker, &self.options, &self.topics, partition).and_then(|(low, end)| {
                in_range(partition, offset, low)?;
                if offset <= end {
                    return Ok(());
                }
                let what =
                    format!("it was read before, but now the partition ends at {end}: the brokers have lost records");
                Err(ReadError::Damaged { partition, offset: end, what })
            });
            if let Err(error) = checked {
                return Some(error);
            }
        }
        // Passing: a new leader may not have known the end yet.
        self.assign().err().map(|error| unavailable(&self.options, error))
    }
}

fn consumer(options: &KafkaOptions) -> KafkaResult<BaseConsumer<Context>> {
    // The group's name is for access rules only.
    let mut config = options.consumer("reader", &format!("{}-reader", options.topic_prefix));
    // No transaction is ever written to these topics. If somebody begins one all the same, it must not hold readers up.
    config.set("isolation.level", "read_uncommitted");
    BaseConsumer::from_config_and_context(&config, Context::default())
}

fn in_range(partition: PartitionId, offset: u64, low: u64) -> Result<(), ReadError> {
    if offset >= low {
        return Ok(());
    }
    let what = format!("the partition begins at {low} now: retention or somebody has deleted what was before");
    Err(ReadError::Damaged { partition, offset, what })
}

/// The record in a message, if it is the next one of its partition.
fn accept(
    topics: &Topics,
    next: &mut BTreeMap<PartitionId, u64>,
    message: &BorrowedMessage<'_>,
) -> Result<Option<RawRecord>, ReadError> {
    let (Some(family), Ok(index), Ok(offset)) =
        (topics.family_of(message.topic()), u16::try_from(message.partition()), u64::try_from(message.offset()))
    else {
        return Ok(None);
    };
    let partition = PartitionId::new(family, index);
    let Some(expected) = next.get_mut(&partition) else { return Ok(None) };
    if offset < *expected {
        // Read already, before a new assignment.
        return Ok(None);
    }
    if offset > *expected {
        let what = format!("the next record has offset {offset}: those between are gone");
        return Err(ReadError::Damaged { partition, offset: *expected, what });
    }
    *expected += 1;
    Ok(Some(RawRecord {
        partition,
        offset,
        bytes: Bytes::copy_from_slice(message.payload().unwrap_or_default()),
        opened: None,
    }))
}

impl Reader for KafkaReader {
    fn next(&mut self, bytes_max: usize, wait: Duration) -> Result<Vec<RawRecord>, ReadError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if self.consumer.context().brokers.are_lost() {
            self.replace().map_err(|error| unavailable(&self.options, error))?;
        }
        let deadline = Instant::now() + wait;
        let (mut records, mut bytes) = (Vec::new(), 0);
        while bytes < bytes_max.max(1) && records.len() < RECORDS_MAX {
            let patience =
                if records.is_empty() { deadline.saturating_duration_since(Instant::now()) } else { Duration::ZERO };
            let read = match self.consumer.poll(patience) {
                Some(Ok(message)) => accept(&self.topics, &mut self.next, &message),
                Some(Err(error)) => match self.triage(error) {
                    Some(error) => Err(error),
                    None => Ok(None),
                },
                None if records.is_empty() && Instant::now() < deadline => Ok(None),
                None => break,
            };
            match read {
                Ok(Some(record)) => {
                    bytes += record.bytes.len().max(1);
                    records.push(record);
                }
                Ok(None) if records.is_empty() && Instant::now() >= deadline => break,
                Ok(None) => {}
                Err(error) if records.is_empty() => return Err(error),
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
        if !records.is_empty() && self.troubled {
            self.troubled = false;
            tracing::info!(place = %self.options.place(), "reading goes on");
        }
        Ok(records)
    }
}
