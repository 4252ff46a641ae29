//! Packed rows: those of one batch, or of several that were merged, in memory: one after another in the order of keys, and never changed.
//!
//! Whoever reads holds on to them, and waits for nobody. A key is found by its hash, and a list begins by bisection.

use std::{ops::Bound, sync::Arc};

use subledger_fold::StoreError;

use crate::{
    block::{Place, Row},
    filter,
    merge::{Source, merge},
    stage::{KeyRange, Staged},
};

/// Rows that are there. At most [`u32::MAX`] of them.
#[derive(Debug, Default)]
pub(crate) struct Packed {
    bytes: Vec<u8>,
    places: Vec<Place>,
    /// Open addressing: upper half the hash's, lower half the row's number and one; 0 is free.
    slots: Vec<u64>,
}

/// Batches of about the same size that are merged.
const FAN: usize = 8;
/// Bytes up to which a batch counts as one of the smallest.
const SMALLEST_BYTES: usize = 16 * 1024;

/// Puts a batch before those applied lately, the newest first.
pub(crate) fn prepend(recent: &mut Vec<Arc<Packed>>, batch: &Staged) -> Result<(), StoreError> {
    recent.insert(0, Arc::new(Packed::of(batch)));
    while let Some(leading) = to_merge(recent) {
        let merged = Arc::new(Packed::merged(&recent[..leading])?);
        recent.splice(..leading, [merged]);
    }
    Ok(())
}

/// How many of the newest should become one. So each row is copied once for each time that there are eight times as many, and few places
/// are looked at.
fn to_merge(newest_first: &[Arc<Packed>]) -> Option<usize> {
    let tier = |rows: &Packed| (rows.bytes.len() / SMALLEST_BYTES).max(1).ilog(FAN);
    let highest = newest_first.iter().map(|rows| tier(rows)).max()?;
    (0..=highest).find_map(|of| {
        let leading = newest_first.iter().take_while(|rows| tier(rows) <= of).count();
        let same = newest_first[..leading].iter().filter(|rows| tier(rows) == of).count();
        (same >= FAN).then_some(leading)
    })
}

/// The half of a slot, or of a hash, that tells one key from another.
const TELLS: u64 = 0xffff_ffff_0000_0000;
/// Slots for each row: half of them stay free, so that most keys that are not there end at the first.
const SLOTS_PER_ROW: usize = 2;

impl Packed {
    fn with_capacity(rows: usize, bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), places: Vec::with_capacity(rows), slots: Vec::new() }
    }

    /// The rows of a batch.
    pub(crate) fn of(rows: &Staged) -> Self {
        let bytes = rows.iter().map(|(key, row)| key.len() + row.as_ref().map_or(0, Vec::len)).sum();
        let mut packed = Self::with_capacity(rows.len(), bytes);
        for (key, row) in rows {
            packed.add(key, row.as_deref());
        }
        packed.finish()
    }

    /// Of each key the newest row; `parts` have the newest first.
    pub(crate) fn merged(parts: &[Arc<Self>]) -> Result<Self, StoreError> {
        let (rows, bytes) = parts.iter().fold((0, 0), |sum, part| (sum.0 + part.len(), sum.1 + part.bytes.len()));
        let mut packed = Self::with_capacity(rows, bytes);
        let mut sources: Vec<_> = parts.iter().map(|part| Source::Packed(part.whole())).collect();
        merge(&mut sources, false, &mut |key, row| {
            packed.add(key, row);
            Ok(true)
        })?;
        Ok(packed.finish())
    }

    /// Adds the next row in the order of keys.
    fn add(&mut self, key: &[u8], row: Row<'_>) {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(row.unwrap_or_default());
        self.places.push(Place { key: at, row: at + key.len(), end: self.bytes.len(), removed: row.is_none() });
    }

    /// Nothing more is added.
    fn finish(mut self) -> Self {
        self.slots = vec![0; (self.places.len() * SLOTS_PER_ROW).next_power_of_two()];
        for (index, number) in (0..self.places.len()).zip(1_u32..) {
            let hash = filter::hash(self.key(index));
            let mut slot = self.first_slot(hash);
            while self.slots[slot] != 0 {
                slot = self.after(slot);
            }
            self.slots[slot] = hash & TELLS | u64::from(number);
        }
        self
    }

    fn first_slot(&self, hash: u64) -> usize {
        // The lower half: the other one is what slots tell apart by.
        usize::try_from(hash & !TELLS).unwrap_or_default() & (self.slots.len() - 1)
    }

    fn after(&self, slot: usize) -> usize {
        (slot + 1) & (self.slots.len() - 1)
    }

    /// How many rows there are, removals too.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// What it takes of memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        let places = self.places.capacity() * size_of::<Place>();
        self.bytes.capacity() + places + self.slots.capacity() * size_of::<u64>()
    }

    /// A row's key.
    pub(crate) fn key(&self, index: usize) -> &[u8] {
        self.places[index].key_in(&self.bytes)
    }

    /// A row.
    pub(crate) fn row(&self, index: usize) -> Row<'_> {
        self.places[index].row_in(&self.bytes)
    }

    /// The row of a key with that hash ([`filter::hash`]), if there is anything of it: of one that was removed, none.
    pub(crate) fn get(&self, key: &[u8], hash: u64) -> Option<Row<'_>> {
        if self.slots.is_empty() {
            return None;
        }
        let mut slot = self.first_slot(hash);
        loop {
            let found = self.slots[slot];
            let index = usize::try_from(found & !TELLS).unwrap_or_default().checked_sub(1)?;
            if found & TELLS == hash & TELLS && self.key(index) == key {
                return Some(self.row(index));
            }
            slot = self.after(slot);
        }
    }

    /// How many keys come before the first for which `before` does not hold.
    fn keys_before(&self, before: impl Fn(&[u8]) -> bool) -> usize {
        self.places.partition_point(|place| before(place.key_in(&self.bytes)))
    }

    /// At the first row within the bounds, or the last if `reverse`.
    pub(crate) fn seek(&self, range: &KeyRange, reverse: bool) -> Walk<'_> {
        let index = if reverse {
            let rows = match &range.1 {
                Bound::Included(high) => self.keys_before(|key| key <= high.as_slice()),
                Bound::Excluded(high) => self.keys_before(|key| key < high.as_slice()),
                Bound::Unbounded => self.len(),
            };
            rows.checked_sub(1)
        } else {
            Some(match &range.0 {
                Bound::Included(low) => self.keys_before(|key| key < low.as_slice()),
                Bound::Excluded(low) => self.keys_before(|key| key <= low.as_slice()),
                Bound::Unbounded => 0,
            })
        };
        Walk { rows: self, index: index.filter(|&index| index < self.len()), reverse }
    }

    /// At the first row of all.
    pub(crate) fn whole(&self) -> Walk<'_> {
        Walk { rows: self, index: (self.len() > 0).then_some(0), reverse: false }
    }
}

/// A place among packed rows, on its way from one to the next.
pub(crate) struct Walk<'a> {
    rows: &'a Packed,
    /// None beyond the last.
    index: Option<usize>,
    reverse: bool,
}

impl<'a> Walk<'a> {
    pub(crate) fn key(&self) -> Option<&'a [u8]> {
        self.index.map(|index| self.rows.key(index))
    }

    pub(crate) fn row(&self) -> Row<'a> {
        self.index.and_then(|index| self.rows.row(index))
    }

    pub(crate) fn step(&mut self) {
        self.index = self.index.and_then(|index| {
            if self.reverse { index.checked_sub(1) } else { Some(index + 1).filter(|&next| next < self.rows.len()) }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_places_are_looked_at_whatever_the_batches_are() {
        for sizes in [&[10_usize][..], &[200_000], &[10, 200_000], &[200_000, 10, 10, 3_000_000, 60_000]] {
            let (mut recent, mut most) = (Vec::new(), 0);
            for (n, &size) in (0..300_u32).zip(sizes.iter().cycle()) {
                let batch = Staged::from([(n.to_be_bytes().to_vec(), Some(vec![1; size]))]);
                prepend(&mut recent, &batch).unwrap();
                most = most.max(recent.len());
            }
            assert_eq!(recent.iter().map(|rows| rows.len()).sum::<usize>(), 300, "{sizes:?}");
            assert!(most < 50, "{most} places for batches of {sizes:?}");
        }
    }

    #[test]
    fn what_was_removed_is_told_apart_from_what_was_never_there() {
        let packed = Packed::of(&Staged::from([(b"a".to_vec(), Some(b"1".to_vec())), (b"b".to_vec(), None)]));
        let get = |key: &[u8]| packed.get(key, filter::hash(key));
        assert_eq!((get(b"a"), get(b"b"), get(b"c")), (Some(Some(&b"1"[..])), Some(None), None));
        assert_eq!(Packed::default().get(b"a", filter::hash(b"a")), None);
    }
}
