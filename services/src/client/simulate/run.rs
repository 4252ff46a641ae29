//! Runs one case and gives what was invoiced.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use subledger_domain::money::Currency;
use subledger_proto::{
    api::{Charge, Invoice, Outcome},
    common::InvoiceFamily,
    log::event,
};

use super::{
    case::Case,
    plan::{PARTNER, setup, story},
    target::Target,
};
use crate::client::{Failure, failure::describe_rejection, times};

/// What came out of a case.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    pub(super) id: String,
    pub(super) invoices: Vec<Printed>,
    pub(super) rejections: Vec<Value>,
}

/// An invoice with lines, as it is printed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Printed {
    /// `invoice_date` or `invoice_month`.
    pub(super) key: &'static str,
    /// The date, or the month.
    pub(super) name: String,
    pub(super) lines: Vec<Map<String, Value>>,
    pub(super) total: String,
}

impl Run {
    /// The form that `--output json` prints.
    pub(super) fn to_json(&self) -> Value {
        let invoices = self.invoices.iter().map(|invoice| {
            let mut json = Map::new();
            json.insert(invoice.key.to_owned(), invoice.name.clone().into());
            json.insert("lines".to_owned(), invoice.lines.iter().cloned().map(Value::Object).collect());
            json.insert("total".to_owned(), invoice.total.clone().into());
            Value::Object(json)
        });
        let mut json = json!({"id": self.id, "invoices": invoices.collect::<Vec<_>>()});
        if let (Some(fields), false) = (json.as_object_mut(), self.rejections.is_empty()) {
            fields.insert("rejections".to_owned(), self.rejections.clone().into());
        }
        json
    }
}

/// Runs a case in a ledger that has seen nothing yet.
pub(super) async fn run(case: &Case, target: &mut impl Target) -> Result<Run, Failure> {
    let mut closed = before(case.first_day())?;
    target.advance(closed).await?;
    for (field, command) in setup(case) {
        if let Some(rejection) = target.submit(command).await?.rejection {
            let why = describe_rejection(&rejection);
            return Err(Failure::Usage(format!("{}: {field}: the ledger does not take it\n{why}", case.id)));
        }
    }
    let mut instants = BTreeMap::new();
    let mut rejections = Vec::new();
    for (index, step) in case.commands.iter().enumerate() {
        let day = before(step.at.date_naive())?;
        if day > closed {
            target.advance(day).await?;
            closed = day;
        }
        let outcome = target.submit(story(case, index, step)).await?;
        match &outcome.rejection {
            None => instants.extend(charged_at(&outcome, step.at)),
            Some(rejection) => rejections.push(json!({
                "at": step.at_text, "command": step.action.name(), "reason": rejection.reason, "message": rejection.message,
            })),
        }
    }
    if case.last_day() > closed {
        target.advance(case.last_day()).await?;
    }
    let invoices = target.invoices(PARTNER).await?;
    let invoices = invoices.iter().filter(|invoice| !invoice.lines.is_empty());
    let invoices = invoices.map(|invoice| printed(case, invoice, &instants)).collect::<Result<_, _>>()?;
    Ok(Run { id: case.id.clone(), invoices, rejections })
}

fn before(day: NaiveDate) -> Result<NaiveDate, Failure> {
    day.pred_opt().ok_or_else(|| Failure::Usage(format!("no day is before {day}")))
}

/// The charge lines of a command, with its instant: a charge knows the UTC date of its purchase only.
fn charged_at(outcome: &Outcome, at: DateTime<Utc>) -> impl Iterator<Item = (String, DateTime<Utc>)> {
    let charged = outcome.events.iter().filter_map(|event| match &event.body {
        Some(event::Body::Charged(charged)) => Some(charged.line_id.clone()),
        _ => None,
    });
    charged.map(move |line_id| (line_id, at))
}

fn printed(case: &Case, invoice: &Invoice, instants: &BTreeMap<String, DateTime<Utc>>) -> Result<Printed, Failure> {
    let (key, name) = match invoice.family() {
        InvoiceFamily::OneTimeRecurring => ("invoice_month", month(&invoice.period_start)?),
        _ => ("invoice_date", invoice.invoice_date.clone()),
    };
    let lines = invoice.lines.iter().map(|charge| line(case, charge, instants.get(&charge.line_id)));
    Ok(Printed { key, name, lines: lines.collect::<Result<_, _>>()?, total: money(&invoice.total, case.currency)? })
}

fn month(date: &str) -> Result<String, Failure> {
    times::date(date).map(|date| date.format("%Y-%m").to_string()).map_err(Failure::Differs)
}

fn line(case: &Case, charge: &Charge, at: Option<&DateTime<Utc>>) -> Result<Map<String, Value>, Failure> {
    let purchase_date = match (at, case.offset) {
        (Some(at), Some(offset)) => at.with_timezone(&offset).date_naive().to_string(),
        _ => charge.purchase_date.clone(),
    };
    let mut line = Map::new();
    line.insert("charge_start".to_owned(), charge.charge_start.clone().into());
    line.insert("charge_end".to_owned(), charge.charge_end.clone().into());
    line.insert("charge_type".to_owned(), charge.charge_type.clone().into());
    line.insert("unit_price".to_owned(), money(&charge.unit_price, case.currency)?.into());
    line.insert("quantity".to_owned(), charge.quantity.into());
    line.insert("amount".to_owned(), money(&charge.amount, case.currency)?.into());
    let texts = [
        ("purchase_date", &purchase_date),
        ("sku", &charge.sku),
        ("subscription_description", &charge.subscription_description),
        ("component", &charge.component),
    ];
    for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        line.insert(name.to_owned(), text.as_str().into());
    }
    Ok(line)
}

/// An amount with at least the digits of the currency's minor unit; nothing is rounded here.
fn money(text: &str, currency: Currency) -> Result<String, Failure> {
    let amount: Decimal =
        text.parse().map_err(|_| Failure::Differs(format!("the ledger answered {text:?} for an amount")))?;
    let mut amount = amount.normalize();
    if amount.scale() < currency.minor_digits() {
        amount.rescale(currency.minor_digits());
    }
    if amount.is_zero() {
        amount.set_sign_positive(true);
    }
    Ok(amount.to_string())
}

#[cfg(test)]
mod tests;
