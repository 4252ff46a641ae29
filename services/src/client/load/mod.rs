//! `subledger load`: a file of commands, sent in order over one stream, safe to run again.

mod commands_csv;
mod flat;
mod prices;
mod progress;
mod sender;
mod source;
mod summary;
mod usage;

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use subledger_domain::{ids::PriceListId, money::Currency};

use self::{
    commands_csv::CommandRows,
    prices::{Table, TableRows},
    progress::Progress,
    sender::Sender,
    source::{Items, JsonLines},
    summary::Settled,
    usage::UsageRows,
};
use super::{
    Failure,
    connect::Address,
    help,
    output::{Output, csv_line},
    times,
};

/// Commands of one batch, at most: a limit of the API.
const BATCH_COMMANDS_MAX: i64 = 1000;

/// Arguments that stand in place of a file of commands.
const TABLES: [&str; 7] = ["prices", "offers", "tax_rates", "meters", "meter_prices", "exchange_rates", "usage"];

/// Arguments of `load`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger load commands.jsonl\n  \
     subledger load changes.csv --rejections changes.rejected.jsonl\n  \
     subledger load --offers offers.csv\n  \
     subledger load --prices 2018-01.csv --price-list 2018-01-US --currency USD\n  \
     subledger load --tax-rates rates.csv\n  \
     subledger generate --customers 1000 --seed 1 | subledger load -\n\n\
     JSON lines: each line is the canonical JSON of subledger.v1.Command, such as\n  \
     {\"command_id\": \"c-1\", \"change_quantity\": {\"customer_id\": \"c-1\", \"partner_id\": \"p-1\", \"subscription_id\": \"s-1\", \"quantity\": 7}}\n\n\
     CSV: a column \"command\" (register_partner, create_customer, accept_agreement, purchase with one line, change_quantity, suspend,\n  \
     reactivate, cancel, set_auto_renew, ...), optionally command_id, effective_at and expected_version, and the fields of the\n  \
     command under their own names; nested ones with a dot (address.country), several values with ; between them:\n  \
     command,customer_id,partner_id,subscription_id,quantity\n  \
     change_quantity,c-1,p-1,s-1,7\n\n\
     Tax rates: country,region,tax,scope,rate_percent,treatment,valid_from,valid_to\n  \
     DE,,VAT,all,19,exclusive,2021-01-01,\n  \
     CA,BC,BC PST,all,7,,2013-04-01,\n  \
     (scope: all, digital, software, reservation or pstn; region, treatment and valid_to may be empty)\n\n\
     Azure: --meters (meter_id,unit,name,category,tags,...), --meter-prices (meter_id,valid_from,valid_to,tier_from,unit_price),\n\
     --exchange-rates (month,from,to,rate: 2019-10-01,USD,EUR,0.913951469), and --usage with columns of the daily-rated usage file:\n\
     CustomerId,EntitlementId,ResourceGroup,ResourceURI,MeterId,UsageDate,Unit,Quantity,Hour,ReplacesQuantity (the last two may lack)\n\n\
     Commands without command_id get one from the file's name (or --batch), the line and its content: loading the same file again\n\
     does nothing twice, and a corrected line is a new command. Use --batch where a file of the same name comes every day.\n\
     What is refused or cannot be read goes to FILE.rejected.jsonl with line and reason; nothing stops because of it."
))]
pub(crate) struct Args {
    /// JSON lines or CSV (by its name) of commands; - for standard input
    #[arg(value_name = "FILE", required_unless_present_any = TABLES, conflicts_with_all = TABLES)]
    file: Option<PathBuf>,
    /// A published price list (CSV)
    #[arg(long, value_name = "FILE", requires = "price_list", requires = "currency", conflicts_with_all = ["offers", "tax_rates"])]
    prices: Option<PathBuf>,
    /// Name of the price list, by convention its month and market: 2018-01-US
    #[arg(long, value_name = "ID", requires = "prices", value_parser = price_list)]
    price_list: Option<PriceListId>,
    /// Currency of every price in the list
    #[arg(long, value_name = "CODE", requires = "prices", value_parser = currency)]
    currency: Option<Currency>,
    /// An offer matrix (CSV): `offer_id`, `display_name`, `product_family`, kind, `term_months`, `billing_frequencies`, ...
    #[arg(long, value_name = "FILE", conflicts_with = "tax_rates")]
    offers: Option<PathBuf>,
    /// Tax rates (CSV): country, region, tax, scope, `rate_percent`, treatment, `valid_from`, `valid_to`
    #[arg(long, value_name = "FILE")]
    tax_rates: Option<PathBuf>,
    /// Meters of Azure services (CSV): `meter_id`, unit, ...
    #[arg(long, value_name = "FILE", conflicts_with_all = ["prices", "offers", "tax_rates"])]
    meters: Option<PathBuf>,
    /// Prices of meters (CSV): `meter_id`, `valid_from`, `valid_to`, `tier_from`, `unit_price`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["prices", "offers", "tax_rates", "meters"])]
    meter_prices: Option<PathBuf>,
    /// Currency of every price of a meter
    #[arg(long, value_name = "CODE", default_value = "USD", requires = "meter_prices", value_parser = currency)]
    pricing_currency: Currency,
    /// Exchange rates of months of usage (CSV): month, from, to, rate
    #[arg(long, value_name = "FILE", conflicts_with_all = ["prices", "offers", "tax_rates", "meters", "meter_prices"])]
    exchange_rates: Option<PathBuf>,
    /// Usage (CSV), with columns of the daily-rated usage file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["prices", "offers", "tax_rates", "meters", "meter_prices", "exchange_rates"])]
    usage: Option<PathBuf>,
    /// How the file is written, where its name does not say
    #[arg(long, value_enum)]
    format: Option<FileFormat>,
    /// Where refused commands go; FILE.rejected.jsonl if absent
    #[arg(long, value_name = "FILE")]
    rejections: Option<PathBuf>,
    /// Name from which command ids are derived; the file's name if absent
    #[arg(long, value_name = "NAME")]
    batch: Option<String>,
    /// When commands without a time of their own take effect; now, if absent
    #[arg(long, value_name = "TIME", value_parser = times::instant)]
    effective_at: Option<DateTime<Utc>>,
    /// Commands sent at once
    #[arg(long, default_value_t = 500, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=BATCH_COMMANDS_MAX))]
    batch_size: u32,
    /// Batches on their way at once
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    in_flight: u32,
    /// How long to try again when the ledger is away, in seconds
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    patience: u64,
    /// Only read the file and say what cannot be read
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    address: Address,
    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum FileFormat {
    Json,
    Csv,
}

fn price_list(text: &str) -> Result<PriceListId, String> {
    PriceListId::new(text).map_err(|error| error.to_string())
}

fn currency(text: &str) -> Result<Currency, String> {
    Currency::new(text).map_err(|error| error.to_string())
}

/// Sends the file and prints a summary.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let tables = [
        &args.prices,
        &args.offers,
        &args.tax_rates,
        &args.meters,
        &args.meter_prices,
        &args.exchange_rates,
        &args.usage,
    ];
    let path = args.file.as_ref().or_else(|| tables.into_iter().find_map(Option::as_ref));
    let path = path.cloned().ok_or_else(|| Failure::Usage("a file is needed".to_owned()))?;
    let (items, bytes) = items(&args, &path)?;
    let batch = args.batch.clone().unwrap_or_else(|| file_name(&path));
    let items = named(items, batch, args.effective_at);
    let rejections = args.rejections.clone().unwrap_or_else(|| beside(&path));
    let settled = Settled::new(rejections, Progress::new(bytes));
    let settled = if args.dry_run {
        dry_run(items, settled)?
    } else {
        let sender = Sender::new(args.address.clone(), args.batch_size, args.in_flight, args.patience);
        sender.send(items, settled).await?
    };
    settled.finish(args.output)
}

/// Opens the file as what it is.
fn items(args: &Args, path: &Path) -> Result<(Items, Option<u64>), Failure> {
    let (reader, bytes) = source::open(path)?;
    let table = match (&args.price_list, args.currency) {
        (Some(price_list), Some(currency)) if args.prices.is_some() => {
            Some(Table::Prices { price_list: price_list.clone(), currency })
        }
        _ if args.tax_rates.is_some() => Some(Table::TaxRates),
        _ if args.meters.is_some() => Some(Table::Meters),
        _ if args.meter_prices.is_some() => Some(Table::MeterPrices { currency: args.pricing_currency }),
        _ if args.exchange_rates.is_some() => Some(Table::ExchangeRates),
        _ => args.offers.as_ref().map(|_| Table::Offers),
    };
    let is_csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let format = args.format.unwrap_or(if is_csv { FileFormat::Csv } else { FileFormat::Json });
    let items: Items = match (table, format) {
        _ if args.usage.is_some() => Box::new(UsageRows::new(reader)?),
        (Some(table), _) => Box::new(TableRows::new(reader, table)?),
        (None, FileFormat::Csv) => Box::new(CommandRows::new(reader)?),
        (None, FileFormat::Json) => Box::new(JsonLines::new(reader)),
    };
    Ok((items, bytes))
}

/// Gives every command its id, and its time where one is given for all.
fn named(items: Items, batch: String, effective_at: Option<DateTime<Utc>>) -> Items {
    let at = effective_at.map(times::timestamp);
    Box::new(items.map(move |item| {
        let mut item = item?;
        item.content = item.content.map(|mut command| {
            command.effective_at = command.effective_at.or(at);
            source::with_id(command, &batch, item.line)
        });
        Ok(item)
    }))
}

fn dry_run(items: Items, mut settled: Settled) -> Result<Settled, Failure> {
    for item in items {
        let item = item?;
        match &item.content {
            Ok(_) => settled.readable(&item),
            Err(unreadable) => settled.unreadable(&item, unreadable)?,
        }
    }
    Ok(settled)
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| "stdin".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// `commands.jsonl` to `commands.jsonl.rejected.jsonl`, beside the file; in the working directory for standard input.
fn beside(path: &Path) -> PathBuf {
    if path == Path::new("-") {
        return PathBuf::from("stdin.rejected.jsonl");
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".rejected.jsonl");
    PathBuf::from(name)
}

/// Reads a file as every kind there is, and says why what is no command is none.
#[cfg(feature = "decoders")]
pub(crate) fn read_every_kind(bytes: &[u8], refused: &mut dyn FnMut(&str)) {
    let bytes = || std::io::Cursor::new(bytes.to_vec());
    let currency = Currency::DOLLAR;
    let Ok(price_list) = PriceListId::new("fuzzed") else { return };
    let tables = [
        Table::Prices { price_list, currency },
        Table::Offers,
        Table::TaxRates,
        Table::Meters,
        Table::MeterPrices { currency },
        Table::ExchangeRates,
    ];
    let tables = tables.into_iter().map(|table| Ok(Box::new(TableRows::new(bytes(), table)?) as Items));
    let lines: [Result<Items, Failure>; 3] = [
        Ok(Box::new(JsonLines::new(bytes()))),
        CommandRows::new(bytes()).map(|rows| Box::new(rows) as Items),
        UsageRows::new(bytes()).map(|rows| Box::new(rows) as Items),
    ];
    for items in tables.chain(lines) {
        let Ok(items) = items else { continue };
        for item in named(items, "fuzzed".to_owned(), None) {
            // A file that cannot be read on ends there.
            let Ok(item) = item else { break };
            if let Err(unreadable) = &item.content {
                refused(&unreadable.why);
            }
        }
    }
}

#[cfg(test)]
mod tests;
