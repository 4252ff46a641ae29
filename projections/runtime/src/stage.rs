//! Changes in memory, over rows on disk: a batch before it is applied, and a commit before it belongs to the batch.

use std::{
    collections::{BTreeMap, btree_map},
    iter::{Peekable, Rev},
    ops::Bound,
};

use subledger_fold::{Changes, Look, Rows, StoreError};

/// Rows to set, and with `None` rows to remove.
pub(crate) type Staged = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// What a scan calls for each row.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<bool, StoreError>;
pub(crate) type KeyRange = (Bound<Vec<u8>>, Bound<Vec<u8>>);
type StagedRange<'a> = btree_map::Range<'a, Vec<u8>, Option<Vec<u8>>>;

/// The first byte of the store's own keys; no table of a projection may have it.
pub(crate) const META: u8 = 0;

/// Rows of `base` as they will be once `staged` is applied.
pub(crate) struct Layer<'a> {
    pub(crate) base: &'a dyn Rows,
    pub(crate) staged: &'a Staged,
}

impl Rows for Layer<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.staged.get(key) {
            Some(row) => Ok(row.clone()),
            None => self.base.get(key),
        }
    }

    fn look_at(&self, key: &[u8], look: Look<'_>) -> Result<(), StoreError> {
        match self.staged.get(key) {
            Some(row) => row.as_deref().map_or(Ok(()), look),
            None => self.base.look_at(key, look),
        }
    }

    fn scan(&self, prefix: &[u8], from: &[u8], reverse: bool, visit: Visit<'_>) -> Result<(), StoreError> {
        let mut staged = StagedScan::new(self.staged, prefix, from, reverse);
        let mut more = true;
        self.base.scan(prefix, from, reverse, &mut |key, row| {
            // Everything staged that comes before this row, then the row unless it is staged too.
            while more {
                match staged.next_if(|at| if reverse { at >= key } else { at <= key }) {
                    Some((at, Some(new))) => more = visit(at, new)?,
                    Some((_, None)) => {}
                    None => break,
                }
            }
            if more && !self.staged.contains_key(key) {
                more = visit(key, row)?;
            }
            Ok(more)
        })?;
        while more {
            match staged.next_if(|_| true) {
                Some((at, Some(new))) => more = visit(at, new)?,
                Some((_, None)) => {}
                None => break,
            }
        }
        Ok(())
    }
}

/// The bounds of a scan as [`Rows::scan`] has them; none if nothing can lie between them.
pub(crate) fn bounds(prefix: &[u8], from: &[u8], reverse: bool) -> Option<KeyRange> {
    let after = after_prefix(prefix);
    let (low, high) = if reverse {
        let high = match after {
            _ if from.is_empty() => after.map_or(Bound::Unbounded, Bound::Excluded),
            Some(end) if from >= end.as_slice() => Bound::Excluded(end),
            _ => Bound::Included(from.to_vec()),
        };
        (Bound::Included(prefix.to_vec()), high)
    } else {
        (Bound::Included(prefix.max(from).to_vec()), after.map_or(Bound::Unbounded, Bound::Excluded))
    };
    let empty = match (&low, &high) {
        (Bound::Included(low), Bound::Included(high)) => low > high,
        (Bound::Included(low), Bound::Excluded(high)) => low >= high,
        _ => false,
    };
    (!empty).then_some((low, high))
}

/// The first key after all that begin with the prefix; none if there is no such key.
fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

/// Staged rows between the bounds of a scan, in its order.
enum StagedScan<'a> {
    Empty,
    Forward(Peekable<StagedRange<'a>>),
    Reverse(Peekable<Rev<StagedRange<'a>>>),
}

impl<'a> StagedScan<'a> {
    fn new(staged: &'a Staged, prefix: &[u8], from: &[u8], reverse: bool) -> Self {
        match bounds(prefix, from, reverse) {
            None => Self::Empty,
            Some(range) if reverse => Self::Reverse(staged.range(range).rev().peekable()),
            Some(range) => Self::Forward(staged.range(range).peekable()),
        }
    }

    fn next_if(&mut self, wanted: impl Fn(&[u8]) -> bool) -> Option<(&'a [u8], Option<&'a [u8]>)> {
        let (key, row) = match self {
            Self::Empty => None,
            Self::Forward(rows) => rows.next_if(|(key, _)| wanted(key)),
            Self::Reverse(rows) => rows.next_if(|(key, _)| wanted(key)),
        }?;
        Some((key, row.as_deref()))
    }
}

/// What one commit changes: seen by its own fold only, until the fold has succeeded.
pub(crate) struct CommitChanges<'a> {
    base: Layer<'a>,
    rows: Staged,
    reserved: bool,
}

impl<'a> CommitChanges<'a> {
    /// Over the batch so far.
    pub(crate) fn new(base: Layer<'a>) -> Self {
        Self { base, rows: Staged::new(), reserved: false }
    }

    /// The changes, unless the fold touched what is not its own.
    pub(crate) fn finish(self) -> Result<Staged, StoreError> {
        if self.reserved {
            return Err(StoreError(format!(
                "the fold changed a key outside its tables: empty, or beginning with {META:#04x}"
            )));
        }
        Ok(self.rows)
    }

    fn change(&mut self, key: Vec<u8>, row: Option<Vec<u8>>) {
        self.reserved |= key.first().is_none_or(|&first| first == META);
        self.rows.insert(key, row);
    }
}

impl Rows for CommitChanges<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Layer { base: &self.base, staged: &self.rows }.get(key)
    }

    fn look_at(&self, key: &[u8], look: Look<'_>) -> Result<(), StoreError> {
        Layer { base: &self.base, staged: &self.rows }.look_at(key, look)
    }

    fn scan(&self, prefix: &[u8], from: &[u8], reverse: bool, visit: Visit<'_>) -> Result<(), StoreError> {
        Layer { base: &self.base, staged: &self.rows }.scan(prefix, from, reverse, visit)
    }
}

impl Changes for CommitChanges<'_> {
    fn put(&mut self, key: Vec<u8>, row: Vec<u8>) {
        self.change(key, Some(row));
    }

    fn delete(&mut self, key: Vec<u8>) {
        self.change(key, None);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use subledger_fold::memory::Memory;

    use super::*;

    fn walk(rows: &dyn Rows, prefix: &[u8], from: &[u8], reverse: bool, most: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut seen = Vec::new();
        rows.scan(prefix, from, reverse, &mut |key, row| {
            seen.push((key.to_vec(), row.to_vec()));
            Ok(seen.len() < most)
        })
        .unwrap();
        seen
    }

    fn key() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(prop_oneof![Just(1_u8), Just(2), Just(255)], 1..4)
    }

    proptest! {
        #[test]
        fn a_layer_reads_like_the_rows_with_the_changes_applied(
            base in proptest::collection::btree_map(key(), any::<[u8; 1]>(), 0..12),
            staged in proptest::collection::btree_map(key(), proptest::option::of(any::<[u8; 1]>()), 0..12),
            prefix in proptest::collection::vec(prop_oneof![Just(1_u8), Just(2), Just(255)], 0..3),
            from in proptest::collection::vec(prop_oneof![Just(1_u8), Just(2), Just(255)], 0..4),
            reverse in any::<bool>(),
            most in 1_usize..20,
        ) {
            let mut under = Memory::default();
            for (key, row) in &base {
                under.put(key.clone(), row.to_vec());
            }
            let staged: Staged = staged.into_iter().map(|(key, row)| (key, row.map(|row| row.to_vec()))).collect();
            let mut applied = under.clone();
            for (key, row) in &staged {
                match row {
                    Some(row) => applied.put(key.clone(), row.clone()),
                    None => applied.delete(key.clone()),
                }
            }
            let layer = Layer { base: &under, staged: &staged };
            prop_assert_eq!(
                walk(&layer, &prefix, &from, reverse, most),
                walk(&applied, &prefix, &from, reverse, most)
            );
            for key in base.keys().chain(staged.keys()) {
                let mut looked = None;
                layer.look_at(key, &mut |row| {
                    looked = Some(row.to_vec());
                    Ok(())
                }).unwrap();
                prop_assert_eq!(&layer.get(key).unwrap(), &looked);
                prop_assert_eq!(looked, applied.get(key).unwrap());
            }
        }
    }
}
