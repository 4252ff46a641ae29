//! What happened.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use subledger_domain::{compact, position::Position};

/// Something that happened to a customer, or was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// The customer.
    pub customer_id: String,
    /// The commit.
    pub position: Position,
    /// Its command.
    pub command_id: String,
    /// When it took effect, UTC.
    #[serde(with = "compact::instant")]
    pub effective_at: DateTime<Utc>,
    /// When it was recorded, UTC.
    #[serde(with = "compact::instant")]
    pub recorded_at: DateTime<Utc>,
    /// Who sent the command.
    pub principal: String,
    /// How it came.
    pub channel: String,
    /// The event's name, or `rejected`.
    pub action: String,
    /// What it was about: a subscription, partner, order, transfer or customer id.
    pub subject: String,
    /// The reason of a refusal; before and after of a change.
    pub detail: String,
}
