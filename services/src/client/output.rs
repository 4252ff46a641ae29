//! Table, JSON or CSV: the three forms of every answer.
//!
//! Rows are made from the canonical JSON of the API's messages, so a column is a name and a path, and no command has conversions of its
//! own. Ids stay text in every form. JSON and CSV name a field as the API does, `billing_day`; tables have heads for people, `BILLING DAY`.

use std::io::{self, IsTerminal as _, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::Value;

use super::Failure;

/// How answers are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// For programs: the canonical JSON of the API
    Json,
    /// For spreadsheets: RFC 4180
    Csv,
}

/// The flag that all commands with an answer share.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(crate) struct Output {
    /// How to print the answer
    #[arg(long, short = 'o', global = true, value_enum, default_value_t, value_name = "FORM")]
    pub(crate) output: Format,
}

/// A column: its head in a table, and where its value stands in the JSON of a message, which is its name in CSV.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    name: &'static str,
    path: &'static str,
    default: &'static str,
    right: bool,
}

impl Column {
    /// A text.
    pub(crate) const fn text(name: &'static str, path: &'static str) -> Self {
        Self { name, path, default: "", right: false }
    }

    /// A number: canonical JSON leaves out a zero.
    pub(crate) const fn number(name: &'static str, path: &'static str) -> Self {
        Self { name, path, default: "0", right: true }
    }

    /// A decimal, which is a string in JSON.
    pub(crate) const fn amount(name: &'static str, path: &'static str) -> Self {
        Self { name, path, default: "", right: true }
    }

    /// A switch: canonical JSON leaves out a "no".
    pub(crate) const fn switch(name: &'static str, path: &'static str) -> Self {
        Self { name, path, default: "false", right: false }
    }

    /// Its head in a table.
    #[cfg(test)]
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// Where its value stands.
    #[cfg(test)]
    pub(crate) const fn path(&self) -> &'static str {
        self.path
    }

    fn cell(&self, row: &Value) -> String {
        let value = self.path.split('.').try_fold(row, |value, key| value.get(key));
        let text = value.map(cell_text).unwrap_or_default();
        if text.is_empty() { self.default.to_owned() } else { text }
    }
}

/// Beginnings of enumeration names, which tables leave out.
const ENUM_PREFIXES: &[&str] = &[
    "BILLING_FREQUENCY_",
    "PARTNER_KIND_",
    "OFFER_KIND_",
    "PRODUCT_FAMILY_",
    "INVOICE_FAMILY_",
    "PRORATION_RULE_",
    "AGREEMENT_MODE_",
    "OFFER_LIMIT_SCOPE_",
    "PRICE_PER_",
    "SUSPENSION_REASON_",
    "RELATIONSHIP_ORIGIN_",
    "CHARGE_TYPE_",
    "TAX_TREATMENT_",
    "TAX_SCOPE_",
    "TAX_ID_KIND_",
    "TAX_DOCUMENT_KIND_",
    "SEGMENT_",
    "AGREEMENT_VERSION_",
    "PURCHASE_PERMISSION_",
    "CREDIT_NOTE_REASON_",
    "EVIDENCE_KIND_",
    "SOLUTION_AREA_",
    "ASSOCIATION_ACTIVITY_",
    "FAMILY_",
];

/// A value in one cell: lists are joined, positions written as `customers/0@17`, other objects as `key=value`.
pub(crate) fn cell_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => enumeration(text).unwrap_or_else(|| text.clone()),
        Value::Array(values) => values.iter().map(cell_text).collect::<Vec<_>>().join("; "),
        Value::Object(fields) => position_cell(value).unwrap_or_else(|| {
            let pairs = fields.iter().map(|(key, value)| match value {
                Value::Object(_) | Value::Array(_) => format!("{key}=({})", cell_text(value)),
                _ => format!("{key}={}", cell_text(value)),
            });
            pairs.collect::<Vec<_>>().join(" ")
        }),
    }
}

fn enumeration(text: &str) -> Option<String> {
    ENUM_PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix)).map(str::to_ascii_lowercase)
}

fn position_cell(value: &Value) -> Option<String> {
    let fields = value.as_object()?;
    let family = fields.get("family")?.as_str()?.strip_prefix("FAMILY_")?.to_ascii_lowercase();
    if fields.keys().any(|key| !matches!(key.as_str(), "family" | "partition" | "seq")) {
        return None;
    }
    let part = |key| fields.get(key).map_or_else(|| "0".to_owned(), cell_text);
    Some(format!("{family}/{}@{}", part("partition"), part("seq")))
}

/// Prints many rows. In JSON an array, written as the rows come.
pub(crate) struct Printer<W: Write> {
    out: W,
    form: Form,
    columns: &'static [Column],
    count: usize,
}

enum Form {
    Table(Box<Table>),
    Json,
    Csv,
}

impl Printer<io::StdoutLock<'static>> {
    /// Prints to standard output.
    pub(crate) fn stdout(output: Output, columns: &'static [Column]) -> Result<Self, Failure> {
        Self::new(io::stdout().lock(), output.output, columns)
    }
}

impl<W: Write> Printer<W> {
    /// Prints to a writer.
    pub(crate) fn new(mut out: W, format: Format, columns: &'static [Column]) -> Result<Self, Failure> {
        let form = match format {
            Format::Table => Form::Table(Box::new(table(columns.iter().map(|column| column.name), columns))),
            Format::Json => Form::Json,
            Format::Csv => {
                csv_line(&mut out, columns.iter().map(|column| column.path))?;
                Form::Csv
            }
        };
        Ok(Self { out, form, columns, count: 0 })
    }

    /// One row, as the canonical JSON of its message.
    pub(crate) fn row(&mut self, row: &Value) -> Result<(), Failure> {
        let cells = || self.columns.iter().map(|column| column.cell(row));
        match &mut self.form {
            Form::Table(table) => {
                table.add_row(cells());
            }
            Form::Csv => csv_line(&mut self.out, cells())?,
            Form::Json => {
                self.out.write_all(if self.count == 0 { b"[\n" } else { b",\n" })?;
                serde_json::to_writer(&mut self.out, row)?;
            }
        }
        self.count += 1;
        Ok(())
    }

    /// Ends the list and gives the number of rows.
    pub(crate) fn finish(mut self) -> Result<usize, Failure> {
        match &self.form {
            Form::Table(table) => writeln!(self.out, "{table}")?,
            Form::Csv => {}
            Form::Json => self.out.write_all(if self.count == 0 { b"[]\n" } else { b"\n]\n" })?,
        }
        self.out.flush()?;
        Ok(self.count)
    }
}

/// A table without frames, as wide as the terminal; not folded where there is none.
fn table(names: impl Iterator<Item = &'static str>, columns: &[Column]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(names);
    if io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    for (index, column) in columns.iter().enumerate() {
        if let Some(shown) = table.column_mut(index) {
            shown.set_padding((0, 2));
            if column.right {
                shown.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    table
}

/// Prints a line on standard output; unlike `println!` it does not panic when the reader went away.
pub(crate) fn line(text: impl std::fmt::Display) -> Result<(), Failure> {
    Ok(writeln!(io::stdout().lock(), "{text}")?)
}

/// One record of RFC 4180.
pub(crate) fn csv_line<T: AsRef<[u8]>>(out: &mut impl Write, cells: impl Iterator<Item = T>) -> Result<(), Failure> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
    writer.write_record(cells)?;
    writer.flush()?;
    Ok(())
}

/// Prints one message: in a table, a line for each field.
pub(crate) fn print_one(output: Output, value: &Value) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let fields = || value.as_object().into_iter().flatten();
    match output.output {
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, value)?;
            writeln!(out)?;
        }
        Format::Csv => {
            csv_line(&mut out, fields().map(|(name, _)| name))?;
            csv_line(&mut out, fields().map(|(_, value)| cell_text(value)))?;
        }
        Format::Table => {
            let width = fields().map(|(name, _)| name.len()).max().unwrap_or(0);
            for (name, value) in fields() {
                write_field(&mut out, &head(name), value, width)?;
            }
        }
    }
    Ok(())
}

/// The name of a field as tables have it.
fn head(name: &str) -> String {
    name.replace('_', " ").to_uppercase()
}

/// A list of objects gets a line for each; everything else one line.
fn write_field(out: &mut impl Write, name: &str, value: &Value, width: usize) -> io::Result<()> {
    match value {
        Value::Array(items) if items.iter().all(Value::is_object) && !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                writeln!(out, "{:<width$}  {}", if index == 0 { name } else { "" }, cell_text(item))?;
            }
            Ok(())
        }
        _ => writeln!(out, "{name:<width$}  {}", cell_text(value)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COLUMNS: &[Column] = &[
        Column::text("ID", "id"),
        Column::text("COUNTRY", "address.country"),
        Column::number("SEATS", "quantity"),
        Column::text("BILLED EVERY", "billing_frequency"),
        Column::text("POSITION", "position"),
    ];

    fn printed(format: Format, rows: &[Value]) -> String {
        let mut out = Vec::new();
        let mut printer = Printer::new(&mut out, format, COLUMNS).unwrap();
        for row in rows {
            printer.row(row).unwrap();
        }
        printer.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    fn rows() -> Vec<Value> {
        vec![
            json!({"id": "0012", "address": {"country": "DE"}, "quantity": 5, "billing_frequency": "BILLING_FREQUENCY_ANNUAL"}),
            json!({"id": "a,\"b\"", "position": {"family": "FAMILY_CUSTOMERS", "seq": "7"}}),
        ]
    }

    #[test]
    fn csv_quotes_and_keeps_ids_as_text() {
        let text = printed(Format::Csv, &rows());
        assert_eq!(
            text,
            "id,address.country,quantity,billing_frequency,position\r\n0012,DE,5,annual,\r\n\"a,\"\"b\"\"\",,0,,customers/0@7\r\n"
        );
    }

    #[test]
    fn json_is_one_document_also_when_empty() {
        assert_eq!(serde_json::from_str::<Value>(&printed(Format::Json, &rows())).unwrap(), Value::Array(rows()));
        assert_eq!(printed(Format::Json, &[]), "[]\n");
    }

    #[test]
    fn a_table_has_its_header_and_a_line_for_each_row() {
        let text = printed(Format::Table, &rows());
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[0].starts_with("ID") && lines[0].contains("BILLED EVERY"), "{text}");
        assert!(lines[1].contains("0012") && lines[1].contains("annual"), "{text}");
    }
}
