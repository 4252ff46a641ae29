//! Runs projections: follows a log, folds its commits, keeps rows and checkpoint together, serves reads while it folds.
//!
//! - [`Store`]: the rows of one projection and the place in the log they reflect, in one sled tree: runs of rows that never change, and over
//!   them the rows that were changed lately, in memory. A new run and the place it leads to are named in one `Batch`, so a crash at any
//!   point leaves a state that was true at some position, and folding goes on from exactly there.
//! - [`Home`]: the directory of a projection. It holds *generations* (one store each) and names the current one, so that a rebuild
//!   replaces it by the rename of one small file.
//! - [`Runner`]: the thread that folds. [`Handle`]: what everybody else has of it.
//!
//! # What a fold must keep
//! A checkpoint is a place in *every* partition, and partitions have no order among each other: a rebuild, a restart or another batch
//! size reads them interleaved in another way. So a fold must give the same rows for every interleaving: a row belongs to one
//! partition (its key says whose it is), or what partitions add to it commutes (sums, sets, maxima). Within a partition the order is
//! always that of the log. [`compare`] and [`Store::digest`] find folds that break this.
//!
//! # How reads and folding share the rows
//! A batch is staged in memory, where nobody sees it, while readers go on; then it is packed, and together with the positions it leads to it
//! takes the place of what readers find. Whoever reads keeps what it found: the rows of one moment, and exactly the positions it is told.
//! It holds up nobody, and nobody holds it up.
//!
//! What may not live here: what any projection means, transports, the wall clock (it comes in).

mod block;
mod compare;
mod config;
mod error;
mod filter;
mod forget;
mod handle;
mod home;
mod merge;
mod packed;
mod pump;
mod rebuild;
mod run;
mod runner;
mod settle;
mod snapshot;
mod source;
mod stage;
#[cfg(feature = "testing")]
pub mod stepped;
mod store;
mod telemetry;

pub use compare::{Difference, compare};
pub use config::{Clock, Config, Limits, OnStale, StoreOptions};
pub use error::{FoldError, OpenError, QueryFailed, RebuildError, StartError, WaitError};
pub use handle::{Handle, Lag, Read, State, Status};
pub use home::Home;
pub use rebuild::{GivenUp, Rebuild, RebuildProgress, RebuildReport};
pub use runner::Runner;
pub use snapshot::{Digest, Snapshot};
pub use store::{Checkpoint, Identity, Store};
