//! The command line of a person or a script: a gRPC client of a running ledger.
//!
//! One file or directory per command. What they share: [`connect`] (where the ledger is), [`failure`] (what an error prints and which
//! exit code it has), [`output`] (table, JSON, CSV), [`times`] (dates and instants in arguments). Nothing here decides anything about
//! subscriptions or money: that is the ledger's.

mod backup;
mod bench;
mod clock;
mod closing;
mod compare;
mod completions;
mod connect;
mod csv_files;
mod diff;
mod events;
mod explain;
mod export;
mod export_recon;
mod failure;
mod files;
mod folder;
mod generate;
mod get;
mod incentives;
mod keys;
mod list;
mod load;
mod look_back;
mod meter;
mod output;
mod own_ledger;
mod prove;
mod rebuild;
mod reconcile;
mod restore;
mod search;
mod simulate;
mod status;
mod submit;
mod times;
mod verify;

use std::{future::Future, process::ExitCode};

use failure::Failure;

/// The examples of a command, and the exit codes that all commands share.
macro_rules! help {
    ($examples:literal) => {
        concat!(
            "Examples:\n",
            $examples,
            "\n\nExit codes:\n  \
            0  done\n  \
            1  the ledger refused, or a difference was found\n  \
            2  usage, or input that cannot be read\n  \
            3  the ledger cannot be reached"
        )
    };
}
use help;

/// A short-running command.
#[derive(clap::Subcommand)]
pub(crate) enum Client {
    /// Sends one command, given as JSON, and prints what became of it
    Submit(submit::Args),
    /// Sends a file of commands (JSON lines or CSV), a published price list, or an offer matrix
    Load(Box<load::Args>),
    /// Writes realistic commands as JSON lines, always the same for the same seed
    Generate(generate::Args),
    /// Shows one customer, subscription, partner, offer or invoice
    Get(get::Args),
    /// Lists customers, subscriptions, balances, charges and more
    List(Box<list::Args>),
    /// Finds customers by ids, tags, names and domains
    Search(search::Args),
    /// Prints the files that partners know: customers, subscriptions, activities
    Csv(Box<csv_files::Args>),
    /// Compares two moments: what changed, and by which commands
    Diff(Box<diff::Args>),
    /// Replays the history: every commit, with its events
    Events(Box<events::Args>),
    /// Writes a folder for an auditor: records, proofs, signed checkpoints
    Export(Box<export::Args>),
    /// Copies a running ledger into a folder: records, proofs, signed checkpoints; not the signing key
    Backup(backup::Args),
    /// Makes a ledger of a backup, as it was then or at an earlier moment
    Restore(restore::Args),
    /// Proves one record, or that the history continues what was signed before
    Prove(prove::Args),
    /// Lists or rotates the keys that sign checkpoints
    Keys(keys::Args),
    /// Checks an exported folder or a proof, offline, with nothing but the ledger's public key
    Verify(verify::Args),
    /// Explains a charge line: the command behind it, its price, every step of its arithmetic, its date and its invoice
    Explain(explain::Args),
    /// Shows what a partner earns by incentive programs, explains an earning, writes the documented exports
    Incentives(incentives::Args),
    /// Writes the reconciliation file of an invoice or a month, in the published columns
    ExportRecon(export_recon::Args),
    /// Compares a provider's reconciliation file with the ledger, line by line, and names the likely cause of each difference
    Reconcile(reconcile::Args),
    /// Says where the ledger stands: roles, partitions, projectors, clock
    Status(status::Args),
    /// Replays the history into fresh read models and compares them with the live ones
    Compare(compare::Args),
    /// Closes the business days of a ledger on Kafka by the wall clock; or shows a ledger's clock, or moves a test clock forward
    Clock(Box<clock::Args>),
    /// Prints a completion script for a shell
    Completions(completions::Args),
    /// Runs golden cases through a ledger of their own and prints what was invoiced
    Simulate(simulate::Args),
    /// Measures how fast a ledger is
    Bench(bench::Args),
}

/// Runs a command.
pub(crate) fn run(client: Client) -> ExitCode {
    let result = match client {
        Client::Submit(args) => wait(submit::run(args)),
        Client::Load(args) => wait(load::run(*args)),
        Client::Generate(args) => generate::run(&args),
        Client::Get(args) => wait(get::run(args)),
        Client::List(args) => wait(list::run(*args)),
        Client::Search(args) => wait(search::run(args)),
        Client::Csv(args) => wait(csv_files::run(*args)),
        Client::Diff(args) => wait(diff::run(*args)),
        Client::Events(args) => wait(events::run(*args)),
        Client::Export(args) => export::run(&args),
        Client::Backup(args) => backup::run(&args),
        Client::Restore(args) => restore::run(&args),
        Client::Prove(args) => wait(prove::run(args)),
        Client::Keys(args) => wait(keys::run(args)),
        Client::Verify(args) => verify::run(&args),
        Client::Explain(args) => wait(explain::run(args)),
        Client::Incentives(args) => wait(incentives::run(args)),
        Client::ExportRecon(args) => wait(export_recon::run(args)),
        Client::Reconcile(args) => wait(reconcile::run(args)),
        Client::Status(args) => wait(status::run(args)),
        Client::Compare(args) => wait(compare::run(args)),
        Client::Clock(args) => return clock::run(*args),
        Client::Completions(args) => completions::run(&args),
        Client::Simulate(args) => wait(simulate::run(args)),
        Client::Bench(args) => wait(bench::run(args)),
    };
    finish(result)
}

/// Lets a running process rebuild one of its read models.
pub(crate) fn rebuild(address: &str, name: &str, check: bool) -> ExitCode {
    finish(wait(rebuild::run(address, name, check)))
}

fn finish(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Runs a command to its end.
fn wait<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::Usage(format!("cannot start the runtime: {error}")))?;
    runtime.block_on(command)
}
