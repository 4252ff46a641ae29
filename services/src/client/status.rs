//! `subledger status`: where the ledger stands.

use serde_json::{Value, json};
use subledger_log::codec::to_json;
use subledger_proto::api::{GetClockRequest, GetStatusRequest};

use super::{
    Failure,
    connect::Address,
    help,
    output::{Column, Format, Output, Printer, cell_text, line, print_one},
};

/// Arguments of `status`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger status\n  \
     subledger status --output json | jq '.projectors[].lag_records'"
))]
pub(crate) struct Args {
    #[command(flatten)]
    address: Address,
    #[command(flatten)]
    output: Output,
}

const PARTITIONS: &[Column] = &[
    Column::text("PARTITION", "name"),
    Column::number("NEXT SEQ", "next_seq"),
    Column::number("EPOCH", "epoch"),
    Column::number("QUEUE", "queue_depth"),
    Column::number("QUEUE LIMIT", "queue_limit"),
    Column::switch("WRITER", "writer_running"),
];

const PROJECTORS: &[Column] = &[
    Column::text("PROJECTOR", "name"),
    Column::text("STATE", "state"),
    Column::number("LAG", "lag_records"),
    Column::number("LAG MS", "lag_millis"),
    Column::text("REFLECTS", "reflects"),
    Column::text("ERROR", "error"),
];

/// Prints it. CSV is the list of partitions.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let mut admin = args.address.connect().await?.admin();
    let status = admin.get_status(GetStatusRequest {}).await?.into_inner();
    let clock = admin.get_clock(GetClockRequest {}).await?.into_inner();
    let mut status = to_json("subledger.v1.Status", &status)?;
    let clock = to_json("subledger.v1.Clock", &clock)?;
    if args.output.output == Format::Json {
        if let Some(fields) = status.as_object_mut() {
            fields.insert("clock".to_owned(), clock);
        }
        return print_one(args.output, &status);
    }
    if args.output.output == Format::Table {
        print_head(args.output, &status, &clock)?;
    }
    print_rows(args.output, PARTITIONS, &status, "partitions")?;
    if args.output.output == Format::Table {
        line("")?;
        print_rows(args.output, PROJECTORS, &status, "projectors")?;
    }
    Ok(())
}

fn print_head(output: Output, status: &Value, clock: &Value) -> Result<(), Failure> {
    let field = |value: &Value, name: &str| value.get(name).map(cell_text).unwrap_or_default();
    let kind = if clock.get("test_clock").is_some() { "test clock" } else { "wall clock" };
    let last = field(clock, "last_closed");
    print_one(
        output,
        &json!({
            "ledger": field(status, "ledger_id"),
            "version": field(status, "version"),
            "backend": field(status, "backend"),
            "roles": field(status, "roles"),
            "started": field(status, "started_at"),
            "clock": format!("{} ({kind})", field(clock, "now")),
            "last_closed_day": if last.is_empty() { "none".to_owned() } else { last },
        }),
    )?;
    line("")?;
    Ok(())
}

fn print_rows(output: Output, columns: &'static [Column], status: &Value, list: &str) -> Result<(), Failure> {
    let mut printer = Printer::stdout(output, columns)?;
    for row in status.get(list).and_then(Value::as_array).into_iter().flatten() {
        let mut row = row.clone();
        if let Some(fields) = row.as_object_mut().filter(|fields| fields.contains_key("family")) {
            let family = fields.get("family").map(cell_text).unwrap_or_default();
            let index = fields.get("partition").map_or_else(|| "0".to_owned(), cell_text);
            fields.insert("name".to_owned(), Value::String(format!("{family}/{index}")));
        }
        printer.row(&row)?;
    }
    printer.finish()?;
    Ok(())
}
