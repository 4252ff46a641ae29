//! SIGKILL at random moments under load, on one process with everything in it. The checker knows only what was acknowledged.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use subledger_proto::common::Position;
use subledger_tests::{
    client::Client,
    commands::{agreement, change_quantity, customer, offer, partner, price, purchase},
    process::{Serve, run_cli},
    random::Random,
};

const TEST_CLOCK: &[&str] = &["--set", "test_clock.enabled=true", "--set", "test_clock.start=2018-01-13"];
const CUSTOMERS: u32 = 8;
const WORKERS: u32 = 4;

/// Kills in one run: `SUBLEDGER_TEST_KILLS` asks for more.
fn kills() -> u32 {
    std::env::var("SUBLEDGER_TEST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(4)
}

type Acknowledged = Arc<Mutex<HashMap<String, Position>>>;

/// Sends a command until it is acknowledged, whatever happens to the ledger meanwhile.
async fn insist(address: &Mutex<String>, value: &Value, acknowledged: &Acknowledged) {
    let id = value["command_id"].as_str().unwrap_or_default().to_owned();
    loop {
        let address = address.lock().map(|address| address.clone()).unwrap_or_default();
        if let Ok(client) = Client::connect(&address).await {
            match client.submit(value).await {
                Ok(outcome) => {
                    let position = outcome.position.expect("an acknowledged command has a position");
                    let before = acknowledged.lock().expect("no panic").insert(id, position);
                    assert!(before.is_none_or(|before| before == position));
                    return;
                }
                Err(status) => assert!(
                    matches!(
                        status.code(),
                        tonic::Code::Unavailable
                            | tonic::Code::Unknown
                            | tonic::Code::Cancelled
                            | tonic::Code::DeadlineExceeded
                            | tonic::Code::ResourceExhausted
                            | tonic::Code::Internal
                    ),
                    "{value}: {status:?}"
                ),
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn work(worker: u32, address: Arc<Mutex<String>>, stop: Arc<AtomicBool>, acknowledged: Acknowledged) {
    let mut round = 0;
    while !stop.load(Ordering::Relaxed) {
        let customer = format!("c{}", (worker + round * WORKERS) % CUSTOMERS);
        let bought = format!("w{worker}-{round}");
        insist(&address, &purchase(&bought, &customer, "contoso", "e3", 5), &acknowledged).await;
        let change = change_quantity(&format!("q{worker}-{round}"), &customer, "contoso", &format!("sub-{bought}"), 7);
        insist(&address, &change, &acknowledged).await;
        round += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_commands_survive_every_kill_exactly_once() -> anyhow::Result<()> {
    let mut random = Random::from_environment();
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
    let address = Arc::new(Mutex::new(serve.address.clone()));
    let stop = Arc::new(AtomicBool::new(false));
    let acknowledged = Acknowledged::default();
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| tokio::spawn(work(worker, Arc::clone(&address), Arc::clone(&stop), Arc::clone(&acknowledged))))
        .collect();
    for _ in 0..kills() {
        tokio::time::sleep(Duration::from_millis(random.below(900) + 100)).await;
        serve.process.kill()?;
        serve = serve.restart().await?;
        address.lock().expect("no panic").clone_from(&serve.address);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.await?;
    }

    let client = Client::connect(&serve.address).await?;
    let acknowledged = acknowledged.lock().expect("no panic").clone();
    let mut recorded: BTreeMap<String, Vec<Position>> = BTreeMap::new();
    for record in client.history().await? {
        let (Some(commit), Some(position)) = (record.commit, record.position) else {
            panic!("a record without content")
        };
        if !commit.command_id.is_empty() {
            recorded.entry(commit.command_id).or_default().push(position);
        }
    }
    for (id, positions) in &recorded {
        assert_eq!(positions.len(), 1, "{id} is recorded at {positions:?}");
    }
    for (id, position) in &acknowledged {
        assert_eq!(recorded.get(id), Some(&vec![*position]), "{id}");
    }
    println!("{} commands acknowledged over {} kills, seed {}", acknowledged.len(), kills(), random.seed());
    assert!(!acknowledged.is_empty());
    run_cli(&["compare", "--address", &serve.address])?;
    Ok(())
}
