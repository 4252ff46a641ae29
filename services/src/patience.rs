//! Starting while the log is away: what needs its brokers, or the ledger that serves it, is tried again until they are back.

use std::time::Duration;

use anyhow::Context as _;
use subledger_log::{OpenError, ReadError};
use tokio_util::sync::CancellationToken;

use crate::api::audit::seek::SeekError;

/// How long to wait before asking again for a log that does not answer.
const RETRY: Duration = Duration::from_secs(1);

/// What comes of `attempt`, which blocks, once the log answers. None if told to stop meanwhile, which is looked at between attempts;
/// what waiting does not mend is an error. An attempt must leave nothing running when it fails.
pub(crate) async fn once_log_answers<T: Send + 'static>(
    stop: &CancellationToken,
    attempt: impl Fn() -> anyhow::Result<T> + Clone + Send + 'static,
) -> anyhow::Result<Option<T>> {
    let mut told = false;
    loop {
        match tokio::task::spawn_blocking(attempt.clone()).await.context("interrupted")? {
            Err(error) if passes(&error) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(error = format!("{error:#}"), "waiting for the log");
                }
            }
            result => return result.map(Some),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

/// Whether the log may only be away.
fn passes(error: &anyhow::Error) -> bool {
    let read = |error: &ReadError| matches!(error, ReadError::Unavailable { .. });
    match error.downcast_ref() {
        Some(SeekError::Stalled { .. }) => true,
        Some(SeekError::Read(error)) => read(error),
        Some(SeekError::PastEnd { .. }) => false,
        None => {
            error.downcast_ref().is_some_and(read)
                || matches!(error.downcast_ref(), Some(OpenError::Unavailable { .. }))
                || no_broker(error)
        }
    }
}

#[cfg(feature = "kafka")]
fn no_broker(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(rdkafka::error::KafkaError::MetadataFetch(_)))
}

#[cfg(not(feature = "kafka"))]
fn no_broker(_: &anyhow::Error) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use subledger_log::PartitionId;

    use super::*;

    fn stalled() -> anyhow::Error {
        SeekError::Stalled { partition: PartitionId::ACCESS }.into()
    }

    fn unavailable() -> ReadError {
        ReadError::Unavailable { place: "Kafka".into(), source: "no broker".into() }
    }

    #[tokio::test]
    async fn what_needs_the_log_is_tried_until_it_is_back() -> anyhow::Result<()> {
        let away = [stalled, || unavailable().into(), || SeekError::from(unavailable()).into()];
        let tried = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tried);
        let attempt = move || match away.get(counted.fetch_add(1, Ordering::Relaxed)) {
            Some(error) => Err(error()),
            None => Ok("started"),
        };
        assert_eq!(once_log_answers(&CancellationToken::new(), attempt).await?, Some("started"));
        assert_eq!(tried.load(Ordering::Relaxed), 4);
        Ok(())
    }

    #[tokio::test]
    async fn who_is_told_to_stop_waits_no_longer() -> anyhow::Result<()> {
        let stop = CancellationToken::new();
        stop.cancel();
        assert_eq!(once_log_answers(&stop, || Err::<(), _>(stalled())).await?, None);
        Ok(())
    }

    #[tokio::test]
    async fn what_waiting_does_not_mend_is_told_at_once() {
        let gone = || {
            let (partition, offset, what) = (PartitionId::CATALOG, 7, "it is gone".to_owned());
            Err::<(), _>(ReadError::Damaged { partition, offset, what }.into())
        };
        let error = once_log_answers(&CancellationToken::new(), gone).await.unwrap_err();
        assert!(error.to_string().contains("catalog/0: the record at offset 7 is damaged"), "{error}");
    }
}
