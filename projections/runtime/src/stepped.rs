//! Folding that somebody else steps, on their thread, into rows in memory: every step is the code that a runner's thread runs.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use subledger_fold::{Changes as _, Projection, Rows, StoreError, Visit, memory::Memory};
use subledger_log::{Log, PartitionId};

use crate::{
    config::Limits,
    pump::{Backing, Pump},
    stage::Staged,
    store::Checkpoint,
};

/// Rows and checkpoint in memory. As with a store on disk, a crash loses the last batches that were not flushed.
#[derive(Debug, Default)]
pub struct MemoryStore(RwLock<Inner>);

#[derive(Clone, Debug, Default)]
struct Inner {
    rows: Memory,
    checkpoint: Checkpoint,
    flushed: (Memory, Checkpoint),
    unflushed: Vec<(Staged, Checkpoint)>,
}

impl MemoryStore {
    /// Nothing is folded yet.
    pub fn new(log: &dyn Log) -> Self {
        let cursors: BTreeMap<PartitionId, _> =
            log.layout().all().map(|p| (p, subledger_log::Cursor::default())).collect();
        let checkpoint = Checkpoint { cursors, ..Checkpoint::default() };
        let inner = Inner { flushed: (Memory::default(), checkpoint.clone()), checkpoint, ..Inner::default() };
        Self(RwLock::new(inner))
    }

    /// Brings everything to the disk that does not exist.
    pub fn flush(&self) {
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let inner = &mut *inner;
        for (batch, checkpoint) in inner.unflushed.drain(..) {
            apply(&mut inner.flushed.0, &batch);
            inner.flushed.1 = checkpoint;
        }
    }

    /// Batches that a crash may lose.
    pub fn unflushed(&self) -> usize {
        self.inner().unflushed.len()
    }

    /// What is found after a crash that kept the first `kept` of the batches not flushed.
    #[must_use]
    pub fn after_crash(&self, kept: usize) -> Self {
        let inner = self.inner();
        let (mut rows, mut checkpoint) = inner.flushed.clone();
        for (batch, at) in inner.unflushed.iter().take(kept) {
            apply(&mut rows, batch);
            checkpoint = at.clone();
        }
        let flushed = (rows.clone(), checkpoint.clone());
        Self(RwLock::new(Inner { rows, checkpoint, flushed, unflushed: Vec::new() }))
    }

    /// A copy of the rows.
    pub fn rows(&self) -> Memory {
        self.inner().rows.clone()
    }

    fn inner(&self) -> RwLockReadGuard<'_, Inner> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn apply(rows: &mut Memory, batch: &Staged) {
    for (key, row) in batch {
        match row {
            Some(row) => rows.put(key.clone(), row.clone()),
            None => rows.delete(key.clone()),
        }
    }
}

impl Rows for MemoryStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner().rows.get(key)
    }

    fn scan(&self, prefix: &[u8], from: &[u8], reverse: bool, visit: Visit<'_>) -> Result<(), StoreError> {
        self.inner().rows.scan(prefix, from, reverse, visit)
    }
}

impl Backing for MemoryStore {
    fn now(&self) -> impl Rows {
        self
    }

    fn checkpoint(&self) -> Result<Checkpoint, StoreError> {
        Ok(self.inner().checkpoint.clone())
    }

    fn apply(&self, rows: &mut Staged, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        apply(&mut inner.rows, rows);
        inner.checkpoint = checkpoint.clone();
        inner.unflushed.push((std::mem::take(rows), checkpoint.clone()));
        Ok(())
    }
}

/// A projection without a thread.
pub struct SteppedProjection(Pump<MemoryStore>);

impl SteppedProjection {
    /// Goes on from the store's checkpoint.
    pub fn new(
        log: Arc<dyn Log>,
        projection: Arc<dyn Projection>,
        store: Arc<MemoryStore>,
        limits: Limits,
    ) -> Result<Self, StoreError> {
        Ok(Self(Pump::new(log, projection, store, limits)?))
    }

    /// Reads and folds once, and applies a batch when it is time.
    pub fn turn(&mut self) -> Result<(), String> {
        let turned = self.0.turn(Duration::ZERO, &mut |pump| pump.apply().map(|_| ()));
        turned.map_err(|error| error.to_string())
    }

    /// Applies what is staged.
    pub fn apply(&mut self) -> Result<(), String> {
        if self.0.is_staged() {
            self.0.apply().map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// The rows.
    pub fn store(&self) -> &Arc<MemoryStore> {
        self.0.store()
    }

    /// What the rows reflect.
    pub fn checkpoint(&self) -> &Checkpoint {
        self.0.applied()
    }
}
