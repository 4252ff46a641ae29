//! `CommandService`: takes commands; an answer means that the outcome is durable.

#[cfg_attr(not(feature = "kafka"), allow(dead_code, reason = "only a gateway asks writers elsewhere"))]
pub(crate) mod preview;

use std::sync::Arc;

use subledger_log::{Actor, codec::FieldError, codec::Wire as _};
use subledger_proto::{
    api::{
        self, Outcome, SubmitRequest, SubmitStreamRequest, SubmitStreamResponse, command_service_server::CommandService,
    },
    common as pbc,
};
use subledger_writer::Submission;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use tonic_types::StatusExt as _;
use tracing::Instrument as _;

use super::errors;
use crate::access::Gate;
use crate::identity::{Caller, Principal};
use crate::router::{self, Answer, Answers, Router, SubmitError, WhenFull};

/// Batches of one stream on their way at a time; the next is read when the first of them is answered.
const BATCHES_IN_FLIGHT_MAX: u32 = 16;

/// The service.
pub(crate) struct CommandApi {
    router: Arc<dyn Router>,
    batch_commands_max: usize,
    /// Who answers previews, if this process has no writers.
    writers: Option<preview::Writers>,
}

impl CommandApi {
    /// A service that submits to `router`.
    pub(crate) fn new(router: Arc<dyn Router>, batch_commands_max: usize) -> Self {
        Self { router, batch_commands_max, writers: None }
    }

    /// Passes previews on to writers in other processes.
    #[cfg(feature = "kafka")]
    pub(crate) fn previewed_by(self, writers: Option<preview::Writers>) -> Self {
        Self { writers, ..self }
    }
}

fn actor<T>(request: &Request<T>) -> Actor {
    Actor { principal: Principal::of(request).as_str().into(), channel: "grpc".into() }
}

/// What callers did is said by the process of the ledger that answered them, and by nobody else.
fn is_internal(command: &api::Command, caller: Option<&Caller>) -> bool {
    let is_own = caller.is_some_and(|caller| caller.is_own);
    matches!(command.body, Some(api::command::Body::RecordAccess(_))) && !is_own
}

fn gate<T>(request: &Request<T>) -> Option<Gate> {
    request.extensions().get().cloned()
}

#[tonic::async_trait]
impl CommandService for CommandApi {
    async fn submit(&self, request: Request<SubmitRequest>) -> Result<Response<Outcome>, Status> {
        let metadata = request.metadata().clone();
        let (actor, gate) = (actor(&request), gate(&request));
        let caller = request.extensions().get::<Caller>().cloned();
        let SubmitRequest { command, include_events, validate_only } = request.into_inner();
        let command =
            command.ok_or_else(|| errors::field_status("REQUIRED_FIELD_MISSING", "command", "is required"))?;
        if let Some(gate) = &gate {
            gate.allow(&command, validate_only).await.map_err(|refusal| *refusal.status)?;
        }
        if is_internal(&command, caller.as_ref()) {
            return Err(errors::submit(&SubmitError::reserved()));
        }
        let span = tracing::info_span!("command", id = %shown(&command.command_id));
        let submission =
            Submission::new(command, actor, None).map_err(|error| errors::invalid_field(&error.within("command")))?;
        if let Some(writers) = self.writers.as_ref().filter(|_| validate_only) {
            return writers.preview(caller.as_ref(), &metadata, &submission).instrument(span).await.map(Response::new);
        }
        if validate_only {
            let previewed = self.router.preview(submission.clone()).instrument(span).await;
            return preview::respond(&submission, previewed).map(Response::new);
        }
        let answer = router::submit(&*self.router, vec![submission], WhenFull::Refuse).instrument(span.clone()).await;
        span.in_scope(|| trace(answer.first()));
        match answer.into_iter().next() {
            Some(Ok(outcome)) => match &outcome.result {
                Ok(_) => Ok(Response::new(to_wire(outcome, include_events))),
                Err(rejection) => Err(errors::rejection(rejection, Some(outcome.position))),
            },
            Some(Err(error)) => Err(errors::submit(&error)),
            None => Err(errors::unavailable("WRITER_UNAVAILABLE", "the writer gave no answer; send the command again")),
        }
    }

    type SubmitStreamStream = ReceiverStream<Result<SubmitStreamResponse, Status>>;

    async fn submit_stream(
        &self,
        request: Request<Streaming<SubmitStreamRequest>>,
    ) -> Result<Response<Self::SubmitStreamStream>, Status> {
        let (answered, answers) = mpsc::channel(BATCHES_IN_FLIGHT_MAX as usize);
        let (queued, queue) = mpsc::channel(BATCHES_IN_FLIGHT_MAX as usize);
        let intake = Intake {
            router: Arc::clone(&self.router),
            actor: actor(&request),
            gate: gate(&request),
            caller: request.extensions().get().cloned(),
            batch_commands_max: self.batch_commands_max,
            room: Arc::new(Semaphore::new(BATCHES_IN_FLIGHT_MAX as usize)),
            queued,
        };
        tokio::spawn(intake.run(request.into_inner()));
        tokio::spawn(answer(queue, answered));
        Ok(Response::new(ReceiverStream::new(answers)))
    }
}

/// A batch whose commands are in their queues, or the error that ends the stream.
type QueuedBatch = Result<Batch, Status>;

struct Batch {
    answers: Answers,
    /// Answers known before anything was submitted, by place.
    invalid: Vec<(usize, Outcome)>,
    include_events: bool,
    _room: OwnedSemaphorePermit,
}

/// Reads batches and puts them into the queues, in order.
struct Intake {
    router: Arc<dyn Router>,
    actor: Actor,
    /// What the sender may; none if it may everything.
    gate: Option<Gate>,
    caller: Option<Caller>,
    batch_commands_max: usize,
    room: Arc<Semaphore>,
    queued: mpsc::Sender<QueuedBatch>,
}

impl Intake {
    async fn run(self, mut requests: Streaming<SubmitStreamRequest>) {
        loop {
            let next = tokio::select! {
                next = requests.message() => next,
                // Nobody takes the answers any more.
                () = self.queued.closed() => return,
            };
            let batch = match next {
                Ok(Some(request)) => self.take(request).await,
                Ok(None) => return,
                Err(status) => Err(status),
            };
            let last = batch.is_err();
            if self.queued.send(batch).await.is_err() || last {
                return;
            }
        }
    }

    async fn take(&self, request: SubmitStreamRequest) -> QueuedBatch {
        let SubmitStreamRequest { commands, include_events } = request;
        if commands.len() > self.batch_commands_max {
            let what = format!("has {}, more than the limit of {}", commands.len(), self.batch_commands_max);
            return Err(errors::field_status("BATCH_TOO_LARGE", "commands", &what));
        }
        let mut invalid = Vec::new();
        let mut submissions = Vec::with_capacity(commands.len());
        for (place, command) in commands.into_iter().enumerate() {
            let command_id = command.command_id.clone();
            if let Some(refusal) = self.refused(&command).await {
                invalid.push((place, unrecorded(command_id, refusal)));
                continue;
            }
            match Submission::new(command, self.actor.clone(), None) {
                Ok(submission) => submissions.push(submission),
                Err(error) => invalid.push((place, invalid_outcome(command_id, &error))),
            }
        }
        let room = self.room_for(&submissions).await?;
        let answers = self.router.submit(submissions, WhenFull::Wait).await;
        Ok(Batch { answers, invalid, include_events, _room: room })
    }

    async fn refused(&self, command: &api::Command) -> Option<pbc::Rejection> {
        let refusal = match &self.gate {
            Some(gate) => gate.allow(command, false).await.err(),
            None => None,
        };
        let Some(refusal) = refusal else {
            return is_internal(command, self.caller.as_ref()).then(|| SubmitError::reserved().to_rejection());
        };
        let metadata = refusal.status.get_error_details().error_info().map(|info| info.metadata.clone());
        let message = refusal.status.message().to_owned();
        Some(pbc::Rejection { reason: refusal.reason, message, metadata: metadata.unwrap_or_default() })
    }

    /// Room for one batch. One that changes catalog or partners waits until everything sent before it is decided.
    async fn room_for(&self, submissions: &[Submission]) -> Result<OwnedSemaphorePermit, Status> {
        use subledger_domain::command::Target;
        let closed = |_| errors::unavailable("SHUTTING_DOWN", "the ledger is shutting down");
        if submissions.iter().any(|s| !matches!(s.envelope.command.target(), Target::Customer(_))) {
            let all = Arc::clone(&self.room).acquire_many_owned(BATCHES_IN_FLIGHT_MAX).await.map_err(closed)?;
            drop(all);
        }
        Arc::clone(&self.room).acquire_owned().await.map_err(closed)
    }
}

/// Sends answers in the order of their batches.
async fn answer(mut queue: mpsc::Receiver<QueuedBatch>, answered: mpsc::Sender<Result<SubmitStreamResponse, Status>>) {
    while let Some(batch) = queue.recv().await {
        let response = match batch {
            Ok(batch) => Ok(respond(batch).await),
            Err(status) => Err(status),
        };
        if answered.send(response).await.is_err() {
            return;
        }
    }
}

async fn respond(batch: Batch) -> SubmitStreamResponse {
    let answers = batch.answers.await;
    let mut outcomes = Vec::with_capacity(answers.len() + batch.invalid.len());
    let mut invalid = batch.invalid.into_iter().peekable();
    for answer in answers {
        while let Some((_, outcome)) = invalid.next_if(|(place, _)| *place == outcomes.len()) {
            outcomes.push(outcome);
        }
        outcomes.push(match answer {
            Ok(outcome) => to_wire(outcome, batch.include_events),
            Err(error) => unrecorded(String::new(), error.to_rejection()),
        });
    }
    outcomes.extend(invalid.map(|(_, outcome)| outcome));
    SubmitStreamResponse { outcomes }
}

fn invalid_outcome(command_id: String, error: &FieldError) -> Outcome {
    let metadata = [("field".to_owned(), error.path.clone())].into();
    unrecorded(command_id, pbc::Rejection { reason: "INVALID_VALUE".into(), message: error.to_string(), metadata })
}

fn unrecorded(command_id: String, rejection: pbc::Rejection) -> Outcome {
    Outcome { command_id, rejection: Some(rejection), ..Outcome::default() }
}

/// An outcome as the API has it.
pub(crate) fn to_wire(outcome: subledger_writer::Outcome, include_events: bool) -> Outcome {
    let (rejection, events) = match outcome.result {
        Ok(events) => (None, if include_events { events.to_wire() } else { Vec::new() }),
        Err(rejection) => (Some(rejection.to_wire()), Vec::new()),
    };
    Outcome {
        command_id: outcome.command_id.to_string(),
        rejection,
        position: Some(outcome.position.to_wire()),
        stream_version: outcome.stream_version,
        duplicate: outcome.duplicate,
        recorded_at: Some(outcome.recorded_at.to_wire()),
        effective_at: Some(outcome.effective_at.to_wire()),
        events,
        preview: None,
    }
}

/// The beginning of an id that may be no id.
fn shown(command_id: &str) -> String {
    command_id.chars().take(subledger_domain::ids::ID_LENGTH_MAX).collect()
}

fn trace(answer: Option<&Answer>) {
    match answer {
        Some(Ok(outcome)) => match &outcome.result {
            Ok(events) => {
                tracing::debug!(position = %outcome.position, events = events.len(), duplicate = outcome.duplicate, "accepted");
            }
            Err(rejection) => tracing::debug!(position = %outcome.position, reason = %rejection.reason, "rejected"),
        },
        Some(Err(SubmitError::Command(error))) => tracing::warn!(%error, "no outcome"),
        Some(Err(SubmitError::Refused(_))) | None => {}
    }
}
