//! Searching many customers, loaded from CSV files as a partner would bring them.
//!
//! What is timed is what somebody at a keyboard waits for: a call over gRPC from the first byte out to the last byte in, of a beginning
//! of 3 to 10 characters of a name that is there. It is timed at rest, and once more while seats change and everything is exported.

mod files;
mod times;

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Parser as _;
use indicatif::{HumanBytes, HumanCount};
use serde_json::json;
use subledger_customer::search;
use subledger_proto::api::{
    ChangeQuantity, Command, ListCustomersRequest, ListSubscriptionsRequest, SearchCustomersRequest, SubmitRequest,
    SubmitStreamRequest, command::Body,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use self::{
    files::{Writer, customer_id, customer_of, owner, subscription_id, write_customers, write_subscriptions},
    times::Times,
};
use super::{
    help,
    month_end::{bought_on, folded},
    names,
    used::Used,
    world,
};
use crate::client::{Failure, connect::Connection, generate::random::Random, load, output::line, own_ledger::Embedded};

/// Begins the ids of offer and price list.
const WORLD: &str = "bench";
/// Commands of one batch, of what is written while others search.
const BATCH_COMMANDS: u32 = 250;
/// Batches on their way at once.
const IN_FLIGHT: usize = 4;
/// Rows of one page of the export.
const PAGE: i32 = 1000;
/// Hits of one search.
const HITS: i32 = 20;
/// Characters of the shortest and the longest beginning.
const CHARACTERS: (u32, u32) = (3, 10);
/// The goal for the 99th percentile of a search by beginning.
const GOAL: Duration = Duration::from_millis(5);

/// Arguments of `bench search`.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = help!(
    "  subledger bench search --customers 2000 --subscriptions 10000          # a first look\n  \
     subledger bench search --customers 200000 --subscriptions 1000000 --partners 1000 --directory /data --json search.json\n  \
     subledger bench search --address http://127.0.0.1:7440                   # an empty ledger on a test clock\n\n\
     The CSV files are written, then loaded as subledger load does it. Searches are for beginnings of names that are there."
))]
pub(crate) struct Args {
    /// Customers
    #[arg(long, default_value_t = 200_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(super) customers: u32,
    /// Subscriptions, spread over the customers
    #[arg(long, default_value_t = 1_000_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=50_000_000))]
    pub(super) subscriptions: u32,
    /// Partners
    #[arg(long, default_value_t = 1_000, value_name = "P", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) partners: u32,
    /// Searches of each kind
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    searches: u32,
    /// Changes of seats in a second while searching and exporting; 0: as many as the ledger takes
    #[arg(long, default_value_t = 2_000, value_name = "N")]
    writes: u32,
    /// An empty ledger on a test clock that begins on 2018-01-15; without it, one of its own in a temporary directory
    #[arg(long, value_name = "URL")]
    address: Option<String>,
    /// Where the CSV files and a ledger of its own go; a directory in it is made and removed
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Write the result as JSON, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// `load` with its own arguments.
#[derive(clap::Parser)]
struct Load {
    #[command(flatten)]
    args: load::Args,
}

/// What was measured.
struct Measured {
    csv_bytes: u64,
    load: Duration,
    fold: Duration,
    at_rest: Times,
    alike: Times,
    busy: Times,
    export: Duration,
    exported: u64,
    written: u64,
    used: Option<Used>,
    disk_bytes: Option<u64>,
}

/// Writes the files, loads them, searches, prints how long it took.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("subledger-bench-");
    let directory = args.directory.as_ref().map_or_else(|| builder.tempdir(), |parent| builder.tempdir_in(parent));
    let directory = directory.map_err(|error| Failure::Usage(format!("cannot make a directory: {error}")))?;
    let measured = if let Some(address) = &args.address {
        measure(&args, address, directory.path(), None).await?
    } else {
        let data = directory.path().join("data");
        std::fs::create_dir(&data)?;
        let ledger = Embedded::start(&data, bought_on()).await?;
        let measured = measure(&args, ledger.address(), directory.path(), Some(&data)).await;
        ledger.stop().await?;
        measured?
    };
    report(&args, &measured)
}

async fn measure(args: &Args, address: &str, files: &Path, data: Option<&Path>) -> Result<Measured, Failure> {
    let connection = Connection::to(address).await?;
    for (n, body) in [world::offers(WORLD), world::prices(WORLD)].into_iter().enumerate() {
        let command = Command { command_id: format!("bench-{n}"), body: Some(body), ..Command::default() };
        let request = SubmitRequest { command: Some(command), ..SubmitRequest::default() };
        connection.commands().submit(request).await?;
    }
    let began = Instant::now();
    let mut csv_bytes = 0;
    for (name, write) in
        [("customers.csv", write_customers as Writer), ("subscriptions.csv", write_subscriptions as Writer)]
    {
        let path = files.join(name);
        let mut out = BufWriter::new(File::create(&path)?);
        write(args, &mut out)?;
        out.flush()?;
        csv_bytes += std::fs::metadata(&path)?.len();
        eprintln!("{name} is written: loading");
        let path = path.display().to_string();
        let arguments = ["load", &path, "--address", address, "--batch-size", "1000", "--in-flight", "8"];
        let load = Load::try_parse_from(arguments).map_err(|error| Failure::Usage(error.to_string()))?;
        load::run(load.args).await?;
    }
    let load = began.elapsed();
    let began = Instant::now();
    folded(&connection).await?;
    let fold = began.elapsed();
    eprintln!("everything is folded: searching");
    let at_rest = searches(args, &connection, true, None).await?;
    let alike = searches(args, &connection, false, None).await?;
    eprintln!("searching while seats change and everything is exported");
    let stop = Arc::new(AtomicBool::new(false));
    let written = Arc::new(AtomicU64::new(0));
    let writing =
        tokio::spawn(write_on(args.clone(), Connection::to(address).await?, Arc::clone(&stop), Arc::clone(&written)));
    let exporting = tokio::spawn(export(Connection::to(address).await?, Arc::clone(&stop)));
    let busy = searches(args, &connection, true, Some(&stop)).await?;
    let (export, exported) = joined(exporting).await?;
    joined(writing).await?;
    folded(&connection).await?;
    let used = Used::now().filter(|_| args.address.is_none());
    let disk_bytes = data.map(size_of).transpose()?;
    let written = written.load(Ordering::Relaxed);
    Ok(Measured { csv_bytes, load, fold, at_rest, alike, busy, export, exported, written, used, disk_bytes })
}

async fn joined<T>(task: tokio::task::JoinHandle<Result<T, Failure>>) -> Result<T, Failure> {
    task.await.map_err(|error| Failure::Usage(error.to_string()))?
}

/// Searches, one call after another; with `until`, goes on at least until that is set.
async fn searches(
    args: &Args,
    connection: &Connection,
    beginnings_only: bool,
    until: Option<&AtomicBool>,
) -> Result<Times, Failure> {
    let mut random = Random::new(if beginnings_only { 11 } else { 12 });
    let (mut client, mut all) = (connection.customers(), Vec::new());
    let wanted = usize::try_from(args.searches).unwrap_or(usize::MAX);
    // Names that are like another cost more, and are not what the goal is about.
    let wanted = if beginnings_only { wanted } else { wanted / 10 };
    while all.len() < wanted || until.is_some_and(|until| !until.load(Ordering::Relaxed)) {
        let number = random.between(0, args.customers - 1);
        let characters = usize::try_from(random.between(CHARACTERS.0, CHARACTERS.1)).unwrap_or(1);
        let text = if beginnings_only {
            names::beginning(number, characters).trim().to_owned()
        } else {
            names::misspelled(number, &mut random)
        };
        let request =
            SearchCustomersRequest { text, page_size: HITS, beginnings_only, ..SearchCustomersRequest::default() };
        let began = Instant::now();
        let found = client.search_customers(request).await?.into_inner();
        all.push(began.elapsed());
        if beginnings_only && found.hits.is_empty() {
            return Err(Failure::Differs(format!("nothing was found of customer {}", customer_id(number))));
        }
    }
    Ok(Times::of(all))
}

/// Changes seats until it is told to stop.
async fn write_on(
    args: Args,
    connection: Connection,
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
) -> Result<(), Failure> {
    let (requests, queue) = mpsc::channel(IN_FLIGHT);
    // A pace is kept in tenths of a second at least.
    let batch = if args.writes == 0 { BATCH_COMMANDS } else { BATCH_COMMANDS.min(args.writes.div_ceil(10)) };
    let sending = tokio::spawn(async move {
        let (mut random, mut count, began) = (Random::new(13), 0_u64, Instant::now());
        while !stop.load(Ordering::Relaxed) {
            if args.writes > 0 {
                let due = Duration::from_millis(count.saturating_mul(1_000) / u64::from(args.writes));
                tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
            }
            let command = |_| {
                count += 1;
                let n = random.between(0, args.subscriptions - 1);
                let of = customer_of(n, &args);
                let body = Body::ChangeQuantity(ChangeQuantity {
                    customer_id: customer_id(of),
                    partner_id: owner(of, &args),
                    subscription_id: subscription_id(n),
                    quantity: random.between(6, 5_000),
                });
                Command { command_id: format!("bench-w{count}"), body: Some(body), ..Command::default() }
            };
            let commands = (0..batch).map(command).collect();
            if requests.send(SubmitStreamRequest { commands, include_events: false }).await.is_err() {
                return;
            }
        }
    });
    let mut answers = connection.commands().submit_stream(ReceiverStream::new(queue)).await?.into_inner();
    while let Some(answer) = answers.message().await? {
        let done = answer.outcomes.iter().filter(|outcome| outcome.rejection.is_none()).count();
        written.fetch_add(done as u64, Ordering::Relaxed);
    }
    sending.await.map_err(|error| Failure::Usage(error.to_string()))
}

/// Reads every customer and every subscription, page by page, as the files do; then says so.
async fn export(connection: Connection, stop: Arc<AtomicBool>) -> Result<(Duration, u64), Failure> {
    let (began, mut client, mut rows) = (Instant::now(), connection.customers(), 0_u64);
    let mut request = ListCustomersRequest { page_size: PAGE, ..ListCustomersRequest::default() };
    loop {
        let page = client.list_customers(request.clone()).await?.into_inner();
        rows += page.customers.len() as u64;
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    let mut request = ListSubscriptionsRequest { page_size: PAGE, ..ListSubscriptionsRequest::default() };
    loop {
        let page = client.list_subscriptions(request.clone()).await?.into_inner();
        rows += page.subscriptions.len() as u64;
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    stop.store(true, Ordering::Relaxed);
    Ok((began.elapsed(), rows))
}

/// Bytes of all files in a directory.
fn size_of(directory: &Path) -> Result<u64, Failure> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.metadata()?;
        bytes += if kind.is_dir() { size_of(&entry.path())? } else { kind.len() };
    }
    Ok(bytes)
}

/// Rows of the search index and bytes of their keys, of all customers.
fn index_cost(args: &Args) -> (u64, u64) {
    (0..args.customers).fold((0, 0), |(rows, bytes), n| {
        let domain = format!("bench{n}.onmicrosoft.com");
        let cost = search::index_cost(&customer_id(n), &names::company(n), &domain, &owner(n, args));
        (rows + cost.rows, bytes + cost.key_bytes)
    })
}

fn report(args: &Args, measured: &Measured) -> Result<(), Failure> {
    let Measured { csv_bytes, load, fold, at_rest, alike, busy, export, exported, written, used, disk_bytes } =
        measured;
    let seconds = |time: &Duration| time.as_secs_f64();
    let (rows, key_bytes) = index_cost(args);
    line(format_args!(
        "{} customers with {} subscriptions of {} partners",
        HumanCount(args.customers.into()),
        HumanCount(args.subscriptions.into()),
        HumanCount(args.partners.into())
    ))?;
    line(format_args!(
        "  loaded from {} of CSV in {:.1} s, folded {:.1} s later",
        HumanBytes(*csv_bytes),
        seconds(load),
        seconds(fold)
    ))?;
    at_rest.say("by beginning, nothing else going on")?;
    busy.say("by beginning, while written and exported")?;
    alike.say("spelled nearly so")?;
    line(format_args!(
        "  exported {} rows in {:.1} s while {} changes of seats were written, {} a second",
        HumanCount(*exported),
        seconds(export),
        HumanCount(*written),
        u128::from(*written) * 1_000 / export.as_millis().max(1)
    ))?;
    let index = HumanBytes(key_bytes).to_string();
    let each = rows / u64::from(args.customers);
    line(format_args!("  index of names: {} rows, {index} of keys, {each} rows for each customer", HumanCount(rows)))?;
    if let Some(used) = used {
        line(format_args!("  memory of the process at most: {}", HumanBytes(used.resident_bytes)))?;
    }
    if let Some(bytes) = disk_bytes {
        line(format_args!("  on disk, log and read models: {}", HumanBytes(*bytes)))?;
    }
    let kept = at_rest.permille(990) < GOAL;
    line(format_args!("  the goal of {} ms at p99 is {}", GOAL.as_millis(), if kept { "kept" } else { "missed" }))?;
    if let Some(path) = &args.json {
        let result = json!({
            "customers": args.customers, "subscriptions": args.subscriptions, "partners": args.partners,
            "csv_bytes": csv_bytes, "load_seconds": seconds(load), "fold_seconds": seconds(fold),
            "beginning": at_rest.json(), "beginning_busy": busy.json(), "alike": alike.json(),
            "export_seconds": seconds(export), "export_rows": exported, "written_meanwhile": written,
            "index_rows": rows, "index_key_bytes": key_bytes, "disk_bytes": disk_bytes,
            "resident_bytes_max": used.as_ref().map(|used| used.resident_bytes),
        });
        std::fs::write(path, format!("{result:#}\n"))
            .map_err(|error| Failure::Usage(format!("cannot write {}: {error}", path.display())))?;
    }
    Ok(())
}
