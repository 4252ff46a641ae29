//! Usage out of CSV, with columns of the daily-rated usage file (billing-details.md 3.2): rows of one customer, one after another, become
//! commands of some records.
//!
//! Needed are `CustomerId`, `EntitlementId`, `ResourceURI`, `MeterId`, `UsageDate`, `Unit` and `Quantity`; taken are `ResourceGroup`,
//! `ResourceLocation`, `ConsumedService`, `ServiceInfo1`, `ServiceInfo2`, `Tags` and `AdditionalInfo`, and of our own `Hour` and
//! `ReplacesQuantity`. The other published columns say what was rated, and are left aside.

use std::{io::Read, mem};

use csv::StringRecord;
use subledger_files::{daily, text};
use subledger_proto::{
    api::{Command, RecordUsage, command::Body},
    common::UsageRecord,
};

use super::{
    Failure,
    commands_csv::row_text,
    flat::letters,
    source::{Item, Unreadable},
    times,
};

/// Records of one command, and bytes of their texts: below the limits of the API.
const RECORDS: usize = 60;
const TEXT_BYTES: usize = 16_000;

/// Columns that a file must have.
const NEEDED: [&str; 7] = ["customerid", "entitlementid", "resourceuri", "meterid", "usagedate", "unit", "quantity"];
/// Columns that it may have beside the published ones.
const OWN: [&str; 2] = ["hour", "replacesquantity"];

/// Reads usage as commands.
pub(super) struct UsageRows<R> {
    reader: csv::Reader<R>,
    header: Vec<String>,
    customer: String,
    records: Vec<UsageRecord>,
    bytes: usize,
    first_line: u64,
    ended: bool,
}

impl<R: Read> UsageRows<R> {
    /// Reads the header. An unknown column is an error here, before anything is sent.
    pub(super) fn new(reader: R) -> Result<Self, Failure> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(reader);
        let given = reader.headers().map_err(|error| Failure::Usage(format!("cannot read the CSV header: {error}")))?;
        let header: Vec<_> = given.iter().map(letters).collect();
        let published: Vec<_> = daily::COLUMNS.iter().map(|column| letters(column)).collect();
        for (name, given) in header.iter().zip(given) {
            if !published.contains(name) && !OWN.contains(&name.as_str()) {
                let columns = daily::COLUMNS.join(", ");
                let message = format!("the column {given:?} is unknown; columns are {columns}, Hour, ReplacesQuantity");
                return Err(Failure::Usage(message));
            }
        }
        let missing: Vec<_> = NEEDED.iter().filter(|name| !header.iter().any(|has| has == *name)).collect();
        if !missing.is_empty() {
            return Err(Failure::Usage(format!("the CSV has no column {missing:?}")));
        }
        let (customer, records) = (String::new(), Vec::new());
        Ok(Self { reader, header, customer, records, bytes: 0, first_line: 0, ended: false })
    }

    /// The customer and the record of a row.
    fn record(&self, row: &StringRecord) -> Result<(String, UsageRecord), String> {
        if row.len() != self.header.len() {
            return Err(format!("the row has {} cells; the header has {}", row.len(), self.header.len()));
        }
        let cell = |name: &str| {
            let at = self.header.iter().position(|has| has == name);
            at.and_then(|at| row.get(at)).unwrap_or_default().to_owned()
        };
        if let Some(missing) = NEEDED.iter().find(|name| cell(name).is_empty()) {
            return Err(format!("column {missing}: a value is needed"));
        }
        let hour = match cell("hour") {
            text if text.is_empty() => 0,
            text => text.parse().map_err(|_| format!("column hour: {text:?} is not an hour, 1 to 24"))?,
        };
        let record = UsageRecord {
            azure_subscription_id: cell("entitlementid"),
            resource_group: cell("resourcegroup"),
            resource_uri: cell("resourceuri"),
            meter_id: cell("meterid"),
            usage_date: day(&cell("usagedate"))?,
            hour,
            quantity: cell("quantity"),
            unit: cell("unit"),
            replaces_quantity: cell("replacesquantity"),
            resource_location: cell("resourcelocation"),
            consumed_service: cell("consumedservice"),
            service_info1: cell("serviceinfo1"),
            service_info2: cell("serviceinfo2"),
            tags: cell("tags"),
            additional_info: cell("additionalinfo"),
        };
        Ok((cell("customerid"), record))
    }

    /// The records so far, as a command.
    fn flush(&mut self) -> Option<Item> {
        if self.records.is_empty() {
            return None;
        }
        let (customer_id, records) = (mem::take(&mut self.customer), mem::take(&mut self.records));
        self.bytes = 0;
        let body = Some(Body::RecordUsage(RecordUsage { customer_id, records }));
        let command = Command { body, ..Command::default() };
        Some(Item { line: self.first_line, bytes: self.reader.position().byte(), content: Ok(command) })
    }

    /// Adds a record; a command that it does not fit into any more comes out.
    fn add(&mut self, line: u64, customer: String, record: UsageRecord) -> Option<Item> {
        let bytes = text_bytes(&record);
        let full = self.records.len() == RECORDS || self.bytes + bytes > TEXT_BYTES || self.customer != customer;
        let done = if full { self.flush() } else { None };
        if self.records.is_empty() {
            self.first_line = line;
            self.customer = customer;
        }
        self.bytes += bytes;
        self.records.push(record);
        done
    }
}

fn text_bytes(record: &UsageRecord) -> usize {
    let UsageRecord { resource_group, resource_uri, resource_location, consumed_service, .. } = record;
    let UsageRecord { service_info1, service_info2, tags, additional_info, .. } = record;
    let texts = [
        resource_group,
        resource_uri,
        resource_location,
        consumed_service,
        service_info1,
        service_info2,
        tags,
        additional_info,
    ];
    texts.iter().map(|text| text.len()).sum()
}

/// A day as the file prints it, or as the API does.
fn day(text: &str) -> Result<String, String> {
    let day = text::parse_date(text).or_else(|| times::date(text).ok());
    day.map(|day| day.to_string())
        .ok_or_else(|| format!("column usagedate: {text:?} is not a date; 2019-10-31 and 10/31/2019 are"))
}

impl<R: Read> Iterator for UsageRows<R> {
    type Item = Result<Item, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let mut row = StringRecord::new();
            let read = self.reader.read_record(&mut row);
            let bytes = self.reader.position().byte();
            let (line, unreadable) = match read {
                Ok(false) => {
                    self.ended = true;
                    break;
                }
                Ok(true) => {
                    let line = row.position().map_or(0, csv::Position::line);
                    match self.record(&row) {
                        Ok((customer, record)) => {
                            if let Some(item) = self.add(line, customer, record) {
                                return Some(Ok(item));
                            }
                            continue;
                        }
                        Err(why) => (line, Unreadable { why, text: row_text(&row) }),
                    }
                }
                Err(error) if matches!(error.kind(), csv::ErrorKind::Io(_)) => {
                    return Some(Err(Failure::Usage(format!("cannot read on: {error}"))));
                }
                Err(error) => {
                    let line = error.position().map_or(0, csv::Position::line);
                    (line, Unreadable { why: error.to_string(), text: String::new() })
                }
            };
            return Some(Ok(Item { line, bytes, content: Err(unreadable) }));
        }
        self.flush().map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "CustomerId,EntitlementId,ResourceGroup,ResourceURI,MeterId,UsageDate,Unit,Quantity,Hour\n";

    fn items(text: &str) -> Vec<Item> {
        let rows = UsageRows::new(text.as_bytes()).unwrap_or_else(|failure| panic!("{failure:?}"));
        rows.map(Result::unwrap).collect()
    }

    fn commands(text: &str) -> Vec<(u64, String, usize)> {
        let commands = items(text).into_iter().filter_map(|item| match item.content.ok()?.body? {
            Body::RecordUsage(usage) => Some((item.line, usage.customer_id, usage.records.len())),
            other => panic!("{other:?}"),
        });
        commands.collect()
    }

    #[test]
    fn rows_of_a_customer_become_commands() {
        let row = |customer: &str, n: u32| format!("{customer},az,rg,/vm/{n},m-1,10/31/2019,1 Hour,1.5,24\n");
        let of_one: String = (0..130).map(|n| row("c-1", n)).collect();
        let text = format!("{HEADER}{of_one}{}", row("c-2", 1));
        assert_eq!(
            commands(&text),
            [(2, "c-1".into(), 60), (62, "c-1".into(), 60), (122, "c-1".into(), 10), (132, "c-2".into(), 1)]
        );
        let Some(Body::RecordUsage(usage)) = items(&text)[0].content.clone().unwrap().body else { panic!() };
        let first = &usage.records[0];
        assert_eq!((first.usage_date.as_str(), first.quantity.as_str(), first.hour), ("2019-10-31", "1.5", 24));
    }

    #[test]
    fn a_wrong_row_names_its_column_and_stops_nothing() {
        let text = format!(
            "{HEADER}c-1,az,rg,/vm/1,m-1,31.10.2019,1 Hour,1,\nc-1,az,rg,,m-1,2019-10-31,1 Hour,1,\nc-1,az,rg,/vm/1,m-1,2019-10-31,1 Hour,1,x\nc-1,az,rg,/vm/1,m-1,2019-10-31,1 Hour,1,\n"
        );
        let why: Vec<_> =
            items(&text).into_iter().filter_map(|item| item.content.err()).map(|wrong| wrong.why).collect();
        assert_eq!(why[0], "column usagedate: \"31.10.2019\" is not a date; 2019-10-31 and 10/31/2019 are");
        assert_eq!(why[1], "column resourceuri: a value is needed");
        assert_eq!(why[2], "column hour: \"x\" is not an hour, 1 to 24");
        assert_eq!(commands(&text), [(5, "c-1".into(), 1)]);
    }

    #[test]
    fn the_header_is_checked_first() {
        let Err(Failure::Usage(text)) = UsageRows::new("CustomerId,Colour\n".as_bytes()) else { panic!("accepted") };
        assert!(text.contains("Colour"), "{text}");
        assert!(UsageRows::new("CustomerId\n".as_bytes()).is_err());
        let published = format!("{}\n", daily::COLUMNS.join(","));
        assert!(UsageRows::new(published.as_bytes()).is_ok(), "the published file itself is an input");
    }
}
