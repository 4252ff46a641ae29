//! `serve`: the whole ledger in one process.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use subledger_log::Actor;
use subledger_writer::Clock as _;
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::Ended;
use crate::{
    access::SeenFollower,
    api::{
        Bound, Services,
        access::AccessApi,
        admin::{AdminApi, Parts, customers_partitions},
        audit::AuditApi,
        billing::BillingApi,
        catalog::CatalogApi,
        claims::ClaimApi,
        command::CommandApi,
        customer::CustomerApi,
        incentive::IncentiveApi,
        read_model::ReadModel,
    },
    audit::Trees,
    clock::WallClock,
    config::{Config, Flags},
    days::Days,
    earnings::Earnings,
    flow::Flow,
    identity::Identity,
    invoices::{self, Invoices},
    ledger::Ledger,
    read_models::{Name, ReadModels},
    router::Router,
    sample, shutdown, telemetry,
};

/// How often gauges are set.
const GAUGES_EVERY: Duration = Duration::from_secs(2);

/// Arguments of `serve`.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    subledger serve --sample-data\n  \
    subledger serve --data-dir /var/lib/subledger --log-format json\n  \
    subledger serve --set test_clock.enabled=true --set test_clock.start=2018-01-01")]
pub(crate) struct Args {
    /// Put two partners, three customers and what they buy into the ledger, if they are not there. Such a ledger has a test clock, and a
    /// directory of its own unless one is named
    #[arg(long)]
    sample_data: bool,
    #[command(flatten)]
    pub(super) flags: Flags,
}

/// Runs until a signal.
pub(super) async fn run(args: Args, config: Config) -> anyhow::Result<Ended> {
    let started = Instant::now();
    let config = if args.sample_data { sample::settings(config) } else { config };
    let stop = shutdown::on_signals().context("cannot wait for signals")?;
    let pages = telemetry::metrics(&config)?.unwrap_or_default();
    let process = Process::open(config, stop).await?;
    let _ = pages.set(Arc::clone(&process.trees));
    process.run(&args, started).await
}

/// A ledger inside another command: all the parts of `serve`, nothing printed, stopped by hand.
pub(crate) struct Embedded {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<anyhow::Result<Ended>>,
}

impl Embedded {
    /// Starts it as the settings say.
    pub(crate) async fn start(config: Config) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        let process = Process::open(config, stop.clone()).await?;
        let days = Arc::new(process.days());
        let bound = process.services(&days).await?.bind(process.config.listen).await?;
        process.start_tasks(&days);
        let address = bound.address;
        Ok(Self { address, stop, serving: tokio::spawn(process.serve(bound, days)) })
    }

    /// Stops it; what waits is still decided.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.serving.await.context("interrupted")?.map(|_ended| ())
    }
}

/// Everything that runs.
struct Process {
    config: Config,
    ledger: Ledger,
    models: ReadModels,
    trees: Arc<Trees>,
    seen: Arc<SeenFollower>,
    issuing: Arc<invoices::Progress>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Process {
    async fn open(config: Config, stop: CancellationToken) -> anyhow::Result<Self> {
        let opening = move || {
            let ledger = Ledger::start(&config)?;
            let models = ReadModels::start(&ledger.log, &ledger.clock, &config)?;
            let settings = config.trees(Some(config.own_signing_key_file()));
            let trees = Trees::start(Arc::clone(&ledger.log), &settings)?;
            let seen = SeenFollower::start(&ledger.log)?;
            let issuing = Arc::default();
            Ok(Self { config, ledger, models, trees, seen, issuing, stop, tasks: TaskTracker::new() })
        };
        tokio::task::spawn_blocking(opening).await.context("interrupted")?
    }

    async fn run(self, args: &Args, started: Instant) -> anyhow::Result<Ended> {
        let is_new = self.ledger.is_new();
        let days = Arc::new(self.days());
        let services = self.services(&days).await?;
        for (name, model) in self.models.iter() {
            self.tasks.spawn(name.report_health(model, services.health(), self.stop.clone()));
        }
        let bound = services.bind(self.config.listen).await?;
        self.start_tasks(&days);
        if args.sample_data {
            sample::load(&*self.ledger.router).await?;
        }
        self.say_ready(&bound, is_new, args.sample_data, started.elapsed());
        self.serve(bound, days).await
    }

    /// Answers until told to stop, and then stops everything.
    async fn serve(self, bound: Bound, days: Arc<Days>) -> anyhow::Result<Ended> {
        let served = bound.serve(self.stop.clone()).await;
        // Also if the server failed by itself.
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        drop(days);
        let Self { ledger, models, trees, seen, .. } = self;
        let in_time = shutdown::within_bound(move || {
            ledger.stop();
            models.stop();
            seen.stop();
            trees.stop();
        })
        .await;
        served.map(|()| if in_time { Ended::Well } else { Ended::Late })
    }

    fn days(&self) -> Days {
        let ledger = &self.ledger;
        Days {
            router: ledger.router.clone(),
            reference: Arc::clone(&ledger.reference),
            log: Arc::clone(&ledger.log),
            billing: self.models.get(Name::Billing),
            incentive: self.models.get(Name::Incentive),
            customer: self.models.get(Name::Customer),
            start: ledger.test_clock_start,
            actor: Actor { principal: "clock".into(), channel: "clock".into() },
            first_day: OnceLock::new(),
        }
    }

    async fn services(&self, days: &Arc<Days>) -> anyhow::Result<Services> {
        let (ledger, limits) = (&self.ledger, &self.config.limits);
        let layout = ledger.log.layout();
        let router: Arc<dyn Router> = ledger.router.clone();
        let model = |name| {
            let handle = self.models.get(name).context("a read model is not running")?;
            anyhow::Ok(ReadModel::new(handle, layout, limits.page_items))
        };
        let mut services = Services::new(&self.config)?;
        services.judge_by(&ledger.log, &ledger.reference);
        services.commands(CommandApi::new(router, limits.batch_commands)).await;
        services.catalog(CatalogApi::new(Arc::clone(&ledger.reference), layout, limits.page_items)).await;
        let judge = services.judge();
        let views = (Arc::clone(&ledger.reference), Arc::clone(&self.seen));
        if let Some(recorder) = judge.recorder() {
            let (router, clock) = (ledger.router.clone(), Arc::clone(&ledger.clock));
            self.tasks.spawn(Arc::clone(recorder).run(router, clock, self.stop.clone()));
        }
        services.access(AccessApi::new(judge, views, Arc::clone(&ledger.clock), layout, limits.page_items)).await;
        services.customers(CustomerApi::new(model(Name::Customer)?)).await;
        services.billing(BillingApi::new(model(Name::Billing)?)).await;
        services.incentives(IncentiveApi::new(model(Name::Incentive)?)).await;
        services.claims(ClaimApi::new(model(Name::Incentive)?)).await;
        services
            .audit(AuditApi::new(Arc::clone(&ledger.log), self.stop.clone()).with_trees(Arc::clone(&self.trees)))
            .await;
        services.admin(AdminApi::new(self.parts(days))).await;
        Ok(services)
    }

    fn parts(&self, days: &Arc<Days>) -> Parts {
        let router = self.ledger.router.clone();
        Parts {
            roles: vec!["serve".into()],
            started_at: WallClock.now(),
            log: Arc::clone(&self.ledger.log),
            clock: Arc::clone(&self.ledger.clock),
            test_clock_start: self.ledger.test_clock_start,
            reference: Some(Arc::clone(&self.ledger.reference)),
            writers: Some(Arc::new(move || router.handles())),
            projections: self.models.handles(),
            invoices: Some(Arc::clone(&self.issuing)),
            router: Some(self.ledger.router.clone()),
            days: Some(Arc::clone(days)),
            stop: self.stop.clone(),
        }
    }

    fn start_tasks(&self, days: &Arc<Days>) {
        let stop = &self.stop;
        let flow = Flow {
            router: self.ledger.router.clone(),
            models: self.models.handles(),
            brake: Arc::clone(&self.ledger.brake),
            lag_max: Duration::from_secs(self.config.limits.read_model_lag_seconds),
        };
        self.tasks.spawn(flow.run(stop.clone()));
        if let Some(billing) = self.models.get(Name::Billing) {
            let invoices = Invoices {
                billing,
                router: self.ledger.router.clone(),
                customers_partitions: customers_partitions(&*self.ledger.log),
                principal: "billing".into(),
                progress: Arc::clone(&self.issuing),
            };
            self.tasks.spawn(invoices.run(stop.clone()));
        }
        if let Some(incentive) = self.models.get(Name::Incentive) {
            let earnings = Earnings {
                incentive,
                router: self.ledger.router.clone(),
                customers_partitions: customers_partitions(&*self.ledger.log),
                principal: "incentive".into(),
            };
            self.tasks.spawn(earnings.run(stop.clone()));
        }
        if self.ledger.test_clock_start.is_none() {
            let (days, clock, stop) = (Arc::clone(days), Arc::clone(&self.ledger.clock), stop.clone());
            self.tasks.spawn(async move { days.follow(clock, stop).await });
        }
        let (router, stop) = (self.ledger.router.clone(), stop.clone());
        self.tasks.spawn(async move {
            while !stop.is_cancelled() {
                for (partition, writer) in router.handles() {
                    let depth = u32::try_from(writer.queue_depth()).unwrap_or(u32::MAX);
                    metrics::gauge!(telemetry::name::QUEUE_DEPTH, "partition" => partition.to_string()).set(depth);
                }
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(GAUGES_EVERY) => {}
                }
            }
        });
    }

    fn say_ready(&self, bound: &Bound, is_new: bool, sample_data: bool, elapsed: Duration) {
        let ledger = &self.ledger;
        println!("subledger {} is ready after {} ms", env!("CARGO_PKG_VERSION"), elapsed.as_millis());
        println!("  gRPC     {}", bound.url());
        match self.config.metrics_listen {
            Some(metrics) => {
                let scheme = if self.config.tls.certificate_file.is_some() { "https" } else { "http" };
                println!("  metrics  {scheme}://{metrics}/metrics");
            }
            None => println!("  metrics  none"),
        }
        let age = if is_new { "new" } else { "opened" };
        println!("  data     {} (ledger {}, {age})", self.config.data_dir.display(), ledger.log.ledger_id());
        match ledger.test_clock_start {
            Some(_) => println!("  clock    test clock, business day {}", ledger.clock.now().date_naive()),
            None => println!("  clock    wall clock, UTC"),
        }
        println!(
            "{}: {} may do everything.",
            bound.identity().describe(),
            match bound.identity() {
                Identity::Unchecked => format!("whoever reaches {}", bound.address),
                Identity::Checked { .. } => "operators of the ledger".to_owned(),
            }
        );
        println!("Try next, in another terminal:");
        let other = bound.address.port() != crate::config::LISTEN_PORT;
        let address = if other { format!(" --address {}", bound.url()) } else { String::new() };
        let mut next = vec!["status", "events"];
        if sample_data {
            next.extend([
                "list customers",
                "list subscriptions --customer fabrikam",
                "list balances --partner contoso",
                "list charges --customer fabrikam",
            ]);
        } else {
            next.push("load FILE");
        }
        if ledger.test_clock_start.is_some() {
            next.push("clock advance 2018-02-15");
        }
        let program = std::env::args().next().unwrap_or_else(|| "subledger".to_owned());
        next.iter().for_each(|command| println!("  {program} {command}{address}"));
    }
}
