//! Exported folders, and what somebody might do to them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use prost::Message as _;
use subledger_proof::{Checkpoint, Frontier, Note, SigningKey, leaf_hash, note};
use subledger_proto::log::Commit;

/// A folder that `subledger export` made.
#[derive(Clone, Debug)]
pub struct Exported(pub PathBuf);

impl Exported {
    /// Copies it, to be tampered with.
    pub fn copy_to(&self, target: &Path) -> anyhow::Result<Self> {
        copy(&self.0, target)?;
        Ok(Self(target.to_owned()))
    }

    /// Its name.
    pub fn text(&self) -> anyhow::Result<&str> {
        self.0.to_str().context("a path that is text")
    }

    /// A file of it.
    pub fn file(&self, kind: &str, partition: &str) -> PathBuf {
        self.0.join(kind).join(format!("{}.{kind}", partition.replace('/', "-")))
    }

    /// The records of a partition.
    pub fn records(&self, partition: &str) -> anyhow::Result<Vec<Vec<u8>>> {
        let bytes = fs::read(self.file("records", partition))?;
        let (mut records, mut rest) = (Vec::new(), bytes.as_slice());
        while let Some((length, after)) = rest.split_first_chunk::<2>() {
            let (record, after) = after.split_at_checked(u16::from_be_bytes(*length).into()).context("cut off")?;
            records.push(record.to_vec());
            rest = after;
        }
        Ok(records)
    }

    /// Where each record of a partition begins in its file.
    pub fn offsets(&self, partition: &str) -> anyhow::Result<Vec<usize>> {
        let mut at = 0;
        let mut offset = |record: &Vec<u8>| {
            let begin = at;
            at += 2 + record.len();
            begin
        };
        Ok(self.records(partition)?.iter().map(&mut offset).collect())
    }

    /// Replaces the records of a partition, and nothing else.
    pub fn put_records(&self, partition: &str, records: &[Vec<u8>]) -> anyhow::Result<()> {
        let mut bytes = Vec::new();
        for record in records {
            bytes.extend(u16::try_from(record.len())?.to_be_bytes());
            bytes.extend(record);
        }
        Ok(fs::write(self.file("records", partition), bytes)?)
    }

    /// The commits of a partition.
    pub fn commits(&self, partition: &str) -> anyhow::Result<Vec<Commit>> {
        self.records(partition)?.iter().map(|record| Ok(Commit::decode(record.as_slice())?)).collect()
    }

    /// Writes a partition's history again, as somebody would who knows everything but the key: roots inside the records and hashes fit.
    pub fn rewrite(&self, partition: &str, change: impl FnOnce(&mut Vec<Commit>)) -> anyhow::Result<()> {
        let mut commits = self.commits(partition)?;
        change(&mut commits);
        let (mut frontier, mut records, mut hashes) = (Frontier::default(), Vec::new(), Vec::new());
        for commit in &mut commits {
            if !commit.previous_root.is_empty() {
                commit.previous_root = frontier.root().to_vec();
            }
            let record = commit.encode_to_vec();
            frontier.push(&record);
            hashes.extend(leaf_hash(&record));
            records.push(record);
        }
        self.put_records(partition, &records)?;
        Ok(fs::write(self.file("hashes", partition), hashes)?)
    }

    /// Signs what the records of a partition come to, as somebody would who has the key.
    pub fn sign(&self, partition: &str, key: &SigningKey) -> anyhow::Result<()> {
        let path = self.file("checkpoint", partition);
        let text = fs::read_to_string(&path)?;
        let before = Checkpoint::parse(Note::parse(&text)?.unchecked_text())?;
        let mut frontier = Frontier::default();
        self.records(partition)?.iter().for_each(|record| frontier.push(record));
        let checkpoint = Checkpoint { origin: before.origin, size: frontier.size(), root: frontier.root() };
        Ok(fs::write(path, note::sign(&checkpoint.text(), [key]))?)
    }
}

/// Copies a directory with everything in it.
pub fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
