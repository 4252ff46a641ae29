//! Where the brokers are and how to talk to them.

use std::{collections::BTreeMap, error::Error, fmt, time::Duration};

use rdkafka::{ClientConfig, config::FromClientConfigAndContext as _, consumer::BaseConsumer, error::KafkaResult};

use super::{brokers, context::Context};
use crate::OpenError;

/// Longest topic prefix, in bytes: Kafka allows names of 249, and the longest suffix must fit.
pub const TOPIC_PREFIX_BYTES_MAX: usize = 200;
/// Records that a producer may hold, in KiB. A block is at most 4 MiB.
pub const PRODUCER_QUEUE_KIB_MAX: u32 = 64 * 1024;
/// How long a reader may keep a fetch open at a broker that has nothing new, in milliseconds. New records end the fetch at once.
pub const FETCH_WAIT_MS_MAX: u32 = 100;
/// How long a reader pauses between fetches while its queue is full, in milliseconds. The client's own 1000 starves small queues.
pub const FETCH_QUEUE_BACKOFF_MS: u32 = 20;
/// Records per partition below which a reader fetches more.
pub const FETCH_QUEUE_RECORDS_MIN: u32 = 10_000;

/// Properties that are this crate's to set: the log's correctness, or its meaning, rests on them.
const RESERVED: &[&str] = &[
    "acks",
    "auto.offset.reset",
    "bootstrap.servers",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "group.instance.id",
    "isolation.level",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "message.timeout.ms",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "request.required.acks",
    "statistics.interval.ms",
    "transactional.id",
];

/// How to reach a ledger on Kafka.
#[derive(Clone, PartialEq, Eq)]
pub struct KafkaOptions {
    /// Brokers to begin with: `host:port`, separated by commas.
    pub bootstrap: String,
    /// Before every topic's name: `{topic_prefix}.customers`.
    pub topic_prefix: String,
    /// Passed to librdkafka as they are, for TLS, SASL and tuning: `security.protocol`, `ssl.ca.location`, `sasl.username`, ….
    /// The few that the ledger's correctness rests on are refused.
    pub properties: BTreeMap<String, String>,
    /// Most time for a question to a broker: metadata, ends of partitions, making topics.
    pub request_timeout: Duration,
    /// Most time for an append. Longer than brokers need to choose a new leader (about 9 s after one dies), or every such death
    /// makes outcomes unknown that a little patience would have settled.
    pub append_timeout: Duration,
    /// Records that one reader may hold in memory, in KiB.
    pub reader_queue_kib: u32,
}

impl KafkaOptions {
    /// The defaults, with these brokers.
    pub fn new(bootstrap: impl Into<String>) -> Self {
        Self {
            bootstrap: bootstrap.into(),
            topic_prefix: "subledger".into(),
            properties: BTreeMap::new(),
            request_timeout: Duration::from_secs(10),
            append_timeout: Duration::from_secs(30),
            reader_queue_kib: 32 * 1024,
        }
    }

    /// Whether it makes sense, as far as can be told without a broker.
    pub fn validate(&self) -> Result<(), OpenError> {
        let wrong = |setting: &str, found: &str, expected: &str, remedy: &str| {
            Err(OpenError::WrongSetting {
                setting: setting.into(),
                found: found.into(),
                expected: expected.into(),
                remedy: remedy.into(),
            })
        };
        if self.bootstrap.trim().is_empty() {
            return wrong(
                "kafka.bootstrap",
                "empty",
                "host:port of one or more brokers",
                "set SUBLEDGER_KAFKA_BOOTSTRAP",
            );
        }
        let prefix = &self.topic_prefix;
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if prefix.is_empty() || prefix.len() > TOPIC_PREFIX_BYTES_MAX || !prefix.chars().all(legal) {
            let expected = format!("1 to {TOPIC_PREFIX_BYTES_MAX} of the characters a-z A-Z 0-9 . _ -");
            return wrong("kafka.topic_prefix", &format!("{prefix:?}"), &expected, "change it");
        }
        if let Some(key) = self.properties.keys().find(|key| RESERVED.contains(&key.as_str())) {
            let setting = format!("kafka.properties: {key}");
            return wrong(&setting, "given", "the ledger's own value for it", "remove it from the properties");
        }
        Ok(())
    }

    /// For people: where the ledger is.
    pub(super) fn place(&self) -> String {
        format!("Kafka at {} (topics {}.*)", self.bootstrap, self.topic_prefix)
    }

    pub(super) fn cannot_open(&self, source: impl Into<Box<dyn Error + Send + Sync>>) -> OpenError {
        OpenError::Unavailable { place: self.place(), source: source.into() }
    }

    /// What every client has in common. Properties passed through come first, so that none can replace what follows.
    pub(super) fn client(&self, purpose: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("client.id", format!("subledger-{purpose}"));
        // Reconnect fast: a broker is usually back, or another leads, within seconds.
        config.set("reconnect.backoff.ms", "50").set("reconnect.backoff.max.ms", "1000");
        config.set("retry.backoff.ms", "20").set("retry.backoff.max.ms", "1000");
        config.set("socket.keepalive.enable", "true");
        config.set("socket.timeout.ms", self.request_timeout.as_millis().to_string());
        // OpenSSL is built in, and would look for authorities where it was built.
        config.set("ssl.ca.location", "probe");
        for (key, value) in &self.properties {
            config.set(key, value);
        }
        config.set("bootstrap.servers", &self.bootstrap);
        config
    }

    /// Of a producer whose acknowledgement means: on every in-sync replica, in the order sent; twice, perhaps, if a broker failed.
    ///
    /// Not idempotent: such a producer of librdkafka has one request on its way for each partition anyway, keeps a processor busy
    /// while records wait behind it (as of 2.12; its pull request 4989), and takes half a second to begin. Nobody needs it: what is
    /// there twice, readers skip ([`crate::admit`]), and an appender sees by its offset that it does not stand where it should.
    pub(super) fn producer(&self, purpose: &str) -> ClientConfig {
        let mut config = self.client(purpose);
        self.default(&mut config, "compression.type", "lz4");
        self.default(&mut config, "queue.buffering.max.kbytes", PRODUCER_QUEUE_KIB_MAX);
        config.set("acks", "all").set("enable.idempotence", "false");
        // More than one, and a request that is repeated could come after the next.
        config.set("max.in.flight", "1");
        config.set("statistics.interval.ms", brokers::REPORT_MS.to_string());
        config.set("message.timeout.ms", self.append_timeout.as_millis().to_string());
        config
    }

    /// Of a consumer that never commits by itself.
    pub(super) fn consumer(&self, purpose: &str, group: &str) -> ClientConfig {
        let mut config = self.client(purpose);
        self.default(&mut config, "queued.max.messages.kbytes", self.reader_queue_kib);
        self.default(&mut config, "queued.min.messages", FETCH_QUEUE_RECORDS_MIN);
        self.default(&mut config, "fetch.queue.backoff.ms", FETCH_QUEUE_BACKOFF_MS);
        self.default(&mut config, "fetch.wait.max.ms", FETCH_WAIT_MS_MAX);
        self.default(&mut config, "fetch.error.backoff.ms", 50);
        config.set("statistics.interval.ms", brokers::REPORT_MS.to_string());
        config.set("group.id", group).set("enable.auto.commit", "false").set("enable.auto.offset.store", "false");
        // Never skip to where there happen to be records: what is missing must be an error.
        config.set("auto.offset.reset", "error");
        config
    }

    /// A client that only asks questions.
    pub(super) fn metadata_client(&self) -> KafkaResult<BaseConsumer<Context>> {
        BaseConsumer::from_config_and_context(&self.client("metadata"), Context::default())
    }

    fn default(&self, config: &mut ClientConfig, key: &str, value: impl fmt::Display) {
        if !self.properties.contains_key(key) {
            config.set(key, value.to_string());
        }
    }
}

/// Without the values of the properties: there are passwords among them.
impl fmt::Debug for KafkaOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaOptions")
            .field("bootstrap", &self.bootstrap)
            .field("topic_prefix", &self.topic_prefix)
            .field("properties", &self.properties.keys())
            .field("request_timeout", &self.request_timeout)
            .field("append_timeout", &self.append_timeout)
            .field("reader_queue_kib", &self.reader_queue_kib)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_would_break_the_log() {
        let mut options = KafkaOptions::new("broker:9092");
        options.properties.insert("sasl.password".into(), "secret".into());
        options.validate().unwrap();
        assert!(!format!("{options:?}").contains("secret"));

        options.properties.insert("acks".into(), "1".into());
        assert!(options.validate().unwrap_err().to_string().contains("acks"));
        options.properties.clear();
        options.topic_prefix = "über".into();
        assert!(options.validate().unwrap_err().to_string().contains("topic_prefix"));
        options.topic_prefix = "ledger".into();
        options.bootstrap = " ".into();
        assert!(options.validate().unwrap_err().to_string().contains("SUBLEDGER_KAFKA_BOOTSTRAP"));
    }
}
