//! A whole partition: every record in its place, and all of them leading to the signed root.

use std::{
    fs::File,
    io::{BufReader, Read as _},
};

use subledger_log::{
    Commit,
    admit::{Admission, Skip, Verdict},
};
use subledger_proof::{Checkpoint, Frontier, Hash, hash_text, leaf_hash};

use super::{
    Checked, Export, Listed,
    bad::Bad,
    records::{Record, Records},
    trust::Trust,
};
use crate::client::{folder, meter::Meter};

/// Checks it; says what was found.
pub(super) fn check(export: &Export, part: Listed, trust: &Trust, meter: &Meter) -> Result<Checked, Bad> {
    let checkpoint = trust.checkpoint(export, part.partition)?;
    let mut list = HashList::open(export, part, &checkpoint);
    let mut records = Records::open(export, part.partition)?;
    let mut scan = Scan {
        part,
        others: trust.others(export, part.partition),
        checkpoint: &checkpoint,
        frontier: Frontier::default(),
        admission: Admission::default(),
        list_differs: None,
        events: 0,
    };
    scan.hold_against()?;
    while let Some(record) = records.next()? {
        scan.take(&records, &record, &mut list)?;
        meter.step();
    }
    scan.end(&records, &list)?;
    Ok(Checked { text: format!("{:>9} records lead to the signed root", checkpoint.size), events: scan.events })
}

/// The leaf hashes of the folder. If they lead to the signed root, they tell which record is another one.
struct HashList {
    name: String,
    reader: Option<BufReader<File>>,
    /// Whether they are those over which the checkpoint was signed.
    is_signed: bool,
}

impl HashList {
    fn open(export: &Export, part: Listed, checkpoint: &Checkpoint) -> Self {
        let name = folder::hashes(part.partition);
        let path = export.folder.path(&name);
        let open = || File::open(&path).ok().map(BufReader::new);
        let mut this = Self { name, reader: open(), is_signed: false };
        let mut frontier = Frontier::default();
        while let Some(hash) = this.next() {
            frontier.push_hash(hash);
        }
        this.is_signed = frontier.size() == checkpoint.size && frontier.root() == checkpoint.root;
        this.reader = open();
        this
    }

    fn next(&mut self) -> Option<Hash> {
        let mut hash = [0; 32];
        self.reader.as_mut()?.read_exact(&mut hash).ok().map(|()| hash)
    }
}

struct Scan<'a> {
    part: Listed,
    checkpoint: &'a Checkpoint,
    /// Checkpoints of other times and places that are not held against the records yet, the smallest first.
    others: Vec<(&'a str, &'a Checkpoint)>,
    frontier: Frontier,
    admission: Admission,
    /// The first number at which the list of hashes, which is not the signed one, differs from the records.
    list_differs: Option<u64>,
    events: u64,
}

impl Scan<'_> {
    fn take(&mut self, records: &Records, record: &Record, list: &mut HashList) -> Result<(), Bad> {
        let seq = self.frontier.size();
        let bad = |what: String| records.bad(record.offset, what).seq(seq);
        if seq >= self.checkpoint.size {
            return Err(bad(format!("the signed tree ends before it: it has {} records", self.checkpoint.size)));
        }
        let commit = records.decode(record).map_err(|found| found.seq(seq));
        // A record in another's place says so itself; one with other bytes is told by the hash.
        if let Ok(commit) = &commit {
            self.place(commit, seq).map_err(bad)?;
        }
        let leaf = leaf_hash(&record.bytes);
        match list.next() {
            Some(hash) if hash != leaf && list.is_signed => {
                return Err(bad("its bytes are not those that were signed".to_owned()));
            }
            Some(hash) if hash == leaf => {}
            _ => self.list_differs = self.list_differs.or(Some(seq)),
        }
        let commit = commit?;
        self.follows(&commit).map_err(bad)?;
        self.events += commit.events().len() as u64;
        self.frontier.push_hash(leaf);
        self.hold_against()
    }

    /// Whether it says itself that it belongs here.
    fn place(&self, commit: &Commit, seq: u64) -> Result<(), String> {
        let partition = self.part.partition;
        if commit.partition() != partition {
            return Err(format!("the record belongs to {}", commit.position));
        }
        if commit.position.seq == seq {
            return Ok(());
        }
        Err(format!(
            "number {seq} should be here, but this is {}: records were removed, added or moved",
            commit.position
        ))
    }

    /// Whether it follows what is before it.
    fn follows(&mut self, commit: &Commit) -> Result<(), String> {
        let before = self.admission.epoch;
        match self.admission.admit(commit.position.seq, commit.epoch, commit.is_writer_started()) {
            Verdict::Accept => {}
            Verdict::Skip(Skip::StaleEpoch) => {
                return Err(format!("its writer had been replaced: epoch {} after {before}", commit.epoch));
            }
            Verdict::Skip(why) => return Err(format!("it is not part of the history: {why:?}")),
        }
        let Some(said) = commit.previous_root else { return Ok(()) };
        let root = self.frontier.root();
        if said == root {
            return Ok(());
        }
        Err(format!(
            "it says that the root over the records before it is {}, but that is {}: one of them was changed",
            hash_text(&said),
            hash_text(&root)
        ))
    }

    /// Compares with the checkpoints of other times and places that are over as many records.
    fn hold_against(&mut self) -> Result<(), Bad> {
        let size = self.frontier.size();
        while let Some((place, other)) = self.others.first().filter(|(_, other)| other.size <= size) {
            let root = self.frontier.root();
            if other.root != root {
                let what = format!(
                    "two histories: a signed checkpoint over the first {size} records in {place} has root {}, these records have {}; the \
                     history was written again, or somebody was shown another one",
                    hash_text(&other.root),
                    hash_text(&root)
                );
                return Err(Bad::of(self.part.partition, &folder::records(self.part.partition), what));
            }
            self.others.remove(0);
        }
        Ok(())
    }

    fn end(&self, records: &Records, list: &HashList) -> Result<(), Bad> {
        let (size, partition) = (self.frontier.size(), self.part.partition);
        let whole = |what: String| Bad::of(partition, &records.file, what);
        if size < self.checkpoint.size {
            let what = format!(
                "the file ends before record {size}, but {} are signed: records are missing",
                self.checkpoint.size
            );
            return Err(whole(what).seq(size));
        }
        if self.frontier.root() != self.checkpoint.root {
            return Err(whole(format!(
                "the records fit each other, but lead to root {}, and {} is signed: the history was written again",
                hash_text(&self.frontier.root()),
                hash_text(&self.checkpoint.root)
            )));
        }
        if let Some((place, other)) = self.others.first() {
            return Err(whole(format!(
                "a checkpoint over {} records in {place} was signed, but these are {size}: they are of an earlier time, or the ledger was put \
                 back to an older copy",
                other.size
            )));
        }
        if let Some(seq) = self.list_differs.filter(|_| !list.is_signed) {
            let bad = Bad::of(partition, &list.name, "the hash is not that of the record, which is the signed one");
            return Err(bad.at(seq * 32).seq(seq));
        }
        if !list.is_signed {
            return Err(Bad::of(partition, &list.name, "it has more hashes than there are records"));
        }
        if self.part.size != size || self.part.records != size {
            return Err(Bad::of(
                partition,
                folder::MANIFEST,
                format!("it says {} of {} records", self.part.records, self.part.size),
            ));
        }
        Ok(())
    }
}
