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
    plan::{Ids, setup, story},
    schedule::{self, Deed},
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

/// A case under ids of its own.
pub(super) struct Told {
    pub(super) case: Case,
    pub(super) ids: Ids,
}

/// Runs cases side by side in one ledger, in which nothing has these ids yet: whatever comes first by the clock is done first. Each one
/// has its invoices read when the clock has reached its own last day, so it comes out as it would alone.
pub(super) async fn run(told: &[Told], target: &mut impl Target) -> Result<Vec<Run>, Failure> {
    let mut running: Vec<Running> = told.iter().map(Running::new).collect();
    let mut closed = None;
    for moment in schedule::of(told.iter().map(|told| &told.case))? {
        if closed.is_none_or(|closed| closed < moment.closed_through) {
            target.advance(moment.closed_through).await?;
            closed = Some(moment.closed_through);
        }
        let Some(running) = running.get_mut(moment.case) else { continue };
        match moment.deed {
            Deed::SetUp => running.set_up(target).await?,
            Deed::Step(index) => running.step(index, target).await?,
            Deed::Read => running.read(target).await?,
        }
    }
    Ok(running.into_iter().map(|running| running.run).collect())
}

/// A case on its way.
struct Running<'a> {
    told: &'a Told,
    /// When each line was charged, as far as a command did it: a charge knows the UTC date of its purchase only.
    instants: BTreeMap<String, DateTime<Utc>>,
    run: Run,
}

impl<'a> Running<'a> {
    fn new(told: &'a Told) -> Self {
        let run = Run { id: told.case.id.clone(), ..Run::default() };
        Self { told, instants: BTreeMap::new(), run }
    }

    async fn set_up(&mut self, target: &mut impl Target) -> Result<(), Failure> {
        let Told { case, ids } = self.told;
        for (field, command) in setup(case, ids) {
            if let Some(rejection) = target.submit(command).await?.rejection {
                let why = describe_rejection(&rejection);
                return Err(Failure::Usage(format!("{}: {field}: the ledger does not take it\n{why}", case.id)));
            }
        }
        Ok(())
    }

    async fn step(&mut self, index: usize, target: &mut impl Target) -> Result<(), Failure> {
        let Told { case, ids } = self.told;
        let Some(step) = case.commands.get(index) else { return Ok(()) };
        let outcome = target.submit(story(case, ids, index, step)).await?;
        match &outcome.rejection {
            None => self.instants.extend(charged_at(&outcome, step.at)),
            Some(rejection) => self.run.rejections.push(json!({
                "at": step.at_text, "command": step.action.name(), "reason": rejection.reason, "message": rejection.message,
            })),
        }
        Ok(())
    }

    async fn read(&mut self, target: &mut impl Target) -> Result<(), Failure> {
        let Told { case, ids } = self.told;
        let invoices = target.invoices(&ids.partner()).await?;
        let invoices = invoices.iter().filter(|invoice| !invoice.lines.is_empty());
        let invoices = invoices.map(|invoice| printed(case, invoice, &self.instants));
        self.run.invoices = invoices.collect::<Result<_, _>>()?;
        Ok(())
    }
}

/// The charge lines of a command, with its instant.
fn charged_at(outcome: &Outcome, at: DateTime<Utc>) -> impl Iterator<Item = (String, DateTime<Utc>)> {
    let charged = outcome.events.iter().filter_map(|event| match &event.body {
        Some(event::Body::Charged(charged)) => Some(charged.line_id.clone()),
        _ => None,
    });
    charged.map(move |line_id| (line_id, at))
}

fn printed(case: &Case, invoice: &Invoice, instants: &BTreeMap<String, DateTime<Utc>>) -> Result<Printed, Failure> {
    let (key, name) = match invoice.family() {
        InvoiceFamily::OneTimeRecurring => {
            ("invoice_month", written(case, &invoice.period_end)?.format("%Y-%m").to_string())
        }
        _ => ("invoice_date", written(case, &invoice.invoice_date)?.to_string()),
    };
    let lines = invoice.lines.iter().map(|charge| line(case, charge, instants.get(&charge.line_id)));
    Ok(Printed { key, name, lines: lines.collect::<Result<_, _>>()?, total: money(&invoice.total, case.currency)? })
}

/// A date of the ledger's answer as the case would write it.
fn written(case: &Case, date: &str) -> Result<NaiveDate, Failure> {
    times::date(date).map(|date| case.as_written(date)).map_err(Failure::Differs)
}

fn line(case: &Case, charge: &Charge, at: Option<&DateTime<Utc>>) -> Result<Map<String, Value>, Failure> {
    let purchase_date = match (at, case.offset) {
        (Some(at), Some(offset)) => case.as_written(at.with_timezone(&offset).date_naive()).to_string(),
        _ if charge.purchase_date.is_empty() => String::new(),
        _ => written(case, &charge.purchase_date)?.to_string(),
    };
    let mut line = Map::new();
    line.insert("charge_start".to_owned(), written(case, &charge.charge_start)?.to_string().into());
    line.insert("charge_end".to_owned(), written(case, &charge.charge_end)?.to_string().into());
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
