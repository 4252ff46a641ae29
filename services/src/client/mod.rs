//! The command line of a person or a script: a gRPC client.

use std::process::ExitCode;

/// A short-running command.
#[derive(clap::Subcommand)]
pub(crate) enum Client {
    /// Says where the ledger stands.
    Status,
}

/// Runs a command.
pub(crate) fn run(client: Client) -> ExitCode {
    match client {
        Client::Status => ExitCode::FAILURE,
    }
}
