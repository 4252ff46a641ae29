//! A commit: every event of one command, and why. One commit is one record.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use subledger_domain::{Rejection, event::Event};

use crate::{PartitionId, Position, tree::Hash};

/// A record's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Where it stands.
    pub position: Position,
    /// Of the writer.
    pub epoch: u64,
    /// The id of the command; of a `WriterStarted`, the writer's.
    pub command_id: String,
    /// The command as received: a serialized `subledger.v1.Command`. Empty for a `WriterStarted`.
    pub command: Bytes,
    /// `catalog`, a partner id or a customer id; empty for the partition itself.
    pub stream: String,
    /// Accepted commits of the stream before this one: a rejection leaves the version as it is.
    pub stream_version_before: u64,
    /// Last commits of other partitions that the decision knew.
    pub decided_against: Vec<Position>,
    /// When it was recorded, UTC.
    pub recorded_at: DateTime<Utc>,
    /// When it takes effect, UTC.
    pub effective_at: DateTime<Utc>,
    /// Who sent the command.
    pub actor: Actor,
    /// What came of it.
    pub body: Body,
    /// Root over the partition before the block that begins here; none inside a block.
    pub previous_root: Option<Hash>,
    /// Where the command came from, if from a topic.
    pub source: Option<Source>,
}

impl Commit {
    /// The partition it is in.
    pub fn partition(&self) -> PartitionId {
        self.position.partition
    }

    /// Its events; none for a rejection or a `WriterStarted`.
    pub fn events(&self) -> &[Event] {
        match &self.body {
            Body::Accepted(events) => events,
            Body::Rejected(_) | Body::WriterStarted { .. } => &[],
        }
    }

    /// Whether it begins an epoch.
    pub fn is_writer_started(&self) -> bool {
        matches!(self.body, Body::WriterStarted { .. })
    }
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// It was accepted.
    Accepted(Vec<Event>),
    /// It was refused.
    Rejected(Rejection),
    /// No command: a writer's epoch begins.
    WriterStarted {
        /// Unique for each start.
        writer_id: String,
    },
}

/// Who sent a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// As the transport knows it.
    pub principal: String,
    /// `grpc`, `kafka`, `clock`, `projector` or `ledger`.
    pub channel: String,
}

/// A place in a topic of commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The topic.
    pub topic: String,
    /// Its partition.
    pub partition: u32,
    /// The record's offset there.
    pub offset: u64,
}
