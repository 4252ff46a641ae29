//! A process's view of the simulated log: at each call others may act first, the process may die, and a read may fail.

use std::time::Duration;

use bytes::Bytes;
use subledger_log::{
    AppendError, Appender, Layout, LedgerId, Log, PartitionId, RawRecord, ReadError, Reader, sim::SimLog,
};

use super::schedule::{self, Life};

#[derive(Clone)]
pub(super) struct ProcessLog {
    pub(super) sim: SimLog,
    pub(super) life: Life,
}

impl ProcessLog {
    fn readable(&self, place: &str) -> Result<(), ReadError> {
        if schedule::point(self.life) {
            return Ok(());
        }
        Err(ReadError::Unavailable { place: place.into(), source: "the simulated network is away".into() })
    }
}

impl Log for ProcessLog {
    fn ledger_id(&self) -> LedgerId {
        self.sim.ledger_id()
    }

    fn layout(&self) -> Layout {
        self.sim.layout()
    }

    fn backend(&self) -> &'static str {
        "sim"
    }

    fn end(&self, partition: PartitionId) -> Result<u64, ReadError> {
        self.readable("the end of a partition")?;
        self.sim.end(partition)
    }

    fn appender(&self, partition: PartitionId) -> Result<Box<dyn Appender>, AppendError> {
        Ok(Box::new(ProcessAppender { inner: self.sim.appender(partition)?, life: self.life }))
    }

    fn reader(&self, from: &[(PartitionId, u64)]) -> Result<Box<dyn Reader>, ReadError> {
        self.readable("a partition")?;
        Ok(Box::new(ProcessReader { inner: self.sim.reader(from)?, log: self.clone() }))
    }
}

struct ProcessAppender {
    inner: Box<dyn Appender>,
    life: Life,
}

impl Appender for ProcessAppender {
    fn append(&mut self, expected: u64, records: &[Bytes]) -> Result<(), AppendError> {
        schedule::point(self.life);
        schedule::slow_disk(self.life);
        let outcome = self.inner.append(expected, records);
        schedule::slow_disk(self.life);
        // It may lie there, and nobody ever learns it.
        schedule::point(self.life);
        outcome
    }
}

struct ProcessReader {
    inner: Box<dyn Reader>,
    log: ProcessLog,
}

impl Reader for ProcessReader {
    fn next(&mut self, bytes_max: usize, _wait: Duration) -> Result<Vec<RawRecord>, ReadError> {
        self.log.readable("a partition")?;
        // Waiting is what the virtual clock does.
        self.inner.next(bytes_max, Duration::ZERO)
    }
}
