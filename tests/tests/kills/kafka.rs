//! A ledger on real brokers, every role a process of its own: commands come through the topic and through gRPC at once while writers,
//! projectors, the gateway, the clock and brokers are killed at random, or stand still and go on. The checker knows only what was
//! acknowledged. What was published has an outcome, and every day is closed once.
//!
//! `SUBLEDGER_TEST_ROUNDS` and `SUBLEDGER_TEST_SEED` ask for more, or for the same again; `SUBLEDGER_TEST_BROKERS=3` for three brokers,
//! of which one at a time is away, the active controller among them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use subledger_domain::event::Event;
use subledger_log::{
    Family, Follower, Log,
    codec::Wire,
    ends,
    kafka::{
        KafkaLog,
        topics::{CloudEvent, Destination, OutgoingRecord, RecordProducer},
    },
};
use subledger_proto::common::Position;
use subledger_tests::{
    client::Client,
    commands::{change_quantity, purchase},
    havoc::{self, Victim},
    insist::Insisting,
    kafka::{Broker, Fleet, Part, skipped},
    random::{Random, number_from_environment},
    shop,
    topic::Reader,
};

const CUSTOMERS: u64 = 64;
const WORKERS: u64 = 8;
/// What a caller, or the upstream system, waits between two commands: a run of hours must fit on a disk.
const PAUSE: Duration = Duration::from_millis(20);
/// So many days ago the ledger begins: the clock has something to do. Less than the 60 days for which a partner may owe.
const BEHIND_DAYS: i64 = 40;
/// How long everything may take after the last kill.
const SETTLE_MAX: Duration = Duration::from_secs(180);

/// The ledger's first day.
#[expect(clippy::disallowed_methods, reason = "the clock looks at the wall clock, so what it has to do is told by it")]
fn first_day() -> String {
    (DateTime::<Utc>::from(SystemTime::now()).date_naive() - TimeDelta::days(BEHIND_DAYS)).to_string()
}

/// How far the load is, and whether it should end.
#[derive(Default)]
struct Load {
    done: AtomicU64,
    stop: AtomicBool,
}

impl Load {
    /// One command more; false if that was the last.
    async fn goes_on(&self) -> bool {
        self.done.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(PAUSE).await;
        !self.stop.load(Ordering::Relaxed)
    }
}

/// A caller that insists.
async fn over_grpc(worker: u64, ledger: Insisting, load: Arc<Load>) -> anyhow::Result<()> {
    let (mut client, mut n) = (None, 0);
    loop {
        let customer = format!("c{}", (worker + n * WORKERS) % CUSTOMERS);
        let bought = format!("g{worker}-{n}");
        ledger.send(&mut client, &purchase(&bought, &customer, "contoso", "e3", 5)).await?;
        if !load.goes_on().await {
            return Ok(());
        }
        let change = change_quantity(&format!("h{worker}-{n}"), &customer, "contoso", &format!("sub-{bought}"), 7);
        ledger.send(&mut client, &change).await?;
        if !load.goes_on().await {
            return Ok(());
        }
        n += 1;
    }
}

/// Commands published as an upstream system does: JSON with CloudEvents headers. Returns the ids that Kafka has.
async fn over_topic(producer: RecordProducer, load: Arc<Load>) -> anyhow::Result<BTreeSet<String>> {
    let mut published = BTreeSet::new();
    for n in 0_u64.. {
        let customer = format!("c{}", n % CUSTOMERS);
        let command: Value = purchase(&format!("t-{n}"), &customer, "contoso", "e3", 3);
        loop {
            let event = CloudEvent {
                id: format!("t-{n}"),
                kind: "subledger.v1.Command".into(),
                source: "upstream".into(),
                time: None,
                content_type: "application/json".into(),
            };
            let record = OutgoingRecord {
                destination: Destination::Commands,
                partition: None,
                key: customer.clone().into(),
                payload: command.to_string().into(),
                headers: event.headers(),
            };
            // Publishing again after doubt is what an upstream does: the command id makes it safe.
            if let Ok(delivery) = producer.send(record).await
                && delivery.await.is_ok()
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        published.insert(format!("t-{n}"));
        if !load.goes_on().await {
            break;
        }
    }
    Ok(published)
}

/// Everything recorded: command ids with their places.
type Recorded = Vec<(String, Position)>;
/// How often each day was closed.
type Days = BTreeMap<String, usize>;

fn history(log: &dyn Log) -> anyhow::Result<(Recorded, Days)> {
    let mut follower = Follower::from_start(log, log.layout().all())?;
    let ends = ends(log, log.layout().all())?;
    let (mut found, mut days) = (Recorded::new(), Days::new());
    while !follower.reached(&ends) {
        for accepted in follower.next(Duration::from_millis(200))? {
            let commit = accepted.commit;
            for event in commit.events().iter().filter(|_| commit.position.partition.family == Family::Catalog) {
                if let Event::DayClosed(day) = event {
                    *days.entry(day.date.to_string()).or_default() += 1;
                }
            }
            // Days and what is due are the ledger's own commands.
            if !commit.command_id.is_empty() {
                found.push((commit.command_id, commit.position.to_wire()));
            }
        }
    }
    Ok((found, days))
}

/// What happens in each round: at first everything once, then anything.
fn victim(round: u64, brokers: u64, random: &mut Random) -> Victim {
    let among = if brokers == 1 { Victim::ALL.len() - 1 } else { Victim::ALL.len() };
    let n = usize::try_from(round).ok().filter(|&n| n < among).unwrap_or_else(|| random.index(among));
    Victim::ALL[n]
}

/// Something happens in each round, and commands are recorded again after it.
async fn rounds(
    count: u64,
    random: &mut Random,
    broker: &Broker,
    fleet: &mut Fleet,
    clock: &mut Part,
    load: &Load,
) -> anyhow::Result<()> {
    let began = Instant::now();
    for round in 0..count {
        tokio::time::sleep(Duration::from_millis(random.below(1_500) + 200)).await;
        let victim = victim(round, broker.count, random);
        let happened = havoc::strike(victim, random, broker, fleet, clock).await?;
        let (before, deadline) = (load.done.load(Ordering::Relaxed), Instant::now() + SETTLE_MAX);
        // Each caller may have been answered at the very moment when it was over.
        while load.done.load(Ordering::Relaxed) < before + 2 * WORKERS {
            ensure!(Instant::now() < deadline, "nothing is recorded any more after {happened}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let (done, seconds) = (load.done.load(Ordering::Relaxed), began.elapsed().as_secs());
        println!("round {} of {count}, {seconds} s, {done} commands: {happened}", round + 1);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn acknowledged_commands_survive_whatever_happens_to_processes_and_brokers() -> anyhow::Result<()> {
    if skipped() {
        return Ok(());
    }
    let count = number_from_environment("SUBLEDGER_TEST_ROUNDS", 6);
    let mut random = Random::from_environment();
    let brokers = number_from_environment("SUBLEDGER_TEST_BROKERS", 1);
    println!("{count} rounds, seed {}, {brokers} brokers", random.seed());
    let dir = tempfile::tempdir()?;
    let broker = Broker::cluster(dir.path().join("kafka"), brokers)?;
    let first_day = first_day();
    let past = ["test_clock.enabled=true".to_owned(), format!("test_clock.start={first_day}")];
    let mut fleet = Fleet::start_with(&broker, &format!("kills-{:x}", random.seed()), dir.path(), &past).await?;
    let address = fleet.gateway.address.clone().context("a gateway listens")?;
    shop::stock(&Client::connect(&address).await?, (0..CUSTOMERS).map(|n| format!("c{n}")), &first_day).await?;
    let mut clock = Part::start("clock", &["clock"], &fleet.settings, false).await?;

    let (ledger, load) = (Insisting::default(), Arc::new(Load::default()));
    ledger.at(&address);
    let topic = tokio::spawn(over_topic(RecordProducer::new(&fleet.options)?, Arc::clone(&load)));
    let callers: Vec<_> =
        (0..WORKERS).map(|worker| tokio::spawn(over_grpc(worker, ledger.clone(), Arc::clone(&load)))).collect();
    rounds(count, &mut random, &broker, &mut fleet, &mut clock, &load).await?;
    load.stop.store(true, Ordering::Relaxed);
    for caller in callers {
        tokio::time::timeout(SETTLE_MAX, caller).await.context("callers wait for ever")???;
    }
    let published = tokio::time::timeout(SETTLE_MAX, topic).await.context("the topic takes nothing")???;
    ensure!(clock.process.stop()?.success(), "the clock did not stop well:\n{}", clock.process.printed());

    // What Kafka took must come out without anybody insisting.
    let log = KafkaLog::open(fleet.options.clone())?;
    let deadline = Instant::now() + SETTLE_MAX;
    let (recorded, days) = loop {
        let (found, days) = history(&log)?;
        let ids: BTreeSet<&str> = found.iter().map(|(id, _)| id.as_str()).collect();
        let missing: Vec<_> = published.iter().filter(|id| !ids.contains(id.as_str())).collect();
        if missing.is_empty() {
            break (found, days);
        }
        ensure!(
            Instant::now() < deadline,
            "{} of {} published commands never came out: {missing:?}\n{}",
            missing.len(),
            published.len(),
            fleet.printed()
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    let all = ledger.check(recorded)?;
    println!("{all} commands in the history, {} acknowledged over gRPC", ledger.acknowledged().len());
    ensure!(!days.is_empty() && days.values().all(|&count| count == 1), "days closed, and how often: {days:?}");
    println!("{} days closed, each once", days.len());
    let topic = format!("{}.outcomes", fleet.options.topic_prefix);
    Reader::new(&broker.bootstrap, &topic)?.wait_for_ids(&published, SETTLE_MAX)?;
    fleet.check_read_models()?;
    Ok(())
}
