//! A short run of the simulation of faults; `tests/simulate-faults` runs for as long as you like.

#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::time::{Duration, Instant};

use subledger_tests::faults::{self, Counters};

/// How long worlds are begun.
const RUN: Duration = Duration::from_secs(20);
/// Steps of a world here.
const STEPS: u64 = 6_000;

#[test]
fn nothing_happens_that_must_not() {
    let (began, mut counters, mut steps) = (Instant::now(), Counters::default(), 0);
    for seed in 1.. {
        if began.elapsed() > RUN && seed > 3 {
            break;
        }
        let scratch = tempfile::tempdir().unwrap();
        let report = faults::run(seed, STEPS, scratch.path()).unwrap_or_else(|failure| panic!("\n{failure}"));
        counters.add(&report.counters);
        steps += report.steps;
    }
    println!("{steps} steps: {counters:?}");
    // A simulation in which nothing happens finds nothing.
    assert!(counters.acknowledged > 100 && counters.crashes > 10 && counters.days > 20 && counters.compared > 10);
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in [7, 8] {
        let run = || {
            let scratch = tempfile::tempdir().unwrap();
            faults::run(seed, 3_000, scratch.path()).unwrap_or_else(|failure| panic!("\n{failure}"))
        };
        assert_eq!(run(), run(), "seed {seed}");
    }
    let scratch = tempfile::tempdir().unwrap();
    let other = faults::run(9, 3_000, scratch.path()).unwrap_or_else(|failure| panic!("\n{failure}"));
    let again =
        faults::run(7, 3_000, tempfile::tempdir().unwrap().path()).unwrap_or_else(|failure| panic!("\n{failure}"));
    assert_ne!(other.trace_hash, again.trace_hash);
}
