//! The stored form of a commit, and the wire form of commands: typed values to protobuf and back.
//!
//! One line per message: the macros below convert field by field, the field's type says how. A value that does not fit is a
//! [`FieldError`] that names the field.

mod commands;
mod events;
#[cfg(test)]
mod examples;
mod field;
mod head;
mod json;
mod json_fault;
#[cfg(test)]
mod mutated;
#[cfg(test)]
mod tests;
mod values;

use bytes::Bytes;
use prost::Message as _;
use subledger_domain::{Reason, Rejection};
use subledger_proto::{common as pbc, log as pb};

pub use commands::{Envelope, decode_command};
pub use field::{FieldError, Wire};
pub use head::{Head, decode_head};
pub use json::{JsonError, command_from_json, to_json};

use crate::{Actor, Body, Commit, PartitionId, Position, Source, tree::Hash};

/// Stored bytes that are not a commit this version can read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not protobuf, or not of this shape.
    #[error("not a commit: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// A field has a value this version does not know.
    #[error("commit with an unreadable field: {0}")]
    Field(#[from] FieldError),
}

/// The bytes to store.
pub fn encode(commit: &Commit) -> Vec<u8> {
    Wire::<pb::Commit>::to_wire(commit).encode_to_vec()
}

/// Reads stored bytes.
pub fn decode(bytes: &Bytes) -> Result<Commit, DecodeError> {
    Ok(Commit::from_wire(pb::Commit::decode(bytes.clone())?)?)
}

impl Wire<pb::Commit> for Commit {
    fn to_wire(&self) -> pb::Commit {
        let (rejection, events) = match &self.body {
            Body::Accepted(events) => (None, events.to_wire()),
            Body::Rejected(rejection) => (Some(rejection.to_wire()), Vec::new()),
            Body::WriterStarted { writer_id } => (None, vec![events::writer_started(writer_id)]),
        };
        pb::Commit {
            family: self.position.partition.family.to_wire(),
            partition: u32::from(self.position.partition.index),
            seq: self.position.seq,
            epoch: self.epoch,
            command_id: self.command_id.clone(),
            command: self.command.clone(),
            stream: self.stream.clone(),
            stream_version_before: self.stream_version_before,
            decided_against: self.decided_against.to_wire(),
            recorded_at: self.recorded_at.to_wire(),
            effective_at: self.effective_at.to_wire(),
            actor: self.actor.to_wire(),
            rejection,
            events,
            previous_root: self.previous_root.map(|root| root.to_vec()).unwrap_or_default(),
            source: self.source.as_ref().map(Wire::to_wire),
        }
    }

    fn from_wire(p: pb::Commit) -> Result<Self, FieldError> {
        let body = match (p.rejection, p.events) {
            (Some(rejection), events) if events.is_empty() => {
                Body::Rejected(Wire::from_wire(rejection).map_err(|e: FieldError| e.within("rejection"))?)
            }
            (Some(_), _) => return Err(FieldError::new("a rejected command has no events").within("events")),
            (None, events) => match events::as_writer_started(&events) {
                Some(writer_id) => Body::WriterStarted { writer_id: writer_id.to_owned() },
                None => Body::Accepted(Wire::from_wire(events).map_err(|e: FieldError| e.within("events"))?),
            },
        };
        Ok(Self {
            position: position(p.family, p.partition, p.seq)?,
            epoch: p.epoch,
            command_id: p.command_id,
            command: p.command,
            stream: p.stream,
            stream_version_before: p.stream_version_before,
            decided_against: Wire::from_wire(p.decided_against).map_err(|e: FieldError| e.within("decided_against"))?,
            recorded_at: Wire::from_wire(p.recorded_at).map_err(|e: FieldError| e.within("recorded_at"))?,
            effective_at: Wire::from_wire(p.effective_at).map_err(|e: FieldError| e.within("effective_at"))?,
            actor: Wire::from_wire(p.actor).map_err(|e: FieldError| e.within("actor"))?,
            body,
            previous_root: root(&p.previous_root)?,
            source: p.source.map(Wire::from_wire).transpose().map_err(|e: FieldError| e.within("source"))?,
        })
    }
}

fn root(bytes: &[u8]) -> Result<Option<Hash>, FieldError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let root = bytes.try_into().map_err(|_| FieldError::new("must be empty or 32 bytes").within("previous_root"))?;
    Ok(Some(root))
}

fn position(family: i32, partition: u32, seq: u64) -> Result<Position, FieldError> {
    let family = Wire::from_wire(family).map_err(|e: FieldError| e.within("family"))?;
    let index = u16::try_from(partition).map_err(|_| FieldError::new("must be below 65536").within("partition"))?;
    Ok(Position { partition: PartitionId::new(family, index), seq })
}

impl Wire<pbc::Position> for Position {
    fn to_wire(&self) -> pbc::Position {
        pbc::Position {
            family: self.partition.family.to_wire(),
            partition: u32::from(self.partition.index),
            seq: self.seq,
        }
    }

    fn from_wire(p: pbc::Position) -> Result<Self, FieldError> {
        position(p.family, p.partition, p.seq)
    }
}

impl Wire<pbc::Rejection> for Rejection {
    fn to_wire(&self) -> pbc::Rejection {
        pbc::Rejection {
            reason: self.reason.code().to_owned(),
            message: self.message.clone(),
            metadata: self.metadata.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
        }
    }

    fn from_wire(p: pbc::Rejection) -> Result<Self, FieldError> {
        let reason = Reason::from_code(&p.reason).ok_or_else(|| {
            FieldError::new(format!("{} is not a reason this version knows", p.reason)).within("reason")
        })?;
        Ok(Self { reason, message: p.message, metadata: p.metadata.into_iter().collect() })
    }
}

impl Wire<pbc::Actor> for Actor {
    fn to_wire(&self) -> pbc::Actor {
        pbc::Actor { principal: self.principal.clone(), channel: self.channel.clone() }
    }

    fn from_wire(p: pbc::Actor) -> Result<Self, FieldError> {
        Ok(Self { principal: p.principal, channel: p.channel })
    }
}

impl Wire<pb::Source> for Source {
    fn to_wire(&self) -> pb::Source {
        pb::Source { topic: self.topic.clone(), partition: self.partition, offset: self.offset }
    }

    fn from_wire(p: pb::Source) -> Result<Self, FieldError> {
        Ok(Self { topic: p.topic, partition: p.partition, offset: p.offset })
    }
}
