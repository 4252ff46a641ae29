//! Checkpoints and proofs: requests in, what the trees say out.

use std::{sync::Arc, time::Duration};

use subledger_log::{Layout, PartitionId, Position, codec::Wire as _};
use subledger_proof::text::TlogProof;
use subledger_proto::{
    api::{
        Checkpoint, ConsistencyProof, GetCheckpointRequest, GetConsistencyProofRequest, GetInclusionProofRequest,
        InclusionProof, ListKeysResponse, VerifierKey,
    },
    common as pbc,
};
use tonic::{Code, Status};

use super::blocking;
use crate::{
    api::{errors, position},
    audit::{ProofError, Signed, Trees},
};

/// How long a request waits until the tree has a record that was just written.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// The trees of this process.
pub(super) struct Proofs {
    pub(super) trees: Arc<Trees>,
    pub(super) layout: Layout,
}

impl Proofs {
    fn partition(&self, family: i32, partition: u32) -> Result<PartitionId, Status> {
        let wire = pbc::Position { family, partition, seq: 0 };
        let position = Position::from_wire(wire).map_err(|error| errors::invalid_field(&error))?;
        if self.layout.contains(position.partition) {
            return Ok(position.partition);
        }
        let what = format!("there is no partition {}", position.partition);
        Err(errors::field_status("PARTITION_NOT_FOUND", "partition", &what))
    }

    async fn signed(&self, partition: PartitionId, min_size: u64) -> Result<Signed, Status> {
        self.trees.wait_for(partition, min_size, WAIT_MAX).await;
        let trees = Arc::clone(&self.trees);
        blocking(move || trees.checkpoint(partition, min_size)).await?.map_err(|error| status(&error))
    }

    pub(super) async fn checkpoint(&self, request: GetCheckpointRequest) -> Result<Checkpoint, Status> {
        let partition = self.partition(request.family, request.partition)?;
        Ok(to_wire(self.signed(partition, request.min_size).await?))
    }

    pub(super) async fn inclusion(&self, request: GetInclusionProofRequest) -> Result<InclusionProof, Status> {
        let wire = request.position.ok_or_else(|| {
            errors::field_status(
                "REQUIRED_FIELD_MISSING",
                "position",
                "which record? Family, partition and seq are needed",
            )
        })?;
        let at = position::positions("position", &[wire], self.layout)?[0];
        let signed = match request.size {
            0 => Some(self.signed(at.partition, at.seq.saturating_add(1)).await?),
            _ => None,
        };
        let size = signed.as_ref().map_or(request.size, |signed| signed.checkpoint.size);
        let trees = Arc::clone(&self.trees);
        let (leaf, path) =
            blocking(move || trees.inclusion(at.partition, at.seq, size)).await?.map_err(|error| status(&error))?;
        let hashes = path.iter().map(|hash| hash.to_vec()).collect();
        let tlog_proof = signed
            .as_ref()
            .map(|signed| TlogProof { index: at.seq, path, checkpoint: signed.note.clone() }.text())
            .unwrap_or_default();
        Ok(InclusionProof {
            position: Some(at.to_wire()),
            size,
            leaf: leaf.to_vec(),
            path: hashes,
            checkpoint: signed.map(to_wire),
            tlog_proof,
        })
    }

    pub(super) async fn consistency(&self, request: GetConsistencyProofRequest) -> Result<ConsistencyProof, Status> {
        let partition = self.partition(request.family, request.partition)?;
        let (from, to) = (request.from_size, request.to_size);
        let signed = if to == 0 { Some(self.signed(partition, from).await?) } else { None };
        let to = signed.as_ref().map_or(to, |signed| signed.checkpoint.size);
        let trees = Arc::clone(&self.trees);
        let ([from_root, to_root], path) =
            blocking(move || trees.consistency(partition, from, to)).await?.map_err(|error| status(&error))?;
        Ok(ConsistencyProof {
            family: request.family,
            partition: request.partition,
            from_size: from,
            from_root: from_root.to_vec(),
            to_size: to,
            to_root: to_root.to_vec(),
            path: path.iter().map(|hash| hash.to_vec()).collect(),
            checkpoint: signed.map(to_wire),
        })
    }

    pub(super) async fn keys(&self) -> Result<ListKeysResponse, Status> {
        let trees = Arc::clone(&self.trees);
        let public = blocking(move || trees.public_keys()).await?.map_err(|error| status(&error))?;
        let keys = public.keys.iter().enumerate().map(|(n, key)| VerifierKey {
            name: key.name().to_owned(),
            id: key.id(),
            text: key.to_string(),
            active: n == 0,
        });
        Ok(ListKeysResponse { keys: keys.collect(), rotations: public.rotations })
    }
}

fn to_wire(signed: Signed) -> Checkpoint {
    let Signed { partition, checkpoint, note } = signed;
    Checkpoint {
        family: partition.family.to_wire(),
        partition: u32::from(partition.index),
        origin: checkpoint.origin,
        size: checkpoint.size,
        root: checkpoint.root.to_vec(),
        note,
    }
}

fn status(error: &ProofError) -> Status {
    let text = error.to_string();
    match error {
        ProofError::NoSuchPartition(_) => errors::status(Code::NotFound, "PARTITION_NOT_FOUND", text, &[]),
        ProofError::TooSmall { size, .. } => {
            errors::status(Code::OutOfRange, "POSITION_PAST_END", text, &[("next_seq", size.to_string())])
        }
        ProofError::Behind { .. } => errors::status(Code::FailedPrecondition, "CHECKPOINT_NOT_REACHED", text, &[]),
        ProofError::Invalid(_) => errors::field_status("INVALID_VALUE", "size", &text),
        ProofError::NoKey => errors::status(Code::FailedPrecondition, "NO_SIGNING_KEY", text, &[]),
        ProofError::Broken(_) => errors::status(Code::DataLoss, "HISTORY_CONTRADICTS_CHECKPOINT", text, &[]),
        ProofError::Unavailable(_) => errors::unavailable("PROOFS_UNAVAILABLE", text),
    }
}
