//! `subledger bench`: how fast a ledger is, measured through its public interface.

mod load;
mod month;
mod month_end;
mod names;
mod search;
mod usage;
mod used;
mod world;

use super::{Failure, help};

/// Arguments of `bench`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Clone, Debug)]
enum What {
    /// Sends commands and reads to a running ledger, as fast as it answers: throughput, p50, p99, p99.9
    Load(Box<load::Args>),
    /// Renews every subscription on one day: from closing the day to the last invoice
    MonthEnd(month_end::Args),
    /// Loads customers and subscriptions from CSV and searches them, at rest and while they are written and exported
    Search(search::Args),
    /// Sends a month of hourly usage, with late and corrected records, and closes its days
    Usage(usage::Args),
}

/// Measures.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match args.what {
        What::Load(args) => load::run(*args).await,
        What::MonthEnd(args) => month_end::run(args).await,
        What::Search(args) => search::run(args).await,
        What::Usage(args) => usage::run(args).await,
    }
}

/// The result for a program.
fn write_json(path: &std::path::Path, result: &serde_json::Value) -> Result<(), Failure> {
    std::fs::write(path, format!("{result:#}\n"))
        .map_err(|error| Failure::Usage(format!("cannot write {}: {error}", path.display())))
}
