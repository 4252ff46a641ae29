//! The stored form of a commit, and the wire form of commands: typed values to protobuf and back.
//!
//! One line per message: the macros below convert field by field, the field's type says how. A value that does not fit is a
//! [`FieldError`] that names the field.

mod commands;
mod events;
#[cfg(test)]
pub(crate) mod examples;
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
use subledger_domain::{Event, Reason, Rejection};
use subledger_proto::{common as pbc, log as pb};

pub use commands::{Envelope, decode_command};
pub use field::{FieldError, Wire};
pub use head::{Head, decode_head};
pub use json::{JsonError, command_from_json, to_json};

use crate::{
    Actor, Body, Commit, Family, PartitionId, Position, Source,
    personal::{self, KeyError, Keys, NoKeys, Opened, Place, fields},
    tree::Hash,
};

/// Stored bytes that are not a commit this version can read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not protobuf, or not of this shape.
    #[error("not a commit: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// A field has a value this version does not know.
    #[error("commit with an unreadable field: {0}")]
    Field(#[from] FieldError),
    /// Its personal values cannot be opened.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

/// The bytes to store, where no keys are kept.
pub fn encode(commit: &Commit) -> Vec<u8> {
    Wire::<pb::Commit>::to_wire(commit).encode_to_vec()
}

/// The bytes to store, with personal values sealed. False if they were not kept, because the customer was erased.
pub fn seal(commit: &Commit, keys: &dyn Keys) -> Result<(Vec<u8>, bool), KeyError> {
    let mut wire: pb::Commit = commit.to_wire();
    let kept = personal::seal(&mut wire, commit.partition(), keys)?;
    Ok((wire.encode_to_vec(), kept))
}

/// Reads stored bytes; sealed values stay so.
pub fn decode(bytes: &Bytes) -> Result<Commit, DecodeError> {
    open(bytes, &NoKeys)
}

/// Reads stored bytes, and opens what is sealed in them.
pub fn open(bytes: &Bytes, keys: &dyn Keys) -> Result<Commit, DecodeError> {
    Ok(Commit::from_wire(open_stored(bytes, keys)?.0)?)
}

/// [`open`], by who gave the bytes.
pub fn open_as(bytes: &Bytes, opened: Opened) -> Result<Commit, DecodeError> {
    let mut wire = pb::Commit::decode(bytes.clone())?;
    if wire.sealed.take().is_some() {
        personal::open(&mut wire, opened)?;
    }
    Ok(Commit::from_wire(wire)?)
}

/// The stored form with its values in their places, and what came of opening; none if nothing is sealed.
pub fn open_stored(bytes: &Bytes, keys: &dyn Keys) -> Result<(pb::Commit, Option<Opened>), DecodeError> {
    let mut wire = pb::Commit::decode(bytes.clone())?;
    let Some(sealed) = wire.sealed.take() else { return Ok((wire, None)) };
    let opened = {
        let partition = position(wire.family, wire.partition, wire.seq)?.partition;
        keys.open(&Place { partition, stream: &wire.stream, command_id: &wire.command_id }, &sealed)?
    };
    personal::open(&mut wire, opened.clone())?;
    Ok((wire, Some(opened)))
}

/// How a stored commit of a customer has personal values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonalValues {
    /// It has none.
    None,
    /// As they are: written where no keys were kept.
    Plain,
    /// Sealed.
    Sealed,
}

/// How stored bytes have personal values.
pub fn personal_values(bytes: &Bytes) -> Result<PersonalValues, DecodeError> {
    let mut wire = pb::Commit::decode(bytes.clone())?;
    if wire.sealed.is_some() {
        return Ok(PersonalValues::Sealed);
    }
    Ok(if personal::has_values(&mut wire) { PersonalValues::Plain } else { PersonalValues::None })
}

/// Whether anything is sealed in stored bytes. Decodes nothing.
pub fn is_sealed(bytes: &[u8]) -> bool {
    fields::is_sealed(bytes)
}

/// Whether stored bytes erase who their customer is. Decodes nothing.
pub fn erases(bytes: &[u8]) -> bool {
    fields::erases(bytes)
}

/// Whether a personal value of a commit cannot be read.
pub fn is_withheld(commit: &Commit) -> bool {
    if commit.partition().family != Family::Customers {
        return false;
    }
    let of_outcome = match &commit.body {
        Body::Accepted(events) => {
            let personal = events.iter().filter(|event| fields::is_personal_event(event.name()));
            let events: Vec<pb::Event> = personal.map(Wire::to_wire).collect();
            fields::any_withheld(&events)
        }
        Body::Rejected(rejection) => subledger_domain::personal::is_withheld(&rejection.message),
        Body::WriterStarted { .. } => false,
    };
    of_outcome || fields::withheld(&commit.command).is_some()
}

/// The events with their personal values masked: two that say the same of everything else are equal then.
pub fn masked(events: &[Event]) -> Vec<Event> {
    let mut wire: Vec<pb::Event> = events.iter().map(Wire::to_wire).collect();
    fields::mask(&mut wire);
    wire.into_iter().zip(events).map(|(wire, event)| Event::from_wire(wire).unwrap_or_else(|_| event.clone())).collect()
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
            sealed: None,
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
