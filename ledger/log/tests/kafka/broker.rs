//! Brokers for tests, and ledgers of their own on them.

use std::{
    collections::hash_map::RandomState,
    env,
    hash::{BuildHasher as _, Hasher as _},
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
};

use subledger_log::{
    Layout, LedgerId,
    kafka::{KafkaLog, KafkaOptions, init},
};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/kafka/kafka");

/// Where the broker of all tests is; none if Kafka is to be skipped.
pub(crate) fn bootstrap() -> Option<String> {
    static BOOTSTRAP: OnceLock<Option<String>> = OnceLock::new();
    BOOTSTRAP
        .get_or_init(|| {
            if skipped() {
                return None;
            }
            Some(env::var("KAFKA_BOOTSTRAP").unwrap_or_else(|_| Cluster::start().bootstrap))
        })
        .clone()
}

/// Whether the environment says to do without Kafka.
pub(crate) fn skipped() -> bool {
    let skipped = env::var("SUBLEDGER_SKIP_KAFKA").is_ok_and(|value| value == "1");
    if skipped {
        eprintln!("SKIPPED: SUBLEDGER_SKIP_KAFKA=1, so nothing was tested on Kafka");
    }
    skipped
}

/// A number that no other run has.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Options with a topic prefix of its own.
pub(crate) fn options(bootstrap: &str) -> KafkaOptions {
    KafkaOptions { topic_prefix: format!("test-{:016x}", random()), ..KafkaOptions::new(bootstrap) }
}

pub(crate) fn new_id() -> LedgerId {
    LedgerId(uuid::Uuid::from_u64_pair(random(), random()))
}

pub(crate) const LAYOUT: Layout = Layout { partners: 1, customers: 2 };

/// A new ledger.
pub(crate) fn ledger(options: &KafkaOptions) -> KafkaLog {
    init(options, new_id(), LAYOUT, 1).unwrap();
    KafkaLog::open(options.clone()).unwrap()
}

/// A cluster that a test may do anything to. It ends when the process does, however that ends.
pub(crate) struct Cluster {
    pub(crate) bootstrap: String,
    dir: PathBuf,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("kafka-{:016x}", random()));
        let dir_name = dir.to_str().unwrap();
        let process = std::process::id().to_string();
        let bootstrap = script(&["start", "--dir", dir_name, "--with", &process, "--remove"]);
        Self { bootstrap, dir }
    }

    pub(crate) fn kill(&self) {
        script(&["kill", "--dir", self.dir.to_str().unwrap()]);
    }

    pub(crate) fn restart(&self) {
        script(&["restart", "--dir", self.dir.to_str().unwrap()]);
    }
}

fn script(arguments: &[&str]) -> String {
    let output = Command::new(SCRIPT).args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(
        output.status.success(),
        "no Kafka broker to test on. Name one in KAFKA_BOOTSTRAP, or make `deploy/kafka/kafka fetch` work here, or set \
         SUBLEDGER_SKIP_KAFKA=1 to do without. `kafka {}` said:\n{}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
