//! `subledger reconcile`: a provider's reconciliation file against the ledger.
//!
//! Both sides are sorted on disk and compared a subscription at a time ([`subledger_files::compare`]), so a file of any size needs little
//! memory.

mod report;
mod sort;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use subledger_domain::{charge::Derivation, offer::ProrationRule};
use subledger_files::{
    compare::{CompareError, Line, SortKey, compare},
    read::{FileError, Reader},
};
use subledger_log::codec::Wire as _;
use subledger_proto::{
    api::{Charge, ListReconciliationLinesRequest},
    common::Position,
};

use self::{report::Report, sort::Sorter};
use super::{
    Failure,
    connect::{Address, Connection, position},
    export_recon::Selected,
    files, help,
    output::Output,
};

/// Lines asked for at a time: the most that the API gives at once.
const PAGE_LINES: i32 = 1_000;
/// Lines read between two looks at the progress.
const PROGRESS_LINES: u64 = 1_000;

/// Arguments of `reconcile`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger reconcile provider.csv --invoice p-1-L-USD-000001\n  \
     subledger reconcile provider.csv --partner p-1 --period 2018-02 --output csv > differences.csv\n  \
     subledger reconcile provider.csv --partner p-1 --family one-time --period 2018-02 --currency EUR --output json\n\n\
     The file has the published columns in any order and any of their spellings. Lines are matched by subscription, charge type,\n\
     dates and price, never by offer id or domain name. A difference has its likely cause: currency, quantity, price_version,\n\
     proration_rule, rounding, discount, tax, total_mismatch, period, charge_type, identity, mangled_id, duplicate_line, missed_change,\n\
     missing_charge."
))]
pub(crate) struct Args {
    /// The file; - for standard input
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    #[command(flatten)]
    selection: Selected,
    /// Differences that a table shows; 0 for all
    #[arg(long, default_value_t = 200, value_name = "ROWS")]
    limit: usize,
    /// Wait until the answer reflects this commit, such as customers/2@17; repeatable
    #[arg(long, value_name = "POSITION", value_parser = position)]
    min_position: Vec<Position>,
    #[command(flatten)]
    address: Address,
    #[command(flatten)]
    output: Output,
}

impl sort::Sortable for Line {
    type Key = SortKey;
    fn key(&self) -> SortKey {
        self.sort_key()
    }
}

/// The id of a line in the file, to find one that stands there twice.
#[derive(Serialize, Deserialize)]
struct Id {
    line_id: String,
    row: u64,
}

impl sort::Sortable for Id {
    type Key = (String, u64);
    fn key(&self) -> Self::Key {
        (self.line_id.clone(), self.row)
    }
}

/// Compares, and says on standard output what differs.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let connection = args.address.connect().await?;
    let theirs = read_file(&args.file)?;
    let ours = read_ledger(&connection, &args).await?;
    let mut report = Report::new(args.output.output, args.limit)?;
    let progress = Progress::new("compared");
    let theirs = (1..).zip(theirs.sorted()?).map(|(count, line)| {
        progress.at(count);
        line
    });
    let compared = compare(theirs, ours.sorted()?, &mut |finding| report.finding(&finding));
    drop(progress);
    let summary = compared.map_err(|error| match error {
        CompareError::Side(error) => Failure::Output(error),
        CompareError::TooManyLines { .. } => Failure::Usage(error.to_string()),
    })?;
    report.finish(&summary)?;
    if summary.is_equal() { Ok(()) } else { Err(Failure::Differs(String::new())) }
}

/// The lines of the file, on their way to be sorted.
fn read_file(path: &Path) -> Result<Sorter<Line>, Failure> {
    let failed = |error: FileError| Failure::Usage(format!("{}: {}\n  {error}", path.display(), error.code()));
    let source: Box<dyn io::Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        let file = File::open(path);
        Box::new(file.map_err(|error| Failure::Usage(format!("cannot read {}: {error}", path.display())))?)
    };
    let mut reader = Reader::new(source).map_err(failed)?;
    let (mut lines, mut ids) = (Sorter::new(), Sorter::new());
    let progress = Progress::new("read");
    while let Some(line) = reader.next_line().map_err(failed)? {
        if !line.line_id.is_empty() {
            ids.push(Id { line_id: line.line_id.clone(), row: line.row })?;
        }
        progress.at(line.row);
        lines.push(line)?;
    }
    let mut last: Option<Id> = None;
    for id in ids.sorted()? {
        let id = id?;
        if let Some(Id { line_id, row }) = last.take_if(|last| last.line_id == id.line_id) {
            return Err(failed(FileError::DuplicateLineId { line_id, first: row, second: id.row }));
        }
        last = Some(id);
    }
    Ok(lines)
}

/// The ledger's lines, on their way to be sorted.
async fn read_ledger(connection: &Connection, args: &Args) -> Result<Sorter<Line>, Failure> {
    let mut request = ListReconciliationLinesRequest {
        selection: Some(args.selection.to_wire()),
        page_size: PAGE_LINES,
        page_token: String::new(),
        min_position: args.min_position.clone(),
    };
    let mut billing = connection.billing();
    let mut lines = Sorter::new();
    let progress = Progress::new("asked");
    let mut count = 0;
    loop {
        let page = billing.list_reconciliation_lines(request.clone()).await?.into_inner();
        for charge in page.charges {
            count += 1;
            progress.at(count);
            lines.push(line(charge)?)?;
        }
        if page.next_page_token.is_empty() {
            return Ok(lines);
        }
        request.page_token = page.next_page_token;
    }
}

/// A charge of the API as a line.
fn line(charge: Charge) -> Result<Line, Failure> {
    let number = |text: &str| text.parse::<Decimal>().map_err(|_| damaged(text));
    let date = |text: &str| text.parse().map_err(|_| damaged(text));
    let derivation = charge.derivation.as_ref().map(|derivation| {
        Ok::<_, Failure>(Derivation {
            rule: ProrationRule::from_wire(derivation.rule).map_err(|error| damaged(&error.to_string()))?,
            period_price: number(&derivation.period_price)?,
            period_days: derivation.period_days,
            billed_days: derivation.billed_days,
        })
    });
    let usage = charge.usage.as_ref();
    let (unit_price, quantity) = match usage {
        // As the file shows usage: the list price of a unit, and the units since the line before.
        Some(usage) => (number(&usage.unit_price)?, number(&usage.quantity)? - number(&usage.quantity_before)?),
        None => (number(&charge.unit_price)?, charge.quantity.into()),
    };
    Ok(Line {
        row: 0,
        derivation: derivation.filter(|_| usage.is_none()).transpose()?,
        charge_start: date(&charge.charge_start)?,
        charge_end: date(&charge.charge_end)?,
        unit_price,
        quantity,
        amount: number(&charge.amount)?,
        discount: number(&charge.discount)?,
        subtotal: number(&charge.subtotal)?,
        tax: number(&charge.tax)?,
        total: number(&charge.total)?,
        line_id: charge.line_id,
        subscription: charge.subscription_id,
        customer_id: charge.customer_id,
        offer_id: charge.offer_id,
        charge_type: charge.charge_type,
        currency: charge.currency,
    })
}

fn damaged(what: &str) -> Failure {
    Failure::Output(io::Error::other(format!("the ledger's answer cannot be read: {what}")))
}

/// Counts on standard error, where there are very many lines.
struct Progress {
    bar: std::cell::OnceCell<indicatif::ProgressBar>,
    what: &'static str,
}

impl Progress {
    fn new(what: &'static str) -> Self {
        Self { bar: std::cell::OnceCell::new(), what }
    }

    fn at(&self, lines: u64) {
        if lines >= files::PROGRESS_LINES_MIN && lines.is_multiple_of(PROGRESS_LINES) {
            self.bar.get_or_init(|| files::spinner(self.what)).set_position(lines);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}
