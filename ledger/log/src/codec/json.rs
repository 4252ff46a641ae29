//! The JSON form of messages: the canonical mapping of protobuf, with the field names of the proto files. Unknown fields are errors.

use prost::Message;
use prost_reflect::{DynamicMessage, ReflectMessage as _, SerializeOptions};
use subledger_proto::{POOL, api};

use super::{FieldError, json_fault};

/// A text that is not the JSON form of a message: the field at fault, what was found there and what would be accepted, or where the
/// text ceases to be JSON.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(FieldError);

impl JsonError {
    fn new(what: impl std::fmt::Display) -> Self {
        Self(FieldError::new(what))
    }
}

/// Reads a command, such as `{"command_id": "c-1", "close_day": {"date": "2018-01-31"}}`.
pub fn command_from_json(text: &str) -> Result<api::Command, JsonError> {
    let descriptor = POOL.get_message_by_name("subledger.v1.Command").ok_or_else(|| JsonError::new("no descriptor"))?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = DynamicMessage::deserialize(descriptor.clone(), &mut deserializer)
        .and_then(|message| deserializer.end().map(|()| message));
    // The reader's own error tells a line and a column, but neither the field nor what would be accepted.
    let message = read.map_err(|error| match serde_json::from_str(text) {
        Ok(value) => json_fault::find(&descriptor, &value).map_or_else(|| JsonError::new(error), JsonError),
        Err(error) => JsonError::new(format!("not JSON: {error}; accepted is an object with fields of Command")),
    })?;
    message.transcode_to().map_err(JsonError::new)
}

/// The JSON form of a message of the given full name, such as `subledger.log.v1.Commit`.
pub fn to_json(name: &str, message: &impl Message) -> Result<serde_json::Value, JsonError> {
    let descriptor = POOL.get_message_by_name(name).ok_or_else(|| JsonError::new(format!("no message {name}")))?;
    let dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice()).map_err(JsonError::new)?;
    debug_assert_eq!(dynamic.descriptor().full_name(), name);
    let options = SerializeOptions::new().use_proto_field_name(true).stringify_64_bit_integers(true);
    dynamic.serialize_with_options(serde_json::value::Serializer, &options).map_err(JsonError::new)
}
