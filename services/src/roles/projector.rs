//! `projector`: one read model in a process of its own, following a log elsewhere.

use std::sync::Arc;

use anyhow::Context as _;
use subledger_log::{Log, remote::RemoteLog};
use subledger_projection_runtime::{Handle as Projection, Runner};
use subledger_writer::{Clock, ReferenceFollower};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::Ended;
use crate::{
    api::{
        Services,
        admin::{AdminApi, Parts, customers_partitions},
        billing::BillingApi,
        claims::ClaimApi,
        customer::CustomerApi,
        incentive::IncentiveApi,
        read_model::ReadModel,
    },
    clock::WallClock,
    config::{Config, Flags},
    earnings::Earnings,
    invoices::{self, Invoices},
    ledger,
    patience::once_log_answers,
    read_models::Name,
    router::{RemoteRouter, Router},
    shutdown, telemetry,
};

/// What a projector follows, and where its commands go.
struct Source {
    log: Arc<dyn Log>,
    router: Arc<dyn Router>,
    /// Where it goes what callers did.
    records: Arc<dyn Router>,
    /// The roles of callers, if callers are checked.
    reference: Option<Arc<ReferenceFollower>>,
    /// Blocks.
    stop: Box<dyn FnOnce() + Send>,
}

impl Source {
    fn new(log: Arc<dyn Log>, router: Arc<dyn Router>, records: Arc<dyn Router>) -> Self {
        Self { log, router, records, reference: None, stop: Box::new(|| ()) }
    }
}

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
    /// Where the billing projector sends invoices to be issued, and the incentive projector earnings to be closed [default: the log's address; with kafka, its topic of commands]
    #[arg(long, value_name = "URL")]
    commands: Option<String>,
    #[command(flatten)]
    pub(super) flags: Flags,
}

/// Runs until a signal.
pub(super) async fn run(args: Args, config: Config) -> anyhow::Result<Ended> {
    let stop = shutdown::on_signals().context("cannot wait for signals")?;
    telemetry::metrics(&config)?;
    let Some(source) = open(&args, &config, &stop).await? else { return Ok(Ended::Well) };
    let Source { log, router, records, reference, stop: stop_source } = source;
    let clock: Arc<dyn Clock> = Arc::new(WallClock);
    let (name, starting) = (args.name, (Arc::clone(&log), Arc::clone(&clock), config.clone()));
    let runner: Runner = tokio::task::spawn_blocking(move || name.start(starting.0, starting.1, &starting.2))
        .await
        .context("interrupted")??;
    let projection = runner.handle();

    let issuing = Arc::<invoices::Progress>::default();
    let services = services(args.name, &projection, &log, clock, &config, (&issuing, &stop)).await?;
    if let Some(reference) = &reference {
        services.judge_by(&log, reference);
    }
    let health = services.health();
    let tasks = TaskTracker::new();
    if let (Some(recorder), Some(reference)) = (services.judge().recorder(), &reference) {
        let start = Some(config.test_clock.start).filter(|_| config.test_clock.enabled);
        tasks.spawn(Arc::clone(recorder).run(records, ledger::clock(start, reference), stop.clone()));
    }
    let bound = services.bind(config.listen).await?;
    tasks.spawn(args.name.report_health(projection.clone(), health, stop.clone()));
    let customers_partitions = customers_partitions(&*log);
    match args.name {
        Name::Billing => {
            let (principal, billing, progress) = ("billing".into(), projection, issuing);
            let invoices = Invoices { billing, router, customers_partitions, principal, progress };
            tasks.spawn(invoices.run(stop.clone()));
        }
        Name::Incentive => {
            let (principal, incentive) = ("incentive".into(), projection);
            let earnings = Earnings { incentive, router, customers_partitions, principal };
            tasks.spawn(earnings.run(stop.clone()));
        }
        Name::Customer => {}
    }
    println!("projector {} is ready at {}, following {}", args.name.as_str(), bound.url(), args.log);
    let served = bound.serve(stop.clone()).await;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    let in_time = shutdown::within_bound(move || {
        runner.stop();
        if let Some(reference) = reference {
            reference.stop();
        }
        stop_source();
        drop(log);
    })
    .await;
    served.map(|()| if in_time { Ended::Well } else { Ended::Late })
}

/// Opens the log, and reads the roles of callers if they are checked, waiting until the log answers. None if told to stop meanwhile.
async fn open(args: &Args, config: &Config, stop: &CancellationToken) -> anyhow::Result<Option<Source>> {
    let opened =
        if args.log == "kafka" { open_kafka(args, config, stop).await } else { open_remote(args, config, stop).await };
    let Some(source) = opened? else { return Ok(None) };
    if !config.checks_callers() {
        return Ok(Some(source));
    }
    let log = Arc::clone(&source.log);
    let reference = once_log_answers(stop, move || Ok(ReferenceFollower::start(Arc::clone(&log))?)).await?;
    Ok(reference.map(|reference| Source { reference: Some(reference), ..source }))
}

async fn open_remote(args: &Args, config: &Config, stop: &CancellationToken) -> anyhow::Result<Option<Source>> {
    let dial = config.dial()?;
    let router: Arc<dyn Router> = Arc::new(RemoteRouter::new(args.commands.as_ref().unwrap_or(&args.log), &dial)?);
    let address = args.log.clone();
    let log = once_log_answers(stop, move || Ok(RemoteLog::connect(&address, &dial)?)).await?;
    Ok(log.map(|log| Source::new(Arc::new(log), router.clone(), router)))
}

#[cfg(feature = "kafka")]
async fn open_kafka(args: &Args, config: &Config, stop: &CancellationToken) -> anyhow::Result<Option<Source>> {
    use crate::kafka::{self, router::KafkaRouter};
    let Some(log) = kafka::open(config, stop).await? else { return Ok(None) };
    let elsewhere = |address: &str| anyhow::Ok(Arc::new(RemoteRouter::new(address, &config.dial()?)?));
    if !config.checks_callers() && (args.name == Name::Customer || args.commands.is_some()) {
        // Customers send no commands, and nobody who calls is recorded.
        let router = elsewhere(args.commands.as_deref().unwrap_or("http://127.0.0.1:7440"))?;
        return Ok(Some(Source::new(log, router.clone(), router)));
    }
    let Some(kafka) = KafkaRouter::open(&log, config, stop).await? else { return Ok(None) };
    let router: Arc<dyn Router> = match &args.commands {
        Some(address) => elsewhere(address)?,
        None => kafka.clone(),
    };
    let source = Source::new(log, router, kafka.clone());
    Ok(Some(Source { stop: Box::new(move || kafka.stop()), ..source }))
}

#[cfg(not(feature = "kafka"))]
#[expect(clippy::unused_async, reason = "as with Kafka")]
async fn open_kafka(_: &Args, _: &Config, _: &CancellationToken) -> anyhow::Result<Option<Source>> {
    anyhow::bail!("this binary was built without Kafka; build it with the feature kafka")
}

async fn services(
    name: Name,
    projection: &Projection,
    log: &Arc<dyn Log>,
    clock: Arc<dyn Clock>,
    config: &Config,
    (issuing, stop): (&Arc<invoices::Progress>, &CancellationToken),
) -> anyhow::Result<Services> {
    let model = ReadModel::new(projection.clone(), log.layout(), config.limits.page_items);
    let mut services = Services::new(config)?;
    match name {
        Name::Customer => services.customers(CustomerApi::new(model)).await,
        Name::Billing => services.billing(BillingApi::new(model)).await,
        Name::Incentive => {
            services.incentives(IncentiveApi::new(model.clone())).await;
            services.claims(ClaimApi::new(model)).await;
        }
    }
    let parts = Parts {
        roles: vec![format!("projector {}", name.as_str())],
        started_at: clock.now(),
        log: Arc::clone(log),
        clock,
        test_clock_start: None,
        reference: None,
        writers: None,
        projections: vec![projection.clone()],
        invoices: Some(Arc::clone(issuing)),
        router: None,
        days: None,
        stop: stop.clone(),
    };
    services.admin(AdminApi::new(parts)).await;
    Ok(services)
}
