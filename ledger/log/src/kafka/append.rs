//! Appending to a topic partition, with proof of where the records stand.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rdkafka::{
    ClientContext, Message as _,
    config::{FromClientConfigAndContext as _, RDKafkaLogLevel},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext, PurgeConfig},
};

use super::{brokers::KnownBrokers, context, options::KafkaOptions, settings::Topics};
use crate::{AppendError, Appender, PartitionId, limits::RECORD_BYTES_MAX};

/// How long the client waits for more records before it sends a batch, in milliseconds. What a block still hands over while the first
/// batch is on its way is the second one; less than a millisecond counts as one (librdkafka 2.12), which is longer than the broker takes.
const LINGER_MS: &str = "0";
/// Pause between looks for delivery reports. `BaseProducer::poll` with a timeout sleeps it out even when a report comes at once, and
/// below a millisecond it spins; `flush` sleeps 100 ms at a time.
const REPORT_PAUSE_SHORT: Duration = Duration::from_micros(30);
/// The same, once the broker has proved slow.
const REPORT_PAUSE_LONG: Duration = Duration::from_millis(1);
/// How long pauses stay short.
const REPORT_SHORT_FOR: Duration = Duration::from_millis(20);
/// By how much the client may be late to report that a record's time is over.
const REPORT_GRACE: Duration = Duration::from_secs(5);

/// Why records do not stand where they should.
#[derive(Debug)]
pub(super) enum Failure {
    /// Certain: none was handed to the client.
    NotWritten(KafkaError),
    /// One or more may be, or may yet be.
    Unknown(String),
    /// Somebody else wrote.
    Interleaved { got: u64 },
}

/// What delivery reports have told of the records of one append.
#[derive(Default)]
struct Reports {
    expected: u64,
    delivered: usize,
    misplaced: Option<i64>,
    error: Option<KafkaError>,
}

/// Receives delivery reports, on the thread that polls.
#[derive(Default)]
struct Delivery {
    reports: Mutex<Reports>,
    brokers: KnownBrokers,
}

impl Delivery {
    fn reports(&self) -> MutexGuard<'_, Reports> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Delivery {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        context::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        context::note_error(&error, reason);
    }

    fn stats_raw(&self, report: &[u8]) {
        self.brokers.note(report);
    }
}

impl ProducerContext for Delivery {
    /// The record's place within the append.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, index: usize) {
        let mut reports = self.reports();
        match result {
            Ok(message) => {
                reports.delivered += 1;
                let here = u64::try_from(message.offset()).ok();
                if here != Some(reports.expected + index as u64) && reports.misplaced.is_none() {
                    reports.misplaced = Some(message.offset());
                }
            }
            Err((error, _)) if reports.error.is_none() => reports.error = Some(error.clone()),
            Err(_) => {}
        }
    }
}

/// A producer for one topic partition. Given up for good once an outcome is unknown: what its client still holds must never be sent.
pub(super) struct Producing {
    topic: String,
    partition: i32,
    timeout: Duration,
    producer: Option<BaseProducer<Delivery>>,
}

impl Producing {
    pub(super) fn new(options: &KafkaOptions, topic: &str, partition: u16) -> KafkaResult<Self> {
        let mut config = options.producer("appender");
        if !options.properties.contains_key("linger.ms") {
            config.set("linger.ms", LINGER_MS);
        }
        let producer = BaseProducer::from_config_and_context(&config, Delivery::default())?;
        let timeout = options.append_timeout;
        Ok(Self { topic: topic.to_owned(), partition: i32::from(partition), timeout, producer: Some(producer) })
    }

    /// Writes the records and returns once each is acknowledged at `expected`, `expected + 1`, ….
    pub(super) fn write(&mut self, expected: u64, records: &[Bytes]) -> Result<(), Failure> {
        let Some(producer) = &self.producer else {
            let what = "an earlier append of this appender had an unknown outcome; it is of no more use";
            return Err(Failure::Unknown(what.into()));
        };
        *producer.context().reports() = Reports { expected, ..Reports::default() };
        let deadline = Instant::now() + self.timeout + REPORT_GRACE;
        let mut outcome = self.hand_over(producer, records, deadline);
        if outcome.is_ok() {
            outcome = wait(producer, deadline).and_then(|()| judge(&producer.context().reports(), records.len()));
        }
        if matches!(outcome, Err(Failure::Unknown(_))) {
            self.give_up();
        }
        outcome
    }

    /// Gives every record to the client, in order.
    fn hand_over(
        &self,
        producer: &BaseProducer<Delivery>,
        records: &[Bytes],
        deadline: Instant,
    ) -> Result<(), Failure> {
        for (index, record) in records.iter().enumerate() {
            loop {
                let next = BaseRecord::<[u8], [u8], usize>::with_opaque_to(&self.topic, index)
                    .partition(self.partition)
                    .payload(record);
                let Err((error, _)) = producer.send(next) else { break };
                match (&error, index) {
                    (KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), 1..) if Instant::now() < deadline => {
                        producer.poll(Duration::ZERO);
                        thread::sleep(REPORT_PAUSE_SHORT);
                    }
                    (
                        KafkaError::MessageProduction(
                            RDKafkaErrorCode::QueueFull | RDKafkaErrorCode::MessageSizeTooLarge,
                        ),
                        0,
                    ) => return Err(Failure::NotWritten(error)),
                    // Also a client that has failed for good: a new one is needed, and unknown is what brings the caller to make one.
                    _ => return Err(Failure::Unknown(format!("record {index} was refused by the client: {error}"))),
                }
            }
        }
        Ok(())
    }

    /// Throws away what was not sent and forgets what was. Purging first, or dropping the producer would wait for it.
    fn give_up(&mut self) {
        if let Some(producer) = self.producer.take() {
            producer.purge(PurgeConfig::default().queue().inflight());
            producer.poll(Duration::ZERO);
        }
    }
}

/// Polls until there is a report for every record.
fn wait(producer: &BaseProducer<Delivery>, deadline: Instant) -> Result<(), Failure> {
    let short_until = Instant::now() + REPORT_SHORT_FOR;
    loop {
        producer.poll(Duration::ZERO);
        // Counts records whose report has not been served yet.
        if producer.in_flight_count() == 0 {
            return Ok(());
        }
        if producer.context().brokers.are_lost() {
            return Err(Failure::Unknown("the client has lost every broker".into()));
        }
        let now = Instant::now();
        if now >= deadline {
            let what = format!("{} records were neither acknowledged nor refused in time", producer.in_flight_count());
            return Err(Failure::Unknown(what));
        }
        thread::sleep(if now < short_until { REPORT_PAUSE_SHORT } else { REPORT_PAUSE_LONG });
    }
}

fn judge(reports: &Reports, records: usize) -> Result<(), Failure> {
    if let Some(error) = &reports.error {
        // Never certain, whatever the code: an earlier try of the same batch may have been written without its answer reaching us.
        return Err(Failure::Unknown(error.to_string()));
    }
    if reports.delivered != records {
        let what = format!("{} of {records} records were acknowledged", reports.delivered);
        return Err(Failure::Unknown(what));
    }
    match reports.misplaced.map(u64::try_from) {
        None => Ok(()),
        Some(Ok(got)) => Err(Failure::Interleaved { got }),
        // A broker may acknowledge a repeated batch without saying where it stands.
        Some(Err(_)) => Err(Failure::Unknown("the broker acknowledged it without an offset".into())),
    }
}

/// Appends to one partition of the log.
pub(super) struct KafkaAppender {
    partition: PartitionId,
    producing: Producing,
}

impl KafkaAppender {
    pub(super) fn new(options: &KafkaOptions, topics: &Topics, partition: PartitionId) -> Result<Self, AppendError> {
        let producing = Producing::new(options, topics.family(partition.family), partition.index)
            .map_err(|error| AppendError::NotWritten { partition, source: error.into() })?;
        Ok(Self { partition, producing })
    }
}

impl Appender for KafkaAppender {
    fn append(&mut self, expected: u64, records: &[Bytes]) -> Result<(), AppendError> {
        let partition = self.partition;
        if let Some(long) = records.iter().find(|record| record.len() > RECORD_BYTES_MAX) {
            return Err(AppendError::TooLarge { partition, bytes: long.len(), limit: RECORD_BYTES_MAX });
        }
        self.producing.write(expected, records).map_err(|failure| match failure {
            Failure::NotWritten(error) => AppendError::NotWritten { partition, source: error.into() },
            Failure::Unknown(what) => AppendError::Unknown { partition, source: what.into() },
            Failure::Interleaved { got } => AppendError::Interleaved { partition, expected, got },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reports(delivered: usize, misplaced: Option<i64>, error: Option<KafkaError>) -> Reports {
        Reports { expected: 7, delivered, misplaced, error }
    }

    #[test]
    fn only_proof_is_success() {
        let error = KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut);
        assert!(judge(&reports(2, None, None), 2).is_ok());
        assert!(matches!(judge(&reports(2, Some(9), None), 2), Err(Failure::Interleaved { got: 9 })));
        assert!(matches!(judge(&reports(2, Some(-1), None), 2), Err(Failure::Unknown(_))));
        assert!(matches!(judge(&reports(1, None, None), 2), Err(Failure::Unknown(_))));
        assert!(matches!(judge(&reports(1, Some(9), Some(error)), 2), Err(Failure::Unknown(_))));
    }

    #[test]
    fn no_broker_means_unknown_and_an_end_of_use() {
        let mut options = KafkaOptions::new("127.0.0.1:9");
        options.append_timeout = Duration::from_millis(1200);
        let mut producing = Producing::new(&options, "nowhere", 0).unwrap();
        let records = vec![Bytes::from_static(b"x"); 100];
        assert!(matches!(producing.write(0, &records), Err(Failure::Unknown(_))));
        let began = Instant::now();
        assert!(matches!(producing.write(0, &records), Err(Failure::Unknown(_))));
        drop(producing);
        assert!(began.elapsed() < Duration::from_secs(1), "neither a refused append nor the drop may wait");
    }
}
