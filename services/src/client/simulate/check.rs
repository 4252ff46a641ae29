//! Compares what was invoiced with what a case expects.

use serde_json::Value;

use super::{case::Case, run::Run};

/// Every difference, one line each; none when the case is met.
pub(super) fn differences(case: &Case, run: &Run) -> Vec<String> {
    let mut found = Vec::new();
    for expected in &case.invoices {
        let printed = run.invoices.iter().find(|invoice| invoice.name == expected.name);
        let lines = printed.map(|invoice| invoice.lines.as_slice()).unwrap_or_default();
        for index in 0..expected.lines.len().max(lines.len()) {
            let place = format!("{} line {}", expected.name, index + 1);
            match (expected.lines.get(index), lines.get(index)) {
                (Some(expected), Some(printed)) => {
                    let wrong = expected.iter().filter(|(name, value)| !is_same(name, value, printed.get(*name)));
                    found.extend(wrong.map(|(name, value)| {
                        format!("{place}: {name}: expected {}, printed {}", text(Some(value)), text(printed.get(name)))
                    }));
                }
                (Some(expected), None) => found.push(format!("{place}: missing: {}", row(expected))),
                (None, Some(printed)) => found.push(format!("{place}: not expected: {}", row(printed))),
                (None, None) => {}
            }
        }
    }
    let last = case.invoices.iter().map(|invoice| invoice.name.as_str()).max().unwrap_or_default();
    let known = |name: &str| case.invoices.iter().any(|invoice| invoice.name == name);
    for invoice in run.invoices.iter().filter(|invoice| invoice.name.as_str() <= last && !known(&invoice.name)) {
        found.extend(invoice.lines.iter().map(|line| format!("{}: not expected: {}", invoice.name, row(line))));
    }
    found
}

/// Charge types are compared without regard to case.
fn is_same(name: &str, expected: &Value, printed: Option<&Value>) -> bool {
    match (name, expected, printed) {
        ("charge_type", Value::String(expected), Some(Value::String(printed))) => {
            expected.to_lowercase() == printed.to_lowercase()
        }
        _ => printed == Some(expected),
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

fn row(line: &serde_json::Map<String, Value>) -> String {
    let fields = line.iter().map(|(name, value)| format!("{name} {}", text(Some(value))));
    fields.collect::<Vec<_>>().join(", ")
}
