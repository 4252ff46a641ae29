//! The writers behind one partition of the commands topic: `customers/i`, `partners/i` if there is one, and the catalog with 0.
//!
//! A batch is recorded before the next is taken, and within a batch the router finishes one family before it begins another. So at any
//! time only one writer has commands of this topic partition that are not in the log yet, and everything before them is: the largest
//! source offset in the commits tells exactly where to go on. Outcomes are published meanwhile; how far they are, the group is told.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use subledger_log::{
    Family, Layout, Log, PartitionId,
    kafka::topics::{Delivery, IncomingRecord, OutgoingRecord, PublishError, RecordProducer},
};
use subledger_proto::api;
use subledger_writer::{Clock, CommandError, Options, PartitionService, ReferenceFollower, StartError, Submission};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    ingress::{self, Taken},
    intake::Intake,
    key_of, outcome_record,
};
use crate::{
    api::command::to_wire,
    ids,
    router::{self, Answer, LocalRouter, SubmitError, WhenFull},
};

/// Batches whose outcomes are on their way while the next is decided.
const TELLING_MAX: usize = 4;
/// How long to wait before a batch that had no certain outcome is submitted again.
const RETRY: Duration = Duration::from_millis(500);

/// What every host of a process shares.
pub(crate) struct Shared {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) reference: Arc<ReferenceFollower>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) router: Arc<LocalRouter>,
    pub(crate) producer: Arc<RecordProducer>,
    pub(crate) options: Options,
    /// The topic of commands.
    pub(crate) topic: String,
    /// By partition of the topic: the offset before which every command is in the log and its outcome published.
    pub(crate) answered: Mutex<BTreeMap<u32, u64>>,
}

/// The running writers of one partition of the topic.
pub(crate) struct Host {
    index: u32,
    services: Vec<(PartitionId, PartitionService)>,
    shared: Arc<Shared>,
}

/// The partitions of the log whose commands come by partition `index` of the topic.
fn hosted(layout: Layout, index: u32) -> Vec<PartitionId> {
    let Ok(index) = u16::try_from(index) else { return Vec::new() };
    let all = Family::ALL.into_iter().map(|family| PartitionId::new(family, index));
    all.filter(|partition| layout.contains(*partition)).collect()
}

impl Host {
    /// Claims the partitions. Blocks until they are ready.
    pub(crate) fn start(index: u32, shared: Arc<Shared>) -> Result<Self, StartError> {
        let mut host = Self { index, services: Vec::new(), shared };
        for partition in hosted(host.shared.log.layout(), index) {
            let Shared { log, reference, clock, options, .. } = &*host.shared;
            let (log, reference, clock) = (Arc::clone(log), Arc::clone(reference), Arc::clone(clock));
            let service = PartitionService::start(log, partition, reference, clock, &ids::writer(), options.clone());
            match service {
                Ok(service) => host.services.push((partition, service)),
                Err(error) => {
                    host.stop();
                    return Err(error);
                }
            }
        }
        Ok(host)
    }

    /// The next offset to take from the topic; none if no command of it is in the log.
    pub(crate) fn resume_at(&self) -> Option<u64> {
        let offsets = self.services.iter().filter_map(|(_, s)| s.source_offset(&self.shared.topic, self.index));
        offsets.max()
    }

    /// Lets commands come. Called by the one thread that knows whose the partition is, so a late claim never replaces a newer one.
    pub(crate) fn enter(&self) {
        for (partition, service) in &self.services {
            self.shared.router.insert(*partition, service.handle.clone());
        }
    }

    /// Lets no more commands come.
    pub(crate) fn leave(&self) {
        for (partition, _) in &self.services {
            self.shared.router.remove(*partition);
        }
    }

    /// Stops the writers. Blocks.
    pub(crate) fn stop(self) {
        self.services.into_iter().rev().for_each(|(_, service)| service.stop());
    }
}

/// A record, and its way to its topic.
type Sent = (OutgoingRecord, Result<Delivery, PublishError>);

/// What became of a batch, on its way to the topic of outcomes.
struct Told {
    outcomes: Vec<Sent>,
    /// The topic partition, and the offset after the batch.
    end: Option<(u32, u64)>,
}

/// Takes batches until the partition is lost.
pub(crate) async fn serve(shared: Arc<Shared>, intake: Arc<Intake>, lost: CancellationToken) {
    let (told, telling) = mpsc::channel(TELLING_MAX);
    tokio::spawn(tell(Arc::clone(&shared), telling, lost.clone()));
    while let Some(batch) = intake.take().await {
        let end = batch.last().map(|record| (record.partition, record.offset + 1));
        let Some(outcomes) = handle(&shared, batch, &lost).await else { return };
        if told.send(Told { outcomes, end }).await.is_err() {
            return;
        }
    }
}

/// Waits until outcomes are published, batch after batch, and notes how far they are.
async fn tell(shared: Arc<Shared>, mut telling: mpsc::Receiver<Told>, lost: CancellationToken) {
    while let Some(Told { outcomes, end }) = telling.recv().await {
        let left = undelivered(outcomes).await;
        if !publish_surely(&shared, left, &lost).await {
            return;
        }
        shared.answered.lock().unwrap_or_else(PoisonError::into_inner).extend(end);
    }
}

/// Waits for acknowledgements. The records that got none, in their order.
async fn undelivered(sent: Vec<Sent>) -> Vec<OutgoingRecord> {
    let mut left = Vec::new();
    for (record, delivery) in sent {
        let delivered = match delivery {
            Ok(delivery) => delivery.await,
            Err(error) => Err(error),
        };
        if let Err(error) = delivered {
            tracing::error!(destination = ?record.destination, %error, "a record is not published; trying again");
            left.push(record);
        }
    }
    left
}

/// Everything of a batch, until it is recorded. None if the partition was lost meanwhile.
async fn handle(shared: &Shared, batch: Vec<IncomingRecord>, lost: &CancellationToken) -> Option<Vec<Sent>> {
    let mut submissions = Vec::with_capacity(batch.len());
    let mut elsewhere = Vec::new();
    for record in batch {
        match ingress::take(record, &shared.topic, shared.log.layout()) {
            Taken::Command(submission) => submissions.push(*submission),
            Taken::Elsewhere(record) | Taken::DeadLetter(record) => elsewhere.push(record),
        }
    }
    // Before anything later is recorded: what is recorded says that all before it is done.
    if !publish_surely(shared, elsewhere, lost).await {
        return None;
    }
    submit_surely(shared, submissions, lost).await
}

/// Publishes, again and again until every record is acknowledged.
async fn publish_surely(shared: &Shared, mut records: Vec<OutgoingRecord>, lost: &CancellationToken) -> bool {
    while !records.is_empty() {
        let mut sent = Vec::with_capacity(records.len());
        for record in records {
            let delivery = shared.producer.send(record.clone()).await;
            sent.push((record, delivery));
        }
        records = undelivered(sent).await;
        if !records.is_empty() && !pause(lost).await {
            return false;
        }
    }
    true
}

/// Submits until every command has a certain outcome, and begins to publish those.
async fn submit_surely(shared: &Shared, mut batch: Vec<Submission>, lost: &CancellationToken) -> Option<Vec<Sent>> {
    let mut outcomes = Vec::with_capacity(batch.len());
    while !batch.is_empty() {
        let answers = router::submit(&*shared.router, batch.clone(), WhenFull::Wait).await;
        // From the first uncertain one on, everything is submitted again: what was recorded answers as a duplicate.
        let certain = answers.iter().position(is_uncertain).unwrap_or(answers.len());
        for (submission, answer) in batch.drain(..certain).zip(answers) {
            let record = outcome_record(key_of(&submission), &wire(&submission, answer));
            let sent = shared.producer.send(record.clone()).await;
            outcomes.push((record, sent));
        }
        if !batch.is_empty() && !pause(lost).await {
            return None;
        }
    }
    Some(outcomes)
}

fn is_uncertain(answer: &Answer) -> bool {
    use CommandError::{Overloaded, Unavailable, Unknown};
    matches!(answer, Err(SubmitError::Command(Overloaded { .. } | Unavailable { .. } | Unknown { .. })))
}

fn wire(submission: &Submission, answer: Answer) -> api::Outcome {
    match answer {
        Ok(outcome) => to_wire(outcome, false),
        Err(error) => api::Outcome {
            command_id: submission.envelope.command_id.to_string(),
            rejection: Some(error.to_rejection()),
            ..api::Outcome::default()
        },
    }
}

async fn pause(lost: &CancellationToken) -> bool {
    tokio::select! {
        () = lost.cancelled() => false,
        () = tokio::time::sleep(RETRY) => true,
    }
}
