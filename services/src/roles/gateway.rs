//! `gateway`: the API of a ledger on Kafka. Publishes commands, follows the log for their outcomes, passes queries on. And `clock`,
//! which closes days the same way.

use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use subledger_log::{Actor, Log};
use subledger_writer::{Clock as _, ReferenceFollower};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::Ended;
use crate::{
    access::SeenFollower,
    api::{
        Services,
        access::AccessApi,
        admin::{AdminApi, Parts},
        audit::AuditApi,
        catalog::CatalogApi,
        command::{CommandApi, preview::Writers},
        proxy::{BillingProxy, ClaimProxy, CustomerProxy, IncentiveProxy},
    },
    audit::Trees,
    clock::WallClock,
    config::{Config, Flags},
    days::Days,
    kafka::{self, router::KafkaRouter},
    ledger,
    patience::once_log_answers,
    shutdown, telemetry,
};

/// Arguments of `gateway`.
#[derive(Clone, clap::Args)]
#[command(
    after_help = "Examples:\n  subledger gateway --set kafka.bootstrap=broker:9092 --set projectors.billing=http://billing:7460"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) flags: Flags,
}

/// What both roles are made of.
struct Parties {
    log: Arc<dyn Log>,
    reference: Arc<ReferenceFollower>,
    seen: Arc<SeenFollower>,
    router: Arc<KafkaRouter>,
    days: Arc<Days>,
    /// What ends before the rest is stopped.
    tasks: TaskTracker,
}

impl Parties {
    /// Opens everything. None if told to stop meanwhile.
    async fn open(config: &Config, stop: &CancellationToken, channel: &str) -> anyhow::Result<Option<Self>> {
        let Some(log) = kafka::open(config, stop).await? else { return Ok(None) };
        let Some(router) = KafkaRouter::open(&log, config, stop).await? else { return Ok(None) };
        let log: Arc<dyn Log> = log;
        let (first, second) = (Arc::clone(&log), Arc::clone(&log));
        let reading = move || Ok(ReferenceFollower::start(Arc::clone(&first))?);
        let Some(reference) = once_log_answers(stop, reading).await? else { return Ok(None) };
        let Some(seen) = once_log_answers(stop, move || Ok(SeenFollower::start(&second)?)).await? else {
            return Ok(None);
        };
        let days = Arc::new(Days {
            router: router.clone(),
            reference: Arc::clone(&reference),
            log: Arc::clone(&log),
            billing: None,
            incentive: None,
            customer: None,
            start: Some(config.test_clock.start).filter(|_| config.test_clock.enabled),
            actor: Actor { principal: "clock".into(), channel: channel.to_owned() },
            first_day: OnceLock::new(),
        });
        Ok(Some(Self { log, reference, seen, router, days, tasks: TaskTracker::new() }))
    }

    /// Blocks.
    fn stop(self) {
        self.router.stop();
        self.reference.stop();
        self.seen.stop();
    }
}

/// Runs the gateway until a signal.
pub(super) async fn run(config: Config) -> anyhow::Result<Ended> {
    let stop = shutdown::on_signals().context("cannot wait for signals")?;
    let pages = telemetry::metrics(&config)?.unwrap_or_default();
    let Some(parties) = Parties::open(&config, &stop, "clock").await? else { return Ok(Ended::Well) };
    let trees = trees(&parties.log, &config).await?;
    if let Some(trees) = &trees {
        let _ = pages.set(Arc::clone(trees));
    }
    let bound = services(&parties, trees.as_ref(), &config, &stop).await?.bind(config.listen).await?;
    println!("gateway is ready at {}", bound.url());
    let served = bound.serve(stop.clone()).await;
    stop.cancel();
    parties.tasks.close();
    parties.tasks.wait().await;
    let in_time = shutdown::within_bound(move || {
        parties.stop();
        if let Some(trees) = trees {
            trees.stop();
        }
    })
    .await;
    served.map(|()| if in_time { Ended::Well } else { Ended::Late })
}

/// The trees, if this gateway shall give proofs: every gateway has the same log, but a ledger has one key, which is named and never made
/// beside another.
async fn trees(log: &Arc<dyn Log>, config: &Config) -> anyhow::Result<Option<Arc<Trees>>> {
    let Some(key) = config.signing_key_file.clone() else { return Ok(None) };
    let (log, settings) = (Arc::clone(log), config.trees(Some(key)));
    tokio::task::spawn_blocking(move || Trees::start(log, &settings)).await.context("interrupted")?.map(Some)
}

async fn services(
    parties: &Parties,
    trees: Option<&Arc<Trees>>,
    config: &Config,
    stop: &CancellationToken,
) -> anyhow::Result<Services> {
    let (limits, layout) = (&config.limits, parties.log.layout());
    let mut services = Services::new(config)?;
    let dial = config.dial()?;
    let commands = CommandApi::new(parties.router.clone(), limits.batch_commands);
    services.judge_by(&parties.log, &parties.reference);
    services.commands(commands.previewed_by(Writers::at(&config.writers, &dial)?)).await;
    services.catalog(CatalogApi::new(Arc::clone(&parties.reference), layout, limits.page_items)).await;
    let judge = services.judge();
    let test_clock_start = Some(config.test_clock.start).filter(|_| config.test_clock.enabled);
    let clock = ledger::clock(test_clock_start, &parties.reference);
    if let Some(recorder) = judge.recorder() {
        parties.tasks.spawn(Arc::clone(recorder).run(parties.router.clone(), Arc::clone(&clock), stop.clone()));
    }
    let views = (Arc::clone(&parties.reference), Arc::clone(&parties.seen));
    services.access(AccessApi::new(judge, views, Arc::clone(&clock), layout, limits.page_items)).await;
    let audit = AuditApi::new(Arc::clone(&parties.log), stop.clone());
    services.audit(trees.cloned().into_iter().fold(audit, AuditApi::with_trees)).await;
    services.add(CustomerProxy::to(&config.projectors.customer, &dial).context("projectors.customer")?).await;
    services.add(BillingProxy::to(&config.projectors.billing, &dial).context("projectors.billing")?).await;
    services.add(IncentiveProxy::to(&config.projectors.incentive, &dial).context("projectors.incentive")?).await;
    services.add(ClaimProxy::to(&config.projectors.incentive, &dial).context("projectors.incentive")?).await;
    let parts = Parts {
        roles: vec!["gateway".into()],
        started_at: WallClock.now(),
        log: Arc::clone(&parties.log),
        clock,
        test_clock_start,
        reference: Some(Arc::clone(&parties.reference)),
        writers: None,
        projections: Vec::new(),
        invoices: None,
        router: Some(parties.router.clone()),
        days: Some(Arc::clone(&parties.days)),
        stop: stop.clone(),
    };
    services.admin(AdminApi::new(parts)).await;
    Ok(services)
}

/// Closes each day when the wall clock says that it is over, until a signal.
pub(super) async fn run_clock(config: Config) -> anyhow::Result<Ended> {
    anyhow::ensure!(
        !config.test_clock.enabled,
        "test_clock.enabled is true: a test clock is moved by hand, with `subledger clock advance DATE` at a gateway"
    );
    let stop = shutdown::on_signals().context("cannot wait for signals")?;
    let Some(parties) = Parties::open(&config, &stop, "clock").await? else { return Ok(Ended::Well) };
    println!("clock is ready, closing business days of the ledger {}", parties.log.ledger_id());
    parties.days.follow(Arc::new(WallClock), stop).await;
    let in_time = shutdown::within_bound(move || parties.stop()).await;
    Ok(if in_time { Ended::Well } else { Ended::Late })
}
