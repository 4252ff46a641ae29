//! Whether two stores hold the same rows.

use std::{cmp::Ordering, fmt};

use subledger_fold::StoreError;

use crate::{
    snapshot::{Digest, RowsDigest},
    store::Store,
};

/// Bytes of a key or row that an error shows.
const SHOWN_MAX: usize = 64;

/// The first key, in order, at which two stores differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The key.
    pub key: Vec<u8>,
    /// The first store's row, if it has one.
    pub left: Option<Vec<u8>>,
    /// The second store's row, if it has one.
    pub right: Option<Vec<u8>>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |row: &Option<Vec<u8>>| row.as_ref().map_or_else(|| "no row".into(), |row| shown(row));
        write!(f, "rows differ first at key {}: {} and {}", shown(&self.key), show(&self.left), show(&self.right))
    }
}

fn shown(bytes: &[u8]) -> String {
    let head = &bytes[..bytes.len().min(SHOWN_MAX)];
    let more = if head.len() < bytes.len() { "…" } else { "" };
    format!("\"{}\"{more}", head.escape_ascii())
}

/// Compares every row byte for byte; none if they are equal. What the stores know of themselves is not compared, so both should
/// reflect the same positions.
pub fn compare(left: &Store, right: &Store) -> Result<Option<Difference>, StoreError> {
    first_difference(left, right, &mut |_, _| {})
}

/// [`compare`], with the digest of the right store: from the same pass over the rows if they are equal.
pub(crate) fn compare_and_digest(left: &Store, right: &Store) -> Result<(Option<Difference>, Digest), StoreError> {
    let mut digest = RowsDigest::default();
    match first_difference(left, right, &mut |key, row| digest.add(key, row))? {
        None => Ok((None, digest.finish())),
        difference => Ok((difference, right.digest()?)),
    }
}

fn first_difference(
    left: &Store,
    right: &Store,
    equal: &mut dyn FnMut(&[u8], &[u8]),
) -> Result<Option<Difference>, StoreError> {
    let (mut lefts, mut rights) = (left.snapshot().walk(), right.snapshot().walk());
    loop {
        let (left, right) = (lefts.next().transpose()?, rights.next().transpose()?);
        let order = match (&left, &right) {
            (None, None) => return Ok(None),
            (Some(left), Some(right)) if left == right => {
                equal(&left.0, &left.1);
                continue;
            }
            (Some((left, _)), Some((right, _))) => left.cmp(right),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
        };
        let row = |entry: &Option<(Vec<u8>, Vec<u8>)>| entry.as_ref().map(|(_, row)| row.clone());
        let first = if order.is_gt() { &right } else { &left };
        return Ok(Some(Difference {
            key: first.as_ref().map(|(key, _)| key.clone()).unwrap_or_default(),
            left: row(&left).filter(|_| order.is_le()),
            right: row(&right).filter(|_| order.is_ge()),
        }));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use subledger_log::{Layout, LedgerId};
    use uuid::Uuid;

    use super::*;
    use crate::{
        config::StoreOptions,
        stage::Staged,
        store::{Checkpoint, Identity},
    };

    fn store(path: &Path, version: u32, rows: &[(&[u8], &[u8])]) -> Store {
        let (ledger, layout) = (LedgerId(Uuid::from_u128(1)), Layout::default());
        let identity = Identity { ledger, layout, projection: "p".into(), version };
        let store = Store::open(path, &identity, &StoreOptions::default()).unwrap();
        let mut rows: Staged = rows.iter().map(|(key, row)| (key.to_vec(), Some(row.to_vec()))).collect();
        store.apply(&mut rows, &Checkpoint::default()).unwrap();
        store
    }

    #[test]
    fn names_the_first_key_that_differs() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let left = store(&path("l"), 1, &[(b"\x10a", b"1"), (b"\x10b", b"2")]);
        let same = store(&path("s"), 2, &[(b"\x10a", b"1"), (b"\x10b", b"2")]);
        assert_eq!(compare(&left, &same).unwrap(), None, "what stores know of themselves is not compared");
        assert_eq!(left.digest().unwrap(), same.digest().unwrap());
        assert_eq!(compare_and_digest(&left, &same).unwrap(), (None, same.digest().unwrap()));

        let other = store(&path("o"), 1, &[(b"\x10a", b"1"), (b"\x10b", b"3")]);
        let missing = store(&path("m"), 1, &[(b"\x10b", b"2")]);
        let at = |key: &[u8], left: Option<&[u8]>, right: Option<&[u8]>| {
            Some(Difference { key: key.to_vec(), left: left.map(<[u8]>::to_vec), right: right.map(<[u8]>::to_vec) })
        };
        assert_eq!(compare(&left, &other).unwrap(), at(b"\x10b", Some(b"2"), Some(b"3")));
        let (differ, digest) = compare_and_digest(&left, &other).unwrap();
        assert_eq!((differ.is_some(), digest), (true, other.digest().unwrap()));
        assert_eq!(compare(&left, &missing).unwrap(), at(b"\x10a", Some(b"1"), None));
        assert_eq!(compare(&missing, &left).unwrap(), at(b"\x10a", None, Some(b"1")));
        assert_ne!(left.digest().unwrap(), other.digest().unwrap());
    }
}
