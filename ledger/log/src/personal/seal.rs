//! The stored form with its personal values sealed, and opened again.

use prost::Message as _;
use subledger_proto::log as pb;

use super::{KeyError, Keys, Opened, Place, fields};
use crate::{Family, PartitionId};

/// Seals the personal values of a commit of a customer, if there are any. Whether they were kept.
pub(crate) fn seal(commit: &mut pb::Commit, partition: PartitionId, keys: &dyn Keys) -> Result<bool, KeyError> {
    let may_be = partition.family == Family::Customers
        && (commit.events.iter().any(fields::is_personal) || fields::is_personal_command(&commit.command));
    if !may_be {
        return Ok(true);
    }
    let (stream, command_id) = (commit.stream.clone(), commit.command_id.clone());
    let place = Place { partition, stream: &stream, command_id: &command_id };
    let mut stripped = commit.clone();
    let values = fields::take(&mut stripped);
    if values.values.is_empty() {
        return Ok(true);
    }
    let Some(sealed) = keys.seal(&place, &values.encode_to_vec())? else { return Ok(true) };
    let kept = !sealed.key_id.is_empty();
    *commit = pb::Commit { sealed: Some(sealed), ..stripped };
    Ok(kept)
}

/// Puts the values back, or what stands for them.
pub(crate) fn open(commit: &mut pb::Commit, opened: Opened) -> Result<(), prost::DecodeError> {
    match opened {
        Opened::Values(values) => fields::fill(commit, pb::PersonalValues::decode(values.as_slice())?),
        Opened::Erased => fields::erase(commit),
        Opened::Sealed => {}
    }
    Ok(())
}

/// Whether a commit of a customer has personal values that are not sealed.
pub(crate) fn has_values(commit: &mut pb::Commit) -> bool {
    commit.family == subledger_proto::common::Family::Customers as i32 && fields::any(commit)
}
