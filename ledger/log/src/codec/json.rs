//! The JSON form of messages: the canonical mapping of protobuf, with the field names of the proto files. Unknown fields are errors.

use prost::Message;
use prost_reflect::{DynamicMessage, ReflectMessage as _, SerializeOptions};
use subledger_proto::{POOL, api};

/// A text that is not the JSON form of a message.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(String);

/// Reads a command, such as `{"command_id": "c-1", "close_day": {"date": "2018-01-31"}}`.
pub fn command_from_json(text: &str) -> Result<api::Command, JsonError> {
    let descriptor =
        POOL.get_message_by_name("subledger.v1.Command").ok_or_else(|| JsonError("no descriptor".into()))?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let message =
        DynamicMessage::deserialize(descriptor, &mut deserializer).map_err(|error| JsonError(error.to_string()))?;
    deserializer.end().map_err(|error| JsonError(error.to_string()))?;
    message.transcode_to().map_err(|error| JsonError(error.to_string()))
}

/// The JSON form of a message of the given full name, such as `subledger.log.v1.Commit`.
pub fn to_json(name: &str, message: &impl Message) -> Result<serde_json::Value, JsonError> {
    let descriptor = POOL.get_message_by_name(name).ok_or_else(|| JsonError(format!("no message {name}")))?;
    let dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())
        .map_err(|error| JsonError(error.to_string()))?;
    debug_assert_eq!(dynamic.descriptor().full_name(), name);
    let options = SerializeOptions::new().use_proto_field_name(true).stringify_64_bit_integers(true);
    dynamic
        .serialize_with_options(serde_json::value::Serializer, &options)
        .map_err(|error| JsonError(error.to_string()))
}
