//! One `.tlog-proof` and its record.

use std::{
    fs,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use subledger_log::codec;
use subledger_proof::{VerifierKey, text::TlogProof};

use super::trust;
use crate::client::{Failure, events, output::line};

/// Checks it, and prints the record.
pub(super) fn check(path: &Path, record: Option<&Path>, keys: &[VerifierKey]) -> Result<(), Failure> {
    let text = fs::read_to_string(path).map_err(|error| not(path, &error.to_string()))?;
    let proof = TlogProof::parse(&text).map_err(|error| not(path, &error.to_string()))?;
    let record = record.map_or_else(|| beside(path), Path::to_owned);
    let bytes =
        fs::read(&record).map_err(|error| Failure::Usage(format!("the record {}: {error}", record.display())))?;
    let bad = |what: String| Failure::Differs(format!("BAD: {}: {what}", path.display()));
    let keys = trust::with_rotations(keys, path.parent().unwrap_or(Path::new(".")));
    let checkpoint = proof.verify(&bytes, &keys).map_err(|error| bad(error.to_string()))?;
    let commit =
        codec::decode(&Bytes::from(bytes)).map_err(|error| bad(format!("the record cannot be read: {error}")))?;
    // The key signs for every partition: the origin and the record itself must be of the same one.
    let origin = keys
        .iter()
        .map(|key| format!("{}/{}", key.name(), commit.partition()))
        .any(|origin| origin == checkpoint.origin);
    if !origin || commit.position.seq != proof.index {
        return Err(bad(format!(
            "the record is {}, but {} of {} is proved",
            commit.position, proof.index, checkpoint.origin
        )));
    }
    line(events::stored_json(&commit)?)?;
    line(format_args!(
        "good: {} is in the signed tree of {} records, {}",
        commit.position, checkpoint.size, checkpoint.origin
    ))
}

fn beside(path: &Path) -> PathBuf {
    path.with_extension("record")
}

fn not(path: &Path, why: &str) -> Failure {
    Failure::Usage(format!("{} is neither an export nor a proof: {why}", path.display()))
}
