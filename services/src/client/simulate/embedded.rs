//! A ledger of a case's own: the real roles, embedded, in a directory that goes away, on a test clock.

use std::path::Path;

use chrono::NaiveDate;

use crate::client::Failure;

/// A running ledger of this process.
pub(super) struct Embedded {
    address: String,
}

impl Embedded {
    /// Starts one that keeps its log in `directory` and whose clock begins on `first_day`.
    #[expect(clippy::unused_async, reason = "the roles are started here once they can be embedded")]
    pub(super) async fn start(directory: &Path, first_day: NaiveDate) -> Result<Self, Failure> {
        let _ = (directory, first_day);
        Err(Failure::Usage(
            "this build cannot start a ledger of its own; name a fresh one with --ledger URL".to_owned(),
        ))
    }

    /// Where it listens.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Stops it.
    #[expect(clippy::unused_async, reason = "the roles are stopped here once they can be embedded")]
    pub(super) async fn stop(self) {}
}
