//! How far a restored ledger is the one that was backed up: the first records of both are the same, leaf by leaf, and those of the backup
//! lead to roots that the other ledger signed.

use std::{
    fs::File,
    io::{BufReader, Read as _},
};

use subledger_log::PartitionId;
use subledger_proof::{Frontier, Hash, VerifierKey};

use super::{Export, bad::Bad, trust::Trust};
use crate::client::{Failure, folder, output::line};

/// Compares the leaves; `export` was checked before.
pub(super) fn compare(export: &Export, backup: &Export, keys: &[VerifierKey]) -> Result<(), Failure> {
    if export.manifest.selection.is_partial() {
        return Err(Failure::Usage("--restored-from needs whole partitions, not chosen records".to_owned()));
    }
    let trust = Trust::of(keys, backup, &[])?;
    let mut bad = Vec::new();
    line(format_args!("restored from  ledger {}", backup.ledger))?;
    for part in &export.partitions {
        match shared(export, backup, part.partition, &trust) {
            Ok(shared) => {
                let signed = shared.signed;
                let here = match part.size - shared.records {
                    0 => "nothing follows".to_owned(),
                    more => format!("{more} of its own follow"),
                };
                let text = format!("the first {} of the {signed} that were signed there; {here}", shared.records);
                line(format_args!("{:<14} {text}", part.partition.to_string()))?;
            }
            Err(found) => bad.push(found),
        }
    }
    super::finish(&bad)
}

/// What two ledgers have in common of a partition.
struct Shared {
    records: u64,
    signed: u64,
}

fn shared(export: &Export, backup: &Export, partition: PartitionId, trust: &Trust) -> Result<Shared, Bad> {
    let checkpoint = trust.checkpoint(backup, partition)?;
    let (own, theirs) = (leaves(export, partition)?, leaves(backup, partition)?);
    let mut frontier = Frontier::default();
    theirs.iter().for_each(|leaf| frontier.push_hash(*leaf));
    if (frontier.size(), frontier.root()) != (checkpoint.size, checkpoint.root) {
        let what = "the hashes of the backup do not lead to the root that was signed over them";
        return Err(Bad::of(partition, &folder::hashes(partition), what));
    }
    let records = own.iter().zip(&theirs).take_while(|(own, theirs)| own == theirs).count() as u64;
    if records == 0 && checkpoint.size > 0 {
        let what = "its first record is not that of the backup: it was not restored from it";
        return Err(Bad::of(partition, &folder::hashes(partition), what));
    }
    Ok(Shared { records, signed: checkpoint.size })
}

fn leaves(export: &Export, partition: PartitionId) -> Result<Vec<Hash>, Bad> {
    let name = folder::hashes(partition);
    let bad = |error: std::io::Error| Bad::of(partition, &name, format!("it cannot be read: {error}"));
    let mut reader = BufReader::new(File::open(export.folder.path(&name)).map_err(bad)?);
    let mut leaves = Vec::new();
    let mut leaf: Hash = [0; 32];
    loop {
        match reader.read_exact(&mut leaf) {
            Ok(()) => leaves.push(leaf),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(leaves),
            Err(error) => return Err(bad(error)),
        }
    }
}
