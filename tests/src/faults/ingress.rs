//! The topic of commands, and taking them from it. The order of things is that of `services/src/kafka/host.rs`: a run of one family after
//! the other, and whatever has no certain outcome is taken again.

use subledger_log::{Family, Layout, PartitionId, Source};
use subledger_writer::{CommandError, Outcome, Submission, stepped::SteppedWriter};

use super::{
    clients::{Clients, Message},
    schedule::{self, Process, with},
    world::World,
};

/// As commits name it.
const TOPIC: &str = "subledger.commands";
/// Records of one batch.
const BATCH_MAX: usize = 6;
/// How long a batch waits for the catalog and partners; only counted.
const REFERENCE_WAIT: std::time::Duration = std::time::Duration::from_secs(10);

type Answer = Result<Outcome, CommandError>;

/// The topic, and what the group knows of it.
pub(super) struct Topic {
    pub(super) partitions: Vec<Vec<(u64, Submission)>>,
    /// Before these offsets, everything is answered.
    pub(super) committed: Vec<u64>,
}

impl Topic {
    pub(super) fn new(layout: Layout) -> Self {
        let count = usize::from(layout.customers);
        Self { partitions: vec![Vec::new(); count], committed: vec![0; count] }
    }
}

impl World {
    /// Where a new host begins to take commands: what is in the log but may not be answered is taken again.
    pub(super) fn start_of(&mut self, index: u16, writers: &[(PartitionId, SteppedWriter)]) -> u64 {
        let mut recorded = None;
        for (partition, writer) in writers {
            let sources = writer.sources();
            let found = sources.iter().find(|((_, p), _)| *p == u32::from(index)).map(|(_, offset)| *offset);
            if let Some(tail) = writer.tail() {
                let expected = self.oracle.source_after(*partition, tail.cursor.admission.next_seq, u32::from(index));
                if found != expected {
                    self.violated(format!(
                        "the writer of {partition} would go on at {found:?} of the topic, not {expected:?}"
                    ));
                }
            }
            recorded = recorded.max(found);
        }
        recorded.unwrap_or(0).min(self.topic.committed[usize::from(index)])
    }
}

/// Takes a batch from the topic.
pub(super) fn take(node: usize, index: u16) {
    let topic = usize::from(index);
    let taken = with(|world| {
        let (life, most) = (world.life(Process::Node(node)), 1 + world.random.below(BATCH_MAX));
        let reference = world.nodes[node].reference.clone()?;
        let host = world.nodes[node].hosts.get_mut(&index)?;
        if host.writers.values().any(Option::is_none) {
            return None;
        }
        let (number, offset) = (host.number, host.offset);
        let writers: Vec<_> = host.writers.iter_mut().filter_map(|(p, w)| w.take().map(|w| (*p, w))).collect();
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let records: Vec<_> = world.topic.partitions[topic].iter().skip(from).take(most).cloned().collect();
        Some((life, reference, number, offset, writers, records))
    });
    let Some((life, reference, number, offset, mut writers, records)) = taken else { return };
    let count = records.len();
    let done = schedule::alive(|| {
        let mut answers: Vec<(u64, Answer)> = Vec::with_capacity(count);
        let mut at = 0;
        while at < count {
            let partition = with(|world| Clients::partition_of(world.profile.layout, &records[at].1));
            let same = |record: &&(u64, Submission)| {
                with(|world| Clients::partition_of(world.profile.layout, &record.1)) == partition
            };
            let run: Vec<_> = records[at..].iter().take_while(same).collect();
            let submissions: Vec<Submission> = run
                .iter()
                .enumerate()
                .map(|(n, (_, submission))| Submission {
                    source: Some(Source {
                        topic: TOPIC.into(),
                        partition: u32::from(index),
                        offset: offset + (at + n) as u64,
                    }),
                    ..submission.clone()
                })
                .collect();
            let Some((_, writer)) = writers.iter_mut().find(|(p, _)| *p == partition) else { break };
            let given = writer.submit(&submissions);
            let positions: Vec<_> = given.iter().flatten().map(|outcome| outcome.position).collect();
            at += run.len();
            let certain = given.iter().all(|answer| !is_uncertain(answer));
            answers.extend(run.iter().map(|(ask, _)| *ask).zip(given));
            if !certain {
                break;
            }
            if partition.family != Family::Customers {
                reference.wait_for(&positions, REFERENCE_WAIT);
            }
        }
        answers
    });
    with(|world| {
        let alive = !world.is_dead(life);
        let host = world.nodes[node].hosts.get_mut(&index).filter(|host| host.number == number && alive);
        let (Some(host), Some(answers)) = (host, done) else { return };
        for (partition, writer) in writers {
            host.writers.insert(partition, Some(writer));
        }
        let certain = answers.iter().position(|(_, answer)| is_uncertain(answer)).unwrap_or(answers.len());
        host.offset = offset + certain as u64;
        if count > 0 {
            world.note(format!("node {node} takes {certain} of {count} from {index}@{offset}"));
        }
        world.network.extend(answers.into_iter().take(certain).map(|(ask, answer)| Message::Reply { ask, answer }));
        world.tails(node, index);
    });
}

/// The group learns what the owner has answered.
pub(super) fn commit(node: usize, index: u16) {
    with(|world| {
        let Some(offset) = world.nodes[node].hosts.get(&index).map(|host| host.offset) else { return };
        if world.owners.get(&index) == Some(&node) {
            let committed = &mut world.topic.committed[usize::from(index)];
            *committed = (*committed).max(offset);
        }
    });
}

pub(super) fn is_uncertain(answer: &Answer) -> bool {
    use CommandError::{Overloaded, Unavailable, Unknown};
    matches!(answer, Err(Overloaded { .. } | Unavailable { .. } | Unknown { .. }))
}
