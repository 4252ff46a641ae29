//! Routing within one process: straight to the queues of the writers.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use futures_util::future::join_all;
use subledger_log::{Family, Layout, PartitionId, Position};
use subledger_writer::{CommandError, Handle, Preview, ReferenceFollower, Submission, stream_of};

use super::{Answer, Answers, BoxFuture, Router, SubmitError, WhenFull};

/// How long a batch waits until the writers of customers know what its own commands changed in catalog and partners.
const REFERENCE_WAIT_MAX: Duration = Duration::from_secs(10);

/// The writers of this process.
pub(crate) struct LocalRouter {
    layout: Layout,
    reference: Arc<ReferenceFollower>,
    handles: RwLock<BTreeMap<PartitionId, Handle>>,
}

/// Commands of one partition, each with its place in the batch.
#[derive(Default)]
struct Piece {
    places: Vec<usize>,
    submissions: Vec<Submission>,
}

/// A piece that is in its queue.
struct Queued {
    places: Vec<usize>,
    answers: BoxFuture<'static, Vec<Answer>>,
}

/// What comes first: the commands of one family that follow each other in a batch.
struct Run {
    family: Family,
    pieces: BTreeMap<PartitionId, Piece>,
}

impl LocalRouter {
    /// Routes to no writer yet.
    pub(crate) fn new(layout: Layout, reference: Arc<ReferenceFollower>) -> Self {
        Self { layout, reference, handles: RwLock::default() }
    }

    /// Adds the writer of a partition, or replaces it.
    pub(crate) fn insert(&self, partition: PartitionId, handle: Handle) {
        self.handles.write().unwrap_or_else(PoisonError::into_inner).insert(partition, handle);
    }

    /// Forgets the writer of a partition.
    #[cfg(feature = "kafka")]
    pub(crate) fn remove(&self, partition: PartitionId) {
        self.handles.write().unwrap_or_else(PoisonError::into_inner).remove(&partition);
    }

    /// The writers there are.
    pub(crate) fn handles(&self) -> BTreeMap<PartitionId, Handle> {
        self.handles.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn handle(&self, partition: PartitionId) -> Option<Handle> {
        self.handles.read().unwrap_or_else(PoisonError::into_inner).get(&partition).cloned()
    }

    /// Splits a batch into runs, and each run by partition. Refused commands get their answers here.
    fn split(&self, batch: Vec<Submission>, answers: &mut [Option<Answer>]) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for (place, submission) in batch.into_iter().enumerate() {
            let command = &submission.envelope.command;
            let target = stream_of(self.layout, command).filter(|_| !command.is_reserved());
            let Some((_, partition)) = target else {
                answers[place] = Some(Err(SubmitError::reserved()));
                continue;
            };
            if runs.last().is_none_or(|run| run.family != partition.family) {
                runs.push(Run { family: partition.family, pieces: BTreeMap::new() });
            }
            if let Some(run) = runs.last_mut() {
                let piece = run.pieces.entry(partition).or_default();
                piece.places.push(place);
                piece.submissions.push(submission);
            }
        }
        runs
    }

    /// Puts a run into the queues of its partitions.
    async fn enqueue(&self, run: Run, when_full: WhenFull) -> Vec<Queued> {
        let mut queued = Vec::with_capacity(run.pieces.len());
        for (partition, piece) in run.pieces {
            queued.push(self.enqueue_piece(partition, piece, when_full).await);
        }
        queued
    }

    async fn enqueue_piece(&self, partition: PartitionId, piece: Piece, when_full: WhenFull) -> Queued {
        let Piece { places, mut submissions } = piece;
        let count = places.len();
        loop {
            let Some(handle) = self.handle(partition) else {
                let refused = vec![Err(SubmitError::no_writer(partition)); count];
                return Queued { places, answers: Box::pin(std::future::ready(refused)) };
            };
            let answers: BoxFuture<'static, Vec<Answer>> = match handle.queue(&mut submissions) {
                Err(CommandError::Overloaded { retry_after, .. }) if when_full == WhenFull::Wait => {
                    tokio::time::sleep(retry_after).await;
                    continue;
                }
                Err(error) => Box::pin(std::future::ready(vec![Err(SubmitError::from(error)); count])),
                Ok(answering) => Box::pin(async move { spread(answering.await, count) }),
            };
            return Queued { places, answers };
        }
    }

    async fn take(&self, batch: Vec<Submission>, when_full: WhenFull) -> Answers {
        let mut answers: Vec<Option<Answer>> = vec![None; batch.len()];
        let runs = self.split(batch, &mut answers);
        let last = runs.len().saturating_sub(1);
        for (place, run) in runs.into_iter().enumerate() {
            let family = run.family;
            let queued = self.enqueue(run, when_full).await;
            if place == last && family == Family::Customers {
                return Box::pin(finish(queued, answers));
            }
            // What follows may depend on it: an offer is published before it is bought.
            collect(queued, &mut answers).await;
            if family != Family::Customers {
                self.wait_for_reference(&answers).await;
            }
        }
        Box::pin(finish(Vec::new(), answers))
    }

    /// Waits until the writers of customers know what was just recorded.
    async fn wait_for_reference(&self, answers: &[Option<Answer>]) {
        let positions: Vec<Position> = answers.iter().flatten().flatten().map(|outcome| outcome.position).collect();
        let reference = Arc::clone(&self.reference);
        let waited = tokio::task::spawn_blocking(move || reference.wait_for(&positions, REFERENCE_WAIT_MAX)).await;
        if !waited.unwrap_or(false) {
            tracing::warn!("the reference data lags more than {} s behind its log", REFERENCE_WAIT_MAX.as_secs());
        }
    }
}

impl Router for LocalRouter {
    fn submit(&self, batch: Vec<Submission>, when_full: WhenFull) -> BoxFuture<'_, Answers> {
        Box::pin(self.take(batch, when_full))
    }

    fn preview(&self, submission: Submission) -> BoxFuture<'_, Option<Result<Preview, SubmitError>>> {
        Box::pin(async move {
            let command = &submission.envelope.command;
            let target = stream_of(self.layout, command).filter(|_| !command.is_reserved());
            let Some((_, partition)) = target else { return Some(Err(SubmitError::reserved())) };
            let Some(handle) = self.handle(partition) else { return Some(Err(SubmitError::no_writer(partition))) };
            Some(handle.preview(submission).await.map_err(SubmitError::from))
        })
    }
}

/// One answer for each command, also where the writer answered for all at once.
fn spread(
    result: Result<Vec<Result<subledger_writer::Outcome, CommandError>>, CommandError>,
    count: usize,
) -> Vec<Answer> {
    match result {
        Ok(answers) => answers.into_iter().map(|answer| answer.map_err(SubmitError::from)).collect(),
        Err(error) => vec![Err(SubmitError::from(error)); count],
    }
}

async fn collect(queued: Vec<Queued>, answers: &mut [Option<Answer>]) {
    let (places, futures): (Vec<_>, Vec<_>) = queued.into_iter().map(|piece| (piece.places, piece.answers)).unzip();
    for (places, piece) in places.into_iter().zip(join_all(futures).await) {
        for (place, answer) in places.into_iter().zip(piece) {
            answers[place] = Some(answer);
        }
    }
}

async fn finish(queued: Vec<Queued>, mut answers: Vec<Option<Answer>>) -> Vec<Answer> {
    collect(queued, &mut answers).await;
    let missing = || SubmitError::Command(CommandError::Unknown { reason: "the writer did not answer".into() });
    answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(missing()))).collect()
}
