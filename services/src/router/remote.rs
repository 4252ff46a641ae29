//! Routing to another process's command service.

use std::sync::Arc;

use prost::Message as _;
use subledger_log::{
    codec::{FieldError, Wire as _},
    remote::{Calls, Dial},
};
use subledger_proto::api::{self, SubmitStreamRequest, command_service_client::CommandServiceClient};
use subledger_writer::{CommandError, Outcome, Submission};
use tokio::sync::Mutex;
use tonic::Status;

use super::{Answer, Answers, BoxFuture, Router, SubmitError, WhenFull};

/// Commands of one message.
const BATCH_COMMANDS_MAX: usize = 500;

/// Sends commands to a ledger elsewhere, one batch after the other. What it answers is durable there.
pub(crate) struct RemoteRouter {
    client: Arc<Mutex<CommandServiceClient<Calls>>>,
}

impl RemoteRouter {
    /// Sends to `address`, which is connected when it is needed.
    pub(crate) fn new(address: &str, dial: &Dial) -> anyhow::Result<Self> {
        let calls = dial.calls(dial.endpoint(address)?.connect_lazy());
        Ok(Self { client: Arc::new(Mutex::new(CommandServiceClient::new(calls))) })
    }
}

impl Router for RemoteRouter {
    fn submit(&self, batch: Vec<Submission>, _when_full: WhenFull) -> BoxFuture<'_, Answers> {
        let client = Arc::clone(&self.client);
        let answers = async move {
            // One batch at a time keeps the order of each key.
            let mut client = client.lock().await;
            let mut answers = Vec::with_capacity(batch.len());
            for part in batch.chunks(BATCH_COMMANDS_MAX) {
                match send(&mut client, part).await {
                    Ok(outcomes) => answers.extend(outcomes),
                    Err(status) => {
                        let reason = format!("{}: {}", status.code(), status.message());
                        let unknown = SubmitError::Command(CommandError::Unknown { reason });
                        answers.extend(part.iter().map(|_| Err(unknown.clone())));
                    }
                }
            }
            answers
        };
        let answers: Answers = Box::pin(answers);
        Box::pin(std::future::ready(answers))
    }
}

async fn send(client: &mut CommandServiceClient<Calls>, part: &[Submission]) -> Result<Vec<Answer>, Status> {
    let decode = |submission: &Submission| api::Command::decode(submission.bytes.clone());
    let commands: Vec<_> = part
        .iter()
        .map(decode)
        .collect::<Result<_, _>>()
        .map_err(|error| Status::internal(format!("a command cannot be sent: {error}")))?;
    let request = SubmitStreamRequest { commands, include_events: false };
    let mut responses = client.submit_stream(tokio_stream::once(request)).await?.into_inner();
    let response = responses.message().await?.ok_or_else(|| Status::unavailable("the ledger gave no answer"))?;
    if response.outcomes.len() != part.len() {
        return Err(Status::internal("the ledger gave another number of answers"));
    }
    Ok(part.iter().zip(response.outcomes).map(|(submission, outcome)| answer(submission, outcome)).collect())
}

/// An outcome as a writer gives it; without its events.
fn answer(submission: &Submission, outcome: api::Outcome) -> Answer {
    if outcome.position.is_none() {
        let rejection = outcome.rejection.unwrap_or_default();
        return Err(SubmitError::from_rejection(&submission.envelope.command_id, rejection));
    }
    recorded(submission, outcome).map_err(|error| {
        let reason = format!("its answer cannot be read: {error}");
        SubmitError::Command(CommandError::Unknown { reason })
    })
}

fn recorded(submission: &Submission, outcome: api::Outcome) -> Result<Outcome, FieldError> {
    let result = match outcome.rejection {
        Some(rejection) => Err(subledger_domain::Rejection::from_wire(rejection)?),
        None => Ok(Vec::new()),
    };
    Ok(Outcome {
        command_id: submission.envelope.command_id.clone(),
        result,
        position: subledger_log::codec::Wire::from_wire(outcome.position)?,
        stream_version: outcome.stream_version,
        duplicate: outcome.duplicate,
        recorded_at: subledger_log::codec::Wire::from_wire(outcome.recorded_at)?,
        effective_at: subledger_log::codec::Wire::from_wire(outcome.effective_at)?,
    })
}
