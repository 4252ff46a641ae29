//! From a command to the writer of its partition, and back with what became of it.

mod local;
#[cfg(feature = "kafka")]
mod previews;
mod remote;

use std::{collections::HashMap, future::Future, pin::Pin};

use subledger_domain::{Reason, Rejection, ids::CommandId};
use subledger_log::{Family, PartitionId, Position, codec::Wire as _};
use subledger_proto::common as pbc;
use subledger_writer::{CommandError, Outcome, Preview, Submission};

pub(crate) use local::LocalRouter;
#[cfg(feature = "kafka")]
pub(crate) use previews::Previews;
pub(crate) use remote::RemoteRouter;

/// A future without a name, so that traits with it stay object-safe.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What became of one command of a batch.
pub(crate) type Answer = Result<Outcome, SubmitError>;

/// The answers of a batch, in its order, once all are durable.
pub(crate) type Answers = BoxFuture<'static, Vec<Answer>>;

/// There is no recorded outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SubmitError {
    /// Refused before it came to a writer; nothing is recorded.
    #[error("{}", .0.message)]
    Refused(Rejection),
    /// The writer has no outcome for it.
    #[error(transparent)]
    Command(#[from] CommandError),
}

/// What to do when a writer's queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenFull {
    /// Answer with [`CommandError::Overloaded`] at once.
    Refuse,
    /// Wait for room: for streams, where waiting is what slows the sender down.
    Wait,
}

/// Takes commands to their writers.
pub(crate) trait Router: Send + Sync {
    /// Takes a batch. The first future is done when every command has its place in a queue, so batches submitted one after the other
    /// keep the order of each key; the second when all are answered.
    fn submit(&self, batch: Vec<Submission>, when_full: WhenFull) -> BoxFuture<'_, Answers>;

    /// Decides a command without recording it. None where the writers are in other processes.
    fn preview(&self, submission: Submission) -> BoxFuture<'_, Option<Result<Preview, SubmitError>>> {
        drop(submission);
        Box::pin(std::future::ready(None))
    }
}

/// Submits a batch and waits for its answers.
pub(crate) async fn submit(router: &dyn Router, batch: Vec<Submission>, when_full: WhenFull) -> Vec<Answer> {
    router.submit(batch, when_full).await.await
}

impl SubmitError {
    /// A command that only the ledger itself sends.
    pub(crate) fn reserved() -> Self {
        Self::Refused(Rejection::new(
            Reason::CommandReserved,
            "run_due, mark_day and record_access are sent by the ledger itself; to let due things happen, close the day",
        ))
    }

    /// No writer of the partition is here.
    pub(crate) fn no_writer(partition: PartitionId) -> Self {
        Self::Command(CommandError::Unavailable { reason: format!("no writer of {partition} runs in this process") })
    }

    /// The stable code, as `ErrorInfo.reason` and `Rejection.reason` carry it.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Refused(rejection) => rejection.reason.code(),
            Self::Command(CommandError::Overloaded { .. }) => "WRITER_OVERLOADED",
            Self::Command(CommandError::IdReused { .. }) => "COMMAND_ID_REUSED",
            Self::Command(CommandError::TooLarge { .. }) => "OUTCOME_TOO_LARGE",
            Self::Command(CommandError::Unavailable { .. }) => "WRITER_UNAVAILABLE",
            Self::Command(CommandError::Unknown { .. }) => "OUTCOME_UNKNOWN",
        }
    }

    /// Facts for a program.
    pub(crate) fn metadata(&self) -> HashMap<String, String> {
        let text =
            |pairs: &[(&str, String)]| pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        match self {
            Self::Refused(rejection) => rejection.metadata.clone().into_iter().collect(),
            Self::Command(CommandError::Overloaded { partition, limit, retry_after }) => text(&[
                ("partition", partition.clone()),
                ("limit_commands", limit.to_string()),
                ("retry_after_ms", retry_after.as_millis().to_string()),
            ]),
            Self::Command(CommandError::IdReused { command_id, position }) => {
                text(&[("command_id", command_id.to_string()), ("position", position.to_string())])
            }
            Self::Command(CommandError::TooLarge { bytes, limit }) => {
                text(&[("bytes", bytes.to_string()), ("limit_bytes", limit.to_string())])
            }
            Self::Command(CommandError::Unavailable { .. } | CommandError::Unknown { .. }) => HashMap::new(),
        }
    }

    /// Reads [`Self::to_rejection`] back, from another process. What cannot be told exactly counts as not recorded for now.
    pub(crate) fn from_rejection(command_id: &CommandId, wire: pbc::Rejection) -> Self {
        let number = |key: &str| wire.metadata.get(key).and_then(|text| text.parse().ok()).unwrap_or_default();
        let reused_at = wire.metadata.get("position").and_then(|text| position(text));
        match (wire.reason.as_str(), reused_at) {
            ("COMMAND_ID_REUSED", Some(position)) => {
                Self::Command(CommandError::IdReused { command_id: command_id.clone(), position })
            }
            ("OUTCOME_TOO_LARGE", _) => {
                Self::Command(CommandError::TooLarge { bytes: number("bytes"), limit: number("limit_bytes") })
            }
            _ => {
                let reason = wire.message.clone();
                let refused = Rejection::from_wire(wire).map(Self::Refused);
                refused.unwrap_or(Self::Command(CommandError::Unavailable { reason }))
            }
        }
    }

    /// As an outcome that is not recorded.
    pub(crate) fn to_rejection(&self) -> pbc::Rejection {
        pbc::Rejection { reason: self.reason().into(), message: self.to_string(), metadata: self.metadata() }
    }
}

/// Reads a position as it is shown: `customers/1@42`.
fn position(text: &str) -> Option<Position> {
    let (partition, seq) = text.split_once('@')?;
    let (family, index) = partition.split_once('/')?;
    let partition = PartitionId::new(Family::from_name(family)?, index.parse().ok()?);
    Some(Position { partition, seq: seq.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_comes_back_from_another_process() {
        let command_id = CommandId::new("c-1").unwrap();
        let at = Position { partition: PartitionId::new(Family::Customers, 1), seq: 42 };
        let errors = [
            CommandError::IdReused { command_id: command_id.clone(), position: at }.into(),
            CommandError::TooLarge { bytes: 70_000, limit: 65_535 }.into(),
            SubmitError::reserved(),
        ];
        for error in errors {
            assert_eq!(SubmitError::from_rejection(&command_id, error.to_rejection()), error);
        }
    }
}
