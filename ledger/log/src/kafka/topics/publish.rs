//! Publishing commands, outcomes and dead letters.

use std::{
    fmt, mem,
    pin::Pin,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use bytes::Bytes;
use rdkafka::{
    ClientConfig, ClientContext, Message as _,
    config::{FromClientConfigAndContext as _, RDKafkaLogLevel},
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, PurgeConfig, ThreadedProducer},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::Headers;
use crate::kafka::{
    KafkaOptions, Topics,
    brokers::{self, KnownBrokers},
    context,
};

/// Longest record, in bytes of key, value and headers together.
pub const PUBLISHED_BYTES_MAX: usize = 900_000;
/// Records on their way, in KiB, each rounded up: also at most so many records. Less than the client's own limits, so that a sender
/// waits here, where it can, and never meets those.
pub const IN_FLIGHT_KIB_MAX: usize = 32 * 1024;
/// How long a record waits for others to travel with: not at all. Those that come while one is on its way travel together anyway, and
/// less than a millisecond counts as one (librdkafka 2.12).
const LINGER: Duration = Duration::ZERO;
/// How often the keeper looks whether the client is of use.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Pause between looks whether everything was delivered.
const CLOSE_PAUSE: Duration = Duration::from_millis(1);

/// Where a record goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Commands for the writers.
    Commands,
    /// What came of them.
    Outcomes,
    /// What could not be decoded.
    DeadLetters,
}

/// A record to publish.
#[derive(Clone, Debug)]
pub struct OutgoingRecord {
    /// The topic.
    pub destination: Destination,
    /// The partition; none leaves it to a hash of the key, the one that Kafka's Java client uses.
    pub partition: Option<u32>,
    /// Customer or partner.
    pub key: Bytes,
    /// The value.
    pub payload: Bytes,
    /// See [`super::CloudEvent::headers`].
    pub headers: Headers,
}

/// Where a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The topic's partition.
    pub partition: u32,
    /// The offset there.
    pub offset: u64,
}

/// Publishing failed.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Too much is on its way. Nothing was sent.
    #[error("{IN_FLIGHT_KIB_MAX} KiB of records are on their way to Kafka already; nothing was sent, try again later")]
    Full,
    /// The record is too long. Nothing was sent.
    #[error("a record of {bytes} bytes is longer than the limit of {PUBLISHED_BYTES_MAX} bytes; nothing was sent")]
    TooLarge {
        /// Key, value and headers.
        bytes: usize,
    },
    /// The client refused it. Nothing was sent.
    #[error("nothing was sent to {topic}: {source}")]
    Refused {
        /// The topic.
        topic: String,
        /// Why.
        source: KafkaError,
    },
    /// No acknowledgement came in time. It may stand in the topic, so whoever sends it again must keep its id.
    #[error("it is unknown whether the record reached {topic}: {source}")]
    Unknown {
        /// The topic.
        topic: String,
        /// Why.
        source: KafkaError,
    },
    /// The producer was closed first. It may stand in the topic.
    #[error("the producer was closed before the record was acknowledged; it is unknown whether it was sent")]
    Closed,
}

/// A record on its way. Resolves when every in-sync replica has it; if a broker failed meanwhile, perhaps twice. Dropping it does not
/// take the record back.
#[derive(Debug)]
pub struct Delivery(oneshot::Receiver<Result<Delivered, PublishError>>);

impl Delivery {
    /// Waits on this thread, which must not be an async one.
    pub fn wait(self) -> Result<Delivered, PublishError> {
        self.0.blocking_recv().unwrap_or(Err(PublishError::Closed))
    }
}

impl Future for Delivery {
    type Output = Result<Delivered, PublishError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or(Err(PublishError::Closed)))
    }
}

/// Goes through the client with a record and comes back with its delivery report.
struct Pending {
    answer: oneshot::Sender<Result<Delivered, PublishError>>,
    /// Gives its room back when dropped.
    _room: OwnedSemaphorePermit,
}

#[derive(Default)]
struct Receipts {
    brokers: KnownBrokers,
}

impl ClientContext for Receipts {
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

type Client = ThreadedProducer<Receipts>;

/// The client, until it has lost its brokers and another takes its place.
struct Kept {
    config: ClientConfig,
    client: RwLock<Client>,
    stop: AtomicBool,
}

impl Kept {
    fn client(&self) -> RwLockReadGuard<'_, Client> {
        self.client.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks after the client until told to stop. What a lost one had on its way becomes [`PublishError::Unknown`].
    fn look_after(&self) {
        while !self.stop.load(Ordering::Relaxed) {
            thread::park_timeout(LOOK_EVERY);
            if !self.client().context().brokers.are_lost() {
                continue;
            }
            match Client::from_config_and_context(&self.config, Receipts::default()) {
                Ok(fresh) => {
                    let mut client = self.client.write().unwrap_or_else(PoisonError::into_inner);
                    brokers::give_up("publisher", mem::replace(&mut *client, fresh));
                }
                Err(error) => tracing::error!(%error, "no Kafka client in place of one that has lost every broker"),
            }
        }
    }
}

impl ProducerContext for Receipts {
    type DeliveryOpaque = Box<Pending>;

    fn delivery(&self, result: &DeliveryResult<'_>, pending: Box<Pending>) {
        let answer = match result {
            Ok(message) => Ok(Delivered {
                partition: u32::try_from(message.partition()).unwrap_or_default(),
                offset: u64::try_from(message.offset()).unwrap_or_default(),
            }),
            Err((source, message)) => {
                Err(PublishError::Unknown { topic: message.topic().to_owned(), source: source.clone() })
            }
        };
        // The sender may not care any more.
        let _ = pending.answer.send(answer);
    }
}

/// Publishes records; share it behind an [`Arc`]. A thread of its own receives the acknowledgements, so an async task only awaits;
/// another one looks after the client.
///
/// Dropping it takes up to half a second and gives up what is on its way: [`Self::close`] it, off the async threads.
pub struct RecordProducer {
    kept: Arc<Kept>,
    keeper: Option<JoinHandle<()>>,
    topics: Topics,
    room: Arc<Semaphore>,
}

impl RecordProducer {
    /// A producer for the ledger's topics. Does not wait for a broker.
    pub fn new(options: &KafkaOptions) -> Result<Self, PublishError> {
        Self::lingering(options, LINGER)
    }

    /// The same, whose records wait so long for others to travel with: less work for brokers where nobody waits for a record.
    pub fn lingering(options: &KafkaOptions, linger: Duration) -> Result<Self, PublishError> {
        let topics = Topics::new(&options.topic_prefix);
        let mut config = options.producer("publisher");
        if !options.properties.contains_key("linger.ms") {
            config.set("linger.ms", format!("{}.{:03}", linger.as_millis(), linger.subsec_micros() % 1_000));
        }
        if !options.properties.contains_key("partitioner") {
            config.set("partitioner", "murmur2_random");
        }
        let client = Client::from_config_and_context(&config, Receipts::default())
            .map_err(|source| PublishError::Refused { topic: topics.commands.clone(), source })?;
        let kept = Arc::new(Kept { config, client: RwLock::new(client), stop: AtomicBool::new(false) });
        let keeping = Arc::clone(&kept);
        let keeper = thread::Builder::new().name("kafka-keeper".into()).spawn(move || keeping.look_after()).ok();
        Ok(Self { kept, keeper, topics, room: Arc::new(Semaphore::new(IN_FLIGHT_KIB_MAX)) })
    }

    /// Sends a record, waiting for room if too much is on its way. Await the [`Delivery`] for the acknowledgement; many may be under way.
    pub async fn send(&self, record: OutgoingRecord) -> Result<Delivery, PublishError> {
        let room = Arc::clone(&self.room).acquire_many_owned(room_for(&record)?).await;
        self.hand_over(&record, room.map_err(|_| PublishError::Closed)?)
    }

    /// Sends a record if there is room now.
    pub fn try_send(&self, record: &OutgoingRecord) -> Result<Delivery, PublishError> {
        let room = Arc::clone(&self.room).try_acquire_many_owned(room_for(record)?);
        self.hand_over(record, room.map_err(|_| PublishError::Full)?)
    }

    /// Waits up to `wait` until all is acknowledged, and says how many records were not. Blocks.
    pub fn close(self, wait: Duration) -> usize {
        let deadline = Instant::now() + wait;
        while self.kept.client().in_flight_count() > 0 && Instant::now() < deadline {
            thread::sleep(CLOSE_PAUSE);
        }
        let client = self.kept.client();
        let left = usize::try_from(client.in_flight_count()).unwrap_or(0);
        client.purge(PurgeConfig::default().queue().inflight());
        left
    }

    fn hand_over(&self, record: &OutgoingRecord, room: OwnedSemaphorePermit) -> Result<Delivery, PublishError> {
        let topic = match record.destination {
            Destination::Commands => &self.topics.commands,
            Destination::Outcomes => &self.topics.outcomes,
            Destination::DeadLetters => &self.topics.dead_letters,
        };
        let (answer, delivery) = oneshot::channel();
        let mut message = BaseRecord::with_opaque_to(topic, Box::new(Pending { answer, _room: room }))
            .key(&record.key[..])
            .payload(&record.payload[..])
            .headers(record.headers.to_kafka());
        if let Some(partition) = record.partition {
            message = message.partition(i32::try_from(partition).unwrap_or(i32::MAX));
        }
        // While this is held, nobody replaces the client.
        let client = self.kept.client();
        match client.send(message) {
            Ok(()) => Ok(Delivery(delivery)),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => Err(PublishError::Full),
            Err((source, _)) => Err(PublishError::Refused { topic: topic.clone(), source }),
        }
    }
}

impl Drop for RecordProducer {
    fn drop(&mut self) {
        self.kept.stop.store(true, Ordering::Relaxed);
        if let Some(keeper) = self.keeper.take() {
            keeper.thread().unpark();
            // A panic of it was told when it happened.
            let _ = keeper.join();
        }
    }
}

impl fmt::Debug for RecordProducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordProducer")
            .field("in_flight", &self.kept.client().in_flight_count())
            .finish_non_exhaustive()
    }
}

/// The room a record takes, in KiB.
fn room_for(record: &OutgoingRecord) -> Result<u32, PublishError> {
    let bytes = record.key.len() + record.payload.len() + record.headers.bytes();
    if bytes > PUBLISHED_BYTES_MAX {
        return Err(PublishError::TooLarge { bytes });
    }
    Ok(u32::try_from(bytes.div_ceil(1024).max(1)).unwrap_or(u32::MAX))
}
