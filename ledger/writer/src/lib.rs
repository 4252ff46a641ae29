//! One writer per partition: takes commands, decides, commits, acknowledges; restores itself; lets due things happen when a day closes.
//!
//! A writer is a thread with a bounded queue. What waited while the last block went to disk goes into the next one (group commit), so
//! load makes blocks larger, not slower. An answer means durable.
//!
//! What may not live here: transport (gRPC, topics), rules of the business, anything a reader of the log could not repeat.

mod alone;
mod block;
mod brake;
mod core;
mod customers;
mod dedup;
mod due;
mod machine;
mod options;
mod outcome;
mod packed;
mod partition;
mod preview;
mod recorded;
mod reference;
mod replay;
mod run;
mod snapshot;
#[cfg(feature = "testing")]
pub mod stepped;
mod submission;

pub use alone::Traffic;
pub use brake::Brake;
pub use machine::stream_of;
pub use options::Options;
pub use outcome::{CommandError, Outcome};
pub use partition::{Handle, PartitionService, StartError};
pub use preview::{Decided, Preview, UpcomingInvoice};
pub use reference::{ReferenceFollower, ReferenceView};
pub use replay::{Difference, Repeated, Replay};
pub use submission::Submission;

use chrono::{DateTime, Utc};

/// Where a writer takes the time from. The ledger below `services` has no clock of its own.
pub trait Clock: Send + Sync {
    /// Now, UTC. May be a test clock.
    fn now(&self) -> DateTime<Utc>;

    /// The time from which a command is decided, if the command itself moves the clock: a test clock by the closing of a day. May not
    /// look at reference data, which is being read.
    fn moved_by(&self, _submission: &Submission) -> Option<DateTime<Utc>> {
        None
    }
}
