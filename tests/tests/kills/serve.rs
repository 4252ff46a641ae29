//! SIGKILL at random moments under load, on one process with everything in it, and power cuts: the disk then has only what was synced.
//! The checker knows only what was acknowledged.
//!
//! `SUBLEDGER_TEST_KILLS` and `SUBLEDGER_TEST_SEED` ask for more, or for the same again.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, ensure};
use subledger_tests::{
    cli::run,
    client::Client,
    commands::{change_quantity, customer, purchase},
    disk::Disk,
    insist::Insisting,
    process::{Process, Serve, run_cli},
    random::{Random, number_from_environment},
    shop,
};

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

/// A ledger that clients work with.
struct Worked {
    data_dir: PathBuf,
    serve: Serve,
    ledger: Insisting,
    stop: Arc<AtomicBool>,
    workers: Vec<tokio::task::JoinHandle<anyhow::Result<()>>>,
}

impl Worked {
    async fn start(data_dir: &Path) -> anyhow::Result<Self> {
        let (serve, _) = shop::open(data_dir, (0..CUSTOMERS).map(|n| format!("c{n}"))).await?;
        let (ledger, stop) = (Insisting::default(), Arc::new(AtomicBool::new(false)));
        ledger.at(&serve.address);
        let begin = |worker| tokio::spawn(work(worker, ledger.clone(), Arc::clone(&stop)));
        let workers = (0..WORKERS).map(begin).collect();
        Ok(Self { data_dir: data_dir.to_owned(), serve, ledger, stop, workers })
    }

    async fn restart(self) -> anyhow::Result<Self> {
        let serve = self.serve.restart().await?;
        self.ledger.at(&serve.address);
        Ok(Self { serve, ..self })
    }

    /// Lets the clients come to an end and checks what they were told.
    async fn check(mut self, what: &str) -> anyhow::Result<()> {
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.stop.store(true, Ordering::Relaxed);
        for worker in self.workers {
            worker.await??;
        }
        let history = Client::connect(&self.serve.address).await?.history().await?;
        let ids = history.into_iter().filter_map(|record| Some((record.commit?.command_id, record.position?)));
        self.ledger.check(ids.filter(|(id, _)| !id.is_empty()))?;
        let acknowledged = self.ledger.acknowledged().len();
        println!("{acknowledged} commands acknowledged over {what}");
        ensure!(acknowledged > 0);
        run_cli(&["compare", "--address", &self.serve.address])?;
        self.serve.process.stop()?;
        let data_dir = self.data_dir.to_string_lossy();
        for name in ["billing", "customer", "incentive"] {
            let printed = run_cli(&["rebuild", name, "--check", "--data-dir", &data_dir])?;
            ensure!(printed.contains("byte for byte"), "{printed}");
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_commands_survive_every_kill_exactly_once() -> anyhow::Result<()> {
    let mut random = Random::from_environment();
    let kills = number_from_environment("SUBLEDGER_TEST_KILLS", 4);
    let dir = tempfile::tempdir()?;
    let mut worked = Worked::start(dir.path()).await?;
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(random.below(900) + 100)).await;
        worked.serve.process.kill()?;
        worked = worked.restart().await?;
    }
    worked.check(&format!("{kills} kills, seed {}", random.seed())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_commands_survive_power_cuts() -> anyhow::Result<()> {
    let mut random = Random::from_environment();
    let cuts = number_from_environment("SUBLEDGER_TEST_KILLS", 4);
    let Some(mut disk) = Disk::new(512)? else { return Ok(()) };
    // Two directories that are not there: their names must last, too.
    let data_dir = disk.path().join("data/ledger");
    let mut worked = Worked::start(&data_dir).await?;
    let key = key(&worked.serve)?;
    for _ in 0..cuts {
        tokio::time::sleep(Duration::from_millis(random.below(900) + 100)).await;
        worked.serve.process.kill()?;
        if random.below(3) == 0 {
            // The power also fails while it recovers from a kill.
            let place = data_dir.to_str().context("a path that is text")?;
            let serve = ["serve", "--data-dir", place, "--listen", "127.0.0.1:0", "--metrics-listen", "none"];
            let mut recovering = Process::start("serve", &serve, &[])?;
            tokio::time::sleep(Duration::from_millis(random.below(300))).await;
            recovering.kill()?;
        }
        disk.cut_power()?;
        worked = worked.restart().await?;
        ensure!(self::key(&worked.serve)? == key, "the key that signs became another");
    }
    worked.check(&format!("{cuts} power cuts, seed {}", random.seed())).await
}

/// A disk that fails is read-only from one moment to the next: commands are refused, what is there is read.
#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_commands_survive_a_disk_that_fails() -> anyhow::Result<()> {
    let Some(disk) = Disk::new(512)? else { return Ok(()) };
    let data_dir = disk.path().join("ledger");
    let mut worked = Worked::start(&data_dir).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    if !disk.fail()? {
        return Ok(());
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let client = Client::connect(&worked.serve.address).await?;
    let refused = client.submit(&customer("late", "contoso")).await.err().context("a disk that cannot be written")?;
    ensure!(refused.message().contains("Read-only file system"), "{refused:?}");
    let found = client.subscription("sub-w0-0", None).await?;
    ensure!(found.quantity == 7, "{found:?}");
    worked.serve.process.stop()?;
    disk.repair()?;
    worked = worked.restart().await?;
    worked.check("a disk that failed").await
}

fn key(serve: &Serve) -> anyhow::Result<String> {
    Ok(run(&["keys", "list", "--address", &serve.address])?.expect_code(0)?.out)
}
