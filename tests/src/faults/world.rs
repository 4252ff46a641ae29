//! Everything there is: the log, the processes, the messages between them, and the time.

use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::{DateTime, TimeDelta, Utc};
use subledger_log::{
    Family, Log, PartitionId,
    sim::{SimFaults, SimLog, SplitMix64},
};
use subledger_writer::{Clock, Options, ReferenceFollower, Submission, stepped::SteppedWriter};

use super::{
    clients::{Clients, Message},
    ingress::Topic,
    log::ProcessLog,
    oracle::Oracle,
    profile::Profile,
    projectors::Projector,
    schedule::{Life, Process},
    trace::Trace,
};

/// 13 January 2018, noon, UTC, in microseconds: when every world begins.
const BEGIN: i64 = 1_515_844_800_000_000;

/// How often what happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Commands with an outcome that somebody learned.
    pub acknowledged: u64,
    /// Processes that died.
    pub crashes: u64,
    /// Appends that took their time.
    pub slow_appends: u64,
    /// Partitions that moved to another node.
    pub rebalances: u64,
    /// Invoices issued.
    pub invoices: u64,
    /// Business days closed.
    pub days: u64,
    /// Read models that were compared with a rebuild.
    pub compared: u64,
    /// Subscriptions whose charges were compared with their seat-days.
    pub worths: u64,
}

impl Counters {
    /// Adds those of another world.
    pub fn add(&mut self, other: &Self) {
        self.acknowledged += other.acknowledged;
        self.crashes += other.crashes;
        self.slow_appends += other.slow_appends;
        self.rebalances += other.rebalances;
        self.invoices += other.invoices;
        self.days += other.days;
        self.compared += other.compared;
        self.worths += other.worths;
    }
}

/// A clock that goes wrong by a little, or by much.
pub(super) struct SkewedClock {
    now: Arc<AtomicI64>,
    /// Microseconds.
    pub(super) skew: AtomicI64,
}

impl Clock for SkewedClock {
    fn now(&self) -> DateTime<Utc> {
        let micros = self.now.load(Ordering::Relaxed) + self.skew.load(Ordering::Relaxed);
        DateTime::from_timestamp_micros(micros).unwrap_or_default()
    }
}

/// The writers of one partition of the topic, as one process has them.
pub(super) struct Host {
    /// Unique in the world.
    pub(super) number: u64,
    /// None while an action has it.
    pub(super) writers: BTreeMap<PartitionId, Option<SteppedWriter>>,
    pub(super) inbox: BTreeMap<PartitionId, VecDeque<(u64, Submission)>>,
    /// The next record to take from the topic.
    pub(super) offset: u64,
}

/// A process with writers.
pub(super) struct Node {
    pub(super) life: u64,
    pub(super) reference: Option<Arc<ReferenceFollower>>,
    pub(super) clock: Arc<SkewedClock>,
    pub(super) hosts: BTreeMap<u16, Host>,
    pub(super) snapshots: PathBuf,
}

pub(super) struct World {
    pub(super) random: SplitMix64,
    pub(super) profile: Profile,
    pub(super) sim: SimLog,
    pub(super) now: Arc<AtomicI64>,
    pub(super) nodes: Vec<Node>,
    /// Which node has a partition of the topic.
    pub(super) owners: BTreeMap<u16, usize>,
    pub(super) topic: Topic,
    pub(super) network: Vec<Message>,
    pub(super) clients: Clients,
    pub(super) projectors: Vec<Projector>,
    pub(super) oracle: Oracle,
    pub(super) trace: Trace,
    pub(super) counters: Counters,
    pub(super) steps: u64,
    pub(super) depth: usize,
    /// Partitions that nodes are at work on, the one on top last.
    pub(super) busy: Vec<(usize, PartitionId)>,
    /// Nothing goes wrong and nothing interrupts: somebody checks.
    pub(super) calm: bool,
    pub(super) mended: bool,
    pub(super) disk_full: bool,
    pub(super) violation: Option<String>,
    numbers: u64,
}

impl World {
    pub(super) fn new(seed: u64, scratch: &Path) -> Self {
        let mut random = SplitMix64::new(seed);
        let profile = Profile::new(&mut random);
        let sim = SimLog::new(random.next_u64(), profile.layout, profile.faults);
        let now = Arc::new(AtomicI64::new(BEGIN));
        let node = |number: usize| Node {
            life: 0,
            reference: None,
            clock: Arc::new(SkewedClock { now: Arc::clone(&now), skew: AtomicI64::new(0) }),
            hosts: BTreeMap::new(),
            snapshots: scratch.join(format!("node-{number}")),
        };
        let nodes: Vec<Node> = (0..profile.nodes).map(node).collect();
        let owners = (0..profile.layout.customers).map(|index| (index, random.below(nodes.len()))).collect();
        let projectors = Projector::all(&sim);
        let mut world = Self {
            clients: Clients::new(&mut random),
            oracle: Oracle::new(profile.layout),
            topic: Topic::new(profile.layout),
            network: Vec::new(),
            trace: Trace::new(),
            counters: Counters::default(),
            steps: 0,
            depth: 0,
            busy: Vec::new(),
            calm: false,
            mended: false,
            disk_full: false,
            violation: None,
            numbers: 0,
            random,
            profile,
            sim,
            now,
            nodes,
            owners,
            projectors,
        };
        world.note(format!("seed {seed}: {profile:?}"));
        world
    }

    #[allow(clippy::needless_pass_by_value, reason = "every line is made for this")]
    pub(super) fn note(&mut self, line: String) {
        self.trace.note(format!("{:>6} {}{line}", self.steps, "| ".repeat(self.depth.saturating_sub(1))));
    }

    /// The first thing that must not be; later ones follow from it.
    pub(super) fn violated(&mut self, what: String) {
        self.note(format!("VIOLATION {what}"));
        self.violation.get_or_insert(what);
    }

    pub(super) fn insist(&mut self, result: Result<(), String>) {
        if let Err(what) = result {
            self.violated(what);
        }
    }

    /// A number that nobody else has.
    pub(super) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.now.load(Ordering::Relaxed)).unwrap_or_default()
    }

    pub(super) fn forward(&self, by: TimeDelta) {
        self.now.fetch_add(by.num_microseconds().unwrap_or(0), Ordering::Relaxed);
    }

    /// Lets some time pass.
    pub(super) fn begin_step(&mut self) {
        self.steps += 1;
        let seconds = self.random.below(usize::try_from(self.profile.pace * 2).unwrap_or(0).max(1));
        self.forward(TimeDelta::seconds(i64::try_from(seconds).unwrap_or(0)));
    }

    /// Looks at what is new in the log.
    pub(super) fn read_log(&mut self) {
        for line in self.sim.take_trace() {
            self.note(format!("  log {line}"));
        }
        let (lines, found) = self.oracle.read(&self.sim);
        for line in lines {
            self.note(line);
        }
        self.insist(found);
    }

    pub(super) fn life(&self, process: Process) -> Life {
        let number = match process {
            Process::Node(node) => self.nodes[node].life,
            Process::Projector(projector) => self.projectors[projector].life,
        };
        Life { process, number }
    }

    pub(super) fn is_dead(&self, life: Life) -> bool {
        self.life(life.process) != life
    }

    /// Everything that a process knew and did not write is gone.
    pub(super) fn kill(&mut self, process: Process) {
        self.counters.crashes += 1;
        match process {
            Process::Node(node) => {
                let node = &mut self.nodes[node];
                node.life += 1;
                node.reference = None;
                node.hosts.clear();
            }
            Process::Projector(projector) => {
                let kept = self.random.below(self.projectors[projector].unflushed() + 1);
                let lost = self.random.chance(50);
                self.projectors[projector].kill(kept, lost, &self.sim);
                self.note(format!("  its store keeps {kept} batches that were not flushed, lost: {lost}"));
            }
        }
    }

    pub(super) fn log(&self, life: Life) -> Arc<dyn Log> {
        Arc::new(ProcessLog { sim: self.sim.clone(), life })
    }

    pub(super) fn options(&self, node: usize) -> Options {
        Options {
            snapshot_dir: Some(self.nodes[node].snapshots.clone()),
            snapshot_every_commits: self.profile.snapshot_every,
            block_commands_max: self.profile.block_commands_max,
            due_customers_max: self.profile.due_customers_max,
            ready_customers_max: self.profile.ready_customers_max,
            claim_backoff: std::time::Duration::ZERO,
            due_retry: std::time::Duration::ZERO,
            ..Options::default()
        }
    }

    /// The partitions whose commands come by one partition of the topic.
    pub(super) fn hosted(&self, index: u16) -> Vec<PartitionId> {
        let all = Family::ALL.into_iter().map(|family| PartitionId::new(family, index));
        all.filter(|partition| self.profile.layout.contains(*partition)).collect()
    }

    pub(super) fn set_disk_full(&mut self, full: bool) {
        self.disk_full = full;
        self.apply_faults();
    }

    pub(super) fn apply_faults(&self) {
        let faults = match (self.calm, self.disk_full) {
            (true, _) => SimFaults::NONE,
            (false, true) => SimFaults { not_written: 1_000, ..SimFaults::NONE },
            (false, false) => self.profile.faults,
        };
        self.sim.set_faults(faults);
    }

    /// Everything is repaired: from now on nothing goes wrong.
    pub(super) fn mend(&mut self) {
        self.note("everything is mended".into());
        self.mended = true;
        self.profile = self.profile.mended();
        self.set_disk_full(false);
        self.sim.settle();
        for node in &self.nodes {
            node.clock.skew.store(0, Ordering::Relaxed);
        }
    }
}
