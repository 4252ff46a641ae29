//! What may happen next.

use std::sync::{Arc, atomic::Ordering};

use chrono::TimeDelta;
use subledger_billing::due_invoices;
use subledger_log::{Log, PartitionId};
use subledger_writer::{ReferenceFollower, Submission, stepped::SteppedWriter};

use super::{
    clients::Message,
    ingress,
    profile::Profile,
    projectors,
    schedule::{self, Life, Process, with},
    world::{Host, World},
};

/// Clocks that close days.
const CLOCKS: usize = 2;
/// Chance, in a thousand, that in the middle of a writer's work another comes for its partition.
const DUEL: u16 = 250;
/// Invoices of one look.
const DUE_MAX: usize = 20;

#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    Think,
    Send,
    Deliver,
    LookAtClock(usize),
    Write {
        node: usize,
        partition: PartitionId,
    },
    Take {
        node: usize,
        index: u16,
    },
    Commit {
        node: usize,
        index: u16,
    },
    Follow {
        node: usize,
    },
    Start {
        node: usize,
        index: u16,
    },
    /// A node learns that a partition is not its own any more.
    Leave {
        node: usize,
        index: u16,
    },
    Fold {
        projector: usize,
        flush: bool,
    },
    Issue {
        projector: usize,
    },
    Kill(Process),
    Move {
        index: u16,
        to: usize,
    },
    Skew {
        node: usize,
    },
    Jump,
    Disk,
    TearSnapshot {
        node: usize,
    },
}

/// Draws the next action. In the middle of another, it is often another node that wants the same partition.
pub(super) fn choose(world: &mut World) -> Action {
    if let Some(&(node, partition)) = world.busy.last()
        && world.random.chance(DUEL)
    {
        let other = world.random.below(world.nodes.len());
        if other != node {
            let index = partition.index;
            let there = world.nodes[other].hosts.contains_key(&index);
            return if there { Action::Write { node: other, partition } } else { Action::Start { node: other, index } };
        }
    }
    let trouble = world.profile.trouble;
    let weights = [14, 16, 26, 5, 34, 16, 4, 6, 14, 6, 26, 5, trouble, trouble, trouble, trouble, trouble, trouble];
    let mut roll = world.random.below(weights.iter().sum());
    let kind = weights.iter().position(|weight| {
        let hit = roll < *weight;
        roll = roll.wrapping_sub(*weight);
        hit
    });
    let (nodes, layout) = (world.nodes.len(), world.profile.layout);
    let node = world.random.below(nodes);
    let index = u16::try_from(world.random.below(usize::from(layout.customers))).unwrap_or(0);
    let projector = world.random.below(world.projectors.len());
    match kind.unwrap_or(0) {
        0 => Action::Think,
        1 => Action::Send,
        3 => Action::LookAtClock(world.random.below(CLOCKS)),
        4 => {
            let partitions: Vec<PartitionId> = layout.all().collect();
            Action::Write { node, partition: partitions[world.random.below(partitions.len())] }
        }
        5 => Action::Take { node, index },
        6 => Action::Commit { node, index },
        7 => Action::Follow { node },
        8 => Action::Start { node: world.owners[&index], index },
        9 => Action::Leave { node, index },
        10 => Action::Fold { projector, flush: world.random.chance(100) },
        11 => Action::Issue { projector },
        12 if rarely(world, 6) => Action::Kill(Process::Node(node)),
        13 if rarely(world, 6) => Action::Kill(Process::Projector(projector)),
        14 if rarely(world, 6) => Action::Move { index, to: node },
        15 if rarely(world, 10) => Action::Skew { node },
        16 if rarely(world, 30) => Action::Jump,
        17 if world.disk_full || rarely(world, 60) => Action::Disk,
        16 if rarely(world, 10) => Action::TearSnapshot { node },
        _ => Action::Deliver,
    }
}

fn rarely(world: &mut World, times: usize) -> bool {
    world.random.below(times) == 0
}

pub(super) fn run(action: Action) {
    match action {
        Action::Think => with(World::think),
        Action::Send => with(World::send),
        Action::Deliver => with(deliver),
        Action::LookAtClock(clock) => with(|world| world.look_at_clock(clock)),
        Action::Write { node, partition } => write(node, partition),
        Action::Take { node, index } => ingress::take(node, index),
        Action::Commit { node, index } => ingress::commit(node, index),
        Action::Follow { node } => follow(node),
        Action::Start { node, index } => start(node, index),
        Action::Leave { node, index } => leave(node, index),
        Action::Fold { projector, flush } => {
            projectors::turn(projector, flush);
        }
        Action::Issue { projector } => with(|world| issue(world, projector)),
        Action::Kill(process) => with(|world| {
            world.note(format!("{process:?} is killed"));
            world.kill(process);
        }),
        Action::Move { index, to } => with(|world| {
            if world.owners.insert(index, to) != Some(to) {
                world.note(format!("{index} moves to node {to}"));
                world.counters.rebalances += 1;
            }
        }),
        Action::Skew { node } => with(|world| skew(world, node)),
        Action::Jump => with(|world| {
            let hours = i64::try_from(world.random.below(60)).unwrap_or(0);
            world.note(format!("{hours} hours pass"));
            world.forward(TimeDelta::hours(hours));
        }),
        Action::Disk => with(|world| {
            let full = !world.disk_full;
            world.note(format!("the disk is full: {full}"));
            world.set_disk_full(full);
        }),
        Action::TearSnapshot { node } => with(|world| tear_snapshot(world, node)),
    }
}

fn skew(world: &mut World, node: usize) {
    let most = if world.random.chance(100) { 26 * 3_600 } else { 600 };
    let seconds = i64::try_from(world.random.below(2 * most)).unwrap_or(0) - i64::try_from(most).unwrap_or(0);
    world.note(format!("the clock of node {node} is off by {seconds} s"));
    world.nodes[node].clock.skew.store(seconds * 1_000_000, Ordering::Relaxed);
}

/// Any message may come first, twice, or never.
fn deliver(world: &mut World) {
    if world.network.is_empty() {
        return;
    }
    let place = world.random.below(world.network.len());
    let message = world.network.swap_remove(place);
    let Profile { lose, repeat, .. } = world.profile;
    if world.random.chance(lose) {
        return;
    }
    let again = world.random.chance(repeat);
    match message {
        Message::Reply { ask, answer } => {
            if again {
                world.network.push(Message::Reply { ask, answer: answer.clone() });
            }
            world.answered(ask, answer);
        }
        Message::Request { partition, commands } => {
            if again {
                world.network.push(Message::Request { partition, commands: commands.clone() });
            }
            arrive(world, partition, commands);
        }
    }
}

/// At any node that believes to have the partition.
fn arrive(world: &mut World, partition: PartitionId, commands: Vec<(u64, Submission)>) {
    let has = |node: &usize| world.nodes[*node].hosts.contains_key(&partition.index);
    let nodes: Vec<usize> = (0..world.nodes.len()).filter(has).collect();
    if nodes.is_empty() {
        return;
    }
    let node = nodes[world.random.below(nodes.len())];
    if let Some(host) = world.nodes[node].hosts.get_mut(&partition.index) {
        host.inbox.entry(partition).or_default().extend(commands);
    }
}

/// A writer's turn: what waits, then what is due, then perhaps a snapshot.
fn write(node: usize, partition: PartitionId) {
    let taken = with(|world| {
        let (life, most) = (world.life(Process::Node(node)), world.profile.block_commands_max);
        let host = world.nodes[node].hosts.get_mut(&partition.index)?;
        let writer = host.writers.get_mut(&partition)?.take()?;
        let inbox = host.inbox.entry(partition).or_default();
        let batch: Vec<(u64, Submission)> = inbox.drain(..inbox.len().min(most)).collect();
        Some((life, host.number, writer, batch))
    });
    let Some((life, number, mut writer, batch)) = taken else { return };
    let (asks, submissions): (Vec<u64>, Vec<Submission>) = batch.into_iter().unzip();
    with(|world| world.busy.push((node, partition)));
    let done = schedule::alive(|| {
        let answers = if submissions.is_empty() { Vec::new() } else { writer.submit(&submissions) };
        if !with(|world| world.is_dead(life)) {
            with(|world| {
                let replies = asks.iter().zip(answers).map(|(&ask, answer)| Message::Reply { ask, answer });
                world.network.extend(replies);
            });
        }
        writer.close_days();
        writer.snapshot_if_due();
        writer
    });
    with(|world| {
        world.busy.pop();
        let alive = !world.is_dead(life);
        let host = world.nodes[node].hosts.get_mut(&partition.index).filter(|host| host.number == number && alive);
        if let (Some(host), Some(writer)) = (host, done) {
            host.writers.insert(partition, Some(writer));
            world.tails(node, partition.index);
        }
    });
}

impl World {
    /// Every writer that believes to know where its history ends is right, whether it still is the writer or not.
    pub(super) fn tails(&mut self, node: usize, index: u16) {
        self.read_log();
        let Some(host) = self.nodes[node].hosts.get(&index) else { return };
        let mut found = Ok(());
        for (partition, writer) in &host.writers {
            let Some(tail) = writer.as_ref().and_then(SteppedWriter::tail) else { continue };
            let next = tail.cursor.admission.next_seq;
            let root = self.oracle.history(*partition).roots.get(usize::try_from(next).unwrap_or(usize::MAX));
            if root != Some(&tail.frontier.root()) {
                found = Err(format!("node {node} has another tree over the first {next} commits of {partition}"));
            }
        }
        self.insist(found);
    }
}

fn follow(node: usize) {
    let Some(reference) = with(|world| world.nodes[node].reference.clone()) else { return };
    // A read that fails is tried again.
    let _ = schedule::alive(|| reference.step().is_ok());
}

/// A node claims what is its own now.
fn start(node: usize, index: u16) {
    let begun = with(|world| {
        if world.nodes[node].hosts.contains_key(&index) {
            return None;
        }
        let life = world.life(Process::Node(node));
        let (log, options, clock) = (world.log(life), world.options(node), Arc::clone(&world.nodes[node].clock));
        let (reference, number) = (world.nodes[node].reference.clone(), world.number());
        Some((life, log, options, clock, reference, number, world.hosted(index)))
    });
    let Some((life, log, options, clock, reference, number, partitions)) = begun else { return };
    let Some(reference) = reference else {
        begin_to_follow(node, life, log);
        return;
    };
    with(|world| world.busy.extend(partitions.last().map(|partition| (node, *partition))));
    let started = schedule::alive(|| {
        let mut writers = Vec::new();
        for partition in partitions {
            let (log, clock) = (Arc::clone(&log), Arc::clone(&clock) as Arc<dyn subledger_writer::Clock>);
            let id = format!("node-{node}/{number}/{partition}");
            let writer = SteppedWriter::start(log, partition, Arc::clone(&reference), clock, &id, options.clone());
            writers.push((partition, writer.map_err(|error| error.to_string())?));
        }
        Ok::<_, String>(writers)
    });
    with(|world| {
        world.busy.pop();
        world.read_log();
        let Some(started) = started.filter(|_| !world.is_dead(life)) else { return };
        match started {
            Err(what) => world.note(format!("node {node} cannot claim {index}: {what}")),
            Ok(_) if world.nodes[node].hosts.contains_key(&index) => {}
            Ok(writers) => {
                let offset = world.start_of(index, &writers);
                world.note(format!("node {node} has {index}, from offset {offset} of the topic on"));
                let writers = writers.into_iter().map(|(partition, writer)| (partition, Some(writer))).collect();
                let host = Host { number, writers, inbox: std::collections::BTreeMap::new(), offset };
                world.nodes[node].hosts.insert(index, host);
                world.tails(node, index);
            }
        }
    });
}

/// The first thing a node does: it reads the catalog and the partners.
fn begin_to_follow(node: usize, life: Life, log: Arc<dyn Log>) {
    let reference = schedule::alive(|| ReferenceFollower::stepped(log));
    with(|world| {
        if let Some(Ok(reference)) = reference.filter(|_| !world.is_dead(life)) {
            // A start in between may have made one; a process has one.
            world.nodes[node].reference.get_or_insert(reference);
        }
    });
}

fn leave(node: usize, index: u16) {
    let writers = with(|world| {
        if world.owners.get(&index) == Some(&node) {
            return Vec::new();
        }
        let Some(host) = world.nodes[node].hosts.remove(&index) else { return Vec::new() };
        world.note(format!("node {node} leaves {index}"));
        host.writers.into_values().flatten().collect()
    });
    for writer in writers {
        writer.stop();
    }
}

fn issue(world: &mut World, projector: usize) {
    world.forget_invoices();
    let billing = &world.projectors[projector];
    if !billing.is_billing() || !billing.is_free() {
        return;
    }
    match due_invoices(billing.store(), world.profile.layout.customers) {
        Ok(due) => world.issue(projector, &due[..due.len().min(DUE_MAX)]),
        Err(error) => world.violated(format!("projector {projector}: {error}")),
    }
}

/// A snapshot has a byte that is wrong, or ends too early.
fn tear_snapshot(world: &mut World, node: usize) {
    let Ok(entries) = std::fs::read_dir(&world.nodes[node].snapshots) else { return };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    if paths.is_empty() {
        return;
    }
    let path = &paths[world.random.below(paths.len())];
    let Ok(mut bytes) = std::fs::read(path) else { return };
    if bytes.is_empty() {
        return;
    }
    // The bytes differ from run to run with the order of maps, their number does not.
    if world.random.chance(500) {
        bytes.truncate(world.random.below(bytes.len()));
    } else {
        let at = world.random.below(bytes.len());
        bytes[at] ^= 1 << world.random.below(8);
    }
    if std::fs::write(path, bytes).is_ok() {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        world.note(format!("the snapshot {name} of node {node} is damaged"));
    }
}
