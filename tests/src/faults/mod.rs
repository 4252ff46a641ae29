//! A simulation of the whole ledger under faults: writers, read models, invoicing, clocks, topics of commands and clients, on one
//! thread, on a log in memory that does everything a network, a broker and a disk can do, under a virtual clock, all from one seed.
//!
//! What runs is the real code: deciding, blocks, ids, snapshots, epochs, the reader rule, folds, what is due. Only what moves it is
//! simulated. At every call of a log, others may act ([`schedule`]) and the process may die; a crash unwinds it as if it never was.
//! An [`oracle`] reads every record as soon as it lies in the log, by rules of its own, and says what must not be.
//!
//! What may not live here: real time, real randomness, anything that a seed does not repeat.

mod actions;
mod check;
mod clients;
mod ingress;
mod log;
mod money;
mod oracle;
mod profile;
mod projectors;
mod schedule;
mod trace;
mod world;

use std::{fmt, path::Path};

pub use world::Counters;

/// Steps of a world when nobody says how many.
pub const STEPS_DEFAULT: u64 = 10_000;

/// What a world was like that ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Over everything that happened.
    pub trace_hash: u64,
    /// Steps taken, those at the end in which everything settles included.
    pub steps: u64,
    /// What there was of what.
    pub counters: Counters,
}

/// Something happened that must not be.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Of the world.
    pub seed: u64,
    /// How long the world was to go on.
    pub steps: u64,
    /// In which step it was noticed.
    pub step: u64,
    /// What must not be.
    pub what: String,
    /// The last things that happened.
    pub trace: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.trace {
            writeln!(f, "  {line}")?;
        }
        writeln!(f, "seed {}, step {}: {}", self.seed, self.step, self.what)?;
        write!(f, "replay: tests/simulate-faults --worlds 1 --world-steps {} --seed {}", self.steps, self.seed)
    }
}

/// Runs one world. `scratch` is an empty directory for its snapshots.
pub fn run(seed: u64, steps: u64, scratch: &Path) -> Result<Report, Box<Failure>> {
    schedule::run(seed, steps, scratch)
}
