//! What can go wrong, by operation.

use std::path::PathBuf;

use subledger_fold::StoreError;
use subledger_log::{LedgerId, PartitionId, Position, ReadError};

/// A store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is sound, but the code, the layout or the form of stores has moved on: rebuild it.
    #[error("{path} is stale: {found}, but {expected} is needed; it must be rebuilt from the log")]
    Stale {
        /// Which.
        path: PathBuf,
        /// What it was folded by.
        found: String,
        /// What would fold it now.
        expected: String,
    },
    /// It reflects another ledger. Never replaced silently: the configuration is more likely wrong than the store.
    #[error("{path} belongs to ledger {found}, not to {expected}: name another data directory, or remove this one")]
    WrongLedger {
        /// Which.
        path: PathBuf,
        /// Its ledger.
        found: LedgerId,
        /// The one that was opened.
        expected: LedgerId,
    },
    /// Stored bytes do not check out: rebuild it.
    #[error("{path} is damaged: {what}; it must be rebuilt from the log")]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What does not check out.
        what: String,
    },
    /// Another process has it.
    #[error("{path} is in use by another process: stop it, or name another data directory")]
    InUse {
        /// Which.
        path: PathBuf,
    },
    /// The directory cannot be read or written.
    #[error("cannot use {path}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl OpenError {
    /// Whether folding the log again gives a store that can be used.
    pub fn may_rebuild(&self) -> bool {
        matches!(self, Self::Stale { .. } | Self::Damaged { .. })
    }
}

/// A commit could not be folded.
#[derive(Debug, thiserror::Error)]
#[error("projection {projection} cannot fold {position} ({what}): {source}")]
pub struct FoldError {
    /// Which projection.
    pub projection: &'static str,
    /// Which commit.
    pub position: Position,
    /// Its stream and version, for whoever looks.
    pub what: String,
    /// Why.
    pub r#source: StoreError,
}

/// A runner could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its store could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Its store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gives no thread.
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
}

/// A query did not give an answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryFailed<E> {
    /// It gave an error.
    #[error(transparent)]
    Query(E),
    /// The process is shutting down.
    #[error("the query was given up: the process is shutting down")]
    Cancelled,
}

/// The positions waited for did not come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaitError {
    /// Not in time.
    #[error("{projection} does not reflect {missing} yet; try again later, or with a longer deadline")]
    Timeout {
        /// Which projection.
        projection: &'static str,
        /// The first position that is missing.
        missing: Position,
    },
    /// Never: the ledger has no such partition.
    #[error("there is no partition {partition}")]
    NoSuchPartition {
        /// The one asked for.
        partition: PartitionId,
    },
    /// Not before somebody helps: folding has stopped.
    #[error("{projection} has stopped folding before {missing}: {error}")]
    NotFolding {
        /// Which projection.
        projection: &'static str,
        /// The first position that is missing.
        missing: Position,
        /// Why it stopped.
        error: String,
    },
}

/// A rebuild did not end well. The store in use is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// One is running already.
    #[error("{projection} is being rebuilt already")]
    AlreadyRunning {
        /// Which projection.
        projection: &'static str,
    },
    /// The new store could not be made.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A commit could not be folded.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A store could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nobody wanted it any more.
    #[error("the rebuild of {projection} was given up")]
    GivenUp {
        /// Which projection.
        projection: &'static str,
    },
    /// The runner was stopped meanwhile.
    #[error("the runner was stopped")]
    Stopped,
}
