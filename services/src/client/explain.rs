//! `subledger explain`: why a charge line is what it is.

use std::fmt::Write as _;

use serde_json::Value;
use subledger_log::codec::to_json;
use subledger_proto::{
    api::{AmountBasis, ArithmeticStep, Charge, ChargeExplanation, ChargeOrigin, ExplainChargeRequest},
    common::{Position, PricePer, ProrationRule},
};

use super::{
    Failure,
    connect::{Address, position, position_text},
    help,
    output::{Format, Output, cell_text, line, print_one},
    times,
};

/// Arguments of `explain`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger explain 3f0c9a3e-6f5f-5d0e-9d0c-0a8f5d2f1c11\n  \
     subledger list charges --subscription s-1 --output csv   # the ids of lines\n  \
     subledger explain 3f0c9a3e-6f5f-5d0e-9d0c-0a8f5d2f1c11 --output json"
))]
pub(crate) struct Args {
    /// Id of the line
    #[arg(value_name = "LINE")]
    line_id: String,
    /// Wait until the answer reflects this commit, such as customers/2@17; repeatable
    #[arg(long, value_name = "POSITION", value_parser = position)]
    min_position: Vec<Position>,
    #[command(flatten)]
    address: Address,
    #[command(flatten)]
    output: Output,
}

/// Prints the explanation.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let request = ExplainChargeRequest { line_id: args.line_id, min_position: args.min_position };
    let explanation = args.address.connect().await?.billing().explain_charge(request).await?.into_inner();
    if args.output.output != Format::Table {
        return print_one(args.output, &to_json("subledger.v1.ChargeExplanation", &explanation)?);
    }
    line(text(&explanation).trim_end())
}

/// The sections, each with its name before its first line.
fn text(of: &ChargeExplanation) -> String {
    let charge = of.charge.clone().unwrap_or_default();
    let sections = [
        ("line", line_section(&charge)),
        ("because", because(of)),
        ("price", price(of, &charge)),
        ("amount", amount(of, &charge)),
        ("total", of.total_steps.iter().map(step).collect()),
        ("date", vec![of.date_text.clone()]),
        ("invoice", vec![invoice(of, &charge)]),
        ("takes back", of.reverses.iter().chain(&of.reversed_before).map(short).collect()),
        ("taken back by", of.reversed_by.iter().map(short).collect()),
    ];
    let mut out = String::new();
    for (name, lines) in sections {
        for (index, text) in lines.iter().enumerate() {
            let name = if index == 0 { name } else { "" };
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{name:<13}  {text}");
        }
    }
    out
}

fn line_section(charge: &Charge) -> Vec<String> {
    let component = if charge.component.is_empty() { String::new() } else { format!(" ({})", charge.component) };
    vec![
        charge.line_id.clone(),
        format!("{} of {}{component}", charge.charge_type, charge.offer_name),
        format!(
            "subscription {} of customer {}, paid by {}",
            charge.subscription_id, charge.customer_id, charge.partner_id
        ),
        format!(
            "{} to {}: {} seats, {} {}",
            charge.charge_start, charge.charge_end, charge.quantity, charge.amount, charge.currency
        ),
    ]
}

fn because(of: &ChargeExplanation) -> Vec<String> {
    of.changes.iter().chain(&of.origin).flat_map(origin).collect()
}

fn origin(origin: &ChargeOrigin) -> [String; 3] {
    let actor = origin.actor.clone().unwrap_or_default();
    let by = [actor.principal, actor.channel].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
    let what = if origin.events.is_empty() { "the end of a day".to_owned() } else { origin.events.join(", ") };
    let place = origin.position.as_ref().map(position_text).unwrap_or_default();
    let (effective, recorded) = (origin.effective_at.as_ref(), origin.recorded_at.as_ref());
    [
        format!("{what}; {} version {}", origin.stream, origin.stream_version),
        format!("  {place}  command {} ({})", origin.command_id, by.join(", ")),
        format!("  effective {}, recorded {}", times::text(effective), times::text(recorded)),
    ]
}

fn price(of: &ChargeExplanation, charge: &Charge) -> Vec<String> {
    let mut lines = Vec::new();
    let derivation = charge.derivation.clone().unwrap_or_default();
    if let Some(price) = &of.price {
        let listed = price.price.clone().unwrap_or_default();
        let per = if listed.per == PricePer::Year as i32 { "year" } else { "month" };
        let list = match price.price_list_id.as_str() {
            "" => "of the new plan".to_owned(),
            id => format!("of price list {id}"),
        };
        lines.push(format!("{} {} a seat and {per} {list}, locked for the term", listed.unit_price, charge.currency));
    }
    if let Some(usage) = &charge.usage {
        let (price, currency) = (&usage.unit_price, &usage.pricing_currency);
        lines.push(format!("{price} {currency} for {} of meter {}", usage.unit, usage.meter_id));
        lines.push(format!("earned credit: {} %, {} in this line", usage.credit_percent, usage.earned_credit));
        let rate = &usage.exchange_rate;
        lines.push(format!("1 {currency} = {rate} {} for usage of {}", charge.currency, usage.month));
    } else {
        lines.push(format!(
            "{} a seat for the whole period of {} days",
            derivation.period_price, derivation.period_days
        ));
    }
    if let Some(promotion) = &charge.promotion {
        lines.push(format!("promotion {}: {} %", promotion.promotion_id, promotion.percent));
    }
    if let Some(rule) = charge.tax_detail.as_ref().and_then(|tax| tax.rule.as_ref()) {
        lines.push(format!("tax {}: {} %", rule.name, rule.rate_percent));
    }
    lines
}

fn amount(of: &ChargeExplanation, charge: &Charge) -> Vec<String> {
    let derivation = charge.derivation.clone().unwrap_or_default();
    let rule = ProrationRule::try_from(derivation.rule).unwrap_or_default().as_str_name();
    let rule = cell_text(&Value::String(rule.to_owned()));
    let (days, of_days) = (derivation.billed_days, derivation.period_days);
    let head = match AmountBasis::try_from(of.basis).unwrap_or_default() {
        AmountBasis::WhatIsLeft => "all that is left of the line it takes back".to_owned(),
        AmountBasis::Given => "given with the command".to_owned(),
        AmountBasis::Rated => "what the service month used, less what was charged of it before".to_owned(),
        _ if days >= of_days => format!("a whole period, by the rule {rule}"),
        _ => format!("{days} of {of_days} days, by the rule {rule}"),
    };
    std::iter::once(head).chain(of.amount_steps.iter().map(step)).collect()
}

fn step(step: &ArithmeticStep) -> String {
    let mut text = format!("{} = {}", step.name, step.expression);
    if step.value != step.expression {
        let _ = write!(text, " = {}", step.value);
    }
    if let Some(digits) = step.digits.filter(|_| !same(&step.exact, &step.value)) {
        let _ = write!(text, "   ({}, half up to {digits} digits)", step.exact);
    }
    text
}

/// Whether two decimals are equal but for zeros at their ends.
fn same(a: &str, b: &str) -> bool {
    let number = |text: &str| text.parse::<rust_decimal::Decimal>().ok();
    number(a) == number(b)
}

fn invoice(of: &ChargeExplanation, charge: &Charge) -> String {
    match (charge.invoice_number.as_str(), of.next_invoice_date.as_str()) {
        ("", "") => "none yet".to_owned(),
        ("", date) => format!("none yet; the next one, of {date}, will carry it"),
        (number, _) => number.to_owned(),
    }
}

fn short(charge: &Charge) -> String {
    format!(
        "{}  {}  {} to {}  {} x {} = {} {}",
        charge.line_id,
        charge.charge_type,
        charge.charge_start,
        charge.charge_end,
        charge.unit_price,
        charge.quantity,
        charge.amount,
        charge.currency
    )
}
