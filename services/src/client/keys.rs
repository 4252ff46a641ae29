//! `subledger keys`: the keys that sign checkpoints.

use std::path::PathBuf;

use subledger_proto::api::ListKeysRequest;

use super::{Failure, connect::Address, help, output::line};
use crate::{audit::keys, config::Flags};

/// Arguments of `keys`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger keys list\n  \
     subledger keys rotate --data-dir /var/lib/subledger\n  \
     subledger keys rotate --file /etc/subledger/signing.key\n\n\
     After a rotation a running ledger signs with the new key at once; the old one is gone, but its last act was to vouch for the new one,\n\
     so who trusts the old key need not ask anybody."
))]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Prints the public keys of a running ledger, the one that signs first
    List {
        #[command(flatten)]
        address: Address,
    },
    /// Makes a new key that follows the present one
    Rotate {
        /// The secret file [default: the one in the data directory]
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// The data directory
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
        /// TOML file with settings
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

/// Does it.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match args.what {
        What::List { address } => {
            let listed = address.connect().await?.audit().list_keys(ListKeysRequest {}).await?.into_inner();
            listed.keys.iter().try_for_each(|key| line(&key.text))
        }
        What::Rotate { file, data_dir, config } => {
            let flags = Flags { config, data_dir, ..Flags::default() };
            let path = match file {
                Some(file) => file,
                None => flags.load().map_err(|error| Failure::Usage(error.to_string()))?.own_signing_key_file(),
            };
            let new = keys::rotate(&path).map_err(|error| Failure::Usage(format!("{error:#}")))?;
            line(new)
        }
    }
}
