//! A log above another one that lies about the outcome of an append, as networks do.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;

use crate::{AppendError, Appender, Layout, LedgerId, Log, PartitionId, ReadError, Reader};

/// What happens to an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lie {
    /// It is written, but nobody is told.
    LostAcknowledgement,
    /// It is not written, and nobody is told either.
    LostRequest,
    /// So many records are written, and nobody is told.
    Torn(usize),
}

/// Lies once, after a number of honest appends.
pub(super) struct Faulty<'a> {
    inner: &'a dyn Log,
    honest: std::sync::Arc<AtomicUsize>,
    lie: std::sync::Arc<Mutex<Option<Lie>>>,
}

impl<'a> Faulty<'a> {
    pub(super) fn after(inner: &'a dyn Log, honest: usize, lie: Lie) -> Self {
        let (honest, lie) = (AtomicUsize::new(honest), Mutex::new(Some(lie)));
        Self { inner, honest: honest.into(), lie: lie.into() }
    }
}

impl Log for Faulty<'_> {
    fn ledger_id(&self) -> LedgerId {
        self.inner.ledger_id()
    }

    fn layout(&self) -> Layout {
        self.inner.layout()
    }

    fn backend(&self) -> &'static str {
        self.inner.backend()
    }

    fn end(&self, partition: PartitionId) -> Result<u64, ReadError> {
        self.inner.end(partition)
    }

    fn appender(&self, partition: PartitionId) -> Result<Box<dyn Appender>, AppendError> {
        Ok(Box::new(FaultyAppender {
            partition,
            inner: self.inner.appender(partition)?,
            honest: self.honest.clone(),
            lie: self.lie.clone(),
        }))
    }

    fn reader(&self, from: &[(PartitionId, u64)]) -> Result<Box<dyn Reader>, ReadError> {
        self.inner.reader(from)
    }
}

struct FaultyAppender {
    partition: PartitionId,
    inner: Box<dyn Appender>,
    honest: std::sync::Arc<AtomicUsize>,
    lie: std::sync::Arc<Mutex<Option<Lie>>>,
}

impl Appender for FaultyAppender {
    fn append(&mut self, expected: u64, records: &[Bytes]) -> Result<(), AppendError> {
        let honest = |n: usize| n.checked_sub(1);
        if self.honest.fetch_update(Ordering::Relaxed, Ordering::Relaxed, honest).is_ok() {
            return self.inner.append(expected, records);
        }
        let lie = self.lie.lock().unwrap_or_else(PoisonError::into_inner).take();
        match lie {
            None => return self.inner.append(expected, records),
            Some(Lie::LostRequest) => {}
            Some(Lie::LostAcknowledgement) => self.inner.append(expected, records)?,
            Some(Lie::Torn(count)) => self.inner.append(expected, &records[..count.min(records.len())])?,
        }
        Err(AppendError::Unknown { partition: self.partition, source: "the answer was lost".into() })
    }
}
