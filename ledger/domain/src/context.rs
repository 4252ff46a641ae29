//! What a decision may know besides the state: time, and a seed for ids.

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use crate::ids::CommandId;

/// The circumstances of one decision. Everything in it is recorded with the commit, so the decision can be repeated.
#[derive(Clone, Debug)]
pub struct Context {
    /// Names new things: ids are derived from it.
    pub command_id: CommandId,
    /// When the command takes effect, UTC.
    pub effective_at: DateTime<Utc>,
    /// When it is recorded, UTC. No rule depends on it but "not in the future".
    pub recorded_at: DateTime<Utc>,
}

impl Context {
    /// The UTC day on which the command takes effect.
    pub fn effective_on(&self) -> NaiveDate {
        self.effective_at.date_naive()
    }

    /// A new id, the same for the same command, `kind` and `index`: a UUID version 5 in text form.
    pub fn new_id(&self, kind: &str, index: usize) -> String {
        let name = ["subledger/", kind, "/", self.command_id.as_str(), "/", &index.to_string()].concat();
        let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).hyphenated();
        id.encode_lower(&mut Uuid::encode_buffer()).to_owned()
    }
}
