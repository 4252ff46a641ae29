//! The commits that changed enrollments, closed months, payments and disputes.
//!
//! Key: family (1 byte), partition (2 bytes), `seq` (8 bytes).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use subledger_domain::{
    Event,
    position::{Family, Position},
};
use subledger_fold::{Changes, Key, Recorded, Rows, StoreError};

use super::prefix::CAUSES;

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cause {
    pub(crate) command_id: String,
    pub(crate) principal: String,
    pub(crate) channel: String,
    pub(crate) effective_at: DateTime<Utc>,
    pub(crate) recorded_at: DateTime<Utc>,
    /// Names of its events that are told here, in order, each once.
    pub(crate) events: Vec<String>,
}

fn key(position: Position) -> Vec<u8> {
    let family = match position.partition.family {
        Family::Catalog => 1,
        Family::Partners => 2,
        Family::Customers => 3,
        Family::Access => 4,
    };
    Key::table(CAUSES).byte(family).u16(position.partition.index).number(position.seq).build()
}

/// Whether changes name the commits of an event.
fn is_told(event: &Event) -> bool {
    matches!(
        event,
        Event::IncentiveEnrollmentChanged(_)
            | Event::EarningsClosed(_)
            | Event::IncentivePaymentOrdered(_)
            | Event::IncentivePaymentStatusChanged(_)
            | Event::TaxInvoiceSubmitted(_)
            | Event::EarningDisputed(_)
            | Event::EarningDisputeDecided(_)
            | Event::EarnedCreditDisputed(_)
            | Event::EarnedCreditDisputeDecided(_)
            | Event::EarnedCreditDisputeWithdrawn(_)
    )
}

/// Keeps a commit, if changes name it.
pub(crate) fn note(rows: &mut dyn Changes, commit: &Recorded<'_>) -> Result<(), StoreError> {
    let mut events: Vec<String> = Vec::new();
    for event in commit.outcome.unwrap_or_default().iter().filter(|event| is_told(event)) {
        if !events.iter().any(|name| name == event.name()) {
            events.push(event.name().to_owned());
        }
    }
    if events.is_empty() {
        return Ok(());
    }
    let row = Cause {
        command_id: commit.command_id.to_owned(),
        principal: commit.principal.to_owned(),
        channel: commit.channel.to_owned(),
        effective_at: commit.effective_at,
        recorded_at: commit.recorded_at,
        events,
    };
    subledger_fold::put(rows, key(commit.position), &row)
}

/// The commit at a position, if it was kept.
pub(crate) fn cause(rows: &dyn Rows, position: Position) -> Result<Option<Cause>, StoreError> {
    subledger_fold::get(rows, &key(position))
}
