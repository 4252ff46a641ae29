//! What was so on a day, as it was known at a moment: of customers, subscriptions and incentive bases.

use anyhow::ensure;
use serde_json::Value;
use subledger_proto::{api::ListCustomersRequest, common::AsOf};
use subledger_tests::{
    cli::run,
    client::{Client, reason},
    commands::{agreement, change_quantity, customer, offer, partner, price, purchase},
    look_back::{asked, check, play},
    process::Serve,
    random::Random,
    shop::TEST_CLOCK,
};

#[tokio::test(flavor = "multi_thread")]
async fn random_looks_back_are_replays_live_and_after_a_rebuild() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let serve = Serve::start(dir.path(), &["--set", "layout.customers=3"]).await?;
    let client = Client::connect(&serve.address).await?;
    let mut random = Random::from_environment();
    play(&client, &mut random, 80).await?;
    ensure!(check(&client, &mut random, 60).await? > 200);
    for name in ["customer", "incentive"] {
        run(&["rebuild", name, "--address", &serve.address])?.expect_code(0)?;
    }
    ensure!(check(&client, &mut random, 20).await? > 50);
    // What is asked about everything that is known is what is so.
    ensure!(
        asked(&client, Some(&subledger_tests::look_back::Moment::NOW), &[]).await? == asked(&client, None, &[]).await?
    );
    Ok(())
}

fn rows(serve: &Serve, arguments: &[&str]) -> anyhow::Result<Vec<Value>> {
    let ended = run(&[arguments, &["--address", &serve.address, "--output", "json"]].concat())?.expect_code(0)?;
    let values = serde_json::Deserializer::from_str(&ended.out).into_iter().collect::<Result<Vec<Value>, _>>()?;
    Ok(values.into_iter().flat_map(|value| value.as_array().cloned().unwrap_or_else(|| vec![value])).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_looks_back() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let serve = Serve::start(dir.path(), TEST_CLOCK).await?;
    let client = Client::connect(&serve.address).await?;
    for command in [
        partner("contoso"),
        offer("e3"),
        price("e3", "4.00"),
        customer("fabrikam", "contoso"),
        agreement("fabrikam", "2018-01-13"),
        purchase("p", "fabrikam", "contoso", "e3", 10),
    ] {
        client.accepted(&command).await?;
    }
    client.advance("2018-02-01").await?;
    let changed = client.accepted(&change_quantity("q", "fabrikam", "contoso", "sub-p", 25)).await?;
    let at = changed.position.unwrap_or_default();
    let wait = format!("customers/{}@{}", at.partition, at.seq);
    let before = format!("customers/{}@{}", at.partition, at.seq - 1);
    let subscription = |more: &[&str]| {
        let base = ["get", "subscription", "sub-p", "--customer", "fabrikam", "--min-position", &wait];
        Ok::<_, anyhow::Error>(rows(&serve, &[&base, more].concat())?.remove(0)["quantity"].clone())
    };
    ensure!(subscription(&[])? == 25);
    ensure!(subscription(&["--as-of", "2018-01-31"])? == 10 && subscription(&["--as-of", "2018-02-02"])? == 25);
    ensure!(subscription(&["--recorded-by", &before])? == 10 && subscription(&["--recorded-by", &wait])? == 25);
    ensure!(subscription(&["--as-of", "2018-02-02", "--recorded-by", &before])? == 10);
    let list = |kind: &str, more: &[&str]| rows(&serve, &[&["list", kind, "--partner", "contoso"], more].concat());
    ensure!(list("customers", &["--as-of", "2018-01-12"])?.is_empty());
    ensure!(list("customers", &["--as-of", "2018-01-13"])?[0]["customer_id"] == "fabrikam");
    ensure!(list("subscriptions", &["--as-of", "2018-01-31"])?[0]["quantity"] == 10);
    ensure!(list("incentives", &["--as-of", "2018-01-31"])?[0]["net_seats"] == "10");
    ensure!(list("incentives", &["--as-of", "2018-01-12"])?.is_empty());
    // What cannot be asked.
    let claim = ["get", "coop-claim", "c-1", "--partner", "contoso", "--as-of", "2018-01-31"];
    let refused = run(&[&claim[..], &["--address", &serve.address]].concat())?;
    ensure!(
        refused.expect_code(2)?.err.contains("a customer, a subscription, a transfer, an invoice or a credit note")
    );
    let both = run(&[
        "list",
        "customers",
        "--recorded-by",
        &wait,
        "--recorded-by",
        "2018-01-31",
        "--address",
        &serve.address,
    ])?;
    ensure!(both.expect_code(2)?.err.contains("a time or positions, not both"));
    let as_of = Some(AsOf { effective_on: "31 January".into(), ..AsOf::default() });
    let request = ListCustomersRequest { as_of, ..ListCustomersRequest::default() };
    let status = client.customers.clone().list_customers(request).await.err();
    let status = status.ok_or_else(|| anyhow::anyhow!("a date that is none was taken"))?;
    ensure!(status.message().contains("as_of.effective_on"), "{status:?}");
    ensure!(reason(&status).is_some());
    Ok(())
}
