//! Previews of a gateway: the writer of the command's partition answers, in whichever process it runs now.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use prost::Message as _;
use subledger_log::remote::{Calls, Dial};
use subledger_proto::api::{self, Outcome, SubmitRequest, command_service_client::CommandServiceClient};
use subledger_writer::Submission;
use tonic::{Code, Request, Status, metadata::MetadataMap};
use tonic_types::StatusExt as _;

use crate::{
    api::errors,
    identity::{Caller, name_caller},
};

/// Longest wait for a connection to a writer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest wait for one writer's answer: it may have to read the catalog to its end first.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// A partition goes from one writer to another in about a second while both run: so long a preview waits, and its caller sees nothing of it.
const HANDOVER_WAIT: Duration = Duration::from_secs(5);
/// Between two rounds of asking.
const HANDOVER_PAUSE: Duration = Duration::from_millis(200);
/// Writers that one gateway may be told of.
const WRITERS_MAX: usize = 64;

/// The writers that a gateway asks, one after the other: each takes commands of some partitions, and says so of the others.
#[derive(Clone)]
pub(crate) struct Writers {
    all: Arc<[Writer]>,
    /// Who answered last is asked first.
    first: Arc<AtomicUsize>,
    /// This process shows who it is, and says for whom it asks.
    has_credentials: bool,
}

struct Writer {
    address: String,
    client: CommandServiceClient<Calls>,
}

impl Writers {
    /// Those at these addresses, separated by commas; none if there are none. They are connected when they are needed.
    pub(crate) fn at(addresses: &str, dial: &Dial) -> anyhow::Result<Option<Self>> {
        let named = addresses.split(',').map(str::trim).filter(|address| !address.is_empty());
        let writer = |address: &str| {
            let endpoint = dial.endpoint(address).with_context(|| format!("writers: {address:?} is no address"))?;
            let channel = endpoint.connect_timeout(CONNECT_TIMEOUT).timeout(ANSWER_TIMEOUT).connect_lazy();
            Ok(Writer { address: address.to_owned(), client: CommandServiceClient::new(dial.calls(channel)) })
        };
        let writers: Vec<_> = named.map(writer).collect::<anyhow::Result<_>>()?;
        anyhow::ensure!(writers.len() <= WRITERS_MAX, "writers: {} are named, {WRITERS_MAX} at most", writers.len());
        let has_credentials = dial.has_credentials();
        Ok((!writers.is_empty()).then(|| Self { all: writers.into(), first: Arc::default(), has_credentials }))
    }

    /// Asks until the partition's writer answers, or none has for as long as a handover takes. The caller's metadata goes along, so it
    /// is judged as if it had called there; or its name, if this process has credentials of its own.
    pub(crate) async fn preview(
        &self,
        caller: Option<&Caller>,
        metadata: &MetadataMap,
        submission: &Submission,
    ) -> Result<Outcome, Status> {
        let mut headers = metadata.clone().into_headers();
        name_caller(&mut headers, caller, self.has_credentials);
        let metadata = MetadataMap::from_headers(headers);
        let command = api::Command::decode(submission.bytes.clone())
            .map_err(|error| Status::internal(format!("a command cannot be sent: {error}")))?;
        let message = SubmitRequest { command: Some(command), include_events: true, validate_only: true };
        let until = Instant::now() + HANDOVER_WAIT;
        loop {
            match self.ask_each(&metadata, &message).await {
                Ok(answered) => return answered,
                Err(_) if Instant::now() < until => tokio::time::sleep(HANDOVER_PAUSE).await,
                Err(said) => {
                    let message = format!("no writer answers for the partition of this command now; try again. {said}");
                    return Err(errors::unavailable("WRITER_UNAVAILABLE", message));
                }
            }
        }
    }

    /// Asks one writer after the other; what they said, if none of them has the partition.
    async fn ask_each(
        &self,
        metadata: &MetadataMap,
        message: &SubmitRequest,
    ) -> Result<Result<Outcome, Status>, String> {
        let (first, count) = (self.first.load(Ordering::Relaxed), self.all.len());
        let mut said = Vec::with_capacity(count);
        for place in (0..count).map(|n| (first + n) % count) {
            let Writer { address, client } = &self.all[place];
            let mut request = Request::new(message.clone());
            *request.metadata_mut() = metadata.clone();
            match client.clone().submit(request).await {
                Err(status) if is_not_its_writer(&status) => said.push(format!("{address}: {}", status.message())),
                answered => {
                    self.first.store(place, Ordering::Relaxed);
                    return Ok(answered.map(tonic::Response::into_inner));
                }
            }
        }
        Err(said.join("; "))
    }
}

/// Whether another writer may know better: it does not have the partition, or cannot be reached.
fn is_not_its_writer(status: &Status) -> bool {
    let reason = status.get_details_error_info().map(|info| info.reason);
    match status.code() {
        Code::Unavailable => reason.is_none_or(|reason| reason == "WRITER_UNAVAILABLE"),
        // What is not answered in time, or not by a ledger, says nothing about the command.
        Code::Cancelled | Code::DeadlineExceeded | Code::Unknown | Code::Unimplemented => reason.is_none(),
        _ => false,
    }
}
