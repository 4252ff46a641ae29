//! One block: decide what waited, append it at once, answer.

use std::{collections::HashMap, time::Instant};

use chrono::{DateTime, Utc};
use subledger_domain::{Event, Rejection, command::Target};
use subledger_log::{Accepted, AppendError, Body, Draft, Family, Position, WriteError, personal::fields};

use crate::{
    CommandError, Outcome, ReferenceView, Submission,
    core::is_erasure,
    dedup::{ContentKey, IdKey, content_key, id_key},
    machine::stream,
    partition::Answers,
    recorded::outcome,
    run::Writer,
};

/// A block is not in the history, or not for certain.
pub(crate) enum BlockError {
    /// For certain not.
    NotWritten(AppendError),
    /// Claiming again tells.
    Lost(AppendError),
}

impl From<WriteError> for BlockError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::NotWritten(error) => Self::NotWritten(error),
            WriteError::Lost(error) => Self::Lost(error),
        }
    }
}

/// Where the answer to one submission will come from.
enum Pending {
    /// The commit of that index in the block.
    Staged { index: usize, duplicate: bool },
    /// A record of an earlier block.
    Recorded(u64),
    /// The id stands at that offset with another content.
    Reused(u64),
    /// No outcome.
    Failed(CommandError),
}

impl Writer {
    /// Decides the submissions in order, appends their commits as one block, and answers.
    pub(crate) fn block(&mut self, submissions: &[Submission]) -> Result<Answers, BlockError> {
        let started = Instant::now();
        let pending = self.decide_all(submissions);
        #[cfg(feature = "planted-bugs")]
        if subledger_domain::planted::has(subledger_domain::planted::Bug::SnapshotBeforeFlush) {
            self.snapshot();
        }
        let block = self.flush()?;
        metrics::histogram!("subledger_commit_seconds").record(started.elapsed());
        let looked_up = pending.iter().filter_map(|pending| match pending {
            Pending::Recorded(offset) | Pending::Reused(offset) => Some(*offset),
            Pending::Staged { .. } | Pending::Failed(_) => None,
        });
        let recorded = self.place().records(looked_up);
        let mut block: Vec<Option<Accepted>> = block.into_iter().map(Some).collect();
        // A duplicate inside the block shares the commit with the first, which comes before it.
        let shared: Vec<usize> = pending
            .iter()
            .filter_map(|p| match p {
                Pending::Staged { index, duplicate: true } => Some(*index),
                _ => None,
            })
            .collect();
        Ok(submissions
            .iter()
            .zip(pending)
            .map(|(submission, pending)| match pending {
                Pending::Failed(error) => Err(error),
                Pending::Recorded(offset) => recorded.outcome(submission, offset),
                Pending::Reused(offset) => Err(recorded.reused(submission, offset)),
                Pending::Staged { index, duplicate } => {
                    let slot = &mut block[index];
                    let accepted = if shared.contains(&index) { slot.clone() } else { slot.take() };
                    accepted
                        .map(|accepted| outcome(submission, accepted, duplicate))
                        .ok_or_else(|| CommandError::Unknown { reason: "its commit was answered already".to_owned() })
                }
            })
            .inspect(count)
            .collect())
    }

    /// Appends what is staged.
    pub(crate) fn flush(&mut self) -> Result<Vec<Accepted>, BlockError> {
        let Some(writer) = &mut self.claimed else { return Ok(Vec::new()) };
        self.due.forget_staged();
        let block = writer.flush()?;
        self.core.tail = writer.tail().clone();
        for accepted in &block {
            let commit = &accepted.commit;
            tracing::debug!(command_id = %commit.command_id, position = %commit.position, stream = %commit.stream, "committed");
            self.core.note(accepted);
            self.forget_old_snapshots |= is_erasure(accepted);
        }
        if !block.is_empty() {
            #[allow(clippy::cast_precision_loss, reason = "a block has at most thousands of commits")]
            metrics::histogram!("subledger_block_commits").record(block.len() as f64);
            self.committed(block.len() as u64);
        }
        Ok(block)
    }

    fn decide_all(&mut self, submissions: &[Submission]) -> Vec<Pending> {
        let mut now = self.clock.now();
        let reference = std::sync::Arc::clone(&self.reference);
        let mut staged: HashMap<IdKey, (ContentKey, usize)> = HashMap::new();
        let mut view = reference.view();
        let mut against = self.decided_against(&view);
        // Whether the view holds everything that was in the log when this block began.
        let mut fresh = self.partition().family == Family::Catalog;
        let mut pending = Vec::with_capacity(submissions.len());
        for submission in submissions {
            let id = id_key(submission.envelope.command_id.as_str());
            let content = content_key(&submission.bytes);
            if let Some(recorded) = self.core.dedup.get(id) {
                let same = recorded.content == content || same_but_erased(&submission.bytes, recorded.content);
                #[cfg(feature = "planted-bugs")]
                let same =
                    same || subledger_domain::planted::has(subledger_domain::planted::Bug::ReuseOutcomeOfOtherContent);
                pending.push(if same { Pending::Recorded(recorded.offset) } else { Pending::Reused(recorded.offset) });
                continue;
            }
            if let Some(&(first, index)) = staged.get(&id) {
                pending.push(if first == content {
                    Pending::Staged { index, duplicate: true }
                } else {
                    // Its position is known once the block is written.
                    Pending::Failed(self.reused_in_block(submission, index))
                });
                continue;
            }
            self.core.machine.prepare(&submission.envelope.command);
            now = self.clock.moved_by(submission).map_or(now, |moved| moved.max(now));
            if let Target::Customer(customer) = submission.envelope.command.target() {
                self.settle(&view, customer, now);
            }
            let mut outcome = self.decide(&view, submission, now);
            if outcome.is_err() && !fresh {
                // A refusal must not rest on data that only has not arrived yet: a partner registered a moment ago.
                drop(view);
                match reference.catch_up(self.shared.options.reference_wait) {
                    Ok(true) => fresh = true,
                    Ok(false) => tracing::warn!("the catalog and partners are late"),
                    Err(error) => tracing::warn!(%error, "the end of the catalog and partners is not known"),
                }
                view = reference.view();
                against = self.decided_against(&view);
                if !fresh {
                    let reason = "the catalog and partners cannot be read to their end".to_owned();
                    pending.push(Pending::Failed(CommandError::Unavailable { reason }));
                    continue;
                }
                // What came may be the end of another day.
                if let Target::Customer(customer) = submission.envelope.command.target() {
                    self.settle(&view, customer, now);
                }
                outcome = self.decide(&view, submission, now);
            }
            match self.stage(submission, outcome, against.clone(), now) {
                Ok(index) => {
                    staged.insert(id, (content, index));
                    pending.push(Pending::Staged { index, duplicate: false });
                }
                Err(error) => pending.push(Pending::Failed(error)),
            }
        }
        pending
    }

    fn reused_in_block(&self, submission: &Submission, index: usize) -> CommandError {
        let seq = self.core.tail.cursor.admission.next_seq + index as u64;
        CommandError::IdReused {
            command_id: submission.envelope.command_id.clone(),
            position: Position { partition: self.partition(), seq },
        }
    }

    /// The positions that a decision may refer to: for customers and partners the catalog's and those of all partners.
    pub(crate) fn decided_against(&self, view: &ReferenceView) -> Vec<Position> {
        let mut positions = view.positions();
        match self.partition().family {
            Family::Catalog | Family::Access => positions.clear(),
            Family::Partners | Family::Customers => {}
        }
        positions
    }

    pub(crate) fn decide(
        &self,
        view: &ReferenceView,
        submission: &Submission,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Rejection> {
        let envelope = &submission.envelope;
        self.core.machine.decide_envelope(&view.reference, envelope, stream(&envelope.command), now)
    }

    fn stage(
        &mut self,
        submission: &Submission,
        outcome: Result<Vec<Event>, Rejection>,
        decided_against: Vec<Position>,
        now: DateTime<Utc>,
    ) -> Result<usize, CommandError> {
        let envelope = &submission.envelope;
        let stream = stream(&envelope.command);
        let mut decided_against = decided_against;
        if self.partition().family == Family::Partners && !envelope.command.refers_to_partners() {
            decided_against.retain(|position| position.partition.family == Family::Catalog);
        }
        let draft = Draft {
            command_id: envelope.command_id.to_string(),
            command: submission.bytes.clone(),
            stream_version_before: self.core.machine.version(stream),
            stream: stream.to_owned(),
            decided_against,
            effective_at: envelope.effective_at.unwrap_or(now),
            recorded_at: now,
            actor: submission.actor.clone(),
            outcome,
            source: submission.source.clone(),
        };
        self.stage_draft(draft)
    }

    /// Stages a commit and applies it. Its index in the block.
    pub(crate) fn stage_draft(&mut self, draft: Draft) -> Result<usize, CommandError> {
        let Some(writer) = &mut self.claimed else {
            return Err(CommandError::Unavailable { reason: "the partition is not claimed".into() });
        };
        match writer.stage(draft) {
            Ok(_) => {}
            Err(AppendError::TooLarge { bytes, limit, .. }) => return Err(CommandError::TooLarge { bytes, limit }),
            Err(error) => return Err(CommandError::Unavailable { reason: error.to_string() }),
        }
        let staged = writer.staged();
        if let Some(Accepted { commit, .. }) = staged.last()
            && let Body::Accepted(events) = &commit.body
        {
            self.core.apply_decided(&commit.stream, events);
        }
        Ok(staged.len() - 1)
    }
}

/// A command whose personal values are erased by now, sent again.
fn same_but_erased(bytes: &[u8], recorded: ContentKey) -> bool {
    fields::erased_command(bytes).is_some_and(|erased| content_key(&erased) == recorded)
}

fn count(answer: &Result<Outcome, CommandError>) {
    let (outcome, reason) = match answer {
        Ok(Outcome { duplicate: true, .. }) => ("duplicate", ""),
        Ok(Outcome { result: Ok(_), .. }) => ("accepted", ""),
        Ok(Outcome { result: Err(rejection), .. }) => ("rejected", rejection.reason.code()),
        Err(_) => ("failed", ""),
    };
    metrics::counter!("subledger_commands_total", "outcome" => outcome, "reason" => reason).increment(1);
}
