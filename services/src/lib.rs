//! `subledger`: one binary for every role of the ledger, and its command line.
//!
//! [`roles`] are the processes (serve, gateway, writer, projector, clock), [`api`] the gRPC services they offer, [`client`] the
//! commands of a person or a script. What roles share: [`ledger`] (an embedded ledger put together), [`audit`] (trees, checkpoints, proofs),
//! [`read_models`], [`router`] (from a command to its writer), [`days`] and [`invoices`] (process managers), [`patience`] (starting while the log is away), [`config`], [`telemetry`],
//! [`shutdown`], [`allocator`], [`identity`], [`access`] and [`tls`] (who calls, what it may, and how safely). Only here are wall clocks ([`clock`]), random ids ([`ids`]), sockets and terminals.

mod access;
mod allocator;
mod api;
mod audit;
mod client;
mod clock;
mod config;
mod days;
mod earnings;
mod flow;
mod identity;
mod ids;
mod invoices;
#[cfg(feature = "kafka")]
mod kafka;
mod ledger;
mod patience;
mod read_models;
mod roles;
mod router;
mod sample;
mod shutdown;
mod telemetry;
mod tls;

#[cfg(feature = "decoders")]
pub mod decoders;

use std::process::ExitCode;

use clap::Parser;

/// A subscription ledger for cloud resellers.
#[derive(Parser)]
#[command(version, about, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    #[command(flatten)]
    Role(roles::Role),
    #[command(flatten)]
    Client(client::Client),
}

/// Does what the arguments of the process say, and returns its exit code.
pub fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Role(role) => roles::run(role),
        Command::Client(client) => client::run(client),
    }
}
