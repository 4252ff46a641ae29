//! What these tests share.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use bytes::Bytes;
use subledger_log::{
    Family, Layout, LedgerId, Log, OpenError, PartitionId, RawRecord,
    embedded::{EmbeddedLog, EmbeddedOptions},
};
use tempfile::TempDir;

pub(crate) const P: PartitionId = PartitionId::new(Family::Customers, 0);
pub(crate) const Q: PartitionId = PartitionId::new(Family::Customers, 1);
pub(crate) const LAYOUT: Layout = Layout { partners: 1, customers: 2 };
pub(crate) const LEDGER: LedgerId = LedgerId(uuid::Uuid::from_u128(7));

/// A directory on the disk that the build uses, not in memory.
pub(crate) fn directory() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

pub(crate) fn create(dir: &Path) -> EmbeddedLog {
    EmbeddedLog::create(dir, LAYOUT, LEDGER).unwrap()
}

/// Without the tail in memory and a journal, so that everything is read from sled.
pub(crate) fn cold() -> EmbeddedOptions {
    EmbeddedOptions { tail_cache_bytes: 0, journal_bytes: 0, ..EmbeddedOptions::default() }
}

/// The files as they are now, while the ledger is open: what a process that is killed now leaves.
pub(crate) fn crashed(dir: &Path) -> TempDir {
    let copy = directory();
    copy_files(dir, copy.path());
    copy
}

fn copy_files(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&to).unwrap();
            copy_files(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// What a directory and those in it hold: paths and contents.
pub(crate) fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(contents(&entry.path()));
        } else {
            found.insert(entry.path(), fs::read(entry.path()).unwrap());
        }
    }
    found
}

/// Appends so many records.
pub(crate) fn append(log: &EmbeddedLog, partition: PartitionId, count: u64) -> u64 {
    let end = log.end(partition).unwrap();
    log.appender(partition).unwrap().append(end, &block(partition, end, count)).unwrap();
    end + count
}

pub(crate) fn open_damaged(dir: &Path) -> String {
    let error = cold().open(dir).err().unwrap();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    error.to_string()
}

/// A record that tells its partition and offset, of a length that depends on them.
pub(crate) fn record(partition: PartitionId, offset: u64) -> Bytes {
    let mut bytes = format!("{partition}@{offset}:").into_bytes();
    bytes.extend((0..offset * 37 % 700).map(|n| (n * 31 + offset).to_le_bytes()[0]));
    bytes.into()
}

pub(crate) fn block(partition: PartitionId, first: u64, count: u64) -> Vec<Bytes> {
    (first..first + count).map(|offset| record(partition, offset)).collect()
}

pub(crate) fn read_all(log: &dyn Log, partition: PartitionId) -> Vec<RawRecord> {
    let end = log.end(partition).unwrap();
    let mut reader = log.reader(&[(partition, 0)]).unwrap();
    let mut records = Vec::new();
    while (records.len() as u64) < end {
        records.extend(reader.next(1 << 20, Duration::ZERO).unwrap());
    }
    records
}

/// Checks that a partition holds exactly what [`record`] says, and returns its end.
pub(crate) fn verify(log: &dyn Log, partition: PartitionId) -> u64 {
    let records = read_all(log, partition);
    for (offset, found) in (0..).zip(&records) {
        assert_eq!(found.offset, offset);
        assert_eq!(found.bytes, record(partition, offset), "{partition}@{offset}");
    }
    records.len() as u64
}

/// This test binary again, running only `test` with `dir` in the environment: see [`child_dir`].
pub(crate) fn child(test: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env(CHILD, dir);
    command
}

/// The directory the parent test names, if this is a child.
pub(crate) fn child_dir() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(Into::into)
}

const CHILD: &str = "SUBLEDGER_TEST_CHILD_DIR";
