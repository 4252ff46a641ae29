//! `subledger backup`: copies a running ledger into a folder that `restore` makes a ledger of.
//!
//! The folder is an export of everything, with what a ledger keeps beside its log; `verify` checks it like any other. The signing key is
//! not in it: whoever gets the backup could sign in the ledger's name.

use std::path::PathBuf;

use subledger_proto::api::GetClockRequest;

use super::{Failure, connect::Address, export, help, output::line, times, wait};

/// Arguments of `backup`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger backup --out /backup/2018-02-28\n  \
     subledger verify /backup/2018-02-28 --key key.txt\n  \
     subledger restore /backup/2018-02-28 --data /var/lib/restored\n\n\
     The ledger goes on meanwhile. Copy keys/signing.key and keys/customers of its data directory to other safe places: they are not\n     in the folder."
))]
pub(crate) struct Args {
    /// The folder to make
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    address: Address,
}

/// Makes the folder.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let asked = async { Ok(args.address.connect().await?.admin().get_clock(GetClockRequest {}).await?.into_inner()) };
    let clock = wait(asked)?;
    let start = Some(clock.test_clock_start.as_str()).filter(|text| !text.is_empty());
    let start = start.map(times::date).transpose().map_err(Failure::Usage)?;
    export::backup(&args.address, &args.out, start)?;
    line("the signing key is not in it; keep a copy of keys/signing.key elsewhere")?;
    line(
        "the keys of customers' names are not in it either; keep a copy of keys/customers elsewhere, and none that is older than an erasure",
    )
}
