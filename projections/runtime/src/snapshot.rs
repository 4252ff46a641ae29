//! The rows of a store at one moment. What is folded meanwhile is not among them, and neither waits for the other.

use std::{
    collections::VecDeque,
    fmt,
    ops::Bound,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use sha2::{Digest as _, Sha256};
use subledger_fold::{Look, Rows, StoreError};
use subledger_log::Position;

use crate::{
    filter,
    merge::{AnySource, Cursor, Source as _, merge},
    run::Way,
    settle::{Disk, Layers},
    stage::{Visit, bounds},
};

/// Rows that a walk over all of them reads at a time.
const WALK_ROWS: usize = 1_000;

/// SHA-256 over every row, in the order of keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A [`Digest`] in the making: rows in the order of keys.
#[derive(Default)]
pub(crate) struct RowsDigest(Sha256);

impl RowsDigest {
    pub(crate) fn add(&mut self, key: &[u8], row: &[u8]) {
        for part in [key, row] {
            self.0.update((part.len() as u64).to_be_bytes());
            self.0.update(part);
        }
    }

    pub(crate) fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

/// The rows of a store at one moment.
pub struct Snapshot {
    disk: Arc<Disk>,
    layers: Arc<Layers>,
    /// If only what is in memory is read: whether that was not enough.
    missed: Option<AtomicBool>,
}

impl Snapshot {
    pub(crate) fn new(disk: &Arc<Disk>) -> Self {
        Self { layers: disk.layers(), disk: Arc::clone(disk), missed: None }
    }

    /// With an error instead of waiting for the disk: see [`Self::missed`].
    pub(crate) fn at_hand(disk: &Arc<Disk>) -> Self {
        Self { missed: Some(AtomicBool::new(false)), ..Self::new(disk) }
    }

    /// Whether a row that is not in memory was asked for.
    pub(crate) fn missed(&self) -> bool {
        self.missed.as_ref().is_some_and(|missed| missed.load(Ordering::Relaxed))
    }

    fn way(&self) -> Way<'_> {
        self.missed.as_ref().map_or(Way::Kept, Way::AtHand)
    }

    /// The last commit of each partition that they reflect, and not one more.
    pub fn reflects(&self) -> &Arc<[Position]> {
        &self.layers.reflects
    }

    /// SHA-256 over every row, in the order of keys: equal for equal rows, in any process. Reads everything.
    pub fn digest(&self) -> Result<Digest, StoreError> {
        let mut digest = RowsDigest::default();
        self.scan(&[], &[], false, &mut |key, row| {
            digest.add(key, row);
            Ok(true)
        })?;
        Ok(digest.finish())
    }

    /// Rows in order from the first, without the store's own.
    pub(crate) fn walk(self) -> Walk {
        Walk { rows: self, read: VecDeque::new(), from: Some(Vec::new()) }
    }
}

impl Rows for Snapshot {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let mut found = None;
        self.look_at(key, &mut |row| {
            found = Some(row.to_vec());
            Ok(())
        })?;
        Ok(found)
    }

    fn look_at(&self, key: &[u8], look: Look<'_>) -> Result<(), StoreError> {
        let hash = filter::hash(key);
        let frozen = self.layers.frozen.iter().flat_map(|frozen| &frozen.rows);
        if let Some(row) = self.layers.recent.iter().chain(frozen).find_map(|rows| rows.get(key, hash)) {
            return row.map_or(Ok(()), look);
        }
        for run in &self.layers.runs {
            if let Some((block, index)) = run.find(&self.disk.tree, key, hash, self.way())? {
                return block.row(index).map_or(Ok(()), look);
            }
        }
        Ok(())
    }

    fn scan(&self, prefix: &[u8], from: &[u8], reverse: bool, visit: Visit<'_>) -> Result<(), StoreError> {
        let Some(range) = bounds(prefix, from, reverse) else { return Ok(()) };
        let frozen = self.layers.frozen.iter().flat_map(|frozen| &frozen.rows);
        let packed = self.layers.recent.iter().chain(frozen);
        let mut sources: Vec<_> = packed.map(|rows| AnySource::Packed(rows.seek(&range, reverse))).collect();
        for run in &self.layers.runs {
            sources.push(AnySource::Run(Cursor::seek(&self.disk.tree, Arc::clone(run), &range, reverse, self.way())?));
        }
        let (low, high) = range;
        let beyond = |key: &[u8]| match (&low, &high, reverse) {
            (Bound::Included(low), _, true) => key < low.as_slice(),
            (_, Bound::Included(high), false) => key > high.as_slice(),
            (_, Bound::Excluded(high), false) => key >= high.as_slice(),
            _ => false,
        };
        merge(&mut sources, reverse, |key, at| {
            if beyond(key) {
                return Ok(false);
            }
            at.row().map_or(Ok(true), |row| visit(key, row))
        })
    }
}

type KeyAndRow = (Vec<u8>, Vec<u8>);

/// Every row, a stretch at a time.
pub(crate) struct Walk {
    rows: Snapshot,
    read: VecDeque<KeyAndRow>,
    /// Where to read on; none at the end.
    from: Option<Vec<u8>>,
}

impl Walk {
    fn step(&mut self) -> Result<Option<KeyAndRow>, StoreError> {
        if self.read.is_empty()
            && let Some(from) = self.from.take()
        {
            let read = &mut self.read;
            self.rows.scan(&[], &from, false, &mut |key, row| {
                read.push_back((key.to_vec(), row.to_vec()));
                Ok(read.len() < WALK_ROWS)
            })?;
            if self.read.len() == WALK_ROWS {
                // The key right after the last one.
                self.from = self.read.back().map(|(last, _)| [last.as_slice(), &[0]].concat());
            }
        }
        Ok(self.read.pop_front())
    }
}

impl Iterator for Walk {
    type Item = Result<KeyAndRow, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}
