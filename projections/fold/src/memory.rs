//! Rows in a map: for tests of folds, and for small throw-away read models.

use std::{collections::BTreeMap, ops::Bound};

use crate::{Changes, Rows, StoreError, Visit};

/// An ordered map of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Memory {
    /// Every row, in the order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.rows.iter().map(|(key, row)| (key.as_slice(), row.as_slice()))
    }
}

impl Rows for Memory {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.rows.get(key).cloned())
    }

    fn scan(&self, prefix: &[u8], from: &[u8], reverse: bool, visit: Visit<'_>) -> Result<(), StoreError> {
        let inside = |key: &[u8]| key.starts_with(prefix);
        if reverse {
            // Keys with the prefix end before the first one that is greater and does not have it.
            let end = if from.is_empty() { after(prefix) } else { Bound::Included(from.to_vec()) };
            let rows = self.rows.range((Bound::Unbounded, end)).rev();
            for (key, row) in
                rows.skip_while(|(key, _)| key.as_slice() > prefix && !inside(key)).take_while(|(key, _)| inside(key))
            {
                if !visit(key, row)? {
                    break;
                }
            }
        } else {
            let start = from.max(prefix).to_vec();
            for (key, row) in self.rows.range(start..).take_while(|(key, _)| inside(key)) {
                if !visit(key, row)? {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// The end of the keys with this prefix.
fn after(prefix: &[u8]) -> Bound<Vec<u8>> {
    let Some(last) = prefix.iter().rposition(|byte| *byte < u8::MAX) else { return Bound::Unbounded };
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Bound::Excluded(end)
}

impl Changes for Memory {
    fn put(&mut self, key: Vec<u8>, row: Vec<u8>) {
        self.rows.insert(key, row);
    }

    fn delete(&mut self, key: Vec<u8>) {
        self.rows.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(rows: &Memory, prefix: &[u8], from: &[u8], reverse: bool) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        let mut visit = |key: &[u8], _: &[u8]| {
            keys.push(key.to_vec());
            Ok(true)
        };
        rows.scan(prefix, from, reverse, &mut visit).unwrap();
        keys
    }

    #[test]
    fn scans_are_those_of_a_filter() {
        let parts: [&[u8]; 9] = [&[], &[0], &[1], &[1, 0], &[1, 255], &[1, 255, 3], &[2], &[255], &[255, 255]];
        let mut rows = Memory::default();
        for key in &parts[1..] {
            rows.put(key.to_vec(), Vec::new());
        }
        for prefix in parts {
            for from in parts {
                let inside = |key: &&[u8]| key.starts_with(prefix);
                let forward: Vec<_> = parts[1..].iter().copied().filter(inside).filter(|key| *key >= from).collect();
                assert_eq!(scan(&rows, prefix, from, false), forward, "{prefix:?} {from:?}");
                let mut back: Vec<_> =
                    parts[1..].iter().copied().filter(inside).filter(|key| from.is_empty() || *key <= from).collect();
                back.reverse();
                assert_eq!(scan(&rows, prefix, from, true), back, "{prefix:?} {from:?}");
            }
        }
    }
}
