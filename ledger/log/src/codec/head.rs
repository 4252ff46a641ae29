//! What a reader must know of a record to admit it and to find its way, without its events: they are most of the bytes, and most of the
//! time that decoding takes.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use prost::Message as _;
use subledger_proto::{common as pbc, log as pb};

use super::{DecodeError, FieldError, Wire, position, root};
use crate::{Position, tree::Hash};

/// The beginning of a commit, and the frame of the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Where it stands.
    pub position: Position,
    /// Of the writer.
    pub epoch: u64,
    /// Its stream, as bytes of UTF-8; empty for the partition itself.
    pub stream: Bytes,
    /// When it was recorded, UTC.
    pub recorded_at: DateTime<Utc>,
    /// Root over the partition before the block that begins here; none inside a block.
    pub previous_root: Option<Hash>,
    /// Whether it begins an epoch.
    pub is_writer_started: bool,
}

/// [`pb::Commit`] without what is not looked at; events and rejection are slices of the record.
#[derive(Clone, PartialEq, prost::Message)]
struct Frame {
    #[prost(enumeration = "pbc::Family", tag = "1")]
    family: i32,
    #[prost(uint32, tag = "2")]
    partition: u32,
    #[prost(uint64, tag = "3")]
    seq: u64,
    #[prost(uint64, tag = "4")]
    epoch: u64,
    #[prost(bytes = "bytes", tag = "7")]
    stream: Bytes,
    #[prost(message, optional, tag = "10")]
    recorded_at: Option<prost_types::Timestamp>,
    #[prost(bytes = "bytes", optional, tag = "13")]
    rejection: Option<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "14")]
    events: Vec<Bytes>,
    #[prost(bytes = "bytes", tag = "15")]
    previous_root: Bytes,
}

/// The first field of [`pb::Event`], which is how most are told from a `WriterStarted` without decoding them.
#[derive(Clone, PartialEq, prost::Message)]
struct EventFrame {
    #[prost(bytes = "bytes", optional, tag = "1")]
    writer_started: Option<Bytes>,
}

/// Reads the head of stored bytes. What it does not look at may be malformed: whoever needs the rest decodes the whole.
pub fn decode_head(bytes: &Bytes) -> Result<Head, DecodeError> {
    let frame = Frame::decode(bytes.clone())?;
    if frame.rejection.is_some() && !frame.events.is_empty() {
        return Err(FieldError::new("a rejected command has no events").within("events").into());
    }
    Ok(Head {
        position: position(frame.family, frame.partition, frame.seq)?,
        epoch: frame.epoch,
        recorded_at: Wire::from_wire(frame.recorded_at).map_err(|error: FieldError| error.within("recorded_at"))?,
        previous_root: root(&frame.previous_root)?,
        is_writer_started: is_writer_started(&frame.events)?,
        stream: frame.stream,
    })
}

fn is_writer_started(events: &[Bytes]) -> Result<bool, DecodeError> {
    let [event] = events else { return Ok(false) };
    if EventFrame::decode(event.clone())?.writer_started.is_none() {
        return Ok(false);
    }
    Ok(matches!(pb::Event::decode(event.clone())?.body, Some(pb::event::Body::WriterStarted(_))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, Body, Commit, Family, PartitionId, codec};

    fn commit(body: Body) -> Commit {
        let at = DateTime::from_timestamp(1_517_400_000, 7).unwrap();
        Commit {
            position: Position { partition: PartitionId::new(Family::Customers, 1), seq: 3 },
            epoch: 2,
            command_id: "c-1".into(),
            command: Bytes::from_static(b"as received"),
            stream: "contoso".into(),
            stream_version_before: 1,
            decided_against: vec![Position { partition: PartitionId::CATALOG, seq: 7 }],
            recorded_at: at,
            effective_at: at,
            actor: Actor { principal: "p".into(), channel: "grpc".into() },
            body,
            previous_root: Some([7; 32]),
            source: None,
        }
    }

    #[test]
    fn the_head_is_the_commits() {
        let events = codec::examples::events().into_iter().map(|event| Body::Accepted(vec![event]));
        let others = [Body::Accepted(Vec::new()), Body::WriterStarted { writer_id: "w-1".into() }];
        for commit in events.chain(others).map(commit) {
            let head = decode_head(&codec::encode(&commit).into()).unwrap();
            let expected = Head {
                position: commit.position,
                epoch: commit.epoch,
                stream: commit.stream.clone().into(),
                recorded_at: commit.recorded_at,
                previous_root: commit.previous_root,
                is_writer_started: commit.is_writer_started(),
            };
            assert_eq!(head, expected, "{commit:?}");
        }
    }
}
