//! The process manager of invoices and of partners' standing: what the billing read model says is due is sent as commands.
//!
//! It keeps no state. The commands and their ids follow from the rows, so a crash, a second projector or a rebuild sends the same ones
//! again, and the ledger answers with what is recorded.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use subledger_billing::{DueInvoice, DueReview, DueSeries, due_reviews, due_series, invoices_of};
use subledger_domain::{Command, Reason, ids::CommandId};
use subledger_fold::{Rows, StoreError};
use subledger_log::{
    Actor, Position,
    codec::{Envelope, Wire as _},
};
use subledger_projection_runtime::Handle as Projection;
use subledger_writer::Submission;
use tokio_util::sync::CancellationToken;

use crate::router::{self, Router, WhenFull};

/// How often it is looked whether the read model moved.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Commands sent at a time.
const BATCH_COMMANDS_MAX: usize = 200;
/// Series of invoices whose lines are read by one query, for which the rows of its moment are kept.
const SERIES_PER_QUERY: usize = 16;
/// Queries that read lines at once, while invoices computed before are issued.
const QUERIES_AT_ONCE: usize = 2;
/// How long to wait after a command that had no outcome, or a refusal.
const RETRY: Duration = Duration::from_secs(5);
/// How long the read model may take to fold the invoices just issued before they are looked at again.
const FOLD_WAIT_MAX: Duration = Duration::from_secs(10);

/// A command that is due: its id, from when on it takes effect, and what it says.
pub(crate) type Due = (CommandId, DateTime<Utc>, Command);

/// What became of the commands of one look.
#[derive(Default)]
pub(crate) struct Sending {
    pub(crate) sent: Vec<Position>,
    pub(crate) failed: Option<String>,
}

/// How far issuing is: the invoices that were due at the last look, and how many of them are issued.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    due: AtomicU64,
    issued: AtomicU64,
}

impl Progress {
    /// Issued, of those due.
    pub(crate) fn get(&self) -> (u64, u64) {
        (self.issued.load(Ordering::Relaxed), self.due.load(Ordering::Relaxed))
    }
}

/// Issues invoices as they become due, and reviews partners as their invoices become overdue.
pub(crate) struct Invoices {
    pub(crate) billing: Projection,
    pub(crate) router: Arc<dyn Router>,
    pub(crate) customers_partitions: u16,
    pub(crate) principal: String,
    pub(crate) progress: Arc<Progress>,
}

impl Invoices {
    /// Runs until told to stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut seen: Vec<Position> = Vec::new();
        loop {
            let positions = self.billing.positions();
            let pause = if positions == seen {
                LOOK_EVERY
            } else {
                seen = positions;
                match self.issue().await {
                    Ok(0) => LOOK_EVERY,
                    Ok(sent) => {
                        tracing::info!(sent, "invoices issued and standings reviewed");
                        // There may be more than one look gives.
                        seen.clear();
                        Duration::ZERO
                    }
                    Err(what) => {
                        tracing::error!(
                            what,
                            "invoices or reviews are due but could not be done; trying again in {} s",
                            RETRY.as_secs()
                        );
                        seen.clear();
                        RETRY
                    }
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Sends what is due. The number of commands sent.
    async fn issue(&self) -> Result<usize, String> {
        let partitions = self.customers_partitions;
        let due =
            move |rows: &dyn Rows| Ok::<_, StoreError>((due_series(rows, partitions)?, due_reviews(rows, partitions)?));
        let (series, reviews) = self.billing.query(due).await.map_err(|error| error.to_string())?.value;
        let mut sending = Sending::default();
        if !series.is_empty() {
            self.progress.issued.store(0, Ordering::Relaxed);
            self.progress.due.store(series.len() as u64, Ordering::Relaxed);
        }
        let shares: Vec<Vec<DueSeries>> = series.chunks(SERIES_PER_QUERY).map(<[_]>::to_vec).collect();
        let mut computed = stream::iter(shares).map(|share| self.invoices(share)).buffered(QUERIES_AT_ONCE);
        while let Some(invoices) = computed.next().await {
            let invoices = invoices?.into_iter().map(|due| {
                let DueInvoice { command_id, effective_at, command } = due;
                (command_id, effective_at, Command::IssueInvoice(command))
            });
            self.send(invoices.collect(), &mut sending).await?;
            self.progress.issued.store(sending.sent.len() as u64, Ordering::Relaxed);
        }
        let reviews = reviews.into_iter().map(|due| {
            let DueReview { command_id, effective_at, command } = due;
            (command_id, effective_at, Command::ReviewStanding(command))
        });
        self.send(reviews.collect(), &mut sending).await?;
        let Sending { sent, failed } = sending;
        // Otherwise the next look would find the same ones due.
        let waited = self.billing.wait_for(&sent, Instant::now() + FOLD_WAIT_MAX).await;
        match (failed, waited) {
            (Some(what), _) => Err(what),
            (None, Err(error)) => Err(error.to_string()),
            (None, Ok(())) => Ok(sent.len()),
        }
    }

    async fn invoices(&self, series: Vec<DueSeries>) -> Result<Vec<DueInvoice>, String> {
        let partitions = self.customers_partitions;
        let invoices = self.billing.query(move |rows| invoices_of(rows, partitions, &series)).await;
        invoices.map(|read| read.value).map_err(|error| error.to_string())
    }

    async fn send(&self, due: Vec<Due>, sending: &mut Sending) -> Result<(), String> {
        send(&*self.router, &self.principal, due, sending).await
    }
}

/// Sends commands on behalf of a projector.
pub(crate) async fn send(
    router: &dyn Router,
    principal: &str,
    due: Vec<Due>,
    sending: &mut Sending,
) -> Result<(), String> {
    for batch in due.chunks(BATCH_COMMANDS_MAX) {
        let batch = batch.iter().map(|due| submission(principal, due)).collect::<Result<Vec<_>, _>>()?;
        for answer in router::submit(router, batch, WhenFull::Wait).await {
            match answer {
                Ok(outcome) => {
                    let refused = outcome.result.err().filter(|refused| refused.reason != Reason::EarningsOutdated);
                    // What was computed with facts that have changed is computed again once those are folded.
                    let refused = refused.map(|refused| format!("{}: {refused}", outcome.command_id));
                    sending.failed = sending.failed.take().or(refused);
                    sending.sent.push(outcome.position);
                }
                Err(error) => sending.failed = Some(error.to_string()),
            }
        }
    }
    Ok(())
}

fn submission(principal: &str, due: &Due) -> Result<Submission, String> {
    let (command_id, effective_at, command) = due.clone();
    let envelope = Envelope { command_id, effective_at: Some(effective_at), expected_version: None, command };
    let actor = Actor { principal: principal.to_owned(), channel: "projector".into() };
    Submission::new(envelope.to_wire(), actor, None).map_err(|error| format!("{}: {error}", due.0))
}
