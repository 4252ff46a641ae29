//! Closing days on a test clock, and how far it is while somebody waits: on standard error, after a moment.

use std::{
    io::IsTerminal as _,
    time::{Duration, Instant},
};

use chrono::NaiveDate;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use subledger_proto::api::{AdvanceClockRequest, Clock, GetStatusRequest, Status};

use super::{Failure, connect::Connection};

/// Between two looks while days are closing; what takes no longer shows nothing.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Time between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// The read model that invoices come from.
const BILLING: &str = "billing";

/// Closes every day up to this one, and waits for the last invoice.
pub(super) async fn advance(connection: &Connection, through: NaiveDate) -> Result<Clock, Failure> {
    let mut admin = connection.admin();
    let closing = admin.advance_clock(AdvanceClockRequest { close_through: through.to_string() });
    tokio::pin!(closing);
    let mut shown = Shown::default();
    loop {
        tokio::select! {
            closed = &mut closing => return Ok(closed?.into_inner()),
            () = tokio::time::sleep(LOOK_EVERY) => {
                // Whoever cannot tell how far it is may still finish.
                if let Ok(status) = connection.admin().get_status(GetStatusRequest {}).await {
                    shown.show(&stage(&status.into_inner()));
                }
            }
        }
    }
}

/// What is being done, and how much of it.
#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// Customers with something due.
    Deciding { done: u64, total: u64 },
    /// Records that billing has not folded yet.
    Folding { left: u64 },
    /// Invoices.
    Issuing { done: u64, total: u64 },
}

fn stage(status: &Status) -> Stage {
    let sum = |of: fn(&subledger_proto::api::PartitionState) -> u64| status.partitions.iter().map(of).sum::<u64>();
    let (done, total) = (sum(|partition| partition.due_done), sum(|partition| partition.due_total));
    if done < total {
        return Stage::Deciding { done, total };
    }
    let billing = status.projectors.iter().find(|projector| projector.name == BILLING);
    let left = billing.map_or(0, |projector| projector.lag_records);
    if left > 0 && status.invoices_issued >= status.invoices_due {
        return Stage::Folding { left };
    }
    Stage::Issuing { done: status.invoices_issued, total: status.invoices_due }
}

/// What is shown of a stage.
#[derive(Default)]
struct Shown {
    name: &'static str,
    total: u64,
    began: Option<(Instant, u64)>,
    said: Option<Instant>,
    bar: Option<ProgressBar>,
}

impl Shown {
    fn show(&mut self, stage: &Stage) {
        let (name, unit, done, total) = match *stage {
            Stage::Deciding { done, total } => ("deciding what is due", "customers", done, total),
            Stage::Folding { left } => {
                let total = if self.name == "folding charges" { self.total.max(left) } else { left };
                ("folding charges", "records", total - left, total)
            }
            Stage::Issuing { done, total } => ("issuing invoices", "invoices", done, total),
        };
        let now = Instant::now();
        if self.name != name || self.total > total {
            (self.name, self.began) = (name, Some((now, done)));
        }
        self.total = total;
        let Some((began, first)) = self.began else { return };
        let (per_second, left) = rate(done.saturating_sub(first), total - done, began.elapsed());
        let left = left.map_or_else(|| "…".to_owned(), |left| format!("{} s left", left.as_secs()));
        let (of, per_second) = (HumanCount(total), HumanCount(per_second));
        if std::io::stderr().is_terminal() {
            let bar = self.bar.get_or_insert_with(|| {
                let style = ProgressStyle::with_template("{prefix} {wide_bar} {human_pos}/{human_len} {msg}");
                ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
            });
            bar.set_prefix(name);
            bar.set_length(total);
            bar.set_message(format!("{unit}, {per_second}/s, {left}"));
            bar.set_position(done);
        } else if self.said.is_none_or(|said| said.elapsed() >= LINE_EVERY) {
            self.said = Some(now);
            eprintln!("{name}: {} of {of} {unit}, {per_second}/s, {left}", HumanCount(done));
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// How many in a second so far, and how long the rest takes at that rate; none before there is one.
fn rate(done: u64, rest: u64, elapsed: Duration) -> (u64, Option<Duration>) {
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    let per_second = done.saturating_mul(1_000) / millis;
    (per_second, rest.checked_div(per_second).map(Duration::from_secs))
}

#[cfg(test)]
mod tests {
    use subledger_proto::api::{PartitionState, ProjectorState};

    use super::*;

    #[test]
    fn a_day_is_decided_then_folded_then_invoiced() {
        let partition = |due_done, due_total| PartitionState { due_done, due_total, ..PartitionState::default() };
        let lag = |lag_records| ProjectorState { name: BILLING.into(), lag_records, ..ProjectorState::default() };
        let at = |partitions: &[PartitionState], lag_records, invoices_issued, invoices_due| {
            let (partitions, projectors) = (partitions.to_vec(), vec![lag(lag_records)]);
            stage(&Status { partitions, projectors, invoices_issued, invoices_due, ..Status::default() })
        };
        let decided = [partition(10, 10), partition(30, 30)];
        assert_eq!(at(&[partition(4, 10), partition(30, 30)], 7, 0, 0), Stage::Deciding { done: 34, total: 40 });
        assert_eq!(at(&decided, 7, 0, 0), Stage::Folding { left: 7 });
        // Issued invoices are folded, too.
        assert_eq!(at(&decided, 7, 2, 5), Stage::Issuing { done: 2, total: 5 });
        assert_eq!(at(&decided, 0, 5, 5), Stage::Issuing { done: 5, total: 5 });
    }

    #[test]
    fn the_rest_takes_as_long_as_what_was_done() {
        assert_eq!(rate(3_000, 6_000, Duration::from_secs(2)), (1_500, Some(Duration::from_secs(4))));
        assert_eq!(rate(0, 6_000, Duration::from_secs(2)), (0, None));
        assert_eq!(rate(0, 0, Duration::ZERO), (0, None));
    }
}
