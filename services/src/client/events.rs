//! `subledger events`: the history, commit by commit.

use std::io::{self, Write};

use chrono::{DateTime, Utc};
use prost::Message as _;
use serde_json::Value;
use subledger_log::codec::to_json;
use subledger_proto::{
    api::{Command, ReadEventsRequest, Record},
    common::Position,
    log::Commit,
};

use super::{
    Failure,
    connect::{Address, position_text, start},
    help,
    output::{Format, Output, cell_text, csv_line},
    times,
};

/// Arguments of `events`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger events                                        # everything, from the beginning\n  \
     subledger events --partition customers/0 --from 100\n  \
     subledger events --subscription s-1 --output json\n  \
     subledger events --stream c-1 --since 2018-01-01 --until 2018-02-01 --output csv\n  \
     subledger events --follow\n\n\
     JSON is one commit per line, in canonical form, with its command decoded."
))]
pub(crate) struct Args {
    /// Only this partition, such as customers/0, or from a place in it, such as customers/0@100; repeatable
    #[arg(long, value_name = "PARTITION", value_parser = start)]
    partition: Vec<Position>,
    /// First record of the partitions named
    #[arg(long, value_name = "SEQ", requires = "partition")]
    from: Option<u64>,
    /// Only what concerns this subscription
    #[arg(long, value_name = "ID")]
    subscription: Option<String>,
    /// Only this stream: catalog, a partner id or a customer id
    #[arg(long, value_name = "ID")]
    stream: Option<String>,
    /// Only what was recorded from then on: a day or an RFC 3339 time
    #[arg(long, value_name = "TIME", value_parser = times::instant)]
    since: Option<DateTime<Utc>>,
    /// Only what was recorded before: a day or an RFC 3339 time
    #[arg(long, value_name = "TIME", value_parser = times::instant)]
    until: Option<DateTime<Utc>>,
    /// Go on with what comes in
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    address: Address,
    #[command(flatten)]
    output: Output,
}

/// Prints it as it comes.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let mut audit = args.address.connect().await?.audit();
    let from = args.partition.iter().map(|at| Position { seq: args.from.unwrap_or(at.seq), ..*at }).collect();
    let request = ReadEventsRequest {
        from,
        subscription_id: args.subscription.unwrap_or_default(),
        stream: args.stream.unwrap_or_default(),
        recorded_from: args.since.map(times::timestamp),
        recorded_to: args.until.map(times::timestamp),
        follow: args.follow,
        bytes_only: false,
    };
    let mut stream = audit.read_events(request).await?.into_inner();
    let mut out = io::BufWriter::new(io::stdout().lock());
    head(&mut out, args.output.output)?;
    out.flush()?;
    while let Some(answer) = stream.message().await? {
        for record in &answer.records {
            print(&mut out, args.output.output, &commit(record)?)?;
        }
        if args.follow {
            out.flush()?;
        }
    }
    Ok(out.flush()?)
}

/// The commit of a record, from its stored bytes where the answer leaves it out.
fn commit(record: &Record) -> Result<Commit, Failure> {
    match &record.commit {
        Some(commit) => Ok(commit.clone()),
        None => Commit::decode(record.stored.clone())
            .map_err(|error| Failure::Differs(format!("a stored record cannot be read: {error}"))),
    }
}

const HEADS: [&str; 8] = ["POSITION", "RECORDED", "EFFECTIVE", "STREAM", "VERSION", "COMMAND", "EVENT", "DETAIL"];
const FIELDS: [&str; 8] =
    ["position", "recorded_at", "effective_at", "stream", "stream_version", "command_id", "event", "detail"];

fn head(out: &mut impl Write, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => Ok(()),
        Format::Csv => csv_line(out, FIELDS.into_iter()),
        Format::Table => aligned(out, &HEADS.map(str::to_owned)),
    }
}

fn print(out: &mut impl Write, format: Format, commit: &Commit) -> Result<(), Failure> {
    let json = commit_json(commit)?;
    if format == Format::Json {
        serde_json::to_writer(&mut *out, &json)?;
        return Ok(writeln!(out)?);
    }
    for row in rows(commit, &json) {
        match format {
            Format::Csv => csv_line(out, row.iter())?,
            _ => aligned(out, &row)?,
        }
    }
    Ok(())
}

/// The canonical JSON of a commit, with its command in readable form instead of bytes.
fn commit_json(commit: &Commit) -> Result<Value, Failure> {
    let mut json = to_json("subledger.log.v1.Commit", commit)?;
    if let (Some(fields), false, Ok(command)) =
        (json.as_object_mut(), commit.command.is_empty(), Command::decode(commit.command.clone()))
    {
        fields.insert("command".to_owned(), to_json("subledger.v1.Command", &command)?);
    }
    Ok(json)
}

/// The canonical JSON of a typed commit, with its command in readable form, on several lines.
pub(super) fn stored_json(commit: &subledger_log::Commit) -> Result<String, Failure> {
    let stored: Commit = subledger_log::codec::Wire::to_wire(commit);
    Ok(serde_json::to_string_pretty(&commit_json(&stored)?)?)
}

/// One row for each event; one for a refusal.
fn rows(commit: &Commit, json: &Value) -> Vec<[String; 8]> {
    let position = Position { family: commit.family, partition: commit.partition, seq: commit.seq };
    let row = |event: &str, detail: String| {
        let counts = !commit.stream.is_empty() && commit.rejection.is_none();
        let version = commit.stream_version_before + u64::from(counts);
        [
            position_text(&position),
            times::text(commit.recorded_at.as_ref()),
            times::text(commit.effective_at.as_ref()),
            commit.stream.clone(),
            version.to_string(),
            commit.command_id.clone(),
            event.to_owned(),
            detail,
        ]
    };
    if let Some(rejection) = &commit.rejection {
        return vec![row("rejected", format!("{}: {}", rejection.reason, rejection.message))];
    }
    let events = json.get("events").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
    let rows: Vec<_> = events.flatten().map(|(name, fields)| row(name, cell_text(fields))).collect();
    if rows.is_empty() { vec![row("", String::new())] } else { rows }
}

/// Widths that usual values have: rows are printed as they come, so the longest is not known.
const WIDTHS: [usize; 7] = [16, 20, 20, 16, 7, 20, 24];
/// Characters of a time that the table shows: to the second.
const TIME_CHARS: usize = "2018-01-31T09:30:00".len();

fn aligned(out: &mut impl Write, row: &[String; 8]) -> Result<(), Failure> {
    for (index, (cell, width)) in row.iter().zip(WIDTHS).enumerate() {
        let cell = if matches!(index, 1 | 2) { cell.get(..TIME_CHARS).unwrap_or(cell) } else { cell };
        write!(out, "{cell:<width$}  ")?;
    }
    Ok(writeln!(out, "{}", row[7])?)
}

#[cfg(test)]
mod tests {
    use subledger_proto::{
        api::{CloseDay, command::Body},
        common::{Family, Rejection},
        log::{DayClosed, Event, event},
    };

    use super::*;

    fn closed() -> Commit {
        let command = Command {
            command_id: "d-1".into(),
            body: Some(Body::CloseDay(CloseDay { date: "2018-01-31".into() })),
            ..Command::default()
        };
        let body = event::Body::DayClosed(DayClosed { date: "2018-01-31".into() });
        Commit {
            family: Family::Catalog.into(),
            seq: 7,
            command_id: "d-1".into(),
            command: command.encode_to_vec().into(),
            stream: "catalog".into(),
            stream_version_before: 4,
            events: vec![Event { body: Some(body) }],
            ..Commit::default()
        }
    }

    fn printed(format: Format, commit: &Commit) -> String {
        let mut out = Vec::new();
        print(&mut out, format, commit).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_command_is_readable_in_json() {
        let json: Value = serde_json::from_str(&printed(Format::Json, &closed())).unwrap();
        assert_eq!(json["command"]["close_day"]["date"], "2018-01-31");
        assert_eq!(json["seq"], "7");
    }

    #[test]
    fn csv_has_a_row_for_each_event_and_for_a_refusal() {
        assert_eq!(printed(Format::Csv, &closed()), "catalog/0@7,,,catalog,5,d-1,day_closed,date=2018-01-31\r\n");
        let mut refused = closed();
        refused.events.clear();
        refused.rejection =
            Some(Rejection { reason: "DAY_NOT_NEXT".into(), message: "not, next".into(), ..Rejection::default() });
        assert!(printed(Format::Csv, &refused).ends_with("rejected,\"DAY_NOT_NEXT: not, next\"\r\n"));
    }
}
