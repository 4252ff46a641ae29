//! The golden cases in one ledger that runs already, side by side, through gRPC: the same lines as each of them alone.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use subledger_tests::{
    cli::{Ended, run, run_within},
    process::Serve,
};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden");
/// Some 900 days are closed, one by one, whichever way the cases run.
const RUN_MAX: Duration = Duration::from_secs(400);
/// Before any case begins.
const START: &str = "test_clock.start=2016-12-20";

fn golden(more: &[&str]) -> anyhow::Result<Ended> {
    run_within(RUN_MAX, &[&["simulate", GOLDEN], more].concat())
}

/// A ledger that answers two items at a time, so that nearly every invoice has lines on a second page.
async fn ledger(dir: &Path) -> anyhow::Result<Serve> {
    let settings = ["--set", "test_clock.enabled=true", "--set", START, "--set", "limits.page_items=2"];
    Serve::start(&dir.join("ledger"), &settings).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_ledger_gives_the_lines_of_the_cases_again_and_again() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let serve = ledger(dir.path()).await?;
    let address = serve.address.as_str();
    let alone = golden(&["-o", "json"])?.expect_code(0)?.out;
    let cases: Vec<Value> = serde_json::from_str(&alone)?;
    let lines = cases.iter().filter_map(|case| case["invoices"].as_array()).flatten();
    let most = lines.filter_map(|invoice| invoice["lines"].as_array()).map(Vec::len).max();
    ensure!(cases.len() == 19 && most > Some(2), "{} cases, at most {most:?} lines", cases.len());

    let together = golden(&["-o", "json", "--address", address])?.expect_code(0)?.out;
    assert_eq!(together, alone);

    // The clock has passed their days.
    let late = golden(&["--check", "--address", address])?;
    late.expect_code(2)?.expect_error(&["which only goes forward", "begins on 2017-", "--shift-years 4"])?;
    let again = golden(&["--check", "--address", address, "--shift-years", "4"])?.expect_code(0)?.out;
    assert_eq!(again, golden(&["--check"])?.expect_code(0)?.out);
    assert_eq!(again.lines().filter(|line| line.starts_with("ok  ")).count(), 19, "{again}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_on_the_wall_clock_and_an_odd_shift_are_refused() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let serve = Serve::start(&dir.path().join("ledger"), &[]).await?;
    let refused = golden(&["--check", "--address", &serve.address])?.expect_code(2)?;
    refused.expect_error(&["--address", "follows the wall clock", "test_clock.enabled = true"])?;
    let odd = golden(&["--check", "--address", &serve.address, "--shift-years", "3"])?.expect_code(2)?;
    odd.expect_error(&["--shift-years", "multiples of 4"])?;
    golden(&["--check", "--shift-years", "4"])?.expect_code(2)?.expect_error(&["--address"])?;
    Ok(())
}

/// A difference that is put into a case is found on a running ledger too.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_expectation_is_told_line_by_line() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let serve = ledger(dir.path()).await?;
    let case = std::fs::read_to_string(Path::new(GOLDEN).join("license-monthly-change-quantity.json"))?;
    let mut case: Value = serde_json::from_str(&case)?;
    let amount = case.pointer_mut("/invoices/1/lines/1/amount").context("a second line")?;
    *amount = "7.77".into();
    let path = dir.path().join("wrong.json");
    std::fs::write(&path, case.to_string())?;
    let path = path.to_str().context("a path that is text")?;
    let ended = run(&["simulate", path, "--check", "--address", &serve.address])?.expect_code(1)?;
    ensure!(ended.out.contains("line 2: amount: expected 7.77, printed "), "{ended:?}");
    Ok(())
}
