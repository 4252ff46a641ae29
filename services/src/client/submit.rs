//! `subledger submit`: one command, by hand.

use std::{
    io::{self, Read as _},
    path::Path,
};

use serde_json::Value;
use subledger_log::codec::{command_from_json, to_json};
use subledger_proto::api::{Charge, Outcome, SubmitRequest};

use super::{
    Failure,
    connect::{Address, position_text},
    failure::describe_rejection,
    help,
    output::{Format, Output, cell_text, line, print_one},
    times,
};

/// Arguments of `submit`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger submit '{\"change_quantity\": {\"customer_id\": \"c-1\", \"partner_id\": \"p-1\", \"subscription_id\": \"s-1\", \"quantity\": 7}}'\n  \
     subledger submit - < command.json\n  \
     subledger submit --dry-run - < command.json      # what it would do and cost; nothing is recorded\n\n\
     The JSON is the canonical form of subledger.v1.Command. Without command_id it gets a new one; with one it is safe to send again."
))]
pub(crate) struct Args {
    /// The command as JSON, or - to read it from standard input
    #[arg(value_name = "JSON|-")]
    json: String,
    /// Only say what would become of it: nothing is recorded
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    address: Address,
    #[command(flatten)]
    output: Output,
}

/// Sends it and prints the outcome.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let mut text = args.json;
    if text == "-" {
        text.clear();
        io::stdin().read_to_string(&mut text).map_err(|e| Failure::Usage(format!("cannot read the command: {e}")))?;
    }
    let mut command = command_from_json(&text).map_err(|e| not_a_command(&text, &e))?;
    if command.body.is_none() {
        return Err(Failure::Usage("a command has a body, such as \"purchase\" or \"change_quantity\"".to_owned()));
    }
    if command.command_id.is_empty() {
        command.command_id = crate::ids::random().to_string();
    }
    let command_id = command.command_id.clone();
    let mut commands = args.address.connect().await?.commands();
    let request = SubmitRequest { command: Some(command), include_events: true, validate_only: args.dry_run };
    let outcome = commands.submit(request).await.inspect_err(|_| eprintln!("command id: {command_id}"))?.into_inner();
    print(args.output, &outcome)?;
    match outcome.rejection {
        Some(rejection) => Err(Failure::Differs(describe_rejection(&rejection))),
        None => Ok(()),
    }
}

fn not_a_command(text: &str, error: &impl std::fmt::Display) -> Failure {
    let text = text.trim();
    if !text.starts_with('{') && Path::new(text).is_file() {
        let how = "a command is given as JSON; to send a file: subledger submit - <";
        return Failure::Usage(format!("{text} is a file, and {how} {text}"));
    }
    Failure::Usage(format!("this is not a command: {error}"))
}

fn print(output: Output, outcome: &Outcome) -> Result<(), Failure> {
    let json = to_json("subledger.v1.Outcome", outcome)?;
    if output.output != Format::Table {
        return print_one(output, &json);
    }
    if outcome.preview.is_some() {
        return print_preview(outcome, &json);
    }
    let verdict = if outcome.rejection.is_some() { "refused" } else { "accepted" };
    let again = if outcome.duplicate { ", recorded before" } else { "" };
    let position = outcome.position.as_ref().map(position_text).unwrap_or_default();
    line(format_args!("{verdict}{again}  {position}  command {}", outcome.command_id))?;
    line(format_args!(
        "stream version {}  effective {}",
        outcome.stream_version,
        times::text(outcome.effective_at.as_ref())
    ))?;
    print_events(&json)
}

fn print_events(json: &Value) -> Result<(), Failure> {
    for event in json.get("events").and_then(|events| events.as_array()).into_iter().flatten() {
        for (name, fields) in event.as_object().into_iter().flatten() {
            line(format_args!("  {name}  {}", cell_text(fields)))?;
        }
    }
    Ok(())
}

/// What would become of a command, and what it would cost.
fn print_preview(outcome: &Outcome, json: &Value) -> Result<(), Failure> {
    let preview = outcome.preview.clone().unwrap_or_default();
    line(format_args!("would be accepted  command {}  (nothing is recorded)", outcome.command_id))?;
    line(format_args!(
        "stream version {}  effective {}",
        outcome.stream_version,
        times::text(outcome.effective_at.as_ref())
    ))?;
    print_events(json)?;
    line(if preview.charges.is_empty() { "charges now: none" } else { "charges now:" })?;
    print_charges(&preview.charges)?;
    for invoice in &preview.next_invoices {
        let (date, total, currency) = (&invoice.invoice_date, &invoice.total, &invoice.currency);
        let sum = if invoice.lines.is_empty() { "nothing".to_owned() } else { format!("{total} {currency}") };
        line(format_args!("invoice of {date} to {}: {sum}", invoice.partner_id))?;
        print_charges(&invoice.lines)?;
    }
    Ok(())
}

fn print_charges(charges: &[Charge]) -> Result<(), Failure> {
    for c in charges {
        line(format_args!(
            "  {}  {}  {}  {} to {}  {} x {} = {} {}",
            c.charged_on,
            c.subscription_id,
            c.charge_type,
            c.charge_start,
            c.charge_end,
            c.unit_price,
            c.quantity,
            c.amount,
            c.currency
        ))?;
    }
    Ok(())
}
