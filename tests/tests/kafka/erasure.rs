//! A customer of a ledger on Kafka is erased: in every process, none of which is told.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use subledger_proto::{
    api::{EraseCustomerRequest, GetCustomerRequest, GetStatusRequest},
    common::Position,
};
use subledger_tests::{
    client::Client,
    commands::{offer, partner, price, purchase},
    erasure::{NAMES, found, named, names_in, shown},
    kafka::{Broker, Fleet, Part, skipped},
};

/// How long the processes may take to fold everything again.
const FORGOTTEN_MAX: Duration = Duration::from_secs(60);

async fn forgotten(part: &Part, erased: &Position) -> anyhow::Result<()> {
    let client = Client::connect(part.address.as_deref().context("an address")?).await?;
    let deadline = Instant::now() + FORGOTTEN_MAX;
    loop {
        let status = client.admin.clone().get_status(GetStatusRequest {}).await?.into_inner();
        let done = status.projectors.iter().all(|known| {
            let at = known.reflects.iter().find(|at| (at.family, at.partition) == (erased.family, erased.partition));
            !known.forgetting && at.is_some_and(|at| at.seq >= erased.seq)
        });
        if done {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{status:?}\n{}", part.process.printed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_erased_in_every_process() -> anyhow::Result<()> {
    if skipped() {
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    let broker = Broker::start(dir.path().join("kafka"))?;
    let mut fleet = Fleet::start(&broker, "erasure", dir.path()).await?;
    let client = Client::connect(fleet.gateway.address.as_deref().context("an address")?).await?;
    for command in [partner("contoso"), offer("e3"), price("e3", "4.00")].iter().chain(&named()) {
        client.accepted(command).await?;
    }
    let bought = client.accepted(&purchase("p-1", "c-1", "contoso", "e3", 10)).await?;
    let balances = client.balances("contoso", bought.position).await?;
    // The projector of customers may be behind the one of billing.
    let min_position = bought.position.into_iter().collect();
    let known = GetCustomerRequest { customer_id: "c-1".into(), min_position, ..Default::default() };
    client.customers.clone().get_customer(known).await?;
    ensure!(names_in(&shown(&client).await?).len() == NAMES.len());

    let request = EraseCustomerRequest { customer_id: "c-1".into(), reason: "asked for".into(), ..Default::default() };
    let erased = client.admin.clone().erase_customer(request).await?.into_inner();
    let position = erased.position.context("a position")?;
    ensure!((erased.erased_records, erased.plain_records) == (8, 0), "{erased:?}");
    for part in &fleet.projectors {
        forgotten(part, &position).await?;
    }
    let after = shown(&client).await?;
    ensure!(names_in(&after).is_empty() && after.contains("(erased)"), "{:?}", names_in(&after));
    ensure!(client.balances("contoso", bought.position).await? == balances);
    for kept in &fleet.data_dirs {
        ensure!(found(kept, NAMES)?.is_empty(), "{:?}", found(kept, NAMES)?);
    }
    // A writer that kept no snapshot has no directory.
    for kept in ["writer-0", "writer-1"].map(|name| dir.path().join(name)).iter().filter(|kept| kept.exists()) {
        ensure!(found(kept, NAMES)?.is_empty(), "{:?}", found(kept, NAMES)?);
    }
    // Whoever comes later reads the same.
    fleet.check_read_models()
}
