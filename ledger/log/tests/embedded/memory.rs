//! How much memory a log takes.

use std::{fs, path::Path, time::Duration};

use bytes::Bytes;
use subledger_log::{Log as _, embedded::EmbeddedLog};

use super::tools::{LAYOUT, LEDGER, P, child, child_dir, cold, directory};

/// Records of a log much longer than what may be kept of it, in megabytes.
const LOG_MEGABYTES: u64 = 150;
const RECORD_BYTES: u64 = 1_000;
/// What reading may take: a page of 16 chunks in each of sled's 256 shards, and as much again.
const TAKEN_MEGABYTES_MAX: u64 = 100;

fn resident_megabytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1_024
}

fn long(dir: &Path) -> EmbeddedLog {
    let log = cold().create(dir, LAYOUT, LEDGER).unwrap();
    let mut appender = log.appender(P).unwrap();
    let (mut end, each) = (0, 1_000_000 / RECORD_BYTES);
    for megabyte in 0..LOG_MEGABYTES {
        let record = Bytes::from(vec![megabyte.to_le_bytes()[0]; usize::try_from(RECORD_BYTES).unwrap()]);
        appender.append(end, &vec![record; usize::try_from(each).unwrap()]).unwrap();
        end += each;
    }
    log
}

#[test]
fn a_long_log_is_read_without_being_kept_in_memory() {
    let Some(dir) = child_dir() else {
        // In a process of its own: other tests take memory too.
        let dir = directory();
        drop(long(dir.path()));
        let test = "embedded::memory::a_long_log_is_read_without_being_kept_in_memory";
        assert!(child(test, dir.path()).status().unwrap().success());
        return;
    };
    let log = cold().open(&dir).unwrap();
    let before = resident_megabytes();
    let mut readers = [0, 1].map(|_| log.reader(&[(P, 0)]).unwrap());
    let (mut read, mut most) = (0, 0);
    while read < 2 * LOG_MEGABYTES * 1_000_000 / RECORD_BYTES {
        for reader in &mut readers {
            read += reader.next(1 << 20, Duration::ZERO).unwrap().len() as u64;
        }
        most = most.max(resident_megabytes());
    }
    let taken = most.saturating_sub(before);
    println!("{taken} MB for reading a log of {LOG_MEGABYTES} MB");
    assert!(taken < TAKEN_MEGABYTES_MAX, "reading {LOG_MEGABYTES} MB took {taken} MB of memory");
}
