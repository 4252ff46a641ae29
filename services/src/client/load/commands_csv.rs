//! Commands out of CSV: a column `command` names the command, the others are its fields.

use std::{collections::BTreeSet, io::Read};

use csv::StringRecord;
use prost_reflect::{Kind, MessageDescriptor};
use serde_json::{Map, Value};
use subledger_log::codec::command_from_json;
use subledger_proto::{POOL, api::Command};

use super::{
    Failure,
    flat::{CellError, columns, letters, set},
    source::{Item, Unreadable},
};

/// Columns beside the fields of the command.
const ENVELOPE: [&str; 3] = ["command_id", "effective_at", "expected_version"];

/// What a command of the API looks like.
struct Shape {
    name: String,
    body: MessageDescriptor,
    /// The one line of an order, whose fields are columns too.
    line: Option<MessageDescriptor>,
}

/// Reads commands from CSV with a header.
pub(super) struct CommandRows<R> {
    reader: csv::Reader<R>,
    header: Vec<String>,
    envelope: MessageDescriptor,
    shapes: Vec<Shape>,
}

impl<R: Read> CommandRows<R> {
    /// Reads the header. A column that no command has is an error here, before anything is sent.
    pub(super) fn new(reader: R) -> Result<Self, Failure> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(reader);
        let given = reader.headers().map_err(|error| Failure::Usage(format!("cannot read the CSV header: {error}")))?;
        let envelope = POOL
            .get_message_by_name("subledger.v1.Command")
            .ok_or_else(|| Failure::Usage("this build has no descriptor of commands".to_owned()))?;
        let shapes = shapes(&envelope);
        let known: BTreeSet<String> = known_columns(&shapes);
        let header: Result<Vec<_>, _> = given
            .iter()
            .map(|name| {
                let name = name.trim_start_matches('\u{feff}');
                known.iter().find(|known| same_column(known, name)).cloned().ok_or_else(|| {
                    let known = known.iter().cloned().collect::<Vec<_>>().join(", ");
                    Failure::Usage(format!("no command has a column {name:?}; columns are {known}"))
                })
            })
            .collect();
        let header = header?;
        if !header.iter().any(|name| name == "command") {
            let names = shapes.iter().map(|shape| shape.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Failure::Usage(format!("the CSV needs a column \"command\" with one of {names}")));
        }
        Ok(Self { reader, header, envelope, shapes })
    }

    fn command(&self, record: &StringRecord) -> Result<Command, String> {
        if record.len() != self.header.len() {
            return Err(format!("the row has {} cells; the header has {}", record.len(), self.header.len()));
        }
        let cells = || self.header.iter().zip(record.iter()).filter(|(_, text)| !text.is_empty());
        let name = cells().find(|(column, _)| *column == "command").map(|(_, text)| text).unwrap_or_default();
        let shape = self.shapes.iter().find(|shape| letters(&shape.name) == letters(name)).ok_or_else(|| {
            let names = self.shapes.iter().map(|shape| shape.name.as_str()).collect::<Vec<_>>().join(", ");
            format!("column command: {name:?} is none of {names}")
        })?;
        let (mut command, mut body, mut line) = (Map::new(), Map::new(), Map::new());
        for (column, text) in cells().filter(|(column, _)| *column != "command") {
            let into = match &shape.line {
                _ if ENVELOPE.contains(&column.as_str()) => set(&mut command, &self.envelope, column, text),
                Some(of_line) if shape.body.get_field_by_name(column).is_none() => {
                    set(&mut line, of_line, column, text)
                }
                _ => set(&mut body, &shape.body, column, text),
            };
            into.map_err(|error: CellError| error.to_string())?;
        }
        if shape.line.is_some() {
            body.insert("lines".to_owned(), Value::Array(vec![Value::Object(line)]));
        }
        command.insert(shape.name.clone(), Value::Object(body));
        command_from_json(&Value::Object(command).to_string()).map_err(|error| error.to_string())
    }
}

/// Whether a header's name is this column, whatever the case, spaces and underscores.
fn same_column(column: &str, given: &str) -> bool {
    let dots = |text: &str| text.matches('.').count();
    letters(column) == letters(given) && dots(column) == dots(given)
}

/// The commands that fit in a row: those whose fields are flat, and an order of one line.
fn shapes(envelope: &MessageDescriptor) -> Vec<Shape> {
    let bodies = envelope.fields().filter(|field| field.containing_oneof().is_some_and(|one| one.name() == "body"));
    let shapes = bodies.filter_map(|field| {
        let Kind::Message(body) = field.kind() else { return None };
        let list = body.fields().find(|field| field.is_list() && matches!(field.kind(), Kind::Message(_)));
        let line = match list {
            None => None,
            Some(line) if body.name() == "Purchase" => line.kind().as_message().cloned(),
            Some(_) => return None,
        };
        Some(Shape { name: field.name().to_owned(), body, line })
    });
    shapes.collect()
}

fn known_columns(shapes: &[Shape]) -> BTreeSet<String> {
    let fields = shapes.iter().flat_map(|shape| {
        let line = shape.line.as_ref().map(columns).unwrap_or_default();
        columns(&shape.body).into_iter().chain(line)
    });
    fields.chain(ENVELOPE.map(str::to_owned)).chain(["command".to_owned()]).collect()
}

impl<R: Read> Iterator for CommandRows<R> {
    type Item = Result<Item, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut record = StringRecord::new();
        let read = self.reader.read_record(&mut record);
        let bytes = self.reader.position().byte();
        let item = match read {
            Ok(false) => return None,
            Ok(true) => {
                let line = record.position().map_or(0, csv::Position::line);
                let content = self.command(&record);
                Item { line, bytes, content: content.map_err(|why| Unreadable { why, text: row_text(&record) }) }
            }
            Err(error) if matches!(error.kind(), csv::ErrorKind::Io(_)) => {
                return Some(Err(Failure::Usage(format!("cannot read on: {error}"))));
            }
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                Item { line, bytes, content: Err(Unreadable { why: error.to_string(), text: String::new() }) }
            }
        };
        Some(Ok(item))
    }
}

/// A row as text again.
pub(super) fn row_text(record: &StringRecord) -> String {
    let mut out = Vec::new();
    let written = super::csv_line(&mut out, record.iter());
    if written.is_err() {
        return String::new();
    }
    String::from_utf8_lossy(&out).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use subledger_proto::{
        api::command::Body,
        common::{BillingFrequency, PartnerKind},
    };

    use super::*;

    fn items(text: &str) -> Vec<Item> {
        let rows = CommandRows::new(text.as_bytes()).unwrap_or_else(|failure| panic!("{failure:?}"));
        rows.map(Result::unwrap).collect()
    }

    #[test]
    fn one_file_holds_several_commands() {
        let items = items(
            "command,command_id,effective at,partner_id,name,kind,country,currency,billing_day,customer_id,offer_id,quantity,billing_frequency\n\
             register_partner,r-1,2018-01-01,p-1,\"Contoso, Ltd.\",direct bill,US,USD,15,,,,\n\
             purchase,b-1,2018-01-13T10:00:00Z,p-1,,,,,,c-1,o-1,3,annual\n\
             change_quantity,,,p-1,,,,,,c-1,,7,\n",
        );
        let bodies: Vec<_> = items.iter().map(|item| item.content.clone().unwrap().body.unwrap()).collect();
        let Body::RegisterPartner(partner) = &bodies[0] else { panic!("{bodies:?}") };
        assert_eq!((partner.name.as_str(), partner.billing_day), ("Contoso, Ltd.", 15));
        assert_eq!(partner.kind(), PartnerKind::DirectBill);
        let Body::Purchase(order) = &bodies[1] else { panic!("{bodies:?}") };
        assert_eq!((order.customer_id.as_str(), order.lines[0].quantity), ("c-1", 3));
        assert_eq!(order.lines[0].billing_frequency(), BillingFrequency::Annual);
        let first = items[0].content.clone().unwrap();
        assert_eq!((first.command_id.as_str(), first.effective_at.unwrap().seconds), ("r-1", 1_514_764_800));
        assert_eq!(items[2].line, 4);
    }

    #[test]
    fn a_wrong_row_names_its_column() {
        let items = items(
            "command,customer_id,quantity,name\n\
             change_quantity,c-1,many,\n\
             change_quantity,c-1,1,x\n\
             sell,c-1,1,\n\
             suspend,c-1\n",
        );
        let why: Vec<_> = items.into_iter().map(|item| item.content.unwrap_err().why).collect();
        assert_eq!(why[0], "column quantity: \"many\" is not a whole number, 0 or more");
        assert!(why[1].starts_with("column name: ChangeQuantity has no such field"), "{}", why[1]);
        assert!(why[2].starts_with("column command: \"sell\" is none of "), "{}", why[2]);
        assert_eq!(why[3], "the row has 2 cells; the header has 4");
    }

    #[test]
    fn a_column_that_no_command_has_stops_before_anything_is_sent() {
        let Err(Failure::Usage(text)) = CommandRows::new("command,seats\n".as_bytes()) else { panic!("accepted") };
        assert!(text.contains("\"seats\"") && text.contains("quantity"), "{text}");
        assert!(CommandRows::new("customer_id\n".as_bytes()).is_err());
    }
}
