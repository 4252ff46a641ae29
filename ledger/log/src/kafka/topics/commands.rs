//! Taking commands from their topic, the partitions shared out among writers.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rdkafka::{
    ClientContext, Message as _, Offset, TopicPartitionList,
    config::{FromClientConfigAndContext as _, RDKafkaLogLevel},
    consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, RebalanceProtocol},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::BorrowedMessage,
    types::RDKafkaRespErr,
};

use super::Headers;
use crate::kafka::{
    KafkaOptions, Topics,
    bounds::bounds,
    brokers::{self, KnownBrokers},
    context,
};

/// Most events of one poll.
pub const POLL_EVENTS_MAX: usize = 4_096;
/// Most bytes of one poll, about.
pub const POLL_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longest time between two polls before the group takes a writer for stuck, and gives its partitions to others.
pub const POLL_INTERVAL_MAX: Duration = Duration::from_secs(300);
/// How long a partition that stands in the wrong place may take to be sent to the right one.
const SEEK_AGAIN_MAX: Duration = Duration::from_secs(1);
/// How long after its last heartbeat a writer counts as dead: the shortest that brokers allow by default.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(6);
/// Pause between attempts to seek a partition that was assigned a moment ago.
const SEEK_PAUSE: Duration = Duration::from_millis(5);

/// A record of the topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingRecord {
    /// The topic's partition.
    pub partition: u32,
    /// Its place there.
    pub offset: u64,
    /// Customer or partner, if the publisher gave it.
    pub key: Option<Bytes>,
    /// The command.
    pub payload: Bytes,
    /// What the publisher says of it.
    pub headers: Headers,
}

/// What a poll brought, in the order it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandEvent {
    /// These partitions are this writer's now. Each brings nothing until [`CommandConsumer::start_at`].
    Assigned(Vec<u32>),
    /// These partitions are no longer this writer's; others may have them already. What it still appends for them, it appends as a
    /// zombie: the log's epochs decide, not this event.
    Revoked(Vec<u32>),
    /// A command.
    Record(IncomingRecord),
}

/// Taking commands failed.
#[derive(Debug, thiserror::Error)]
pub enum ConsumeError {
    /// The brokers refuse, or the client is broken. Trouble that passes is not an error: polls bring nothing meanwhile.
    #[error("cannot take commands from {topic}: {source}")]
    Unavailable {
        /// The topic.
        topic: String,
        /// Why.
        source: KafkaError,
    },
    /// Another process has joined the group as the same static member. One of the two must go.
    #[error("{topic}: another process runs as the same member of the group; give each writer an id of its own")]
    Fenced {
        /// The topic.
        topic: String,
    },
    /// The partition is not, or no longer, this writer's.
    #[error("partition {partition} of {topic} is not assigned to this writer")]
    NotAssigned {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
    },
    /// Commands that nobody has taken are gone.
    #[error(
        "{topic}/{partition}: commands from offset {offset} on have not been taken, but retention has deleted all before {begins}: \
         they must be sent again. To go on without them, start at {begins}"
    )]
    Expired {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
        /// The first one wanted.
        offset: u64,
        /// The first one there is.
        begins: u64,
    },
    /// The topic is shorter than the log says it was.
    #[error(
        "{topic}/{partition}: asked for offset {offset}, but the partition ends at {end}: the topic was made anew or has lost records. \
         To take what there is, start at an offset up to {end}"
    )]
    PastEnd {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
        /// The first one wanted.
        offset: u64,
        /// The end.
        end: u64,
    },
}

/// A change of assignment that the group made during a poll.
enum Change {
    Assigned(Vec<u32>),
    Revoked(Vec<u32>),
    Failed(KafkaError),
}

/// Follows what the group decides. Runs within [`BaseConsumer::poll`], so on the thread that polls.
#[derive(Default)]
struct Group {
    changes: Mutex<Vec<Change>>,
    brokers: KnownBrokers,
}

impl Group {
    fn push(&self, change: Change) {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).push(change);
    }

    fn take(&self) -> Vec<Change> {
        std::mem::take(&mut self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ClientContext for Group {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        context::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        context::note_error(&error, reason);
    }

    fn stats_raw(&self, report: &[u8]) {
        self.brokers.note(report);
    }
}

impl ConsumerContext for Group {
    /// Replaces the default, which ignores errors and starts at committed offsets. Here partitions are assigned and paused, so that
    /// nothing is fetched before the owner has said where each one starts: that stands in the log, not in Kafka.
    ///
    /// At the offset of their first record, never at their end: a client that is told to seek while it asks where a partition begins or
    /// ends asks again afterwards, and goes there. From the beginning it brings records once more, which [`CommandConsumer::poll`] knows;
    /// from the end it would leave some out.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let partitions: Vec<u32> =
            list.elements().iter().filter_map(|element| u32::try_from(element.partition()).ok()).collect();
        let incremental = matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative);
        let assigning = event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        let done = match (assigning, incremental) {
            (true, _) => at_beginning(consumer, list)
                .and_then(|()| if incremental { consumer.incremental_assign(list) } else { consumer.assign(list) })
                .and_then(|()| consumer.pause(list)),
            (false, true) => consumer.incremental_unassign(list),
            (false, false) => consumer.unassign(),
        };
        if !partitions.is_empty() {
            self.push(if assigning { Change::Assigned(partitions) } else { Change::Revoked(partitions) });
        }
        if let Err(error) = done {
            self.push(Change::Failed(error));
        }
    }
}

/// A member of the group of writers.
///
/// Partitions are shared out by `cooperative-sticky`: when a writer comes or goes, only the partitions that move stop, and the others
/// do not even notice. With eager assignors every writer would restore every partition again at each change.
///
/// Not for an async thread: polls block, and dropping it leaves the group, which asks a broker.
pub struct CommandConsumer {
    consumer: BaseConsumer<Group>,
    options: KafkaOptions,
    member: Option<String>,
    topic: String,
    /// The partitions assigned, with the next offset of those that were started.
    assigned: BTreeMap<u32, Option<u64>>,
    held: BTreeSet<u32>,
    /// Brought records from before where they stand.
    behind: BTreeSet<u32>,
    failed: Option<ConsumeError>,
    troubled: bool,
}

impl CommandConsumer {
    /// Joins the group `{prefix}-writers`.
    ///
    /// `member` makes it a static member: a restart within [`SESSION_TIMEOUT`] under the same id gets the same partitions back, and
    /// moves nobody else's. It must be unique among running writers.
    pub fn join(options: &KafkaOptions, member: Option<&str>) -> Result<Self, ConsumeError> {
        let topic = Topics::new(&options.topic_prefix).commands;
        let consumer = joined(options, member, &topic)
            .map_err(|source| ConsumeError::Unavailable { topic: topic.clone(), source })?;
        Ok(Self {
            consumer,
            options: options.clone(),
            member: member.map(str::to_owned),
            topic,
            assigned: BTreeMap::new(),
            held: BTreeSet::new(),
            behind: BTreeSet::new(),
            failed: None,
            troubled: false,
        })
    }

    /// What happened next, waiting up to `wait` for the first event. Must be called at least every [`POLL_INTERVAL_MAX`], also while
    /// everything is paused. A [`CommandEvent::Revoked`] partition brings no record after it.
    pub fn poll(&mut self, wait: Duration) -> Result<Vec<CommandEvent>, ConsumeError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if self.consumer.context().brokers.are_lost() {
            return self.join_again();
        }
        let deadline = Instant::now() + wait;
        let (mut events, mut bytes) = (Vec::new(), 0);
        while events.len() < POLL_EVENTS_MAX && bytes < POLL_BYTES_MAX {
            let patience =
                if events.is_empty() { deadline.saturating_duration_since(Instant::now()) } else { Duration::ZERO };
            let polled = self.consumer.poll(patience).map(|polled| polled.map(|message| incoming(&message)));
            let quiet = polled.is_none();
            let before = events.len();
            let changed = self.apply_changes(&mut events);
            let admitted = match polled {
                Some(Ok(record)) => {
                    if let Some(record) = self.admit(record) {
                        bytes += record.payload.len() + record.headers.bytes();
                        events.push(CommandEvent::Record(record));
                    }
                    Ok(())
                }
                Some(Err(error)) => self.triage(error),
                None => Ok(()),
            };
            if let Err(error) = changed.and(admitted) {
                if events.is_empty() {
                    return Err(error);
                }
                self.failed = Some(error);
                break;
            }
            if (quiet && !events.is_empty() && events.len() == before)
                || (events.is_empty() && Instant::now() >= deadline)
            {
                break;
            }
        }
        self.catch_up();
        if self.troubled && events.iter().any(|event| matches!(event, CommandEvent::Record(_))) {
            self.troubled = false;
            tracing::info!(topic = self.topic, "commands come again");
        }
        Ok(events)
    }

    /// Sends partitions that stand before where they should to their places. If it fails, records are passed over one by one.
    fn catch_up(&mut self) {
        for partition in std::mem::take(&mut self.behind) {
            if let Some(&Some(next)) = self.assigned.get(&partition) {
                let place = Offset::Offset(signed(next));
                let sought = self.consumer.seek(&self.topic, number_of(partition), place, SEEK_AGAIN_MAX);
                tracing::debug!(partition, next, ok = sought.is_ok(), "records came from before where it stands");
            }
        }
    }

    /// A new member in place of one that has lost its brokers: the group has taken its partitions away, or will.
    fn join_again(&mut self) -> Result<Vec<CommandEvent>, ConsumeError> {
        let consumer = joined(&self.options, self.member.as_deref(), &self.topic)
            .map_err(|source| ConsumeError::Unavailable { topic: self.topic.clone(), source })?;
        brokers::give_up("commands", std::mem::replace(&mut self.consumer, consumer));
        self.held.clear();
        self.behind.clear();
        let revoked: Vec<u32> = std::mem::take(&mut self.assigned).into_keys().collect();
        Ok(if revoked.is_empty() { Vec::new() } else { vec![CommandEvent::Revoked(revoked)] })
    }

    /// Says where a partition that was assigned begins: after the last command whose commit is in the log. May be called again, to
    /// go back (or forward) after the partition was claimed anew.
    pub fn start_at(&mut self, partition: u32, offset: u64) -> Result<(), ConsumeError> {
        self.check_assigned(partition)?;
        let (begins, end) = self.bounds(partition)?;
        self.check_bounds(partition, offset, begins, end)?;
        let number = number_of(partition);
        let deadline = Instant::now() + self.options.request_timeout;
        // A partition that was assigned a moment ago may not be up yet.
        while let Err(source) =
            self.consumer.seek(&self.topic, number, Offset::Offset(signed(offset)), self.options.request_timeout)
        {
            if Instant::now() >= deadline {
                return Err(ConsumeError::Unavailable { topic: self.topic.clone(), source });
            }
            thread::sleep(SEEK_PAUSE);
        }
        self.assigned.insert(partition, Some(offset));
        if self.held.contains(&partition) { Ok(()) } else { self.on([partition], BaseConsumer::resume) }
    }

    /// The offsets of the first command of a partition and after its last.
    pub fn bounds(&self, partition: u32) -> Result<(u64, u64), ConsumeError> {
        let (low, high) = bounds(self.consumer.client(), &self.options, &self.topic, number_of(partition))
            .map_err(|source| ConsumeError::Unavailable { topic: self.topic.clone(), source })?;
        Ok((u64::try_from(low).unwrap_or(0), u64::try_from(high).unwrap_or(0)))
    }

    /// What was last said with [`Self::commit`] of a partition, by whichever writer had it; none if nothing was, or long ago.
    pub fn committed(&self, partition: u32) -> Result<Option<u64>, ConsumeError> {
        let unavailable = |source| ConsumeError::Unavailable { topic: self.topic.clone(), source };
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition(&self.topic, number_of(partition));
        let list = self.consumer.committed_offsets(list, self.options.request_timeout).map_err(unavailable)?;
        let found = list.find_partition(&self.topic, number_of(partition)).map(|element| element.offset());
        Ok(match found {
            Some(Offset::Offset(offset)) => u64::try_from(offset).ok(),
            _ => None,
        })
    }

    /// Tells the group that everything before `offset` is done with: in the log, and answered. Does not wait; call it every second or
    /// so, not for each command.
    pub fn commit(&self, partition: u32, offset: u64) -> Result<(), ConsumeError> {
        self.check_assigned(partition)?;
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(&self.topic, number_of(partition), Offset::Offset(signed(offset)))
            .and_then(|()| self.consumer.commit(&list, CommitMode::Async))
            .map_err(|source| ConsumeError::Unavailable { topic: self.topic.clone(), source })
    }

    /// Takes nothing more from these partitions until [`Self::resume`]; those not assigned are ignored. Records of theirs that this
    /// process has fetched already are dropped and fetched again.
    pub fn pause(&mut self, partitions: &[u32]) -> Result<(), ConsumeError> {
        let new = |p: &u32| self.assigned.contains_key(p) && !self.held.contains(p);
        let ours: Vec<u32> = partitions.iter().copied().filter(new).collect();
        self.held.extend(&ours);
        self.on(ours, BaseConsumer::pause)
    }

    /// Goes on with these partitions.
    pub fn resume(&mut self, partitions: &[u32]) -> Result<(), ConsumeError> {
        let ours: Vec<u32> = partitions.iter().copied().filter(|p| self.held.remove(p)).collect();
        let started = ours.into_iter().filter(|p| matches!(self.assigned.get(p), Some(Some(_))));
        self.on(started.collect::<Vec<_>>(), BaseConsumer::resume)
    }

    /// Whether any partition is paused.
    pub fn holds_any(&self) -> bool {
        !self.held.is_empty()
    }

    /// The partitions this writer has.
    pub fn assigned(&self) -> impl Iterator<Item = u32> {
        self.assigned.keys().copied()
    }

    fn on(
        &self,
        partitions: impl IntoIterator<Item = u32>,
        act: impl FnOnce(&BaseConsumer<Group>, &TopicPartitionList) -> KafkaResult<()>,
    ) -> Result<(), ConsumeError> {
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            list.add_partition(&self.topic, number_of(partition));
        }
        if list.count() == 0 {
            return Ok(());
        }
        act(&self.consumer, &list).map_err(|source| ConsumeError::Unavailable { topic: self.topic.clone(), source })
    }

    fn check_assigned(&self, partition: u32) -> Result<(), ConsumeError> {
        if self.assigned.contains_key(&partition) {
            return Ok(());
        }
        Err(ConsumeError::NotAssigned { topic: self.topic.clone(), partition })
    }

    fn check_bounds(&self, partition: u32, offset: u64, begins: u64, end: u64) -> Result<(), ConsumeError> {
        let topic = || self.topic.clone();
        if offset < begins {
            return Err(ConsumeError::Expired { topic: topic(), partition, offset, begins });
        }
        if offset > end {
            return Err(ConsumeError::PastEnd { topic: topic(), partition, offset, end });
        }
        Ok(())
    }

    fn apply_changes(&mut self, events: &mut Vec<CommandEvent>) -> Result<(), ConsumeError> {
        let mut failed = None;
        for change in self.consumer.context().take() {
            match change {
                Change::Assigned(partitions) => {
                    for partition in &partitions {
                        self.assigned.insert(*partition, None);
                        self.held.remove(partition);
                    }
                    events.push(CommandEvent::Assigned(partitions));
                }
                Change::Revoked(partitions) => {
                    for partition in &partitions {
                        self.assigned.remove(partition);
                        self.held.remove(partition);
                    }
                    events.push(CommandEvent::Revoked(partitions));
                }
                Change::Failed(source) => failed = Some(source),
            }
        }
        match failed {
            None => Ok(()),
            Some(source) => Err(ConsumeError::Unavailable { topic: self.topic.clone(), source }),
        }
    }

    /// The record, if it is due. Offsets may have holes: transactions of publishers leave them.
    fn admit(&mut self, record: Option<IncomingRecord>) -> Option<IncomingRecord> {
        let record = record?;
        let next = self.assigned.get_mut(&record.partition)?.as_mut()?;
        if record.offset < *next {
            self.behind.insert(record.partition);
            return None;
        }
        *next = record.offset + 1;
        Some(record)
    }

    fn triage(&mut self, error: KafkaError) -> Result<(), ConsumeError> {
        use RDKafkaErrorCode as Code;
        let code = match &error {
            KafkaError::MessageConsumption(code) | KafkaError::MessageConsumptionFatal(code) => Some(*code),
            _ => None,
        };
        match code {
            Some(Code::FencedInstanceId) => Err(ConsumeError::Fenced { topic: self.topic.clone() }),
            Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => self.out_of_range(),
            Some(
                Code::TopicAuthorizationFailed
                | Code::GroupAuthorizationFailed
                | Code::SaslAuthenticationFailed
                | Code::Authentication
                | Code::UnknownTopic
                | Code::UnknownTopicOrPartition,
            )
            | None => Err(ConsumeError::Unavailable { topic: self.topic.clone(), source: error }),
            Some(_) if matches!(error, KafkaError::MessageConsumptionFatal(_)) => {
                Err(ConsumeError::Unavailable { topic: self.topic.clone(), source: error })
            }
            Some(_) => {
                if !self.troubled {
                    self.troubled = true;
                    tracing::warn!(%error, topic = self.topic, "commands are held up; they come again when the brokers are back");
                }
                Ok(())
            }
        }
    }

    /// Some partition has no record where it stands; the client does not say which, and has stopped reading it.
    fn out_of_range(&mut self) -> Result<(), ConsumeError> {
        let started: Vec<(u32, u64)> = self.assigned.iter().filter_map(|(&p, next)| Some((p, (*next)?))).collect();
        started.into_iter().try_for_each(|(partition, offset)| self.start_at(partition, offset))
    }
}

/// Sets each partition to its first record: by number, if a broker tells it soon, so that the client need not ask.
fn at_beginning(consumer: &BaseConsumer<Group>, list: &mut TopicPartitionList) -> KafkaResult<()> {
    list.set_all_offsets(Offset::Beginning)?;
    for mut element in list.elements() {
        if let Ok((low, _)) = consumer.client().fetch_watermarks(element.topic(), element.partition(), SEEK_AGAIN_MAX) {
            element.set_offset(Offset::Offset(low))?;
        }
    }
    Ok(())
}

/// A new member of the group of writers.
fn joined(options: &KafkaOptions, member: Option<&str>, topic: &str) -> KafkaResult<BaseConsumer<Group>> {
    let mut config = options.consumer("commands", &format!("{}-writers", options.topic_prefix));
    config.set("partition.assignment.strategy", "cooperative-sticky");
    config.set("session.timeout.ms", SESSION_TIMEOUT.as_millis().to_string());
    config.set("max.poll.interval.ms", POLL_INTERVAL_MAX.as_millis().to_string());
    // Publishers may use transactions; what they abort was never sent.
    config.set("isolation.level", "read_committed");
    if let Some(member) = member {
        config.set("group.instance.id", member);
    }
    let consumer = BaseConsumer::from_config_and_context(&config, Group::default())?;
    consumer.subscribe(&[topic])?;
    Ok(consumer)
}

fn incoming(message: &BorrowedMessage<'_>) -> Option<IncomingRecord> {
    Some(IncomingRecord {
        partition: u32::try_from(message.partition()).ok()?,
        offset: u64::try_from(message.offset()).ok()?,
        key: message.key().map(Bytes::copy_from_slice),
        payload: Bytes::copy_from_slice(message.payload().unwrap_or_default()),
        headers: Headers::from_kafka(message.headers()),
    })
}

/// Kafka's number for a partition.
fn number_of(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

/// Kafka's form of an offset.
fn signed(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}
