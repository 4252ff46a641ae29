//! `subledger bench`: how fast a ledger is, measured through its public interface.

mod month;
mod month_end;
mod usage;

use super::{Failure, help};

/// Arguments of `bench`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Clone, Debug)]
enum What {
    /// Renews every subscription on one day: from closing the day to the last invoice
    MonthEnd(month_end::Args),
    /// Sends a month of hourly usage, with late and corrected records, and closes its days
    Usage(usage::Args),
}

/// Measures.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match args.what {
        What::MonthEnd(args) => month_end::run(args).await,
        What::Usage(args) => usage::run(args).await,
    }
}
