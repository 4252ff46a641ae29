//! Stopping: on a signal, in order, within a bound.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long a process may take to stop. What is not on disk by then was never acknowledged.
pub(crate) const STOP_MAX: Duration = Duration::from_secs(25);

/// A token that SIGINT and SIGTERM cancel.
pub(crate) fn on_signals() -> std::io::Result<CancellationToken> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stop = CancellationToken::new();
    let cancelled = stop.clone();
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
        };
        tracing::info!(signal = name, "stopping");
        cancelled.cancel();
    });
    Ok(stop)
}

/// Runs the steps of stopping on a thread that may block. False if they took too long.
pub(crate) async fn within_bound(steps: impl FnOnce() + Send + 'static) -> bool {
    let stopping = tokio::task::spawn_blocking(steps);
    match tokio::time::timeout(STOP_MAX, stopping).await {
        Ok(Ok(())) => {
            tracing::info!("stopped");
            true
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "stopping failed");
            false
        }
        Err(_) => {
            tracing::error!(
                "not stopped after {} s; giving up. Everything acknowledged is on disk",
                STOP_MAX.as_secs()
            );
            false
        }
    }
}
