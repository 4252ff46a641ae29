//! `AuditService`: the history itself, streamed.

#[cfg(test)]
mod conforms;
mod filter;
mod proofs;
pub(crate) mod seek;
mod stream;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use subledger_log::{Cursor, Log, PartitionId, codec::Wire as _};
use subledger_proto::api::{
    Checkpoint, ConsistencyProof, GetCheckpointRequest, GetConsistencyProofRequest, GetInclusionProofRequest,
    InclusionProof, ListKeysRequest, ListKeysResponse, ListPartitionsRequest, ListPartitionsResponse, PartitionStatus,
    ReadEventsRequest, ReadEventsResponse, audit_service_server::AuditService,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status};

use super::{errors, position};
use crate::{audit::Trees, telemetry::name};
use filter::Filter;
pub(crate) use filter::stored_id;
use proofs::Proofs;
use seek::Seeker;
use stream::EventStream;

/// Streams of the history that may be open at a time; each has a thread.
pub(crate) const EVENT_STREAMS_MAX: usize = 64;
/// Messages of one stream that wait until the client takes them.
const MESSAGES_WAITING_MAX: usize = 2;

/// The service.
pub(crate) struct AuditApi {
    log: Arc<dyn Log>,
    seeker: Arc<Seeker>,
    proofs: Option<Proofs>,
    open: Arc<AtomicUsize>,
    stop: CancellationToken,
}

/// Counts an open stream until it is dropped.
struct Slot(Arc<AtomicUsize>);

impl Slot {
    fn take(open: &Arc<AtomicUsize>) -> Result<Self, Status> {
        let before = open.fetch_add(1, Ordering::AcqRel);
        let slot = Self(Arc::clone(open));
        metrics::gauge!(name::EVENT_STREAMS).increment(1.0);
        if before < EVENT_STREAMS_MAX {
            return Ok(slot);
        }
        let message =
            format!("{EVENT_STREAMS_MAX} streams of events are open, which is the limit; close one or try later");
        let limit = EVENT_STREAMS_MAX.to_string();
        Err(errors::status(Code::ResourceExhausted, "TOO_MANY_EVENT_STREAMS", message, &[("limit_streams", limit)]))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
        metrics::gauge!(name::EVENT_STREAMS).decrement(1.0);
    }
}

impl AuditApi {
    /// A service over a log; its streams end when `stop` is cancelled.
    pub(crate) fn new(log: Arc<dyn Log>, stop: CancellationToken) -> Self {
        Self { seeker: Arc::new(Seeker::new(Arc::clone(&log))), proofs: None, log, open: Arc::default(), stop }
    }

    /// Gives proofs as well.
    pub(crate) fn with_trees(mut self, trees: Arc<Trees>) -> Self {
        self.proofs = Some(Proofs { trees, layout: self.log.layout() });
        self
    }

    fn proofs(&self) -> Result<&Proofs, Status> {
        self.proofs.as_ref().ok_or_else(|| {
            errors::status(
                Code::FailedPrecondition,
                "NO_PROOFS",
                "this process keeps no trees and gives no proofs: set signing_key_file for it",
                &[],
            )
        })
    }

    /// What the request asks for, and where each partition begins.
    async fn prepare(&self, request: ReadEventsRequest) -> Result<(Filter, BTreeMap<PartitionId, Cursor>), Status> {
        let layout = self.log.layout();
        let from = position::positions("from", &request.from, layout)?;
        let filter = Filter::new(&request)?;
        let seeker = Arc::clone(&self.seeker);
        let stream = filter.stream().map(ToOwned::to_owned);
        let seeking = move || {
            if !from.is_empty() {
                return from.into_iter().map(|at| Ok((at.partition, seeker.seek(at)?))).collect();
            }
            let holds =
                |partition: &PartitionId| stream.as_ref().is_none_or(|key| seek::may_hold(layout, *partition, key));
            Ok(layout.all().filter(holds).map(|partition| (partition, Cursor::default())).collect())
        };
        let cursors: Result<_, seek::SeekError> = blocking(seeking).await?;
        cursors.map(|cursors| (filter, cursors)).map_err(|error| error.to_status())
    }
}

/// Runs what blocks.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Status> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| errors::unavailable("SHUTTING_DOWN", "the ledger is shutting down"))
}

#[tonic::async_trait]
impl AuditService for AuditApi {
    type ReadEventsStream = ReceiverStream<Result<ReadEventsResponse, Status>>;

    async fn read_events(
        &self,
        request: Request<ReadEventsRequest>,
    ) -> Result<Response<Self::ReadEventsStream>, Status> {
        let request = request.into_inner();
        let slot = Slot::take(&self.open)?;
        let (follow, bytes_only) = (request.follow, request.bytes_only);
        let (filter, from) = self.prepare(request).await?;
        let (sender, messages) = mpsc::channel(MESSAGES_WAITING_MAX);
        let log = Arc::clone(&self.log);
        let stream = EventStream::new(filter, follow, bytes_only, log.keys(), sender, self.stop.clone());
        std::thread::Builder::new()
            .name("events".into())
            .spawn(move || {
                stream.run(&*log, from);
                drop(slot);
            })
            .map_err(|error| errors::unavailable("NO_THREAD", format!("cannot start a stream of events: {error}")))?;
        Ok(Response::new(ReceiverStream::new(messages)))
    }

    async fn list_partitions(
        &self,
        _request: Request<ListPartitionsRequest>,
    ) -> Result<Response<ListPartitionsResponse>, Status> {
        let (seeker, log) = (Arc::clone(&self.seeker), Arc::clone(&self.log));
        let status = move |partition: PartitionId| {
            let next_seq = seeker.next_seq(partition)?;
            Ok(PartitionStatus { family: partition.family.to_wire(), partition: u32::from(partition.index), next_seq })
        };
        let partitions: Result<Vec<_>, seek::SeekError> =
            blocking(move || log.layout().all().map(status).collect()).await?;
        let partitions = partitions.map_err(|error| error.to_status())?;
        Ok(Response::new(ListPartitionsResponse { ledger_id: self.log.ledger_id().to_string(), partitions }))
    }

    async fn get_checkpoint(&self, request: Request<GetCheckpointRequest>) -> Result<Response<Checkpoint>, Status> {
        self.proofs()?.checkpoint(request.into_inner()).await.map(Response::new)
    }

    async fn get_inclusion_proof(
        &self,
        request: Request<GetInclusionProofRequest>,
    ) -> Result<Response<InclusionProof>, Status> {
        self.proofs()?.inclusion(request.into_inner()).await.map(Response::new)
    }

    async fn get_consistency_proof(
        &self,
        request: Request<GetConsistencyProofRequest>,
    ) -> Result<Response<ConsistencyProof>, Status> {
        self.proofs()?.consistency(request.into_inner()).await.map(Response::new)
    }

    async fn list_keys(&self, _request: Request<ListKeysRequest>) -> Result<Response<ListKeysResponse>, Status> {
        self.proofs()?.keys().await.map(Response::new)
    }
}
