//! `subledger search`: finds customers by ids, tags, names and domains.

use subledger_log::codec::to_json;
use subledger_proto::{api::SearchCustomersRequest, common::Position};

use super::{
    Failure,
    connect::{Address, position},
    help,
    output::{Column, Output, Printer},
};

/// Arguments of `search`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger search fabrikam\n  \
     subledger search \"Fabricam Gmbh\" --limit 5            # spelled nearly so\n  \
     subledger search sub-1001                             # whose subscription it is\n  \
     subledger search \"key account\" --partner p-1          # a tag of that partner"
))]
pub(crate) struct Args {
    /// An id, a tag, or a part of a name or domain
    text: String,
    /// Only customers of this partner
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
    /// Only ids, tags and beginnings, not what is spelled like it
    #[arg(long)]
    beginnings: bool,
    /// Most customers to print
    #[arg(long, default_value_t = 20, value_name = "ROWS", value_parser = clap::value_parser!(i32).range(1..=100))]
    limit: i32,
    /// Wait until the answer reflects this commit, such as customers/2@17; repeatable
    #[arg(long, value_name = "POSITION", value_parser = position)]
    min_position: Vec<Position>,
    #[command(flatten)]
    address: Address,
    #[command(flatten)]
    output: Output,
}

pub(super) const HITS: &[Column] = &[
    Column::text("CUSTOMER", "customer.customer_id"),
    Column::text("COMPANY", "customer.company_name"),
    Column::text("BILLED TO", "customer.bill_to_name"),
    Column::text("DOMAIN", "customer.domain_name"),
    Column::text("FOUND BY", "matched_by"),
    Column::number("LIKENESS", "likeness"),
];

/// Prints what was found.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let connection = args.address.connect().await?;
    let request = SearchCustomersRequest {
        text: args.text,
        partner_id: args.partner.unwrap_or_default(),
        page_size: args.limit,
        min_position: args.min_position,
        beginnings_only: args.beginnings,
    };
    let found = connection.customers().search_customers(request).await?.into_inner();
    let mut printer = Printer::stdout(args.output, HITS)?;
    for hit in &found.hits {
        printer.row(&to_json("subledger.v1.CustomerHit", hit)?)?;
    }
    printer.finish()?;
    if !found.complete {
        eprintln!("many names are a little like it and not all were looked at: write more of the name");
    }
    Ok(())
}
