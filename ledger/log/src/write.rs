//! Writing to a partition: one writer at a time, by epochs.
//!
//! A writer first reads to the end, appends `WriterStarted` with the next epoch, and reads up to it. If its own was accepted, the
//! partition is its own until somebody does the same; then its appends are skipped by every reader, and it notices at its next one.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use subledger_domain::{Rejection, event::Event};

use crate::{
    Accepted, Actor, AppendError, Appender, Body, Commit, Cursor, Follower, Log, PartitionId, Position, ReadError,
    Source, codec, limits,
    personal::{KeyError, Keys},
    tree::Frontier,
};

/// Attempts to win an epoch before giving up: each lost one means that another writer started at the same moment.
const CLAIM_ATTEMPTS_MAX: u32 = 16;
/// How long to wait for a record that the log says is there.
const CLAIM_READ_WAIT: Duration = Duration::from_millis(500);
/// How long without any progress before reading the tail is given up.
const CLAIM_STALL_MAX: Duration = Duration::from_secs(30);

/// What a writer knows of its partition: where the history ends, and the tree over it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tail {
    /// Where the next record goes.
    pub cursor: Cursor,
    /// The tree over all accepted records.
    pub frontier: Frontier,
}

/// Becoming the writer failed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// The tail could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The start of the epoch could not be appended.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// Others were faster again and again.
    #[error(
        "{partition}: lost {CLAIM_ATTEMPTS_MAX} epochs in a row to other writers; are two ledgers configured to write here?"
    )]
    Contended {
        /// Where.
        partition: PartitionId,
    },
    /// What was read could not be folded.
    #[error("{partition}: {what}")]
    Fold {
        /// Where.
        partition: PartitionId,
        /// Why.
        what: String,
    },
}

/// An append by the partition's writer did not end well.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Nothing was written; the writer goes on.
    #[error(transparent)]
    NotWritten(AppendError),
    /// The outcome is unknown, or somebody else wrote. The writer must claim the partition again, which decides it.
    #[error(transparent)]
    Lost(AppendError),
}

/// A commit before it has a place.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The command's id.
    pub command_id: String,
    /// The command as received.
    pub command: Bytes,
    /// Its stream.
    pub stream: String,
    /// Commits of the stream before it.
    pub stream_version_before: u64,
    /// Positions it was decided against.
    pub decided_against: Vec<Position>,
    /// When it takes effect.
    pub effective_at: DateTime<Utc>,
    /// When it is recorded.
    pub recorded_at: DateTime<Utc>,
    /// Who sent it.
    pub actor: Actor,
    /// What came of it.
    pub outcome: Result<Vec<Event>, Rejection>,
    /// The topic it came from.
    pub source: Option<Source>,
}

/// The writer of a partition.
pub struct PartitionWriter {
    partition: PartitionId,
    keys: Arc<dyn Keys>,
    appender: Box<dyn Appender>,
    /// Durable.
    tail: Tail,
    staged: Staged,
}

/// A block before it is appended.
#[derive(Default)]
struct Staged {
    /// Where the history ends with it.
    tail: Tail,
    records: Vec<Bytes>,
    block: Vec<Accepted>,
}

impl PartitionWriter {
    /// Becomes the writer. Everything after `tail` is handed to `fold`, in order, ending with the own `WriterStarted`.
    ///
    /// `writer_id` must be unique for each call in the world.
    pub fn claim(
        log: &dyn Log,
        partition: PartitionId,
        tail: Tail,
        writer_id: &str,
        now: DateTime<Utc>,
        fold: &mut dyn FnMut(Accepted) -> Result<(), String>,
    ) -> Result<Self, ClaimError> {
        let follower = follow(log, partition, tail.cursor)?;
        let mut reading = Reading { log, partition, keys: log.keys(), follower, tail };
        reading.to(log.end(partition)?, fold)?;
        let mut appender = log.appender(partition)?;
        for attempt in 0..CLAIM_ATTEMPTS_MAX {
            let writer_id = format!("{writer_id}/{attempt}");
            let epoch = reading.tail.cursor.admission.epoch + 1;
            let start = writer_started(partition, &reading.tail, epoch, &writer_id, now);
            let at = reading.tail.cursor.offset;
            match appender.append(at, &[codec::encode(&start).into()]) {
                // Whatever happened, reading tells.
                Ok(()) | Err(AppendError::Interleaved { .. }) => {}
                Err(error @ AppendError::Unknown { .. }) => {
                    tracing::warn!(%partition, epoch, %error, "it is unknown whether the epoch began; reading tells");
                    // An appender is of no more use after that.
                    appender = log.appender(partition)?;
                }
                Err(error) => return Err(error.into()),
            }
            let mut won = false;
            reading.to(log.end(partition)?, &mut |accepted| {
                won = matches!(&accepted.commit.body, Body::WriterStarted { writer_id: id } if *id == writer_id);
                fold(accepted)
            })?;
            if won && reading.tail.cursor.admission.epoch == epoch {
                let Reading { tail, .. } = reading;
                let staged = Staged { tail: tail.clone(), ..Staged::default() };
                return Ok(Self { partition, keys: log.keys(), appender, tail, staged });
            }
            tracing::warn!(%partition, epoch, "another writer took the epoch; trying the next");
        }
        Err(ClaimError::Contended { partition })
    }

    /// Gives a commit its place in the block that the next [`Self::flush`] appends, and says how many bytes it takes.
    ///
    /// A record over [`limits::RECORD_BYTES_MAX`] is [`AppendError::TooLarge`]; it is not staged, and the others stay.
    pub fn stage(&mut self, draft: Draft) -> Result<usize, AppendError> {
        let first = self.staged.block.is_empty();
        let commit = Commit {
            position: Position { partition: self.partition, seq: self.staged.tail.cursor.admission.next_seq },
            epoch: self.staged.tail.cursor.admission.epoch,
            command_id: draft.command_id,
            command: draft.command,
            stream: draft.stream,
            stream_version_before: draft.stream_version_before,
            decided_against: draft.decided_against,
            recorded_at: draft.recorded_at,
            effective_at: draft.effective_at,
            actor: draft.actor,
            body: match draft.outcome {
                Ok(events) => Body::Accepted(events),
                Err(rejection) => Body::Rejected(rejection),
            },
            previous_root: first.then(|| self.staged.tail.frontier.root()),
            source: draft.source,
        };
        let not_written = |error: KeyError| AppendError::NotWritten { partition: self.partition, source: error.into() };
        let (bytes, kept) = codec::seal(&commit, &*self.keys).map_err(not_written)?;
        let bytes = Bytes::from(bytes);
        if bytes.len() > limits::RECORD_BYTES_MAX {
            return Err(AppendError::TooLarge {
                partition: self.partition,
                bytes: bytes.len(),
                limit: limits::RECORD_BYTES_MAX,
            });
        }
        // What was not kept is not answered or applied either.
        let commit = if kept { commit } else { codec::decode(&bytes).unwrap_or(commit) };
        let tail = &mut self.staged.tail;
        let offset = tail.cursor.offset;
        tail.frontier.push(&bytes);
        tail.cursor.offset += 1;
        tail.cursor.admission.next_seq += 1;
        let size = bytes.len();
        self.staged.records.push(bytes.clone());
        self.staged.block.push(Accepted { commit, bytes, offset });
        Ok(size)
    }

    /// What is staged, in order.
    pub fn staged(&self) -> &[Accepted] {
        &self.staged.block
    }

    /// Appends what is staged as one block and returns it as stored, once it is durable and certainly part of the history.
    ///
    /// On [`WriteError::NotWritten`] nothing happened, and nothing is staged any more. On [`WriteError::Lost`] the caller discards this
    /// writer and claims again from the tail it had before: what it reads then says which commits are part of the history.
    pub fn flush(&mut self) -> Result<Vec<Accepted>, WriteError> {
        let next = Staged { tail: self.staged.tail.clone(), ..Staged::default() };
        let staged = std::mem::replace(&mut self.staged, next);
        if staged.records.is_empty() {
            return Ok(Vec::new());
        }
        let partition = self.partition;
        // Keys first: what they sealed could never be read without them.
        let outcome = self
            .keys
            .persist(partition)
            .map_err(|error| AppendError::NotWritten { partition, source: error.into() })
            .and_then(|()| self.appender.append(self.tail.cursor.offset, &staged.records));
        match outcome {
            Ok(()) => {
                let destroyed = staged.block.iter().try_for_each(|accepted| destroy(&*self.keys, accepted));
                if let Err(error) = destroyed {
                    // It is recorded; claiming again repeats what is left to do.
                    return Err(WriteError::Lost(AppendError::Unknown { partition, source: error.into() }));
                }
                self.tail = staged.tail;
                Ok(staged.block)
            }
            #[cfg(feature = "planted-bugs")]
            Err(AppendError::Unknown { .. })
                if subledger_domain::planted::has(subledger_domain::planted::Bug::AcknowledgeBeforeDisk) =>
            {
                self.tail = staged.tail;
                Ok(staged.block)
            }
            #[cfg(feature = "planted-bugs")]
            Err(AppendError::Interleaved { .. })
                if subledger_domain::planted::has(subledger_domain::planted::Bug::IgnoreInterleaving) =>
            {
                self.tail = staged.tail;
                Ok(staged.block)
            }
            Err(error) => {
                self.staged.tail = self.tail.clone();
                Err(match error {
                    AppendError::NotWritten { .. } | AppendError::TooLarge { .. } => WriteError::NotWritten(error),
                    AppendError::Unknown { .. } | AppendError::Interleaved { .. } => WriteError::Lost(error),
                })
            }
        }
    }

    /// Stages and flushes one block. With a record that is too large, none of it.
    pub fn append(&mut self, drafts: Vec<Draft>) -> Result<Vec<Accepted>, WriteError> {
        for draft in drafts {
            if let Err(error) = self.stage(draft) {
                self.staged = Staged { tail: self.tail.clone(), ..Staged::default() };
                return Err(WriteError::NotWritten(error));
            }
        }
        self.flush()
    }

    /// Where the history ends, as far as this writer knows for certain.
    pub fn tail(&self) -> &Tail {
        &self.tail
    }

    /// Gives the writer up.
    pub fn into_tail(self) -> Tail {
        self.tail
    }
}

/// Destroys the keys of customers whose erasure a commit records: only the partition's writer does.
fn destroy(keys: &dyn Keys, accepted: &Accepted) -> Result<(), KeyError> {
    let commit = &accepted.commit;
    commit.events().iter().try_for_each(|event| match event {
        Event::CustomerErased(erased) => keys.destroy(commit.partition(), erased.customer_id.as_str()),
        _ => Ok(()),
    })
}

fn follow(log: &dyn Log, partition: PartitionId, cursor: Cursor) -> Result<Follower, ReadError> {
    Follower::new(log, BTreeMap::from([(partition, cursor)]))
}

fn writer_started(partition: PartitionId, tail: &Tail, epoch: u64, writer_id: &str, now: DateTime<Utc>) -> Commit {
    Commit {
        position: Position { partition, seq: tail.cursor.admission.next_seq },
        epoch,
        command_id: String::new(),
        command: Bytes::new(),
        stream: String::new(),
        stream_version_before: 0,
        decided_against: Vec::new(),
        recorded_at: now,
        effective_at: now,
        actor: Actor { principal: "ledger".into(), channel: "ledger".into() },
        body: Body::WriterStarted { writer_id: writer_id.to_owned() },
        previous_root: Some(tail.frontier.root()),
        source: None,
    }
}

/// Reading the tail while claiming.
struct Reading<'a> {
    log: &'a dyn Log,
    partition: PartitionId,
    keys: Arc<dyn Keys>,
    follower: Follower,
    tail: Tail,
}

impl Reading<'_> {
    fn to(&mut self, end: u64, fold: &mut dyn FnMut(Accepted) -> Result<(), String>) -> Result<(), ClaimError> {
        let mut stalled = Duration::ZERO;
        while self.tail.cursor.offset < end {
            let before = self.tail.cursor.offset;
            for accepted in self.follower.next(CLAIM_READ_WAIT)? {
                self.tail.frontier.push(&accepted.bytes);
                destroy(&*self.keys, &accepted)
                    .map_err(|error| ClaimError::Fold { partition: self.partition, what: error.to_string() })?;
                fold(accepted).map_err(|what| ClaimError::Fold { partition: self.partition, what })?;
            }
            self.tail.cursor = self.follower.cursors().get(&self.partition).copied().unwrap_or_default();
            if self.tail.cursor.offset > before {
                stalled = Duration::ZERO;
                continue;
            }
            stalled += CLAIM_READ_WAIT;
            if stalled >= CLAIM_STALL_MAX {
                return Err(ReadError::Unavailable {
                    place: format!("{} ({})", self.partition, self.log.backend()),
                    source: format!("no record came for {} s although the end is {end}", stalled.as_secs()).into(),
                }
                .into());
            }
        }
        Ok(())
    }
}
