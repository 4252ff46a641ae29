//! Rebuilding a read model of a process that runs: commands and queries go on, and what is wrong is said.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use subledger_proto::api::{
    RebuildComparison, RebuildProjectionRequest, RebuildProjectionResponse, RebuildResult,
    rebuild_projection_response::Step,
};
use subledger_tests::{
    cli::{Ended, run},
    client::{Client, reason},
    commands::{change_quantity, purchase},
    kafka::{PROJECTORS, Part},
    process::{Process, Serve, free_port},
    shop,
};
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;

/// How long a new process may take to fold the history.
const CATCH_UP_MAX: Duration = Duration::from_secs(60);
/// Commands before anything is rebuilt: many batches of a fold.
const COMMANDS: usize = 8_000;
const CUSTOMERS: usize = 8;
/// Longest wait of a query while rows are rebuilt beside those it reads.
const ANSWER_MAX: Duration = Duration::from_secs(5);

fn trade(n: usize) -> [Value; 2] {
    let customer = format!("c{}", n % CUSTOMERS);
    let bought = purchase(&format!("b-{n}"), &customer, "contoso", "e3", 1);
    [bought, change_quantity(&format!("q-{n}"), &customer, "contoso", &format!("sub-b-{n}"), 2)]
}

async fn send(client: &Client, commands: &[Value]) -> anyhow::Result<()> {
    let outcomes = client.submit_stream(commands, 200).await?;
    let refused = outcomes.iter().find(|outcome| outcome.rejection.is_some());
    ensure!(refused.is_none() && outcomes.len() == commands.len(), "{refused:?}");
    Ok(())
}

async fn ledger(dir: &Path, commands: usize) -> anyhow::Result<(Serve, Client)> {
    let (serve, client) = shop::open(dir, (0..CUSTOMERS).map(|n| format!("c{n}"))).await?;
    let all: Vec<Value> = (0..commands / 2).flat_map(trade).collect();
    send(&client, &all).await?;
    Ok((serve, client))
}

async fn rebuild(
    client: &Client,
    name: &str,
    check_only: bool,
) -> Result<Streaming<RebuildProjectionResponse>, Status> {
    let request = RebuildProjectionRequest { name: name.to_owned(), check_only };
    Ok(client.admin.clone().rebuild_projection(request).await?.into_inner())
}

async fn result(mut steps: Streaming<RebuildProjectionResponse>) -> anyhow::Result<RebuildResult> {
    let mut done = 0;
    while let Some(answer) = steps.message().await? {
        match answer.step.context("an empty step")? {
            Step::Progress(progress) => {
                ensure!(progress.done >= done && progress.done <= progress.total, "{progress:?} after {done}");
                done = progress.done;
            }
            Step::Result(result) => {
                ensure!(steps.message().await?.is_none(), "the result is not the end");
                return Ok(result);
            }
        }
    }
    anyhow::bail!("no result")
}

/// The stores that a read model has on disk.
fn stores(dir: &Path, name: &str) -> anyhow::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(dir.join("projections").join(name))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        found.extend(Some(name).filter(|name| name.starts_with("g-")));
    }
    Ok(found)
}

fn digest(ended: &Ended) -> anyhow::Result<&str> {
    let digest = ended.out.lines().find_map(|line| line.strip_prefix("digest ")).context("a digest")?;
    ensure!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{digest}");
    Ok(digest)
}

/// Goes on until told to stop, and tells how much was done and how long the longest answer took.
async fn keep_asking(client: Client, stop: Arc<AtomicBool>) -> anyhow::Result<(usize, Duration)> {
    let (mut answers, mut longest) = (0, Duration::ZERO);
    while !stop.load(Ordering::Relaxed) {
        let asked = Instant::now();
        let seats = client.subscription("sub-b-0", None).await?.quantity;
        ensure!(seats == 2, "sub-b-0 has {seats} seats");
        let balances = client.balances("contoso", None).await?;
        ensure!(balances.iter().any(|(account, _)| account == "unbilled"), "{balances:?}");
        longest = longest.max(asked.elapsed());
        answers += 2;
    }
    Ok((answers, longest))
}

async fn keep_trading(client: Client, stop: Arc<AtomicBool>, traded: Arc<AtomicUsize>) -> anyhow::Result<()> {
    let mut n = COMMANDS / 2;
    while !stop.load(Ordering::Relaxed) {
        let batch: Vec<Value> = (n..n + 10).flat_map(trade).collect();
        send(&client, &batch).await?;
        n += 10;
        traded.fetch_add(batch.len(), Ordering::Relaxed);
        // A rebuild catches up only with what comes more slowly than a debug build folds.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_ledger_goes_on_while_its_read_models_are_rebuilt() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = ledger(dir.path(), COMMANDS).await?;
    // What is asked for meanwhile is folded before.
    let bought = client.accepted(&trade(0)[1]).await?;
    client.subscription("sub-b-0", bought.position).await?;
    let (stop, traded) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let trading = tokio::spawn(keep_trading(client.clone(), Arc::clone(&stop), Arc::clone(&traded)));
    let asking = tokio::spawn(keep_asking(Client::connect(&serve.address).await?, Arc::clone(&stop)));
    for name in PROJECTORS {
        let before = (stores(dir.path(), name)?, traded.load(Ordering::Relaxed));
        let address = serve.address.clone();
        let rebuilt = tokio::task::spawn_blocking(move || run(&["rebuild", name, "--address", &address]))
            .await??
            .expect_code(0)?;
        ensure!(rebuilt.out.contains("the rows in use are the same, byte for byte"), "{rebuilt:?}");
        ensure!(rebuilt.out.contains("the rebuilt rows are in use now"), "{rebuilt:?}");
        digest(&rebuilt)?;
        let after = (stores(dir.path(), name)?, traded.load(Ordering::Relaxed));
        ensure!(after.0.len() == 1 && after.0 != before.0, "{name}: {after:?} after {before:?}");
        ensure!(after.1 > before.1, "no command came in while {name} was rebuilt");
        println!("{name}: {}; {} commands meanwhile", rebuilt.out.lines().next().unwrap_or(""), after.1 - before.1);
    }
    stop.store(true, Ordering::Relaxed);
    trading.await??;
    let (answers, longest) = asking.await??;
    println!("{answers} answers meanwhile, the slowest after {} ms", longest.as_millis());
    ensure!(answers > 20 && longest < ANSWER_MAX, "{answers} answers, the slowest after {longest:?}");

    // What is served now is what the history says, here and in any other process.
    let compared = run(&["compare", "--address", &serve.address])?.expect_code(0)?;
    ensure!(compared.out.contains("live read models are equal to the replay"), "{compared:?}");
    let settings = [format!("data_dir={}", dir.path().join("elsewhere").display())];
    let role = ["projector", "billing", "--log", &serve.address];
    let projector = Part::start("billing", &role, &settings, true).await?;
    let elsewhere = projector.address.as_deref().context("a projector listens")?;
    let here = run(&["rebuild", "billing", "--check", "--address", &serve.address])?.expect_code(0)?;
    // The new process folds the history first; what it has folded by then is what it compares.
    let mut there = run(&["rebuild", "billing", "--check", "--address", elsewhere])?.expect_code(0)?;
    let until = Instant::now() + CATCH_UP_MAX;
    while digest(&here)? != digest(&there)? && Instant::now() < until {
        there = run(&["rebuild", "billing", "--check", "--address", elsewhere])?.expect_code(0)?;
    }
    ensure!(digest(&here)? == digest(&there)?, "{here:?}\n{there:?}");
    ensure!(!here.out.contains("in use now") && !there.out.contains("in use now"), "a check swapped: {here:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_rebuild_at_a_time_and_one_that_is_left_alone_changes_nothing() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = ledger(dir.path(), COMMANDS).await?;
    let before = stores(dir.path(), "billing")?;
    let mut first = rebuild(&client, "billing", false).await?;
    let begun = first.message().await?.and_then(|answer| answer.step).context("progress")?;
    ensure!(matches!(&begun, Step::Progress(progress) if progress.done < progress.total), "{begun:?}");
    let status = rebuild(&client, "billing", false).await.expect_err("two at a time");
    ensure!(status.code() == Code::FailedPrecondition, "{status:?}");
    ensure!(reason(&status).as_deref() == Some("REBUILD_RUNNING"), "{status:?}");
    run(&["rebuild", "billing", "--address", &serve.address])?
        .expect_code(1)?
        .expect_error(&["REBUILD_RUNNING", "billing is being rebuilt already"])?;
    // Another read model is another matter.
    let other = result(rebuild(&client, "incentive", true).await?).await?;
    ensure!(other.comparison() == RebuildComparison::Equal && !other.swapped, "{other:?}");
    let whole = result(first).await?;
    ensure!(whole.comparison() == RebuildComparison::Equal && whole.swapped, "{whole:?}");
    let swapped = stores(dir.path(), "billing")?;
    ensure!(swapped.len() == 1 && swapped != before, "{swapped:?} after {before:?}");

    // A caller that goes away, and one that is killed.
    let mut left = rebuild(&client, "billing", false).await?;
    left.message().await?.context("progress")?;
    drop(left);
    free_again(&client, dir.path(), &swapped).await.context("after a stream was dropped")?;
    let mut cli = Process::start("rebuild", &["rebuild", "billing", "--address", &serve.address], &[])?;
    let deadline = Instant::now() + Duration::from_secs(20);
    while stores(dir.path(), "billing")? == swapped {
        ensure!(Instant::now() < deadline, "the rebuild does not begin: {}", cli.printed());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    cli.kill()?;
    free_again(&client, dir.path(), &swapped).await.context("after the command was killed")
}

/// Waits until the one before is given up; what it made is gone, and what is served is as it was.
async fn free_again(client: &Client, dir: &Path, expected: &BTreeSet<String>) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match rebuild(client, "billing", true).await {
            Ok(steps) => {
                let check = result(steps).await?;
                ensure!(check.comparison() == RebuildComparison::Equal && !check.swapped, "{check:?}");
                let now = stores(dir, "billing")?;
                ensure!(now == *expected, "{now:?} is on disk, not {expected:?}");
                return Ok(());
            }
            Err(status) => {
                ensure!(reason(&status).as_deref() == Some("REBUILD_RUNNING"), "{status:?}");
                ensure!(Instant::now() < deadline, "it is never given up");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_that_is_not_there_is_refused_with_those_that_are() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = ledger(dir.path(), 0).await?;
    for name in ["sales", "", "Billing"] {
        let status = rebuild(&client, name, true).await.expect_err("there is no such read model");
        ensure!(status.code() == Code::NotFound, "{status:?}");
        let info = status.get_error_details().error_info().cloned().context("ErrorInfo")?;
        ensure!(info.reason == "PROJECTION_NOT_FOUND", "{info:?}");
        ensure!(info.metadata.get("accepted").is_some_and(|all| all == "billing, customer, incentive"), "{info:?}");
    }
    run(&["rebuild", "sales", "--address", &serve.address])?
        .expect_code(2)?
        .expect_error(&["sales", "customer, billing, incentive"])?;

    let settings = [format!("data_dir={}", dir.path().join("elsewhere").display())];
    let role = ["projector", "customer", "--log", &serve.address];
    let projector = Part::start("customer", &role, &settings, true).await?;
    let address = projector.address.as_deref().context("a projector listens")?;
    run(&["rebuild", "billing", "--address", address])?
        .expect_code(1)?
        .expect_error(&["PROJECTION_NOT_FOUND", "it has: customer"])?;
    run(&["rebuild", "customer", "--address", address])?.expect_code(0)?;

    // One place or the other, not both; and nobody there is another exit code.
    for both in [["--log", "kafka"], ["--data-dir", "/tmp"], ["--set", "listen=127.0.0.1:1"]] {
        let arguments = [&["rebuild", "billing", "--address", address][..], &both].concat();
        run(&arguments)?.expect_code(2)?.expect_error(&["--address", both[0]])?;
    }
    let nowhere = format!("http://127.0.0.1:{}", free_port()?);
    run(&["rebuild", "billing", "--address", &nowhere])?
        .expect_code(3)?
        .expect_error(&[&nowhere, "cannot be reached"])?;
    Ok(())
}
