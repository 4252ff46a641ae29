//! Looks back at a ledger on Kafka are replays too.

use anyhow::{Context as _, ensure};
use subledger_tests::{
    client::Client,
    kafka::{Broker, Fleet, skipped},
    look_back::{check, play},
    random::Random,
};

#[tokio::test(flavor = "multi_thread")]
async fn random_looks_back_are_replays_on_kafka() -> anyhow::Result<()> {
    if skipped() {
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    let broker = Broker::start(dir.path().join("kafka"))?;
    let mut fleet = Fleet::start(&broker, "look-back", dir.path()).await?;
    let client = Client::connect(fleet.gateway.address.as_deref().context("an address")?).await?;
    let mut random = Random::from_environment();
    play(&client, &mut random, 40).await?;
    ensure!(check(&client, &mut random, 40).await? > 100);
    // The rows behind the answers are those of a rebuild, byte for byte.
    fleet.check_read_models()
}
