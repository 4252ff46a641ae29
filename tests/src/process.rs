//! Processes of the real binary.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    ops::Range,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

/// How long a process may take until it answers.
const READY_MAX: Duration = Duration::from_secs(60);

/// The binary, built if it is not there.
pub fn binary() -> anyhow::Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let test = std::env::current_exe().map_err(|error| error.to_string())?;
        // A test runs from target/<profile>/deps, a program from target/<profile>.
        let place = test.parent().ok_or("a program stands in a directory")?;
        let profile = if place.ends_with("deps") { place.parent().unwrap_or(place) } else { place };
        let binary = profile.join("subledger");
        // Whoever built everything a moment ago says so.
        if std::env::var_os("SUBLEDGER_TEST_BUILT").is_some() && binary.exists() {
            return Ok(binary);
        }
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "-p", "subledger", "--bin", "subledger"]);
        if profile.file_name().is_some_and(|name| name == "release") {
            build.arg("--release");
        }
        let status = build.status().map_err(|error| format!("cannot run cargo: {error}"))?;
        if !status.success() || !binary.exists() {
            return Err(format!("{} could not be built", binary.display()));
        }
        Ok(binary)
    });
    built.clone().map_err(anyhow::Error::msg)
}

/// Not those that the system gives away by itself: it may give one to two tests that start at once, before the first listens, and the second
/// then takes the ledger of the first for its own. Brokers of tests have the ports after these.
const PORTS: Range<u16> = 10_000..20_000;

/// A port that nobody uses now, another one each time.
pub fn free_port() -> anyhow::Result<u16> {
    static TRIED: AtomicUsize = AtomicUsize::new(0);
    // Processes that run side by side begin apart.
    let begin = usize::try_from(std::process::id())?.wrapping_mul(97);
    for _ in PORTS {
        let nth = begin.wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed)) % PORTS.len();
        let port = PORTS.start + u16::try_from(nth)?;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port of {PORTS:?} is free")
}

/// A running process. Killed when dropped.
pub struct Process {
    child: Child,
    /// What it printed.
    pub output: Arc<Mutex<Vec<String>>>,
    name: String,
}

impl Process {
    /// Starts the binary with these arguments.
    pub fn start(name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<Self> {
        Self::start_program(name, &binary()?, arguments, environment)
    }

    /// Starts another program.
    pub fn start_program(
        name: &str,
        program: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let mut child = Command::new(program)
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let output = Arc::new(Mutex::new(Vec::new()));
        let streams: [Box<dyn std::io::Read + Send>; 2] = [
            Box::new(child.stdout.take().context("no standard output")?),
            Box::new(child.stderr.take().context("no standard error")?),
        ];
        for stream in streams {
            let output = Arc::clone(&output);
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if let Ok(mut output) = output.lock() {
                        output.push(line);
                    }
                }
            });
        }
        Ok(Self { child, output, name: name.to_owned() })
    }

    /// Everything it printed so far.
    pub fn printed(&self) -> String {
        self.output.lock().map(|lines| lines.join("\n")).unwrap_or_default()
    }

    /// SIGKILL: no chance to tidy up.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM, then waits for the end.
    pub fn stop(&mut self) -> anyhow::Result<std::process::ExitStatus> {
        self.signal("TERM")?;
        self.wait_within(READY_MAX)
    }

    /// Sends it a signal, by its name without `SIG`.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status()?;
        if !sent.success() {
            bail!("{} takes no signal {name}", self.name);
        }
        Ok(())
    }

    /// Waits for the end.
    pub fn wait_within(&mut self, wait: Duration) -> anyhow::Result<std::process::ExitStatus> {
        let deadline = Instant::now() + wait;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("{} does not end:\n{}", self.name, self.printed());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Resident memory in KiB.
    pub fn resident_kib(&self) -> anyhow::Result<u64> {
        self.status_kib("VmRSS:")
    }

    /// Resident memory that is no file's, in KiB: without the program itself, of which a debug build has much more than a release build,
    /// and which the kernel drops when it likes.
    pub fn own_kib(&self) -> anyhow::Result<u64> {
        self.status_kib("RssAnon:")
    }

    /// A variable of its environment, as it began.
    pub fn variable(&self, name: &str) -> anyhow::Result<Option<String>> {
        let environment = std::fs::read_to_string(format!("/proc/{}/environ", self.child.id()))?;
        let mut variables = environment.split('\0').filter_map(|variable| variable.split_once('='));
        Ok(variables.find(|(found, _)| *found == name).map(|(_, value)| value.to_owned()))
    }

    fn status_kib(&self, name: &str) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with(name)).with_context(|| name.to_owned())?;
        line.split_whitespace().nth(1).context("no number")?.parse().context("not a number")
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> anyhow::Result<Option<std::process::ExitStatus>> {
        Ok(self.child.try_wait()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A whole ledger in one process, on a test clock unless told otherwise.
pub struct Serve {
    /// The process.
    pub process: Process,
    /// `http://127.0.0.1:port`.
    pub address: String,
    data_dir: PathBuf,
    extra: Vec<String>,
}

impl Serve {
    /// Starts one in `data_dir` and waits until it answers.
    pub async fn start(data_dir: &Path, extra: &[&str]) -> anyhow::Result<Self> {
        let (port, metrics) = (free_port()?, free_port()?);
        let listen = format!("127.0.0.1:{port}");
        let metrics = format!("127.0.0.1:{metrics}");
        let dir = data_dir.to_str().context("a path that is text")?;
        let mut arguments = vec!["serve", "--data-dir", dir, "--listen", &listen, "--metrics-listen", &metrics];
        arguments.extend(extra);
        let process = Process::start("serve", &arguments, &[])?;
        let address = format!("http://{listen}");
        let mut this = Self {
            process,
            address,
            data_dir: data_dir.to_owned(),
            extra: extra.iter().map(|&text| text.to_owned()).collect(),
        };
        this.ready().await?;
        Ok(this)
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        if self.extra.iter().any(|setting| setting.starts_with("tls.certificate_file=")) {
            return wait_listening(&mut self.process, &self.address).await;
        }
        wait_ready(&mut self.process, &self.address).await
    }

    /// Starts it again on the same data, whatever became of the first one.
    pub async fn restart(self) -> anyhow::Result<Self> {
        let Self { mut process, data_dir, extra, .. } = self;
        if process.ended()?.is_none() {
            process.kill()?;
        }
        let extra: Vec<&str> = extra.iter().map(String::as_str).collect();
        Self::start(&data_dir, &extra).await
    }
}

/// Waits until the port of a process is there, whatever it speaks.
pub async fn wait_listening(process: &mut Process, address: &str) -> anyhow::Result<()> {
    let place = address.split_once("://").map_or(address, |(_, place)| place);
    let deadline = Instant::now() + READY_MAX;
    while tokio::net::TcpStream::connect(place).await.is_err() {
        if let Some(status) = process.ended()? {
            bail!("{} ended with {status}:\n{}", process.name, process.printed());
        }
        if Instant::now() > deadline {
            bail!("{} does not listen at {address}:\n{}", process.name, process.printed());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Waits until the gRPC port of a process answers.
pub async fn wait_ready(process: &mut Process, address: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + READY_MAX;
    loop {
        if let Some(status) = process.ended()? {
            bail!("{} ended with {status}:\n{}", process.name, process.printed());
        }
        let endpoint = tonic::transport::Endpoint::from_shared(address.to_owned())?;
        if endpoint.connect().await.is_ok() {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("{} does not answer at {address}:\n{}", process.name, process.printed());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Runs the binary's command line to its end; an error with everything it printed unless it succeeds.
pub fn run_cli(arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(binary()?).args(arguments).stdin(Stdio::null()).output()?;
    let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        bail!("subledger {} ended with {}:\n{printed}", arguments.join(" "), output.status);
    }
    Ok(printed)
}
