//! One rebuild of a read model for a caller: a thread that folds, and a bounded channel that tells how far it is.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use subledger_projection_runtime::{GivenUp, Handle, Rebuild, RebuildError, RebuildProgress, RebuildReport};
use subledger_proto::api;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use super::{errors, position};

/// What a caller gets.
pub(crate) type Message = Result<api::RebuildProjectionResponse, Status>;

/// How often a caller is told how far it is.
const TELL_EVERY: Duration = Duration::from_millis(200);
/// Messages that wait until the caller takes them. Progress that finds no room is left out.
const MESSAGES_WAITING_MAX: usize = 4;

/// The read model of that name, among those of this process.
pub(crate) fn find(projections: &[Handle], name: &str) -> Result<Handle, Status> {
    let found = projections.iter().find(|projection| projection.name() == name).cloned();
    found.ok_or_else(|| {
        let mut here: Vec<_> = projections.iter().map(Handle::name).collect();
        here.sort_unstable();
        let accepted = here.join(", ");
        let message = if here.is_empty() {
            format!("this process has no read models, so not {name:?} either; ask the process that has it")
        } else {
            format!("this process has no read model {name:?}; it has: {accepted}")
        };
        let metadata = [("field", "name".to_owned()), ("name", name.to_owned()), ("accepted", accepted)];
        errors::status(Code::NotFound, "PROJECTION_NOT_FOUND", message, &metadata)
    })
}

/// Begins a rebuild. It is given up when the receiver is dropped, or `stop` is cancelled.
pub(crate) fn start(
    projection: Handle,
    check_only: bool,
    stop: CancellationToken,
) -> Result<mpsc::Receiver<Message>, Status> {
    let (sender, messages) = mpsc::channel(MESSAGES_WAITING_MAX);
    let work = move || {
        let last = run(&projection, check_only, &sender, &stop);
        // Fails only if nobody listens.
        let _ = sender.blocking_send(last);
    };
    std::thread::Builder::new()
        .name("rebuild".into())
        .spawn(work)
        .map_err(|error| errors::unavailable("NO_THREAD", format!("cannot start a rebuild: {error}")))?;
    Ok(messages)
}

/// Blocks.
fn run(projection: &Handle, check_only: bool, sender: &mpsc::Sender<Message>, stop: &CancellationToken) -> Message {
    let given_up: GivenUp = {
        let (sender, stop) = (sender.clone(), stop.clone());
        Arc::new(move || sender.is_closed() || stop.is_cancelled())
    };
    let mut told: Option<Instant> = None;
    let what = Rebuild { compare: true, swap: !check_only };
    let done = projection.rebuild_unless(&given_up, what, &mut |progress| {
        if told.is_none_or(|at| at.elapsed() >= TELL_EVERY) || progress.done == progress.total {
            told = Some(Instant::now());
            let _ = sender.try_send(Ok(step(api::rebuild_projection_response::Step::Progress(progress_of(progress)))));
        }
    });
    match done {
        Ok(report) => Ok(step(api::rebuild_projection_response::Step::Result(result_of(&report)))),
        Err(_) if stop.is_cancelled() => Err(errors::unavailable("SHUTTING_DOWN", "the ledger is shutting down")),
        Err(error) => Err(status(&error, projection.name())),
    }
}

fn step(step: api::rebuild_projection_response::Step) -> api::RebuildProjectionResponse {
    api::RebuildProjectionResponse { step: Some(step) }
}

fn progress_of(progress: &RebuildProgress) -> api::RebuildProgress {
    api::RebuildProgress {
        done: progress.done,
        total: progress.total,
        records_per_second: progress.per_second,
        seconds_left: progress.remaining.map(|left| left.as_secs()),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn result_of(report: &RebuildReport) -> api::RebuildResult {
    let comparison = match (&report.difference, report.compared) {
        (Some(_), _) => api::RebuildComparison::Different,
        (None, true) => api::RebuildComparison::Equal,
        (None, false) => api::RebuildComparison::NotPossible,
    };
    api::RebuildResult {
        commits: report.commits,
        elapsed_millis: millis(report.elapsed),
        folded_millis: millis(report.folded),
        comparison: comparison.into(),
        difference: report.difference.as_ref().map(ToString::to_string).unwrap_or_default(),
        swapped: report.swapped,
        digest: report.digest.as_ref().map(ToString::to_string).unwrap_or_default(),
        reflects: position::to_wire(&report.reflects),
    }
}

fn status(error: &RebuildError, projection: &str) -> Status {
    let name = [("name", projection.to_owned())];
    match error {
        RebuildError::AlreadyRunning { .. } => {
            let message = format!("{error}; one at a time: wait for its end");
            errors::status(Code::FailedPrecondition, "REBUILD_RUNNING", message, &name)
        }
        RebuildError::GivenUp { .. } => errors::status(Code::Cancelled, "REBUILD_GIVEN_UP", error.to_string(), &name),
        RebuildError::Stopped => errors::unavailable("PROJECTION_STOPPED", error.to_string()),
        RebuildError::Read(error) => errors::read(error),
        RebuildError::Fold(_) | RebuildError::Store(_) | RebuildError::Open(_) => {
            let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
            let message = format!("the read model cannot be rebuilt, and stays as it is: {error}{cause}");
            errors::status(Code::Internal, "REBUILD_FAILED", message, &name)
        }
    }
}
