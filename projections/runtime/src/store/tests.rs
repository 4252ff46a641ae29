//! Rows are those of a map, wherever they are kept, and what a crash leaves is whole.

use proptest::prelude::*;
use subledger_fold::{Changes as _, Rows, memory::Memory};
use uuid::Uuid;

use super::*;

fn identity() -> Identity {
    let (ledger, layout) = (LedgerId(Uuid::from_u128(1)), Layout::default());
    Identity { ledger, layout, projection: "p".into(), version: 1 }
}

fn store(path: &Path, memory_bytes: usize) -> Store {
    let options = StoreOptions { memory_bytes, ..StoreOptions::default() };
    Store::open(path, &identity(), &options).unwrap()
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(prop_oneof![Just(1_u8), Just(2), Just(255), any::<u8>()], 1..4)
        .prop_filter("the store's own", |key| key[0] != META)
}

fn walk(rows: &dyn Rows, prefix: &[u8], from: &[u8], reverse: bool) -> Vec<(Vec<u8>, usize)> {
    let mut seen = Vec::new();
    rows.scan(prefix, from, reverse, &mut |key, row| {
        seen.push((key.to_vec(), row.len()));
        Ok(true)
    })
    .unwrap();
    seen
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    // Rows are long, so that a few of them fill a block; and there are enough batches for runs that are merged twice.
    #[test]
    fn reads_like_a_map_wherever_the_rows_are(
        batches in proptest::collection::vec(
            proptest::collection::btree_map(key(), proptest::option::of(0..3_000_usize), 1..30), 1..45),
        memory_bytes in prop_oneof![Just(1_usize), Just(40_000), Just(usize::MAX)],
        scans in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..2), key(), any::<bool>()), 1..8),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let opened = store(dir.path(), memory_bytes);
        let mut model = Memory::default();
        for batch in &batches {
            let staged: Staged =
                batch.iter().map(|(key, len)| (key.clone(), len.map(|len| vec![7; len]))).collect();
            opened.apply(&mut staged.clone(), &Checkpoint::default()).unwrap();
            for (key, row) in staged {
                match row {
                    Some(row) => model.put(key, row),
                    None => model.delete(key),
                }
            }
        }
        // While runs are written and merged, when all of it is on disk, and by another process.
        let keys: Vec<_> = batches.iter().flat_map(BTreeMap::keys).collect();
        same(&opened, &model, &keys, &scans)?;
        opened.flush().unwrap();
        same(&opened, &model, &keys, &scans)?;
        let digest = opened.digest().unwrap();
        drop(opened);
        let opened = store(dir.path(), memory_bytes);
        same(&opened, &model, &keys, &scans)?;
        prop_assert_eq!(opened.digest().unwrap(), digest);
        let all: Vec<_> = opened.snapshot().walk().map(|row| row.map(|(key, row)| (key, row.len())).unwrap()).collect();
        prop_assert_eq!(all, walk(&model, &[], &[], false));
    }
}

fn same(
    store: &Store,
    model: &Memory,
    keys: &[&Vec<u8>],
    scans: &[(Vec<u8>, Vec<u8>, bool)],
) -> Result<(), TestCaseError> {
    let now = store.snapshot();
    for key in keys {
        prop_assert_eq!(now.get(key).unwrap(), model.get(key).unwrap());
    }
    for (prefix, from, reverse) in scans {
        for prefix in [&prefix[..], &[]] {
            for from in [&from[..], &[]] {
                prop_assert_eq!(walk(&now, prefix, from, *reverse), walk(model, prefix, from, *reverse));
            }
        }
    }
    Ok(())
}

#[test]
fn what_a_crash_leaves_of_a_run_is_removed_and_its_number_not_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let row = |key: &[u8], row: &[u8]| Staged::from([(key.to_vec(), Some(row.to_vec()))]);
    {
        let store = store(dir.path(), usize::MAX);
        store.apply(&mut row(b"\x01a", b"1"), &Checkpoint { commits: 1, ..Checkpoint::default() }).unwrap();
        store.flush().unwrap();
        // In memory only, so it is lost.
        store.apply(&mut row(b"\x01b", b"2"), &Checkpoint { commits: 2, ..Checkpoint::default() }).unwrap();
        let mut writer = crate::run::RunWriter::new(&store.disk.tree, 7, 0, 1);
        writer.add(b"\x01c", Some(b"never named")).unwrap();
        writer.finish().unwrap();
        assert_eq!(store.disk.tree.runs_found().unwrap(), [0, 7]);
    }
    let store = store(dir.path(), usize::MAX);
    assert_eq!(store.checkpoint().unwrap().commits, 1);
    assert_eq!(walk(&store.snapshot(), &[], &[], false), [(b"\x01a".to_vec(), 1)]);
    assert_eq!(store.disk.tree.runs_found().unwrap(), [0]);
    store.apply(&mut row(b"\x01b", b"2"), &Checkpoint { commits: 2, ..Checkpoint::default() }).unwrap();
    store.flush().unwrap();
    assert_eq!(store.disk.tree.runs_found().unwrap(), [0, 8]);
}

#[test]
fn how_much_is_kept_in_memory_can_be_changed() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path(), usize::MAX);
    let apply = |key: u8| {
        store.apply(&mut Staged::from([(vec![1, key], Some(vec![7; 50]))]), &Checkpoint::default()).unwrap();
        Disk::wait(&store.disk).unwrap();
        store.disk.layers().runs.len()
    };
    assert_eq!(apply(1), 0);
    store.keep_in_memory(1);
    assert_eq!(apply(2), 1);
}

#[test]
fn runs_are_merged_and_what_was_removed_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path(), 1);
    for n in 0..100_u8 {
        let removed = n.checked_sub(1).map(|before| (vec![1, before], None));
        let mut rows: Staged = removed.into_iter().chain([(vec![1, n], Some(vec![n; 50]))]).collect();
        store.apply(&mut rows, &Checkpoint::default()).unwrap();
    }
    store.flush().unwrap();
    assert_eq!(walk(&store.snapshot(), &[], &[], false), [(vec![1, 99], 50)]);
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut runs = store.disk.layers().runs.clone();
    // 100 runs in twelves: 11 of the lowest level at most, and 8 of the next.
    while runs.len() > 19 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
        runs = store.disk.layers().runs.clone();
    }
    assert!(runs.len() <= 19, "{} runs are left of 100", runs.len());
    assert_eq!(runs.last().map(|run| run.info.rows), Some(1), "below the oldest run nothing is left to remove");
}

#[test]
fn whoever_reads_sees_one_moment_and_is_waited_for_by_the_end_only() {
    let dir = tempfile::tempdir().unwrap();
    // Each batch becomes a run at once.
    let store = store(dir.path(), 1);
    let batch = |n: u8| -> Staged { (0..50).map(|key| (vec![1, key], Some(vec![n; 2_000]))).collect() };
    store.apply(&mut batch(0), &Checkpoint::default()).unwrap();
    let before = store.snapshot();
    for n in 1..40 {
        store.apply(&mut batch(n), &Checkpoint::default()).unwrap();
    }
    store.flush().unwrap();
    let rows = |rows: &Snapshot| (0..50).all(|key| rows.get(&[1, key]).unwrap() == Some(vec![0; 2_000]));
    assert!(rows(&before) && !rows(&store.snapshot()));
    std::thread::scope(|scope| {
        let ending = scope.spawn(|| drop(store));
        std::thread::sleep(Duration::from_millis(50));
        assert!(rows(&before) && !ending.is_finished(), "its files may be removed as soon as it has ended");
        drop(before);
        ending.join().unwrap();
    });
}
