//! SIGKILL at random moments under load, on one process with everything in it. The checker knows only what was acknowledged.
//!
//! `SUBLEDGER_TEST_KILLS` and `SUBLEDGER_TEST_SEED` ask for more, or for the same again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use subledger_tests::{
    client::Client,
    commands::{agreement, change_quantity, customer, offer, partner, price, purchase},
    insist::Insisting,
    process::{Serve, run_cli},
    random::{Random, number_from_environment},
};

const TEST_CLOCK: &[&str] = &["--set", "test_clock.enabled=true", "--set", "test_clock.start=2018-01-13"];
const CUSTOMERS: u32 = 8;
const WORKERS: u32 = 4;

async fn work(worker: u32, ledger: Insisting, stop: Arc<AtomicBool>) -> anyhow::Result<()> {
    let (mut round, mut client) = (0, None);
    while !stop.load(Ordering::Relaxed) {
        let customer = format!("c{}", (worker + round * WORKERS) % CUSTOMERS);
        let bought = format!("w{worker}-{round}");
        ledger.send(&mut client, &purchase(&bought, &customer, "contoso", "e3", 5)).await?;
        let change = change_quantity(&format!("q{worker}-{round}"), &customer, "contoso", &format!("sub-{bought}"), 7);
        ledger.send(&mut client, &change).await?;
        round += 1;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_commands_survive_every_kill_exactly_once() -> anyhow::Result<()> {
    let mut random = Random::from_environment();
    let kills = number_from_environment("SUBLEDGER_TEST_KILLS", 4);
    let dir = tempfile::tempdir()?;
    let mut serve = Serve::start(dir.path(), TEST_CLOCK).await?;
    let client = Client::connect(&serve.address).await?;
    for command in [partner("contoso"), offer("e3"), price("e3", "4.00")] {
        client.accepted(&command).await?;
    }
    for n in 0..CUSTOMERS {
        client.accepted(&customer(&format!("c{n}"), "contoso")).await?;
        client.accepted(&agreement(&format!("c{n}"), "2018-01-13")).await?;
    }
    let (ledger, stop) = (Insisting::default(), Arc::new(AtomicBool::new(false)));
    ledger.at(&serve.address);
    let workers: Vec<_> =
        (0..WORKERS).map(|worker| tokio::spawn(work(worker, ledger.clone(), Arc::clone(&stop)))).collect();
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(random.below(900) + 100)).await;
        serve.process.kill()?;
        serve = serve.restart().await?;
        ledger.at(&serve.address);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.await??;
    }

    let history = Client::connect(&serve.address).await?.history().await?;
    let ids = history.into_iter().filter_map(|record| Some((record.commit?.command_id, record.position?)));
    ledger.check(ids.filter(|(id, _)| !id.is_empty()))?;
    let acknowledged = ledger.acknowledged().len();
    println!("{acknowledged} commands acknowledged over {kills} kills, seed {}", random.seed());
    assert!(acknowledged > 0);
    run_cli(&["compare", "--address", &serve.address])?;
    serve.process.stop()?;
    let data_dir = dir.path().to_string_lossy();
    for name in ["billing", "customer", "incentive"] {
        let printed = run_cli(&["rebuild", name, "--check", "--data-dir", &data_dir])?;
        assert!(printed.contains("byte for byte"), "{printed}");
    }
    Ok(())
}
