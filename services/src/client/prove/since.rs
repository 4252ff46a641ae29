//! That the ledger continues what it signed before.

use std::{fs, path::Path};

use subledger_log::codec::Wire as _;
use subledger_proof::{Checkpoint, Hash, Note, VerifierKey, hash_text, note, proof::verify_consistency, rotation};
use subledger_proto::api::{GetConsistencyProofRequest, ListKeysRequest};

use super::partition_of;
use crate::client::{Failure, connect::Connection, output::line, verify};

/// Checks every checkpoint of a file; writes the new ones.
pub(super) async fn run(connection: &Connection, since: &Path, key: &str, out: Option<&Path>) -> Result<(), Failure> {
    let given = verify::keys(key)?;
    let listed = connection.audit().list_keys(ListKeysRequest {}).await?.into_inner();
    let keys = rotation::trusted(&given, listed.rotations.iter().map(String::as_str));
    let text = fs::read_to_string(since).map_err(|error| Failure::Usage(format!("{}: {error}", since.display())))?;
    let mut new = std::collections::BTreeMap::new();
    let mut bad = Vec::new();
    for note in note::split(&text) {
        let kept = open(&note, &keys).map_err(|error| Failure::Usage(format!("{}: {error}", since.display())))?;
        match continues(connection, &kept, &keys).await? {
            Ok((checkpoint, note)) => {
                line(format_args!(
                    "{}: {} records continue the {} signed before",
                    kept.origin, checkpoint.size, kept.size
                ))?;
                new.insert(kept.origin, note);
            }
            Err(why) => bad.push(format!("BAD: {}: {why}", kept.origin)),
        }
    }
    if !bad.is_empty() {
        return Err(Failure::Differs(bad.join("\n")));
    }
    if new.is_empty() {
        return Err(Failure::Usage(format!("{}: there is no checkpoint in it", since.display())));
    }
    let Some(out) = out else { return Ok(()) };
    let text = new.into_values().collect::<Vec<_>>().join("\n");
    fs::write(out, text).map_err(|error| Failure::Usage(format!("cannot write {}: {error}", out.display())))
}

fn open(note: &str, keys: &[VerifierKey]) -> Result<Checkpoint, note::NoteError> {
    Note::parse(note)?.open(keys).and_then(Checkpoint::parse)
}

/// The new checkpoint with its note, or what is wrong. That the ledger refuses to prove it is wrong too.
async fn continues(
    connection: &Connection,
    kept: &Checkpoint,
    keys: &[VerifierKey],
) -> Result<Result<(Checkpoint, String), String>, Failure> {
    let partition = keys.iter().find_map(|key| partition_of(&kept.origin, key.name()));
    let Some(partition) = partition else { return Ok(Err("it is of another ledger than the key".to_owned())) };
    let request = GetConsistencyProofRequest {
        family: partition.family.to_wire(),
        partition: u32::from(partition.index),
        from_size: kept.size,
        to_size: 0,
    };
    let answered = match connection.audit().get_consistency_proof(request).await {
        Ok(answered) => answered.into_inner(),
        Err(status) => match Failure::from(status) {
            Failure::Refused(status) => {
                return Ok(Err(format!(
                    "the ledger does not prove that it continues {} records: {}",
                    kept.size,
                    status.message()
                )));
            }
            failure => return Err(failure),
        },
    };
    let note = answered.checkpoint.unwrap_or_default().note;
    let new = match open(&note, keys) {
        Ok(new) if new.origin == kept.origin => new,
        Ok(new) => return Ok(Err(format!("the ledger answers with a checkpoint of {}", new.origin))),
        Err(error) => return Ok(Err(format!("the ledger's new checkpoint: {error}"))),
    };
    let path: Result<Vec<Hash>, _> = answered.path.into_iter().map(TryInto::try_into).collect();
    let Ok(path) = path else { return Ok(Err("a hash of the proof does not have 32 bytes".to_owned())) };
    let proved = verify_consistency(kept.size, &kept.root, new.size, &new.root, &path);
    Ok(proved.map(|()| (new, note)).map_err(|error| {
        format!(
            "{error}: {} records with root {} were signed, which the ledger does not have any more",
            kept.size,
            hash_text(&kept.root)
        )
    }))
}
