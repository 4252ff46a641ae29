//! Routing over Kafka: publish a command, follow the log until it is there.
//!
//! A gateway knows no writer. A command is acknowledged by Kafka first, so it survives any crash from then on; its outcome is seen in
//! the log itself, or, if it leaves no new record there (a repetition, an error), in the outcomes topic.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::join_all;
use subledger_log::{
    Accepted, Body, Family, Follower, Log, PartitionId,
    codec::{FieldError, Wire as _},
    kafka::{
        KafkaLog,
        topics::{PublishError, RecordProducer},
    },
};
use subledger_proto::api;
use subledger_writer::{CommandError, Outcome, Submission, stream_of};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{command_record, outcomes::OutcomeReader};
use crate::{
    api::audit::seek::Seeker,
    config::Config,
    patience::once_log_answers,
    router::{Answer, Answers, BoxFuture, Router, SubmitError, WhenFull},
};

/// Most commands of a gateway that wait for their outcome.
const PENDING_MAX: usize = 100_000;
/// How long a command may take from Kafka's acknowledgement to its outcome before the caller is told that it is not known yet.
const OUTCOME_WAIT_MAX: Duration = Duration::from_secs(30);
/// How long a caller is told to wait when too much is pending.
const RETRY_AFTER: Duration = Duration::from_millis(200);
/// How long a follower waits for news before it looks whether to stop.
const POLL: Duration = Duration::from_millis(100);
/// How long a follower rests after a failed read.
const RETRY: Duration = Duration::from_millis(500);
/// How long what is on its way may take to be acknowledged at the end.
const CLOSE_WAIT: Duration = Duration::from_secs(5);

/// Who waits for a command, and with which content.
struct Waiter {
    content: Bytes,
    answer: oneshot::Sender<Answer>,
}

#[derive(Default)]
struct Pending(Mutex<HashMap<String, Vec<Waiter>>>);

impl Pending {
    /// None if too many wait.
    fn add(&self, submission: &Submission) -> Option<oneshot::Receiver<Answer>> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if table.len() >= PENDING_MAX {
            return None;
        }
        let (answer, answered) = oneshot::channel();
        let waiter = Waiter { content: submission.bytes.clone(), answer };
        table.entry(submission.envelope.command_id.to_string()).or_default().push(waiter);
        Some(answered)
    }

    fn take(&self, command_id: &str) -> Vec<Waiter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(command_id).unwrap_or_default()
    }

    /// Forgets waiters that gave up.
    fn forget(&self, command_id: &str) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiters) = table.get_mut(command_id) {
            waiters.retain(|waiter| !waiter.answer.is_closed());
            if waiters.is_empty() {
                table.remove(command_id);
            }
        }
    }
}

/// Publishes commands and waits for their outcomes.
pub(crate) struct KafkaRouter {
    log: Arc<KafkaLog>,
    producer: Mutex<Option<Arc<RecordProducer>>>,
    pending: Arc<Pending>,
    stop: Arc<AtomicBool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl KafkaRouter {
    /// Begins to follow the log from its end, waiting until the brokers answer. None if told to stop meanwhile.
    pub(crate) async fn open(
        log: &Arc<KafkaLog>,
        config: &Config,
        stop: &CancellationToken,
    ) -> anyhow::Result<Option<Arc<Self>>> {
        let (log, config) = (Arc::clone(log), config.clone());
        once_log_answers(stop, move || Self::start(Arc::clone(&log), &config)).await
    }

    /// Blocks.
    fn start(log: Arc<KafkaLog>, config: &Config) -> anyhow::Result<Arc<Self>> {
        let as_log: Arc<dyn Log> = log.clone();
        let seeker = Seeker::new(Arc::clone(&as_log));
        let mut cursors = BTreeMap::new();
        for partition in log.layout().all() {
            cursors.insert(partition, seeker.near_end(partition)?);
        }
        let follower = Follower::new(&*as_log, cursors)?;
        let outcomes = OutcomeReader::new(&config.kafka, &log.topics().outcomes)?;
        let (pending, stop) = (Arc::<Pending>::default(), Arc::<AtomicBool>::default());
        let producer = Mutex::new(Some(Arc::new(RecordProducer::new(&config.kafka.options())?)));
        let following = {
            let (pending, stop) = (Arc::clone(&pending), Arc::clone(&stop));
            move || follow(&*as_log, follower, &pending, &stop)
        };
        let listening = {
            let (pending, stop) = (Arc::clone(&pending), Arc::clone(&stop));
            move || listen(&outcomes, &pending, &stop)
        };
        let threads = vec![
            std::thread::Builder::new().name("follow-log".into()).spawn(following)?,
            std::thread::Builder::new().name("follow-outcomes".into()).spawn(listening)?,
        ];
        Ok(Arc::new(Self { log, producer, pending, stop, threads: Mutex::new(threads) }))
    }

    /// Stops following. Blocks.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner)) {
            if thread.join().is_err() {
                tracing::error!("a thread of the gateway panicked");
            }
        }
        let producer = self.producer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(producer) = producer.and_then(Arc::into_inner) {
            let left = producer.close(CLOSE_WAIT);
            if left > 0 {
                tracing::warn!(left, "records were not acknowledged by Kafka before the end");
            }
        }
    }

    fn producer(&self) -> Result<Arc<RecordProducer>, SubmitError> {
        let producer = self.producer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let stopped = || SubmitError::Command(CommandError::Unavailable { reason: "the gateway is stopping".into() });
        producer.ok_or_else(stopped)
    }

    /// Publishes one command. What comes back resolves with its outcome.
    async fn publish(
        &self,
        submission: &Submission,
        partition: PartitionId,
        when_full: WhenFull,
    ) -> BoxFuture<'static, Answer> {
        match self.try_publish(submission, partition, when_full).await {
            Ok(answer) => answer,
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    async fn try_publish(
        &self,
        submission: &Submission,
        partition: PartitionId,
        when_full: WhenFull,
    ) -> Result<BoxFuture<'static, Answer>, SubmitError> {
        let producer = self.producer()?;
        let answered = loop {
            match self.pending.add(submission) {
                Some(answered) => break answered,
                None if when_full == WhenFull::Wait => tokio::time::sleep(RETRY_AFTER).await,
                None => return Err(overloaded(PENDING_MAX)),
            }
        };
        let record = command_record(submission, partition);
        let sent = match when_full {
            WhenFull::Wait => producer.send(record).await,
            WhenFull::Refuse => producer.try_send(&record),
        };
        let command_id = submission.envelope.command_id.to_string();
        let delivery = match sent {
            Ok(delivery) => delivery,
            Err(error) => {
                drop(answered);
                self.pending.forget(&command_id);
                return Err(refused(&error));
            }
        };
        tracing::debug!(command_id, "published");
        let pending = Arc::clone(&self.pending);
        Ok(Box::pin(async move {
            let delivered = delivery.await;
            tracing::debug!(command_id, ok = delivered.is_ok(), "Kafka has it");
            let answer = tokio::time::timeout(OUTCOME_WAIT_MAX, answered).await;
            pending.forget(&command_id);
            let unknown = |reason: String| Err(SubmitError::Command(CommandError::Unknown { reason }));
            match (answer, delivered) {
                (Ok(Ok(answer)), _) => answer,
                (_, Err(error)) => unknown(error.to_string()),
                (Ok(Err(_)), Ok(_)) => unknown("the gateway stopped".into()),
                (Err(_), Ok(at)) => unknown(format!(
                    "Kafka has it at {}@{}, but no writer answered within {} s",
                    at.partition,
                    at.offset,
                    OUTCOME_WAIT_MAX.as_secs()
                )),
            }
        }))
    }

    /// Publishes a batch in its order; where the family changes, what was published is answered first.
    async fn take(&self, batch: Vec<Submission>, when_full: WhenFull) -> Answers {
        let mut answers: Vec<Answer> = Vec::with_capacity(batch.len());
        let mut running: Vec<BoxFuture<'static, Answer>> = Vec::new();
        let mut family = None;
        for submission in batch {
            let command = &submission.envelope.command;
            let target = stream_of(self.log.layout(), command).filter(|_| !command.is_reserved());
            let Some((_, partition)) = target else {
                running.push(Box::pin(std::future::ready(Err(SubmitError::reserved()))));
                continue;
            };
            if family.replace(partition.family).is_some_and(|before| before != partition.family) {
                answers.extend(join_all(std::mem::take(&mut running)).await);
            }
            running.push(self.publish(&submission, partition, when_full).await);
        }
        if family.is_some_and(|family| family != Family::Customers) {
            answers.extend(join_all(std::mem::take(&mut running)).await);
        }
        Box::pin(async move {
            answers.extend(join_all(running).await);
            answers
        })
    }
}

impl Router for KafkaRouter {
    fn submit(&self, batch: Vec<Submission>, when_full: WhenFull) -> BoxFuture<'_, Answers> {
        Box::pin(self.take(batch, when_full))
    }
}

fn overloaded(limit: usize) -> SubmitError {
    let partition = "this gateway".to_owned();
    SubmitError::Command(CommandError::Overloaded { partition, limit, retry_after: RETRY_AFTER })
}

fn refused(error: &PublishError) -> SubmitError {
    match error {
        PublishError::Full => overloaded(PENDING_MAX),
        error => SubmitError::Command(CommandError::Unavailable { reason: error.to_string() }),
    }
}

/// Answers from the log.
fn follow(log: &dyn Log, mut follower: Follower, pending: &Pending, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        match follower.next(POLL) {
            Ok(accepted) => accepted.iter().for_each(|record| settle(record, pending)),
            Err(error) => {
                tracing::error!(%error, "the log cannot be followed; trying again");
                std::thread::sleep(RETRY);
                match Follower::new(log, follower.cursors().clone()) {
                    Ok(again) => follower = again,
                    Err(error) => tracing::error!(%error, "the log cannot be read"),
                }
            }
        }
    }
}

fn settle(record: &Accepted, pending: &Pending) {
    let commit = &record.commit;
    for waiter in pending.take(&commit.command_id) {
        tracing::debug!(command_id = %commit.command_id, position = %commit.position, "in the log");
        // Whoever gave up needs no answer.
        let _ = waiter.answer.send(answer(record, &waiter.content));
    }
}

fn answer(record: &Accepted, content: &Bytes) -> Answer {
    let commit = &record.commit;
    let unknown = |reason: String| SubmitError::Command(CommandError::Unknown { reason });
    let command_id = subledger_domain::ids::CommandId::new(&commit.command_id).map_err(|e| unknown(e.to_string()))?;
    if commit.command != *content {
        return Err(SubmitError::Command(CommandError::IdReused { command_id, position: commit.position }));
    }
    let result = match &commit.body {
        Body::Accepted(events) => Ok(events.clone()),
        Body::Rejected(rejection) => Err(rejection.clone()),
        Body::WriterStarted { .. } => return Err(unknown("a writer has the command's id".into())),
    };
    Ok(Outcome {
        command_id,
        stream_version: commit.stream_version_before + 1,
        result,
        position: commit.position,
        duplicate: false,
        recorded_at: commit.recorded_at,
        effective_at: commit.effective_at,
    })
}

/// Answers from the outcomes topic what leaves no new record.
fn listen(outcomes: &OutcomeReader, pending: &Pending, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let Some(outcome) = outcomes.next(POLL) else { continue };
        // What is recorded for the first time is answered from the log, which has its events.
        if outcome.position.is_some() && !outcome.duplicate {
            continue;
        }
        for waiter in pending.take(&outcome.command_id) {
            // Whoever gave up needs no answer.
            let _ = waiter.answer.send(published(outcome.clone()));
        }
    }
}

fn published(outcome: api::Outcome) -> Answer {
    let unreadable = |error: FieldError| {
        let reason = format!("its outcome cannot be read: {error}");
        SubmitError::Command(CommandError::Unknown { reason })
    };
    let command_id = subledger_log::codec::Wire::from_wire(outcome.command_id).map_err(unreadable)?;
    if outcome.position.is_none() {
        return Err(SubmitError::from_rejection(&command_id, outcome.rejection.unwrap_or_default()));
    }
    let rejection = outcome.rejection.map(subledger_domain::Rejection::from_wire).transpose();
    let result = rejection.map_err(unreadable)?.map_or_else(|| Ok(Vec::new()), Err);
    Ok(Outcome {
        command_id,
        result,
        position: subledger_log::codec::Wire::from_wire(outcome.position).map_err(unreadable)?,
        stream_version: outcome.stream_version,
        duplicate: outcome.duplicate,
        recorded_at: subledger_log::codec::Wire::from_wire(outcome.recorded_at).map_err(unreadable)?,
        effective_at: subledger_log::codec::Wire::from_wire(outcome.effective_at).map_err(unreadable)?,
    })
}
