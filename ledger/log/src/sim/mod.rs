//! A log in memory that does everything a network and a broker can do to a writer, from a seed.
//!
//! It behaves like a broker: an append lands at the end wherever that is, and one that did not land where it was expected is
//! `Interleaved` although it was written. On top come the faults of [`SimFaults`]. The same calls with the same seed give the same
//! [`SimLog::trace`]; with several threads the calls' order is theirs, so a run is repeatable only if its threads are.
//!
//! What may not live here: clocks, real randomness, anything a test cannot repeat.

mod faults;
mod random;

use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;

pub use faults::SimFaults;
pub use random::SplitMix64;

use crate::{AppendError, Appender, Layout, LedgerId, Log, PartitionId, RawRecord, ReadError, Reader, limits};

use faults::{Fate, Late, garbage};

/// Most records of a read that a fault cuts short.
const MIXED_RECORDS_MAX: usize = 8;

/// The simulated log. Clones are the same log.
#[derive(Clone)]
pub struct SimLog {
    shared: Arc<Shared>,
}

struct Shared {
    layout: Layout,
    ledger_id: LedgerId,
    state: Mutex<State>,
    grown: Condvar,
}

struct State {
    faults: SimFaults,
    random: SplitMix64,
    partitions: BTreeMap<PartitionId, Vec<Bytes>>,
    late: Vec<Late>,
    trace: Vec<String>,
}

impl SimLog {
    /// A log whose faults follow from `seed`.
    pub fn new(seed: u64, layout: Layout, faults: SimFaults) -> Self {
        let state = State {
            faults,
            random: SplitMix64::new(seed),
            partitions: layout.all().map(|partition| (partition, Vec::new())).collect(),
            late: Vec::new(),
            trace: Vec::new(),
        };
        let ledger_id = LedgerId(uuid::Uuid::from_u128(u128::from(seed)));
        Self { shared: Arc::new(Shared { layout, ledger_id, state: Mutex::new(state), grown: Condvar::new() }) }
    }

    /// Changes what goes wrong from now on.
    pub fn set_faults(&self, faults: SimFaults) {
        self.shared.state().faults = faults;
    }

    /// Lets every write that is still under way land.
    pub fn settle(&self) {
        self.shared.state().land_late(|_| true);
        self.shared.grown.notify_all();
    }

    /// What happened so far, one line for each call and landing.
    pub fn trace(&self) -> Vec<String> {
        self.shared.state().trace.clone()
    }

    /// The same, and it is forgotten here.
    pub fn take_trace(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.state().trace)
    }

    /// Every record of a partition from an offset on, as it lies there: for whoever checks, so no fault concerns it.
    pub fn records(&self, partition: PartitionId, from: u64) -> Vec<Bytes> {
        let state = self.shared.state();
        let stored = state.partitions.get(&partition).map_or(&[][..], Vec::as_slice);
        stored.iter().skip(usize::try_from(from).unwrap_or(usize::MAX)).cloned().collect()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, partition: PartitionId) -> Result<u64, ReadError> {
        let state = self.state();
        let records = state.partitions.get(&partition).ok_or(ReadError::NoSuchPartition { partition })?;
        Ok(records.len() as u64)
    }
}

impl Log for SimLog {
    fn ledger_id(&self) -> LedgerId {
        self.shared.ledger_id
    }

    fn layout(&self) -> Layout {
        self.shared.layout
    }

    fn backend(&self) -> &'static str {
        "sim"
    }

    fn end(&self, partition: PartitionId) -> Result<u64, ReadError> {
        self.shared.end(partition)
    }

    fn appender(&self, partition: PartitionId) -> Result<Box<dyn Appender>, AppendError> {
        self.shared.end(partition).map_err(|error| AppendError::NotWritten { partition, source: error.into() })?;
        Ok(Box::new(SimAppender { shared: Arc::clone(&self.shared), partition }))
    }

    fn reader(&self, from: &[(PartitionId, u64)]) -> Result<Box<dyn Reader>, ReadError> {
        for &(partition, offset) in from {
            let end = self.shared.end(partition)?;
            if offset > end {
                return Err(ReadError::PastEnd { partition, offset, end });
            }
        }
        Ok(Box::new(SimReader { shared: Arc::clone(&self.shared), at: from.to_vec() }))
    }
}

struct SimAppender {
    shared: Arc<Shared>,
    partition: PartitionId,
}

impl Appender for SimAppender {
    fn append(&mut self, expected: u64, records: &[Bytes]) -> Result<(), AppendError> {
        let partition = self.partition;
        if let Some(long) = records.iter().find(|record| record.len() > limits::RECORD_BYTES_MAX) {
            let (bytes, limit) = (long.len(), limits::RECORD_BYTES_MAX);
            return Err(AppendError::TooLarge { partition, bytes, limit });
        }
        if records.is_empty() {
            return Ok(());
        }
        let outcome = self.shared.state().append(partition, expected, records);
        self.shared.grown.notify_all();
        outcome
    }
}

impl State {
    fn append(&mut self, partition: PartitionId, expected: u64, records: &[Bytes]) -> Result<(), AppendError> {
        let count = records.len();
        self.land_late(|late| late.partition == partition);
        let fate = self.faults.fate(&mut self.random, count);
        if self.random.chance(self.faults.garbage) {
            let garbage = garbage(&mut self.random, partition);
            self.trace.push(format!("{partition}: garbage lands"));
            self.land(partition, &[garbage]);
        }
        self.trace.push(format!("{partition}: append {count} at {expected}: {fate:?}"));
        let unknown = || AppendError::Unknown { partition, source: "the simulated answer was lost".into() };
        match fate {
            Fate::NotWritten => {
                return Err(AppendError::NotWritten { partition, source: "the simulated disk is full".into() });
            }
            Fate::LostRequest => return Err(unknown()),
            Fate::Late { appends } => {
                self.late.push(Late { partition, records: records.to_vec(), appends });
                return Err(unknown());
            }
            Fate::LostAcknowledgement => {
                self.land(partition, records);
                return Err(unknown());
            }
            Fate::Torn { kept } => {
                self.land(partition, &records[..kept]);
                return Err(unknown());
            }
            Fate::Written => {}
            Fate::Duplicated => {
                // A retry by a client without idempotence: the first answer is lost, the second one names the second place.
                self.land(partition, records);
            }
        }
        let got = self.land(partition, records);
        if got == expected { Ok(()) } else { Err(AppendError::Interleaved { partition, expected, got }) }
    }

    /// Writes at the end and returns where that was.
    fn land(&mut self, partition: PartitionId, records: &[Bytes]) -> u64 {
        let stored = self.partitions.entry(partition).or_default();
        let at = stored.len() as u64;
        stored.extend_from_slice(records);
        at
    }

    /// Counts an append for the late writes it concerns and lands those whose time has come.
    fn land_late(&mut self, concerned: impl Fn(&Late) -> bool) {
        let mut waiting = Vec::new();
        for mut late in std::mem::take(&mut self.late) {
            if concerned(&late) {
                if late.appends == 0 {
                    let at = self.land(late.partition, &late.records);
                    self.trace.push(format!("{}: {} late records land at {at}", late.partition, late.records.len()));
                    continue;
                }
                late.appends -= 1;
            }
            waiting.push(late);
        }
        self.late = waiting;
    }

    fn take(&mut self, at: &mut [(PartitionId, u64)], bytes_max: usize) -> Vec<RawRecord> {
        let mut found = Vec::new();
        let mut bytes = 0;
        let mut records_max = usize::MAX;
        if self.faults.reader_mixes > 0 && self.random.chance(self.faults.reader_mixes) {
            // Any partition may come first, and a read may end anywhere.
            let first = self.random.below(at.len());
            at.rotate_left(first);
            records_max = 1 + self.random.below(MIXED_RECORDS_MAX);
        }
        for (partition, next) in at {
            let stored = self.partitions.get(partition).map_or(&[][..], Vec::as_slice);
            let from = usize::try_from(*next).unwrap_or(usize::MAX);
            for record in stored.iter().skip(from) {
                if (bytes >= bytes_max && !found.is_empty()) || found.len() >= records_max {
                    return found;
                }
                bytes += record.len();
                found.push(RawRecord { partition: *partition, offset: *next, bytes: record.clone(), opened: None });
                *next += 1;
            }
        }
        found
    }
}

struct SimReader {
    shared: Arc<Shared>,
    at: Vec<(PartitionId, u64)>,
}

impl Reader for SimReader {
    fn next(&mut self, bytes_max: usize, wait: Duration) -> Result<Vec<RawRecord>, ReadError> {
        let deadline = Instant::now() + wait;
        let mut state = self.shared.state();
        let delay = state.faults.reader_delay;
        if state.random.chance(delay) {
            // As if the wait had passed.
            return Ok(Vec::new());
        }
        loop {
            let found = state.take(&mut self.at, bytes_max);
            let left = deadline.saturating_duration_since(Instant::now());
            if !found.is_empty() || left.is_zero() {
                return Ok(found);
            }
            state = self.shared.grown.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
