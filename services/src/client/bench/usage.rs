//! A month of metered usage, hour by hour: how fast records come in, and how long each day and the month take to close.
//!
//! Every day of the month each customer sends its records of the day before it is closed; some come days late, some are corrected, and
//! roles are taken and given back. A day is closed when every partition has decided it and its invoices and earnings are done. What the month
//! used is invoiced in the next one, which is the month in which it earns (azure-marketplace-software.md G41), so that one is closed too.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use chrono::NaiveDate;
use indicatif::HumanCount;
use rust_decimal::Decimal;
use serde_json::json;
use subledger_proto::api::{
    AdvanceClockRequest, Command, GetStatusRequest, ListEarningPeriodsRequest, ListInvoicesRequest,
    SubmitStreamRequest, command::Body,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{help, month};
use crate::client::{Failure, connect::Connection, output::line, own_ledger::Embedded, times};

/// Commands of one batch.
const BATCH_COMMANDS: usize = 50;
/// Batches on their way at once.
const IN_FLIGHT: usize = 8;
/// Between two lines of progress.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Between two looks whether everything is folded.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Invoices of one page.
const PAGE: i32 = 1000;

/// Arguments of `bench usage`.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = help!(
    "  subledger bench usage --customers 100\n  \
     subledger bench usage --customers 1000 --meters 20 --json usage.json   # 15 million records\n  \
     subledger bench usage --address http://127.0.0.1:7440   # an empty ledger on a test clock of 2019-10-01\n\n\
     October 2019, hourly: 3 % of the records come late, 1 % are corrected, 2 % of the customers take or give a role each day. November is\n\
     closed too: October's invoices are issued in it, and earn in it."
))]
pub(crate) struct Args {
    /// Customers, each with an Azure plan and a subscription
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) customers: u32,
    /// Meters that each of them uses
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(super) meters: u32,
    /// Days of the month that are used; all of them are closed
    #[arg(long, default_value_t = 31, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=31))]
    pub(super) days: u32,
    /// Partners they are spread over
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(super) partners: u32,
    /// Chooses quantities, and what is late and wrong
    #[arg(long, default_value_t = 7, value_name = "N")]
    pub(super) seed: u64,
    /// An empty ledger on a test clock that begins on 2019-10-01; without it, one of its own in a temporary directory
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
#[derive(Default)]
struct Measured {
    records: u64,
    /// While records were sent, until they were decided and durable.
    recording: Duration,
    /// From a batch's sending to its answer.
    batches: Vec<Duration>,
    /// To close each day but the last.
    days: Vec<Duration>,
    /// To close the last day of use: everything is charged and invoiced.
    month: Duration,
    /// To close the last day of the month after: everything invoiced in it has earned.
    earning: Duration,
    /// To fold what was recorded, beyond the time it took to record it.
    folding: Duration,
    invoices: u64,
    lines: u64,
    earned: Earned,
}

/// What a month of earnings came to.
#[derive(Default)]
struct Earned {
    /// Months closed, one for each partner.
    periods: u64,
    earnings: u64,
    usd: Decimal,
}

/// Sends a month, closes its days, prints how long it took.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let measured = if let Some(address) = &args.address {
        measure(&args, &Connection::to(address).await?).await?
    } else {
        let mut builder = tempfile::Builder::new();
        builder.prefix("subledger-bench-");
        let directory = args.directory.as_ref().map_or_else(|| builder.tempdir(), |it| builder.tempdir_in(it));
        let directory = directory.map_err(|error| Failure::Usage(format!("cannot make a directory: {error}")))?;
        let ledger = Embedded::start(directory.path(), month::first_day()).await?;
        let measured = match Connection::to(ledger.address()).await {
            Ok(connection) => measure(&args, &connection).await,
            Err(failure) => Err(failure),
        };
        ledger.stop().await?;
        measured?
    };
    report(&args, &measured)
}

async fn measure(args: &Args, connection: &Connection) -> Result<Measured, Failure> {
    let mut story = month::Story::new(args);
    send(connection, story.founding(), &mut Vec::new()).await?;
    let began = Instant::now();
    let mut run = Run { connection, story, measured: Measured::default(), began, shown: began };
    let (last, earned_on) = (month::last_day(), month::earned_on());
    for day in month::first_day().iter_days().take_while(|day| *day < last) {
        let closing = run.day(day).await?;
        run.measured.days.push(closing);
    }
    run.measured.month = run.day(last).await?;
    (run.measured.invoices, run.measured.lines) = issued(connection, last).await?;
    // What comes late is used in the month before; the days themselves have nothing to measure.
    for day in last.iter_days().skip(1).take_while(|day| *day < earned_on) {
        run.day(day).await?;
    }
    run.measured.earning = run.day(earned_on).await?;
    run.measured.earned = earned(connection, earned_on).await?;
    Ok(run.measured)
}

/// A month on its way.
struct Run<'a> {
    connection: &'a Connection,
    story: month::Story,
    measured: Measured,
    began: Instant,
    shown: Instant,
}

impl Run<'_> {
    /// Sends what comes on a day, and closes it. How long the closing took.
    async fn day(&mut self, day: NaiveDate) -> Result<Duration, Failure> {
        let commands = self.story.day(day);
        let measured = &mut self.measured;
        measured.records += commands.iter().map(records).sum::<u64>();
        let sending = Instant::now();
        send(self.connection, commands, &mut measured.batches).await?;
        measured.recording += sending.elapsed();
        let folding = Instant::now();
        folded(self.connection).await?;
        measured.folding += folding.elapsed();
        let closing = Instant::now();
        self.connection.admin().advance_clock(AdvanceClockRequest { close_through: day.to_string() }).await?;
        let closing = closing.elapsed();
        if self.shown.elapsed() >= LINE_EVERY {
            self.shown = Instant::now();
            let (records, seconds) = (HumanCount(measured.records), self.began.elapsed().as_secs());
            eprintln!("through {day} of {}, {records} records in {seconds} s", month::earned_on());
        }
        Ok(closing)
    }
}

fn records(command: &Command) -> u64 {
    match &command.body {
        Some(Body::RecordUsage(usage)) => usage.records.len() as u64,
        _ => 0,
    }
}

/// Sends commands in order, and stops at the first that is refused.
async fn send(connection: &Connection, commands: Vec<Command>, times: &mut Vec<Duration>) -> Result<(), Failure> {
    let (requests, queue) = mpsc::channel(IN_FLIGHT);
    let (sent, mut sent_at) = mpsc::unbounded_channel();
    let sending = tokio::spawn(async move {
        for batch in commands.chunks(BATCH_COMMANDS) {
            let request = SubmitStreamRequest { commands: batch.to_vec(), include_events: false };
            // Before it is queued: waiting for room is waiting.
            let _ = sent.send((Instant::now(), batch.len()));
            if requests.send(request).await.is_err() {
                return;
            }
        }
    });
    let mut answers = connection.commands().submit_stream(ReceiverStream::new(queue)).await?.into_inner();
    let mut waiting: VecDeque<(Instant, usize)> = VecDeque::new();
    while let Some(answer) = answers.message().await? {
        if let Some(refused) = answer.outcomes.iter().find_map(|outcome| outcome.rejection.as_ref()) {
            return Err(Failure::Differs(format!("the ledger refused: {}: {}", refused.reason, refused.message)));
        }
        while let Ok(batch) = sent_at.try_recv() {
            waiting.push_back(batch);
        }
        // Answers come in the order of commands, and may hold a part of a batch.
        let mut left = answer.outcomes.len();
        while let Some((at, count)) = waiting.front_mut() {
            let taken = left.min(*count);
            *count -= taken;
            left -= taken;
            if *count > 0 {
                break;
            }
            times.push(at.elapsed());
            waiting.pop_front();
        }
    }
    sending.await.map_err(|error| Failure::Usage(error.to_string()))
}

/// Waits until every projector has folded everything.
async fn folded(connection: &Connection) -> Result<(), Failure> {
    loop {
        let status = connection.admin().get_status(GetStatusRequest {}).await?.into_inner();
        if status.projectors.iter().all(|projector| projector.lag_records == 0) {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The invoices of the month, and their lines.
async fn issued(connection: &Connection, last: NaiveDate) -> Result<(u64, u64), Failure> {
    let (mut invoices, mut lines) = (0, 0);
    let mut request = ListInvoicesRequest { page_size: PAGE, ..ListInvoicesRequest::default() };
    loop {
        let page = connection.billing().list_invoices(request.clone()).await?.into_inner();
        for invoice in page.invoices.iter().filter(|invoice| invoice.period_end == last.to_string()) {
            invoices += 1;
            lines += u64::from(invoice.line_count);
        }
        if page.next_page_token.is_empty() {
            return Ok((invoices, lines));
        }
        request.page_token = page.next_page_token;
    }
}

/// The months of earnings that were closed with a day.
async fn earned(connection: &Connection, on: NaiveDate) -> Result<Earned, Failure> {
    let month = on.format("%Y-%m").to_string();
    let mut request = ListEarningPeriodsRequest {
        from_month: month.clone(),
        to_month: month,
        page_size: PAGE,
        ..ListEarningPeriodsRequest::default()
    };
    let mut earned = Earned::default();
    loop {
        let page = connection.incentives().list_earning_periods(request.clone()).await?.into_inner();
        for period in &page.periods {
            earned.periods += 1;
            earned.earnings += u64::from(period.line_count);
            let usd: Result<Decimal, _> = period.earned_usd.parse();
            earned.usd += usd.map_err(|error| Failure::Differs(format!("{:?}: {error}", period.earned_usd)))?;
        }
        if page.next_page_token.is_empty() {
            return Ok(earned);
        }
        request.page_token = page.next_page_token;
    }
}

/// So many of a hundred took no longer.
fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).copied().unwrap_or_default()
}

fn report(args: &Args, of: &Measured) -> Result<(), Failure> {
    let seconds = |time: Duration| format!("{:.2}", time.as_secs_f64());
    let rated = of.days.iter().sum::<Duration>() + of.month;
    let whole = of.recording + of.folding + rated + of.earning;
    let rate = |time: Duration| u128::from(of.records) * 1000 / time.as_millis().max(1);
    line(format_args!(
        "{} customers of {} partners, {} meters, {} days from {}, hourly: {} records",
        HumanCount(args.customers.into()),
        HumanCount(args.partners.into()),
        args.meters,
        args.days,
        month::first_day(),
        HumanCount(of.records)
    ))?;
    let batch = format!("{BATCH_COMMANDS} commands of at most {} records, on disk before each answer", month::RECORDS);
    line(format_args!(
        "  recorded             {:>10} s  {} records/s, {batch}",
        seconds(of.recording),
        rate(of.recording)
    ))?;
    let [p50, p99] = [50, 99].map(|percent| percentile(&of.batches, percent));
    line(format_args!(
        "  a batch              {:>10} s  p50, {} s p99, {IN_FLIGHT} on their way",
        seconds(p50),
        seconds(p99)
    ))?;
    line(format_args!("  folded after that    {:>10} s", seconds(of.folding)))?;
    let [p50, p99] = [50, 99].map(|percent| percentile(&of.days, percent));
    line(format_args!("  a day closed         {:>10} s  p50, {} s p99", seconds(p50), seconds(p99)))?;
    line(format_args!("  all days, rated      {:>10} s  {} records/s", seconds(rated), rate(rated)))?;
    let (invoices, lines) = (HumanCount(of.invoices), HumanCount(of.lines));
    line(format_args!("  the month closed     {:>10} s  {invoices} invoices with {lines} lines", seconds(of.month)))?;
    let Earned { periods, earnings, usd } = &of.earned;
    let (periods, earnings) = (HumanCount(*periods), HumanCount(*earnings));
    line(format_args!(
        "  the earnings closed  {:>10} s  {periods} months of partners with {earnings} earnings, {usd} USD",
        seconds(of.earning)
    ))?;
    line(format_args!("  end to end           {:>10} s  {} records/s", seconds(whole), rate(whole)))?;
    if let Some(path) = &args.json {
        let result = json!({
            "customers": args.customers, "partners": args.partners, "meters": args.meters, "days": args.days,
            "records": of.records, "recording_seconds": of.recording.as_secs_f64(),
            "folding_seconds": of.folding.as_secs_f64(), "month_seconds": of.month.as_secs_f64(),
            "day_p50_seconds": p50.as_secs_f64(), "day_p99_seconds": p99.as_secs_f64(),
            "batch_p50_seconds": percentile(&of.batches, 50).as_secs_f64(),
            "batch_p99_seconds": percentile(&of.batches, 99).as_secs_f64(),
            "whole_seconds": whole.as_secs_f64(), "invoices": of.invoices, "lines": of.lines,
            "rating_seconds": rated.as_secs_f64(), "earning_seconds": of.earning.as_secs_f64(),
            "earning_periods": of.earned.periods, "earnings": of.earned.earnings, "earned_usd": usd.to_string(),
        });
        std::fs::write(path, format!("{result:#}\n"))
            .map_err(|error| Failure::Usage(format!("cannot write {}: {error}", path.display())))?;
    }
    Ok(())
}

/// A command that takes effect at the beginning of a day.
pub(super) fn command(id: String, on: NaiveDate, body: Body) -> Command {
    let effective_at = Some(times::timestamp(times::midnight(on)));
    Command { command_id: id, effective_at, expected_version: None, body: Some(body) }
}
