//! The process manager of partners' standing: a pure function from rows to the reviews that are due (billing-details.md C23).
//!
//! As with invoices, the commands and their ids follow from the rows. A review is due once the day on which something becomes overdue,
//! or too long overdue, is closed in all partitions; it makes the standing worse, which plans the next one.

use chrono::{DateTime, NaiveTime, Utc};
use subledger_domain::{
    command::ReviewStanding,
    ids::{CommandId, ID_LENGTH_MAX},
};
use subledger_fold::{Rows, StoreError};

use crate::{
    issue::hash_digits,
    tables::{markers, standings},
};

/// Partners that one call of [`due_reviews`] looks at; the oldest due come first, the rest with later calls.
pub const REVIEWS_PER_CALL_MAX: usize = 1_000;

/// A review to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueReview {
    /// Derived from partner and day: a repetition has no effect.
    pub command_id: CommandId,
    /// 00:00 UTC after the day.
    pub effective_at: DateTime<Utc>,
    /// The command.
    pub command: ReviewStanding,
}

/// The reviews whose day is closed in all `customers_partitions` partitions.
pub fn due_reviews(rows: &dyn Rows, customers_partitions: u16) -> Result<Vec<DueReview>, StoreError> {
    let Some(closed_through) = markers::closed_through(rows, customers_partitions)? else {
        return Ok(Vec::new());
    };
    let due = standings::reviews(rows, closed_through, REVIEWS_PER_CALL_MAX)?;
    due.into_iter().map(|(date, partner_id)| review(ReviewStanding { partner_id, date })).collect()
}

/// `std:{partner}:{date}`; with a long partner id `stdh:` and 40 digits of its SHA-256 in its place.
fn review(command: ReviewStanding) -> Result<DueReview, StoreError> {
    let ReviewStanding { partner_id, date } = &command;
    let mut id = format!("std:{partner_id}:{date}");
    if id.len() > ID_LENGTH_MAX {
        id = format!("stdh:{}:{date}", hash_digits(partner_id));
    }
    let command_id = CommandId::new(id).map_err(|error| StoreError(error.to_string()))?;
    let effective_at = date.succ_opt().unwrap_or(*date).and_time(NaiveTime::MIN).and_utc();
    Ok(DueReview { command_id, effective_at, command })
}
