//! `writer`: shares the partitions of a ledger on Kafka with other writers.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, mpsc as std_mpsc},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use subledger_log::{
    Log,
    kafka::{
        KafkaLog,
        topics::{CommandConsumer, CommandEvent, ConsumeError, IncomingRecord, RecordProducer},
    },
};
use subledger_writer::{Clock as _, Options, ReferenceFollower, StartError};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::Ended;
use crate::{
    api::{
        Services,
        admin::{AdminApi, Parts},
        command::CommandApi,
    },
    clock::WallClock,
    config::{Config, Flags},
    kafka::{
        self,
        host::{self, BATCHES_WAITING_MAX, Host, Shared},
        router::KafkaRouter,
    },
    ledger,
    router::{LocalRouter, Previews},
    shutdown, telemetry,
};

/// How long a poll waits for records.
const POLL: Duration = Duration::from_millis(50);
/// How long a partition that could not be claimed rests before the next attempt.
const CLAIM_RETRY: Duration = Duration::from_secs(1);
/// How often the group is told what is answered: a writer that takes over publishes at most so much a second time.
const SAY_ANSWERED_EVERY: Duration = Duration::from_secs(1);
/// How long what is on its way may take to be acknowledged at the end.
const CLOSE_WAIT: Duration = Duration::from_secs(5);

/// Arguments of `writer`.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  subledger writer --set kafka.bootstrap=broker:9092 --member writer-1 --listen 127.0.0.1:7442"
)]
pub(crate) struct Args {
    /// Name of this writer, unique among those that run: a restart under the same name gets the same partitions back
    #[arg(long, value_name = "NAME")]
    member: Option<String>,
    #[command(flatten)]
    pub(super) flags: Flags,
}

/// Runs until a signal.
pub(super) async fn run(args: Args, config: Config) -> anyhow::Result<Ended> {
    let stop = shutdown::on_signals().context("cannot wait for signals")?;
    telemetry::metrics(&config)?;
    let Some(log) = kafka::open(&config, &stop).await? else { return Ok(Ended::Well) };
    let (settings, kafka) = (config.clone(), Arc::clone(&log));
    let shared = tokio::task::spawn_blocking(move || shared(log, &settings)).await.context("interrupted")??;

    let (bound, recording) = if config.listen_given {
        let services = services(&shared, &config, &stop).await?;
        let recording = record(&services, &shared, kafka, &config, &stop).await?;
        (Some(services.bind(config.listen).await?), recording)
    } else {
        (None, None)
    };
    let place = bound.as_ref().map(|bound| format!(" at {}", bound.url())).unwrap_or_default();
    println!("writer is ready{place}, taking commands from {}", shared.topic);

    let (writing, options) = (Arc::clone(&shared), config.kafka.options());
    let (stopping, runtime) = (stop.clone(), tokio::runtime::Handle::current());
    let consuming = tokio::task::spawn_blocking(move || {
        let consumer = CommandConsumer::join(&options, args.member.as_deref())?;
        let mut group = Group::new(consumer, writing, runtime);
        let result = group.run(&stopping);
        stopping.cancel();
        group.stop();
        result
    });
    let served = if let Some(bound) = bound {
        bound.serve(stop.clone()).await
    } else {
        stop.cancelled().await;
        Ok(())
    };
    stop.cancel();
    if let Some(recording) = recording {
        recording.end().await;
    }
    let consumed = tokio::time::timeout(shutdown::STOP_MAX, consuming).await;
    let in_time = shutdown::within_bound(move || {
        shared.reference.stop();
        if let Ok(shared) = Arc::try_unwrap(shared)
            && let Ok(producer) = Arc::try_unwrap(shared.producer)
        {
            producer.close(CLOSE_WAIT);
        }
    })
    .await;
    served?;
    match consumed {
        Ok(result) => result.context("interrupted")??,
        Err(_) => return Ok(Ended::Late),
    }
    Ok(if in_time { Ended::Well } else { Ended::Late })
}

fn shared(log: Arc<KafkaLog>, config: &Config) -> anyhow::Result<Arc<Shared>> {
    let topic = log.topics().commands.clone();
    let log: Arc<dyn Log> = log;
    let reference = ReferenceFollower::start(Arc::clone(&log))?;
    let start = Some(config.test_clock.start).filter(|_| config.test_clock.enabled);
    let options = Options {
        queue_commands_max: config.limits.queue_commands,
        ready_customers_max: config.limits.ready_customers,
        snapshot_dir: Some(config.data_dir.join("snapshots")),
        ..Options::default()
    };
    Ok(Arc::new(Shared {
        clock: ledger::clock(start, &reference),
        router: Arc::new(LocalRouter::new(log.layout(), Arc::clone(&reference))),
        producer: Arc::new(RecordProducer::new(&config.kafka.options())?),
        log,
        reference,
        options,
        topic,
        answered: Mutex::default(),
    }))
}

/// The state of this writer, for whoever runs it, and previews, for gateways; only where an address was set, so that several run side by
/// side as they are.
async fn services(shared: &Arc<Shared>, config: &Config, stop: &CancellationToken) -> anyhow::Result<Services> {
    let mut services = Services::new(config)?;
    services.judge_by(&shared.log, &shared.reference);
    services.admin(AdminApi::new(parts(shared, config, stop))).await;
    let previews = Arc::new(Previews(Arc::clone(&shared.router)));
    services.commands(CommandApi::new(previews, config.limits.batch_commands)).await;
    Ok(services)
}

/// Writes what callers do; by way of the topic, as the writer of that partition may be in another process.
struct Recording {
    task: JoinHandle<()>,
    router: Arc<KafkaRouter>,
}

impl Recording {
    /// Waits until all of it is written.
    async fn end(self) {
        let _ = self.task.await;
        let _ = tokio::task::spawn_blocking(move || self.router.stop()).await;
    }
}

/// Starts it, if callers are checked.
async fn record(
    services: &Services,
    shared: &Arc<Shared>,
    log: Arc<KafkaLog>,
    config: &Config,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Recording>> {
    let judge = services.judge();
    let Some(recorder) = judge.recorder() else { return Ok(None) };
    let config = config.clone();
    let router =
        tokio::task::spawn_blocking(move || KafkaRouter::start(log, &config)).await.context("interrupted")??;
    let run = Arc::clone(recorder).run(router.clone(), Arc::clone(&shared.clock), stop.clone());
    Ok(Some(Recording { task: tokio::spawn(run), router }))
}

fn parts(shared: &Arc<Shared>, config: &Config, stop: &CancellationToken) -> Parts {
    let router = Arc::clone(&shared.router);
    Parts {
        roles: vec!["writer".into()],
        started_at: WallClock.now(),
        log: Arc::clone(&shared.log),
        clock: Arc::clone(&shared.clock),
        test_clock_start: Some(config.test_clock.start).filter(|_| config.test_clock.enabled),
        reference: Some(Arc::clone(&shared.reference)),
        writers: Some(Arc::new(move || router.handles())),
        projections: Vec::new(),
        invoices: None,
        router: None,
        days: None,
        stop: stop.clone(),
    }
}

/// A partition of the topic that is this writer's.
struct Owned {
    /// None until the writers are ready.
    running: Option<Running>,
    /// Records that did not fit into the channel.
    waiting: Vec<IncomingRecord>,
    /// Told when the partition is lost.
    lost: CancellationToken,
}

struct Running {
    host: Host,
    batches: mpsc::Sender<Vec<IncomingRecord>>,
}

/// What a thread that claims a partition found.
type Claimed = (u32, CancellationToken, Result<Host, StartError>);

/// This writer's part of the group: one thread that polls, and for each partition the writers and a task that feeds them.
struct Group {
    consumer: CommandConsumer,
    shared: Arc<Shared>,
    runtime: tokio::runtime::Handle,
    owned: BTreeMap<u32, Owned>,
    claims: (std_mpsc::Sender<Claimed>, std_mpsc::Receiver<Claimed>),
    /// When the group was last told what is answered.
    said: Instant,
}

impl Group {
    fn new(consumer: CommandConsumer, shared: Arc<Shared>, runtime: tokio::runtime::Handle) -> Self {
        Self { consumer, shared, runtime, owned: BTreeMap::new(), claims: std_mpsc::channel(), said: Instant::now() }
    }

    /// Polls until told to stop. Blocks.
    fn run(&mut self, stop: &CancellationToken) -> anyhow::Result<()> {
        while !stop.is_cancelled() {
            let mut batches: BTreeMap<u32, Vec<IncomingRecord>> = BTreeMap::new();
            for event in self.consumer.poll(POLL)? {
                match event {
                    CommandEvent::Assigned(partitions) => partitions.into_iter().for_each(|p| self.assign(p)),
                    CommandEvent::Revoked(partitions) => {
                        for partition in partitions {
                            batches.remove(&partition);
                            self.revoke(partition);
                        }
                    }
                    CommandEvent::Record(record) => batches.entry(record.partition).or_default().push(record),
                }
            }
            while let Ok((partition, lost, claimed)) = self.claims.1.try_recv() {
                self.claimed(partition, &lost, claimed)?;
            }
            for (partition, batch) in batches {
                if let Some(owned) = self.owned.get_mut(&partition) {
                    owned.waiting.extend(batch);
                }
            }
            self.feed()?;
            self.say_answered();
        }
        Ok(())
    }

    /// Where to begin: what is in the log but may not be answered is taken again; its outcome is published again, and nothing happens
    /// twice.
    fn start_of(&self, partition: u32, host: &Host) -> Result<u64, ConsumeError> {
        let (begins, _) = self.consumer.bounds(partition)?;
        let recorded = host.resume_at().unwrap_or(begins);
        let answered = self.consumer.committed(partition)?.unwrap_or(begins);
        Ok(recorded.min(answered).max(begins))
    }

    /// Tells the group every now and then what is answered.
    fn say_answered(&mut self) {
        if self.said.elapsed() < SAY_ANSWERED_EVERY {
            return;
        }
        self.said = Instant::now();
        let answered = std::mem::take(&mut *self.shared.answered.lock().unwrap_or_else(PoisonError::into_inner));
        for (partition, offset) in answered {
            if self.owned.contains_key(&partition)
                && let Err(error) = self.consumer.commit(partition, offset)
            {
                tracing::warn!(partition, %error, "the group is not told what is answered; some outcomes may be published again");
            }
        }
    }

    fn assign(&mut self, partition: u32) {
        tracing::info!(partition, "assigned");
        let lost = CancellationToken::new();
        self.owned.insert(partition, Owned { running: None, waiting: Vec::new(), lost: lost.clone() });
        self.claim(partition, lost, Duration::ZERO);
    }

    /// Claims on a thread of its own: others go on meanwhile.
    fn claim(&self, partition: u32, lost: CancellationToken, after: Duration) {
        let (shared, found) = (Arc::clone(&self.shared), self.claims.0.clone());
        self.runtime.spawn_blocking(move || {
            std::thread::sleep(after);
            let started = Instant::now();
            let claimed = Host::start(partition, shared);
            tracing::info!(partition, millis = started.elapsed().as_millis(), ok = claimed.is_ok(), "claimed");
            if let Err(std_mpsc::SendError((_, _, Ok(host)))) = found.send((partition, lost, claimed)) {
                host.stop();
            }
        });
    }

    fn claimed(
        &mut self,
        partition: u32,
        lost: &CancellationToken,
        claimed: Result<Host, StartError>,
    ) -> anyhow::Result<()> {
        let host = match claimed {
            Ok(host) if lost.is_cancelled() => {
                self.runtime.spawn_blocking(move || host.stop());
                return Ok(());
            }
            Ok(host) => host,
            Err(error) => {
                tracing::error!(partition, %error, "the partition cannot be claimed; trying again");
                if !lost.is_cancelled() {
                    self.claim(partition, lost.clone(), CLAIM_RETRY);
                }
                return Ok(());
            }
        };
        let offset = match self.start_of(partition, &host) {
            Ok(offset) => offset,
            Err(error) => {
                tracing::error!(partition, %error, "it is not known where to go on; trying again");
                self.runtime.spawn_blocking(move || host.stop());
                self.claim(partition, lost.clone(), CLAIM_RETRY);
                return Ok(());
            }
        };
        self.consumer.start_at(partition, offset)?;
        tracing::info!(partition, offset, "taking commands");
        host.enter();
        let (batches, queue) = mpsc::channel(BATCHES_WAITING_MAX);
        self.runtime.spawn(host::serve(Arc::clone(&self.shared), queue, lost.clone()));
        if let Some(owned) = self.owned.get_mut(&partition) {
            owned.running = Some(Running { host, batches });
        }
        Ok(())
    }

    fn revoke(&mut self, partition: u32) {
        tracing::info!(partition, "revoked");
        let Some(owned) = self.owned.remove(&partition) else { return };
        owned.lost.cancel();
        if let Some(running) = owned.running {
            running.host.leave();
            // Whoever has it now claims an epoch; what these writers still append is skipped by every reader.
            self.runtime.spawn_blocking(move || running.host.stop());
        }
    }

    /// Hands records to their writers, and holds back partitions whose writers are busy.
    fn feed(&mut self) -> anyhow::Result<()> {
        let (mut busy, mut free) = (Vec::new(), Vec::new());
        for (&partition, owned) in &mut self.owned {
            let Some(running) = &owned.running else { continue };
            if owned.waiting.is_empty() {
                free.push(partition);
                continue;
            }
            match running.batches.try_send(std::mem::take(&mut owned.waiting)) {
                Ok(()) => free.push(partition),
                Err(mpsc::error::TrySendError::Full(batch) | mpsc::error::TrySendError::Closed(batch)) => {
                    owned.waiting = batch;
                    busy.push(partition);
                }
            }
        }
        self.consumer.pause(&busy)?;
        self.consumer.resume(&free)?;
        Ok(())
    }

    /// Stops every writer. Blocks.
    fn stop(&mut self) {
        for (_, owned) in std::mem::take(&mut self.owned) {
            owned.lost.cancel();
            if let Some(running) = owned.running {
                running.host.stop();
            }
        }
    }
}
