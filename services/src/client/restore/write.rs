//! Writing the data directory of a restored ledger.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use subledger_log::{
    Family, Layout, LedgerId, Log as _, PartitionId, durable,
    embedded::EmbeddedLog,
    limits::{BLOCK_BYTES_MAX, BLOCK_COMMITS_MAX},
    personal::{KeyError, KeyStore, Master, OpenKeys},
};
use subledger_proof::Frontier;

use super::cut::Sizes;
use crate::{
    audit::keys,
    client::{
        Failure, folder,
        meter::Meter,
        verify::{Export, records::Records},
    },
    ledger::write_settings,
};

/// What the directory is to be.
pub(super) struct Target<'a> {
    pub(super) dir: &'a Path,
    pub(super) ledger: LedgerId,
    /// Whether nothing that was signed is left out.
    pub(super) whole: bool,
    /// The copy of the key that signs.
    pub(super) signing_key: Option<&'a Path>,
    /// The copy of the directory with the customers' keys.
    pub(super) customer_keys: Option<&'a Path>,
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::Usage(format!("cannot write {}: {error}", path.display()))
}

/// The directory must not be there, or be empty.
pub(super) fn check_target(dir: &Path) -> Result<(), Failure> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|error| Failure::Usage(format!("--data {}: {error}", dir.display())))?,
    };
    if entries.count() == 0 {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "--data {}: the directory is not empty; a ledger is restored into a new one, so that none is lost",
        dir.display()
    )))
}

impl Target<'_> {
    /// Makes it; gives the number of records.
    pub(super) fn write(&self, backup: &Export, sizes: &Sizes) -> Result<u64, Failure> {
        let incomplete = incomplete(self.dir)?;
        match fs::remove_dir_all(&incomplete) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&incomplete, &error)),
            _ => {}
        }
        let made = self.write_into(&incomplete, backup, sizes).and_then(|records| {
            if self.dir.exists() {
                fs::remove_dir(self.dir).map_err(|error| failed(self.dir, &error))?;
            }
            fs::rename(&incomplete, self.dir).map_err(|error| failed(self.dir, &error))?;
            let parent = durable::parent(self.dir);
            durable::sync_names(parent).map_err(|error| failed(parent, &error))?;
            Ok(records)
        });
        if made.is_err() {
            // What a kill leaves has another name.
            let _ = fs::remove_dir_all(&incomplete);
        }
        made
    }

    fn write_into(&self, dir: &Path, backup: &Export, sizes: &Sizes) -> Result<u64, Failure> {
        durable::make_dir(dir).map_err(|error| failed(dir, &error))?;
        write_settings(dir, backup.manifest.test_clock_start).map_err(|error| Failure::Usage(format!("{error:#}")))?;
        if self.whole {
            self.keep_trust(dir, backup)?;
        }
        self.keep_customer_keys(&dir.join("keys/customers"), backup)?;
        let log = create(&dir.join("log"), backup.layout, self.ledger)?;
        let total = sizes.values().sum();
        let meter = Meter::new("restoring", total);
        for part in &backup.partitions {
            let root = copy(backup, &log, part.partition, sizes[&part.partition], &meter)?;
            // The folder was checked a moment ago; somebody may have written into it since.
            let signed = folder::checkpoint_of(&backup.folder, part.partition);
            if sizes[&part.partition] == part.size && signed.is_some_and(|checkpoint| checkpoint.root != root) {
                return Err(Failure::Differs(format!(
                    "error: the records of {} changed while they were read",
                    part.partition
                )));
            }
        }
        Ok(total)
    }

    /// The keys of personal values; without them it is said, once, that they will not come back.
    fn keep_customer_keys(&self, dir: &Path, backup: &Export) -> Result<(), Failure> {
        let refused = |error: KeyError| Failure::Usage(format!("--customer-keys: {error}"));
        if let Some(copy) = self.customer_keys {
            return KeyStore::restore(copy, dir, backup.ledger, self.ledger).map_err(refused);
        }
        let master = Master::File(dir.join("master.key"));
        let open = OpenKeys { dir: dir.to_owned(), master, ledger: self.ledger };
        let keys = KeyStore::open_or_create(open).map_err(refused)?;
        keys.give_up(backup.layout.of(Family::Customers)).map_err(refused)
    }

    /// The keys, and what was signed: the ledger is held against it when it starts.
    fn keep_trust(&self, dir: &Path, backup: &Export) -> Result<(), Failure> {
        let mut checkpoints = String::new();
        for part in &backup.partitions {
            let name = folder::checkpoint(part.partition);
            let note = fs::read_to_string(backup.folder.path(&name))
                .map_err(|error| Failure::Usage(format!("{name} cannot be read: {error}")))?;
            checkpoints.push_str(&note);
            checkpoints.push('\n');
        }
        let path = dir.join("checkpoints");
        durable::replace(&path, checkpoints.as_bytes()).map_err(|error| failed(&path, &error))?;
        let Some(key) = self.signing_key else { return Ok(()) };
        let refused = |error: anyhow::Error| Failure::Usage(format!("--signing-key: {error:#}"));
        let (keys, rotations) = (backup.folder.path(folder::KEYS), backup.folder.path(folder::ROTATIONS));
        keys::restore(key, &dir.join("keys/signing.key"), self.ledger, &keys, &rotations).map_err(refused)
    }
}

fn incomplete(dir: &Path) -> Result<PathBuf, Failure> {
    let name =
        dir.file_name().ok_or_else(|| Failure::Usage(format!("--data {} is no name of a directory", dir.display())))?;
    let mut name = name.to_owned();
    name.push(".incomplete");
    Ok(dir.with_file_name(name))
}

fn create(dir: &Path, layout: Layout, ledger: LedgerId) -> Result<EmbeddedLog, Failure> {
    EmbeddedLog::create(dir, layout, ledger).map_err(|error| Failure::Usage(error.to_string()))
}

/// Appends the first `size` records of a partition as they were stored; gives the root over them.
fn copy(
    backup: &Export,
    log: &EmbeddedLog,
    partition: PartitionId,
    size: u64,
    meter: &Meter,
) -> Result<subledger_proof::Hash, Failure> {
    let bad = |found| Failure::Differs(format!("BAD: {found}"));
    let refused = |error: subledger_log::AppendError| Failure::Usage(error.to_string());
    let mut records = Records::open(backup, partition).map_err(bad)?;
    let mut appender = log.appender(partition).map_err(refused)?;
    let (mut frontier, mut next) = (Frontier::default(), 0);
    let mut block: Vec<Bytes> = Vec::new();
    let mut block_bytes = 0;
    while frontier.size() < size {
        let Some(record) = records.next().map_err(bad)? else {
            return Err(Failure::Differs(format!("error: the records of {partition} changed while they were read")));
        };
        if block_bytes + record.bytes.len() > BLOCK_BYTES_MAX || block.len() == BLOCK_COMMITS_MAX {
            appender.append(next, &block).map_err(refused)?;
            next += block.len() as u64;
            block.clear();
            block_bytes = 0;
        }
        frontier.push(&record.bytes);
        block_bytes += record.bytes.len();
        block.push(record.bytes);
        meter.step();
    }
    if !block.is_empty() {
        appender.append(next, &block).map_err(refused)?;
    }
    Ok(frontier.root())
}
