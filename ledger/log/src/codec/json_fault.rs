//! Which field of a JSON text does not fit its message, in words for whoever wrote it.
//!
//! Whether a single value fits is asked of the reader itself, so that this and the reader never disagree.

use std::collections::BTreeMap;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::FieldError;

/// Characters of a value that an error shows.
const SHOWN_MAX: usize = 40;

/// The first field that the reader does not take; none if all of them are fine by themselves.
pub(super) fn find(message: &MessageDescriptor, value: &Value) -> Option<FieldError> {
    let Some(fields) = value.as_object() else {
        return Some(unfit(value, &format!("an object with fields of {}", message.name())));
    };
    for (name, value) in fields {
        let Some(field) = message.get_field_by_json_name(name).or_else(|| message.get_field_by_name(name)) else {
            let accepted: Vec<_> = message.fields().map(|field| field.name().to_owned()).collect();
            let what = format!("{} has no such field; its fields are {}", message.name(), accepted.join(", "));
            return Some(FieldError::new(what).within(name));
        };
        if let Some(fault) = of_field(message, &field, value) {
            return Some(fault.within(name));
        }
    }
    one_of_each(message, fields)
}

fn of_field(message: &MessageDescriptor, field: &FieldDescriptor, value: &Value) -> Option<FieldError> {
    if value.is_null() {
        return None;
    }
    if field.is_map() {
        let Some(entries) = value.as_object() else { return Some(unfit(value, "an object of names and values")) };
        let fault = |(key, value): (&String, &Value)| {
            let one = json!({ field.name(): { key.as_str(): value } });
            (!reads(message, &one)).then(|| unfit(value, "another value").within(key))
        };
        return entries.iter().find_map(fault);
    }
    if field.is_list() {
        let Some(items) = value.as_array() else { return Some(unfit(value, "a list")) };
        let fault = |(n, item): (usize, &Value)| {
            Some(of_value(message, field, item, &json!({ field.name(): [item] }))?.within(&format!("[{n}]")))
        };
        return items.iter().enumerate().find_map(fault);
    }
    of_value(message, field, value, &json!({ field.name(): value }))
}

/// `alone` is the message with only this value in it.
fn of_value(message: &MessageDescriptor, field: &FieldDescriptor, value: &Value, alone: &Value) -> Option<FieldError> {
    match field.kind() {
        Kind::Message(inner) if !is_well_known(&inner) => find(&inner, value),
        kind => (!reads(message, alone)).then(|| unfit(value, &accepted(&kind))),
    }
}

fn reads(message: &MessageDescriptor, value: &Value) -> bool {
    DynamicMessage::deserialize(message.clone(), value).is_ok()
}

/// Those of Google, which have a JSON form of their own.
fn is_well_known(message: &MessageDescriptor) -> bool {
    message.package_name() == "google.protobuf"
}

/// Of several fields only one may be given.
fn one_of_each(message: &MessageDescriptor, fields: &Map<String, Value>) -> Option<FieldError> {
    let mut given: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, _) in fields.iter().filter(|(_, value)| !value.is_null()) {
        let field = message.get_field_by_json_name(name).or_else(|| message.get_field_by_name(name));
        if let Some(one) = field.and_then(|field| field.containing_oneof()) {
            given.entry(one.name().to_owned()).or_default().push(name);
        }
    }
    let several = given.into_values().find(|names| names.len() > 1)?;
    let (last, first) = several.split_last()?;
    let first = first.join(", ");
    Some(FieldError::new(format!("is given beside {first}; only one of them is accepted")).within(last))
}

fn unfit(found: &Value, accepted: &str) -> FieldError {
    FieldError::new(format!("found {}; accepted is {accepted}", shown(found)))
}

fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        _ => {
            let text = value.to_string();
            let head: String = text.chars().take(SHOWN_MAX).collect();
            if head.len() < text.len() { head + "…" } else { text }
        }
    }
}

fn accepted(kind: &Kind) -> String {
    let whole = |from: &str, to: &str| format!("a whole number from {from} to {to}");
    match kind {
        Kind::Uint32 | Kind::Fixed32 => whole("0", &u32::MAX.to_string()),
        Kind::Uint64 | Kind::Fixed64 => whole("0", &u64::MAX.to_string()),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => whole(&i32::MIN.to_string(), &i32::MAX.to_string()),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => whole(&i64::MIN.to_string(), &i64::MAX.to_string()),
        Kind::Float | Kind::Double => "a number".to_owned(),
        Kind::Bool => "true or false".to_owned(),
        Kind::String => "a text in quotes".to_owned(),
        Kind::Bytes => "bytes in base64, in quotes".to_owned(),
        Kind::Enum(names) => {
            let names: Vec<_> =
                names.values().filter(|value| value.number() != 0).map(|value| value.name().to_owned()).collect();
            format!("one of {}", names.join(", "))
        }
        Kind::Message(message) if message.name() == "Timestamp" => "a time such as \"2018-01-31T12:00:00Z\"".to_owned(),
        Kind::Message(message) => format!("a {}", message.name()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::codec::command_from_json;

    fn bought(quantity: &Value) -> Value {
        json!({ "command_id": "c-1", "purchase": { "customer_id": "fabrikam", "partner_id": "contoso", "order_id": "o",
            "lines": [
                { "subscription_id": "s-1", "offer_id": "e3", "quantity": 1 },
                { "subscription_id": "s-2", "offer_id": "e3", "quantity": quantity },
            ] } })
    }

    fn error(value: &Value) -> String {
        command_from_json(&value.to_string()).unwrap_err().to_string()
    }

    #[test]
    fn a_number_that_does_not_fit_is_named_with_its_range() {
        for (quantity, found) in [
            (json!(-3), "-3"),
            (json!(1.5), "1.5"),
            (json!("abc"), "\"abc\""),
            (json!("-3"), "\"-3\""),
            (json!(4_294_967_296_u64), "4294967296"),
            (json!(true), "true"),
            (json!([1]), "a list"),
            (json!({ "seats": 1 }), "an object"),
        ] {
            let expected =
                format!("purchase.lines[1].quantity: found {found}; accepted is a whole number from 0 to 4294967295");
            assert_eq!(error(&bought(&quantity)), expected);
        }
        // What the canonical form takes as a whole number is one.
        for quantity in [json!(7), json!("7"), json!(7.0), json!(4_294_967_295_u64)] {
            command_from_json(&bought(&quantity).to_string()).unwrap_or_else(|error| panic!("{quantity}: {error}"));
        }
    }

    #[test]
    fn every_other_kind_of_value_says_what_it_is() {
        let lines = |line: Value| json!({ "purchase": { "customer_id": "f", "lines": [line] } });
        let cases = [
            (
                json!({ "effective_at": "yesterday", "close_day": { "date": "2018-01-31" } }),
                "effective_at: found \"yesterday\"; accepted is a time such as \"2018-01-31T12:00:00Z\"",
            ),
            (
                json!({ "effective_at": "2018-02-30T00:00:00Z" }),
                "effective_at: found \"2018-02-30T00:00:00Z\"; accepted is a time such as \"2018-01-31T12:00:00Z\"",
            ),
            (json!({ "command_id": 5 }), "command_id: found 5; accepted is a text in quotes"),
            (json!({ "purchase": [] }), "purchase: found a list; accepted is an object with fields of Purchase"),
            (json!({ "purchase": { "lines": {} } }), "purchase.lines: found an object; accepted is a list"),
            (lines(json!(null)), "purchase.lines[0]: found null; accepted is an object with fields of PurchaseLine"),
            (
                json!({ "close_day": { "date": "2018-01-31" }, "purchase": { "customer_id": "f" } }),
                "purchase: is given beside close_day; only one of them is accepted",
            ),
            (json!(["purchase"]), "found a list; accepted is an object with fields of Command"),
        ];
        for (value, expected) in cases {
            assert_eq!(error(&value), expected);
        }
        let frequency = error(&lines(json!({ "billing_frequency": "WEEKLY" })));
        let accepted = "purchase.lines[0].billing_frequency: found \"WEEKLY\"; accepted is one of \
            BILLING_FREQUENCY_MONTHLY, BILLING_FREQUENCY_";
        assert!(frequency.starts_with(accepted) && !frequency.contains("UNSPECIFIED"), "{frequency}");
        let unknown = error(&json!({ "purchase": { "customer_id": "f", "seats": 3 } }));
        assert!(unknown.starts_with("purchase.seats: Purchase has no such field; its fields are "), "{unknown}");
        assert!(
            unknown.ends_with("customer_id, partner_id, order_id, lines, by_customer, location_mpn_id"),
            "{unknown}"
        );
        let long = error(&lines(json!({ "quantity": "9".repeat(1_000) })));
        assert!(long.len() < 200, "{long}");
    }

    #[test]
    fn what_is_no_json_is_told_with_its_place() {
        for (text, part) in
            [("{\"purchase\": ", "line 1 column 13"), ("", "line 1"), ("{} {}", "trailing"), ("nul", "line 1")]
        {
            let error = command_from_json(text).unwrap_err().to_string();
            assert!(error.starts_with("not JSON: ") && error.contains(part), "{text}: {error}");
        }
    }
}
