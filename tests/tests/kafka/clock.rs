//! The role that closes business days, on a real broker: every day that is over, once, however many clocks there are and whoever dies.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use subledger_proto::{
    api::{GetClockRequest, Record},
    common::Family,
    log::event::Body,
};
use subledger_tests::{
    client::Client,
    commands::{agreement, customer, offer, partner, price, purchase},
    kafka::{Broker, Fleet, Part, skipped},
};

/// How many days the ledger is behind: a billing day is among them.
const BEHIND_DAYS: i64 = 40;
/// How long it may take to close all of them.
const CATCH_UP_MAX: Duration = Duration::from_secs(60);

/// The last day that is over for a clock that waits five minutes after midnight.
#[expect(clippy::disallowed_methods, reason = "the role looks at the wall clock, so what it should do is told by it")]
fn over() -> anyhow::Result<NaiveDate> {
    let now = DateTime::<Utc>::from(SystemTime::now()) - TimeDelta::minutes(5);
    now.date_naive().pred_opt().context("a day before")
}

async fn last_closed(gateway: &Client) -> anyhow::Result<Option<NaiveDate>> {
    let closed = gateway.admin.clone().get_clock(GetClockRequest {}).await?.into_inner().last_closed;
    if closed.is_empty() { Ok(None) } else { Ok(Some(closed.parse()?)) }
}

async fn wait_until(gateway: &Client, enough: impl Fn(NaiveDate) -> bool) -> anyhow::Result<NaiveDate> {
    let deadline = Instant::now() + CATCH_UP_MAX;
    loop {
        let closed = last_closed(gateway).await?;
        if let Some(closed) = closed.filter(|&closed| enough(closed)) {
            return Ok(closed);
        }
        ensure!(Instant::now() < deadline, "closed through {closed:?} after {CATCH_UP_MAX:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// How often each day was closed in the catalog, and by which partitions of customers it was marked.
fn days(history: &[Record]) -> (BTreeMap<String, usize>, BTreeMap<String, BTreeSet<u32>>) {
    let (mut closed, mut marked): (BTreeMap<String, usize>, BTreeMap<String, BTreeSet<u32>>) = Default::default();
    for record in history {
        let partition = record.position.filter(|at| at.family == i32::from(Family::Customers));
        for event in record.commit.iter().flat_map(|commit| &commit.events) {
            match (&event.body, partition) {
                (Some(Body::DayClosed(day)), None) => *closed.entry(day.date.clone()).or_default() += 1,
                (Some(Body::PartitionDayClosed(day)), Some(at)) => {
                    marked.entry(day.date.clone()).or_default().insert(at.partition);
                }
                _ => {}
            }
        }
    }
    (closed, marked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_day_that_is_over_is_closed_once_and_invoiced() -> anyhow::Result<()> {
    if skipped() {
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    let broker = Broker::start(dir.path().join("kafka"))?;
    let first = over()? - TimeDelta::days(BEHIND_DAYS - 1);
    // The writers stand in the past, so that what is bought is bought then. The clocks look at the wall.
    let past = ["test_clock.enabled=true".to_owned(), format!("test_clock.start={first}")];
    let fleet = Fleet::start_with(&broker, "clock", dir.path(), &past).await?;
    let gateway = Client::connect(fleet.gateway.address.as_deref().context("a gateway listens")?).await?;
    for command in [
        partner("contoso"),
        offer("e3"),
        price("e3", "4.00"),
        customer("fabrikam", "contoso"),
        agreement("fabrikam", "2018-01-13"),
        purchase("b-1", "fabrikam", "contoso", "e3", 10),
    ] {
        gateway.accepted(&command).await?;
    }
    ensure!(last_closed(&gateway).await?.is_none(), "a day was closed without a clock");

    let mut clock = Part::start("clock", &["clock"], &fleet.settings, false).await?;
    let reached = wait_until(&gateway, |_| true).await?;
    clock.process.kill()?;
    println!("the clock was killed after it had closed {reached}, of {first} to {}", over()?);
    let mut clocks = Vec::new();
    for n in 0..2 {
        clocks.push(Part::start(&format!("clock-{n}"), &["clock"], &fleet.settings, false).await?);
    }
    let last = over()?;
    let closed_through = wait_until(&gateway, |closed| closed >= last).await?;
    ensure!(closed_through <= over()?, "{closed_through} was closed before it was over");

    // Each partition of customers follows, and the invoices with it.
    let expected: Vec<String> =
        first.iter_days().take_while(|&day| day <= closed_through).map(|day| day.to_string()).collect();
    let deadline = Instant::now() + CATCH_UP_MAX;
    let billing_days: Vec<_> = expected.iter().filter(|day| day.ends_with("-15")).cloned().collect();
    loop {
        let (closed, marked) = days(&gateway.history().await?);
        ensure!(closed.keys().eq(&expected), "{:?} were closed, not {expected:?}", closed.keys());
        ensure!(closed.values().all(|&count| count == 1), "a day was closed twice: {closed:?}");
        let invoices: Vec<_> = gateway.invoices("contoso").await?.into_iter().map(|(date, _)| date).collect();
        let all_marked = marked.keys().eq(&expected) && marked.values().all(|partitions| partitions.len() == 4);
        if all_marked && invoices == billing_days {
            break;
        }
        ensure!(Instant::now() < deadline, "marked: {marked:?}; invoiced: {invoices:?}, not {billing_days:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    ensure!(!billing_days.is_empty(), "nothing was invoiced");
    for clock in &mut clocks {
        ensure!(clock.process.printed().contains("clock is ready"), "{}", clock.process.printed());
        ensure!(clock.process.stop()?.success(), "a clock did not stop well:\n{}", clock.process.printed());
    }
    Ok(())
}
