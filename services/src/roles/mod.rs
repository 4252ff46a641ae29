//! The processes. Each file is one role; what they share is in the crate's root: assembly, router, clock, read models.

#[cfg(feature = "kafka")]
mod gateway;
#[cfg(feature = "kafka")]
mod kafka;
mod projector;
mod rebuild;
mod serve;
#[cfg(feature = "kafka")]
mod writer;

use std::process::ExitCode;

use crate::config::{Config, Flags};

#[cfg(feature = "kafka")]
pub(crate) use gateway::Args as ClockArgs;
pub(crate) use serve::Embedded;

/// A long-running process.
#[derive(clap::Subcommand)]
pub(crate) enum Role {
    /// Runs the whole ledger in one process, embedded: needs nothing else
    Serve(serve::Args),
    /// Runs one read model, following a ledger elsewhere
    Projector(projector::Args),
    /// Takes commands over gRPC for a ledger on Kafka, and passes queries on to projectors
    #[cfg(feature = "kafka")]
    Gateway(gateway::Args),
    /// Writes a ledger on Kafka: shares its partitions with other writers
    #[cfg(feature = "kafka")]
    Writer(writer::Args),
    /// Closes the business days of a ledger on Kafka by the wall clock: `clock`, which has subcommands beside
    #[cfg(feature = "kafka")]
    #[command(skip)]
    Clock(ClockArgs),
    /// Makes or checks the topics of a ledger on Kafka
    #[cfg(feature = "kafka")]
    Kafka(kafka::Args),
    /// Folds a read model again from the beginning of the history, beside the one in use, and swaps
    Rebuild(rebuild::Args),
}

/// What a role leaves behind.
pub(crate) enum Ended {
    /// It stopped as told.
    Well,
    /// It did not stop in time.
    Late,
}

/// Runs a role until it is told to stop.
pub(crate) fn run(role: Role) -> ExitCode {
    if let Role::Rebuild(args) = &role
        && let Some((address, name, check)) = args.elsewhere()
    {
        return crate::client::rebuild(address, name, check);
    }
    let result = match role {
        Role::Serve(args) => with_runtime(&args.flags.clone(), |config| serve::run(args, config)),
        Role::Projector(args) => with_runtime(&args.flags.clone(), |config| projector::run(args, config)),
        #[cfg(feature = "kafka")]
        Role::Gateway(args) => with_runtime(&args.flags, gateway::run),
        #[cfg(feature = "kafka")]
        Role::Writer(args) => with_runtime(&args.flags.clone(), |config| writer::run(args, config)),
        #[cfg(feature = "kafka")]
        Role::Clock(args) => with_runtime(&args.flags, gateway::run_clock),
        #[cfg(feature = "kafka")]
        Role::Kafka(args) => with_runtime(&args.flags.clone(), |config| kafka::run(args, config)),
        Role::Rebuild(args) => with_runtime(&args.flags.clone(), |config| rebuild::run(args, config)),
    };
    match result {
        Ok(Ended::Well) => ExitCode::SUCCESS,
        Ok(Ended::Late) => ExitCode::from(EXIT_LATE),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Stopping took too long.
const EXIT_LATE: u8 = 4;
/// How long threads that block may take after everything is stopped.
const THREADS_END_MAX: std::time::Duration = std::time::Duration::from_secs(1);

/// Reads the settings, starts log and runtime, runs.
fn with_runtime<F: Future<Output = anyhow::Result<Ended>>>(
    flags: &Flags,
    run: impl FnOnce(Config) -> F,
) -> anyhow::Result<Ended> {
    let config = flags.load()?;
    crate::telemetry::log(&config)?;
    crate::allocator::give_back_sooner();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(run(config));
    runtime.shutdown_timeout(THREADS_END_MAX);
    result
}
