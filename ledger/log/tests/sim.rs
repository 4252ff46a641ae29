//! The simulated log: the conformance suite without faults, and writers that fight through them.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::DateTime;
use subledger_log::{
    Accepted, Actor, ClaimError, Draft, Family, Follower, Layout, Log, PartitionId, PartitionWriter, Tail, WriteError,
    conformance::{Capabilities, Fixture, run_all},
    sim::{SimFaults, SimLog, SplitMix64},
    tree::Frontier,
};

const LAYOUT: Layout = Layout { partners: 1, customers: 2 };
const P: PartitionId = PartitionId::new(Family::Customers, 0);
const SEEDS: u64 = 200;
const STEPS: usize = 60;

struct Memory(SimLog);

impl Fixture for Memory {
    fn log(&self) -> Arc<dyn Log> {
        Arc::new(self.0.clone())
    }

    /// A second client.
    fn reopen(&mut self) {
        self.0 = self.0.clone();
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { interleaved_is_written: true, durable: true }
    }
}

#[test]
fn conforms() {
    run_all(&mut || Box::new(Memory(SimLog::new(1, LAYOUT, SimFaults::NONE))));
}

#[test]
fn conforms_with_slow_readers() {
    let faults = SimFaults { reader_delay: 300, ..SimFaults::NONE };
    // A reader at the end may be told nothing, so every property but those that insist on an answer at once holds.
    run_all(&mut || Box::new(Memory(SimLog::new(2, LAYOUT, faults))));
}

fn draft(command_id: String) -> Draft {
    let at = DateTime::from_timestamp(1_517_400_000, 0).unwrap();
    Draft {
        command_id,
        command: bytes::Bytes::from_static(b"command"),
        stream: "c-1".into(),
        stream_version_before: 0,
        decided_against: Vec::new(),
        effective_at: at,
        recorded_at: at,
        actor: Actor { principal: "test".into(), channel: "grpc".into() },
        outcome: Ok(Vec::new()),
        source: None,
    }
}

/// One of the two writers that fight over the partition.
struct Rival {
    name: &'static str,
    writer: Option<PartitionWriter>,
    tail: Tail,
    claims: usize,
    commands: usize,
}

impl Rival {
    fn new(name: &'static str) -> Self {
        Self { name, writer: None, tail: Tail::default(), claims: 0, commands: 0 }
    }

    fn claim(&mut self, log: &SimLog) {
        let tail = self.writer.take().map_or_else(|| self.tail.clone(), PartitionWriter::into_tail);
        self.tail = tail.clone();
        self.claims += 1;
        let id = format!("{}-{}", self.name, self.claims);
        let at = DateTime::from_timestamp(1_517_400_000, 0).unwrap();
        match PartitionWriter::claim(log, P, tail, &id, at, &mut |_| Ok(())) {
            Ok(writer) => self.writer = Some(writer),
            Err(ClaimError::Append(_) | ClaimError::Contended { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// Appends a block; returns the ids of the commands that were acknowledged.
    fn append(&mut self, log: &SimLog, count: usize) -> Vec<String> {
        if self.writer.is_none() {
            self.claim(log);
        }
        let Some(writer) = &mut self.writer else { return Vec::new() };
        let ids: Vec<String> = (0..count).map(|n| format!("{}-c{}", self.name, self.commands + n)).collect();
        self.commands += count;
        match writer.append(ids.iter().cloned().map(draft).collect()) {
            Ok(written) => {
                assert_eq!(written.len(), count);
                ids
            }
            Err(WriteError::NotWritten(_)) => Vec::new(),
            Err(WriteError::Lost(_)) => {
                self.claim(log);
                Vec::new()
            }
        }
    }
}

fn history(log: &SimLog) -> Vec<Accepted> {
    let ends = subledger_log::ends(log, [P]).unwrap();
    let mut follower = Follower::from_start(log, [P]).unwrap();
    let mut accepted = Vec::new();
    while !follower.reached(&ends) {
        accepted.extend(follower.next(Duration::ZERO).unwrap());
    }
    accepted
}

/// Two writers do random things; returns what was acknowledged.
fn fight(log: &SimLog, seed: u64) -> BTreeSet<String> {
    let mut random = SplitMix64::new(seed ^ 0x5eed);
    let mut rivals = [Rival::new("left"), Rival::new("right")];
    let mut acknowledged = BTreeSet::new();
    for _ in 0..STEPS {
        let who = random.below(2);
        let count = 1 + random.below(6);
        match random.below(10) {
            0 => rivals[who].claim(log),
            1 => log.settle(),
            _ => acknowledged.extend(rivals[who].append(log, count)),
        }
    }
    log.settle();
    acknowledged
}

fn check(log: &SimLog, acknowledged: &BTreeSet<String>, seed: u64) -> usize {
    let accepted = history(log);
    let mut frontier = Frontier::default();
    let mut found = BTreeSet::new();
    for (seq, record) in (0..).zip(&accepted) {
        let commit = &record.commit;
        assert_eq!(commit.position.seq, seq, "seed {seed}: gapless");
        if let Some(root) = commit.previous_root {
            assert_eq!(root, frontier.root(), "seed {seed}: the root at {seq}");
        }
        frontier.push(&record.bytes);
        if !commit.is_writer_started() {
            assert!(!commit.command_id.starts_with("garbage"), "seed {seed}: garbage is not history");
            assert!(found.insert(commit.command_id.clone()), "seed {seed}: {} stands twice", commit.command_id);
        }
    }
    let lost: Vec<_> = acknowledged.difference(&found).collect();
    assert!(lost.is_empty(), "seed {seed}: acknowledged but not there: {lost:?}");
    let again: Vec<_> = history(log).into_iter().map(|accepted| accepted.bytes).collect();
    assert!(accepted.iter().map(|accepted| &accepted.bytes).eq(&again), "seed {seed}: readers disagree");
    found.len() - acknowledged.len()
}

#[test]
fn writers_that_fight_lose_nothing_that_was_acknowledged() {
    let (mut acknowledged_all, mut unacknowledged_all) = (0, 0);
    let begin = Instant::now();
    for seed in 0..SEEDS {
        let log = SimLog::new(seed, LAYOUT, SimFaults::HOSTILE);
        let acknowledged = fight(&log, seed);
        unacknowledged_all += check(&log, &acknowledged, seed);
        acknowledged_all += acknowledged.len();
    }
    println!("{acknowledged_all} acknowledged, {unacknowledged_all} found later, in {:?}", begin.elapsed());
    assert!(acknowledged_all > 1_000, "the faults must let something through: {acknowledged_all}");
    assert!(unacknowledged_all > 100, "some unknown outcomes must turn out well: {unacknowledged_all}");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let log = SimLog::new(seed, LAYOUT, SimFaults::HOSTILE);
        fight(&log, seed);
        let bytes: Vec<_> = history(&log).into_iter().map(|accepted| accepted.bytes).collect();
        (log.trace(), bytes)
    };
    for seed in 0..20 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
    assert_ne!(run(1).0, run(2).0);
}

#[test]
fn every_fault_happens() {
    let mut lines = BTreeSet::new();
    for seed in 0..20 {
        let log = SimLog::new(seed, LAYOUT, SimFaults::HOSTILE);
        fight(&log, seed);
        lines.extend(log.trace());
    }
    let faults = [
        "LostAcknowledgement",
        "LostRequest",
        "Late",
        "Duplicated",
        "Torn",
        "NotWritten",
        "Written",
        "garbage lands",
        "late records land",
    ];
    for fault in faults {
        assert!(lines.iter().any(|line| line.contains(fault)), "{fault} never happened");
    }
}

#[test]
fn threads_may_fight_too() {
    let log = SimLog::new(3, LAYOUT, SimFaults::HOSTILE);
    let acknowledged: BTreeSet<String> = std::thread::scope(|scope| {
        let threads = ["left", "right", "third"].map(|name| {
            let log = &log;
            scope.spawn(move || {
                let mut rival = Rival::new(name);
                (0..100).flat_map(|n| rival.append(log, 1 + n % 4)).collect::<Vec<_>>()
            })
        });
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    log.settle();
    check(&log, &acknowledged, 3);
}
