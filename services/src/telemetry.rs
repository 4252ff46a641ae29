//! What the process says about itself: a log and metrics.

use std::{io::IsTerminal as _, net::SocketAddr, sync::Arc, time::Duration};

use axum::{http::header::CONTENT_TYPE, routing::get};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::{
    audit::http::{self, Place},
    config::{Config, ConfigError, LogFormat},
    tls::{ServerTls, TlsListener},
};

/// Names of the metrics kept by this crate. The writer adds commands by outcome, commit latency and block size; the projections
/// their lag.
pub(crate) mod name {
    /// Commands waiting for the writer of `partition`.
    pub(crate) const QUEUE_DEPTH: &str = "subledger_queue_depth";
    /// Streams of the history that are open.
    pub(crate) const EVENT_STREAMS: &str = "subledger_event_streams";
    /// How long writers pause after a block, as a multiple of the time that the block took.
    pub(crate) const WRITER_PAUSE: &str = "subledger_writer_pause_ratio";
}

/// The text format of Prometheus.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
/// How often the exporter forgets old samples of histograms.
const UPKEEP: Duration = Duration::from_secs(5);
/// Buckets of latencies, in seconds: from a flush of the disk to a stalled broker.
const LATENCY_SECONDS: &[f64] = &[0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];
/// Buckets of block and batch sizes, in commits.
const BATCH_COMMITS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0];

/// Starts the log.
pub(crate) fn log(config: &Config) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(&config.log_level)
        .map_err(|error| ConfigError(format!("log_level {:?}: {error}", config.log_level)))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match config.log_format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
    };
    started.map_err(|error| ConfigError(format!("cannot start the log: {error}")))
}

/// Serves the metrics, and tiles once there are trees, inside a runtime; with TLS where the ledger has it. None if there is no address.
pub(crate) fn metrics(config: &Config) -> Result<Option<Place>, ConfigError> {
    config.metrics_listen.map(|listen| serve_metrics(listen, config)).transpose()
}

fn serve_metrics(listen: SocketAddr, config: &Config) -> Result<Place, ConfigError> {
    use metrics_exporter_prometheus::Matcher::Suffix;
    let failed = |error: &dyn std::fmt::Display| {
        ConfigError(format!("cannot serve metrics on {listen}: {error}; name another metrics_listen, or none"))
    };
    // Bound here so that a port in use is an error at the start, not a line in the log later.
    let listener = std::net::TcpListener::bind(listen).map_err(|error| failed(&error))?;
    listener.set_nonblocking(true).map_err(|error| failed(&error))?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(|error| failed(&error))?;
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Suffix("_seconds".into()), LATENCY_SECONDS)
        .and_then(|builder| builder.set_buckets_for_metric(Suffix("_commits".into()), BATCH_COMMITS))
        .map_err(|error| failed(&error))?
        .build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| ConfigError(format!("cannot keep metrics: {error}")))?;
    let (place, upkeep) = (Place::default(), handle.clone());
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            upkeep.run_upkeep();
        }
    });
    let render = move || std::future::ready(([(CONTENT_TYPE, METRICS_TYPE)], handle.render()));
    let pages = http::pages(Place::clone(&place))
        .route("/health", get(|| std::future::ready("OK")))
        .route("/", get(render.clone()))
        .route("/metrics", get(render));
    let tls = ServerTls::pages(&config.tls).map_err(|error| failed(&format!("{error:#}")))?;
    tokio::spawn(async move {
        let served = match tls {
            None => axum::serve(listener, pages).await,
            Some(tls) => {
                tokio::spawn(Arc::clone(&tls).follow(CancellationToken::new()));
                match TlsListener::new(tls, listener) {
                    Ok(listener) => axum::serve(listener, pages).await,
                    Err(error) => Err(error),
                }
            }
        };
        if served.is_err() {
            tracing::error!(%listen, "the metrics are not served any more");
        }
    });
    Ok(place)
}
