//! What callers did: refused calls, reads that need an account, and how many calls there were with and without a second factor
//! (reports-partners-security.md 2.19, 2.21). Alike ones are one row with a count, so that a flood is a number.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Command, Context, Event, Rejection, check,
    event::AccessRecorded,
    ids::{CustomerId, PartnerId},
};

/// Rows of one command.
pub const ROWS_MAX: usize = 1_000;

/// What became of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AccessOutcome {
    /// They were not let through.
    Refused,
    /// They were, and somebody must be able to ask why.
    Privileged,
    /// They were counted, whatever became of them.
    Counted,
}

/// Calls that are alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRow {
    /// What became of them.
    pub outcome: AccessOutcome,
    /// Who called, as commits name it; empty for nobody known.
    pub principal: String,
    /// `user`, `app`, `app_and_user` or `vendor`; empty for nobody known.
    pub kind: String,
    /// The application that called.
    pub application: Option<String>,
    /// Whether a second factor was shown.
    pub second_factor: bool,
    /// The operation, as the permission matrix names it; empty for all.
    pub operation: String,
    /// The reason of a refusal; what the caller said of a read.
    pub reason: Option<String>,
    /// In whose account the caller acted.
    pub partner_id: Option<PartnerId>,
    /// About whom.
    pub customer_id: Option<CustomerId>,
    /// The address they came from.
    pub from: Option<String>,
    /// The first of them, UTC.
    pub first_at: DateTime<Utc>,
    /// The last of them, UTC.
    pub last_at: DateTime<Utc>,
    /// How many.
    pub count: u32,
}

/// Takes what the ledger says of its callers.
pub fn decide(command: &Command, context: &Context) -> Result<Vec<Event>, Rejection> {
    check::time(context)?;
    let Command::RecordAccess(command) = command else { return Err(check::misdirected("access")) };
    check::count("rows", command.rows.len(), ROWS_MAX)?;
    for (n, row) in command.rows.iter().enumerate() {
        let field = |name: &str| format!("rows[{n}].{name}");
        let texts =
            [("principal", Some(&row.principal)), ("operation", Some(&row.operation)), ("reason", row.reason.as_ref())];
        for (name, text) in texts {
            text.map_or(Ok(()), |text| check::optional(&field(name), text))?;
        }
        if row.count == 0 || row.last_at < row.first_at {
            return Err(check::invalid(&field("count"), "At least one call, the last not before the first"));
        }
    }
    Ok(vec![AccessRecorded { rows: command.rows.clone() }.into()])
}
