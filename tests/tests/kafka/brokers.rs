//! A ledger on three brokers: the one that leads dies, twice, and nothing that was acknowledged is missing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use subledger_tests::{
    cli::run,
    client::Client,
    commands::{agreement, change_quantity, customer, offer, partner, price, purchase},
    insist::Insisting,
    kafka::{Broker, Fleet, skipped},
    topic,
};

const BROKERS: u64 = 3;
const CUSTOMERS: usize = 8;
/// How long the death of a broker may be felt.
const FAILOVER_MAX: Duration = Duration::from_secs(120);
/// Commands that must be acknowledged while a broker is away.
const AWAY_COMMANDS: u64 = 100;

/// What the callers have done so far.
#[derive(Default)]
struct Progress {
    done: AtomicU64,
    stop: AtomicBool,
}

/// A caller that buys and changes until told to stop; how long its slowest command took.
async fn trade(worker: usize, ledger: Insisting, progress: Arc<Progress>) -> anyhow::Result<Duration> {
    let (mut client, mut slowest) = (None, Duration::ZERO);
    let customer = format!("c{worker}");
    for n in 0.. {
        if progress.stop.load(Ordering::Relaxed) {
            break;
        }
        let bought = format!("b{worker}-{n}");
        let change = change_quantity(&format!("q{worker}-{n}"), &customer, "contoso", &format!("sub-{bought}"), 7);
        for command in [purchase(&bought, &customer, "contoso", "e3", 5), change] {
            let sent = Instant::now();
            ledger.send(&mut client, &command).await?;
            slowest = slowest.max(sent.elapsed());
            progress.done.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(slowest)
}

async fn wait_for(progress: &Progress, count: u64) -> anyhow::Result<()> {
    let deadline = Instant::now() + FAILOVER_MAX;
    while progress.done.load(Ordering::Relaxed) < count {
        let done = progress.done.load(Ordering::Relaxed);
        ensure!(Instant::now() < deadline, "only {done} of {count} commands were acknowledged");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn acknowledged_commands_survive_the_death_of_the_broker_that_leads() -> anyhow::Result<()> {
    if skipped() {
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    let broker = Broker::cluster(dir.path().join("kafka"), BROKERS)?;
    let prefix = "brokers";
    let mut fleet = Fleet::start(&broker, prefix, dir.path()).await?;
    let settings: Vec<&str> = fleet.settings.iter().flat_map(|setting| ["--set", setting.as_str()]).collect();
    // Three replicas of everything; that two of them must have a record is among what is checked.
    topic::wait_in_sync(&broker.bootstrap, prefix, BROKERS, FAILOVER_MAX)?;
    run(&[&["kafka", "check"], &settings[..]].concat())?.expect_code(0)?;
    let address = fleet.gateway.address.clone().context("a gateway listens")?;
    let gateway = Client::connect(&address).await?;
    for command in [partner("contoso"), offer("e3"), price("e3", "4.00")] {
        gateway.accepted(&command).await?;
    }
    for n in 0..CUSTOMERS {
        gateway.accepted(&customer(&format!("c{n}"), "contoso")).await?;
        gateway.accepted(&agreement(&format!("c{n}"), "2018-01-13")).await?;
    }

    let (ledger, progress) = (Insisting::default(), Arc::new(Progress::default()));
    ledger.at(&address);
    let callers: Vec<_> =
        (0..CUSTOMERS).map(|worker| tokio::spawn(trade(worker, ledger.clone(), Arc::clone(&progress)))).collect();
    for partition in 0..2 {
        wait_for(&progress, progress.done.load(Ordering::Relaxed) + AWAY_COMMANDS).await?;
        let customers = format!("{prefix}.customers");
        let leader = topic::leaders(&broker.bootstrap, &customers)?[partition];
        let before = progress.done.load(Ordering::Relaxed);
        let killed = Instant::now();
        broker.kill_one(u64::try_from(leader)?)?;
        // With the broker away: two of three replicas are enough.
        wait_for(&progress, before + AWAY_COMMANDS)
            .await
            .with_context(|| format!("with a broker away:\n{}", fleet.printed()))?;
        let new_leader = topic::leaders(&broker.bootstrap, &customers)?[partition];
        println!(
            "broker {leader} led customers/{partition} and was killed after {before} commands; {AWAY_COMMANDS} more were acknowledged \
             within {:.1} s, broker {new_leader} leads",
            killed.elapsed().as_secs_f64()
        );
        ensure!(new_leader != leader, "customers/{partition} is still led by broker {leader}, which is dead");
        broker.restart_one(u64::try_from(leader)?)?;
        // The next one dies when the first has everything again: what only it and the dead one had would be away.
        topic::wait_in_sync(&broker.bootstrap, prefix, BROKERS, FAILOVER_MAX)?;
    }
    wait_for(&progress, progress.done.load(Ordering::Relaxed) + AWAY_COMMANDS).await?;
    progress.stop.store(true, Ordering::Relaxed);
    let mut slowest = Duration::ZERO;
    for caller in callers {
        slowest = slowest.max(tokio::time::timeout(FAILOVER_MAX, caller).await.context("a caller waits for ever")???);
    }
    let history = Client::connect(&address).await?.history().await?.into_iter().filter_map(|record| {
        let id = record.commit.as_ref()?.command_id.clone();
        Some((id, record.position?)).filter(|(id, _)| !id.is_empty())
    });
    let recorded = ledger.check(history)?;
    let acknowledged = ledger.acknowledged().len();
    ensure!(u64::try_from(acknowledged)? == progress.done.load(Ordering::Relaxed), "{acknowledged} are known");
    println!(
        "{acknowledged} commands acknowledged, all in the history of {recorded}; the slowest took {:.1} s",
        slowest.as_secs_f64()
    );
    ensure!(slowest < FAILOVER_MAX, "{slowest:?}");
    fleet.check_read_models()
}
