//! Records of earlier blocks: what a command that comes again is answered with.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use subledger_log::{Accepted, Body, Log, PartitionId, ReadError, Reader, codec, limits};

use crate::{CommandError, Outcome, Submission};

/// How long to wait for a record that was written before.
const RECORD_WAIT: Duration = Duration::from_secs(5);
/// Records that are read over rather than begun anew behind: on a broker, beginning costs as much as reading some thousands.
const READ_OVER_MAX: u64 = 2_000;

/// A partition to read single records from.
pub(crate) struct Place<'a> {
    pub(crate) log: &'a dyn Log,
    pub(crate) partition: PartitionId,
}

/// Records that were looked up.
#[derive(Default)]
pub(crate) struct Records {
    found: HashMap<u64, Accepted>,
    /// Why others are missing.
    failed: Option<String>,
}

impl Records {
    fn get(&self, offset: u64) -> Result<&Accepted, String> {
        let missing = || self.failed.clone().unwrap_or_else(|| format!("the record at offset {offset} did not come"));
        self.found.get(&offset).ok_or_else(missing)
    }

    /// The outcome that a submission had.
    pub(crate) fn outcome(&self, submission: &Submission, offset: u64) -> Result<Outcome, CommandError> {
        // It is recorded, so nobody may be told that it is not.
        let accepted = self.get(offset).map_err(|reason| CommandError::Unknown { reason })?;
        Ok(outcome(submission, accepted.clone(), true))
    }

    /// Why a submission has none: its id stands there with another content.
    pub(crate) fn reused(&self, submission: &Submission, offset: u64) -> CommandError {
        match self.get(offset) {
            Ok(accepted) => CommandError::IdReused {
                command_id: submission.envelope.command_id.clone(),
                position: accepted.commit.position,
            },
            Err(reason) => CommandError::Unavailable { reason },
        }
    }
}

impl Place<'_> {
    /// Reads the records at these offsets, those that stand near each other in one go: a publisher that begins again sends thousands.
    pub(crate) fn records(&self, offsets: impl IntoIterator<Item = u64>) -> Records {
        let mut records = Records::default();
        let mut wanted: BTreeSet<u64> = offsets.into_iter().collect();
        while let Some(&first) = wanted.first() {
            if let Err(error) = self.read_from(first, &mut wanted, &mut records.found) {
                records.failed = Some(error.to_string());
                break;
            }
        }
        records
    }

    /// Reads the first of `wanted` and those after it while they are near; what was found is wanted no more.
    fn read_from(
        &self,
        first: u64,
        wanted: &mut BTreeSet<u64>,
        found: &mut HashMap<u64, Accepted>,
    ) -> Result<(), ReadError> {
        let damaged = |offset, what: String| ReadError::Damaged { partition: self.partition, offset, what };
        let mut reader: Box<dyn Reader> = self.log.reader(&[(self.partition, first)])?;
        let mut at = first;
        while let Some(&next) = wanted.first().filter(|&&next| next <= at.saturating_add(READ_OVER_MAX)) {
            let bytes_max = if wanted.len() == 1 && next == at { 1 } else { limits::READ_BYTES };
            let read = reader.next(bytes_max, RECORD_WAIT)?;
            let last = read.last().ok_or_else(|| damaged(next, "it did not come".into()))?.offset;
            for record in read.into_iter().filter(|record| wanted.remove(&record.offset)) {
                let offset = record.offset;
                let commit = codec::open(&record.bytes, &*self.log.keys())
                    .map_err(|error| damaged(offset, error.to_string()))?;
                found.insert(offset, Accepted { commit, bytes: record.bytes, offset });
            }
            if wanted.first().is_some_and(|&next| next <= last) {
                return Err(damaged(next, "it is not there".into()));
            }
            at = last + 1;
        }
        Ok(())
    }
}

/// What a commit says of its command.
pub(crate) fn outcome(submission: &Submission, accepted: Accepted, duplicate: bool) -> Outcome {
    let commit = accepted.commit;
    let accepted_now = u64::from(matches!(commit.body, Body::Accepted(_)));
    Outcome {
        command_id: submission.envelope.command_id.clone(),
        result: match commit.body {
            Body::Accepted(events) => Ok(events),
            Body::Rejected(rejection) => Err(rejection),
            Body::WriterStarted { .. } => Ok(Vec::new()),
        },
        position: commit.position,
        stream_version: commit.stream_version_before + accepted_now,
        duplicate,
        recorded_at: commit.recorded_at,
        effective_at: commit.effective_at,
    }
}
