//! `subledger restore`: makes a ledger of a backup, as it was then or at an earlier moment.
//!
//! The backup is checked first, record by record, against what was signed; [`cut`] finds how much of each partition belongs to the moment,
//! [`write`] makes the data directory: under another name until it is complete.
//!
//! **Whose ledger it is.** A backup restored as a whole is the same ledger: it keeps its id, and is held against the checkpoints of the
//! backup and of its operator's `checkpoint_file`. So if the first ledger went on after the backup, the restored one does not continue what
//! was signed, signs nothing where that is known, and is found where checkpoints are compared. A ledger that is restored to an earlier
//! moment drops what was signed, so it can never continue it under that name: it gets an id and a key of its own, and
//! `verify --restored-from` proves how far it is the other one.

mod cut;
mod write;

use std::path::PathBuf;

use subledger_log::{LedgerId, Position, codec::Wire as _};

use super::{Failure, connect, help, output::line, times, verify};
use crate::ids;

/// Arguments of `restore`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger restore /backup/2018-02-28 --data /var/lib/subledger --key key.txt --signing-key /safe/signing.key \\\n                       --customer-keys /safe/customers\n  \
     subledger restore /backup/2018-02-28 --data /var/lib/other --until 2018-02-15T12:00:00Z\n  \
     subledger restore /backup/2018-02-28 --data /var/lib/other --until customers/2@17\n\n\
     Then: subledger serve --data-dir DIR. Restored as a whole it is the same ledger. Restored to an earlier moment it is another one, with an\n\
     id and a key of its own; `subledger verify EXPORT --restored-from BACKUP` proves how far it is the first one."
))]
pub(crate) struct Args {
    /// The folder that `backup` made
    backup: PathBuf,
    /// The data directory to make; must not be there, or be empty
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Only what was recorded by this time, or by the time of this commit and in its partition up to it
    #[arg(long, value_name = "TIME|POSITION", value_parser = until)]
    until: Option<Until>,
    /// The ledger's public key, NAME+ID+BASE64, or a file with it [default: the one in the folder, which proves nothing against a forger]
    #[arg(long, value_name = "KEY|FILE")]
    key: Option<String>,
    /// The copy of keys/signing.key, for a ledger that is restored as a whole [default: a new key, which nobody trusts yet]
    #[arg(long, value_name = "FILE")]
    signing_key: Option<PathBuf>,
    /// The copy of the directory with the keys of customers' names, keys/customers [default: none, and names read as (sealed)]
    #[arg(long, value_name = "DIR")]
    customer_keys: Option<PathBuf>,
}

/// The moment to go back to.
#[derive(Clone, Copy, Debug)]
enum Until {
    Instant(chrono::DateTime<chrono::Utc>),
    Position(Position),
}

fn until(text: &str) -> Result<Until, String> {
    if !text.contains('@') {
        return times::instant(text).map(Until::Instant);
    }
    let position = Position::from_wire(connect::position(text)?).map_err(|error| error.to_string())?;
    Ok(Until::Position(position))
}

/// Makes the ledger.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    write::check_target(&args.data)?;
    let backup = verify::whole(&args.backup, args.key.as_deref())?;
    let sizes = cut::sizes(&backup, args.until.as_ref())?;
    let whole = backup.partitions.iter().all(|part| sizes[&part.partition] == part.size);
    if !whole && args.signing_key.is_some() {
        let text = "--signing-key is for a ledger that is restored as a whole; one of an earlier moment is another ledger and signs with a key of \
                    its own";
        return Err(Failure::Usage(text.to_owned()));
    }
    let ledger = if whole { backup.ledger } else { LedgerId(ids::random()) };
    let target = write::Target {
        dir: &args.data,
        ledger,
        whole,
        signing_key: args.signing_key.as_deref(),
        customer_keys: args.customer_keys.as_deref(),
    };
    let records = target.write(&backup, &sizes)?;
    for part in &backup.partitions {
        let (size, partition) = (sizes[&part.partition], part.partition.to_string());
        line(format_args!("{partition:<14} {size:>9} of {} records", part.size))?;
    }
    line(format_args!("{}: {records} records", args.data.display()))?;
    if whole {
        line(format_args!("it is ledger {ledger} as it was backed up; the first one must not go on"))?;
    } else {
        line(format_args!("it is a new ledger, {ledger}; it begins with the first records of {}", backup.ledger))?;
    }
    if args.customer_keys.is_none() {
        line("it has no keys of customers: names that were sealed read as (sealed); --customer-keys brings them back")?;
    }
    line(format_args!("start it with: subledger serve --data-dir {}", args.data.display()))
}
