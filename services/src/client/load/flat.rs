//! Messages out of table rows: a column is a field of the message, by the field's own name.
//!
//! The row becomes the canonical JSON of the message and is then read like any other JSON, so there is one set of rules. Nested fields
//! have dotted names (`address.country`), several values stand in one cell with `;` between them, an empty cell is no value.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};

/// A cell that does not fit its column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CellError {
    /// The column's name as in the file.
    pub(super) column: String,
    /// What is wrong and what would be accepted.
    pub(super) what: String,
}

impl std::fmt::Display for CellError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "column {}: {}", self.column, self.what)
    }
}

/// Every column that a message can have: its scalar fields, and those of nested messages with dots.
pub(super) fn columns(message: &MessageDescriptor) -> Vec<String> {
    let mut names = Vec::new();
    for field in message.fields() {
        match field.kind() {
            Kind::Message(nested) if !field.is_list() && !is_time(&nested) => {
                names.extend(columns(&nested).into_iter().map(|name| format!("{}.{name}", field.name())));
            }
            Kind::Message(nested) if !is_time(&nested) => {}
            _ => names.push(field.name().to_owned()),
        }
    }
    names
}

/// Puts a cell into the JSON object of the message.
pub(super) fn set(
    object: &mut Map<String, Value>,
    message: &MessageDescriptor,
    column: &str,
    text: &str,
) -> Result<(), CellError> {
    let wrong = |what: String| CellError { column: column.to_owned(), what };
    let (name, rest) = match column.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (column, None),
    };
    let field = message.get_field_by_name(name).ok_or_else(|| {
        wrong(format!("{} has no such field; its columns are {}", message.name(), columns(message).join(", ")))
    })?;
    match (rest, field.kind()) {
        (Some(rest), Kind::Message(nested)) => {
            let inner = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
            match inner.as_object_mut() {
                Some(inner) => set(inner, &nested, rest, text).map_err(|error| wrong(error.what)),
                None => Err(wrong("is given twice".to_owned())),
            }
        }
        (Some(_), _) => Err(wrong(format!("{name} has no fields of its own"))),
        (None, _) => {
            let value = if field.is_list() {
                let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
                Value::Array(parts.map(|part| scalar(&field, part)).collect::<Result<_, _>>().map_err(wrong)?)
            } else {
                scalar(&field, text).map_err(wrong)?
            };
            object.insert(name.to_owned(), value);
            Ok(())
        }
    }
}

fn is_time(message: &MessageDescriptor) -> bool {
    message.full_name() == "google.protobuf.Timestamp"
}

/// The JSON of one value.
fn scalar(field: &FieldDescriptor, text: &str) -> Result<Value, String> {
    match field.kind() {
        Kind::Uint32 | Kind::Uint64 => {
            let number: u64 = text.parse().map_err(|_| format!("{text:?} is not a whole number, 0 or more"))?;
            Ok(number.into())
        }
        Kind::Bool => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Ok(true.into()),
            "false" | "no" | "0" => Ok(false.into()),
            _ => Err(format!("{text:?} is neither true nor false")),
        },
        Kind::Enum(names) => {
            let wanted = letters(text);
            let prefix = letters(names.name());
            let usable = || names.values().filter(|value| value.number() != 0);
            let is_wanted = |name: &str| {
                let name = letters(name);
                name == wanted || name.strip_prefix(&prefix).is_some_and(|short| short == wanted)
            };
            usable().find(|value| is_wanted(value.name())).map(|value| value.name().into()).ok_or_else(|| {
                let long = names.name().chars().count();
                let short = usable().map(|value| short_name(value.name(), long));
                format!("{text:?} is none of {}", short.collect::<Vec<_>>().join(", "))
            })
        }
        Kind::Message(message) if is_time(&message) => {
            let at = super::times::instant(text)?;
            Ok(at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true).into())
        }
        _ => Ok(text.into()),
    }
}

/// Only letters and digits, small: what header names and enumeration values are compared by.
pub(super) fn letters(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The name without the letters of its enumeration: `MONTHLY` for `BILLING_FREQUENCY_MONTHLY`.
fn short_name(name: &str, prefix_letters: usize) -> String {
    let mut seen = 0;
    let rest = name.trim_start_matches(|c: char| {
        seen += usize::from(c != '_');
        c == '_' || seen <= prefix_letters
    });
    rest.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use subledger_proto::POOL;

    use super::*;

    fn row(message: &str, cells: &[(&str, &str)]) -> Result<Value, CellError> {
        let message = POOL.get_message_by_name(message).unwrap();
        let mut object = Map::new();
        cells.iter().try_for_each(|(column, text)| set(&mut object, &message, column, text))?;
        Ok(Value::Object(object))
    }

    #[test]
    fn cells_become_canonical_json() {
        let cells = [("customer_id", "0012"), ("address.country", "DE"), ("address.city", "Köln")];
        assert_eq!(
            row("subledger.v1.CreateCustomer", &cells).unwrap(),
            json!({"customer_id": "0012", "address": {"country": "DE", "city": "Köln"}})
        );
        let cells =
            [("billing_frequencies", "monthly; BILLING_FREQUENCY_ANNUAL"), ("kind", "Add-on"), ("term_months", "12")];
        assert_eq!(
            row("subledger.common.v1.Offer", &cells).unwrap(),
            json!({"billing_frequencies": ["BILLING_FREQUENCY_MONTHLY", "BILLING_FREQUENCY_ANNUAL"],
                "kind": "OFFER_KIND_ADD_ON", "term_months": 12})
        );
    }

    #[test]
    fn a_wrong_cell_names_column_and_choices() {
        let error = |column, text| row("subledger.common.v1.Offer", &[(column, text)]).unwrap_err().to_string();
        assert_eq!(error("kind", "addon2"), "column kind: \"addon2\" is none of base, add_on, trial");
        assert_eq!(error("term_months", "-1"), "column term_months: \"-1\" is not a whole number, 0 or more");
        assert!(error("price", "1").starts_with("column price: Offer has no such field; its columns are offer_id, "));
        assert!(error("kind.x", "1").contains("has no fields"));
    }
}
