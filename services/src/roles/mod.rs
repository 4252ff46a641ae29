//! The processes.

use std::process::ExitCode;

/// A long-running process.
#[derive(clap::Subcommand)]
pub(crate) enum Role {
    /// The whole ledger in one process, embedded: needs nothing else.
    Serve,
}

/// Runs a role until it is told to stop.
pub(crate) fn run(role: Role) -> ExitCode {
    match role {
        Role::Serve => ExitCode::FAILURE,
    }
}
