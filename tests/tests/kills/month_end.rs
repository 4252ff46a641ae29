//! SIGKILL while a month is closed and its invoices are issued: the invoices are those of a ledger that nobody killed.
//!
//! `SUBLEDGER_TEST_KILLS` and `SUBLEDGER_TEST_SEED` ask for more, or for the same again.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde_json::Value;
use subledger_proto::api::{Invoice, ListChargesRequest, ListInvoicesRequest};
use subledger_tests::{
    client::Client,
    commands::{agreement, customer, offer, partner, price, purchase},
    process::{Serve, run_cli},
    random::{Random, number_from_environment},
    shop::TEST_CLOCK,
};

const BEFORE: &str = "2018-02-12";
/// Every subscription is a month old by then, and every partner's billing day has come.
const BILLED: &str = "2018-02-15";
const PARTNERS: usize = 5;
const CUSTOMERS: usize = 60;
const SUBSCRIPTIONS_EACH: u32 = 20;

fn founding() -> Vec<Value> {
    let partners = (0..PARTNERS).map(|n| partner(&format!("p{n}")));
    let customers = (0..CUSTOMERS).flat_map(|n| {
        let (id, partner) = (format!("c{n}"), format!("p{}", n % PARTNERS));
        let bought = {
            let (id, partner) = (id.clone(), partner.clone());
            (0..SUBSCRIPTIONS_EACH).map(move |m| purchase(&format!("b{n}-{m}"), &id, &partner, "e3", 1 + m))
        };
        [customer(&id, &partner), agreement(&id, "2018-01-13")].into_iter().chain(bought)
    });
    partners.chain([offer("e3"), price("e3", "4.00")]).chain(customers).collect()
}

/// Copies the files of a process that is not running.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// Every invoice by number, without the positions it reflects: a writer that starts again takes one.
async fn invoices(client: &Client) -> anyhow::Result<BTreeMap<String, Invoice>> {
    let request = ListInvoicesRequest { page_size: 1_000, ..ListInvoicesRequest::default() };
    let answer = client.billing.clone().list_invoices(request).await?.into_inner();
    assert!(answer.next_page_token.is_empty());
    let plain = |invoice| Invoice { reflects: Vec::new(), ..invoice };
    Ok(answer.invoices.into_iter().map(plain).map(|invoice| (invoice.invoice_number.clone(), invoice)).collect())
}

/// Ids of the lines of all partners, with the invoice that each is on.
async fn lines(client: &Client) -> anyhow::Result<Vec<(String, String)>> {
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListChargesRequest { page_size: 1_000, page_token, ..ListChargesRequest::default() };
        let page = client.billing.clone().list_charges(request).await?.into_inner();
        found.extend(page.charges.into_iter().map(|charge| (charge.line_id, charge.invoice_number)));
        if page.next_page_token.is_empty() {
            found.sort();
            return Ok(found);
        }
        page_token = page.next_page_token;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_that_is_killed_again_and_again_issues_the_same_invoices() -> anyhow::Result<()> {
    let mut random = Random::from_environment();
    let kills = number_from_environment("SUBLEDGER_TEST_KILLS", 6);
    let dir = tempfile::tempdir()?;
    let (calm, killed) = (dir.path().join("calm"), dir.path().join("killed"));
    let mut serve = Serve::start(&calm, TEST_CLOCK).await?;
    let client = Client::connect(&serve.address).await?;
    let commands = founding();
    let outcomes = client.submit_stream(&commands, 100).await?;
    assert!(outcomes.len() == commands.len() && outcomes.iter().all(|outcome| outcome.rejection.is_none()));
    client.advance(BEFORE).await?;
    drop(client);
    serve.process.stop()?;
    copy(&calm, &killed)?;

    let mut serve = serve.restart().await?;
    let client = Client::connect(&serve.address).await?;
    let began = Instant::now();
    client.advance(BILLED).await?;
    let took = began.elapsed();
    let (expected, expected_lines) = (invoices(&client).await?, lines(&client).await?);
    let of_the_day: Vec<_> = expected.values().filter(|invoice| invoice.invoice_date == BILLED).collect();
    assert_eq!(of_the_day.len(), PARTNERS);
    let billed: u32 = of_the_day.iter().map(|invoice| invoice.line_count).sum();
    assert_eq!(billed, u32::try_from(CUSTOMERS)? * SUBSCRIPTIONS_EACH, "a cycle fee for each");
    drop(client);
    serve.process.stop()?;

    let mut serve = Serve::start(&killed, TEST_CLOCK).await?;
    let mut unfinished = 0;
    for _ in 0..kills {
        let client = Client::connect(&serve.address).await?;
        let closing = tokio::spawn(async move { client.advance(BILLED).await });
        let most = u64::try_from(took.as_millis())?.max(20);
        // Early enough for several kills to come before it is done.
        tokio::time::sleep(Duration::from_millis(random.below(most / 3) + 1)).await;
        unfinished += u64::from(!closing.is_finished());
        serve.process.kill()?;
        closing.abort();
        serve = serve.restart().await?;
    }
    println!("{unfinished} of {kills} kills came before the end of a close of {took:?}, seed {}", random.seed());
    assert!(unfinished > 0, "no kill came in time");
    let client = Client::connect(&serve.address).await?;
    client.advance(BILLED).await.context("after the last kill")?;
    assert_eq!(invoices(&client).await?, expected);
    assert_eq!(lines(&client).await?, expected_lines);
    run_cli(&["compare", "--address", &serve.address])?;
    // The same day once more changes nothing.
    client.advance(BILLED).await?;
    assert_eq!(invoices(&client).await?, expected);
    serve.process.stop()?;
    for name in ["billing", "customer", "incentive"] {
        let printed = run_cli(&["rebuild", name, "--check", "--data-dir", &killed.to_string_lossy()])?;
        assert!(printed.contains("byte for byte"), "{name}: {printed}");
    }
    Ok(())
}
