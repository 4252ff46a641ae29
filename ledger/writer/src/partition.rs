//! The service of one partition's writer: options in, a handle out.

use std::sync::Arc;

use subledger_log::{ClaimError, Log, PartitionId, ReadError};

use crate::{Clock, CommandError, Options, Outcome, ReferenceFollower, Submission};

/// A writer could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The partition could not be claimed.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// No thread could be had.
    #[error("cannot start the thread of a writer: {0}")]
    Thread(#[from] std::io::Error),
}

/// Sends commands to a partition's writer. Cheap to clone.
#[derive(Clone)]
pub struct Handle {}

impl Handle {
    /// Submits commands of this partition, in order, and waits until each has its durable outcome. Overload refuses all of them.
    pub async fn submit(
        &self,
        _submissions: Vec<Submission>,
    ) -> Result<Vec<Result<Outcome, CommandError>>, CommandError> {
        Err(CommandError::Unavailable { reason: "not built yet".into() })
    }

    /// Commands waiting now.
    pub fn queue_depth(&self) -> usize {
        0
    }

    /// Commits of the partition, and the epoch of its writer.
    pub fn tail(&self) -> (u64, u64) {
        (0, 0)
    }

    /// Whether the writer runs.
    pub fn is_running(&self) -> bool {
        false
    }
}

/// A running writer.
pub struct PartitionService {
    /// To send commands to it.
    pub handle: Handle,
}

impl PartitionService {
    /// Claims the partition, restores its state and starts the writer's thread. Blocks until it is ready to take commands.
    pub fn start(
        _log: Arc<dyn Log>,
        _partition: PartitionId,
        _reference: Arc<ReferenceFollower>,
        _clock: Arc<dyn Clock>,
        _writer_id: &str,
        _options: Options,
    ) -> Result<Self, StartError> {
        Ok(Self { handle: Handle {} })
    }

    /// Stops: commands that wait are still decided, later ones refused; writes a snapshot; blocks until done.
    pub fn stop(self) {}

    /// The next offset to take from a topic of commands, so that nothing is taken twice or left out; none before the first.
    pub fn source_offset(&self, _topic: &str, _partition: u32) -> Option<u64> {
        None
    }
}
