//! `subledger`: one binary for every role of the ledger, and its command line.
//!
//! [`roles`] are the processes (serve, gateway, writer, projector, clock), [`api`] the gRPC services they offer, [`client`] the
//! commands of a person or a script. Only here are wall clocks, random ids, sockets and terminals.

mod api;
mod client;
mod roles;

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

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Role(role) => roles::run(role),
        Command::Client(client) => client::run(client),
    }
}
