//! What the roles on Kafka share: the log, the form of commands and outcomes on their topics.

pub(crate) mod host;
pub(crate) mod ingress;
pub(crate) mod intake;
mod outcomes;
pub(crate) mod router;

use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use subledger_domain::command::Target;
use subledger_log::{
    Actor, Log as _, PartitionId,
    kafka::{
        KafkaLog,
        topics::{CloudEvent, Destination, Headers, OutgoingRecord},
    },
    personal::KeyStore,
};
use subledger_proto::api;
use subledger_writer::Submission;
use tokio_util::sync::CancellationToken;

use crate::{config::Config, patience::once_log_answers};

/// `ce_type` of a command.
pub(crate) const COMMAND_KIND: &str = "subledger.v1.Command";
/// `ce_type` of an outcome.
pub(crate) const OUTCOME_KIND: &str = "subledger.v1.Outcome";
/// `content-type` of protobuf.
pub(crate) const PROTOBUF: &str = "application/protobuf";
/// `content-type` of JSON.
pub(crate) const JSON: &str = "application/json";
/// Header: who sent a command to a gateway, as the gateway knows it.
pub(crate) const PRINCIPAL_HEADER: &str = "subledger_principal";
/// Header: how it came there.
pub(crate) const CHANNEL_HEADER: &str = "subledger_channel";
/// Channels that a header may name; anything else came by Kafka.
const CHANNELS: &[&str] = &["grpc", "clock", "projector"];

/// Opens the log, waiting until the brokers answer. None if told to stop meanwhile.
pub(crate) async fn open(config: &Config, stop: &CancellationToken) -> anyhow::Result<Option<Arc<KafkaLog>>> {
    let options = config.kafka.options();
    let log = once_log_answers(stop, move || Ok(KafkaLog::open(options.clone())?)).await?;
    log.map(|log| with_keys(log, config).map(Arc::new)).transpose()
}

/// Gives the log the keys of personal values that the settings name.
pub(crate) fn with_keys(log: KafkaLog, config: &Config) -> anyhow::Result<KafkaLog> {
    let Some(open) = config.named_customer_keys(log.ledger_id())? else {
        tracing::warn!(
            "customer_keys.dir is not set: personal values of customers are stored in plain and can never be erased, and what other \
             processes sealed reads as (sealed)"
        );
        return Ok(log);
    };
    let keys = KeyStore::open_or_create(open)?;
    Ok(log.with_keys(Arc::new(keys)))
}

/// A command on its way to the writer of its partition.
pub(crate) fn command_record(submission: &Submission, partition: PartitionId) -> OutgoingRecord {
    let event = CloudEvent {
        id: submission.envelope.command_id.to_string(),
        kind: COMMAND_KIND.into(),
        source: "/subledger/gateway".into(),
        time: None,
        content_type: PROTOBUF.into(),
    };
    OutgoingRecord {
        destination: Destination::Commands,
        partition: Some(u32::from(partition.index)),
        key: key_of(submission),
        payload: submission.bytes.clone(),
        headers: event
            .headers()
            .with(PRINCIPAL_HEADER, submission.actor.principal.clone())
            .with(CHANNEL_HEADER, submission.actor.channel.clone()),
    }
}

/// What the key of a command's records is.
pub(crate) fn key_of(submission: &Submission) -> Bytes {
    match submission.envelope.command.target() {
        Target::Catalog | Target::CustomersPartition | Target::Access => Bytes::from_static(b"catalog"),
        Target::Partner(id) => Bytes::copy_from_slice(id.as_str().as_bytes()),
        Target::Customer(id) => Bytes::copy_from_slice(id.as_str().as_bytes()),
    }
}

/// Who sent a record of the commands topic.
pub(crate) fn actor_of(headers: &Headers) -> Actor {
    let source = headers.text("ce_source").unwrap_or("kafka");
    let channel = headers.text(CHANNEL_HEADER).filter(|channel| CHANNELS.contains(channel)).unwrap_or("kafka");
    let principal = headers.text(PRINCIPAL_HEADER).filter(|_| channel != "kafka").unwrap_or(source);
    Actor { principal: principal.to_owned(), channel: channel.to_owned() }
}

/// An outcome for those who follow the topic.
pub(crate) fn outcome_record(key: Bytes, outcome: &api::Outcome) -> OutgoingRecord {
    let event = CloudEvent {
        id: outcome.command_id.clone(),
        kind: OUTCOME_KIND.into(),
        source: "/subledger/writer".into(),
        time: None,
        content_type: PROTOBUF.into(),
    };
    OutgoingRecord {
        destination: Destination::Outcomes,
        partition: None,
        key,
        payload: outcome.encode_to_vec().into(),
        headers: event.headers(),
    }
}
