//! The generated month of usage on a real broker, with writers, projectors and a gateway in processes of their own.

use anyhow::Context as _;
use subledger_tests::{
    client::Client,
    kafka::{Broker, Fleet, skipped},
    random::Random,
    usage_month::{Story, dispute_and_check, play_and_check},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_month_is_what_a_naive_program_says_on_kafka() -> anyhow::Result<()> {
    if skipped() {
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    let broker = Broker::start(dir.path().join("kafka"))?;
    let mut fleet = Fleet::start_on_test_clock(&broker, "usage-month", dir.path(), "2019-10-01").await?;
    let address = fleet.gateway.address.clone().context("an address")?;
    let client = Client::connect(&address).await?;
    let random = Random::from_environment();
    eprintln!("SUBLEDGER_TEST_SEED={}", random.seed());
    let mut story = Story::new(random, 6, 3);
    play_and_check(&client, &address, &mut story).await?;
    // Through the gateway to the writer, and from its log to the projectors.
    dispute_and_check(&client, &address, &story).await?;
    // The rows behind the answers are those of a rebuild, byte for byte.
    fleet.check_read_models()
}
