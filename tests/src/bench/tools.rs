//! What the rows share: the generator, the ledgers, reading results.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use serde_json::Value;
use subledger_proto::api::{GetStatusRequest, ProjectorState, ReadEventsRequest};

use crate::{
    client::Client,
    process::{Process, Serve, binary, free_port, wait_ready},
};

/// Longest wait until the read models have everything.
const SETTLE_MAX: Duration = Duration::from_secs(900);
/// Records taken as a sample of what a ledger stores.
const SAMPLE: usize = 2_000;

/// What all rows know.
pub struct Bench {
    /// Ledgers live here.
    pub dir: PathBuf,
    /// How long one thing is measured, in seconds.
    pub seconds: u32,
    /// Subscriptions of the large ledger.
    pub subscriptions: u32,
    /// The server that answers at once.
    pub null: Null,
}

impl Bench {
    /// Arguments of a load that lasts as long as everything does here.
    pub(super) fn arguments(&self, how: &str) -> String {
        format!("{how} --seconds {}", self.seconds)
    }

    /// The same load on the ledger and on the server that answers at once.
    pub(super) fn both(&self, ledger: &Serve, how: &str) -> anyhow::Result<(Load, Load)> {
        let arguments = self.arguments(how);
        Ok((load(&ledger.address, &arguments)?, load(&self.null.address, &arguments)?))
    }

    /// A new ledger.
    pub(super) async fn fresh(&self, name: &str, settings: &[&str]) -> anyhow::Result<Serve> {
        ledger(&self.dir.join(name), settings).await
    }

    /// Commands that a new ledger takes in a second; nothing is left of it. A world that it should have is there and folded before:
    /// what comes at once is not held up by what is not folded yet.
    pub(super) async fn once(
        &self,
        name: &str,
        settings: &[&str],
        world: Option<&str>,
        how: &str,
    ) -> anyhow::Result<u64> {
        let served = self.fresh(name, settings).await?;
        if let Some(world) = world {
            load(&served.address, &format!("{world} --seconds 0"))?;
            settled(&served.address).await?;
        }
        let got = load(&served.address, &self.arguments(how))?;
        drop(served);
        std::fs::remove_dir_all(self.dir.join(name))?;
        Ok(got.per_second())
    }

    /// Removes what a row left: all of them start more ledgers than a disk may hold together.
    pub(super) fn tidy(&self) -> anyhow::Result<()> {
        for entry in std::fs::read_dir(&self.dir)? {
            let path = entry?.path();
            std::fs::remove_dir_all(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(())
    }
}

/// The null server, in a process of its own.
pub struct Null {
    /// Where it answers.
    pub address: String,
    _process: Process,
}

impl Null {
    /// Starts it.
    pub async fn start() -> anyhow::Result<Self> {
        let listen = format!("127.0.0.1:{}", free_port()?);
        let own = std::env::current_exe()?;
        let mut process = Process::start_program("null", &own, &["null", "--listen", &listen], &[])?;
        let address = format!("http://{listen}");
        wait_ready(&mut process, &address).await?;
        Ok(Self { address, _process: process })
    }
}

/// One run of the generator, as it wrote it.
#[derive(Clone, Debug)]
pub struct Load(Value);

impl Load {
    /// Commands and reads answered in a second.
    pub fn per_second(&self) -> u64 {
        rounded(&self.0["measured"]["per_second"])
    }

    /// Of one kind, in a second.
    pub fn of_kind(&self, kind: &str) -> u64 {
        let seconds = rounded(&self.0["measured"]["seconds"]).max(1);
        self.0["measured"]["by_kind"][kind].as_u64().unwrap_or(0) / seconds
    }

    /// A quantile of a kind of call: `p50_ns`, `p99_ns`.
    pub fn time(&self, call: &str, quantile: &str) -> Duration {
        Duration::from_nanos(self.0["measured"]["calls"][call][quantile].as_u64().unwrap_or(0))
    }

    /// How long the world took to be filled.
    pub fn filled(&self) -> Duration {
        self.0["fill_seconds"].as_f64().map_or(Duration::ZERO, Duration::from_secs_f64)
    }
}

fn rounded(value: &Value) -> u64 {
    // A rate with a fraction.
    value.as_f64().map_or(0, |rate| Duration::from_secs_f64(rate.max(0.0)).as_secs())
}

/// `subledger bench load` at an address; an error if it ends badly or if anything was refused.
pub fn load(address: &str, arguments: &str) -> anyhow::Result<Load> {
    Loading::start(address, arguments)?.wait()
}

/// A generator that runs.
pub struct Loading {
    child: std::process::Child,
    json: tempfile::NamedTempFile,
}

impl Loading {
    /// Starts it.
    pub fn start(address: &str, arguments: &str) -> anyhow::Result<Self> {
        let json = tempfile::NamedTempFile::new()?;
        let mut command = Command::new(binary()?);
        command.args(["bench", "load", "--address", address, "--json"]).arg(json.path());
        command.args(arguments.split_whitespace()).stdout(std::process::Stdio::null());
        Ok(Self { child: command.spawn().context("cannot start the generator")?, json })
    }

    /// Waits for its end.
    pub fn wait(mut self) -> anyhow::Result<Load> {
        let status = self.child.wait()?;
        ensure!(status.success(), "the generator ended with {status}");
        let value: Value = serde_json::from_slice(&std::fs::read(self.json.path())?)?;
        let errors = value["measured"]["errors"].as_object().filter(|errors| !errors.is_empty());
        if let Some(errors) = errors {
            bail!("the ledger refused: {errors:?}");
        }
        Ok(Load(value))
    }
}

/// A ledger on the wall clock that logs little.
pub async fn ledger(dir: &Path, settings: &[&str]) -> anyhow::Result<Serve> {
    let mut arguments = vec!["--log-level", "warn"];
    arguments.extend(settings.iter().flat_map(|setting| ["--set", setting]));
    Serve::start(dir, &arguments).await
}

/// Waits until every read model has everything, and says how many commits there are.
pub async fn settled(address: &str) -> anyhow::Result<u64> {
    let mut client = Client::connect(address).await?;
    let deadline = Instant::now() + SETTLE_MAX;
    loop {
        let status = client.admin.get_status(GetStatusRequest {}).await?.into_inner();
        let commits: u64 = status.partitions.iter().map(|partition| partition.next_seq).sum();
        let folded = |projector: &ProjectorState| projector.reflects.iter().map(|last| last.seq + 1).sum();
        let least: u64 = status.projectors.iter().map(folded).min().unwrap_or(0);
        if least >= commits {
            return Ok(commits);
        }
        ensure!(Instant::now() < deadline, "a read model has {least} of {commits} records after {SETTLE_MAX:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Some of the last records of a ledger as they are stored.
pub async fn sample(address: &str) -> anyhow::Result<Vec<Bytes>> {
    let mut client = Client::connect(address).await?;
    let request = ReadEventsRequest { bytes_only: true, ..ReadEventsRequest::default() };
    let mut stream = client.audit.read_events(request).await?.into_inner();
    let mut last = std::collections::VecDeque::new();
    while let Some(message) = stream.message().await? {
        for record in message.records {
            last.push_back(record.stored);
            if last.len() > SAMPLE {
                last.pop_front();
            }
        }
    }
    ensure!(!last.is_empty(), "the ledger has no records");
    Ok(last.into())
}

/// The mean length.
pub fn mean_bytes(records: &[Bytes]) -> usize {
    records.iter().map(Bytes::len).sum::<usize>() / records.len().max(1)
}

/// Bytes of a directory and everything in it, as the disk has them.
pub fn disk_bytes(dir: &Path) -> anyhow::Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { disk_bytes(&entry.path())? } else { metadata.blocks() * 512 };
    }
    Ok(bytes)
}

/// `0.123 ms`.
pub fn millis(time: Duration) -> String {
    let micros = time.as_micros();
    format!("{}.{:03} ms", micros / 1_000, micros % 1_000)
}

/// `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `83 %`.
pub fn percent(part: u64, whole: u64) -> String {
    format!("{} %", part * 100 / whole.max(1))
}

/// `12.34` of 1,234.
pub fn hundredths(number: u64) -> String {
    format!("{}.{:02}", number / 100, number % 100)
}
