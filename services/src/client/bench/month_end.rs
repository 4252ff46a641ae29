//! Month end: every subscription is due on the same day.
//!
//! The time taken is what a person waits for: from `AdvanceClock` for the day to its answer, which comes when every partition of customers
//! has decided everything due and the billing read model has issued, and folded, the last invoice.

use std::time::{Duration, Instant};

use chrono::NaiveDate;
use indicatif::{HumanBytes, HumanCount};
use serde_json::json;
use subledger_proto::{
    api::{AdvanceClockRequest, GetStatusRequest, ListInvoicesRequest, Status},
    common::Family,
};

use super::{help, used::Used, world::World, write_json};
use crate::client::{
    Failure,
    connect::Connection,
    output::line,
    own_ledger::Embedded,
    times::{midnight, timestamp},
};

/// Between two lines of progress.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Between two looks while the day is closing.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Invoices of one page.
const PAGE: i32 = 1000;

/// Arguments of `bench month-end`.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = help!(
    "  subledger bench month-end --subscriptions 100000 --partners 100\n  \
     subledger bench month-end --subscriptions 1000000 --partners 1000 --json month-end.json\n  \
     subledger bench month-end --address http://127.0.0.1:7440   # an empty ledger on a test clock\n\n\
     Every subscription is monthly, bought on 2018-01-15, and due on 2018-02-15, which is every partner's billing day."
))]
pub(crate) struct Args {
    /// Active subscriptions
    #[arg(long, default_value_t = 100_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    subscriptions: u32,
    /// Partners they are spread over
    #[arg(long, default_value_t = 100, value_name = "P", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    partners: u32,
    /// Subscriptions of each customer
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    each: u32,
    /// An empty ledger on a test clock that begins no later than 2018-01-15; without it, one of its own in a temporary directory
    #[arg(long, value_name = "URL")]
    address: Option<String>,
    /// Where a ledger of its own keeps its files; a directory in it is made and removed
    #[arg(long, value_name = "DIR", conflicts_with = "address")]
    directory: Option<std::path::PathBuf>,
    /// Write the result as JSON, too
    #[arg(long, value_name = "FILE")]
    json: Option<std::path::PathBuf>,
}

/// What was measured.
struct Measured {
    load: Duration,
    settle: Duration,
    decided: Duration,
    folded: Duration,
    issued: Duration,
    invoiced: Duration,
    invoices: u32,
    lines: u64,
    /// Of this process while the day closed, and by the end; none if the ledger is another's.
    used: Option<Used>,
}

/// Fills a ledger, closes the day, prints how long it took.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let measured = match &args.address {
        Some(address) => measure(&args, &Connection::to(address).await?).await?,
        None => in_its_own(&args).await?,
    };
    report(&args, &measured)
}

async fn in_its_own(args: &Args) -> Result<Measured, Failure> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("subledger-bench-");
    let directory = args.directory.as_ref().map_or_else(|| builder.tempdir(), |parent| builder.tempdir_in(parent));
    let directory = directory.map_err(|error| Failure::Usage(format!("cannot make a directory: {error}")))?;
    let ledger = Embedded::start(directory.path(), bought_on()).await?;
    let measured = match Connection::to(ledger.address()).await {
        Ok(connection) => measure(args, &connection).await,
        Err(failure) => Err(failure),
    };
    ledger.stop().await?;
    measured
}

async fn measure(args: &Args, connection: &Connection) -> Result<Measured, Failure> {
    let began = Instant::now();
    let world = World {
        prefix: "bench".to_owned(),
        partners: args.partners,
        subscriptions: args.subscriptions,
        each: args.each,
        on: bought_on(),
        effective_at: Some(timestamp(midnight(bought_on()))),
        named: false,
    };
    world.fill(connection).await?;
    let load = began.elapsed();
    let began = Instant::now();
    advance(connection, due_on().pred_opt().unwrap_or_default()).await?;
    folded(connection).await?;
    let settle = began.elapsed();

    let before = Used::now();
    let began = Instant::now();
    let mut watch = Watch::new(began);
    {
        let closing = advance(connection, due_on());
        tokio::pin!(closing);
        loop {
            tokio::select! {
                closed = &mut closing => break closed?,
                () = tokio::time::sleep(LOOK_EVERY) => watch.look(&status(connection).await?),
            }
        }
    }
    let elapsed = began.elapsed();
    let used = before.zip(Used::now()).filter(|_| args.address.is_none());
    let used = used.map(|(before, now)| Used { processor: now.processor.saturating_sub(before.processor), ..now });
    let (invoices, lines) = issued(connection).await?;
    Ok(Measured {
        load,
        settle,
        decided: watch.decided,
        folded: watch.folded,
        issued: watch.issued,
        invoiced: elapsed,
        invoices,
        lines,
        used,
    })
}

/// Looks at the ledger while the day closes.
struct Watch {
    began: Instant,
    shown: Instant,
    end: u64,
    partners_end: u64,
    /// When the customers' partitions last grew: the day's marks are the last they get.
    decided: Duration,
    /// When the partners' partitions last grew: by an invoice.
    issued: Duration,
    /// When it was first seen that the read models had folded all of that.
    folded: Duration,
}

impl Watch {
    fn new(began: Instant) -> Self {
        let zero = Duration::ZERO;
        Self { began, shown: began, end: 0, partners_end: 0, decided: zero, issued: zero, folded: zero }
    }

    fn look(&mut self, status: &Status) {
        let end_of = |family: Family| -> u64 {
            let partitions = status.partitions.iter().filter(|partition| partition.family() == family);
            partitions.map(|partition| partition.next_seq).sum()
        };
        let (end, partners_end) = (end_of(Family::Customers), end_of(Family::Partners));
        if partners_end > self.partners_end {
            (self.partners_end, self.issued) = (partners_end, self.began.elapsed());
        }
        let lag: u64 = status.projectors.iter().map(|projector| projector.lag_records).sum();
        if end > self.end {
            (self.end, self.decided, self.folded) = (end, self.began.elapsed(), Duration::ZERO);
        } else if lag == 0 && self.folded.is_zero() {
            self.folded = self.began.elapsed();
        }
        if self.shown.elapsed() >= LINE_EVERY {
            self.shown = Instant::now();
            let seconds = self.began.elapsed().as_secs();
            eprintln!(
                "closing the day: {seconds} s, {} commits of customers, {} to fold",
                HumanCount(end),
                HumanCount(lag)
            );
        }
    }
}

async fn status(connection: &Connection) -> Result<Status, Failure> {
    Ok(connection.admin().get_status(GetStatusRequest {}).await?.into_inner())
}

async fn advance(connection: &Connection, through: NaiveDate) -> Result<(), Failure> {
    let request = AdvanceClockRequest { close_through: through.to_string() };
    connection.admin().advance_clock(request).await?;
    Ok(())
}

/// Waits until every projector has folded everything.
pub(super) async fn folded(connection: &Connection) -> Result<(), Failure> {
    while status(connection).await?.projectors.iter().any(|projector| projector.lag_records > 0) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// The invoices of the day, and their lines.
async fn issued(connection: &Connection) -> Result<(u32, u64), Failure> {
    let (mut invoices, mut lines) = (0, 0);
    let mut request = ListInvoicesRequest { page_size: PAGE, ..ListInvoicesRequest::default() };
    let day = due_on().to_string();
    loop {
        let page = connection.billing().list_invoices(request.clone()).await?.into_inner();
        for invoice in page.invoices.iter().filter(|invoice| invoice.invoice_date == day) {
            invoices += 1;
            lines += u64::from(invoice.line_count);
        }
        if page.next_page_token.is_empty() {
            return Ok((invoices, lines));
        }
        request.page_token = page.next_page_token;
    }
}

pub(super) fn bought_on() -> NaiveDate {
    NaiveDate::from_ymd_opt(2018, 1, 15).unwrap_or_default()
}

fn due_on() -> NaiveDate {
    NaiveDate::from_ymd_opt(2018, 2, 15).unwrap_or_default()
}

fn report(args: &Args, measured: &Measured) -> Result<(), Failure> {
    let seconds = |time: Duration| format!("{:.1}", time.as_secs_f64());
    let Measured { load, settle, decided, folded, issued, invoiced, invoices, lines, used } = measured;
    line(format_args!(
        "{} subscriptions of {} partners, {} of each customer, all due on {}",
        HumanCount(args.subscriptions.into()),
        HumanCount(args.partners.into()),
        args.each,
        due_on()
    ))?;
    line(format_args!("  filled in                              {:>8} s", seconds(*load)))?;
    line(format_args!("  folded, and the days before closed in  {:>8} s", seconds(*settle)))?;
    line(format_args!("  everything due decided and durable     {:>8} s after closing the day", seconds(*decided)))?;
    // Looked at now and then; after the last look comes the end.
    let folded = if folded.is_zero() { invoiced } else { folded };
    line(format_args!("  every charge folded by all read models {:>8} s after closing the day", seconds(*folded)))?;
    line(format_args!("  last invoice issued                    {:>8} s after closing the day", seconds(*issued)))?;
    line(format_args!("  everything folded, invoices too        {:>8} s after closing the day", seconds(*invoiced)))?;
    line(format_args!("  {} invoices of the day with {} lines", HumanCount((*invoices).into()), HumanCount(*lines)))?;
    if let Some(Used { processor, resident_bytes }) = used {
        line(format_args!("  processor time of closing the day      {:>8} s, of all threads", seconds(*processor)))?;
        line(format_args!("  memory of the process at most          {:>8}", HumanBytes(*resident_bytes).to_string()))?;
    }
    if let Some(path) = &args.json {
        let result = json!({
            "subscriptions": args.subscriptions, "partners": args.partners, "subscriptions_per_customer": args.each,
            "fill_seconds": load.as_secs_f64(), "settle_seconds": settle.as_secs_f64(),
            "decided_seconds": decided.as_secs_f64(), "issued_seconds": issued.as_secs_f64(),
            "all_folded_seconds": invoiced.as_secs_f64(),
            "folded_seconds": folded.as_secs_f64(), "invoices": invoices, "lines": lines,
            "closing_processor_seconds": used.as_ref().map(|used| used.processor.as_secs_f64()),
            "resident_bytes_max": used.as_ref().map(|used| used.resident_bytes),
        });
        write_json(path, &result)?;
    }
    Ok(())
}
