//! The published billing tables, line by line: every case of `tests/golden` at the root of the repository.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop")]

mod harness;

use std::{collections::BTreeMap, fs, path::Path};

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use harness::{Line, Run, created, date, invoice_date, midnight};
use serde_json::Value;
use subledger_domain::{
    calendar::{add_days, anniversary},
    money::Currency,
    offer::{BillingFrequency, PriceComponent, PricePer, ProductFamily, ProrationRule},
};

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}"))
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap_or_else(|_| midnight(date(text)))
}

fn quantity(value: &Value) -> u32 {
    u32::try_from(value.as_u64().expect("a quantity")).unwrap()
}

fn prices(case: &Value) -> Vec<PriceComponent> {
    let price = &case["price"];
    let per = match text(price, "per") {
        "month" => PricePer::Month,
        "year" => PricePer::Year,
        other => panic!("per {other}"),
    };
    let parts = price["components"].as_array().cloned().unwrap_or_else(|| vec![price.clone()]);
    let component = |part: &Value| PriceComponent {
        component: part["component"].as_str().map(str::to_owned),
        unit_price: text(part, "unit").parse().unwrap(),
        per,
    };
    parts.iter().map(component).collect()
}

fn purchase(case: &Value, at: DateTime<Utc>, command: &Value) -> Run {
    let mut e = created(at, quantity(&command["quantity"]));
    e.product_family = match text(case, "kind") {
        "license" => ProductFamily::License,
        "one_time_and_recurring" => ProductFamily::OneTimeRecurring,
        "saas" => ProductFamily::MarketplaceSaas,
        other => panic!("kind {other}"),
    };
    e.proration_rule = match text(case, "proration_rule") {
        "exact" => ProrationRule::Exact,
        "daily_rate_3dp" => ProrationRule::DailyRate3dp,
        "published_formula" => ProrationRule::PublishedFormula,
        "rounded_unit" => ProrationRule::RoundedUnit,
        other => panic!("proration_rule {other}"),
    };
    e.split_rebill_at_anniversary = case["split_rebill_at_anniversary"].as_bool().unwrap_or(false);
    e.currency = Currency::new(text(case, "currency")).unwrap();
    e.prices = prices(case);
    e.sku = command["sku"].as_str().map(str::to_owned);
    match command["billing_frequency"].as_str() {
        Some("annual") => e.billing_frequency = Some(BillingFrequency::Annual),
        Some(_) => {}
        // A custom meter.
        None => e.billing_frequency = None,
    }
    if let Some(days) = command["free_trial_days"].as_u64() {
        e.trial_end = Some(add_days(e.start, u32::try_from(days).unwrap()));
    }
    Run::purchase(e)
}

fn run(case: &Value, until: NaiveDate) -> Run {
    let mut run: Option<Run> = None;
    for command in case["commands"].as_array().expect("commands") {
        let at = instant(text(command, "at"));
        if let Some(bought) = command.get("purchase") {
            run = Some(purchase(case, at, bought));
            continue;
        }
        let run = run.as_mut().expect("a purchase comes first");
        if let Some(change) = command.get("change_quantity") {
            run.change_quantity(at, quantity(&change["to"]));
        } else if command.get("suspend").is_some() {
            run.suspend(at);
        } else if command.get("reactivate").is_some() {
            run.reactivate(at);
        } else if command.get("cancel").is_some() {
            run.cancel(at);
        } else if let Some(convert) = command.get("convert") {
            run.convert(at, text(convert, "to_sku"), text(convert, "unit_price"));
        } else {
            panic!("{command}");
        }
    }
    let mut run = run.expect("a purchase");
    run.advance(add_days(until, 1));
    run
}

/// The name of a line's invoice.
fn invoice(case: &Value, line: &Line) -> String {
    let day = line.charged.charged_on;
    match case["billing_day"].as_u64() {
        Some(billing_day) => invoice_date(day, u32::try_from(billing_day).unwrap()).to_string(),
        None => day.format("%Y-%m").to_string(),
    }
}

/// Compares the fields that the case names.
fn assert_line(id: &str, offset: Option<FixedOffset>, line: &Line, expected: &Value) {
    let l = &line.charged;
    let shown = line.commanded_at.zip(offset).map(|(at, offset)| at.with_timezone(&offset).date_naive());
    for (field, value) in expected.as_object().expect("a line") {
        let found = match field.as_str() {
            "charge_start" => l.charge_start.to_string(),
            "charge_end" => l.charge_end.pred_opt().unwrap().to_string(),
            "charge_type" => l.charge_type.label().to_lowercase(),
            "unit_price" => l.unit_price.to_string(),
            "quantity" => l.quantity.to_string(),
            "amount" => l.amount.to_string(),
            "purchase_date" => shown.unwrap_or(l.purchase_date).to_string(),
            "sku" => l.sku.clone().unwrap_or_default(),
            "subscription_description" => l.subscription_description.clone().unwrap_or_default(),
            "component" => l.component.clone().unwrap_or_default(),
            other => panic!("{id}: a line has no {other}"),
        };
        let wanted = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let wanted = if field == "charge_type" { wanted.to_lowercase() } else { wanted };
        assert_eq!(found, wanted, "{id}: {field} of {}", harness::row(l));
    }
}

fn check(case: &Value) {
    let id = text(case, "id");
    let expected = case["invoices"].as_array().expect("invoices");
    let name = |invoice: &Value| {
        let name = invoice["invoice_date"].as_str().or(invoice["invoice_month"].as_str());
        name.expect("a date or a month").to_owned()
    };
    let last = expected.iter().map(name).max().expect("an invoice");
    let run = run(case, last_day(&last));
    let offset = case["purchase_utc_offset"].as_str().map(|offset| offset.parse().unwrap());

    let mut found: BTreeMap<String, Vec<&Line>> = BTreeMap::new();
    for line in &run.lines {
        found.entry(invoice(case, line)).or_default().push(line);
    }
    for invoice in expected {
        let wanted = invoice["lines"].as_array().expect("lines");
        let lines = found.remove(&name(invoice)).unwrap_or_default();
        assert_eq!(lines.len(), wanted.len(), "{id}, {}: {:#?}", name(invoice), run.table());
        for (line, wanted) in lines.iter().zip(wanted) {
            assert_line(id, offset, line, wanted);
        }
    }
    found.retain(|name, _| *name <= last);
    assert!(found.is_empty(), "{id}: more invoices than expected: {:?}", found.keys());
}

/// The last day of an invoice named by its date or its month.
fn last_day(invoice: &str) -> NaiveDate {
    invoice.parse().unwrap_or_else(|_| anniversary(date(&format!("{invoice}-01")), 1).pred_opt().unwrap())
}

#[test]
fn every_published_table_comes_out() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    let mut paths: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    assert_eq!(paths.len(), 19, "cases in {}", directory.display());
    for path in paths {
        check(&serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap());
    }
}
