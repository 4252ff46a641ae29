//! `subledger completions`: a script for a shell.

use std::io::{self, Write as _};

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Failure, help};

/// Arguments of `completions`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger completions bash > ~/.local/share/bash-completion/completions/subledger\n  \
     subledger completions zsh > ~/.zfunc/_subledger"
))]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::Cli::command(), "subledger", &mut script);
    Ok(io::stdout().lock().write_all(&script)?)
}
