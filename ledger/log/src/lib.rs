//! The log: partitions of immutable commits.
//!
//! A backend ([`Log`]) only appends opaque records and reads them back by offset. What makes them a history is shared by all backends:
//! the reader rule ([`admit`]), the epochs ([`PartitionWriter`]), the stored form ([`Commit`], [`codec`]) and the tree over the
//! stored bytes ([`tree`]). Names of customers are sealed in it ([`personal`]). So correctness never rests on what a broker promises.
//!
//! What may not live here: rules of the business, read models, anything about gRPC services but reading them ([`remote`]).

pub mod admit;
mod backend;
pub mod codec;
mod commit;
#[cfg(feature = "testing")]
pub mod conformance;
pub mod durable;
pub mod embedded;
mod error;
mod follow;
#[cfg(feature = "kafka")]
pub mod kafka;
mod layout;
pub mod limits;
pub mod pages;
pub mod personal;
#[cfg(feature = "remote")]
pub mod remote;
#[cfg(feature = "testing")]
pub mod sim;
pub mod tree;
mod write;

pub use backend::{Appender, Log, RawRecord, Reader};
pub use commit::{Actor, Body, Commit, Source};
pub use error::{AppendError, OpenError, ReadError};
pub use follow::{Accepted, Cursor, Follower, Seen, ends};
pub use layout::{Layout, LedgerId, PARTITIONS_MAX};
pub use subledger_domain::position::{Family, PartitionId, Position};
pub use write::{ClaimError, Draft, PartitionWriter, Tail, WriteError};
