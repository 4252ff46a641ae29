//! The rows as a table.

use std::fmt::Write as _;

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// What is measured.
    pub measure: String,
    /// What is to be reached.
    pub reach: String,
    /// What the ledger did.
    pub got: String,
    /// What the machine does at most, or what it is compared with.
    pub limit: String,
    /// The one by the other, or what it is called there.
    pub ratio: String,
    /// Whether it is reached; none where nothing is asked.
    pub reached: Option<bool>,
    /// Durability, batch, skew and size of the world.
    pub how: String,
}

impl Row {
    /// As one line while the others are still measured.
    pub fn line(&self) -> String {
        let Self { measure, reach, got, limit, ratio, .. } = self;
        format!("{} {measure}: {got}; limit {limit}; {ratio}; to reach {reach}", self.mark())
    }

    fn mark(&self) -> &'static str {
        match self.reached {
            Some(true) => "reached",
            Some(false) => "NOT REACHED",
            None => "-",
        }
    }
}

/// The whole of it, for `RESULTS.md`.
pub fn full(rows: &[Row], machine: &[(String, String)]) -> String {
    let mut text = String::from(
        "# Measured\n\nBy `tests/bench/run`, which starts everything it measures and writes this file. Generator, ledger and broker share the \
         machine.\nA limit is measured in the same run with the same generator: `null` is a tonic server that answers at once with messages \
         of the same size.\n\n| | |\n|---|---|\n",
    );
    for (name, value) in machine {
        let _ = writeln!(text, "| {name} | {value} |");
    }
    text.push_str("\n| measure | to reach | measured | limit of the same run | ratio | reached | how |\n|---|---|---|---|---|---|---|\n");
    for row in rows {
        let Row { measure, reach, got, limit, ratio, how, .. } = row;
        let reached = match row.reached {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "",
        };
        let _ = writeln!(text, "| {measure} | {reach} | {got} | {limit} | {ratio} | {reached} | {how} |");
    }
    text
}

/// What people wrote under the table of before: where the time goes.
pub fn kept(before: &str) -> &str {
    before.find("\n## ").map_or("", |at| &before[at..])
}

/// The short one, for the README.
pub fn short(rows: &[Row]) -> String {
    let mut text = String::from("| measure | measured | of the machine's limit |\n|---|---|---|\n");
    for row in rows {
        let _ = writeln!(text, "| {} | {} | {} |", row.measure, row.got, row.ratio);
    }
    text
}

fn hashing(bytes_per_second: &[u64]) -> String {
    let megabytes = |bytes: Option<&u64>| bytes.map_or(0, |bytes| bytes / 1_000_000);
    let (least, most) = (megabytes(bytes_per_second.iter().min()), megabytes(bytes_per_second.iter().max()));
    format!("SHA-256 of {least} to {most} MB a second")
}

/// The machine and the versions, as far as the kernel and the tools tell; and what its processors hashed between the rows.
pub fn machine(hashed_per_second: &[u64]) -> Vec<(String, String)> {
    let file = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let line = |text: &str, key: &str| {
        let found = text.lines().find(|line| line.starts_with(key)).and_then(|line| line.split_once([':', '=']));
        found.map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().trim_matches('"').to_owned())
    };
    let (processors, memory) = (file("/proc/cpuinfo"), file("/proc/meminfo"));
    let count = processors.lines().filter(|line| line.starts_with("processor")).count();
    let output = |program: &str, arguments: &[&str]| {
        let output = std::process::Command::new(program).args(arguments).output().ok();
        output.map_or_else(String::new, |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    vec![
        ("processor".into(), format!("{count} of {}", line(&processors, "model name"))),
        ("all of them together, between rows".into(), hashing(hashed_per_second)),
        ("memory".into(), line(&memory, "MemTotal")),
        ("kernel".into(), file("/proc/sys/kernel/osrelease").trim().to_owned()),
        ("compiler".into(), output("rustc", &["--version"])),
        ("commit".into(), output("git", &["rev-parse", "--short", "HEAD"])),
        ("day".into(), output("date", &["-u", "+%Y-%m-%d"])),
        (
            "Kafka, where it is used".into(),
            "Apache Kafka 4.1.0, one broker, KRaft; librdkafka through rdkafka 0.39".into(),
        ),
    ]
}
