//! Packed rows: those of one batch, or of several that were merged, in memory: one after another in the order of keys, and never changed.
//!
//! Whoever reads holds on to them, and waits for nobody. A key is found by its hash, and a list begins by bisection.

use std::{ops::Bound, sync::Arc};

use subledger_fold::StoreError;

use crate::{
    block::{Place, Row, index},
    filter,
    merge::{Source, merge},
    stage::{KeyRange, Staged},
};

/// Rows that are there.
#[derive(Debug, Default)]
pub(crate) struct Packed {
    bytes: Vec<u8>,
    rows: Vec<Tagged>,
    slots: Vec<Slot>,
}

/// Where a row lies, and what is kept of its key's hash.
#[derive(Clone, Copy, Debug)]
struct Tagged {
    place: Place,
    tag: u32,
}

/// Open addressing: a row is at the first free slot from where its tag belongs.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    tag: u32,
    /// The row's number and one; 0 is free.
    next: u32,
}

/// Most bytes of keys and rows.
const BYTES_MAX: usize = 1 << 31;
/// Batches of about the same size that are merged.
const FAN: usize = 8;
/// Bytes up to which a batch counts as one of the smallest.
const SMALLEST_BYTES: usize = 16 * 1024;

/// Puts a batch before those applied lately, the newest first.
pub(crate) fn prepend(recent: &mut Vec<Arc<Packed>>, batch: &Staged) -> Result<(), StoreError> {
    recent.insert(0, Arc::new(Packed::of(batch)?));
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
    let leading = (0..=highest).find_map(|of| {
        let leading = newest_first.iter().take_while(|rows| tier(rows) <= of).count();
        let same = newest_first[..leading].iter().filter(|rows| tier(rows) == of).count();
        (same >= FAN).then_some(leading)
    })?;
    let bytes: usize = newest_first[..leading].iter().map(|rows| rows.bytes.len()).sum();
    (bytes <= BYTES_MAX).then_some(leading)
}

/// Slots for each row: half of them stay free, so that most keys that are not there end at the first.
const SLOTS_PER_ROW: usize = 2;

impl Packed {
    fn with_capacity(rows: usize, bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), rows: Vec::with_capacity(rows), slots: Vec::new() }
    }

    /// The rows of a batch; an error if they are more than fit.
    pub(crate) fn of(batch: &Staged) -> Result<Self, StoreError> {
        let bytes = batch.iter().map(|(key, row)| key.len() + row.as_ref().map_or(0, Vec::len)).sum();
        let mut packed = Self::with_capacity(batch.len(), bytes);
        for (key, row) in batch {
            packed.add(key, row.as_deref(), tag(filter::hash(key)))?;
        }
        Ok(packed.finish())
    }

    /// Of each key the newest row; `parts` have the newest first.
    pub(crate) fn merged(parts: &[Arc<Self>]) -> Result<Self, StoreError> {
        let (rows, bytes) = parts.iter().fold((0, 0), |sum, part| (sum.0 + part.len(), sum.1 + part.bytes.len()));
        let mut packed = Self::with_capacity(rows, bytes);
        let mut sources: Vec<_> = parts.iter().map(|part| part.whole()).collect();
        merge(&mut sources, false, |key, at| packed.add(key, at.row(), at.tag()).map(|()| true))?;
        Ok(packed.finish())
    }

    /// Adds the next row in the order of keys.
    fn add(&mut self, key: &[u8], row: Row<'_>, tag: u32) -> Result<(), StoreError> {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(row.unwrap_or_default());
        let place = Place::new(at, at + key.len(), self.bytes.len(), row.is_none());
        let place = place.filter(|_| self.bytes.len() <= BYTES_MAX);
        let too_many = || StoreError(format!("a batch has more than {BYTES_MAX} bytes of rows"));
        self.rows.push(Tagged { place: place.ok_or_else(too_many)?, tag });
        Ok(())
    }

    /// Nothing more is added.
    fn finish(mut self) -> Self {
        self.slots = vec![Slot::default(); self.rows.len() * SLOTS_PER_ROW];
        for (row, next) in self.rows.iter().zip(1_u32..) {
            let mut slot = first_slot(row.tag, self.slots.len());
            while self.slots[slot].next != 0 {
                slot = after(slot, self.slots.len());
            }
            self.slots[slot] = Slot { tag: row.tag, next };
        }
        self
    }

    /// How many rows there are, removals too.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// What it takes of memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        let found_by = self.rows.capacity() * size_of::<Tagged>() + self.slots.capacity() * size_of::<Slot>();
        self.bytes.capacity() + found_by
    }

    /// The row of a key with that hash ([`filter::hash`]), if there is anything of it: of one that was removed, none.
    pub(crate) fn get(&self, key: &[u8], hash: u64) -> Option<Row<'_>> {
        let (tag, slots) = (tag(hash), self.slots.len());
        if slots == 0 {
            return None;
        }
        let mut at = first_slot(tag, slots);
        loop {
            let slot = self.slots[at];
            let row = index(slot.next).checked_sub(1)?;
            if slot.tag == tag {
                let place = self.rows[row].place;
                if place.key_in(&self.bytes) == key {
                    return Some(place.row_in(&self.bytes));
                }
            }
            at = after(at, slots);
        }
    }

    /// How many keys come before the first for which `before` does not hold.
    fn keys_before(&self, before: impl Fn(&[u8]) -> bool) -> usize {
        self.rows.partition_point(|row| before(row.place.key_in(&self.bytes)))
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
        self.walk(index, reverse)
    }

    /// At the first row of all.
    pub(crate) fn whole(&self) -> Walk<'_> {
        self.walk(Some(0), false)
    }

    fn walk(&self, index: Option<usize>, reverse: bool) -> Walk<'_> {
        let mut walk = Walk { packed: self, reverse, at: None };
        walk.enter(index);
        walk
    }
}

/// The upper half of a hash, which is what is kept of it.
fn tag(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or_default()
}

/// Where a tag belongs among that many slots: as far along them as it is among all tags.
fn first_slot(tag: u32, slots: usize) -> usize {
    let along = (u64::from(tag) * slots as u64) >> 32;
    usize::try_from(along).unwrap_or_default()
}

fn after(slot: usize, slots: usize) -> usize {
    if slot + 1 < slots { slot + 1 } else { 0 }
}

/// A place among packed rows, on its way from one to the next.
pub(crate) struct Walk<'a> {
    packed: &'a Packed,
    reverse: bool,
    /// The row and its key; none beyond the last.
    at: Option<(usize, &'a [u8])>,
}

impl Walk<'_> {
    fn enter(&mut self, index: Option<usize>) {
        let row = index.and_then(|index| Some((index, self.packed.rows.get(index)?)));
        self.at = row.map(|(index, row)| (index, row.place.key_in(&self.packed.bytes)));
    }

    fn tag(&self) -> u32 {
        self.at.map_or(0, |(index, _)| self.packed.rows[index].tag)
    }
}

impl Source for Walk<'_> {
    fn key(&self) -> Option<&[u8]> {
        self.at.map(|(_, key)| key)
    }

    fn row(&self) -> Row<'_> {
        self.at.and_then(|(index, _)| self.packed.rows[index].place.row_in(&self.packed.bytes))
    }

    fn step(&mut self) -> Result<(), StoreError> {
        let next = self.at.and_then(|(index, _)| if self.reverse { index.checked_sub(1) } else { Some(index + 1) });
        self.enter(next);
        Ok(())
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
            for n in 0..300_u32 {
                let key = n.to_be_bytes();
                let found = recent.iter().filter_map(|rows| rows.get(&key, filter::hash(&key))).count();
                assert_eq!(found, 1, "row {n} for batches of {sizes:?}");
            }
            assert_eq!(recent.iter().map(|rows| rows.len()).sum::<usize>(), 300, "{sizes:?}");
            assert!(most < 50, "{most} places for batches of {sizes:?}");
        }
    }

    #[test]
    fn what_was_removed_is_told_apart_from_what_was_never_there() {
        let packed = Packed::of(&Staged::from([(b"a".to_vec(), Some(b"1".to_vec())), (b"b".to_vec(), None)])).unwrap();
        let get = |key: &[u8]| packed.get(key, filter::hash(key));
        assert_eq!((get(b"a"), get(b"b"), get(b"c")), (Some(Some(&b"1"[..])), Some(None), None));
        assert_eq!(Packed::default().get(b"a", filter::hash(b"a")), None);
    }
}
