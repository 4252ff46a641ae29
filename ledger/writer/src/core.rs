//! What a writer knows: a fold of its partition. Never ahead of the log for longer than one block takes to be written.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use subledger_domain::Event;
use subledger_log::{Accepted, Body, Family, Tail};

use crate::{
    dedup::{Dedup, Recorded, content_key, id_key},
    machine::Machine,
};

/// Whether a commit erases who a customer is.
pub(crate) fn is_erasure(accepted: &Accepted) -> bool {
    accepted.commit.events().iter().any(|event| matches!(event, Event::CustomerErased(_)))
}

/// A partition's state with everything needed to go on.
/// A copy costs little: what is large is shared until it changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Core {
    pub(crate) machine: Machine,
    pub(crate) dedup: Dedup,
    /// Where the history ends that the rest reflects.
    pub(crate) tail: Tail,
    /// By topic and partition: the next offset to take commands from.
    sources: HashMap<(String, u32), u64>,
}

impl Core {
    pub(crate) fn new(family: Family) -> Self {
        Self { machine: Machine::new(family), dedup: Dedup::default(), tail: Tail::default(), sources: HashMap::new() }
    }

    /// Folds a commit read from the log.
    pub(crate) fn fold(&mut self, accepted: &Accepted) {
        let commit = &accepted.commit;
        let cursor = &mut self.tail.cursor;
        cursor.offset = accepted.offset + 1;
        cursor.admission.next_seq = commit.position.seq + 1;
        cursor.admission.epoch = commit.epoch;
        self.tail.frontier.push(&accepted.bytes);
        self.apply(accepted);
        #[cfg(feature = "planted-bugs")]
        if subledger_domain::planted::has(subledger_domain::planted::Bug::ForgetIdsOnRestore) {
            return;
        }
        self.note(accepted);
    }

    fn apply(&mut self, accepted: &Accepted) {
        let commit = &accepted.commit;
        if let Body::Accepted(events) = &commit.body {
            self.machine.apply(&commit.stream, events);
        }
    }

    /// Applies what was just decided, before it is durable.
    pub(crate) fn apply_decided(&mut self, stream: &str, events: &[Event]) {
        self.machine.apply(stream, events);
    }

    /// Remembers the id and the source of a durable commit.
    pub(crate) fn note(&mut self, accepted: &Accepted) {
        let commit = &accepted.commit;
        if !matches!(commit.body, Body::WriterStarted { .. }) {
            let recorded = Recorded { content: content_key(&commit.command), offset: accepted.offset };
            self.dedup.insert(id_key(&commit.command_id), recorded);
        }
        #[cfg(feature = "planted-bugs")]
        if subledger_domain::planted::has(subledger_domain::planted::Bug::LoseSourceOffset) {
            return;
        }
        if let Some(source) = &commit.source {
            let next = self.sources.entry((source.topic.clone(), source.partition)).or_default();
            *next = (*next).max(source.offset + 1);
        }
    }

    pub(crate) fn sources(&self) -> impl Iterator<Item = ((String, u32), u64)> {
        self.sources.iter().map(|(place, &next)| (place.clone(), next))
    }
}
