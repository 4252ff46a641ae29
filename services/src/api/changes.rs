//! What changed between two moments: things as the API shows them, compared field by field.

use std::collections::BTreeMap;

use prost::Message;
use serde_json::Value;
use subledger_fold::change::Cause;
use subledger_log::codec::{Wire as _, to_json};
use subledger_proto::{
    api::{Change, ChangeCause, FieldChange},
    common::Actor,
};
use tonic::{Code, Status};

use super::errors;

/// Fields by which the elements of a list are known.
const NAMES: [&str; 4] = ["partner_id", "segment", "component", "mode"];
/// What every answer has and no thing.
const NOT_OF_THE_THING: [&str; 2] = ["reflects", "version"];

/// A thing of this message at two moments; none where it was not there.
pub(super) fn change<T: Message>(message: &str, before: Option<&T>, after: Option<&T>) -> Result<Change, Status> {
    let (was_there, is_there) = (before.is_some(), after.is_some());
    let (before, after) = (fields(message, before)?, fields(message, after)?);
    let names: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let fields = names.into_iter().filter_map(|name| {
        let (old, new) = (before.get(name), after.get(name));
        // A value of zero is left out of a message.
        let text = |value: Option<&Value>, other: Option<&Value>, there: bool| match (value, other) {
            (Some(value), _) => text(value),
            (None, Some(Value::Bool(_))) if there => "false".to_owned(),
            (None, Some(Value::Number(_))) if there => "0".to_owned(),
            (None, _) => String::new(),
        };
        let (before, after) = (text(old, new, was_there), text(new, old, is_there));
        (before != after).then(|| FieldChange { field: name.clone(), before, after })
    });
    Ok(Change { was_there, is_there, fields: fields.collect(), ..Change::default() })
}

/// A change with the commits behind it.
pub(super) fn with_causes(change: Change, causes: Vec<Cause>, causes_left_out: u64) -> Change {
    let causes = causes.into_iter().map(|cause| ChangeCause {
        position: Some(cause.position.to_wire()),
        command_id: cause.command_id,
        actor: Some(Actor { principal: cause.principal, channel: cause.channel }),
        effective_at: Some(cause.effective_at.to_wire()),
        recorded_at: Some(cause.recorded_at.to_wire()),
        events: cause.events,
    });
    Change { causes: causes.collect(), causes_left_out, ..change }
}

fn fields<T: Message>(message: &str, thing: Option<&T>) -> Result<BTreeMap<String, Value>, Status> {
    let mut fields = BTreeMap::new();
    let Some(thing) = thing else { return Ok(fields) };
    let value =
        to_json(message, thing).map_err(|error| errors::status(Code::Internal, "INTERNAL", error.to_string(), &[]))?;
    flatten(String::new(), value, &mut fields);
    Ok(fields)
}

fn flatten(path: String, value: Value, fields: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                if path.is_empty() && NOT_OF_THE_THING.contains(&name.as_str()) {
                    continue;
                }
                flatten(if path.is_empty() { name } else { format!("{path}.{name}") }, value, fields);
            }
        }
        Value::Array(elements) if elements.iter().all(Value::is_object) => {
            for (number, element) in elements.into_iter().enumerate() {
                let named: Vec<_> = NAMES.iter().filter_map(|name| element.get(name)?.as_str()).collect();
                let name = if named.is_empty() { number.to_string() } else { named.join(" ") };
                flatten(format!("{path}[{name}]"), element, fields);
            }
        }
        value => {
            fields.insert(path, value);
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(elements) => elements.iter().map(text).collect::<Vec<_>>().join(", "),
        value => value.to_string(),
    }
}
