//! An audit of a ledger on Kafka: through a gateway that has the key, and from the brokers themselves.

use std::path::Path;

use anyhow::{Context as _, ensure};
use subledger_proto::api::{GetCheckpointRequest, ListKeysRequest};
use subledger_tests::{
    cli::run,
    client::{Client, reason},
    commands::{agreement, change_quantity, customer, offer, partner, price, purchase},
    folder::Exported,
    kafka::{Broker, Fleet, Part, skipped},
};

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path that is text")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_on_kafka_is_exported_and_verified() -> anyhow::Result<()> {
    if skipped() {
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    let broker = Broker::start(dir.path().join("kafka"))?;
    let fleet = Fleet::start(&broker, "audit", dir.path()).await?;
    let client = Client::connect(fleet.gateway.address.as_deref().context("an address")?).await?;
    for command in [partner("contoso"), offer("e3"), price("e3", "4.00")] {
        client.accepted(&command).await?;
    }
    for id in ["fabrikam", "northwind", "tailspin"] {
        client.accepted(&customer(id, "contoso")).await?;
        client.accepted(&agreement(id, "2018-01-13")).await?;
        client.accepted(&purchase(&format!("p-{id}"), id, "contoso", "e3", 10)).await?;
        client.accepted(&change_quantity(&format!("q-{id}"), id, "contoso", &format!("sub-p-{id}"), 25)).await?;
    }
    // A gateway without the key gives no proofs; one is told which it is.
    let status = client.audit.clone().get_checkpoint(GetCheckpointRequest { family: 1, ..Default::default() }).await;
    ensure!(status.err().and_then(|status| reason(&status)).as_deref() == Some("NO_PROOFS"));
    let key_file = dir.path().join("keys/signing.key");
    let mut settings = fleet.settings.clone();
    settings.push(format!("signing_key_file={}", text(&key_file)?));
    let data_dir = format!("data_dir={}", text(&dir.path().join("auditor"))?);
    let gateway = Part::start("auditor", &["gateway"], &[&settings[..], &[data_dir]].concat(), true).await?;
    let address = gateway.address.clone().context("an address")?;
    let mut audit = Client::connect(&address).await?.audit;
    let key = audit.list_keys(ListKeysRequest {}).await?.into_inner().keys.remove(0).text;

    let (through, direct) = (Exported(dir.path().join("through")), Exported(dir.path().join("direct")));
    run(&["export", "--address", &address, "--out", through.text()?])?.expect_code(0)?;
    let mut arguments = vec!["export", "--from", "kafka", "--out", direct.text()?];
    arguments.extend(settings.iter().flat_map(|setting| ["--set", setting.as_str()]));
    run(&arguments)?.expect_code(0)?;
    for folder in [&through, &direct] {
        let good = run(&["verify", folder.text()?, "--key", &key])?.expect_code(0)?;
        ensure!(good.out.contains("all come out as recorded"), "{}", good.out);
    }
    let good = run(&["verify", direct.text()?, "--key", &key, "--against", through.text()?])?.expect_code(0)?;
    ensure!(good.out.contains("checkpoints, all fit"), "{}", good.out);
    for n in 0..4 {
        let partition = format!("customers/{n}");
        // The second is made later: a writer may have taken over meanwhile.
        ensure!(direct.records(&partition)?.starts_with(&through.records(&partition)?), "{partition}");
    }
    let sets: Vec<_> = fleet.settings.iter().flat_map(|setting| ["--set", setting.as_str()]).collect();
    let without = run(&[&["export", "--from", "kafka", "--out", text(&dir.path().join("none"))?], &sets[..]].concat())?;
    ensure!(without.expect_code(2)?.err.contains("signing_key_file is not set"));
    Ok(())
}
