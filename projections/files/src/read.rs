//! Reads a reconciliation file as a reseller gets it from its provider: either layout, any of the three spellings of headers, any order of
//! columns (billing-details.md sections 2.9 and 3).

use std::io;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::{
    compare::Line,
    layout::{Column, LAYOUTS, Layout},
    text,
};

/// A text that is not a file, or not one that can be compared.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Dates, amounts or separators of another locale: columns and signs would be read wrongly.
    #[error(
        "{place}: {text:?} is not en-US; export the file with commas between columns, dates like 2/28/2019 and amounts like 1234.56"
    )]
    LocaleNotEnUs {
        /// Row and column.
        place: String,
        /// What stands there.
        text: String,
    },
    /// Columns of the layout are not there.
    #[error("the header lacks {}; as a {layout} file it has to have {}", names(columns), if columns.len() == 1 { "it" } else { "them" })]
    ColumnMissing {
        /// Which ones.
        columns: Vec<&'static str>,
        /// The layout that fits best.
        layout: &'static str,
    },
    /// There are columns that no layout has, or one stands twice.
    #[error("the header has {}, which a {layout} file does not have", quoted(columns))]
    ColumnUnexpected {
        /// Which ones.
        columns: Vec<String>,
        /// The layout that fits best.
        layout: &'static str,
    },
    /// A line stands in the file twice.
    #[error("line {line_id} stands in the file twice, in rows {first} and {second}")]
    DuplicateLineId {
        /// Its id.
        line_id: String,
        /// Row numbers; the header is row 1.
        first: u64,
        /// The same.
        second: u64,
    },
    /// A value cannot be read.
    #[error("{place}: {text:?} is not {wanted}")]
    InvalidValue {
        /// Row and column.
        place: String,
        /// What stands there.
        text: String,
        /// What would be accepted.
        wanted: &'static str,
    },
    /// It cannot be read, or is no CSV.
    #[error("it is no CSV file: {0}")]
    NotCsv(#[from] csv::Error),
}

impl FileError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::LocaleNotEnUs { .. } => "FILE_LOCALE_NOT_EN_US",
            Self::ColumnMissing { .. } => "COLUMN_MISSING",
            Self::ColumnUnexpected { .. } => "COLUMN_UNEXPECTED",
            Self::DuplicateLineId { .. } => "DUPLICATE_LINE_ID",
            Self::InvalidValue { .. } => "INVALID_VALUE",
            Self::NotCsv(_) => "FILE_NOT_CSV",
        }
    }
}

fn names(columns: &[&'static str]) -> String {
    columns.join(", ")
}

fn quoted(columns: &[String]) -> String {
    columns.iter().map(|column| format!("{column:?}")).collect::<Vec<_>>().join(", ")
}

/// A file, line by line.
pub struct Reader<R> {
    records: csv::Reader<R>,
    record: csv::StringRecord,
    layout: Layout,
    /// Where each column of the layout stands.
    places: Vec<(Column, usize)>,
}

impl<R: io::Read> Reader<R> {
    /// Reads the header.
    pub fn new(file: R) -> Result<Self, FileError> {
        let mut records = csv::ReaderBuilder::new().has_headers(false).from_reader(file);
        let mut header = csv::StringRecord::new();
        records.read_record(&mut header)?;
        let header: Vec<String> =
            header.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned()).collect();
        if let [only] = header.as_slice()
            && only.contains([';', '\t'])
        {
            return Err(FileError::LocaleNotEnUs { place: "row 1".into(), text: only.chars().take(60).collect() });
        }
        let (layout, places) = recognise(&header)?;
        Ok(Self { records, record: csv::StringRecord::new(), layout, places })
    }

    /// What kind of file it is.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The next line; none at the end.
    pub fn next_line(&mut self) -> Result<Option<Line>, FileError> {
        if !self.records.read_record(&mut self.record)? {
            return Ok(None);
        }
        let row = self.record.position().map_or(0, |position| position.record() + 1);
        let cells = Cells { record: &self.record, places: &self.places, row };
        cells.line().map(Some)
    }
}

/// `ChargeStartDate`, `CHARGE_START_DATE` and `Charge_Start_Date` are one.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

fn recognise(header: &[String]) -> Result<(Layout, Vec<(Column, usize)>), FileError> {
    let found: Vec<String> = header.iter().map(|name| plain(name)).collect();
    let missing = |layout: &Layout| -> Vec<&'static str> {
        let names = layout.columns.iter().map(|column| column.name());
        names.filter(|name| !found.contains(&plain(name))).collect()
    };
    let unexpected = |layout: &Layout| -> Vec<String> {
        let known: Vec<String> = layout.columns.iter().map(|column| plain(column.name())).collect();
        let odd = |at: &usize| !known.contains(&found[*at]) || found[..*at].contains(&found[*at]);
        (0..found.len()).filter(odd).map(|at| header[at].clone()).collect()
    };
    let Some(layout) = LAYOUTS.into_iter().min_by_key(|layout| missing(layout).len() + unexpected(layout).len()) else {
        return Err(FileError::ColumnMissing { columns: Vec::new(), layout: "" });
    };
    let (missing, unexpected) = (missing(&layout), unexpected(&layout));
    if !missing.is_empty() {
        return Err(FileError::ColumnMissing { columns: missing, layout: layout.name });
    }
    if !unexpected.is_empty() {
        return Err(FileError::ColumnUnexpected { columns: unexpected, layout: layout.name });
    }
    let place = |column: &Column| Some((*column, found.iter().position(|name| *name == plain(column.name()))?));
    Ok((layout, layout.columns.iter().filter_map(place).collect()))
}

struct Cells<'a> {
    record: &'a csv::StringRecord,
    places: &'a [(Column, usize)],
    row: u64,
}

impl Cells<'_> {
    fn line(&self) -> Result<Line, FileError> {
        let subscription = self.text(Column::SyndicationPartnerSubscriptionNumber);
        if subscription.is_empty() {
            return Err(self.invalid(Column::SyndicationPartnerSubscriptionNumber, "a subscription's id"));
        }
        let quantity = self.amount(Column::Quantity)?;
        // Usage has parts of units, and takes some back; seats are whole.
        let one_time = self.places.iter().any(|(column, _)| *column == Column::EffectiveUnitPrice);
        if !one_time && (!quantity.fract().is_zero() || quantity < Decimal::ZERO) {
            return Err(self.invalid(Column::Quantity, "a whole number of seats"));
        }
        Ok(Line {
            row: self.row,
            line_id: self.text(Column::LineId).to_owned(),
            subscription: subscription.to_owned(),
            customer_id: self.text(Column::CustomerId).to_owned(),
            offer_id: self.text(Column::DurableOfferId).to_owned(),
            charge_type: self.text(Column::ChargeType).to_owned(),
            charge_start: self.date(Column::ChargeStartDate)?,
            charge_end: self.date(Column::ChargeEndDate)?,
            unit_price: self.amount(Column::UnitPrice)?,
            quantity,
            amount: self.amount(Column::Amount)?,
            discount: self.amount(Column::TotalOtherDiscount)?,
            subtotal: self.amount(Column::Subtotal)?,
            tax: self.amount(Column::Tax)?,
            total: self.amount(Column::TotalForCustomer)?,
            currency: self.text(Column::Currency).to_owned(),
            derivation: None,
        })
    }

    fn text(&self, column: Column) -> &str {
        let place = self.places.iter().find(|(other, _)| *other == column);
        place.and_then(|(_, at)| self.record.get(*at)).unwrap_or_default().trim()
    }

    fn date(&self, column: Column) -> Result<NaiveDate, FileError> {
        text::parse_date(self.text(column)).ok_or_else(|| self.invalid(column, "a date like 2/28/2019"))
    }

    fn amount(&self, column: Column) -> Result<Decimal, FileError> {
        text::parse_amount(self.text(column)).ok_or_else(|| self.invalid(column, "an amount like -1234.56"))
    }

    /// Digits with other separators are another locale's.
    fn invalid(&self, column: Column, wanted: &'static str) -> FileError {
        let place = format!("row {}, {}", self.row, column.name());
        let text: String = self.text(column).chars().take(60).collect();
        let foreign = text.chars().any(|c| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_digit() || " .,/:-'".contains(c))
            && column != Column::Quantity;
        if foreign { FileError::LocaleNotEnUs { place, text } } else { FileError::InvalidValue { place, text, wanted } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{LICENSE_DIRECT, LICENSE_INDIRECT, ONE_TIME_INDIRECT, ONE_TIME_INDIRECT_1};

    /// The sample of the published field table (L10102-10135), in order.
    const SAMPLE: &str = "8ddd03642-test-test-test-46b58d356b4e,12ABCD34-001A-BCD2-987C-3210ABCD5678,Test Customer A,4390934,,\
        566890604832738111,usCBMgAAAAAAAIA,fb977ab5-test-test-test-24c8d9591708,FE616D64-E9A8-40EF-843F-152E9BBEF3D1,\
        1017D7F3-6D7F-4BFA-BDD8-79BC8F104E0C,Microsoft Office 365 (Plan E3),2/1/2019 0:00,2/1/2019 0:00,2/1/2019 0:00,\
        2/28/2019 23:59,Cycle fee,6.82,2,13.32,2.32,11,0,11,EUR,example.onmicrosoft.com,PROJECT ONLINE,\
        PROJECT ONLINE PREMIUM WITHOUT PROJECT CLIENT,Monthly";

    fn file(header: &str, row: &str) -> Result<Vec<Line>, FileError> {
        let text = format!("{header}\r\n{row}\r\n");
        let mut reader = Reader::new(text.as_bytes())?;
        let mut lines = Vec::new();
        while let Some(line) = reader.next_line()? {
            lines.push(line);
        }
        Ok(lines)
    }

    fn header(columns: &[Column], spell: impl Fn(&str) -> String) -> String {
        columns.iter().map(|column| spell(column.name())).collect::<Vec<_>>().join(",")
    }

    /// `ChargeStartDate` as `Charge_Start_Date`.
    fn underscored(name: &str) -> String {
        let mut text = String::new();
        for (at, c) in name.char_indices() {
            if at > 0 && c.is_ascii_uppercase() {
                text.push('_');
            }
            text.push(c);
        }
        text
    }

    #[test]
    fn the_three_spellings_are_read() {
        let spellings: [fn(&str) -> String; 3] =
            [str::to_owned, |name| underscored(name).to_ascii_uppercase(), underscored];
        for spell in spellings {
            let lines = file(&header(LICENSE_INDIRECT, spell), SAMPLE).unwrap();
            let line = &lines[0];
            assert_eq!(line.subscription, "fb977ab5-test-test-test-24c8d9591708");
            assert_eq!(
                (line.charge_start.to_string(), line.charge_end.to_string()),
                ("2019-02-01".into(), "2019-02-28".into())
            );
            assert_eq!(
                (line.unit_price.to_string(), line.quantity.to_string(), line.amount.to_string()),
                ("6.82".into(), "2".into(), "13.32".into())
            );
            assert_eq!(
                (line.discount.to_string(), line.subtotal.to_string(), line.currency.as_str()),
                ("2.32".into(), "11".into(), "EUR")
            );
        }
    }

    #[test]
    fn both_layouts_and_any_order_are_read() {
        let mut direct: Vec<Column> = LICENSE_DIRECT.to_vec();
        let cells: Vec<&str> =
            SAMPLE.split(',').enumerate().filter(|(at, _)| *at != 4).map(|(_, cell)| cell.trim()).collect();
        let mut reversed = cells.clone();
        let text = header(&direct, str::to_owned);
        let line = file(&format!("\u{feff}{text}"), &cells.join(",")).unwrap();
        direct.reverse();
        reversed.reverse();
        assert_eq!(file(&header(&direct, str::to_owned), &reversed.join(",")).unwrap(), line);
        let reader = Reader::new(text.as_bytes()).unwrap();
        assert_eq!(reader.layout().name, "license/direct");
    }

    #[test]
    fn a_one_time_file_of_either_version_is_read_and_usage_has_parts_of_units() {
        let row = |columns: &[Column], quantity: &str| {
            let cell = |column: &Column| match column {
                Column::SyndicationPartnerSubscriptionNumber => "plan-1",
                Column::ChargeStartDate => "10/1/2019 0:00",
                Column::ChargeEndDate => "10/31/2019 23:59",
                Column::Quantity => quantity,
                Column::UnitPrice | Column::EffectiveUnitPrice => "0.02",
                Column::Amount | Column::Subtotal | Column::TotalForCustomer => "1.75",
                Column::TotalOtherDiscount | Column::Tax => "0.00",
                _ => "",
            };
            file(&header(columns, str::to_owned), &columns.iter().map(cell).collect::<Vec<_>>().join(","))
        };
        for (columns, name) in
            [(ONE_TIME_INDIRECT, "one-time/indirect/2"), (ONE_TIME_INDIRECT_1, "one-time/indirect/1")]
        {
            let text = header(columns, str::to_owned);
            assert_eq!(Reader::new(text.as_bytes()).unwrap().layout().name, name);
            assert_eq!(row(columns, "96").unwrap()[0].quantity, Decimal::from(96));
        }
        assert_eq!(row(ONE_TIME_INDIRECT, "-0.25").unwrap()[0].quantity, Decimal::new(-25, 2));
        assert_eq!(row(ONE_TIME_INDIRECT_1, "0.25").unwrap_err().code(), "INVALID_VALUE");
    }

    #[test]
    fn a_bad_header_names_the_column() {
        let code = |header: &str| {
            let error = Reader::new(header.as_bytes()).err().unwrap();
            (error.code(), error.to_string())
        };
        let good = header(LICENSE_INDIRECT, str::to_owned);
        let (reason, text) = code(&good.replace(",Subtotal", ""));
        assert_eq!(reason, "COLUMN_MISSING");
        assert!(text.contains("Subtotal") && text.contains("license/indirect"), "{text}");
        let (reason, text) = code(&format!("{good},Colour"));
        assert!(reason == "COLUMN_UNEXPECTED" && text.contains("\"Colour\""), "{text}");
        let (reason, text) = code(&format!("{good},Tax"));
        assert!(reason == "COLUMN_UNEXPECTED" && text.contains("\"Tax\""), "{text}");
        assert_eq!(code(&good.replace(',', ";")).0, "FILE_LOCALE_NOT_EN_US");
        assert_eq!(code("").0, "COLUMN_MISSING");
    }

    #[test]
    fn another_locale_is_told_from_nonsense() {
        let good = header(LICENSE_INDIRECT, str::to_owned);
        for (from, to, code, place) in [
            ("2/28/2019 23:59", "28.02.2019 23:59", "FILE_LOCALE_NOT_EN_US", "row 2, ChargeEndDate"),
            ("2/28/2019 23:59", "28/2/2019 23:59", "FILE_LOCALE_NOT_EN_US", "row 2, ChargeEndDate"),
            (",13.32,", ",\"13,32\",", "FILE_LOCALE_NOT_EN_US", "row 2, Amount"),
            (",13.32,", ",free,", "INVALID_VALUE", "row 2, Amount"),
            (",6.82,2,", ",6.82,2.5,", "INVALID_VALUE", "row 2, Quantity"),
            (
                "fb977ab5-test-test-test-24c8d9591708",
                "",
                "INVALID_VALUE",
                "row 2, SyndicationPartnerSubscriptionNumber",
            ),
            (",Monthly", "", "FILE_NOT_CSV", "27 fields"),
        ] {
            let error = file(&good, &SAMPLE.replace(from, to)).unwrap_err();
            assert_eq!(error.code(), code, "{error}");
            assert!(error.to_string().contains(place), "{error}");
        }
    }
}
