//! `AdminService`: for whoever runs the ledger.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, NaiveDate, Utc};
use subledger_log::{
    Actor, Family, Log, PartitionId,
    codec::{FieldError, Wire as _},
};
use subledger_projection_runtime::{Handle as Projection, State};
use subledger_proto::api::{
    AdvanceClockRequest, Clock, EraseCustomerRequest, EraseCustomerResponse, GetClockRequest, GetStatusRequest,
    PartitionState, ProjectorState, RebuildProjectionRequest, Status as Report, admin_service_server::AdminService,
};
use subledger_writer::{Handle as Writer, ReferenceFollower};
use tokio::sync::Mutex;
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status};

use super::{erase, errors, position, rebuild};
use crate::{
    days::{CloseError, Days},
    identity::Principal,
    invoices,
    router::Router,
};

/// What the process runs, as far as it runs it.
#[derive(Clone)]
pub(crate) struct Parts {
    /// `serve`, `gateway`, …
    pub(crate) roles: Vec<String>,
    /// When the process started.
    pub(crate) started_at: DateTime<Utc>,
    /// The log it works on.
    pub(crate) log: Arc<dyn Log>,
    /// Tells the time.
    pub(crate) clock: Arc<dyn subledger_writer::Clock>,
    /// The first business day, if the clock is moved by hand.
    pub(crate) test_clock_start: Option<NaiveDate>,
    /// Catalog and partners.
    pub(crate) reference: Option<Arc<ReferenceFollower>>,
    /// The writers.
    pub(crate) writers: Option<Arc<dyn Fn() -> BTreeMap<PartitionId, Writer> + Send + Sync>>,
    /// The read models.
    pub(crate) projections: Vec<Projection>,
    /// Issues invoices.
    pub(crate) invoices: Option<Arc<invoices::Progress>>,
    /// Takes commands.
    pub(crate) router: Option<Arc<dyn Router>>,
    /// Closes days.
    pub(crate) days: Option<Arc<Days>>,
    /// Cancelled when the process stops.
    pub(crate) stop: CancellationToken,
}

/// The service.
pub(crate) struct AdminApi {
    parts: Parts,
    /// One caller moves the clock at a time.
    advancing: Mutex<()>,
}

impl AdminApi {
    /// A service about this process.
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts, advancing: Mutex::new(()) }
    }

    fn clock(&self) -> Clock {
        let reference = self.parts.reference.as_ref();
        let closed = reference.and_then(|reference| reference.view().reference.catalog.last_closed());
        Clock {
            last_closed: closed.map(|date| date.to_wire()).unwrap_or_default(),
            now: Some(self.parts.clock.now().to_wire()),
            test_clock: self.parts.test_clock_start.is_some(),
            test_clock_start: self.parts.test_clock_start.to_wire(),
        }
    }

    fn partitions(&self) -> Vec<PartitionState> {
        let writers = self.parts.writers.as_ref().map(|writers| writers()).unwrap_or_default();
        let state = |(partition, writer): (PartitionId, Writer)| {
            let (next_seq, epoch) = writer.tail();
            let (due_done, due_total) = writer.due();
            PartitionState {
                family: partition.family.to_wire(),
                partition: u32::from(partition.index),
                next_seq,
                epoch,
                queue_depth: count(writer.queue_depth()),
                queue_limit: count(writer.queue_limit()),
                writer_running: writer.is_running(),
                due_total,
                due_done,
            }
        };
        writers.into_iter().map(state).collect()
    }

    /// The day to close through, if the request may.
    fn checked(&self, request: &AdvanceClockRequest) -> Result<(Arc<Days>, NaiveDate), Status> {
        let refused = |reason, text: &str| errors::status(Code::FailedPrecondition, reason, text, &[]);
        if self.parts.test_clock_start.is_none() {
            return Err(refused(
                "WALL_CLOCK",
                "this ledger follows the wall clock, which nobody moves; start it with test_clock.enabled = true",
            ));
        }
        let days = self.parts.days.clone().ok_or_else(|| refused("NO_CLOCK", "this process closes no days"))?;
        let date = NaiveDate::from_wire(request.close_through.clone())
            .map_err(|error: FieldError| errors::invalid_field(&error.within("close_through")))?;
        Ok((days, date))
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn projector(projection: &Projection) -> ProjectorState {
    let status = projection.status();
    let lag = projection.lag();
    let state = match status.state {
        State::Rebuilding => "rebuilding",
        State::Running => "running",
        State::Retrying => "retrying",
        State::Failed => "failed",
        State::Stopped => "stopped",
    };
    ProjectorState {
        name: projection.name().into(),
        reflects: position::to_wire(&projection.positions()),
        lag_records: lag.records,
        lag_millis: u64::try_from(lag.age.as_millis()).unwrap_or(u64::MAX),
        state: state.into(),
        error: status.error.unwrap_or_default(),
        forgetting: projection.is_forgetting(),
    }
}

#[tonic::async_trait]
impl AdminService for AdminApi {
    async fn get_status(&self, _request: Request<GetStatusRequest>) -> Result<Response<Report>, Status> {
        let invoices = self.parts.invoices.as_ref().map(|progress| progress.get());
        let (invoices_issued, invoices_due) = invoices.unwrap_or_default();
        Ok(Response::new(Report {
            invoices_due,
            invoices_issued,
            version: env!("CARGO_PKG_VERSION").into(),
            ledger_id: self.parts.log.ledger_id().to_string(),
            backend: self.parts.log.backend().into(),
            roles: self.parts.roles.clone(),
            started_at: Some(self.parts.started_at.to_wire()),
            partitions: self.partitions(),
            projectors: self.parts.projections.iter().map(projector).collect(),
        }))
    }

    async fn get_clock(&self, _request: Request<GetClockRequest>) -> Result<Response<Clock>, Status> {
        Ok(Response::new(self.clock()))
    }

    async fn advance_clock(&self, request: Request<AdvanceClockRequest>) -> Result<Response<Clock>, Status> {
        let (days, date) = self.checked(request.get_ref())?;
        let _one = self.advancing.lock().await;
        days.close_through(date).await.map_err(|error| close_status(&error))?;
        Ok(Response::new(self.clock()))
    }

    async fn erase_customer(
        &self,
        request: Request<EraseCustomerRequest>,
    ) -> Result<Response<EraseCustomerResponse>, Status> {
        let actor = Actor { principal: Principal::of(&request).as_str().into(), channel: "grpc".into() };
        let Some(router) = &self.parts.router else {
            let text = "this process takes no commands; ask the ledger, or a gateway";
            return Err(errors::status(Code::FailedPrecondition, "NO_COMMANDS", text, &[]));
        };
        erase::erase(&self.parts.log, router, actor, request.into_inner()).await.map(Response::new)
    }

    type RebuildProjectionStream =
        tokio_stream::adapters::Chain<tokio_stream::Once<rebuild::Message>, ReceiverStream<rebuild::Message>>;

    async fn rebuild_projection(
        &self,
        request: Request<RebuildProjectionRequest>,
    ) -> Result<Response<Self::RebuildProjectionStream>, Status> {
        let RebuildProjectionRequest { name, check_only } = request.into_inner();
        let projection = rebuild::find(&self.parts.projections, &name)?;
        let mut messages = rebuild::start(projection, check_only, self.parts.stop.clone())?;
        // What cannot begin is an error of the call, not of a stream that began well.
        let first = messages.recv().await.ok_or_else(|| Status::internal("the rebuild told nothing"))??;
        Ok(Response::new(tokio_stream::once(Ok(first)).chain(ReceiverStream::new(messages))))
    }
}

fn close_status(error: &CloseError) -> Status {
    match error {
        CloseError::TooMany { limit, .. } => errors::field_status(
            "TOO_MANY_DAYS",
            "close_through",
            &format!("{error}; close at most {limit} days at a time"),
        ),
        CloseError::Refused(rejection) => errors::rejection(rejection, None),
        CloseError::Submit(error) => errors::submit(error),
        CloseError::Read(error) => errors::read(error),
        CloseError::Slow { .. } => errors::status(Code::DeadlineExceeded, "DAY_NOT_DONE", error.to_string(), &[]),
        CloseError::ShuttingDown => errors::unavailable("SHUTTING_DOWN", error.to_string()),
    }
}

/// Partitions of customers: what a day is done in.
pub(crate) fn customers_partitions(log: &dyn Log) -> u16 {
    log.layout().count(Family::Customers)
}
