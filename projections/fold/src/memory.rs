//! Rows in a map: for tests of folds, and for small throw-away read models.

use std::collections::BTreeMap;

use crate::{Changes, Rows, StoreError};

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

    fn scan(
        &self,
        prefix: &[u8],
        from: &[u8],
        reverse: bool,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let inside = |key: &[u8]| key.starts_with(prefix);
        if reverse {
            let rows = self.rows.iter().rev().skip_while(|(key, _)| !from.is_empty() && key.as_slice() > from);
            for (key, row) in rows.filter(|(key, _)| inside(key)) {
                if !visit(key, row)? {
                    break;
                }
            }
        } else {
            let start = if from.is_empty() { prefix } else { from };
            for (key, row) in self.rows.range(start.to_vec()..).filter(|(key, _)| inside(key)) {
                if !visit(key, row)? {
                    break;
                }
            }
        }
        Ok(())
    }
}

impl Changes for Memory {
    fn put(&mut self, key: Vec<u8>, row: Vec<u8>) {
        self.rows.insert(key, row);
    }

    fn delete(&mut self, key: Vec<u8>) {
        self.rows.remove(&key);
    }
}
