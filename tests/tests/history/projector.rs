//! Projectors in processes of their own, following an embedded ledger: the same answers as the ledger's own read models, one's own
//! writes at their own addresses, and no kill that shows.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use subledger_proto::{
    api::{
        ListBalancesRequest, ListChargesRequest, ListCustomersRequest, ListEntriesRequest, ListIncentiveBasesRequest,
        ListInvoicesRequest, ListPartitionsRequest, ListSubscriptionsRequest,
    },
    common::Position,
};
use subledger_tests::{
    cli::run,
    client::Client,
    commands::{change_quantity, purchase},
    kafka::{PROJECTORS, Part},
    process::Serve,
    shop::{self, FIRST_DAY, TEST_CLOCK},
};
use tonic::{Code, transport::Endpoint};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

/// Commands during which the projectors are killed.
const COMMANDS: usize = 2_000;
/// Commands of one batch.
const BATCH: usize = 20;
/// Rows of a page: all there are.
const PAGE: i32 = 1_000;

/// A ledger, and the three projectors that follow it.
struct Apart {
    serve: Serve,
    ledger: Client,
    /// In the order of [`PROJECTORS`].
    projectors: Vec<Part>,
}

impl Apart {
    async fn start(dir: &Path) -> anyhow::Result<Self> {
        let serve = Serve::start(&dir.join("ledger"), TEST_CLOCK).await?;
        let ledger = Client::connect(&serve.address).await?;
        let mut projectors = Vec::new();
        for name in PROJECTORS {
            let settings = [format!("data_dir={}", dir.join(name).display())];
            projectors.push(Part::start(name, &["projector", name, "--log", &serve.address], &settings, true).await?);
        }
        shop::stock(&ledger, ["fabrikam", "northwind"], FIRST_DAY).await?;
        Ok(Self { serve, ledger, projectors })
    }

    /// A client of the projector of that name.
    async fn projector(&self, name: &str) -> anyhow::Result<Client> {
        let n = PROJECTORS.iter().position(|&known| known == name).context("no such projector")?;
        Client::connect(self.projectors[n].address.as_deref().context("a projector listens")?).await
    }

    /// Compares everything that the read models answer, as of the end of the history.
    async fn check_answers(&self) -> anyhow::Result<()> {
        let partitions = self.ledger.audit.clone().list_partitions(ListPartitionsRequest {}).await?.into_inner();
        let last = |p: &subledger_proto::api::PartitionStatus| {
            Some(Position { family: p.family, partition: p.partition, seq: p.next_seq.checked_sub(1)? })
        };
        let end: Vec<_> = partitions.partitions.iter().filter_map(last).collect();
        for name in PROJECTORS {
            let here = answers(name, &self.ledger, &end).await?;
            let there = answers(name, &self.projector(name).await?, &end).await?;
            ensure!(here.len() > 1, "{name}: nothing to compare");
            for (here, there) in here.iter().zip(&there) {
                ensure!(here == there, "{name} differs:\nthe ledger says {here}\nthe projector says {there}");
            }
            ensure!(here.len() == there.len(), "{name}: {} rows here, {} there", here.len(), there.len());
        }
        Ok(())
    }
}

/// Every row of a read model as text, page after page where there are many.
async fn answers(name: &str, client: &Client, end: &[Position]) -> anyhow::Result<Vec<String>> {
    let min_position = end.to_vec();
    let mut rows = Vec::new();
    macro_rules! list {
        ($client:ident . $method:ident ( $request:ident ) . $items:ident) => {
            let mut page_token = String::new();
            loop {
                let request =
                    $request { page_size: PAGE, page_token, min_position: min_position.clone(), ..$request::default() };
                let answer = client.$client.clone().$method(request).await?.into_inner();
                rows.extend(answer.$items.iter().map(|row| format!("{row:?}")));
                page_token = answer.next_page_token;
                if page_token.is_empty() {
                    break;
                }
            }
        };
    }
    match name {
        "billing" => {
            list!(billing.list_balances(ListBalancesRequest).balances);
            list!(billing.list_entries(ListEntriesRequest).entries);
            list!(billing.list_charges(ListChargesRequest).charges);
            list!(billing.list_invoices(ListInvoicesRequest).invoices);
        }
        "customer" => {
            list!(customers.list_customers(ListCustomersRequest).customers);
            for customer_id in ["fabrikam", "northwind"] {
                let mut page_token = String::new();
                loop {
                    let request = ListSubscriptionsRequest {
                        customer_id: customer_id.to_owned(),
                        page_size: PAGE,
                        page_token,
                        min_position: min_position.clone(),
                        ..ListSubscriptionsRequest::default()
                    };
                    let answer = client.customers.clone().list_subscriptions(request).await?.into_inner();
                    rows.extend(answer.subscriptions.iter().map(|row| format!("{row:?}")));
                    page_token = answer.next_page_token;
                    if page_token.is_empty() {
                        break;
                    }
                }
            }
        }
        _ => {
            list!(incentives.list_incentive_bases(ListIncentiveBasesRequest).bases);
            rows.push(format!("{} months", rows.len()));
        }
    }
    Ok(rows)
}

async fn health(address: &str, service: &str) -> Result<ServingStatus, tonic::Status> {
    let endpoint =
        Endpoint::from_shared(address.to_owned()).map_err(|error| tonic::Status::internal(error.to_string()))?;
    let channel = endpoint.connect().await.map_err(|error| tonic::Status::unavailable(error.to_string()))?;
    let request = HealthCheckRequest { service: service.to_owned() };
    Ok(HealthClient::new(channel).check(request).await?.into_inner().status())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projector_elsewhere_answers_like_the_ledger_itself() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let apart = Apart::start(dir.path()).await?;
    let (customers, billing) = (apart.projector("customer").await?, apart.projector("billing").await?);

    // One's own writes, at the projector's own address: what was accepted a moment ago is in the answer.
    apart.ledger.accepted(&purchase("b-1", "fabrikam", "contoso", "e3", 10)).await?;
    for n in 0..20 {
        let change = change_quantity(&format!("q-{n}"), "fabrikam", "contoso", "sub-b-1", 11 + n);
        let changed = apart.ledger.accepted(&change).await?;
        assert_eq!(customers.subscription("sub-b-1", changed.position).await?.quantity, 11 + n);
        let bought = apart.ledger.accepted(&purchase(&format!("r-{n}"), "fabrikam", "contoso", "e3", 1)).await?;
        let here = apart.ledger.balances("contoso", bought.position).await?;
        assert_eq!(billing.balances("contoso", bought.position).await?, here);
        let unbilled = ("unbilled".to_owned(), format!("{}.00", 4 * (11 + n)));
        assert!(here.contains(&unbilled), "{here:?} has no {unbilled:?}");
    }

    // Two projectors issue invoices here, the ledger's own and the other: there is one of each all the same.
    apart.ledger.advance("2018-02-15").await?;
    apart.check_answers().await?;
    let invoices = billing.invoices("contoso").await?;
    assert_eq!(invoices.iter().map(|(date, _)| date.as_str()).collect::<Vec<_>>(), ["2018-01-15", "2018-02-15"]);

    for (n, service) in ["BillingService", "CustomerService", "IncentiveService"].into_iter().enumerate() {
        let address = apart.projectors[n].address.as_deref().context("a projector listens")?;
        assert_eq!(health(address, "").await?, ServingStatus::Serving, "{service}");
        assert_eq!(health(address, &format!("subledger.v1.{service}")).await?, ServingStatus::Serving, "{service}");
        let other = health(address, "subledger.v1.CommandService").await.expect_err("a projector takes no commands");
        assert_eq!(other.code(), Code::NotFound);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_of_projectors_leave_no_trace() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut apart = Apart::start(dir.path()).await?;
    let commands: Vec<Value> = (0..COMMANDS / 2)
        .flat_map(|n| {
            let customer = ["fabrikam", "northwind"][n % 2];
            let change = change_quantity(&format!("q-{n}"), customer, "contoso", &format!("sub-b-{n}"), 2);
            [purchase(&format!("b-{n}"), customer, "contoso", "e3", 1), change]
        })
        .collect();
    let done = Arc::new(AtomicUsize::new(0));
    let (ledger, counter) = (apart.ledger.clone(), Arc::clone(&done));
    let sending = tokio::spawn(async move {
        for batch in commands.chunks(BATCH) {
            let outcomes = ledger.submit_stream(batch, BATCH).await?;
            let refused = outcomes.iter().find(|outcome| outcome.rejection.is_some());
            ensure!(refused.is_none() && outcomes.len() == batch.len(), "{refused:?}");
            counter.fetch_add(outcomes.len(), Ordering::Relaxed);
        }
        Ok(())
    });
    for (part, name) in PROJECTORS.into_iter().enumerate() {
        let wanted = (part + 1) * COMMANDS / 5;
        let deadline = Instant::now() + Duration::from_secs(60);
        while done.load(Ordering::Relaxed) < wanted && !sending.is_finished() {
            ensure!(Instant::now() < deadline, "only {} commands were taken", done.load(Ordering::Relaxed));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let taken = done.load(Ordering::Relaxed);
        apart.projectors[part].kill_and_restart().await?;
        println!("projector {name} killed after {taken} of {COMMANDS} commands");
        ensure!(taken < COMMANDS, "the kill came too late to show anything");
    }
    tokio::time::timeout(Duration::from_secs(60), sending).await.context("the commands are not taken")???;
    apart.ledger.advance("2018-01-15").await?;
    apart.check_answers().await?;

    for (name, projector) in PROJECTORS.into_iter().zip(&mut apart.projectors) {
        ensure!(projector.process.stop()?.success(), "{name} did not stop well:\n{}", projector.process.printed());
        let data = dir.path().join(name);
        let data = data.to_str().context("a path that is text")?;
        let rebuilt =
            run(&["rebuild", name, "--check", "--log", &apart.serve.address, "--data-dir", data])?.expect_code(0)?;
        assert!(rebuilt.out.contains("the same, byte for byte"), "{name}: {rebuilt:?}");
    }
    Ok(())
}
