//! Writing the folder: under another name until it is complete.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use subledger_log::{Accepted, PartitionId};
use subledger_proof::{Frontier, leaf_hash, proof::verify_record, text};
use subledger_proto::DESCRIPTORS;

use super::{
    select::Wanted,
    source::{Head, Source},
};
use crate::{
    audit::keys::PublicKeys,
    client::{
        Failure,
        folder::{self, Folder, Manifest, Part},
        meter::Meter,
    },
};

/// Records whose proofs are asked for together.
const PROOFS_AT_ONCE: usize = 256;

/// A folder that is being made.
pub(super) struct Out {
    target: PathBuf,
    folder: Folder,
    scratch: PathBuf,
    complete: bool,
}

/// A file of it.
struct Writing {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Writing {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|error| failed(&self.path, &error))
    }

    /// On disk when this returns.
    fn finish(self) -> Result<(), Failure> {
        let Self { path, file } = self;
        let synced = file.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all());
        synced.map_err(|error| failed(&path, &error))
    }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::Usage(format!("cannot write {}: {error}", path.display()))
}

impl Out {
    /// Begins; the folder must not be there.
    pub(super) fn begin(target: &Path) -> Result<Self, Failure> {
        let name =
            target.file_name().ok_or_else(|| Failure::Usage(format!("{} is no name of a folder", target.display())))?;
        if target.symlink_metadata().is_ok() {
            return Err(Failure::Usage(format!("{} is there already; name another folder", target.display())));
        }
        let mut name = name.to_owned();
        name.push(".incomplete");
        let incomplete = target.with_file_name(name);
        match fs::remove_dir_all(&incomplete) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&incomplete, &error)),
            _ => {}
        }
        let out = Self {
            target: target.to_owned(),
            scratch: incomplete.join("scratch"),
            folder: Folder(incomplete),
            complete: false,
        };
        for name in ["records", "checkpoint", "keys"] {
            let dir = out.folder.path(name);
            fs::create_dir_all(&dir).map_err(|error| failed(&dir, &error))?;
        }
        Ok(out)
    }

    /// A directory that is gone when the folder is complete.
    pub(super) fn scratch(&self) -> &Path {
        &self.scratch
    }

    fn create(&self, name: &str) -> Result<Writing, Failure> {
        let path = self.folder.path(name);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| File::create(&path));
        let file = made.map_err(|error| failed(&path, &error))?;
        Ok(Writing { path, file: BufWriter::with_capacity(1 << 20, file) })
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let mut file = self.create(name)?;
        file.write(bytes)?;
        file.finish()
    }

    /// The public keys.
    pub(super) fn keys(&self, public: &PublicKeys) -> Result<(), Failure> {
        self.put(folder::KEYS, public.list().as_bytes())?;
        self.put(folder::ROTATIONS, public.rotations.join("\n").as_bytes())
    }

    /// Every record of a partition, and its leaf hashes. What is written is checked against the checkpoint on the way.
    pub(super) fn whole(
        &self,
        source: &Source,
        partition: PartitionId,
        head: &Head,
        meter: &Meter,
    ) -> Result<Option<Part>, Failure> {
        let mut records = self.create(&folder::records(partition))?;
        let mut hashes = self.create(&folder::hashes(partition))?;
        let mut frontier = Frontier::default();
        source.each(partition, head.checkpoint.size, &mut |record| {
            let leaf = leaf_hash(&record.bytes);
            frontier.push_hash(leaf);
            hashes.write(&leaf)?;
            meter.step();
            write_record(&mut records, &record)
        })?;
        if frontier.root() != head.checkpoint.root {
            let text = format!(
                "error: the records of {partition} do not lead to the root that the ledger signed; nothing was written"
            );
            return Err(Failure::Differs(text));
        }
        hashes.finish()?;
        records.finish()?;
        self.put(&folder::checkpoint(partition), head.note.as_bytes())?;
        let size = head.checkpoint.size;
        Ok(Some(Part { partition: partition.to_string(), size, records: size }))
    }

    /// The chosen records of a partition with their proofs. None if there are none.
    pub(super) fn chosen(
        &self,
        source: &Source,
        partition: PartitionId,
        head: &Head,
        wanted: &Wanted,
        meter: &Meter,
    ) -> Result<Option<Part>, Failure> {
        let mut files = None;
        let mut chosen = Vec::new();
        let mut count = 0;
        let mut write = |chosen: &mut Vec<Accepted>| {
            if chosen.is_empty() {
                return Ok(());
            }
            let (records, proofs) = match &mut files {
                Some(files) => files,
                None => {
                    files.insert((self.create(&folder::records(partition))?, self.create(&folder::proofs(partition))?))
                }
            };
            let seqs: Vec<_> = chosen.iter().map(|record| record.commit.position.seq).collect();
            let paths = source.inclusion(partition, head.checkpoint.size, &seqs)?;
            for ((record, seq), path) in chosen.drain(..).zip(seqs).zip(paths) {
                verify_record(&record.bytes, seq, head.checkpoint.size, &path, &head.checkpoint.root).map_err(
                    |error| {
                        Failure::Differs(format!(
                            "error: the ledger's proof of {partition}@{seq} does not prove it: {error}"
                        ))
                    },
                )?;
                proofs.write(text::block(seq, &path).as_bytes())?;
                proofs.write(b"\n")?;
                write_record(records, &record)?;
                count += 1;
            }
            Ok(())
        };
        source.each(partition, head.checkpoint.size, &mut |record| {
            meter.step();
            if wanted.is(&record) {
                chosen.push(record);
            }
            if chosen.len() == PROOFS_AT_ONCE { write(&mut chosen) } else { Ok(()) }
        })?;
        write(&mut chosen)?;
        let Some((records, proofs)) = files else { return Ok(None) };
        records.finish()?;
        proofs.finish()?;
        self.put(&folder::checkpoint(partition), head.note.as_bytes())?;
        Ok(Some(Part { partition: partition.to_string(), size: head.checkpoint.size, records: count }))
    }

    /// Adds the rest, and gives the folder its name.
    pub(super) fn finish(mut self, manifest: &Manifest) -> Result<(), Failure> {
        if self.scratch.exists() {
            fs::remove_dir_all(&self.scratch).map_err(|error| failed(&self.scratch, &error))?;
        }
        self.put(folder::SCHEMA, DESCRIPTORS)?;
        for (name, text) in [folder::README, folder::CHECK] {
            self.put(name, text.as_bytes())?;
        }
        self.put(folder::MANIFEST, &serde_json::to_vec_pretty(manifest)?)?;
        if self.target.symlink_metadata().is_ok() {
            return Err(Failure::Usage(format!("{} appeared meanwhile; name another folder", self.target.display())));
        }
        fs::rename(self.folder.dir(), &self.target).map_err(|error| failed(&self.target, &error))?;
        self.complete = true;
        let parent = self.target.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let synced = File::open(parent).and_then(|dir| dir.sync_all());
        synced.map_err(|error| failed(parent, &error))
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        if !self.complete {
            // What a kill leaves has no manifest and another name.
            let _ = fs::remove_dir_all(self.folder.dir());
        }
    }
}

fn write_record(file: &mut Writing, record: &Accepted) -> Result<(), Failure> {
    let length = u16::try_from(record.bytes.len())
        .map_err(|_| Failure::Differs(format!("error: {} is longer than a record can be", record.commit.position)))?;
    file.write(&length.to_be_bytes())?;
    file.write(&record.bytes)
}
