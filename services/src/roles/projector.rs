//! `projector`: one read model in a process of its own, following a log elsewhere.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use subledger_log::{Log, OpenError, remote::RemoteLog};
use subledger_projection_runtime::{Handle as Projection, Runner, State};
use subledger_writer::Clock;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic_health::ServingStatus;

use super::Ended;
use crate::{
    api::{
        Services,
        admin::{AdminApi, Parts, customers_partitions},
        billing::BillingApi,
        customer::CustomerApi,
        incentive::IncentiveApi,
        read_model::ReadModel,
    },
    clock::WallClock,
    config::{Config, Flags},
    invoices::Invoices,
    read_models::Name,
    router::{RemoteRouter, Router},
    shutdown, telemetry,
};

/// How long to wait before asking again for a log that cannot be opened.
const OPEN_RETRY: Duration = Duration::from_secs(1);

/// Arguments of `projector`.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    subledger projector billing --log http://127.0.0.1:7440 --listen 127.0.0.1:7460 --metrics-listen none\n  \
    subledger projector customer --log kafka --set kafka.bootstrap=broker:9092 --listen 127.0.0.1:7450")]
pub(crate) struct Args {
    /// Which read model
    name: Name,
    /// The log to follow: a ledger's address, or "kafka"
    #[arg(long, value_name = "URL|kafka", default_value = "http://127.0.0.1:7440")]
    log: String,
    /// Where the billing projector sends invoices to be issued [default: the log's address; with kafka, its topic of commands]
    #[arg(long, value_name = "URL")]
    commands: Option<String>,
    #[command(flatten)]
    pub(super) flags: Flags,
}

/// Runs until a signal.
pub(super) async fn run(args: Args, config: Config) -> anyhow::Result<Ended> {
    let stop = shutdown::on_signals().context("cannot wait for signals")?;
    if let Some(listen) = config.metrics_listen {
        telemetry::metrics(listen)?;
    }
    let Some(log) = open(&args.log, &config, &stop).await? else { return Ok(Ended::Well) };
    let clock: Arc<dyn Clock> = Arc::new(WallClock);
    let (name, starting) = (args.name, (Arc::clone(&log), Arc::clone(&clock), config.clone()));
    let runner: Runner = tokio::task::spawn_blocking(move || name.start(starting.0, starting.1, &starting.2))
        .await
        .context("interrupted")??;
    let projection = runner.handle();

    let services = services(args.name, &projection, &log, clock, &config).await?;
    let health = services.health();
    let bound = services.bind(config.listen).await?;
    let tasks = TaskTracker::new();
    tasks.spawn(report_health(projection.clone(), args.name, health, stop.clone()));
    if args.name == Name::Billing {
        let invoices = Invoices {
            router: invoice_router(&args, &config)?,
            customers_partitions: customers_partitions(&*log),
            principal: "billing".into(),
            billing: projection,
        };
        tasks.spawn(invoices.run(stop.clone()));
    }
    println!("projector {} is ready at http://{}, following {}", args.name.as_str(), bound.address, args.log);
    let served = bound.serve(stop.clone()).await;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    let in_time = shutdown::within_bound(move || {
        runner.stop();
        drop(log);
    })
    .await;
    served.map(|()| if in_time { Ended::Well } else { Ended::Late })
}

/// Opens the log, waiting until it is there. None if told to stop meanwhile.
pub(super) async fn open(
    place: &str,
    config: &Config,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Arc<dyn Log>>> {
    let mut told = false;
    loop {
        let (place, kafka) = (place.to_owned(), config.kafka.clone());
        let opened = tokio::task::spawn_blocking(move || open_once(&place, &kafka)).await.context("interrupted")?;
        match opened {
            Ok(log) => return Ok(Some(log)),
            Err(error @ OpenError::Unavailable { .. }) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(%error, "waiting for the log");
                }
            }
            Err(error) => return Err(error.into()),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(OPEN_RETRY) => {}
        }
    }
}

fn open_once(place: &str, kafka: &crate::config::KafkaConfig) -> Result<Arc<dyn Log>, OpenError> {
    if place != "kafka" {
        return Ok(Arc::new(RemoteLog::connect(place)?));
    }
    open_kafka(kafka)
}

#[cfg(feature = "kafka")]
fn open_kafka(kafka: &crate::config::KafkaConfig) -> Result<Arc<dyn Log>, OpenError> {
    Ok(Arc::new(subledger_log::kafka::KafkaLog::open(kafka.options())?))
}

#[cfg(not(feature = "kafka"))]
fn open_kafka(_kafka: &crate::config::KafkaConfig) -> Result<Arc<dyn Log>, OpenError> {
    Err(OpenError::NotALedger { what: "this binary was built without Kafka; build it with the feature kafka".into() })
}

/// Where the billing projector sends its commands.
fn invoice_router(args: &Args, config: &Config) -> anyhow::Result<Arc<dyn Router>> {
    match &args.commands {
        Some(address) => Ok(Arc::new(RemoteRouter::new(address)?)),
        None if args.log == "kafka" => kafka_router(config),
        None => Ok(Arc::new(RemoteRouter::new(&args.log)?)),
    }
}

fn kafka_router(_config: &Config) -> anyhow::Result<Arc<dyn Router>> {
    anyhow::bail!("name the gateway that takes commands with --commands")
}

async fn services(
    name: Name,
    projection: &Projection,
    log: &Arc<dyn Log>,
    clock: Arc<dyn Clock>,
    config: &Config,
) -> anyhow::Result<Services> {
    let model = ReadModel::new(projection.clone(), log.layout(), config.limits.page_items);
    let mut services = Services::new(config.limits.message_bytes)?;
    match name {
        Name::Customer => services.customers(CustomerApi::new(model)).await,
        Name::Billing => services.billing(BillingApi::new(model)).await,
        Name::Incentive => services.incentives(IncentiveApi::new(model)).await,
    }
    let parts = Parts {
        roles: vec![format!("projector {}", name.as_str())],
        started_at: clock.now(),
        log: Arc::clone(log),
        clock,
        test_clock: false,
        reference: None,
        writers: None,
        projections: vec![projection.clone()],
        days: None,
    };
    services.admin(AdminApi::new(parts)).await;
    Ok(services)
}

/// Says that the service is not to be used while the rows are folded for the first time, or cannot be.
async fn report_health(
    projection: Projection,
    name: Name,
    health: tonic_health::server::HealthReporter,
    stop: CancellationToken,
) {
    let mut state = projection.status().state;
    loop {
        let status = match state {
            State::Running | State::Retrying => ServingStatus::Serving,
            State::Rebuilding | State::Failed | State::Stopped => ServingStatus::NotServing,
        };
        health.set_service_status(name.service(), status).await;
        tokio::select! {
            () = stop.cancelled() => return,
            changed = projection.changed(state) => state = changed.state,
        }
    }
}
