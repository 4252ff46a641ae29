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
use tokio::task::JoinHandle;
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
        host::{self, Host, Shared},
        intake::Intake,
        router::KafkaRouter,
    },
    ledger,
    patience::once_log_answers,
    router::{LocalRouter, Previews},
    shutdown, telemetry,
};

/// How long a poll waits for records.
const POLL: Duration = Duration::from_millis(50);
/// The same while partitions are held back: what a writer takes makes room, and no record tells of it.
const POLL_WHILE_FULL: Duration = Duration::from_millis(2);
/// How long a partition that could not be claimed rests before the next attempt.
const CLAIM_RETRY: Duration = Duration::from_secs(1);
/// How often the group is told what is answered: a writer that takes over publishes at most so much a second time.
const SAY_ANSWERED_EVERY: Duration = Duration::from_secs(1);
/// How long an outcome waits for others to travel with. Gateways see in the log itself what was recorded.
const OUTCOME_LINGER: Duration = Duration::from_millis(5);
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
    let sharing = move || shared(Arc::clone(&log), &settings);
    let Some(shared) = once_log_answers(&stop, sharing).await? else { return Ok(Ended::Well) };

    let (bound, recording) = if config.listen_given {
        let services = services(&shared, &config, &stop).await?;
        let recording = record(&services, &shared, &kafka, &config, &stop).await?;
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
        producer: Arc::new(RecordProducer::lingering(&config.kafka.options(), OUTCOME_LINGER)?),
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

/// Starts it, if callers are checked. None also if told to stop meanwhile.
async fn record(
    services: &Services,
    shared: &Arc<Shared>,
    log: &Arc<KafkaLog>,
    config: &Config,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Recording>> {
    let judge = services.judge();
    let Some(recorder) = judge.recorder() else { return Ok(None) };
    let Some(router) = KafkaRouter::open(log, config, stop).await? else { return Ok(None) };
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
    /// Its writers; none until they are ready.
    host: Option<Host>,
    /// What waits for them.
    intake: Arc<Intake>,
    /// Told when the partition is lost.
    lost: CancellationToken,
}

impl Owned {
    /// No more is taken for its writers. They are to be stopped by the caller, who may have to wait for it.
    fn lose(self) -> Option<Host> {
        self.lost.cancel();
        self.intake.close();
        self.host
    }
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
    /// Whether partitions are held back, their writers being busy.
    full: bool,
    /// When the group was last told what is answered.
    said: Instant,
}

impl Group {
    fn new(consumer: CommandConsumer, shared: Arc<Shared>, runtime: tokio::runtime::Handle) -> Self {
        let (owned, claims, said) = (BTreeMap::new(), std_mpsc::channel(), Instant::now());
        Self { consumer, shared, runtime, owned, claims, full: false, said }
    }

    /// Polls until told to stop. Blocks.
    fn run(&mut self, stop: &CancellationToken) -> anyhow::Result<()> {
        while !stop.is_cancelled() {
            let mut batches: BTreeMap<u32, Vec<IncomingRecord>> = BTreeMap::new();
            for event in self.consumer.poll(if self.full { POLL_WHILE_FULL } else { POLL })? {
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
                if let Some(owned) = self.owned.get(&partition) {
                    owned.intake.put(batch);
                }
            }
            self.hold_back()?;
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
        self.owned.insert(partition, Owned { host: None, intake: Arc::default(), lost: lost.clone() });
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
        if let Some(owned) = self.owned.get_mut(&partition) {
            host.enter();
            self.runtime.spawn(host::serve(Arc::clone(&self.shared), Arc::clone(&owned.intake), lost.clone()));
            owned.host = Some(host);
        }
        Ok(())
    }

    fn revoke(&mut self, partition: u32) {
        tracing::info!(partition, "revoked");
        if let Some(host) = self.owned.remove(&partition).and_then(Owned::lose) {
            host.leave();
            // Whoever has it now claims an epoch; what these writers still append is skipped by every reader.
            self.runtime.spawn_blocking(move || host.stop());
        }
    }

    /// Fetches no more of partitions whose writers are busy, and goes on with those that have room again.
    fn hold_back(&mut self) -> anyhow::Result<()> {
        let those = |wanted: fn(&Intake) -> bool| -> Vec<u32> {
            self.owned.iter().filter(|(_, owned)| wanted(&owned.intake)).map(|(partition, _)| *partition).collect()
        };
        let (full, free) = (those(Intake::is_full), those(Intake::has_room));
        self.consumer.pause(&full)?;
        self.consumer.resume(&free)?;
        self.full = self.consumer.holds_any();
        Ok(())
    }

    /// Stops every writer. Blocks.
    fn stop(&mut self) {
        for (_, owned) in std::mem::take(&mut self.owned) {
            if let Some(host) = owned.lose() {
                host.stop();
            }
        }
    }
}
