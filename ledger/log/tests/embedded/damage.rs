//! Bytes that changed on disk, and directories that are something else.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use subledger_log::{Layout, LedgerId, Log as _, OpenError, PartitionId, ReadError, embedded::EmbeddedLog};

use super::tools::{LAYOUT, LEDGER, P, block, cold, contents, crashed, create, directory, read_all, verify};

/// The database as sled sees it. A child that another test has just started holds its lock for a moment, as it holds
/// every file of this process until it becomes another program.
fn raw(dir: &Path) -> sled::Db {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match sled::Config::new().path(dir).segment_size(8 * 1024 * 1024).open() {
            Ok(db) => return db,
            Err(sled::Error::Io(error)) if error.to_string().contains("lock") && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(error) => panic!("{}: {error}", dir.display()),
        }
    }
}

fn keys(db: &sled::Db) -> Vec<sled::IVec> {
    db.scan_prefix([3, 0, 0]).keys().map(Result::unwrap).collect()
}

/// A ledger with several chunks in P.
fn filled(dir: &Path) -> u64 {
    let log = create(dir);
    let mut appender = log.appender(P).unwrap();
    let mut end = 0;
    for count in [1, 400, 3, 900, 50] {
        appender.append(end, &block(P, end, count)).unwrap();
        end += count;
    }
    end
}

/// Reads everything until an error.
fn read_until_error(log: &EmbeddedLog) -> (u64, ReadError) {
    let mut reader = log.reader(&[(P, 0)]).unwrap();
    let mut read = 0;
    loop {
        match reader.next(1 << 20, Duration::ZERO) {
            Ok(records) => {
                assert!(!records.is_empty(), "the end came without an error");
                read += records.len() as u64;
            }
            Err(error) => return (read, error),
        }
    }
}

#[test]
fn a_flipped_bit_in_a_stored_value_is_reported_with_its_place() {
    let dir = directory();
    let end = filled(dir.path());
    let db = raw(dir.path());
    let key = keys(&db)[2].clone();
    let first = u64::from_be_bytes(key[3..].try_into().unwrap());
    let mut value = db.get(&key).unwrap().unwrap().to_vec();
    let middle = value.len() / 2;
    value[middle] ^= 4;
    db.insert(key, value).unwrap();
    drop(db);
    let log = cold().open(dir.path()).unwrap();
    assert_eq!(log.end(P).unwrap(), end);
    let (read, error) = read_until_error(&log);
    assert_eq!(read, first, "everything before it is read");
    assert!(matches!(error, ReadError::Damaged { partition: P, offset, .. } if offset == first), "{error}");
}

#[test]
fn a_hole_is_reported_with_its_place() {
    let dir = directory();
    filled(dir.path());
    let db = raw(dir.path());
    let key = keys(&db)[2].clone();
    let first = u64::from_be_bytes(key[3..].try_into().unwrap());
    db.remove(key).unwrap();
    drop(db);
    let (read, error) = read_until_error(&cold().open(dir.path()).unwrap());
    assert_eq!(read, first);
    assert!(matches!(error, ReadError::Damaged { partition: P, offset, .. } if offset == first), "{error}");
}

#[test]
fn a_damaged_or_lost_end_is_noticed_when_opening() {
    let damages: [fn(&sled::Db, &[sled::IVec]); 4] = [
        |db, keys| {
            let key = &keys[keys.len() - 1];
            let mut value = db.get(key).unwrap().unwrap().to_vec();
            value[9] ^= 1;
            db.insert(key, value).unwrap();
        },
        |db, keys| drop(db.remove(&keys[keys.len() - 1]).unwrap()),
        |db, keys| drop(db.remove(&keys[keys.len() - 2]).unwrap()),
        |db, _| db.clear().unwrap(),
    ];
    for (n, damage) in damages.into_iter().enumerate() {
        let dir = directory();
        filled(dir.path());
        let db = raw(dir.path());
        damage(&db, &keys(&db));
        drop(db);
        let error = cold().open(dir.path()).err().unwrap();
        assert!(matches!(error, OpenError::Damaged { .. }), "damage {n}: {error}");
        let made = cold().open_or_create(dir.path(), LAYOUT, LEDGER);
        assert!(matches!(made, Err(OpenError::Damaged { .. })), "damage {n}: a new ledger was made over it");
        println!("{error}");
    }
}

/// Flips bytes all over sled's own file: whatever it makes of them, no record is lost or changed without an error.
#[test]
fn a_flipped_byte_anywhere_in_the_file_is_never_silent() {
    let dir = directory();
    let end = filled(dir.path());
    let files: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let db = fs::read(dir.path().join("db")).unwrap();
    let used = db.iter().rposition(|&byte| byte != 0).unwrap();
    let (mut noticed, mut harmless) = (0, 0);
    for n in 0..24 {
        let copy = directory();
        for file in files.iter().filter(|file| file.is_file()) {
            fs::copy(file, copy.path().join(file.file_name().unwrap())).unwrap();
        }
        let mut bytes = db.clone();
        bytes[used * n / 23] ^= 0x10;
        fs::write(copy.path().join("db"), bytes).unwrap();
        let read = std::panic::catch_unwind(|| -> Result<bool, String> {
            let log = cold().open(copy.path()).map_err(|error| error.to_string())?;
            let mut reader = log.reader(&[(P, 0)]).map_err(|error| error.to_string())?;
            let mut next = 0;
            while next < log.end(P).map_err(|error| error.to_string())? {
                for found in reader.next(1 << 20, Duration::ZERO).map_err(|error| error.to_string())? {
                    assert_eq!((found.offset, &found.bytes), (next, &super::tools::record(P, next)));
                    next += 1;
                }
            }
            Ok(next == end)
        });
        match read {
            Ok(Ok(complete)) => {
                assert!(complete, "flip {n} lost records silently");
                harmless += 1;
            }
            Ok(Err(error)) => {
                println!("flip {n}: {error}");
                noticed += 1;
            }
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
    println!("{noticed} flips noticed, {harmless} harmless");
}

#[test]
fn what_is_no_ledger_is_not_opened() {
    let dir = directory();
    let not_a_ledger = |result: Result<EmbeddedLog, OpenError>| {
        let error = result.err().unwrap();
        assert!(matches!(error, OpenError::NotALedger { .. }), "{error}");
        error.to_string()
    };
    not_a_ledger(EmbeddedLog::open(dir.path()));
    not_a_ledger(EmbeddedLog::open(dir.path().join("absent")));
    assert!(fs::read_dir(dir.path()).unwrap().next().is_none(), "opening makes nothing");

    // Some other database.
    let db = raw(dir.path());
    db.insert("key", "value").unwrap();
    drop(db);
    not_a_ledger(EmbeddedLog::open(dir.path()));
    not_a_ledger(EmbeddedLog::create(dir.path(), LAYOUT, LEDGER));
    not_a_ledger(EmbeddedLog::open_or_create(dir.path(), LAYOUT, LEDGER));

    // Another version, and garbage.
    for (row, names) in [(&br#"{"format":9}"#[..], "format 9"), (b"\0\xff", "not readable")] {
        let dir = directory();
        drop(create(dir.path()));
        raw(dir.path()).insert(b"\0ledger", row).unwrap();
        let error = not_a_ledger(EmbeddedLog::open(dir.path()));
        assert!(error.contains(names), "{error}");
    }
}

#[test]
fn a_ledger_is_made_once_and_keeps_its_identity() {
    let dir = directory();
    let path = dir.path().join("new/ledger");
    drop(EmbeddedLog::open_or_create(&path, LAYOUT, LEDGER).unwrap());
    let other = (Layout { partners: 1, customers: 9 }, LedgerId(uuid::Uuid::from_u128(8)));
    let log = EmbeddedLog::open_or_create(&path, other.0, other.1).unwrap();
    assert_eq!((log.layout(), log.ledger_id()), (LAYOUT, LEDGER), "an existing ledger stays what it is");
    drop(log);
    assert!(matches!(EmbeddedLog::create(&path, LAYOUT, LEDGER), Err(OpenError::NotALedger { .. })));
    let bad = Layout { partners: 3, customers: 2 };
    assert!(matches!(EmbeddedLog::create(dir.path().join("b"), bad, LEDGER), Err(OpenError::WrongSetting { .. })));
}

#[test]
fn readers_do_not_need_the_memory_of_the_writer() {
    let dir = directory();
    let end = filled(dir.path());
    assert_eq!(verify(&cold().open(dir.path()).unwrap(), P), end);
    let log = EmbeddedLog::open(dir.path()).unwrap();
    log.appender(P).unwrap().append(end, &block(P, end, 10)).unwrap();
    assert_eq!(verify(&log, P), end + 10, "from disk, then from memory");
    assert_eq!(read_all(&log, P).len() as u64, end + 10);
}

#[test]
fn a_damaged_ledger_keeps_its_bytes_however_often_it_is_tried() {
    let dir = directory();
    filled(dir.path());
    let db = dir.path().join("db");
    let mut bytes = fs::read(&db).unwrap();
    let middle = bytes.len() / 16;
    bytes[middle..middle + 500].fill(0xa5);
    fs::write(&db, &bytes).unwrap();
    let before = contents(dir.path());
    for _ in 0..2 {
        assert!(matches!(cold().open(dir.path()), Err(OpenError::Damaged { .. })));
        assert!(contents(dir.path()) == before, "opening changed something");
    }
}

#[test]
fn an_opening_that_was_killed_goes_on_from_the_copies() {
    let dir = directory();
    let end = filled(dir.path());
    let kept = dir.path().join("before-recovery");
    fs::create_dir(&kept).unwrap();
    for name in ["db", "conf"] {
        fs::copy(dir.path().join(name), kept.join(name)).unwrap();
    }
    fs::copy("/proc/sys/kernel/random/boot_id", kept.join("complete")).unwrap();
    let complete = crashed(dir.path());
    // As sled might leave it when it is killed while it recovers; as putting back does when it is.
    let db = fs::read(dir.path().join("db")).unwrap();
    for left in [vec![0; 4096], Vec::new(), db[..db.len() / 2].to_vec()] {
        let copy = crashed(complete.path());
        fs::write(copy.path().join("db"), left).unwrap();
        fs::write(copy.path().join("snap.0000000000000AAA"), "what sled made of it").unwrap();
        let log = cold().open(copy.path()).unwrap();
        assert_eq!(log.end(P).unwrap(), end);
        assert_eq!(verify(&log, P), end);
        assert!(!copy.path().join("before-recovery").exists(), "copies are not kept longer than needed");
    }
}

/// Copies are not synced until they are needed: after a power failure they may be empty.
#[test]
fn copies_that_a_power_failure_may_have_emptied_are_not_put_back() {
    let dir = directory();
    let end = filled(dir.path());
    let kept = dir.path().join("before-recovery");
    for said in ["5b1c2f0e-another-run-of-the-system\n", ""] {
        let copy = crashed(dir.path());
        let kept = copy.path().join(kept.file_name().unwrap());
        fs::create_dir(&kept).unwrap();
        for (name, bytes) in [("db", ""), ("conf", ""), ("complete", said)] {
            fs::write(kept.join(name), bytes).unwrap();
        }
        let log = cold().open(copy.path()).unwrap();
        assert_eq!(verify(&log, P), end);
        assert!(!kept.exists());
    }
}

#[test]
fn a_ledger_whose_making_was_interrupted_is_made_anew_and_one_without_its_mark_is_not() {
    let dir = directory();
    fs::write(dir.path().join("acknowledged"), "").unwrap();
    drop(EmbeddedLog::open_or_create(dir.path(), LAYOUT, LEDGER).unwrap());
    fs::remove_file(dir.path().join("acknowledged")).unwrap();
    let before = contents(dir.path());
    let error = EmbeddedLog::open_or_create(dir.path(), LAYOUT, LEDGER).map(|_| ()).unwrap_err();
    assert!(matches!(&error, OpenError::NotALedger { what } if what.contains("acknowledged")), "{error}");
    assert!(contents(dir.path()) == before);
}

#[test]
fn a_ledger_from_before_there_was_a_family_opens_and_takes_it() {
    let dir = directory();
    let end = filled(dir.path());
    // Its file of ends had no place for the last family.
    let noted = fs::OpenOptions::new().write(true).open(dir.path().join("acknowledged")).unwrap();
    noted.set_len(noted.metadata().unwrap().len() - 16).unwrap();
    drop(noted);
    let log = cold().open(dir.path()).unwrap();
    assert_eq!((log.end(P).unwrap(), log.end(PartitionId::ACCESS).unwrap()), (end, 0));
    log.appender(PartitionId::ACCESS).unwrap().append(0, &block(PartitionId::ACCESS, 0, 3)).unwrap();
    drop(log);
    assert_eq!(cold().open(dir.path()).unwrap().end(PartitionId::ACCESS).unwrap(), 3);
}
