//! From a record of the commands topic to a submission, or to the dead letters.

use prost::Message as _;
use subledger_log::{
    Layout, PartitionId, Source,
    codec::command_from_json,
    kafka::topics::{Destination, IncomingRecord, OutgoingRecord},
};
use subledger_proto::api;
use subledger_writer::{Submission, stream_of};

use super::{JSON, PROTOBUF, actor_of, key_of};

/// Header of a dead letter: why it could not be taken.
pub(crate) const REASON_HEADER: &str = "subledger_reason";
/// Header of a dead letter: where it stood.
pub(crate) const ORIGIN_HEADER: &str = "subledger_origin";

/// What to do with a record.
pub(crate) enum Taken {
    /// Submit it.
    Command(Box<Submission>),
    /// It belongs to another partition: publish it there.
    Elsewhere(OutgoingRecord),
    /// It cannot be understood.
    DeadLetter(OutgoingRecord),
}

/// Decodes a record.
pub(crate) fn take(record: IncomingRecord, topic: &str, layout: Layout) -> Taken {
    let submission = match decode(&record, topic) {
        Ok(submission) => submission,
        Err(reason) => return Taken::DeadLetter(dead_letter(record, topic, reason)),
    };
    let command = &submission.envelope.command;
    tracing::debug!(command_id = %submission.envelope.command_id, partition = record.partition, offset = record.offset, "taken");
    match stream_of(layout, command).filter(|_| !command.is_reserved()) {
        // Answered as refused by whoever submits it.
        None => Taken::Command(Box::new(submission)),
        Some((_, partition)) if u32::from(partition.index) == record.partition => Taken::Command(Box::new(submission)),
        Some((_, partition)) => Taken::Elsewhere(moved(record, &submission, partition)),
    }
}

fn decode(record: &IncomingRecord, topic: &str) -> Result<Submission, String> {
    let kind = record.headers.text("content-type").unwrap_or_default();
    let command = if kind.starts_with(JSON) || (kind.is_empty() && record.payload.starts_with(b"{")) {
        let text = std::str::from_utf8(&record.payload).map_err(|error| format!("not UTF-8: {error}"))?;
        command_from_json(text).map_err(|error| format!("not a command: {error}"))?
    } else if kind.is_empty() || kind.starts_with(PROTOBUF) || kind.starts_with("application/x-protobuf") {
        api::Command::decode(record.payload.clone()).map_err(|error| format!("not a command in protobuf: {error}"))?
    } else {
        return Err(format!("content-type is {kind}; {PROTOBUF} and {JSON} are understood"));
    };
    let source = Source { topic: topic.to_owned(), partition: record.partition, offset: record.offset };
    Submission::new(command, actor_of(&record.headers), Some(source)).map_err(|error| error.to_string())
}

fn moved(record: IncomingRecord, submission: &Submission, partition: PartitionId) -> OutgoingRecord {
    OutgoingRecord {
        destination: Destination::Commands,
        partition: Some(u32::from(partition.index)),
        key: key_of(submission),
        payload: record.payload,
        headers: record.headers,
    }
}

fn dead_letter(record: IncomingRecord, topic: &str, reason: String) -> OutgoingRecord {
    let origin = format!("{topic}/{}@{}", record.partition, record.offset);
    tracing::warn!(origin, reason, "a record is no command and goes to the dead letters");
    metrics::counter!("subledger_dead_letters_total").increment(1);
    OutgoingRecord {
        destination: Destination::DeadLetters,
        partition: None,
        key: record.key.unwrap_or_default(),
        payload: record.payload,
        headers: record.headers.with(REASON_HEADER, reason).with(ORIGIN_HEADER, origin),
    }
}
