//! A command on its way to a writer.

use bytes::Bytes;
use prost::Message as _;
use subledger_log::{
    Actor, Source,
    codec::{Envelope, FieldError, decode_command},
    personal::{ERASED, SEALED, fields::withheld},
};
use subledger_proto::api;

/// A checked command with its bytes and its sender.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The command.
    pub envelope: Envelope,
    /// The command as received: what is stored, and what "the same content" means.
    pub bytes: Bytes,
    /// Who sent it.
    pub actor: Actor,
    /// The topic it came from.
    pub source: Option<Source>,
}

impl Submission {
    /// Checks the fields of a command.
    pub fn new(command: api::Command, actor: Actor, source: Option<Source>) -> Result<Self, FieldError> {
        let bytes = Bytes::from(command.encode_to_vec());
        if let Some(field) = withheld(&bytes) {
            let what = format!("{ERASED} and {SEALED} stand for values that cannot be read; give the value itself");
            return Err(FieldError::new(what).within(&field));
        }
        Ok(Self { envelope: decode_command(command)?, bytes, actor, source })
    }
}
