//! `generated-year`: a year of a ledger by chance, and whether its money adds up. See `subledger_tests::year`.

use std::process::ExitCode;

use clap::Parser;
use subledger_tests::year::{self, Options};

/// Generates a year of subscriptions in a ledger of its own, and compares lines, invoices, files and entries for each partner and month.
#[derive(Parser)]
struct Arguments {
    /// How many subscriptions are bought
    #[arg(long, default_value_t = 10_000)]
    subscriptions: usize,
    /// Chooses the history
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Months from January 2020 on; the thirteenth has the first renewals
    #[arg(long, default_value_t = 13)]
    months: u32,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { subscriptions, seed, months } = Arguments::parse();
    let options = Options { subscriptions, seed, months, progress: true };
    match run(options).await {
        Ok(report) => {
            print!("{report}");
            if report.differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn run(options: Options) -> anyhow::Result<year::report::Report> {
    let dir = tempfile::tempdir()?;
    year::run(dir.path(), options).await
}
