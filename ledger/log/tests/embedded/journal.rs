//! What the journal has when a process ends without closing the ledger.

use std::{fs, path::Path};

use subledger_log::embedded::{EmbeddedLog, EmbeddedOptions};

use super::tools::{LAYOUT, LEDGER, P, Q, append, cold, crashed, create, directory, open_damaged, verify};

fn ends(log: &EmbeddedLog) -> [u64; 2] {
    [P, Q].map(|partition| verify(log, partition))
}

#[test]
fn small_appends_are_there_after_a_crash_and_only_because_of_the_journal() {
    let dir = directory();
    let log = create(dir.path());
    for count in [1, 2, 1, 30, 1] {
        append(&log, P, count);
        append(&log, Q, 1);
    }
    assert_eq!(ends(&log), [35, 5], "before the crash");
    let copy = crashed(dir.path());
    fs::remove_file(copy.path().join("journal")).unwrap();
    let error = open_damaged(copy.path());
    assert!(error.contains("35 records had been acknowledged"), "{error}");

    let copy = crashed(dir.path());
    let again = EmbeddedLog::open(copy.path()).unwrap();
    assert_eq!(ends(&again), [35, 5]);
    append(&again, P, 1);
    let twice = crashed(copy.path());
    assert_eq!(ends(&cold().open(twice.path()).unwrap()), [36, 5], "a crash after a crash");
    drop(log);
    assert_eq!(ends(&cold().open(dir.path()).unwrap()), [35, 5], "and after an orderly close");
}

/// Sled takes over every few appends; a crash anywhere between loses nothing and invents nothing.
#[test]
fn whenever_the_process_ends_everything_acknowledged_is_there() {
    let dir = directory();
    let options = EmbeddedOptions { journal_bytes: 6_000, ..cold() };
    let log = options.create(dir.path(), LAYOUT, LEDGER).unwrap();
    let mut acknowledged = [0, 0];
    for n in 0..40 {
        // Some are too long for the journal.
        acknowledged[0] = append(&log, P, 1 + n * 5 % 30);
        acknowledged[1] = append(&log, Q, 1 + n % 3);
        let copy = crashed(dir.path());
        assert_eq!(ends(&options.open(copy.path()).unwrap()), acknowledged, "after {n}");
        assert_eq!(ends(&log), acknowledged, "after {n}");
    }
}

#[test]
fn an_entry_that_was_not_finished_was_not_acknowledged_and_is_not_there() {
    let dir = directory();
    let log = create(dir.path());
    append(&log, P, 3);
    let noted = fs::read(dir.path().join("acknowledged")).unwrap();
    let begin = written(dir.path());
    append(&log, P, 2);
    let end = written(dir.path());
    for at in [begin, begin + 5, begin.midpoint(end), end - 1] {
        let copy = crashed(dir.path());
        fs::write(copy.path().join("acknowledged"), &noted).unwrap();
        let mut journal = fs::read(copy.path().join("journal")).unwrap();
        journal[at..].fill(0);
        fs::write(copy.path().join("journal"), journal).unwrap();
        let again = EmbeddedLog::open(copy.path()).unwrap();
        assert_eq!(verify(&again, P), 3, "torn at {at} of {begin} to {end}");
        append(&again, P, 4);
        assert_eq!(verify(&again, P), 7);
    }
}

/// The length of what is written in the journal: all behind it is zero.
fn written(dir: &Path) -> usize {
    fs::read(dir.join("journal")).unwrap().iter().rposition(|&byte| byte != 0).unwrap() + 1
}

#[test]
fn damage_in_what_was_acknowledged_is_noticed_and_nothing_is_changed_by_looking() {
    let dir = directory();
    let log = create(dir.path());
    for count in [2, 3, 4] {
        append(&log, P, count);
    }
    let used = written(dir.path());
    for n in 0..12 {
        let copy = crashed(dir.path());
        let journal = copy.path().join("journal");
        let mut bytes = fs::read(&journal).unwrap();
        bytes[used * n / 12] ^= 8;
        fs::write(&journal, &bytes).unwrap();
        for _ in 0..2 {
            let error = open_damaged(copy.path());
            assert!(error.contains("9 records had been acknowledged"), "{error}");
            assert!(fs::read(&journal).unwrap() == bytes, "opening changed something");
        }
    }
}

#[test]
fn a_process_that_ends_after_sled_took_over_leaves_a_journal_that_adds_nothing() {
    let dir = directory();
    let log = create(dir.path());
    append(&log, P, 5);
    append(&log, Q, 2);
    let journal = fs::read(dir.path().join("journal")).unwrap();
    drop(log);
    fs::write(dir.path().join("journal"), journal).unwrap();
    let log = cold().open(dir.path()).unwrap();
    assert_eq!(ends(&log), [5, 2]);
}
