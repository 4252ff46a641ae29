//! What was signed: a file of checkpoints that only grows, on another disk if the operator wants.
//!
//! It is what a ledger is held against after a restart: a data directory that was rolled back, or a history that was written again, does
//! not continue the last checkpoint of this file, and nothing is signed any more.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use subledger_log::durable;
use subledger_proof::{Checkpoint, Note, VerifierKey, note};

/// The file.
pub(crate) struct CheckpointFile {
    path: PathBuf,
    file: File,
}

impl CheckpointFile {
    /// Opens it, or makes it. Gives the largest checkpoint of each origin that one of `keys` signed.
    pub(crate) fn open(path: &Path, keys: &[VerifierKey]) -> anyhow::Result<(Self, BTreeMap<String, Checkpoint>)> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text.with_context(|| format!("cannot read the checkpoints in {}", path.display()))?,
        };
        let dir = durable::parent(path);
        durable::make_dir(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let opened = File::options().append(true).create(true).open(path);
        // Its name is durable only with its directory.
        let opened = opened.and_then(|file| durable::sync_names(dir).map(|()| file));
        let mut file = opened.with_context(|| format!("cannot append checkpoints to {}", path.display()))?;
        if !text.is_empty() && !text.ends_with("\n\n") {
            // The last one was cut off by a crash.
            file.write_all(b"\n\n").with_context(|| format!("cannot append checkpoints to {}", path.display()))?;
        }
        let mut last: BTreeMap<String, Checkpoint> = BTreeMap::new();
        for checkpoint in read(&text, keys) {
            let known = last.entry(checkpoint.origin.clone()).or_insert_with(|| checkpoint.clone());
            if checkpoint.size > known.size {
                *known = checkpoint;
            }
        }
        Ok((Self { path: path.to_owned(), file }, last))
    }

    /// Appends a signed checkpoint; it is on disk when this returns.
    pub(crate) fn append(&mut self, note: &str) -> anyhow::Result<()> {
        let written = self.file.write_all(format!("{note}\n").as_bytes()).and_then(|()| self.file.sync_data());
        written.with_context(|| format!("cannot append a checkpoint to {}", self.path.display()))
    }
}

/// Every checkpoint of a text of notes that one of `keys` signed.
pub(crate) fn read<'a>(text: &'a str, keys: &'a [VerifierKey]) -> impl Iterator<Item = Checkpoint> + 'a {
    note::split(text).filter_map(|note| Checkpoint::parse(Note::parse(&note).ok()?.open(keys).ok()?).ok())
}
