//! `subledger prove`: a proof of one record in a file that is checked offline, or that the history continues what was signed before.

mod since;

use std::{fs, path::PathBuf};

use subledger_domain::{Event, position::PartitionId};
use subledger_log::{Position, codec::Wire as _};
use subledger_proto::{
    api::{GetInclusionProofRequest, ReadEventsRequest},
    common as pb,
};

use super::{
    Failure,
    connect::{Address, Connection, partition_text, position},
    help,
    output::line,
};

/// Arguments of `prove`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger prove customers/2@43\n  \
     subledger prove --line 0c7a1d0e-5c0d-5a6f-8d5b-6f0f9f0a1b2c --customer fabrikam --out line\n  \
     subledger prove --since checkpoints-of-last-year --key key.txt --out checkpoints-of-today\n\n\
     A proof is two files: NAME.tlog-proof and NAME.record. Give both to whoever doubts; `subledger verify NAME.tlog-proof --key KEY`\n\
     needs nothing else. --since asks for proofs that nothing of what was signed then was changed, and checks them."
))]
pub(crate) struct Args {
    /// The record, such as customers/2@43
    #[arg(value_name = "POSITION", value_parser = position, required_unless_present_any = ["line", "since"], conflicts_with_all = ["line", "since"])]
    position: Option<pb::Position>,
    /// The record that charged the line, or issued the invoice, of this id
    #[arg(long, value_name = "ID", conflicts_with = "since")]
    line: Option<String>,
    /// Whose stream that record is in, which makes it faster to find
    #[arg(long, value_name = "ID", requires = "line")]
    customer: Option<String>,
    /// Signed checkpoints that were kept: the ledger must continue each
    #[arg(long, value_name = "FILE", requires = "key")]
    since: Option<PathBuf>,
    /// The ledger's public key, or a file with it
    #[arg(long, value_name = "KEY|FILE", requires = "since")]
    key: Option<String>,
    /// The name of the files, without its ending [default: the position]; with --since, the file for the new checkpoints
    #[arg(long, value_name = "NAME")]
    out: Option<PathBuf>,
    #[command(flatten)]
    address: Address,
}

/// Asks, and writes the files.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let connection = args.address.connect().await?;
    if let (Some(since), Some(key)) = (&args.since, &args.key) {
        return since::run(&connection, since, key, args.out.as_deref()).await;
    }
    let position = match (args.position, &args.line) {
        (Some(position), _) => position,
        (None, line) => {
            find(&connection, line.clone().unwrap_or_default(), args.customer.clone().unwrap_or_default()).await?
        }
    };
    let request = GetInclusionProofRequest { position: Some(position), size: 0 };
    let proof = connection.audit().get_inclusion_proof(request).await?.into_inner();
    let bytes = stored(&connection, position).await?;
    let size = proof.size;
    let name = args.out.unwrap_or_else(|| {
        PathBuf::from(format!(
            "{}-{}",
            partition_text(position.family, position.partition).replace('/', "-"),
            position.seq
        ))
    });
    let name = name.to_string_lossy().into_owned();
    for (ending, bytes) in [("record", bytes.as_ref()), ("tlog-proof", proof.tlog_proof.as_bytes())] {
        let path = format!("{name}.{ending}");
        fs::write(&path, bytes).map_err(|error| Failure::Usage(format!("cannot write {path}: {error}")))?;
    }
    let at: Position = codec(position)?;
    line(format_args!("{at} is in the tree of {size} records: {name}.tlog-proof, {name}.record"))
}

fn codec(position: pb::Position) -> Result<Position, Failure> {
    Position::from_wire(position).map_err(|error| Failure::Usage(error.to_string()))
}

/// The record that charged a line, or issued an invoice.
async fn find(connection: &Connection, id: String, stream: String) -> Result<pb::Position, Failure> {
    let request =
        ReadEventsRequest { subscription_id: id.clone(), stream, bytes_only: true, ..ReadEventsRequest::default() };
    let mut records = connection.audit().read_events(request).await?.into_inner();
    while let Some(answer) = records.message().await? {
        for record in answer.records {
            let commit = subledger_log::codec::decode(&record.stored)
                .map_err(|error| Failure::Differs(format!("error: a stored record cannot be read: {error}")))?;
            let is_it = commit.events().iter().any(|event| match event {
                Event::Charged(charged) => charged.line_id.as_str() == id,
                Event::InvoiceIssued(issued) => issued.invoice_number.as_str() == id,
                _ => false,
            });
            if is_it {
                return Ok(commit.position.to_wire());
            }
        }
    }
    Err(Failure::Differs(format!("error: no record charged a line or issued an invoice {id}")))
}

/// The stored bytes of a record.
async fn stored(connection: &Connection, position: pb::Position) -> Result<bytes::Bytes, Failure> {
    let request = ReadEventsRequest { from: vec![position], bytes_only: true, ..ReadEventsRequest::default() };
    let mut records = connection.audit().read_events(request).await?.into_inner();
    while let Some(answer) = records.message().await? {
        if let Some(record) = answer.records.into_iter().next() {
            return Ok(record.stored);
        }
    }
    Err(Failure::Differs("error: the ledger proves the record, but does not give it".to_owned()))
}

/// `customers/0`
fn partition_of(origin: &str, ledger_key: &str) -> Option<PartitionId> {
    super::folder::partition(origin.strip_prefix(ledger_key)?.strip_prefix('/')?)
}
