//! Blocks: runs of rows in the order of keys, each one value of the tree below.
//!
//! A tree pays for every key it is told to change, not for every byte. A batch of a fold changes many rows that are neighbours (the lines
//! of a partner, the entries of an account), so neighbours share a value: a batch rewrites the blocks it touches, each once.
//!
//! Form, version 1: length of the keys' common beginning (u16), that beginning, then each row as length of the rest of its key (u32),
//! length of the row (u32), both; then the offset of each row (u32), and how many there are (u32). All little-endian.

use std::cmp::Ordering;

use subledger_fold::StoreError;

/// Bytes that a block should not pass; a single row may.
pub(crate) const BLOCK_BYTES_MAX: usize = 8 * 1024;
/// Lengths before each row, and its offset.
const ROW_OVERHEAD: usize = 12;

/// A block as it is stored.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a> {
    common: &'a [u8],
    /// Everything up to the offsets.
    data: &'a [u8],
    offsets: &'a [u8],
}

impl<'a> Block<'a> {
    /// Reads the frame of a block; rows are read as they are asked for.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, StoreError> {
        Self::frame(bytes).ok_or_else(damaged)
    }

    fn frame(bytes: &'a [u8]) -> Option<Self> {
        let (rest, count) = bytes.split_last_chunk::<4>()?;
        let offsets_len = usize::try_from(u32::from_le_bytes(*count)).ok()?.checked_mul(4)?;
        let (data, offsets) = rest.split_at_checked(rest.len().checked_sub(offsets_len)?)?;
        let (common_len, after) = data.split_first_chunk::<2>()?;
        let common = after.get(..usize::from(u16::from_le_bytes(*common_len)))?;
        Some(Self { common, data, offsets })
    }

    pub(crate) fn len(&self) -> usize {
        self.offsets.len() / 4
    }

    /// The beginning of all keys, the rest of the key, the row.
    fn parts(&self, index: usize) -> Option<(&'a [u8], &'a [u8], &'a [u8])> {
        let offset = self.offsets.get(index * 4..)?.first_chunk::<4>()?;
        let at = self.data.get(usize::try_from(u32::from_le_bytes(*offset)).ok()?..)?;
        let (key_len, at) = at.split_first_chunk::<4>()?;
        let (row_len, at) = at.split_first_chunk::<4>()?;
        let (rest, at) = at.split_at_checked(usize::try_from(u32::from_le_bytes(*key_len)).ok()?)?;
        Some((self.common, rest, at.get(..usize::try_from(u32::from_le_bytes(*row_len)).ok()?)?))
    }

    fn compare(&self, index: usize, key: &[u8]) -> Result<Ordering, StoreError> {
        let (common, rest, _) = self.parts(index).ok_or_else(damaged)?;
        let head = &key[..key.len().min(common.len())];
        Ok(match common.cmp(head) {
            Ordering::Equal => rest.cmp(&key[common.len()..]),
            other => other,
        })
    }

    /// The index of the first row whose key is not less, and whether it is that key.
    pub(crate) fn find(&self, key: &[u8]) -> Result<(usize, bool), StoreError> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.compare(middle, key)? {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Ok((middle, true)),
                Ordering::Greater => high = middle,
            }
        }
        Ok((low, false))
    }

    /// The row with that key.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<&'a [u8]>, StoreError> {
        let (index, found) = self.find(key)?;
        if found { self.parts(index).map(|(.., row)| Some(row)).ok_or_else(damaged) } else { Ok(None) }
    }

    /// A row; its key is put into `key`.
    pub(crate) fn row(&self, index: usize, key: &mut Vec<u8>) -> Result<&'a [u8], StoreError> {
        let (common, rest, row) = self.parts(index).ok_or_else(damaged)?;
        key.clear();
        key.extend_from_slice(common);
        key.extend_from_slice(rest);
        Ok(row)
    }
}

/// A row on its way into a block.
pub(crate) type Entry<'a> = (Vec<u8>, std::borrow::Cow<'a, [u8]>);

/// The rows of a block with changes applied, in order. Changes are sorted; `None` removes.
pub(crate) fn merge<'a>(
    block: Option<Block<'a>>,
    changes: &[(&'a [u8], Option<&'a [u8]>)],
) -> Result<Vec<Entry<'a>>, StoreError> {
    let old_len = block.map_or(0, |block| block.len());
    let mut merged: Vec<Entry<'a>> = Vec::with_capacity(old_len + changes.len());
    let mut changes = changes.iter().peekable();
    let mut key = Vec::new();
    if let Some(block) = block {
        for index in 0..old_len {
            let row = block.row(index, &mut key)?;
            while let Some((at, new)) = changes.next_if(|(at, _)| *at < key.as_slice()) {
                merged.extend(new.map(|new| (at.to_vec(), new.into())));
            }
            match changes.next_if(|(at, _)| *at == key.as_slice()) {
                Some((_, new)) => merged.extend(new.map(|new| (key.clone(), new.into()))),
                None => merged.push((key.clone(), row.into())),
            }
        }
    }
    for (at, new) in changes {
        merged.extend(new.map(|new| (at.to_vec(), new.into())));
    }
    Ok(merged)
}

/// Cuts rows into blocks of at most [`BLOCK_BYTES_MAX`]. If the rows were appended, blocks are filled; otherwise they are made alike, so
/// that each has room.
pub(crate) fn cut<'e, 'a>(entries: &'e [Entry<'a>], appended: bool) -> Vec<&'e [Entry<'a>]> {
    let total: usize = entries.iter().map(size).sum();
    let target = if appended { BLOCK_BYTES_MAX } else { total.div_ceil(total.div_ceil(BLOCK_BYTES_MAX).max(1)) };
    let mut pieces = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, entry) in entries.iter().enumerate() {
        let more = size(entry);
        if bytes + more > target && index > start {
            pieces.push(&entries[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += more;
    }
    if start < entries.len() {
        pieces.push(&entries[start..]);
    }
    pieces
}

fn size((key, row): &Entry<'_>) -> usize {
    key.len() + row.len() + ROW_OVERHEAD
}

/// The stored form of rows in order.
pub(crate) fn write(entries: &[Entry<'_>]) -> Result<Vec<u8>, StoreError> {
    let common = match (entries.first(), entries.last()) {
        (Some((first, _)), Some((last, _))) => common_len(first, last),
        _ => 0,
    };
    let total: usize = entries.iter().map(size).sum();
    let mut bytes = Vec::with_capacity(total + 6);
    let mut offsets = Vec::with_capacity(entries.len() * 4 + 4);
    bytes.extend(u16::try_from(common).map_err(too_large)?.to_le_bytes());
    bytes.extend(entries.first().into_iter().flat_map(|(key, _)| &key[..common]));
    for (key, row) in entries {
        offsets.extend(u32::try_from(bytes.len()).map_err(too_large)?.to_le_bytes());
        let rest = &key[common..];
        bytes.extend(u32::try_from(rest.len()).map_err(too_large)?.to_le_bytes());
        bytes.extend(u32::try_from(row.len()).map_err(too_large)?.to_le_bytes());
        bytes.extend(rest);
        bytes.extend(row.iter());
    }
    bytes.append(&mut offsets);
    bytes.extend(u32::try_from(entries.len()).map_err(too_large)?.to_le_bytes());
    Ok(bytes)
}

fn common_len(first: &[u8], last: &[u8]) -> usize {
    let longest = usize::from(u16::MAX);
    first.iter().zip(last).take(longest).take_while(|(a, b)| a == b).count()
}

fn damaged() -> StoreError {
    StoreError("a block of rows is damaged".to_owned())
}

fn too_large(_: std::num::TryFromIntError) -> StoreError {
    StoreError("a block of rows is too large".to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(prop_oneof![Just(1_u8), Just(2), any::<u8>()], 1..6)
    }

    fn entries(rows: &BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<Entry<'_>> {
        rows.iter().map(|(key, row)| (key.clone(), row.as_slice().into())).collect()
    }

    proptest! {
        #[test]
        fn rows_come_back_and_changes_apply(
            rows in proptest::collection::btree_map(bytes(), bytes(), 0..40),
            changes in proptest::collection::btree_map(bytes(), proptest::option::of(bytes()), 0..40),
        ) {
            let stored = write(&entries(&rows)).unwrap();
            let block = Block::read(&stored).unwrap();
            for key in rows.keys().chain(changes.keys()) {
                prop_assert_eq!(block.get(key).unwrap().map(<[u8]>::to_vec), rows.get(key).cloned());
                prop_assert_eq!(block.find(key).unwrap().0, rows.range::<Vec<u8>, _>(..key).count());
            }
            let mut key = Vec::new();
            for (index, (expected, row)) in rows.iter().enumerate() {
                prop_assert_eq!(block.row(index, &mut key).unwrap(), row.as_slice());
                prop_assert_eq!(&key, expected);
            }
            let sorted: Vec<_> = changes.iter().map(|(key, row)| (key.as_slice(), row.as_deref())).collect();
            let merged = merge(Some(block), &sorted).unwrap();
            let mut applied = rows.clone();
            for (key, row) in &changes {
                match row {
                    Some(row) => applied.insert(key.clone(), row.clone()),
                    None => applied.remove(key),
                };
            }
            prop_assert_eq!(&merged, &entries(&applied));
            for appended in [false, true] {
                let pieces = cut(&merged, appended);
                prop_assert_eq!(pieces.concat(), merged.clone());
            }
        }

        #[test]
        fn damage_is_an_error_or_other_rows_but_no_panic(
            rows in proptest::collection::btree_map(bytes(), bytes(), 1..10),
            at in any::<proptest::sample::Index>(),
            to in any::<u8>(),
            cut_at in any::<proptest::sample::Index>(),
        ) {
            let mut stored = write(&entries(&rows)).unwrap();
            let place = at.index(stored.len());
            stored[place] = to;
            stored.truncate(cut_at.index(stored.len() + 1));
            if let Ok(block) = Block::read(&stored) {
                let mut key = Vec::new();
                for index in 0..block.len().min(100) {
                    let _ = block.row(index, &mut key);
                }
                for key in rows.keys() {
                    let _ = block.get(key);
                }
            }
        }
    }

    #[test]
    fn blocks_stay_small_and_are_filled_by_appending() {
        let rows: BTreeMap<_, _> = (0..1_000_u32).map(|n| (n.to_be_bytes().to_vec(), vec![7; 100])).collect();
        let entries = entries(&rows);
        let size_of = |piece: &[Entry<'_>]| piece.iter().map(size).sum::<usize>();
        let filled = cut(&entries, true);
        assert_eq!(filled.len(), 15, "1000 rows of 116 bytes in blocks of 8 KiB");
        let alike = cut(&entries, false);
        for pieces in [&filled, &alike] {
            assert!(pieces.iter().all(|piece| size_of(piece) <= BLOCK_BYTES_MAX));
        }
        assert!(size_of(alike[0]).abs_diff(size_of(alike[5])) <= 116);
    }
}
