//! A log that goes on in new volumes.

use std::{fs, path::Path, time::Duration};

use subledger_log::{
    Log as _, OpenError, PartitionId, ReadError,
    embedded::{EmbeddedLog, EmbeddedOptions},
};

use super::tools::{LAYOUT, LEDGER, P, Q, append, cold, contents, crashed, directory, open_damaged, record, verify};

/// So short that an append or two fill a volume.
fn short() -> EmbeddedOptions {
    EmbeddedOptions { volume_bytes: 20_000, ..cold() }
}

fn volumes(dir: &Path) -> usize {
    1 + (2..1_000).take_while(|n| dir.join(format!("volume-{n}")).join("begins").exists()).count()
}

/// A ledger of at least six volumes; Q has records in the first and the last only.
fn filled(dir: &Path) -> EmbeddedLog {
    let log = short().create(dir, LAYOUT, LEDGER).unwrap();
    append(&log, Q, 40);
    while volumes(dir) < 6 {
        append(&log, P, 70);
    }
    append(&log, Q, 3);
    log
}

fn ends(log: &EmbeddedLog) -> [u64; 2] {
    [P, Q].map(|partition| verify(log, partition))
}

/// Reads from an offset until an error, which must be the place where reading stopped.
fn damaged_at(log: &EmbeddedLog, partition: PartitionId, from: u64) -> (u64, String) {
    let mut reader = log.reader(&[(partition, from)]).unwrap();
    let mut next = from;
    loop {
        match reader.next(1 << 20, Duration::ZERO) {
            Ok(records) => {
                assert!(!records.is_empty(), "the end came without an error");
                for found in records {
                    assert_eq!((found.offset, found.bytes), (next, record(partition, next)));
                    next += 1;
                }
            }
            Err(ReadError::Damaged { partition: at, offset, what }) => {
                assert_eq!((at, offset), (partition, next));
                return (next, what);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn what_is_in_all_volumes_is_read_as_one_log() {
    let dir = directory();
    let log = filled(dir.path());
    let found = ends(&log);
    assert_eq!(found[1], 43);
    // From everywhere, a record at a time.
    for from in (0..found[0]).step_by(7) {
        let mut reader = log.reader(&[(P, from)]).unwrap();
        let records = reader.next(1, Duration::ZERO).unwrap();
        assert_eq!((records[0].offset, &records[0].bytes), (from, &record(P, from)));
    }
    drop(log);
    let log = short().open(dir.path()).unwrap();
    assert_eq!(ends(&log), found);
    let count = volumes(dir.path());
    append(&log, P, 200);
    append(&log, P, 1);
    assert!(volumes(dir.path()) > count, "an opened one goes on as well");
    assert_eq!(ends(&log), [found[0] + 201, 43]);
    // With room for everything, it goes on where it is.
    drop(log);
    let count = volumes(dir.path());
    let log = cold().open(dir.path()).unwrap();
    append(&log, Q, 500);
    assert_eq!((ends(&log), volumes(dir.path())), ([found[0] + 201, 543], count));
}

#[test]
fn readers_that_wait_go_over_to_the_new_volume() {
    let dir = directory();
    let log = EmbeddedOptions { volume_bytes: 20_000, journal_bytes: 9_000, ..EmbeddedOptions::default() }
        .create(dir.path(), LAYOUT, LEDGER)
        .unwrap();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reader = log.reader(&[(P, 0)]).unwrap();
            let mut next = 0;
            while next < 3_000 {
                for found in reader.next(50_000, Duration::from_secs(20)).unwrap() {
                    assert_eq!((found.offset, found.bytes), (next, record(P, next)));
                    next += 1;
                }
            }
        });
        for _ in 0..100 {
            append(&log, P, 30);
        }
        reader.join().unwrap();
    });
    assert!(volumes(dir.path()) > 5);
}

#[test]
fn whenever_the_process_ends_everything_acknowledged_is_there() {
    let dir = directory();
    let options = EmbeddedOptions { journal_bytes: 6_000, ..short() };
    let log = options.create(dir.path(), LAYOUT, LEDGER).unwrap();
    let mut acknowledged = [0, 0];
    for n in 0..30 {
        acknowledged[0] = append(&log, P, 1 + n * 5 % 30);
        acknowledged[1] = append(&log, Q, 1 + n % 3);
        let copy = crashed(dir.path());
        let again = options.open(copy.path()).unwrap();
        assert_eq!(ends(&again), acknowledged, "after {n}");
        append(&again, Q, 1);
        assert_eq!(ends(&again)[1], acknowledged[1] + 1, "after {n}");
    }
    assert!(volumes(dir.path()) > 4);
}

#[test]
fn opening_after_a_crash_leaves_sealed_volumes_alone() {
    let dir = directory();
    let log = filled(dir.path());
    let found = ends(&log);
    let copy = crashed(dir.path());
    let sealed = |dir: &Path| contents(&dir.join("volume-3"));
    let before = sealed(copy.path());
    let log = cold().open(copy.path()).unwrap();
    assert!(sealed(copy.path()) == before);
    assert_eq!(ends(&log), found);
}

#[test]
fn a_volume_whose_making_never_finished_is_none() {
    let dir = directory();
    let log = filled(dir.path());
    let found = ends(&log);
    let count = volumes(dir.path());
    drop(log);
    let next = dir.path().join(format!("volume-{}", count + 1));
    fs::create_dir(&next).unwrap();
    fs::write(next.join("db"), "half of it").unwrap();
    fs::write(next.join("begins.new"), [0; 40]).unwrap();
    let log = short().open(dir.path()).unwrap();
    assert_eq!(ends(&log), found);
    append(&log, P, 100);
    append(&log, P, 1);
    assert!(volumes(dir.path()) > count, "it is made anew");
    assert_eq!(ends(&log), [found[0] + 101, found[1]]);
}

#[test]
fn if_no_volume_can_be_made_the_last_one_grows() {
    let dir = directory();
    let log = filled(dir.path());
    let found = ends(&log);
    let count = volumes(dir.path());
    let next = dir.path().join(format!("volume-{}", count + 1));
    fs::write(&next, "in the way").unwrap();
    for _ in 0..3 {
        append(&log, P, 100);
    }
    assert_eq!((ends(&log), volumes(dir.path())), ([found[0] + 300, found[1]], count));
    fs::remove_file(&next).unwrap();
    for _ in 0..3 {
        append(&log, P, 100);
    }
    assert_eq!((ends(&log)[0], volumes(dir.path()) > count), (found[0] + 600, true));
}

#[test]
fn nobody_else_opens_a_ledger_that_went_on_in_another_volume() {
    let dir = directory();
    let log = filled(dir.path());
    let options = EmbeddedOptions { lock_wait: Duration::ZERO, ..cold() };
    assert!(matches!(options.open(dir.path()), Err(OpenError::InUse { .. })));
    drop(log);
    options.open(dir.path()).unwrap();
}

#[test]
fn a_volume_that_is_gone_is_noticed_when_opening() {
    let dir = directory();
    drop(filled(dir.path()));
    let last = format!("volume-{}", volumes(dir.path()));
    for (gone, names) in [
        ("volume-3", "volume-3 is not there"),
        ("volume-3/db", "its database is gone"),
        ("db", "its database is gone"),
        (&*last, "had been acknowledged"),
        (&*format!("{last}/db"), "its database is gone"),
    ] {
        let copy = crashed(dir.path());
        let path = copy.path().join(gone);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
        let before = contents(copy.path());
        let error = open_damaged(copy.path());
        assert!(error.contains(names), "{gone}: {error}");
        assert!(contents(copy.path()) == before, "{gone}: opening changed something");
    }
}

#[test]
fn a_damaged_beginning_is_noticed_when_opening() {
    let dir = directory();
    drop(filled(dir.path()));
    let last = format!("volume-{}", volumes(dir.path()));
    for volume in ["volume-2", &last] {
        for damage in [|bytes: &mut Vec<u8>| bytes[7] ^= 1, |bytes: &mut Vec<u8>| bytes.truncate(20), Vec::clear] {
            let copy = crashed(dir.path());
            let path = copy.path().join(volume).join("begins");
            let mut bytes = fs::read(&path).unwrap();
            damage(&mut bytes);
            fs::write(path, bytes).unwrap();
            let before = contents(copy.path());
            let error = open_damaged(copy.path());
            assert!(error.contains("begins is damaged"), "{error}");
            assert!(contents(copy.path()) == before, "opening changed something");
        }
    }
}

/// Damage that sled would take for a write that never finished: it is told with its place, and what is there stays as it is.
#[test]
fn a_damaged_sealed_volume_is_noticed_when_it_is_read_and_keeps_its_bytes() {
    let dir = directory();
    let found = ends(&filled(dir.path()));
    let db = dir.path().join("volume-3/db");
    let mut bytes = fs::read(&db).unwrap();
    let middle = bytes.iter().rposition(|&byte| byte != 0).unwrap() / 2;
    bytes[middle..middle + 200].fill(0xa5);
    fs::write(&db, bytes).unwrap();
    let before = contents(&dir.path().join("volume-3"));

    let log = cold().open(dir.path()).unwrap();
    for _ in 0..2 {
        let (at, what) = damaged_at(&log, P, 0);
        assert!(at > 0 && at < found[0], "everything before it is read: {at}");
        assert!(what.contains("volume-3"), "{what}");
        assert!(contents(&dir.path().join("volume-3")) == before, "reading changed something");
    }
    assert_eq!(verify(&log, Q), found[1], "of which it has nothing");
    let mut reader = log.reader(&[(P, found[0] - 1)]).unwrap();
    assert_eq!(reader.next(1, Duration::ZERO).unwrap()[0].bytes, record(P, found[0] - 1));
    append(&log, P, 10);
}

#[test]
fn a_volume_of_another_ledger_or_another_stretch_is_not_taken_for_this_one() {
    let dir = directory();
    drop(filled(dir.path()));
    let other = directory();
    let stranger = short().create(other.path(), LAYOUT, subledger_log::LedgerId(uuid::Uuid::from_u128(99))).unwrap();
    while volumes(other.path()) < 4 {
        append(&stranger, P, 70);
    }
    drop(stranger);
    for (from, names) in [(other.path().join("volume-3"), "belongs to"), (dir.path().join("volume-2"), "volume-3")] {
        let copy = crashed(dir.path());
        for name in ["db", "conf"] {
            fs::copy(from.join(name), copy.path().join("volume-3").join(name)).unwrap();
        }
        let log = cold().open(copy.path()).unwrap();
        let (at, what) = damaged_at(&log, P, 0);
        assert!(at > 0 && what.contains(names), "{what}");
    }
}
