//! How bad a world is. Every seed has its own: some worlds are calm, some hostile, and most have one kind of trouble more than others.

use subledger_log::{
    Layout,
    sim::{SimFaults, SplitMix64},
};

/// Chances in a thousand unless it says otherwise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Profile {
    pub(super) layout: Layout,
    pub(super) nodes: usize,
    pub(super) faults: SimFaults,
    /// At a call of a log, others act first.
    pub(super) interleave: u16,
    /// At a call of a log, the process dies. In ten thousand.
    pub(super) crash: u16,
    /// A read says that the place cannot be reached.
    pub(super) unreadable: u16,
    /// An append takes minutes.
    pub(super) slow_disk: u16,
    /// A message does not arrive.
    pub(super) lose: u16,
    /// A message arrives again.
    pub(super) repeat: u16,
    /// Commands that go by the topic.
    pub(super) by_topic: u16,
    /// Weight of processes dying, partitions moving, clocks jumping, disks filling up.
    pub(super) trouble: usize,
    /// Commands that take effect in the past.
    pub(super) late: u16,
    pub(super) snapshot_every: u64,
    pub(super) block_commands_max: usize,
    pub(super) due_customers_max: usize,
    /// Customers that a writer does not pack.
    pub(super) ready_customers_max: usize,
    pub(super) batch_commits_max: u64,
    /// Average seconds between two steps.
    pub(super) pace: u64,
}

impl Profile {
    pub(super) fn new(random: &mut SplitMix64) -> Self {
        let customers = 1 + random.below(3);
        let partners = 1 + random.below(2).min(customers - 1);
        let count = |n: usize| u16::try_from(n).unwrap_or(1);
        let upto =
            |random: &mut SplitMix64, most: usize| count(if random.chance(400) { 0 } else { random.below(most) });
        let faults = SimFaults {
            lost_acknowledgement: upto(random, 60),
            lost_request: upto(random, 60),
            late: upto(random, 80),
            duplicate: upto(random, 50),
            torn: upto(random, 80),
            not_written: upto(random, 60),
            garbage: upto(random, 40),
            reader_delay: upto(random, 200),
            reader_mixes: upto(random, 500),
        };
        Self {
            layout: Layout { partners: count(partners), customers: count(customers) },
            nodes: 1 + random.below(3),
            faults,
            interleave: upto(random, 60),
            crash: upto(random, 40),
            unreadable: upto(random, 30),
            slow_disk: upto(random, 40),
            lose: upto(random, 150),
            repeat: upto(random, 150),
            by_topic: [0, 500, 1_000][random.below(3)],
            trouble: random.below(8),
            late: upto(random, 300),
            snapshot_every: 1 + random.below(60) as u64,
            block_commands_max: 1 + random.below(8),
            due_customers_max: 1 + random.below(4),
            ready_customers_max: 1 + random.below(4),
            batch_commits_max: 1 + random.below(40) as u64,
            pace: 200 + random.below(1_000) as u64,
        }
    }

    /// The same world when everything is mended.
    pub(super) fn mended(self) -> Self {
        Self {
            faults: SimFaults::NONE,
            interleave: 0,
            crash: 0,
            unreadable: 0,
            slow_disk: 0,
            lose: 0,
            repeat: 0,
            trouble: 0,
            late: 0,
            pace: 20,
            ..self
        }
    }
}
