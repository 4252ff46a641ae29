//! What changed between two moments, and by which commits: the same of every read model.

use chrono::{DateTime, Utc};
use subledger_domain::position::Position;

use crate::StoreError;

/// Commits named for one change at most: the first ones.
pub const CAUSES_MAX: usize = 100;

/// A commit that changed something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Where it stands.
    pub position: Position,
    /// Its command.
    pub command_id: String,
    /// Who sent the command.
    pub principal: String,
    /// How it came.
    pub channel: String,
    /// When it took effect, UTC.
    pub effective_at: DateTime<Utc>,
    /// When it was recorded, UTC.
    pub recorded_at: DateTime<Utc>,
    /// Names of its events, in order, each once; without charges and periods.
    pub events: Vec<String>,
}

/// A change with what made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change<T> {
    /// What changed.
    pub what: T,
    /// The commits of one of the moments and not of the other, in order; the first [`CAUSES_MAX`].
    pub causes: Vec<Cause>,
    /// Commits beyond those.
    pub causes_left_out: u64,
}

impl<T> Change<T> {
    /// Made by the commits at these positions, in their order; `find` tells of each what is known.
    pub fn new(
        what: T,
        positions: Vec<Position>,
        find: impl Fn(Position) -> Result<Option<Cause>, StoreError>,
    ) -> Result<Self, StoreError> {
        let causes_left_out = positions.len().saturating_sub(CAUSES_MAX) as u64;
        let found = positions.into_iter().take(CAUSES_MAX).map(find).filter_map(Result::transpose);
        Ok(Self { what, causes: found.collect::<Result<_, _>>()?, causes_left_out })
    }
}
