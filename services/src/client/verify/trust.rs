//! Whom to believe: the key that the auditor has, the keys it vouches for, and the checkpoints that it signed before.

use std::{
    fmt::Display,
    fs,
    path::{Path, PathBuf},
};

use subledger_log::PartitionId;
use subledger_proof::{Checkpoint, Note, VerifierKey, note, rotation};

use super::{Export, bad::Bad, records};
use crate::{
    audit::{key_name, origin},
    client::{
        Failure,
        folder::{self, Folder},
    },
};

/// What is believed.
pub(super) struct Trust {
    /// The auditor's, then those that it vouches for.
    keys: Vec<VerifierKey>,
    given: usize,
    /// Checkpoints of another time or place, with where they come from.
    against: Vec<(String, Checkpoint)>,
}

/// The key of `--key`: a text, or a file with one in each line.
pub(in crate::client) fn keys(key: &str) -> Result<Vec<VerifierKey>, Failure> {
    let text = match fs::read_to_string(key) {
        Ok(text) => text,
        Err(_) if key.contains('+') => key.to_owned(),
        Err(error) => {
            return Err(Failure::Usage(format!("--key {key}: neither a key (NAME+ID+BASE64) nor a file: {error}")));
        }
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let keys = lines.map(str::parse).collect::<Result<Vec<VerifierKey>, _>>();
    let keys = keys.map_err(|error| Failure::Usage(format!("--key: {error}")))?;
    if keys.is_empty() { Err(Failure::Usage(format!("--key: there is no key in {key}"))) } else { Ok(keys) }
}

impl Trust {
    /// From the auditor's keys, what the folder has of rotations, and the checkpoints to compare with.
    pub(super) fn of(keys: &[VerifierKey], export: &Export, against: &[PathBuf]) -> Result<Self, Failure> {
        let given = keys.len();
        let name = key_name(export.ledger);
        if let Some(other) = keys.iter().find(|key| key.name() != name) {
            return Err(Failure::Differs(format!(
                "BAD: the key is of {}, but the folder says that it is of {name}",
                other.name()
            )));
        }
        let rotations = fs::read_to_string(export.folder.path(folder::ROTATIONS)).unwrap_or_default();
        let notes: Vec<_> = note::split(&rotations).collect();
        let keys = rotation::trusted(keys, notes.iter().map(String::as_str));
        let mut trust = Self { keys, given, against: Vec::new() };
        for path in against {
            let found = trust.read_against(path)?;
            trust.against.extend(found);
        }
        Ok(trust)
    }

    /// The checkpoints of a file or a folder. One that is not signed is an error: it proves nothing to anybody.
    fn read_against(&self, path: &Path) -> Result<Vec<(String, Checkpoint)>, Failure> {
        let wrong = |path: &Path, what: &dyn Display| Failure::Usage(format!("--against {}: {what}", path.display()));
        let files = if path.is_dir() {
            let listed = fs::read_dir(path.join("checkpoint")).map_err(|error| wrong(path, &error))?;
            listed
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<Result<_, _>>()
                .map_err(|error| wrong(path, &error))?
        } else {
            vec![path.to_owned()]
        };
        let mut found = Vec::new();
        for path in files {
            let text = fs::read_to_string(&path).map_err(|error| wrong(&path, &error))?;
            for note in note::split(&text) {
                let opened = Note::parse(&note).and_then(|note| note.open(&self.keys)).and_then(Checkpoint::parse);
                found.push((path.display().to_string(), opened.map_err(|error| wrong(&path, &error))?));
            }
        }
        if found.is_empty() { Err(wrong(path, &"there is no checkpoint in it")) } else { Ok(found) }
    }

    /// A partition's checkpoint of the folder, signed by a key that is believed.
    pub(super) fn checkpoint(&self, export: &Export, partition: PartitionId) -> Result<Checkpoint, Bad> {
        let name = folder::checkpoint(partition);
        let bad = |what: String| Bad::of(partition, &name, what);
        let text = records::text(&export.folder, partition, &name)?;
        let opened = Note::parse(&text).and_then(|note| note.open(&self.keys)).and_then(Checkpoint::parse);
        let checkpoint = opened.map_err(|error| bad(error.to_string()))?;
        let expected = origin(export.ledger, partition);
        if checkpoint.origin != expected {
            return Err(bad(format!("it is of {}, not of {expected}", checkpoint.origin)));
        }
        Ok(checkpoint)
    }

    /// The other checkpoints of a partition, the smallest first.
    pub(super) fn others(&self, export: &Export, partition: PartitionId) -> Vec<(&str, &Checkpoint)> {
        let origin = origin(export.ledger, partition);
        let all = self.against.iter().map(|(place, checkpoint)| (place.as_str(), checkpoint));
        let mut others: Vec<_> = all.filter(|(_, checkpoint)| checkpoint.origin == origin).collect();
        others.sort_by_key(|(_, checkpoint)| checkpoint.size);
        others
    }

    /// What a reader of the result should know.
    pub(super) fn notes(&self) -> Vec<String> {
        let vouched =
            self.keys[self.given..].iter().map(|key| format!("key            {} is vouched for by yours", key.id()));
        let against =
            (!self.against.is_empty()).then(|| format!("against        {} checkpoints, all fit", self.against.len()));
        vouched.chain(against).collect()
    }
}

/// Keys of a single proof, which has no folder with rotations beside it unless it lies in one.
pub(super) fn with_rotations(keys: &[VerifierKey], dir: &Path) -> Vec<VerifierKey> {
    let rotations = fs::read_to_string(Folder(dir.to_owned()).path(folder::ROTATIONS)).unwrap_or_default();
    let notes: Vec<_> = note::split(&rotations).collect();
    rotation::trusted(keys, notes.iter().map(String::as_str))
}
