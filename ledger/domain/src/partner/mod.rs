//! Partners: accounts, billing day, currency, issued invoices. One stream each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Command, Context, Event, Rejection, ids::PartnerId};

/// One partner's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partner {}

/// All partners.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partners {
    partners: BTreeMap<PartnerId, Partner>,
}

impl Partners {
    /// One partner.
    pub fn get(&self, id: &PartnerId) -> Option<&Partner> {
        self.partners.get(id)
    }

    /// All, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&PartnerId, &Partner)> {
        self.partners.iter()
    }

    /// Applies an event of any partner.
    pub fn evolve(&mut self, _event: &Event) {}
}

/// Decides a command about one partner; `state` is none before it is registered.
pub fn decide(_state: Option<&Partner>, _command: &Command, _context: &Context) -> Result<Vec<Event>, Rejection> {
    Ok(Vec::new())
}
