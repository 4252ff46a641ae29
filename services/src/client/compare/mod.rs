//! `subledger compare`: the history replayed from zero gives what the live read models answer.
//!
//! The log is read through the API into fresh read models in memory, by the same pure folds that the projectors run; then every list is
//! asked of both and compared row by row.

mod models;

use std::collections::BTreeMap;

use serde_json::Value;
use subledger_fold::{Projection, Recorded, StoreError, memory::Memory};
use subledger_log::{Body, Commit, codec, remote::opened};
use subledger_proto::{
    api::{ListPartitionsRequest, ReadEventsRequest},
    common::Position,
};

use self::models::{Answers, Model};
use super::{
    Failure,
    connect::{Address, Connection},
    help,
    list::{self, Filter},
    output::line,
};

/// Differences printed of one list.
const SHOWN_MAX: usize = 20;

/// Arguments of `compare`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger compare\n  \
     subledger compare --address http://ledger:7440\n\n\
     Commands that arrive while it runs are left out on both sides only if nothing changes the same rows: compare a ledger at rest."
))]
pub(crate) struct Args {
    #[command(flatten)]
    address: Address,
}

/// Replays, asks, compares.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let connection = args.address.connect().await?;
    let mut models: Vec<_> = models::all().into_iter().map(|model| (model, Memory::default())).collect();
    let ends = ends(&connection).await?;
    let commits = replay(&connection, &mut models).await?;
    line(format_args!("replayed {commits} commits"))?;
    let mut differences = 0;
    for (model, rows) in &models {
        for answers in &model.lists {
            differences += compare(&connection, model, answers, rows, &ends).await?;
        }
    }
    match differences {
        0 => line("live read models are equal to the replay"),
        _ => Err(Failure::Differs(format!("{differences} differences"))),
    }
}

/// The last commit of each partition that has one: what live answers must reflect.
async fn ends(connection: &Connection) -> Result<Vec<Position>, Failure> {
    let partitions = connection.audit().list_partitions(ListPartitionsRequest {}).await?.into_inner().partitions;
    let ends = partitions
        .iter()
        .filter_map(|p| Some(Position { family: p.family, partition: p.partition, seq: p.next_seq.checked_sub(1)? }));
    Ok(ends.collect())
}

/// Folds every commit into every model.
async fn replay(connection: &Connection, models: &mut [(Model, Memory)]) -> Result<u64, Failure> {
    let request = ReadEventsRequest { bytes_only: true, ..ReadEventsRequest::default() };
    let mut stream = connection.audit().read_events(request).await?.into_inner();
    let mut commits = 0;
    while let Some(answer) = stream.message().await? {
        for record in &answer.records {
            let commit = codec::open_as(&record.stored, opened(record)).map_err(|error| damaged(&error))?;
            for (model, rows) in &mut *models {
                fold(&*model.projection, &commit, rows)
                    .map_err(|error| damaged(&format_args!("{}: {error}", commit.position)))?;
            }
            commits += 1;
        }
    }
    Ok(commits)
}

fn damaged(error: &dyn std::fmt::Display) -> Failure {
    Failure::Differs(format!("the history cannot be replayed: {error}"))
}

/// Folds one commit.
pub(super) fn fold(projection: &dyn Projection, commit: &Commit, rows: &mut Memory) -> Result<(), StoreError> {
    let outcome = match &commit.body {
        Body::Accepted(events) => Ok(events.as_slice()),
        Body::Rejected(rejection) => Err(rejection),
        Body::WriterStarted { .. } => Ok([].as_slice()),
    };
    // A refusal leaves the version of its stream as it was.
    let counts = !commit.stream.is_empty() && outcome.is_ok();
    let recorded = Recorded {
        position: commit.position,
        stream: &commit.stream,
        stream_version: commit.stream_version_before + u64::from(counts),
        command_id: &commit.command_id,
        effective_at: commit.effective_at,
        recorded_at: commit.recorded_at,
        principal: &commit.actor.principal,
        channel: &commit.actor.channel,
        outcome,
    };
    projection.fold(&recorded, rows)
}

/// Compares one list; gives the number of differences.
async fn compare(
    connection: &Connection,
    model: &Model,
    answers: &Answers,
    rows: &Memory,
    ends: &[Position],
) -> Result<usize, Failure> {
    let live = list::all(connection, answers.kind, &Filter::at(ends.to_vec())).await?;
    let live = by_key(live, answers.key);
    let replayed = by_key((answers.replayed)(rows)?, answers.key);
    let found = differences(&replayed, &live);
    let name = format!("{} {:?}", model.projection.name(), answers.kind).to_lowercase();
    let verdict = if found.is_empty() { "equal" } else { "DIFFERENT" };
    line(format_args!("{name}: {} rows replayed, {} live: {verdict}", replayed.len(), live.len()))?;
    found.iter().take(SHOWN_MAX).try_for_each(|difference| line(format_args!("  {difference}")))?;
    if found.len() > SHOWN_MAX {
        line(format_args!("  and {} more", found.len() - SHOWN_MAX))?;
    }
    Ok(found.len())
}

/// Rows by the fields that name them, without what says how far an answer reaches.
fn by_key(rows: Vec<Value>, key: &[&str]) -> BTreeMap<String, Value> {
    let named = rows.into_iter().map(|mut row| {
        if let Some(fields) = row.as_object_mut() {
            fields.remove("reflects");
        }
        let name = key.iter().map(|field| super::output::cell_text(row.get(*field).unwrap_or(&Value::Null)));
        (name.collect::<Vec<_>>().join(" "), row)
    });
    named.collect()
}

/// What differs, one line each.
fn differences(replayed: &BTreeMap<String, Value>, live: &BTreeMap<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    for (key, expected) in replayed {
        match live.get(key) {
            None => found.push(format!("{key}: only in the replay")),
            Some(answered) if answered == expected => {}
            Some(answered) => found.extend(fields(key, expected, answered)),
        }
    }
    found.extend(
        live.keys().filter(|key| !replayed.contains_key(*key)).map(|key| format!("{key}: only in the live read model")),
    );
    found
}

fn fields(key: &str, expected: &Value, answered: &Value) -> Vec<String> {
    let names =
        |value: &Value| value.as_object().map(|fields| fields.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    let mut all = names(expected);
    all.extend(names(answered));
    all.sort();
    all.dedup();
    let wrong = all.into_iter().filter(|name| expected.get(name) != answered.get(name));
    let shown = |value: &Value, name: &str| value.get(name).map_or_else(|| "nothing".to_owned(), ToString::to_string);
    wrong
        .map(|name| format!("{key}: {name}: replayed {}, live {}", shown(expected, &name), shown(answered, &name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_name_row_and_field() {
        let rows = |rows: Value| by_key(serde_json::from_value(rows).unwrap(), &["id", "currency"]);
        let replayed = rows(json!([
            {"id": "a", "currency": "USD", "amount": "1.00", "reflects": [1]},
            {"id": "b", "currency": "USD", "amount": "1.00"},
            {"id": "c", "currency": "USD"},
        ]));
        let live = rows(json!([
            {"id": "a", "currency": "USD", "amount": "1.00"},
            {"id": "b", "currency": "USD", "amount": "2.00"},
            {"id": "d", "currency": "USD"},
        ]));
        assert_eq!(
            differences(&replayed, &live),
            [
                "b USD: amount: replayed \"1.00\", live \"2.00\"",
                "c USD: only in the replay",
                "d USD: only in the live read model"
            ]
        );
        assert!(differences(&live, &live).is_empty());
    }
}
