//! The runtime's metrics. Names are part of the interface: dashboards and alerts use them.

use crate::handle::Lag;

/// Describes the metrics to the recorder, once.
pub(crate) fn describe() {
    metrics::describe_gauge!("subledger_projector_lag_records", "Records of the log that are not folded yet.");
    metrics::describe_gauge!(
        "subledger_projector_lag_seconds",
        "How old the rows are; 0 when nothing is left to fold."
    );
    metrics::describe_counter!("subledger_projector_folded_total", "Commits folded into the rows that are served.");
    metrics::describe_histogram!("subledger_projector_batch_commits", "Commits applied as one batch.");
}

pub(crate) fn lag(projection: &'static str, lag: Lag) {
    metrics::gauge!("subledger_projector_lag_records", "projection" => projection).set(count(lag.records));
    metrics::gauge!("subledger_projector_lag_seconds", "projection" => projection).set(lag.age.as_secs_f64());
}

pub(crate) fn batch(projection: &'static str, commits: u64) {
    metrics::counter!("subledger_projector_folded_total", "projection" => projection).increment(commits);
    metrics::histogram!("subledger_projector_batch_commits", "projection" => projection).record(count(commits));
}

/// Counts beyond 4 billion are shown as that.
fn count(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}
