//! Deciding a recorded history again: every command, with the state it met, must come out as it was recorded.

use bytes::Bytes;
use prost::Message as _;
use subledger_domain::{Command, Event, Reference, Rejection, event::PartitionDayClosed};
use subledger_log::{
    Body, Commit, Layout, PartitionId,
    codec::{self, Envelope, decode_command},
    personal::fields::is_personal_field,
};
use subledger_proto::api;

use crate::machine::{Machine, stream_of};

/// Longest text of an event in a difference, in characters.
const SHOWN_CHARS_MAX: usize = 400;

/// The state of a partition while its history is decided again.
pub struct Replay {
    layout: Layout,
    partition: PartitionId,
    machine: Machine,
}

/// What came of deciding again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeated {
    /// It comes out as recorded.
    AsRecorded,
    /// It was refused for a personal value that cannot be read any more, so nobody can tell. It changed nothing.
    RestsOnNames,
}

/// A commit is not what its command comes to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// The stored command cannot be read, so it can never have been taken.
    #[error("its command cannot be read: {0}")]
    Command(String),
    /// What stands beside the decision is not what follows from the command and the history.
    #[error("its {field} is {recorded}, but it follows that it is {follows}")]
    Field {
        /// Of the commit.
        field: &'static str,
        /// In the commit.
        recorded: String,
        /// From command and history.
        follows: String,
    },
    /// The command comes out otherwise.
    #[error("decided again it comes out otherwise: recorded {recorded}; decided {decided}")]
    Outcome {
        /// The first that differs.
        recorded: String,
        /// In its place.
        decided: String,
    },
}

impl Replay {
    /// Before the first commit.
    pub fn new(layout: Layout, partition: PartitionId) -> Self {
        Self { layout, partition, machine: Machine::new(partition.family) }
    }

    /// Decides the next commit's command again, compares, and applies what was recorded. `reference` is the catalog and all partners as of
    /// the positions that the commit was decided against.
    ///
    /// Of a rejection, its reason and facts are compared, not its sentence: sentences get better.
    pub fn check(&mut self, commit: &Commit, reference: &Reference) -> Result<Repeated, Difference> {
        if let Body::WriterStarted { .. } = commit.body {
            return Ok(Repeated::AsRecorded);
        }
        let compared = self.compare(commit, reference);
        if let Body::Accepted(events) = &commit.body {
            self.machine.apply(&commit.stream, events);
        }
        compared
    }

    fn compare(&self, commit: &Commit, reference: &Reference) -> Result<Repeated, Difference> {
        let envelope = read_command(&commit.command)?;
        let (stream, partition) = stream_of(self.layout, &envelope.command).unwrap_or((String::new(), self.partition));
        let effective_at = envelope.effective_at.unwrap_or(commit.recorded_at);
        same("partition", &commit.partition(), &partition)?;
        same("stream", &commit.stream, &stream)?;
        same("command id", &commit.command_id.as_str(), &envelope.command_id.as_str())?;
        same("effective time", &commit.effective_at, &effective_at)?;
        same("stream version", &commit.stream_version_before, &self.machine.version(&stream))?;
        let decided = match &envelope.command {
            // Not decided by a state: the writer marks a day when everything due is done.
            Command::MarkDay(mark) => Ok(vec![PartitionDayClosed { date: mark.date }.into()]),
            _ => self.machine.decide_envelope(reference, &envelope, &stream, commit.recorded_at),
        };
        if codec::is_withheld(commit) {
            return compare_without_names(&commit.body, decided);
        }
        compare_outcome(&commit.body, &decided).map(|()| Repeated::AsRecorded)
    }
}

/// Compares what does not rest on personal values, which cannot be read.
fn compare_without_names(recorded: &Body, decided: Result<Vec<Event>, Rejection>) -> Result<Repeated, Difference> {
    match (recorded, decided) {
        (Body::Accepted(events), Ok(decided)) => {
            let recorded = Body::Accepted(codec::masked(events));
            compare_outcome(&recorded, &Ok(codec::masked(&decided))).map(|()| Repeated::AsRecorded)
        }
        (Body::Rejected(recorded), Err(decided)) if is_same_refusal(recorded, &decided) => Ok(Repeated::AsRecorded),
        (Body::Rejected(recorded), _)
            if recorded.metadata.get("field").is_some_and(|field| is_personal_field(field)) =>
        {
            Ok(Repeated::RestsOnNames)
        }
        (recorded, decided) => compare_outcome(recorded, &decided).map(|()| Repeated::AsRecorded),
    }
}

/// The same reason about the same field: what else a refusal says may be a name.
fn is_same_refusal(recorded: &Rejection, decided: &Rejection) -> bool {
    (recorded.reason, recorded.metadata.get("field")) == (decided.reason, decided.metadata.get("field"))
}

fn read_command(bytes: &Bytes) -> Result<Envelope, Difference> {
    let wire = api::Command::decode(bytes.clone()).map_err(|error| Difference::Command(error.to_string()))?;
    decode_command(wire).map_err(|error| Difference::Command(error.to_string()))
}

fn same<T: PartialEq + ToString>(field: &'static str, recorded: &T, follows: &T) -> Result<(), Difference> {
    if recorded == follows {
        return Ok(());
    }
    Err(Difference::Field { field, recorded: recorded.to_string(), follows: follows.to_string() })
}

fn compare_outcome(recorded: &Body, decided: &Result<Vec<Event>, Rejection>) -> Result<(), Difference> {
    let differ = |recorded: String, decided: String| Err(Difference::Outcome { recorded, decided });
    match (recorded, decided) {
        (Body::Accepted(recorded), Ok(decided)) => {
            let Some(at) = (0..recorded.len().max(decided.len())).find(|&at| recorded.get(at) != decided.get(at))
            else {
                return Ok(());
            };
            let show = |events: &[Event]| events.get(at).map_or_else(|| "no event".to_owned(), shown);
            differ(format!("event {at}: {}", show(recorded)), show(decided))
        }
        (Body::Rejected(recorded), Err(decided)) => {
            if (recorded.reason, &recorded.metadata) == (decided.reason, &decided.metadata) {
                return Ok(());
            }
            differ(shown(recorded), shown(decided))
        }
        (Body::Accepted(recorded), Err(decided)) => differ(format!("{} events", recorded.len()), shown(decided)),
        (Body::Rejected(recorded), Ok(decided)) => differ(shown(recorded), format!("{} events", decided.len())),
        (Body::WriterStarted { .. }, _) => Ok(()),
    }
}

fn shown(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
