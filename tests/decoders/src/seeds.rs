//! What fuzzing begins with: something good of every kind.

use prost::Message as _;
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, Value};
use subledger_log::codec::command_from_json;
use subledger_proof::{Checkpoint, note, rotation};
use subledger_proto::POOL;

use super::key;

/// Stored commits, one for each event, in hexadecimal.
const COMMITS: &str = include_str!("../../../ledger/log/tests/golden/events.hex");
/// Commands, one a line.
const COMMANDS: &str = include_str!("../../../deploy/sample/commands.jsonl");
const COMMANDS_CSV: &str = "command,customer_id,partner_id,subscription_id,quantity\nchange_quantity,c-1,p-1,s-1,7\nchange_quantity,c-1,p-1,s-2,x\n";
const USAGE_CSV: &str = "CustomerId,EntitlementId,ResourceURI,MeterId,UsageDate,Unit,Quantity\nc-1,6e9d4f5e-5f3e-5d2a-9f01-a336c15e135f,/a,6e9d4f5e-5f3e-5d2a-9f01-a336c15e135f,2018-01-31,1 Hour,1.5\n";
const TAXES_CSV: &str = "country,region,tax,scope,rate_percent,treatment,valid_from,valid_to\nDE,,VAT,all,19,exclusive,2021-01-01,\nCA,BC,BC PST,all,7,,2013-04-01,\n";
const METERS_CSV: &str =
    "meter_id,valid_from,valid_to,tier_from,unit_price\n6e9d4f5e-5f3e-5d2a-9f01-a336c15e135f,2018-01-01,,0,0.5\n";
const SETTINGS: &str = "listen = '127.0.0.1:1'\nlog_level = 'warn'\n[kafka]\nbootstrap = 'file:1'\ntopic_prefix = 'file'\n[test_clock]\nenabled = true\nstart = '2018-01-31'\n";
const KEY_SET: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","alg":"EdDSA","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
/// {"alg":"EdDSA","kid":"a"} and {"iss":"i","aud":"l","sub":"s","exp":9999999999}, with a signature of zeros.
const TOKEN: &str = "eyJhbGciOiJFZERTQSIsImtpZCI6ImEifQ.eyJpc3MiOiJpIiwiYXVkIjoibCIsInN1YiI6InMiLCJleHAiOjk5OTk5OTk5OTl9.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What a target begins with.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let texts = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    match target {
        "command_protobuf" => {
            every_command().into_iter().chain(sample().map(|command| command.encode_to_vec())).collect()
        }
        "command_json" => COMMANDS.lines().map(|line| line.as_bytes().to_vec()).collect(),
        "stored_commit" => COMMITS.lines().filter_map(|line| from_hex(line.split_once(' ')?.1)).collect(),
        "load_files" => texts(&[COMMANDS, COMMANDS_CSV, USAGE_CSV, TAXES_CSV, METERS_CSV]),
        "reconciliation_file" => reconciliation_files(),
        "settings" => texts(&[SETTINGS]),
        "tokens" => texts(&[TOKEN, KEY_SET]),
        "proofs" => vec![proof()],
        "notes" => signed().into_iter().map(String::into_bytes).collect(),
        "tiles" => texts(&["tile/0/000", "tile/1/x001/x234/067.p/8", "tile/63/x999/999"]),
        _ => Vec::new(),
    }
}

fn sample() -> impl Iterator<Item = subledger_proto::api::Command> {
    COMMANDS.lines().filter_map(|line| command_from_json(line).ok())
}

/// Each command with each of its fields set to something.
fn every_command() -> Vec<Vec<u8>> {
    let Some(envelope) = POOL.get_message_by_name("subledger.v1.Command") else { return Vec::new() };
    let bodies = envelope.fields().filter(|field| field.containing_oneof().is_some_and(|one| one.name() == "body"));
    let command = |field: prost_reflect::FieldDescriptor| {
        let mut command = DynamicMessage::new(envelope.clone());
        command.set_field_by_name("command_id", Value::String("c-1".into()));
        command.set_field(&field, value(&field.kind(), 3));
        command.encode_to_vec()
    };
    bodies.map(command).collect()
}

fn filled(descriptor: &MessageDescriptor, depth: u32) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    if depth == 0 {
        return message;
    }
    for field in descriptor.fields().filter(|field| !field.is_map()) {
        let one = value(&field.kind(), depth - 1);
        message.set_field(&field, if field.is_list() { Value::List(vec![one]) } else { one });
    }
    message
}

fn value(kind: &Kind, depth: u32) -> Value {
    match kind {
        Kind::Bool => Value::Bool(true),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(1),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(1),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(1),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(1),
        Kind::Float => Value::F32(1.0),
        Kind::Double => Value::F64(1.0),
        // A day and an id.
        Kind::String => Value::String("2018-01-31".into()),
        Kind::Bytes => Value::Bytes(vec![7; 8].into()),
        Kind::Message(descriptor) => Value::Message(filled(descriptor, depth)),
        Kind::Enum(_) => Value::EnumNumber(1),
    }
}

fn reconciliation_files() -> Vec<Vec<u8>> {
    let file = |layout: &subledger_files::layout::Layout| {
        let names: Vec<_> = layout.columns.iter().map(|column| column.name()).collect();
        let cells = vec!["1"; names.len()];
        format!("{}\n{}\n", names.join(","), cells.join(",")).into_bytes()
    };
    subledger_files::layout::LAYOUTS.iter().map(file).collect()
}

/// A proof of the only record of a tree.
fn proof() -> Vec<u8> {
    let record = b"record";
    let root = subledger_proof::leaf_hash(record);
    let checkpoint = Checkpoint { origin: key().verifier().name().to_owned(), size: 1, root };
    let text = format!("c2sp.org/tlog-proof@v1\nindex 0\n\n{}", note::sign(&checkpoint.text(), [&key()]));
    [&[0, 6], record.as_slice(), text.as_bytes()].concat()
}

fn signed() -> Vec<String> {
    let checkpoint = Checkpoint { origin: key().verifier().name().to_owned(), size: 7, root: [7; 32] };
    vec![
        note::sign(&checkpoint.text(), [&key()]),
        checkpoint.text(),
        rotation::note("subledger/fuzz", &key(), &key()),
        key().verifier().to_string(),
        key().secret_text(),
    ]
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
