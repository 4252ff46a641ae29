//! A ledger on a real broker, every role a process of its own: commands come through the topic and through gRPC at once while a
//! writer, a projector and the broker are killed. The checker knows only what was acknowledged. What was published has an outcome.
//!
//! `SUBLEDGER_TEST_COMMANDS` and `SUBLEDGER_TEST_SEED` ask for more, or for the same again; `SUBLEDGER_TEST_BROKERS=3` for three brokers,
//! of which one at a time is killed and comes back later.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use subledger_log::{
    Follower, Log,
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
    commands::{agreement, change_quantity, customer, offer, partner, price, purchase},
    insist::Insisting,
    kafka::{Broker, Fleet, skipped},
    random::{Random, number_from_environment},
    topic::{self, Reader},
};

const CUSTOMERS: u64 = 16;
const WORKERS: u64 = 8;
/// How long everything may take after the last kill.
const SETTLE_MAX: Duration = Duration::from_secs(180);

async fn prepare(client: &Client) -> anyhow::Result<()> {
    for command in [partner("contoso"), offer("e3"), price("e3", "4.00")] {
        client.accepted(&command).await?;
    }
    for n in 0..CUSTOMERS {
        client.accepted(&customer(&format!("c{n}"), "contoso")).await?;
        client.accepted(&agreement(&format!("c{n}"), "2018-01-13")).await?;
    }
    Ok(())
}

/// Half of the commands, by callers that insist.
async fn over_grpc(worker: u64, count: u64, ledger: Insisting, done: Arc<AtomicU64>) -> anyhow::Result<()> {
    let mut client = None;
    for n in 0..count / WORKERS / 2 {
        let customer = format!("c{}", (worker + n) % CUSTOMERS);
        let bought = format!("g{worker}-{n}");
        ledger.send(&mut client, &purchase(&bought, &customer, "contoso", "e3", 5)).await?;
        let change = change_quantity(&format!("h{worker}-{n}"), &customer, "contoso", &format!("sub-{bought}"), 7);
        ledger.send(&mut client, &change).await?;
        done.fetch_add(2, Ordering::Relaxed);
    }
    Ok(())
}

/// The other half, published as an upstream system does: JSON with CloudEvents headers. Returns the ids that Kafka has.
async fn over_topic(count: u64, producer: RecordProducer, done: Arc<AtomicU64>) -> anyhow::Result<BTreeSet<String>> {
    let mut published = BTreeSet::new();
    for n in 0..count {
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
        done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(published)
}

fn history(log: &dyn Log) -> anyhow::Result<Vec<(String, Position)>> {
    let mut follower = Follower::from_start(log, log.layout().all())?;
    let ends = ends(log, log.layout().all())?;
    let mut found = Vec::new();
    while !follower.reached(&ends) {
        for accepted in follower.next(Duration::from_millis(200))? {
            if !accepted.commit.command_id.is_empty() {
                found.push((accepted.commit.command_id, accepted.commit.position.to_wire()));
            }
        }
    }
    Ok(found)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn acknowledged_commands_survive_the_kills_of_writers_projectors_and_broker() -> anyhow::Result<()> {
    if skipped() {
        return Ok(());
    }
    let count = number_from_environment("SUBLEDGER_TEST_COMMANDS", 3_000);
    let mut random = Random::from_environment();
    let brokers = number_from_environment("SUBLEDGER_TEST_BROKERS", 1);
    println!("{count} commands, seed {}, {brokers} brokers", random.seed());
    let dir = tempfile::tempdir()?;
    let broker = Broker::cluster(dir.path().join("kafka"), brokers)?;
    let mut fleet = Fleet::start(&broker, &format!("kills-{:x}", random.seed()), dir.path()).await?;
    let address = fleet.gateway.address.clone().context("a gateway listens")?;
    prepare(&Client::connect(&address).await?).await?;

    let (ledger, done) = (Insisting::default(), Arc::new(AtomicU64::new(0)));
    ledger.at(&address);
    let started = Instant::now();
    let topic = tokio::spawn(over_topic(count / 2, RecordProducer::new(&fleet.options)?, Arc::clone(&done)));
    let callers: Vec<_> = (0..WORKERS)
        .map(|worker| tokio::spawn(over_grpc(worker, count / 2, ledger.clone(), Arc::clone(&done))))
        .collect();
    for round in 0..3 {
        tokio::time::sleep(Duration::from_millis(random.below(2_000) + 500)).await;
        println!("{} of {count} done; kill of round {round}", done.load(Ordering::Relaxed));
        let writer = random.index(fleet.writers.len());
        fleet.writers[writer].kill_and_restart().await?;
        tokio::time::sleep(Duration::from_millis(random.below(1_000))).await;
        let projector = random.index(fleet.projectors.len());
        fleet.projectors[projector].kill_and_restart().await?;
        if brokers > 1 {
            let one = random.below(brokers) + 1;
            broker.kill_one(one)?;
            tokio::time::sleep(Duration::from_millis(random.below(4_000) + 1_000)).await;
            println!("{} done while broker {one} was away", done.load(Ordering::Relaxed));
            broker.restart_one(one)?;
            // Two at once would be one too many: the next one dies when everything is in sync again.
            topic::wait_in_sync(&broker.bootstrap, &fleet.options.topic_prefix, brokers, SETTLE_MAX)?;
        } else if round == 1 {
            broker.kill_and_restart()?;
        }
    }
    for caller in callers {
        tokio::time::timeout(SETTLE_MAX, caller).await.context("callers wait for ever")???;
    }
    let published = tokio::time::timeout(SETTLE_MAX, topic).await.context("the topic takes nothing")???;
    println!("all sent after {:.1} s", started.elapsed().as_secs_f64());

    // What Kafka took must come out without anybody insisting.
    let log = KafkaLog::open(fleet.options.clone())?;
    let deadline = Instant::now() + SETTLE_MAX;
    let recorded = loop {
        let found = history(&log)?;
        let ids: BTreeSet<&str> = found.iter().map(|(id, _)| id.as_str()).collect();
        let missing = published.iter().filter(|id| !ids.contains(id.as_str())).count();
        if missing == 0 {
            break found;
        }
        ensure!(Instant::now() < deadline, "{missing} of {} published commands never came out", published.len());
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    let all = ledger.check(recorded)?;
    println!("{all} commands in the history, {} acknowledged over gRPC", ledger.acknowledged().len());
    let topic = format!("{}.outcomes", fleet.options.topic_prefix);
    Reader::new(&broker.bootstrap, &topic)?.wait_for_ids(&published, SETTLE_MAX)?;
    fleet.check_read_models()?;
    Ok(())
}
