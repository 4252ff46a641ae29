//! The catalog: offers, prices, business days. One stream, one partition.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{Command, Context, Event, Rejection};

/// The catalog's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    last_closed: Option<NaiveDate>,
}

impl Catalog {
    /// The last business day that is over; none before the first.
    pub fn last_closed(&self) -> Option<NaiveDate> {
        self.last_closed
    }

    /// The first business day that was closed.
    pub fn first_closed(&self) -> Option<NaiveDate> {
        self.last_closed
    }

    /// Decides a command about the catalog.
    pub fn decide(&self, _command: &Command, _context: &Context) -> Result<Vec<Event>, Rejection> {
        Ok(Vec::new())
    }

    /// Applies an event of the catalog.
    pub fn evolve(&mut self, _event: &Event) {}
}
