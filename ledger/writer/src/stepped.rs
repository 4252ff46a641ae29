//! A writer that somebody else steps, on their thread: every step is the code that the writer's own thread runs.

use std::sync::Arc;

use chrono::NaiveDate;
use subledger_log::{Log, PartitionId, Tail};

use crate::{
    Clock, CommandError, Options, Outcome, ReferenceFollower, StartError, Submission, partition::Shared, run::Writer,
};

/// A writer without a thread. Dropped, it is gone as after a crash: without a snapshot.
pub struct SteppedWriter(Writer);

impl SteppedWriter {
    /// Restores the state and claims the partition.
    pub fn start(
        log: Arc<dyn Log>,
        partition: PartitionId,
        reference: Arc<ReferenceFollower>,
        clock: Arc<dyn Clock>,
        writer_id: &str,
        options: Options,
    ) -> Result<Self, StartError> {
        let shared = Arc::new(Shared::new(partition, options));
        Ok(Self(Writer::start(log, reference, clock, writer_id, shared)?))
    }

    /// Decides commands as one block and answers, in their order.
    pub fn submit(&mut self, submissions: &[Submission]) -> Vec<Result<Outcome, CommandError>> {
        self.0.decide_and_commit(submissions)
    }

    /// Decides a slice of what closed days made due.
    pub fn close_days(&mut self) {
        self.0.close_days();
    }

    /// The next day that the partition has to close, as far as it knows.
    pub fn day_to_close(&self) -> Option<NaiveDate> {
        self.0.day_to_close()
    }

    /// Writes a snapshot if enough was committed since the last.
    pub fn snapshot_if_due(&mut self) {
        self.0.snapshot_if_due();
    }

    /// Stops as told, with a snapshot.
    pub fn stop(mut self) {
        self.0.snapshot();
    }

    /// By topic and partition: the next offset to take commands from.
    pub fn sources(&self) -> Vec<((String, u32), u64)> {
        self.0.sources()
    }

    /// Where the history ends for it; none while it has to claim the partition again.
    pub fn tail(&self) -> Option<&Tail> {
        self.0.claimed.is_some().then_some(&self.0.core.tail)
    }
}
