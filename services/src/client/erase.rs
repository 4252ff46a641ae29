//! `subledger erase`: who a customer is cannot be known any more; what it bought and owes stays.

use std::time::{Duration, Instant};

use subledger_proto::{
    api::{EraseCustomerRequest, GetStatusRequest, ProjectorState},
    common::Position,
};

use super::{
    Failure,
    connect::{Address, Connection, position_text},
    help,
    output::line,
};

/// How often to look whether the read models are folded again.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Time between two lines of progress.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Arguments of `erase`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger erase fabrikam --reason \"asked for by the customer, ticket 4711\"\n\n\
     Names, addresses, contacts, users and signatories of the customer are encrypted with a key of its own. This destroys the key, for good:\n\
     every copy of the history has the same bytes as before, its proofs hold, and reads show (erased). Seats, charges and invoices stay.\n\
     The read models of the ledger asked are folded again, which this command waits for; other processes do so by themselves.\n\
     Copies of the key directory bring the key back: keep none that are older than what must be forgotten."
))]
pub(crate) struct Args {
    /// The customer
    customer: String,
    /// Why. Recorded for ever, so it must not be personal itself
    #[arg(long)]
    reason: String,
    /// Names the request: sent again, it gives the same answer
    #[arg(long, value_name = "ID", default_value = "")]
    request_id: String,
    /// Go on although records of a time before there were keys have personal values in plain, which stay
    #[arg(long)]
    accept_plain_records: bool,
    #[command(flatten)]
    address: Address,
}

/// Erases, and waits until the read models have forgotten it too.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let connection = args.address.connect().await?;
    let request = EraseCustomerRequest {
        customer_id: args.customer.clone(),
        reason: args.reason,
        request_id: args.request_id,
        accept_plain_records: args.accept_plain_records,
    };
    let done = connection.admin().erase_customer(request).await?.into_inner();
    let position = done.position.as_ref().map(position_text).unwrap_or_default();
    line(format_args!(
        "{position}  the key of {} is destroyed: {} records name it no more",
        args.customer, done.erased_records
    ))?;
    if done.plain_records > 0 {
        line(format_args!("{} records of a time without keys still do", done.plain_records))?;
    }
    refolded(&connection, done.position).await?;
    line("the read models of this process have forgotten it")
}

async fn refolded(connection: &Connection, erased: Option<Position>) -> Result<(), Failure> {
    let of_partition = |at: &&Position| erased.is_some_and(|to| (at.family, at.partition) == (to.family, to.partition));
    let reached = |known: &ProjectorState| {
        known.reflects.iter().find(of_partition).is_some_and(|at| erased.is_none_or(|to| at.seq >= to.seq))
    };
    let mut last = Instant::now();
    loop {
        let status = connection.admin().get_status(GetStatusRequest {}).await?.into_inner();
        let busy: Vec<_> = status
            .projectors
            .iter()
            .filter(|known| known.forgetting || !reached(known))
            .map(|known| known.name.as_str())
            .collect();
        if busy.is_empty() {
            return Ok(());
        }
        if last.elapsed() >= LINE_EVERY {
            last = Instant::now();
            eprintln!("folding again: {}", busy.join(", "));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
