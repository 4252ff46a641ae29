//! Blocks: a stretch of a run's rows in the order of keys, one value of the tree below.
//!
//! A tree pays for every key it is told to write, not for every byte, so many rows share a value; and neighbours have much in common, so
//! the value is compressed.
//!
//! Form, version 3: an LZ4 block with its length before it (u32, little-endian) of: how many rows (varint), the length of the keys' common
//! beginning (varint), that beginning, then for each row the length of the rest of its key (varint), 0 if the row is removed or else its
//! length and one (varint), the rest of the key, the row.

use std::cmp::Ordering;

use subledger_fold::StoreError;

/// Bytes at which a block is complete; a single row may be larger.
pub(crate) const BLOCK_BYTES: usize = 16 * 1024;
/// Bytes that a block may decode to: more is damage.
const DECODED_BYTES_MAX: u32 = 1 << 30;

/// A row of a run; none takes away the row that an older run has.
pub(crate) type Row<'a> = Option<&'a [u8]>;

/// A block, decoded.
#[derive(Debug)]
pub(crate) struct Block {
    raw: Vec<u8>,
    common: (usize, usize),
    rows: Vec<Place>,
}

/// Where a row lies, behind its key: offsets of 32 bits, for there are many of these.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    key: u32,
    row: u32,
    /// [`Self::REMOVED`] if there is no row.
    end: u32,
}

impl Place {
    const REMOVED: u32 = u32::MAX;

    /// None if an offset is too large.
    pub(crate) fn new(key: usize, row: usize, end: usize, removed: bool) -> Option<Self> {
        let [key, row, end] = [key, row, end].map(|at| u32::try_from(at).ok().filter(|&at| at < Self::REMOVED));
        Some(Self { key: key?, row: row?, end: if removed { Self::REMOVED } else { end? } })
    }

    /// The key, or what of it is the row's own.
    pub(crate) fn key_in(self, bytes: &[u8]) -> &[u8] {
        &bytes[index(self.key)..index(self.row)]
    }

    /// The row.
    pub(crate) fn row_in(self, bytes: &[u8]) -> Row<'_> {
        (self.end != Self::REMOVED).then(|| &bytes[index(self.row)..index(self.end)])
    }
}

/// As an index: nothing is lost where this runs.
pub(crate) fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Block {
    /// Decodes a stored block.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let decoded = bytes.first_chunk::<4>().map_or(u32::MAX, |length| u32::from_le_bytes(*length));
        if decoded > DECODED_BYTES_MAX {
            return Err(damaged());
        }
        let raw = lz4_flex::block::decompress_size_prepended(bytes).map_err(|_| damaged())?;
        Self::frame(raw).ok_or_else(damaged)
    }

    fn frame(raw: Vec<u8>) -> Option<Self> {
        let mut at = 0;
        let count = varint(&raw, &mut at)?;
        let common_len = varint(&raw, &mut at)?;
        let common = (at, at.checked_add(common_len)?);
        raw.get(common.0..common.1)?;
        at = common.1;
        let mut rows = Vec::with_capacity(count.min(raw.len()));
        for _ in 0..count {
            let key_len = varint(&raw, &mut at)?;
            let row_len = varint(&raw, &mut at)?;
            let key = at;
            let row = key.checked_add(key_len)?;
            let end = row.checked_add(row_len.saturating_sub(1))?;
            raw.get(key..end)?;
            rows.push(Place::new(key, row, end, row_len == 0)?);
            at = end;
        }
        (at == raw.len() && !rows.is_empty()).then_some(Self { raw, common, rows })
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    fn common(&self) -> &[u8] {
        &self.raw[self.common.0..self.common.1]
    }

    /// Puts a row's key into `key`.
    pub(crate) fn key(&self, index: usize, key: &mut Vec<u8>) {
        key.clear();
        key.extend_from_slice(self.common());
        key.extend_from_slice(self.rows[index].key_in(&self.raw));
    }

    /// A row.
    pub(crate) fn row(&self, index: usize) -> Row<'_> {
        self.rows[index].row_in(&self.raw)
    }

    /// The index of the first row whose key is not less, and whether it is that key.
    pub(crate) fn find(&self, key: &[u8]) -> (usize, bool) {
        let common = self.common();
        match common.cmp(&key[..key.len().min(common.len())]) {
            Ordering::Less => return (self.len(), false),
            Ordering::Greater => return (0, false),
            Ordering::Equal => {}
        }
        let rest = &key[common.len()..];
        match self.rows.binary_search_by(|place| place.key_in(&self.raw).cmp(rest)) {
            Ok(index) => (index, true),
            Err(index) => (index, false),
        }
    }
}

/// A block in the making.
#[derive(Default)]
pub(crate) struct Builder {
    keys: Vec<u8>,
    rows: Vec<u8>,
    /// Where each key and row ends, and whether the row is removed.
    ends: Vec<(usize, usize, bool)>,
}

impl Builder {
    /// Adds the next row in the order of keys.
    pub(crate) fn add(&mut self, key: &[u8], row: Row<'_>) {
        self.keys.extend_from_slice(key);
        self.rows.extend_from_slice(row.unwrap_or_default());
        self.ends.push((self.keys.len(), self.rows.len(), row.is_none()));
    }

    /// Bytes added.
    pub(crate) fn bytes(&self) -> usize {
        self.keys.len() + self.rows.len()
    }

    /// The first key; empty without rows.
    pub(crate) fn first(&self) -> &[u8] {
        self.ends.first().map_or(&[], |&(end, ..)| &self.keys[..end])
    }

    /// The stored form of what was added since the last call; none if that is nothing.
    pub(crate) fn finish(&mut self) -> Option<Vec<u8>> {
        let &(last_end, ..) = self.ends.last()?;
        let last_start = self.ends.len().checked_sub(2).map_or(0, |before| self.ends[before].0);
        let common = common_len(self.first(), &self.keys[last_start..last_end]);
        let mut raw = Vec::with_capacity(self.bytes() + self.ends.len() * 4 + 16);
        put_varint(&mut raw, self.ends.len());
        put_varint(&mut raw, common);
        raw.extend_from_slice(&self.first()[..common]);
        let (mut key_start, mut row_start) = (0, 0);
        for &(key_end, row_end, removed) in &self.ends {
            let (rest, row) = (&self.keys[key_start + common..key_end], &self.rows[row_start..row_end]);
            put_varint(&mut raw, rest.len());
            put_varint(&mut raw, if removed { 0 } else { row.len() + 1 });
            raw.extend_from_slice(rest);
            raw.extend_from_slice(row);
            (key_start, row_start) = (key_end, row_end);
        }
        self.keys.clear();
        self.rows.clear();
        self.ends.clear();
        Some(lz4_flex::block::compress_prepend_size(&raw))
    }
}

fn common_len(first: &[u8], last: &[u8]) -> usize {
    first.iter().zip(last).take_while(|(a, b)| a == b).count()
}

pub(crate) fn put_varint(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push(low_bits(number) | 0x80);
        number >>= 7;
    }
    bytes.push(low_bits(number));
}

fn low_bits(number: usize) -> u8 {
    number.to_le_bytes()[0] & 0x7f
}

fn varint(bytes: &[u8], at: &mut usize) -> Option<usize> {
    let mut number = 0_usize;
    for shift in (0..35).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        number |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

pub(crate) fn damaged() -> StoreError {
    StoreError("a block of rows is damaged".to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(prop_oneof![Just(1_u8), Just(2), any::<u8>()], 1..6)
    }

    fn store(rows: &BTreeMap<Vec<u8>, Option<Vec<u8>>>) -> Vec<u8> {
        let mut builder = Builder::default();
        for (key, row) in rows {
            builder.add(key, row.as_deref());
        }
        builder.finish().unwrap()
    }

    proptest! {
        #[test]
        fn rows_come_back(
            rows in proptest::collection::btree_map(bytes(), proptest::option::of(proptest::collection::vec(any::<u8>(), 0..200)), 1..40),
            others in proptest::collection::vec(bytes(), 0..20),
        ) {
            let block = Block::read(&store(&rows)).unwrap();
            prop_assert_eq!(block.len(), rows.len());
            let mut key = Vec::new();
            for (index, (expected, row)) in rows.iter().enumerate() {
                block.key(index, &mut key);
                prop_assert_eq!((&key, block.row(index)), (expected, row.as_deref()));
            }
            for key in rows.keys().chain(&others) {
                let at = rows.range::<Vec<u8>, _>(..key).count();
                prop_assert_eq!(block.find(key), (at, rows.contains_key(key)));
            }
        }

        #[test]
        fn damage_is_an_error_or_other_rows_but_no_panic(
            rows in proptest::collection::btree_map(bytes(), proptest::option::of(bytes()), 1..10),
            at in any::<proptest::sample::Index>(),
            to in any::<u8>(),
            cut_at in any::<proptest::sample::Index>(),
        ) {
            let mut stored = store(&rows);
            let place = at.index(stored.len());
            stored[place] = to;
            stored.truncate(cut_at.index(stored.len() + 1));
            if let Ok(block) = Block::read(&stored) {
                let mut key = Vec::new();
                for index in 0..block.len() {
                    block.key(index, &mut key);
                    let _ = block.row(index);
                }
                for key in rows.keys() {
                    let _ = block.find(key);
                }
            }
        }
    }

    #[test]
    fn a_builder_begins_again_and_neighbours_share_their_beginning() {
        let rows: BTreeMap<_, _> = (0..100_u32)
            .map(|n| ([b"the same beginning".as_slice(), &n.to_be_bytes()].concat(), Some(vec![7; 20])))
            .collect();
        let stored = store(&rows);
        assert!(stored.len() < 800, "{} bytes for 100 rows of 42", stored.len());
        let mut builder = Builder::default();
        assert!(builder.finish().is_none(), "nothing was added");
        for _ in 0..2 {
            rows.iter().for_each(|(key, row)| builder.add(key, row.as_deref()));
            assert_eq!((builder.bytes(), builder.first()), (4_200, rows.keys().next().unwrap().as_slice()));
            assert_eq!(builder.finish().unwrap(), stored);
        }
    }
}
