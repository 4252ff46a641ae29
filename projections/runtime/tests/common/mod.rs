//! A log in memory, a projection that counts, and what the tests do with them.

#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use subledger_domain::{
    Event, Reason, Rejection,
    event::{PartitionDayClosed, QuantityChanged},
    ids::{CustomerId, SubscriptionId},
};
use subledger_fold::{Changes, Key, Projection, Recorded, StoreError, get, put};
use subledger_log::{
    Actor, AppendError, Appender, Body, Commit, Family, Layout, LedgerId, Log, PartitionId, Position, RawRecord,
    ReadError, Reader, codec,
};
use subledger_projection_runtime::{Config, Handle, Limits};
use uuid::Uuid;

/// Customers partitions of the test's ledger.
pub(crate) const PARTITIONS: u16 = 3;
/// A fold refuses a change to this many seats.
pub(crate) const POISON: u32 = 666;

type Records = Arc<(Mutex<BTreeMap<PartitionId, Vec<Bytes>>>, Condvar)>;

/// Records in a vector. `read_max` makes readers bring as few records at a time as a test wants, partitions in turn.
#[derive(Clone)]
pub(crate) struct VecLog {
    pub(crate) ledger: LedgerId,
    pub(crate) read_max: usize,
    pub(crate) reverse: bool,
    records: Records,
}

impl VecLog {
    pub(crate) fn new(number: u128) -> Self {
        Self { ledger: LedgerId(Uuid::from_u128(number)), read_max: 1_000, reverse: false, records: Records::default() }
    }

    /// The same records, read a few at a time, or the partitions in the other order.
    pub(crate) fn read_as(&self, read_max: usize, reverse: bool) -> Self {
        Self { read_max, reverse, ..self.clone() }
    }

    fn push(&self, partition: PartitionId, record: Bytes) {
        self.records.0.lock().unwrap().entry(partition).or_default().push(record);
        self.records.1.notify_all();
    }

    fn next_seq(&self, partition: PartitionId) -> u64 {
        let records = self.records.0.lock().unwrap();
        let own = records.get(&partition).map(Vec::as_slice).unwrap_or_default();
        own.last().map_or(0, |bytes| codec::decode(bytes).unwrap().position.seq + 1)
    }

    /// Appends a commit as the partition's writer would; its position.
    pub(crate) fn append(&self, partition: PartitionId, stream: &str, version_before: u64, body: Body) -> Position {
        if self.next_seq(partition) == 0 && !matches!(body, Body::WriterStarted { .. }) {
            self.append(partition, "", 0, Body::WriterStarted { writer_id: "w".into() });
        }
        let position = Position { partition, seq: self.next_seq(partition) };
        let commit = Commit {
            position,
            epoch: 1,
            command_id: format!("c-{position}"),
            command: Bytes::new(),
            stream: stream.into(),
            stream_version_before: version_before,
            decided_against: Vec::new(),
            recorded_at: at(position.seq),
            effective_at: at(position.seq),
            actor: Actor { principal: "p".into(), channel: "grpc".into() },
            body,
            previous_root: None,
            source: None,
        };
        self.push(partition, codec::encode(&commit).into());
        position
    }

    /// A record that the reader rule skips: the last one of the partition once more.
    pub(crate) fn duplicate_last(&self, partition: PartitionId) {
        let last = self.records.0.lock().unwrap()[&partition].last().unwrap().clone();
        self.push(partition, last);
    }
}

impl Log for VecLog {
    fn ledger_id(&self) -> LedgerId {
        self.ledger
    }

    fn layout(&self) -> Layout {
        Layout { partners: 1, customers: PARTITIONS }
    }

    fn backend(&self) -> &'static str {
        "vec"
    }

    fn end(&self, partition: PartitionId) -> Result<u64, ReadError> {
        Ok(self.records.0.lock().unwrap().get(&partition).map_or(0, Vec::len) as u64)
    }

    fn appender(&self, _: PartitionId) -> Result<Box<dyn Appender>, AppendError> {
        unimplemented!("tests append by hand")
    }

    fn reader(&self, from: &[(PartitionId, u64)]) -> Result<Box<dyn Reader>, ReadError> {
        Ok(Box::new(VecReader { log: self.clone(), at: from.iter().copied().collect(), turn: 0 }))
    }
}

struct VecReader {
    log: VecLog,
    at: BTreeMap<PartitionId, u64>,
    turn: usize,
}

impl VecReader {
    fn take(&mut self, records: &BTreeMap<PartitionId, Vec<Bytes>>) -> Vec<RawRecord> {
        let mut order: Vec<_> = self.at.keys().copied().collect();
        if self.log.reverse {
            order.reverse();
        }
        self.turn += 1;
        let turn = self.turn % order.len();
        order.rotate_left(turn);
        let mut taken = Vec::new();
        for partition in order {
            let offset = self.at.get_mut(&partition).unwrap();
            for bytes in records.get(&partition).into_iter().flatten().skip(usize::try_from(*offset).unwrap()) {
                if taken.len() >= self.log.read_max {
                    return taken;
                }
                taken.push(RawRecord { partition, offset: *offset, bytes: bytes.clone(), opened: None });
                *offset += 1;
            }
        }
        taken
    }
}

impl Reader for VecReader {
    fn next(&mut self, _: usize, wait: Duration) -> Result<Vec<RawRecord>, ReadError> {
        let shared = self.log.records.clone();
        let records = shared.0.lock().unwrap();
        let taken = self.take(&records);
        if !taken.is_empty() || wait.is_zero() {
            return Ok(taken);
        }
        let (records, _) = shared.1.wait_timeout(records, wait).unwrap();
        Ok(self.take(&records))
    }
}

pub(crate) fn at(second: u64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_514_764_800 + i64::try_from(second).unwrap(), 0).unwrap()
}

pub(crate) fn partition(index: u16) -> PartitionId {
    PartitionId::new(Family::Customers, index % PARTITIONS)
}

pub(crate) fn seats(customer: &str, to: u32) -> Event {
    QuantityChanged {
        customer_id: CustomerId::new(customer).unwrap(),
        subscription_id: SubscriptionId::new("s").unwrap(),
        from: 0,
        to,
        effective_on: NaiveDate::from_ymd_opt(2018, 1, 1).unwrap(),
    }
    .into()
}

/// Appends a change of seats, a refusal, or a day's end, all over the partitions.
pub(crate) fn fill(log: &VecLog, from: u32, to: u32) {
    for number in from..to {
        let index = u16::try_from(number % u32::from(PARTITIONS)).unwrap();
        let (partition, stream) = (partition(index), format!("c-{}", number % 7 * 3 + u32::from(index)));
        let version = u64::from(number);
        match number % 11 {
            3 => {
                let rejection = Rejection::new(Reason::SubscriptionNotFound, "no");
                log.append(partition, &stream, version, Body::Rejected(rejection));
                log.duplicate_last(partition);
            }
            5 => {
                let date = NaiveDate::from_ymd_opt(2018, 1, 1).unwrap();
                log.append(partition, "", 0, Body::Accepted(vec![PartitionDayClosed { date }.into()]));
            }
            _ => {
                log.append(partition, &stream, version, Body::Accepted(vec![seats(&stream, number % 100)]));
            }
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Count {
    pub(crate) version: u64,
    pub(crate) commits: u64,
    pub(crate) rejected: u64,
    pub(crate) seats: u32,
}

/// Counts by stream, in total (which commutes), and lists streams by their seats, so that rows are moved and removed too.
pub(crate) struct Counting {
    pub(crate) version: u32,
}

pub(crate) fn stream_key(stream: &str) -> Vec<u8> {
    Key::table(0x10).text(stream).build()
}

pub(crate) fn total_key() -> Vec<u8> {
    Key::table(0x11).build()
}

fn seats_key(seats: u32, stream: &str) -> Vec<u8> {
    Key::table(0x12).number(u64::from(seats)).text(stream).build()
}

impl Projection for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn fold(&self, commit: &Recorded<'_>, rows: &mut dyn Changes) -> Result<(), StoreError> {
        let total: u64 = get(rows, &total_key())?.unwrap_or_default();
        put(rows, total_key(), &(total + 1))?;
        if commit.stream.is_empty() {
            assert_eq!(commit.stream_version, 0);
            return Ok(());
        }
        let mut count: Count = get(rows, &stream_key(commit.stream))?.unwrap_or_default();
        rows.delete(seats_key(count.seats, commit.stream));
        count.version = commit.stream_version;
        count.commits += 1;
        match commit.outcome {
            Err(_) => count.rejected += 1,
            Ok(events) => {
                for event in events {
                    if let Event::QuantityChanged(event) = event {
                        if event.to == POISON {
                            return Err(StoreError("666 seats".into()));
                        }
                        count.seats = event.to;
                    }
                }
            }
        }
        put(rows, seats_key(count.seats, commit.stream), &())?;
        put(rows, stream_key(commit.stream), &count)
    }
}

pub(crate) fn config(dir: &Path) -> Config {
    let mut config = Config::new(dir, Arc::new(|| at(1_000_000)));
    config.limits =
        Limits { idle: Duration::from_millis(10), lag_every: Duration::from_millis(20), ..Limits::default() };
    config.store.lock_wait = Duration::from_millis(500);
    config
}

pub(crate) fn total(handle: &Handle) -> u64 {
    handle.read(|rows| get(rows, &total_key())).unwrap().value.unwrap_or_default()
}

/// The last commit of each partition of the log.
pub(crate) fn last_positions(log: &VecLog) -> Vec<Position> {
    let last = |partition| log.next_seq(partition).checked_sub(1).map(|seq| Position { partition, seq });
    log.layout().all().filter_map(last).collect()
}
