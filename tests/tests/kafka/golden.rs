//! The golden cases on a real broker: gateway, writers and projectors are processes of their own, and the lines are those of a ledger in
//! one process.

use anyhow::Context as _;
use subledger_tests::{
    cli::run_within,
    kafka::{Broker, Fleet, skipped},
};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden");
/// Some 900 days are closed one by one.
const RUN_MAX: std::time::Duration = std::time::Duration::from_secs(400);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_golden_cases_give_the_same_lines_on_kafka() -> anyhow::Result<()> {
    if skipped() {
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    let broker = Broker::start(dir.path().join("kafka"))?;
    let fleet = Fleet::start_on_test_clock(&broker, "golden", dir.path(), "2016-12-20").await?;
    let address = fleet.gateway.address.clone().context("a gateway listens")?;
    for form in [&["--check"][..], &["-o", "json"]] {
        let alone = run_within(RUN_MAX, &[&["simulate", GOLDEN], form].concat())?.expect_code(0)?.out;
        // What was told once is told eight years later, in the same ledger.
        let years = if form == ["--check"] { "0" } else { "8" };
        let arguments = [&["simulate", GOLDEN, "--address", &address, "--shift-years", years], form].concat();
        let on_kafka = run_within(RUN_MAX, &arguments).with_context(|| fleet.printed())?;
        assert_eq!(on_kafka.expect_code(0)?.out, alone);
    }
    Ok(())
}
