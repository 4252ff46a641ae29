//! The process manager of earnings: months that the incentive read model says are over are closed, and what they earned is ordered to be
//! paid.
//!
//! Like that of invoices it keeps no state: commands and ids follow from the rows, and a repetition has no effect.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use subledger_fold::Rows;
use subledger_incentive::{DueIncentive, DueIncentives, Held, due_incentives};
use subledger_log::Position;
use subledger_projection_runtime::Handle as Projection;
use tokio_util::sync::CancellationToken;

use crate::{
    invoices::{Sending, send},
    router::Router,
};

/// How often it is looked whether the read model moved.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long to wait after a command that had no outcome, or a refusal, and before what waits for a rate is looked at again.
const RETRY: Duration = Duration::from_secs(2);
/// How long the read model may take to fold what was just closed before it is looked at again.
const FOLD_WAIT_MAX: Duration = Duration::from_secs(10);

/// Closes months and orders payments as they become due.
pub(crate) struct Earnings {
    pub(crate) incentive: Projection,
    pub(crate) router: Arc<dyn Router>,
    pub(crate) customers_partitions: u16,
    pub(crate) principal: String,
}

impl Earnings {
    /// Runs until told to stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let (mut seen, mut held): (Vec<Position>, Vec<Held>) = (Vec::new(), Vec::new());
        loop {
            let positions = self.incentive.positions();
            let pause = if positions == seen {
                LOOK_EVERY
            } else {
                seen = positions;
                match self.look(&mut held).await {
                    Ok(0) if held.is_empty() => LOOK_EVERY,
                    Ok(0) => RETRY,
                    Ok(sent) => {
                        tracing::info!(sent, "months of earnings closed and payments ordered");
                        // There may be more than one look gives.
                        seen.clear();
                        Duration::ZERO
                    }
                    Err(what) => {
                        let seconds = RETRY.as_secs();
                        tracing::error!(
                            what,
                            "earnings or payments are due but could not be done; trying again in {seconds} s"
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
    async fn look(&self, known: &mut Vec<Held>) -> Result<usize, String> {
        let partitions = self.customers_partitions;
        let due = move |rows: &dyn Rows| due_incentives(rows, partitions);
        let DueIncentives { due, held } = self.incentive.query(due).await.map_err(|error| error.to_string())?.value;
        if held != *known {
            if let Some(first) = held.first() {
                let (partner, program, day) = (&first.partner_id, &first.program_id, first.day);
                let count = held.len();
                tracing::warn!(%partner, %program, %day, waiting = ?first.waiting, count, "earnings or payments wait");
            }
            *known = held;
        }
        let mut sending = Sending::default();
        let due = due.into_iter().map(|due| {
            let DueIncentive { command_id, effective_at, command } = due;
            (command_id, effective_at, command)
        });
        send(&*self.router, &self.principal, due.collect(), &mut sending).await?;
        let Sending { sent, failed } = sending;
        // Otherwise the next look would find the same ones due.
        let waited = self.incentive.wait_for(&sent, Instant::now() + FOLD_WAIT_MAX).await;
        match (failed, waited) {
            (Some(what), _) => Err(what),
            (None, Err(error)) => Err(error.to_string()),
            (None, Ok(())) => Ok(sent.len()),
        }
    }
}
