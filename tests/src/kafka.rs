//! A real broker, started by `deploy/kafka/kafka`, and a ledger on it in processes of their own.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};
use subledger_log::kafka::KafkaOptions;

use crate::process::{Process, free_port, run_cli, wait_ready};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/kafka/kafka");

/// Whether the environment says to do without Kafka.
pub fn skipped() -> bool {
    let skipped = std::env::var("SUBLEDGER_SKIP_KAFKA").is_ok_and(|value| value == "1");
    if skipped {
        eprintln!("SKIPPED: SUBLEDGER_SKIP_KAFKA=1, so nothing was tested on Kafka");
    }
    skipped
}

/// A broker, or a cluster of three. It ends with this process, however that ends.
pub struct Broker {
    /// Where it answers.
    pub bootstrap: String,
    /// How many there are: 1 or 3.
    pub count: u64,
    dir: PathBuf,
}

impl Broker {
    /// Starts one and waits until it is ready.
    pub fn start(dir: PathBuf) -> anyhow::Result<Self> {
        Self::cluster(dir, 1)
    }

    /// Starts 1 or 3 and waits until all are ready.
    pub fn cluster(dir: PathBuf, count: u64) -> anyhow::Result<Self> {
        Self::start_with(dir, count, &[])
    }

    /// Starts one whose clients speak a protocol, with the settings of a file.
    pub fn with_protocol(dir: PathBuf, protocol: &str, properties: &str) -> anyhow::Result<Self> {
        Self::start_with(dir, 1, &["--protocol", protocol, "--properties", properties])
    }

    fn start_with(dir: PathBuf, count: u64, more: &[&str]) -> anyhow::Result<Self> {
        let (process, brokers) = (std::process::id().to_string(), count.to_string());
        let name = dir.to_str().context("a path that is text")?.to_owned();
        let own = ["start", "--brokers", &brokers, "--dir", &name, "--with", &process, "--remove"];
        let bootstrap = script(&[&own[..], more].concat())?;
        Ok(Self { bootstrap, count, dir })
    }

    /// SIGKILL of one of them, counted from 1.
    pub fn kill_one(&self, broker: u64) -> anyhow::Result<()> {
        self.tell("kill", broker)
    }

    /// Starts one of them again on its data.
    pub fn restart_one(&self, broker: u64) -> anyhow::Result<()> {
        self.tell("restart", broker)
    }

    /// SIGSTOP: it keeps its connections and answers nothing.
    pub fn pause_one(&self, broker: u64) -> anyhow::Result<()> {
        self.tell("pause", broker)
    }

    /// SIGCONT.
    pub fn continue_one(&self, broker: u64) -> anyhow::Result<()> {
        self.tell("continue", broker)
    }

    /// Which of them is the active controller.
    pub fn controller(&self) -> anyhow::Result<u64> {
        let printed = script(&["controller", "--dir", self.dir.to_str().context("a path that is text")?])?;
        printed.parse().with_context(|| format!("{printed:?} is no broker"))
    }

    fn tell(&self, what: &str, broker: u64) -> anyhow::Result<()> {
        script(&[what, "--dir", self.dir.to_str().context("a path that is text")?, &broker.to_string()])?;
        Ok(())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = script(&["stop", "--dir", &self.dir.to_string_lossy()]);
    }
}

fn script(arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(SCRIPT).args(arguments).stdin(Stdio::null()).output()?;
    if !output.status.success() {
        bail!("deploy/kafka/kafka {} failed:\n{}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// What starts a process of the ledger on the broker again after it was killed.
pub struct Part {
    /// The running process.
    pub process: Process,
    /// Its gRPC address, if it has one.
    pub address: Option<String>,
    /// What it is called in messages.
    pub name: String,
    arguments: Vec<String>,
}

impl Part {
    /// Starts a role and waits until it answers, if it listens.
    pub async fn start(name: &str, role: &[&str], settings: &[String], listens: bool) -> anyhow::Result<Self> {
        let mut part = Self::begin(name, role, settings, listens)?;
        part.ready().await?;
        Ok(part)
    }

    /// Starts a role and waits for nothing.
    pub fn begin(name: &str, role: &[&str], settings: &[String], listens: bool) -> anyhow::Result<Self> {
        let mut arguments: Vec<String> = role.iter().map(|&text| text.to_owned()).collect();
        let address = if listens {
            let listen = format!("127.0.0.1:{}", free_port()?);
            arguments.extend(["--listen".to_owned(), listen.clone()]);
            Some(format!("http://{listen}"))
        } else {
            None
        };
        arguments.extend(["--metrics-listen".to_owned(), "none".to_owned()]);
        arguments.extend(settings.iter().flat_map(|setting| ["--set".to_owned(), setting.clone()]));
        Ok(Self { process: spawn(name, &arguments)?, address, name: name.to_owned(), arguments })
    }

    /// SIGKILL, then a start with the same arguments.
    pub async fn kill_and_restart(&mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process = spawn(&self.name, &self.arguments)?;
        self.ready().await
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        match &self.address {
            Some(address) => wait_ready(&mut self.process, address).await,
            None => Ok(()),
        }
    }
}

fn spawn(name: &str, arguments: &[String]) -> anyhow::Result<Process> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Process::start(name, &arguments, &[])
}

/// A ledger on a broker: two writers, three projectors, a gateway.
pub struct Fleet {
    /// The writers, which share the partitions.
    pub writers: Vec<Part>,
    /// Billing, customer, incentive.
    pub projectors: Vec<Part>,
    /// Takes commands and answers queries.
    pub gateway: Part,
    /// How its log is reached.
    pub options: KafkaOptions,
    /// The settings every process has.
    pub settings: Vec<String>,
    /// Where the projectors keep their rows, in the order of `projectors`.
    pub data_dirs: Vec<PathBuf>,
}

/// The projectors.
pub const PROJECTORS: [&str; 3] = ["billing", "customer", "incentive"];

impl Fleet {
    /// Makes a ledger with topics of its own and starts every process.
    pub async fn start(broker: &Broker, prefix: &str, dir: &std::path::Path) -> anyhow::Result<Self> {
        Self::start_with(broker, prefix, dir, &[]).await
    }

    /// [`Self::start`], with settings for the writers alone.
    pub async fn start_with(
        broker: &Broker,
        prefix: &str,
        dir: &std::path::Path,
        of_writers: &[String],
    ) -> anyhow::Result<Self> {
        Self::start_as(broker, prefix, dir, of_writers, &[]).await
    }

    /// [`Self::start`], with a test clock that begins on a day and is moved at the gateway.
    pub async fn start_on_test_clock(
        broker: &Broker,
        prefix: &str,
        dir: &std::path::Path,
        start: &str,
    ) -> anyhow::Result<Self> {
        let clock = ["test_clock.enabled=true".to_owned(), format!("test_clock.start={start}")];
        Self::start_as(broker, prefix, dir, &clock, &clock).await
    }

    async fn start_as(
        broker: &Broker,
        prefix: &str,
        dir: &std::path::Path,
        of_writers: &[String],
        of_gateway: &[String],
    ) -> anyhow::Result<Self> {
        let settings = vec![
            format!("kafka.bootstrap={}", broker.bootstrap),
            format!("kafka.topic_prefix={prefix}"),
            // On one machine, as a shared directory is on many.
            format!("customer_keys.dir={}", dir.join("customer-keys").display()),
        ];
        let replication = format!("kafka.replication={}", broker.count);
        let mut init = vec!["kafka", "init", "--set", &replication];
        init.extend(settings.iter().flat_map(|setting| ["--set", setting.as_str()]));
        run_cli(&init)?;
        let (mut projectors, mut data_dirs) = (Vec::new(), Vec::new());
        let mut gateway_settings = settings.clone();
        let mut writers = Vec::new();
        for n in 0..2 {
            let mut settings = settings.clone();
            settings.push(format!("data_dir={}", dir.join(format!("writer-{n}")).display()));
            settings.extend(of_writers.iter().cloned());
            writers.push(Part::start(&format!("writer-{n}"), &["writer"], &settings, true).await?);
        }
        let addresses: Vec<_> = writers.iter().filter_map(|writer| writer.address.clone()).collect();
        gateway_settings.push(format!("writers={}", addresses.join(",")));
        for name in PROJECTORS {
            let data_dir = dir.join(format!("projector-{name}"));
            let mut settings = settings.clone();
            settings.push(format!("data_dir={}", data_dir.display()));
            let part = Part::start(name, &["projector", name, "--log", "kafka"], &settings, true).await?;
            gateway_settings.push(format!("projectors.{name}={}", part.address.clone().unwrap_or_default()));
            projectors.push(part);
            data_dirs.push(data_dir);
        }
        gateway_settings.extend(of_gateway.iter().cloned());
        let gateway = Part::start("gateway", &["gateway"], &gateway_settings, true).await?;
        let mut options = KafkaOptions::new(&broker.bootstrap);
        prefix.clone_into(&mut options.topic_prefix);
        Ok(Self { writers, projectors, gateway, options, settings, data_dirs })
    }

    /// What every process printed.
    pub fn printed(&self) -> String {
        let parts = self.writers.iter().chain(&self.projectors).chain([&self.gateway]);
        parts.map(|part| format!("{}:\n{}", part.name, part.process.printed())).collect::<Vec<_>>().join("\n")
    }

    /// Stops the projectors and compares the rows of each with a rebuild, byte for byte.
    pub fn check_read_models(&mut self) -> anyhow::Result<()> {
        for (n, name) in PROJECTORS.iter().enumerate() {
            self.projectors[n].process.stop()?;
            let data_dir = format!("data_dir={}", self.data_dirs[n].display());
            let mut arguments = vec!["rebuild", name, "--check", "--log", "kafka", "--set", &data_dir];
            arguments.extend(self.settings.iter().flat_map(|setting| ["--set", setting.as_str()]));
            let printed = run_cli(&arguments)?;
            if !printed.contains("byte for byte") {
                bail!("rebuild {name} --check said:\n{printed}");
            }
        }
        Ok(())
    }
}
