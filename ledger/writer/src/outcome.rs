//! What a caller learns about a command.

use std::time::Duration;

use chrono::{DateTime, Utc};
use subledger_domain::{Event, Rejection, ids::CommandId};
use subledger_log::Position;

/// What became of a command: recorded, durable, and the same for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The command.
    pub command_id: CommandId,
    /// Its events, or why it was refused.
    pub result: Result<Vec<Event>, Rejection>,
    /// Where it is recorded.
    pub position: Position,
    /// The stream's version after it.
    pub stream_version: u64,
    /// Whether it had been recorded before this submission.
    pub duplicate: bool,
    /// When it was recorded, UTC.
    pub recorded_at: DateTime<Utc>,
    /// When it takes effect, UTC.
    pub effective_at: DateTime<Utc>,
}

/// Why there is no outcome. Nothing of the command is in the history, unless the text says that this is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The queue is full.
    #[error("the writer of {partition} has {limit} commands waiting, which is its limit; try again in {} ms", retry_after.as_millis())]
    Overloaded {
        /// Which partition.
        partition: String,
        /// The limit, in commands.
        limit: usize,
        /// When to come back.
        retry_after: Duration,
    },
    /// The id belongs to another command.
    #[error(
        "command id {command_id} was used before for a command with another content (recorded at {position}); use a new id"
    )]
    IdReused {
        /// The id.
        command_id: CommandId,
        /// Where the other command is recorded.
        position: Position,
    },
    /// The outcome would be too large to record.
    #[error(
        "the command's outcome would take {bytes} bytes, more than the limit of {limit} for one record; split the command"
    )]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The writer cannot work now; the command was not recorded.
    #[error("the ledger cannot record commands now: {reason}; nothing was recorded, try again")]
    Unavailable {
        /// Why.
        reason: String,
    },
    /// Time ran out, or the writer stopped, before it was certain. Sending the same command again tells.
    #[error(
        "it is not known yet whether the command was recorded: {reason}; send the same command again to learn its outcome"
    )]
    Unknown {
        /// Why.
        reason: String,
    },
}
