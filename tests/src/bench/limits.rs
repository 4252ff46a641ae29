//! What the machine itself can do, measured in the same run: the disk, and librdkafka against the same broker.

use std::{
    fs::OpenOptions,
    hint::black_box,
    io::Write as _,
    num::NonZero,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
    producer::{BaseProducer, BaseRecord, Producer as _},
};
use sha2::{Digest as _, Sha256};

/// How long a broker may take to answer a question.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Partitions of the topic: as many as a ledger has of customers.
const PARTITIONS: i32 = 4;
/// How long processors hash.
const HASHING: Duration = Duration::from_millis(300);
/// Bytes that are hashed at once.
const HASHED: usize = 16 * 1024;

/// Bytes a second that all processors together hash (SHA-256): where machines share them, that is another number each hour.
pub fn hashed_per_second() -> u64 {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let began = Instant::now();
    let hash = || {
        let (block, mut bytes) = ([7_u8; HASHED], 0);
        while began.elapsed() < HASHING {
            black_box(Sha256::digest(black_box(block)));
            bytes += HASHED as u64;
        }
        bytes
    };
    let bytes = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..processors).map(|_| scope.spawn(hash)).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).sum()
    });
    per_second(bytes, began.elapsed())
}

/// The middle and the 99th of a hundred.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// p50.
    pub p50: Duration,
    /// p99.
    pub p99: Duration,
}

impl Times {
    fn of(mut times: Vec<Duration>) -> anyhow::Result<Self> {
        times.sort_unstable();
        let at = |percent: usize| times.get(times.len() * percent / 100).copied();
        Ok(Self { p50: at(50).context("nothing was measured")?, p99: at(99).context("nothing was measured")? })
    }
}

/// Appends of so many bytes to one file, each really on disk before the next: `write` and `fdatasync`.
pub fn appends(dir: &Path, bytes: usize, times: usize) -> anyhow::Result<Times> {
    let path = dir.join("fdatasync");
    let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
    let block = vec![7_u8; bytes];
    let mut taken = Vec::with_capacity(times);
    for _ in 0..times {
        let began = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        taken.push(began.elapsed());
    }
    std::fs::remove_file(path)?;
    Times::of(taken)
}

/// A topic of librdkafka's own on the broker that the ledger uses, with the same settings.
pub struct RawTopic {
    bootstrap: String,
    name: String,
}

impl RawTopic {
    /// Makes it. Like a ledger's on one broker, it syncs each append.
    pub async fn create(bootstrap: &str, name: &str) -> anyhow::Result<Self> {
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", bootstrap).create()?;
        let topic = NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(1)).set("flush.messages", "1");
        for made in admin.create_topics([&topic], &AdminOptions::new()).await? {
            made.map_err(|(topic, code)| anyhow::anyhow!("cannot make {topic}: {code}"))?;
        }
        Ok(Self { bootstrap: bootstrap.to_owned(), name: name.to_owned() })
    }

    fn producer(&self, linger_ms: &str) -> anyhow::Result<BaseProducer> {
        Ok(ClientConfig::new()
            .set("bootstrap.servers", &self.bootstrap)
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("compression.type", "lz4")
            .set("linger.ms", linger_ms)
            .create()?)
    }

    /// These records again and again, as many as go in that time: how many in a second are acknowledged.
    pub fn produce(&self, records: &[Bytes], time: Duration) -> anyhow::Result<u64> {
        let producer = self.producer("5")?;
        let (began, mut sent) = (Instant::now(), 0_u64);
        while began.elapsed() < time {
            let (record, partition) = (&records[usize::try_from(sent)? % records.len()], i32::try_from(sent % 4)?);
            match producer.send(BaseRecord::<(), _>::to(&self.name).payload(&record[..]).partition(partition)) {
                Ok(()) => sent += 1,
                // The queue is full.
                Err(_) => {
                    producer.poll(Duration::from_millis(1));
                }
            }
            if sent % 1_000 == 0 {
                producer.poll(Duration::ZERO);
            }
        }
        while producer.in_flight_count() > 0 {
            producer.poll(Duration::from_millis(1));
        }
        Ok(per_second(sent, began.elapsed()))
    }

    /// One record, its acknowledgement, the next.
    pub fn round_trips(&self, record: &[u8], times: usize) -> anyhow::Result<Times> {
        let producer = self.producer("0")?;
        let mut taken = Vec::with_capacity(times);
        for n in 0..times + 20 {
            let began = Instant::now();
            let record = BaseRecord::<(), _>::to(&self.name).payload(record).partition(0);
            producer.send(record).map_err(|(error, _)| error)?;
            while producer.in_flight_count() > 0 {
                producer.poll(Duration::from_micros(100));
            }
            // The first ones look for the broker.
            if n >= 20 {
                taken.push(began.elapsed());
            }
        }
        Times::of(taken)
    }

    /// Reads the topic from its beginning: records in a second.
    pub fn consume(&self, most: Duration) -> anyhow::Result<u64> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.bootstrap)
            .set("group.id", "bench")
            .set("enable.auto.commit", "false")
            .create()?;
        let mut assignment = TopicPartitionList::new();
        let mut left = 0;
        for partition in 0..PARTITIONS {
            let (low, high) = consumer.fetch_watermarks(&self.name, partition, ANSWER_MAX)?;
            left += high - low;
            assignment.add_partition_offset(&self.name, partition, Offset::Beginning)?;
        }
        consumer.assign(&assignment)?;
        let (mut began, mut read) = (None, 0_u64);
        while i64::try_from(read)? < left && began.is_none_or(|began: Instant| began.elapsed() < most) {
            if let Some(message) = consumer.poll(ANSWER_MAX) {
                ensure!(message?.payload_len() > 0, "a record without a value");
                began.get_or_insert_with(Instant::now);
                read += 1;
            }
        }
        Ok(per_second(read, began.context("nothing came")?.elapsed()))
    }
}

/// How many in a second.
pub fn per_second(count: u64, time: Duration) -> u64 {
    let micros = time.as_micros().max(1);
    u64::try_from(u128::from(count) * 1_000_000 / micros).unwrap_or(u64::MAX)
}
