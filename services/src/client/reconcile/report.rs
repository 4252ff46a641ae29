//! What a comparison prints: each difference as it comes, then the sums by cause.

use std::io::{self, Write};

use serde_json::{Value, json};
use subledger_files::compare::{Finding, Line, Summary};

use crate::client::{
    Failure,
    output::{Column, Format, Printer, csv_line},
};

const FINDINGS: &[Column] = &[
    Column::text("SUBSCRIPTION", "subscription"),
    Column::text("CHARGE TYPE", "charge_type"),
    Column::text("FROM", "charge_start"),
    Column::text("TO", "charge_end"),
    Column::text("WHERE", "kind"),
    Column::text("CAUSE", "cause"),
    Column::amount("FILE", "file_total"),
    Column::amount("LEDGER", "ledger_total"),
    Column::amount("DIFFERENCE", "difference"),
    Column::number("ROW", "row"),
    Column::text("DETAIL", "detail"),
];

const CAUSES: &[Column] =
    &[Column::text("CAUSE", "cause"), Column::number("COUNT", "count"), Column::amount("DIFFERENCE", "difference")];

const CSV: [&str; 14] = [
    "kind",
    "cause",
    "subscription",
    "charge_type",
    "charge_start",
    "charge_end",
    "file_total",
    "ledger_total",
    "difference",
    "currency",
    "row",
    "line_id",
    "fields",
    "detail",
];

/// Writes findings in one of the three forms.
pub(super) struct Report {
    form: Form,
}

enum Form {
    /// As many rows as are to be shown, and how many there are.
    Table {
        rows: Vec<Value>,
        count: usize,
        limit: usize,
    },
    Json {
        out: io::StdoutLock<'static>,
        count: usize,
    },
    Csv(io::StdoutLock<'static>),
}

impl Report {
    pub(super) fn new(format: Format, limit: usize) -> Result<Self, Failure> {
        let mut out = io::stdout().lock();
        let form = match format {
            Format::Table => Form::Table { rows: Vec::new(), count: 0, limit },
            Format::Json => Form::Json { out, count: 0 },
            Format::Csv => {
                csv_line(&mut out, CSV.iter())?;
                Form::Csv(out)
            }
        };
        Ok(Self { form })
    }

    pub(super) fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        let row = row(finding);
        match &mut self.form {
            Form::Table { rows, count, limit } => {
                *count += 1;
                if *limit == 0 || rows.len() < *limit {
                    rows.push(row);
                }
                Ok(())
            }
            Form::Json { out, count } => {
                out.write_all(if *count == 0 { b"{\"differences\": [\n" } else { b",\n" })?;
                *count += 1;
                Ok(serde_json::to_writer(out, &row)?)
            }
            Form::Csv(out) => {
                let cell = |name: &&str| match &row[*name] {
                    Value::String(text) => text.clone(),
                    Value::Array(fields) => fields.iter().map(changed).collect::<Vec<_>>().join("; "),
                    other => other.to_string(),
                };
                csv_line(out, CSV.iter().map(cell)).map_err(|_| io::Error::other("a row cannot be written"))
            }
        }
    }

    pub(super) fn finish(self, summary: &Summary) -> Result<(), Failure> {
        match self.form {
            Form::Csv(_) => {
                eprintln!("{}", sentence(summary));
                Ok(())
            }
            Form::Json { mut out, count } => {
                out.write_all(if count == 0 { b"{\"differences\": [" } else { b"\n" })?;
                write!(out, "], \"summary\": ")?;
                serde_json::to_writer(&mut out, &summary_json(summary))?;
                Ok(writeln!(out, "}}")?)
            }
            Form::Table { rows, count, .. } => table(&rows, count, summary),
        }
    }
}

fn table(rows: &[Value], count: usize, summary: &Summary) -> Result<(), Failure> {
    if count > 0 {
        print(FINDINGS, rows)?;
        let mut out = io::stdout().lock();
        if rows.len() < count {
            writeln!(out, "… and {} more; --limit 0 or --output csv shows all", count - rows.len())?;
        }
        writeln!(out)?;
        print(CAUSES, &causes(summary))?;
        writeln!(out)?;
    }
    writeln!(io::stdout().lock(), "{}", sentence(summary))?;
    Ok(())
}

fn print(columns: &'static [Column], rows: &[Value]) -> Result<(), Failure> {
    let mut printer = Printer::new(io::stdout().lock(), Format::Table, columns)?;
    for row in rows {
        printer.row(row)?;
    }
    printer.finish().map(|_| ())
}

fn causes(summary: &Summary) -> Vec<Value> {
    let row = |(cause, sum): (&subledger_files::compare::Cause, &subledger_files::compare::Sum)| json!({"cause": cause.name(), "count": sum.count, "difference": sum.difference.to_string()});
    summary.causes.iter().map(row).collect()
}

fn sentence(summary: &Summary) -> String {
    let totals = |sums: &std::collections::BTreeMap<String, rust_decimal::Decimal>| {
        let texts: Vec<_> = sums.iter().map(|(currency, sum)| format!("{sum} {currency}")).collect();
        if texts.is_empty() { "nothing".to_owned() } else { texts.join(", ") }
    };
    let verdict = if summary.is_equal() { "equal" } else { "different" };
    format!(
        "{verdict}: {} lines match, {} differ, {} only in the file, {} only in the ledger\nfile {}  ledger {}",
        summary.matched,
        summary.differing,
        summary.only_in_file,
        summary.only_in_ledger,
        totals(&summary.file_total),
        totals(&summary.ledger_total)
    )
}

fn summary_json(summary: &Summary) -> Value {
    json!({
        "equal": summary.is_equal(),
        "matched": summary.matched,
        "differing": summary.differing,
        "only_in_file": summary.only_in_file,
        "only_in_ledger": summary.only_in_ledger,
        "file_total": summary.file_total,
        "ledger_total": summary.ledger_total,
        "causes": causes(summary),
    })
}

fn row(finding: &Finding) -> Value {
    // The ledger's line names it best; a line of the file only is named by the file.
    let empty = String::new();
    let line = finding.ledger.as_ref().or(finding.file.as_ref());
    let text = |of: fn(&Line) -> &String| line.map_or(&empty, of).clone();
    let total = |side: &Option<Line>| side.as_ref().map(|line| line.total.to_string()).unwrap_or_default();
    json!({
        "kind": finding.kind.name(),
        "cause": finding.cause.name(),
        "subscription": text(|line| &line.subscription),
        "charge_type": text(|line| &line.charge_type),
        "charge_start": line.map(|line| line.charge_start.to_string()).unwrap_or_default(),
        "charge_end": line.map(|line| line.charge_end.to_string()).unwrap_or_default(),
        "file_total": total(&finding.file),
        "ledger_total": total(&finding.ledger),
        "difference": finding.difference.to_string(),
        "currency": text(|line| &line.currency),
        "row": finding.file.as_ref().map_or(0, |line| line.row),
        "line_id": finding.ledger.as_ref().map_or(&empty, |line| &line.line_id),
        "fields": finding.fields,
        "detail": finding.detail,
    })
}

/// `Amount: 66.00 instead of 62.00`.
fn changed(field: &Value) -> String {
    let text = |name: &str| field[name].as_str().unwrap_or_default();
    format!("{}: {} in the file, {} in the ledger", text("column"), text("file"), text("ledger"))
}
