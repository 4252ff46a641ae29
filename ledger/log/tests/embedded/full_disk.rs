//! Disks that fill up.

use std::{fs, path::Path, process::Command, time::Duration};

use subledger_log::{
    AppendError, Log as _, ReadError,
    embedded::{EmbeddedLog, EmbeddedOptions},
};

use super::tools::{LAYOUT, LEDGER, P, block, child, child_dir, cold, create, directory, record, verify};

/// A file system of its own, gone when dropped.
struct Mount(tempfile::TempDir);

impl Mount {
    /// None where one may not mount.
    fn new(size: &str) -> Option<Self> {
        let mount = Self(directory());
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(mount.path());
        let mounted = command.output().is_ok_and(|output| output.status.success());
        if !mounted {
            println!("not allowed to mount: this part is left out");
        }
        mounted.then_some(mount)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn resize(&self, size: &str) {
        let option = format!("remount,size={size}");
        assert!(Command::new("mount").args(["-o", &option]).arg(self.path()).status().unwrap().success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

fn fill(log: &EmbeddedLog) -> (u64, AppendError) {
    let mut appender = log.appender(P).unwrap();
    let mut end = log.end(P).unwrap();
    loop {
        match appender.append(end, &block(P, end, 200)) {
            Ok(()) => end += 200,
            Err(error) => return (end, error),
        }
    }
}

/// After a failure nothing unacknowledged is shown. sled may refuse a page that it could not write; it never makes one up.
fn verify_poisoned(log: &EmbeddedLog, end: u64) {
    assert_eq!(log.end(P).unwrap(), end);
    let mut reader = log.reader(&[(P, 0)]).unwrap();
    let mut next = 0;
    while next < end {
        match reader.next(1 << 20, Duration::ZERO) {
            Ok(records) => {
                for found in records {
                    assert_eq!((found.offset, found.bytes), (next, record(P, next)));
                    next += 1;
                }
            }
            Err(error) => {
                assert!(matches!(error, ReadError::Unavailable { .. }), "{error}");
                println!("{next} of {end} records were readable: {error}");
                return;
            }
        }
    }
}

#[test]
fn with_a_reserve_appends_fail_cleanly_and_go_on_when_there_is_space() {
    let Some(mount) = Mount::new("48m") else { return };
    let dir = mount.path().join("ledger");
    let options = EmbeddedOptions { disk_reserve_bytes: 16 * 1024 * 1024, ..cold() };
    let log = options.create(&dir, LAYOUT, LEDGER).unwrap();
    let (end, error) = fill(&log);
    assert!(matches!(error, AppendError::NotWritten { .. }), "{error}");
    println!("after {end} records: {error}");
    assert_eq!(verify(&log, P), end, "still readable");
    mount.resize("80m");
    let mut appender = log.appender(P).unwrap();
    appender.append(end, &block(P, end, 200)).unwrap();
    drop((log, appender));
    assert_eq!(verify(&options.open(&dir).unwrap(), P), end + 200);
}

#[test]
fn without_a_reserve_the_outcome_is_unknown_and_reopening_decides() {
    let Some(mount) = Mount::new("24m") else { return };
    let dir = mount.path().join("ledger");
    let options = EmbeddedOptions { disk_reserve_bytes: 0, ..cold() };
    let log = options.create(&dir, LAYOUT, LEDGER).unwrap();
    // So that sled finds out, not the check before it.
    let (mut end, mut error) = fill(&log);
    if matches!(error, AppendError::NotWritten { .. }) {
        fs::write(mount.path().join("ballast"), vec![1; 64 << 20]).unwrap_err();
        (end, error) = fill(&log);
    }
    println!("after {end} records: {error}");
    let unknown = u64::from(matches!(error, AppendError::Unknown { .. })) * 200;
    verify_poisoned(&log, end);
    if unknown > 0 {
        let again = log.appender(P).unwrap().append(end, &block(P, end, 1)).unwrap_err();
        assert!(
            matches!(again, AppendError::NotWritten { .. }) && again.to_string().contains("opened again"),
            "{again}"
        );
    }
    drop(log);
    let _ = fs::remove_file(mount.path().join("ballast"));
    mount.resize("96m");
    let log = options.open(&dir).unwrap();
    let found = verify(&log, P);
    assert!(found == end || found == end + unknown, "{found} records after {end} acknowledged");
    log.appender(P).unwrap().append(found, &block(P, found, 200)).unwrap();
    assert_eq!(verify(&log, P), found + 200);
}

/// A child of a test below, nothing without its parent: may not make its file larger than its shell allows.
#[test]
fn child_that_may_not_grow() {
    let Some(dir) = child_dir() else { return };
    let log = cold().open(&dir).unwrap();
    let (end, error) = fill(&log);
    assert!(matches!(error, AppendError::Unknown { .. }), "{error}");
    verify_poisoned(&log, end);
    for _ in 0..3 {
        let again = log.appender(P).unwrap().append(end, &block(P, end, 1)).unwrap_err();
        assert!(matches!(again, AppendError::NotWritten { .. }), "{again}");
        assert!(again.to_string().contains("opened again"), "{again}");
    }
    fs::write(dir.join("told"), end.to_string()).unwrap();
}

#[test]
fn a_file_that_may_not_grow_poisons_the_log() {
    let dir = directory();
    drop(create(dir.path()));
    let child = child("embedded::full_disk::child_that_may_not_grow", dir.path());
    // Blocks of 512 bytes: 12 MiB. The signal is ignored so that the write fails with an error instead.
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "trap '' XFSZ; ulimit -f 24576; exec \"$@\"", "sh"])
        .arg(child.get_program())
        .args(child.get_args());
    shell.envs(child.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: u64 = fs::read_to_string(dir.path().join("told")).unwrap().parse().unwrap();
    assert!(told > 0);
    let log = cold().open(dir.path()).unwrap();
    let found = verify(&log, P);
    assert!(found == told || found == told + 200, "{found} records after {told} acknowledged");
    log.appender(P).unwrap().append(found, &block(P, found, 5)).unwrap();
}
