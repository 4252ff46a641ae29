//! Which commits something is the sum of, so that a look back knows whether all of it, some or none was recorded by then.

use serde::{Deserialize, Serialize};
use subledger_domain::position::{PartitionId, Position};

use crate::as_of::Horizon;

/// By partition of the log, in order: the first and the last commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach(Vec<Span>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Span {
    partition: PartitionId,
    first: u64,
    last: u64,
}

/// How much was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Everything.
    All,
    /// Perhaps some of it.
    Part,
    /// Nothing.
    None,
}

impl Reach {
    /// Adds a commit.
    pub fn add(&mut self, position: Position) {
        let Position { partition, seq } = position;
        match self.0.binary_search_by_key(&partition, |span| span.partition) {
            Ok(at) => {
                let span = &mut self.0[at];
                (span.first, span.last) = (span.first.min(seq), span.last.max(seq));
            }
            Err(at) => self.0.insert(at, Span { partition, first: seq, last: seq }),
        }
    }

    /// How much was recorded by then.
    pub fn known(&self, horizon: &Horizon) -> Known {
        let position = |partition, seq| Position { partition, seq };
        if self.0.iter().all(|span| horizon.knows(position(span.partition, span.last))) {
            Known::All
        } else if self.0.iter().any(|span| horizon.knows(position(span.partition, span.first))) {
            Known::Part
        } else {
            Known::None
        }
    }
}
