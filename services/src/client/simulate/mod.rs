//! `subledger simulate`: golden cases through a real ledger on a test clock.
//!
//! A case is read strictly ([`case`]), becomes commands ([`plan`]) and is sent to a ledger of its own ([`super::own_ledger`]), or to one that runs
//! already, through its gRPC interface ([`target`]), as anybody else would; what was invoiced is printed or compared ([`check`]). No shortcut of
//! its own. Cases that share a ledger share its clock: they run side by side ([`schedule`]).

mod case;
mod check;
mod fields;
mod plan;
mod run;
mod schedule;
mod target;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use self::{
    case::Case,
    plan::Ids,
    run::{Run, Told},
    target::Remote,
};
use super::{
    Failure,
    connect::Connection,
    help,
    output::{Column, Format, Output, Printer, line},
    own_ledger::Embedded,
};

/// Arguments of `simulate`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger simulate tests/golden/license-annual-new.json\n  \
     subledger simulate tests/golden --check\n  \
     subledger simulate case.json --output json | jq '.invoices[].total'\n  \
     subledger simulate tests/golden --check --address http://127.0.0.1:7440\n\n\
     A case is one JSON file; tests/golden has examples. A directory runs every *.json in it, in the order of names. With --address all of\n\
     them live in the ledger there, under ids that no run had before, and its test clock moves forward to the last day of the last."
))]
pub(crate) struct Args {
    /// A case, or a directory of cases
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Compare with the invoices the case expects; print the differences and exit with 1 if there are any
    #[arg(long)]
    check: bool,
    /// Run in the ledger at this address, embedded or on Kafka, instead of one of its own; it must have a test clock
    #[arg(long, value_name = "URL", alias = "ledger")]
    address: Option<String>,
    /// Run the cases so many years later, a multiple of 4, where the clock is past their days; dates are printed as the cases have them
    #[arg(long, value_name = "N", default_value_t = 0, requires = "address")]
    shift_years: u32,
    #[command(flatten)]
    output: Output,
}

/// Hexadecimal digits that tell one run in a ledger from another.
const RUN_DIGITS: usize = 8;

const LINES: &[Column] = &[
    Column::text("INVOICE", "invoice"),
    Column::text("FROM", "charge_start"),
    Column::text("TO", "charge_end"),
    Column::text("TYPE", "charge_type"),
    Column::amount("UNIT PRICE", "unit_price"),
    Column::number("SEATS", "quantity"),
    Column::amount("AMOUNT", "amount"),
    Column::text("PURCHASED", "purchase_date"),
    Column::text("SKU", "sku"),
    Column::text("DESCRIPTION", "subscription_description"),
    Column::text("COMPONENT", "component"),
];

/// Runs the cases and prints what was invoiced.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let cases = read(&args.path)?;
    let together = match &args.address {
        Some(address) => in_one(address, args.shift_years, cases.clone()).await?.into_iter().map(Some).collect(),
        None => vec![None; cases.len()],
    };
    let mut printed = Vec::new();
    let mut failed = 0;
    for (case, run) in cases.iter().zip(together) {
        let run = match run {
            Some(run) => run,
            None => in_its_own(case).await?,
        };
        let differences = if args.check { check::differences(case, &run) } else { Vec::new() };
        failed += usize::from(!differences.is_empty());
        match args.output.output {
            Format::Json => printed.push(json(&args, &run, differences)),
            _ if args.check => print_check(&run, &differences)?,
            _ => print(args.output, &run)?,
        }
    }
    if args.output.output == Format::Json {
        let document = if args.path.is_dir() { Value::Array(printed) } else { printed.pop().unwrap_or_default() };
        line(format_args!("{document:#}"))?;
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failure::Differs(format!("{failed} of {} cases differ", cases.len()))),
    }
}

/// Reads every case before any is run.
fn read(path: &Path) -> Result<Vec<Case>, Failure> {
    let unreadable = |path: &Path, error| Failure::Usage(format!("cannot read {}: {error}", path.display()));
    let mut paths = vec![path.to_owned()];
    if path.is_dir() {
        let entries = fs::read_dir(path).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
        paths = entries.map_err(|error| unreadable(path, error))?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
    }
    if paths.is_empty() {
        return Err(Failure::Usage(format!("{} holds no *.json", path.display())));
    }
    let case = |path: &PathBuf| {
        let text = fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
        Case::read(&text).map_err(|error| Failure::Usage(format!("{} is not a case: {error}", path.display())))
    };
    paths.iter().map(case).collect()
}

/// Runs all cases in a ledger that is there already.
async fn in_one(address: &str, years: u32, cases: Vec<Case>) -> Result<Vec<Run>, Failure> {
    let later = |case: Case| {
        let unfit = format!(
            "--shift-years: {} cannot run {years} years later; multiples of 4 that keep it in 1901 to 2099 can",
            case.id
        );
        case.later(years).ok_or(Failure::Usage(unfit))
    };
    let tag: String = crate::ids::random().simple().to_string().chars().take(RUN_DIGITS).collect();
    let told = cases.into_iter().enumerate().map(|(place, case)| {
        let ids = Ids::new(format!("simulate-{tag}-{place}"));
        Ok(Told { case: later(case)?, ids })
    });
    let told: Vec<Told> = told.collect::<Result<_, Failure>>()?;
    let mut ledger = Remote::new(Connection::to(address).await?);
    ledger.check(address, &told).await?;
    run::run(&told, &mut ledger).await
}

/// Runs a case in a ledger of its own, which is gone afterwards.
async fn in_its_own(case: &Case) -> Result<Run, Failure> {
    let directory = tempfile::Builder::new().prefix("subledger-simulate-").tempdir();
    let directory = directory.map_err(|error| Failure::Usage(format!("cannot make a directory: {error}")))?;
    let ledger = Embedded::start(directory.path(), case.first_day()).await?;
    let told = [Told { case: case.clone(), ids: Ids::new("simulate") }];
    let result = match Connection::to(ledger.address()).await {
        Ok(connection) => run::run(&told, &mut Remote::new(connection)).await,
        Err(failure) => Err(failure),
    };
    let stopped = ledger.stop().await;
    let run = result?.pop().unwrap_or_default();
    stopped.map(|()| run)
}

fn json(args: &Args, run: &Run, differences: Vec<String>) -> Value {
    let mut json = run.to_json();
    if let (Some(fields), true) = (json.as_object_mut(), args.check) {
        fields.insert("differences".to_owned(), differences.into());
    }
    json
}

fn print_check(run: &Run, differences: &[String]) -> Result<(), Failure> {
    line(format_args!("{} {}", if differences.is_empty() { "ok  " } else { "FAIL" }, run.id))?;
    differences.iter().try_for_each(|difference| line(format_args!("     {difference}")))?;
    print_rejections(run)
}

fn print(output: Output, run: &Run) -> Result<(), Failure> {
    if output.output == Format::Table {
        line(&run.id)?;
    }
    let mut printer = Printer::stdout(output, LINES)?;
    for invoice in &run.invoices {
        for charge in &invoice.lines {
            let mut row = charge.clone();
            row.insert("invoice".to_owned(), invoice.name.clone().into());
            printer.row(&Value::Object(row))?;
        }
    }
    printer.finish()?;
    if output.output == Format::Table {
        for invoice in &run.invoices {
            line(format_args!("{} total {}", invoice.name, invoice.total))?;
        }
        print_rejections(run)?;
        line("")?;
    }
    Ok(())
}

fn print_rejections(run: &Run) -> Result<(), Failure> {
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    run.rejections.iter().try_for_each(|rejection| {
        let field = |name| text(rejection, name);
        line(format_args!(
            "     {} {} refused: {}: {}",
            field("at"),
            field("command"),
            field("reason"),
            field("message")
        ))
    })
}
