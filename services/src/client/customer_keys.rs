//! `subledger customer-keys`: the keys that personal values are encrypted with. Works on the key directory, beside running processes.

use std::path::PathBuf;

use subledger_log::{
    Family, LedgerId,
    personal::{KeyStore, Master, MasterKey},
};

use super::{Failure, help, output::line};
use crate::config::Flags;

/// Arguments of `customer-keys`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger customer-keys rotate --ledger c8c13fc2-… --data-dir /var/lib/subledger\n  \
     subledger customer-keys rotate --customer fabrikam --ledger c8c13fc2-…\n  \
     subledger customer-keys rotate-master --ledger c8c13fc2-…\n  \
     subledger customer-keys export --customer fabrikam --out names --ledger c8c13fc2-…\n\n\
     The directory is customer_keys.dir, or keys/customers in the data directory; `subledger status` tells the ledger's id. Back it up apart\n\
     from the log, and the master key apart from it. After an erasure destroy older copies, or rotate the master key and destroy the old one."
))]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
    /// The ledger's id
    #[arg(long, value_name = "ID", global = true, required = false)]
    ledger: Option<String>,
    /// The data directory
    #[arg(long, value_name = "DIR", global = true)]
    data_dir: Option<PathBuf>,
    /// TOML file with settings
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Any setting by its name in the file, such as `customer_keys.dir=/safe/keys`
    #[arg(long = "set", value_name = "KEY=VALUE", global = true)]
    set: Vec<String>,
}

#[derive(clap::Subcommand)]
enum What {
    /// Gives customers a new key for what comes; what was written before stays readable
    Rotate {
        /// Only this one
        #[arg(long)]
        customer: Option<String>,
    },
    /// Wraps all keys with a new master key, and forgets the old one
    RotateMaster,
    /// Copies keys into a directory for an auditor who may read names, under a master key of its own
    Export {
        /// Only of these customers
        #[arg(long)]
        customer: Vec<String>,
        /// The directory to make
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Says that keys which are missing will not come back: what they sealed reads as (sealed) from then on
    Lost,
}

/// Does it.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let flags = Flags { config: args.config, data_dir: args.data_dir, set: args.set, ..Flags::default() };
    let config = flags.load().map_err(|error| Failure::Usage(error.to_string()))?;
    let ledger = args.ledger.as_deref().ok_or_else(|| {
        Failure::Usage("--ledger is missing: the ledger's id, as `subledger status` tells it".to_owned())
    })?;
    let ledger = uuid::Uuid::parse_str(ledger).map_err(|error| Failure::Usage(format!("--ledger: {error}")))?;
    let open = config.own_customer_keys(LedgerId(ledger)).map_err(|error| Failure::Usage(error.to_string()))?;
    if !open.dir.exists() {
        return Err(Failure::Usage(format!("{} is not there; set customer_keys.dir", open.dir.display())));
    }
    let keys = KeyStore::open_or_create(open).map_err(failed)?;
    match args.what {
        What::Rotate { customer } => {
            let count = keys.rotate(customer.as_deref()).map_err(failed)?;
            line(format_args!("{count} customers have a new key"))
        }
        What::RotateMaster => {
            let count = keys.rotate_master().map_err(failed)?;
            line(format_args!("{count} keys are wrapped with a new master key; the old one is gone"))
        }
        What::Export { customer, out } => {
            let master = MasterKey::random().map_err(Failure::Usage)?;
            let count = keys.export(&customer, &out, &master).map_err(failed)?;
            Master::write(&out.join("master.key"), &master).map_err(failed)?;
            line(format_args!(
                "{count} keys in {}; whoever has it reads names: subledger verify FOLDER --customer-keys {}",
                out.display(),
                out.display()
            ))
        }
        What::Lost => {
            keys.give_up(
                (0..subledger_log::PARTITIONS_MAX)
                    .map(|index| subledger_log::PartitionId::new(Family::Customers, index))
                    .filter(|partition| keys.has(*partition)),
            )
            .map_err(failed)?;
            line("keys that are missing count as lost")
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn failed(error: subledger_log::personal::KeyError) -> Failure {
    Failure::Usage(error.to_string())
}
