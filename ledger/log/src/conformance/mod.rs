//! What every place for logs must do, as one suite: a backend is right when all of it holds.
//!
//! A backend brings a [`Fixture`]; [`run_all`] makes a fresh one for each property and prints the property's name. Faults come from
//! [`faulty`], which lies about outcomes above any backend, and from records written by hand, so a real broker needs no help.

mod epochs;
mod faulty;
mod limits;
mod reading;
mod tools;

use std::sync::Arc;

use crate::Log;

pub use tools::{Check, Failure, Outcome, check};

/// A ledger to try, empty at first, with at least two `customers` partitions that nobody else writes to.
pub trait Fixture {
    /// The log.
    fn log(&self) -> Arc<dyn Log>;

    /// Closes the log and opens it again; for a broker: goes on with a new client. No property holds a log, appender or reader then.
    fn reopen(&mut self);

    /// How this backend differs from others.
    fn capabilities(&self) -> Capabilities;
}

/// What a backend may do one way or the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether an append that expects another end is written all the same (a broker) or not at all.
    pub interleaved_is_written: bool,
    /// Whether what is appended is kept when the log is reopened.
    pub durable: bool,
}

/// A property: its name and its check.
pub type Property = (&'static str, fn(&mut dyn Fixture) -> Outcome);

/// Every property.
pub const PROPERTIES: &[Property] = &[
    ("sequence numbers are gapless and commits come back as written", epochs::gapless),
    ("a new epoch shuts the old writer out", epochs::zombie_is_shut_out),
    ("an unknown outcome is decided by the next claim: written", epochs::unknown_but_written),
    ("an unknown outcome is decided by the next claim: not written", epochs::unknown_and_not_written),
    ("of a torn block the first part is history and the rest is not", epochs::torn_block),
    ("a duplicate record is skipped", epochs::duplicate_is_skipped),
    ("a late record of an old epoch is skipped", epochs::late_record_is_skipped),
    ("the loser of a race for an epoch is skipped", epochs::second_start_is_skipped),
    ("roots are those of the stored bytes", epochs::roots_match),
    ("an append that expects another end is refused", epochs::wrong_end),
    ("reopening keeps everything byte for byte", reading::reopening),
    ("live followers see everything in order", reading::following_live),
    ("a reader of many partitions misses nothing", reading::many_partitions),
    ("reading begins anywhere", reading::any_position),
    ("two readers agree byte for byte", reading::two_readers),
    ("an empty log has no records and reading waits no longer than told", reading::nothing_there),
    ("reading after the end is an error", reading::past_the_end),
    ("partitions that are not there are errors", reading::no_such_partition),
    ("partitions are independent", reading::independence),
    ("a record of the longest length is kept and a longer one refused", limits::longest_record),
    ("an empty append does nothing", limits::empty_append),
    ("a block of the largest number of commits is kept", limits::largest_block),
    ("a block of the most bytes is kept", limits::longest_block),
];

/// Checks every property on a fresh fixture, printing its name first.
///
/// # Panics
///
/// At the first property that does not hold.
pub fn run_all(fresh: &mut dyn FnMut() -> Box<dyn Fixture>) {
    for (name, property) in PROPERTIES {
        println!("conformance: {name}");
        let mut fixture = fresh();
        if let Err(failure) = property(&mut *fixture) {
            panic!("{} does not conform: {name}: {failure}", fixture.log().backend());
        }
    }
}
