//! Sends commands in batches over one stream, several batches on their way at once.
//!
//! Batches go out, and are answered, in the order of the file. When the ledger is away or has no room, the same stream is made again and
//! everything unanswered is sent again in the same order: command ids make that harmless.

use std::{
    collections::VecDeque,
    iter::Peekable,
    time::{Duration, Instant},
};

use prost::Message as _;
use subledger_proto::api::{Command, Outcome, SubmitStreamRequest, SubmitStreamResponse};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;

use super::{
    Failure,
    source::{Item, Items},
    summary::Settled,
};
use crate::client::connect::Address;

/// Most bytes of one batch: well below what a message may have.
const BATCH_BYTES_MAX: usize = 1024 * 1024;
/// First wait before another attempt; it doubles from one to the next.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
/// Longest wait before another attempt.
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// Reasons that say "not now" of a command that was not recorded.
const NOT_NOW: &[&str] = &["WRITER_OVERLOADED", "WRITER_UNAVAILABLE", "OUTCOME_UNKNOWN"];
/// Metadata of such a refusal that says how long to wait, in milliseconds.
const WAIT_KEY: &str = "retry_after_ms";

/// Commands that go together, with the lines they come from.
type Batch = Vec<(Item, Command)>;

/// How to send.
pub(super) struct Sender {
    address: Address,
    batch_commands: usize,
    in_flight: usize,
    patience: Duration,
}

/// Why a stream ended before everything was answered.
enum Broken {
    /// Try again, after so long if the ledger said it.
    Later(Option<Duration>, String),
    /// There is no point.
    Over(Failure),
}

impl From<Status> for Broken {
    fn from(status: Status) -> Self {
        let hint = status.get_details_retry_info().and_then(|retry| retry.retry_delay);
        match status.code() {
            Code::Unavailable | Code::ResourceExhausted | Code::Cancelled | Code::Aborted => {
                Self::Later(hint, status.message().to_owned())
            }
            // A connection that breaks in the middle of a stream.
            Code::Unknown | Code::Internal if std::error::Error::source(&status).is_some() => {
                Self::Later(hint, status.message().to_owned())
            }
            _ => Self::Over(status.into()),
        }
    }
}

impl Sender {
    /// `patience` is how long to go on trying without any answer, in seconds.
    pub(super) fn new(address: Address, batch_commands: u32, in_flight: u32, patience: u64) -> Self {
        Self {
            address,
            batch_commands: usize::try_from(batch_commands).unwrap_or(1),
            in_flight: usize::try_from(in_flight).unwrap_or(1),
            patience: Duration::from_secs(patience),
        }
    }

    /// Sends everything; gives the outcomes.
    pub(super) async fn send(&self, items: Items, mut settled: Settled) -> Result<Settled, Failure> {
        let mut batches = Batches { items: items.peekable(), commands_max: self.batch_commands };
        let mut waiting: VecDeque<Batch> = VecDeque::new();
        let mut backoff = BACKOFF_FIRST;
        let mut alive = Instant::now();
        loop {
            let before = waiting.front().map(Vec::len);
            let broken = match self.stream(&mut batches, &mut waiting, &mut settled, &mut alive).await {
                Ok(()) => return Ok(settled),
                Err(broken) => broken,
            };
            let (hint, why) = match broken {
                Broken::Over(failure) => return Err(failure),
                Broken::Later(hint, why) => (hint, why),
            };
            if alive.elapsed() > self.patience {
                let seconds = self.patience.as_secs();
                return Err(Failure::Unreachable(format!("no answer for {seconds} s: {why}")));
            }
            if before != waiting.front().map(Vec::len) {
                backoff = BACKOFF_FIRST;
            }
            settled.say(&format!("trying again: {why}"));
            tokio::time::sleep(hint.unwrap_or(backoff)).await;
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }

    /// One stream, until everything is answered or it breaks. `waiting` keeps what is not answered.
    async fn stream(
        &self,
        batches: &mut Batches,
        waiting: &mut VecDeque<Batch>,
        settled: &mut Settled,
        alive: &mut Instant,
    ) -> Result<(), Broken> {
        let connection = match self.address.connect().await {
            Err(Failure::Unreachable(why)) => return Err(Broken::Later(None, why)),
            Err(failure) => return Err(Broken::Over(failure)),
            Ok(connection) => connection,
        };
        let (requests, queue) = mpsc::channel(self.in_flight);
        for batch in waiting.iter() {
            submit(&requests, batch).await?;
        }
        let mut answers: Option<Streaming<SubmitStreamResponse>> = None;
        let mut queue = Some(queue);
        loop {
            while waiting.len() < self.in_flight {
                let Some(batch) = batches.next(settled).map_err(Broken::Over)? else { break };
                submit(&requests, &batch).await?;
                waiting.push_back(batch);
            }
            let Some(batch) = waiting.front() else { return Ok(()) };
            // The call is made when there is something in the queue: a server may answer its head with the first batch only.
            if let Some(queue) = queue.take() {
                answers = Some(connection.commands().submit_stream(ReceiverStream::new(queue)).await?.into_inner());
            }
            let answer = match &mut answers {
                Some(answers) => answers.message().await?,
                None => None,
            };
            let Some(answer) = answer else {
                return Err(Broken::Later(None, "the ledger ended the stream".to_owned()));
            };
            let left = settle(batch, &answer.outcomes, settled).map_err(Broken::Over)?;
            match left {
                Left::None => {
                    *alive = Instant::now();
                    waiting.pop_front();
                }
                Left::NotNow { batch: rest, wait, why } => {
                    // Being told "not now" again and again is no answer.
                    if rest.len() < batch.len() {
                        *alive = Instant::now();
                    }
                    let batch = rest;
                    waiting[0] = batch;
                    return Err(Broken::Later(wait, why));
                }
            }
        }
    }
}

async fn submit(requests: &mpsc::Sender<SubmitStreamRequest>, batch: &Batch) -> Result<(), Broken> {
    let commands = batch.iter().map(|(_, command)| command.clone()).collect();
    let request = SubmitStreamRequest { commands, include_events: false };
    requests.send(request).await.map_err(|_| Broken::Later(None, "the stream is gone".to_owned()))
}

/// What of a batch is to be sent again.
enum Left {
    None,
    NotNow { batch: Batch, wait: Option<Duration>, why: String },
}

/// Takes the outcomes of a batch. Everything from the first "not now" on is sent again, so that the order of a key stays.
fn settle(batch: &Batch, outcomes: &[Outcome], settled: &mut Settled) -> Result<Left, Failure> {
    if outcomes.len() != batch.len() {
        let text = format!("the ledger answered {} outcomes to {} commands", outcomes.len(), batch.len());
        return Err(Failure::Differs(text));
    }
    let not_now = outcomes.iter().position(is_not_now);
    for ((item, command), outcome) in batch.iter().zip(outcomes).take(not_now.unwrap_or(batch.len())) {
        settled.answered(item, command, outcome)?;
    }
    let Some((first, rejection)) = not_now.and_then(|n| Some((n, outcomes.get(n)?.rejection.as_ref()?))) else {
        return Ok(Left::None);
    };
    let wait = rejection.metadata.get(WAIT_KEY).and_then(|wait| wait.parse().ok()).map(Duration::from_millis);
    let why = format!("{}: {}", rejection.reason, rejection.message);
    Ok(Left::NotNow { batch: batch[first..].to_vec(), wait, why })
}

fn is_not_now(outcome: &Outcome) -> bool {
    let refused = outcome.rejection.as_ref().filter(|_| outcome.position.is_none());
    refused.is_some_and(|rejection| NOT_NOW.contains(&rejection.reason.as_str()))
}

/// Cuts the file into batches.
struct Batches {
    items: Peekable<Items>,
    commands_max: usize,
}

impl Batches {
    /// The next batch; lines that are no commands are settled on the way.
    fn next(&mut self, settled: &mut Settled) -> Result<Option<Batch>, Failure> {
        let mut batch = Batch::new();
        let mut bytes = 0;
        while batch.len() < self.commands_max {
            let size = match self.items.peek() {
                None => break,
                Some(Ok(Item { content: Ok(command), .. })) => command.encoded_len(),
                Some(_) => 0,
            };
            if bytes + size > BATCH_BYTES_MAX && !batch.is_empty() {
                break;
            }
            bytes += size;
            let Some(item) = self.items.next() else { break };
            let item = item?;
            match &item.content {
                Ok(command) => {
                    let command = command.clone();
                    batch.push((item, command));
                }
                Err(unreadable) => settled.unreadable(&item, unreadable)?,
            }
        }
        Ok((!batch.is_empty()).then_some(batch))
    }
}
