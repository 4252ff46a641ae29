//! Chosen records: each is proved to be in the signed tree.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
};

use subledger_proof::{Hash, proof::verify_record, text};

use super::{Checked, Export, Listed, bad::Bad, records::Records, trust::Trust};
use crate::client::{folder, meter::Meter};

/// Checks the records of a partition; says what was found.
pub(super) fn check(export: &Export, part: Listed, trust: &Trust, meter: &Meter) -> Result<Checked, Bad> {
    let partition = part.partition;
    let checkpoint = trust.checkpoint(export, partition)?;
    for (place, other) in trust.others(export, partition) {
        if other.size == checkpoint.size && other.root != checkpoint.root {
            let what = format!("two histories: {place} has another root over the same {} records", other.size);
            return Err(Bad::of(partition, &folder::checkpoint(partition), what));
        }
    }
    let mut records = Records::open(export, partition)?;
    let mut proofs = Proofs::open(export, part)?;
    let (mut count, mut next, mut events) = (0, 0, 0);
    while let Some(record) = records.next()? {
        let bad = |what: String| records.bad(record.offset, what);
        let Some((index, path)) = proofs.next()? else {
            return Err(bad(format!("{} has no proof of it", proofs.name)));
        };
        let bad = |what: String| bad(what).seq(index);
        if index < next {
            return Err(bad("the records are not in their order".to_owned()));
        }
        let proved = verify_record(&record.bytes, index, checkpoint.size, &path, &checkpoint.root);
        proved.map_err(|error| bad(format!("it is not record {index} of the signed tree: {error}")))?;
        let commit = records.decode(&record)?;
        if commit.partition() != partition || commit.position.seq != index {
            return Err(bad(format!("the record is {}", commit.position)));
        }
        (count, next) = (count + 1, index + 1);
        events += commit.events().len() as u64;
        meter.step();
    }
    if proofs.next()?.is_some() {
        return Err(Bad::of(partition, &proofs.name, "it has more proofs than there are records: records are missing"));
    }
    if count != part.records {
        let what = format!("it says {} records, but there are {count}", part.records);
        return Err(Bad::of(partition, folder::MANIFEST, what));
    }
    Ok(Checked { text: format!("{count:>9} records are in the signed tree of {}", checkpoint.size), events })
}

/// The proofs of a partition's records.
struct Proofs {
    part: Listed,
    name: String,
    lines: std::io::Lines<BufReader<File>>,
    number: u64,
}

impl Proofs {
    fn open(export: &Export, part: Listed) -> Result<Self, Bad> {
        let name = folder::proofs(part.partition);
        let file = File::open(export.folder.path(&name));
        let file = file.map_err(|error| Bad::of(part.partition, &name, format!("it cannot be read: {error}")))?;
        Ok(Self { part, name, lines: BufReader::new(file).lines(), number: 0 })
    }

    /// The next: index and path. None at the end.
    fn next(&mut self) -> Result<Option<(u64, Vec<Hash>)>, Bad> {
        let bad = |number: u64, what: String| {
            Bad::of(self.part.partition, &self.name, format!("before line {number}: {what}"))
        };
        let mut block = Vec::new();
        for line in self.lines.by_ref() {
            self.number += 1;
            match line {
                Ok(line) if line.is_empty() => break,
                Ok(line) => block.push(line),
                Err(error) => return Err(bad(self.number, error.to_string())),
            }
        }
        if block.is_empty() {
            return Ok(None);
        }
        text::read_block(block.iter().map(String::as_str)).map(Some).map_err(|what| bad(self.number, what))
    }
}
