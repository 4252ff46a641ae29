//! `bench-table`: measures a ledger side by side with the limits of the machine. `tests/bench/run` builds and runs it.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::Parser;
use subledger_tests::bench::{
    limits, null, report, rows,
    tools::{Bench, Null},
};

/// Measures every row of the table, or the rows named.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    /// Rows to measure; all if none is named
    #[arg(long, value_delimiter = ',', value_name = "ROW,…")]
    rows: Vec<String>,
    /// Leave out what needs a broker
    #[arg(long)]
    no_kafka: bool,
    /// How long one thing is measured
    #[arg(long, default_value_t = 6, value_name = "SECONDS")]
    seconds: u32,
    /// Subscriptions of the large ledger
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    subscriptions: u32,
    /// Where ledgers keep their files; a directory in it is made and removed
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Where the table is written, if every row was measured
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
}

#[derive(clap::Subcommand)]
enum What {
    /// The server that answers at once
    Null {
        /// Where
        #[arg(long)]
        listen: SocketAddr,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    if let Some(What::Null { listen }) = arguments.what {
        return null::serve(listen).await;
    }
    let dir = match &arguments.directory {
        Some(parent) => tempfile::tempdir_in(parent)?,
        None => tempfile::tempdir()?,
    };
    let bench = Bench {
        dir: dir.path().to_owned(),
        seconds: arguments.seconds,
        subscriptions: arguments.subscriptions,
        null: Null::start().await?,
    };
    let all = arguments.rows.is_empty();
    let names: Vec<&str> = if all {
        rows::NAMES.iter().copied().filter(|&name| !(arguments.no_kafka && name == "kafka")).collect()
    } else {
        arguments.rows.iter().map(String::as_str).collect()
    };
    let (mut measured, mut hashed) = (Vec::new(), vec![limits::hashed_per_second()]);
    for name in names {
        eprintln!("== {name}");
        for row in rows::measure(name, &bench).await? {
            println!("{}", row.line());
            measured.push(row);
        }
        hashed.push(limits::hashed_per_second());
    }
    println!("\n{}", report::short(&measured));
    if let Some(path) = arguments.results.filter(|_| all) {
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        let text = report::full(&measured, &report::machine(&hashed)) + report::kept(&before);
        std::fs::write(&path, text)?;
        eprintln!("written to {}", path.display());
    }
    Ok(())
}
