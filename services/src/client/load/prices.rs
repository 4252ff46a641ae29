//! Published price lists and offer matrices out of CSV, as commands of a few hundred rows.
//!
//! A price list has the published columns (change flag, valid from, valid to, offer display name, offer ID, license agreement type,
//! purchase unit, secondary license type, end customer type, list price, ERP price), an offer matrix our own, tax rates `country,
//! region, tax, scope, rate_percent, treatment, valid_from, valid_to`; their names are matched whatever the case, spaces and underscores.

use std::io::Read;

use chrono::NaiveDate;
use csv::StringRecord;
use prost_reflect::MessageDescriptor;
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use subledger_domain::{ids::PriceListId, money::Currency};
use subledger_log::codec::command_from_json;
use subledger_proto::POOL;

use super::{
    Failure,
    commands_csv::row_text,
    flat::{CellError, columns, letters, set},
    source::{Item, Unreadable},
};

/// Rows of one command: well below what one record of the log holds.
const COMMAND_ROWS: usize = 200;
/// Meters of one command, which are longer.
const METER_ROWS: usize = 50;
/// Digits an amount may have.
const AMOUNT_DIGITS_MAX: usize = 24;

/// Other names of columns, as published files have them.
const ALIASES: &[(&str, &str)] = &[
    ("validfromdate", "valid_from"),
    ("validtodate", "valid_to"),
    ("offername", "offer_display_name"),
    ("durableofferid", "offer_id"),
    ("licenseagreement", "license_agreement_type"),
    ("secondarylicense", "secondary_license_type"),
    ("listpriceusd", "list_price"),
    ("erp", "erp_price"),
    ("unitofmeasure", "unit"),
    ("meterids", "meter_id"),
    ("metername", "name"),
    ("metercategory", "category"),
    ("metersubcategory", "sub_category"),
    ("meterregion", "region"),
    ("producttitle", "product_name"),
    ("skutitle", "sku_name"),
    ("publisher", "publisher_name"),
    ("effectivestartdate", "valid_from"),
    ("effectiveenddate", "valid_to"),
    ("pricingtierrangemin", "tier_from"),
];

/// Columns a price list must have.
const PRICE_COLUMNS: &[&str] = &[
    "change_flag",
    "valid_from",
    "valid_to",
    "offer_display_name",
    "offer_id",
    "license_agreement_type",
    "purchase_unit",
    "secondary_license_type",
    "end_customer_type",
    "list_price",
    "erp_price",
];
/// Columns an offer matrix must have.
const OFFER_COLUMNS: &[&str] =
    &["offer_id", "display_name", "product_family", "kind", "term_months", "billing_frequencies"];

/// Columns a table of tax rates must have; all there are.
const TAX_RATE_COLUMNS: &[&str] =
    &["country", "region", "tax", "scope", "rate_percent", "treatment", "valid_from", "valid_to"];

/// Columns that meters must have.
const METER_COLUMNS: &[&str] = &["meter_id", "unit"];
/// Columns that prices of meters must have.
const METER_PRICE_COLUMNS: &[&str] = &["meter_id", "valid_from", "valid_to", "tier_from", "unit_price"];
/// Columns that exchange rates must have; all there are.
const EXCHANGE_RATE_COLUMNS: &[&str] = &["month", "from", "to", "rate"];

/// What the rows are.
pub(super) enum Table {
    /// Prices in one currency.
    Prices {
        /// Name of the list.
        price_list: PriceListId,
        /// Of every price.
        currency: Currency,
    },
    /// Offers.
    Offers,
    /// Tax rates.
    TaxRates,
    /// Meters of Azure services.
    Meters,
    /// Their prices, in one currency.
    MeterPrices {
        /// Of every price.
        currency: Currency,
    },
    /// Exchange rates of months of usage.
    ExchangeRates,
}

impl Table {
    fn message(&self) -> &'static str {
        match self {
            Self::Prices { .. } => "subledger.common.v1.PriceRow",
            Self::Offers => "subledger.common.v1.Offer",
            Self::TaxRates => "subledger.common.v1.TaxRateRow",
            Self::Meters => "subledger.common.v1.Meter",
            Self::MeterPrices { .. } => "subledger.common.v1.MeterPriceRow",
            Self::ExchangeRates => "subledger.common.v1.ExchangeRate",
        }
    }

    fn required(&self) -> &'static [&'static str] {
        match self {
            Self::Prices { .. } => PRICE_COLUMNS,
            Self::Offers => OFFER_COLUMNS,
            Self::TaxRates => TAX_RATE_COLUMNS,
            Self::Meters => METER_COLUMNS,
            Self::MeterPrices { .. } => METER_PRICE_COLUMNS,
            Self::ExchangeRates => EXCHANGE_RATE_COLUMNS,
        }
    }

    fn command(&self, rows: &[Value]) -> Value {
        match self {
            Self::Prices { price_list, currency } => serde_json::json!({
                "publish_price_list": {"price_list_id": price_list.as_str(), "currency": currency.as_str(), "rows": rows}
            }),
            Self::Offers => serde_json::json!({"publish_offers": {"offers": rows}}),
            Self::TaxRates => serde_json::json!({"publish_tax_rates": {"rows": rows}}),
            Self::Meters => serde_json::json!({"publish_meters": {"meters": rows}}),
            Self::MeterPrices { currency } => {
                serde_json::json!({"publish_meter_prices": {"currency": currency.as_str(), "rows": rows}})
            }
            Self::ExchangeRates => serde_json::json!({"publish_exchange_rates": {"rates": rows}}),
        }
    }

    /// Rows of one command.
    fn command_rows(&self) -> usize {
        if matches!(self, Self::Meters) { METER_ROWS } else { COMMAND_ROWS }
    }
}

/// Reads a table of reference data as commands.
pub(super) struct TableRows<R> {
    reader: csv::Reader<R>,
    table: Table,
    message: MessageDescriptor,
    header: Vec<String>,
    rows: Vec<Value>,
    first_line: u64,
    ended: bool,
}

impl<R: Read> TableRows<R> {
    /// Reads the header.
    pub(super) fn new(reader: R, table: Table) -> Result<Self, Failure> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(reader);
        let given = reader.headers().map_err(|error| Failure::Usage(format!("cannot read the CSV header: {error}")))?;
        let message = POOL
            .get_message_by_name(table.message())
            .ok_or_else(|| Failure::Usage(format!("this build has no descriptor of {}", table.message())))?;
        let known = columns(&message);
        let header: Vec<_> = given.iter().map(|name| column(&known, name)).collect::<Result<_, _>>()?;
        let missing: Vec<_> = table.required().iter().filter(|name| !header.iter().any(|has| has == *name)).collect();
        if !missing.is_empty() {
            return Err(Failure::Usage(format!("the CSV has no column {missing:?}; its columns are {header:?}")));
        }
        Ok(Self { reader, table, message, header, rows: Vec::new(), first_line: 0, ended: false })
    }

    fn row(&self, record: &StringRecord) -> Result<Value, String> {
        if record.len() != self.header.len() {
            return Err(format!("the row has {} cells; the header has {}", record.len(), self.header.len()));
        }
        let mut row = Map::new();
        for (name, text) in self.header.iter().zip(record.iter()).filter(|(_, text)| !text.is_empty()) {
            let wrong = |what| CellError { column: name.clone(), what }.to_string();
            let text = normalized(name, text).map_err(wrong)?;
            set(&mut row, &self.message, name, &text).map_err(|error| error.to_string())?;
        }
        if matches!(self.table, Table::MeterPrices { .. }) {
            // The published list leaves the lowest bound empty.
            row.entry("tier_from").or_insert_with(|| "0".into());
        }
        if let Some(missing) = self.table.required().iter().find(|name| needs_value(name) && !row.contains_key(**name))
        {
            return Err(format!("column {missing}: a value is needed"));
        }
        Ok(Value::Object(row))
    }

    /// The rows so far, as a command.
    fn flush(&mut self) -> Option<Item> {
        if self.rows.is_empty() {
            return None;
        }
        let json = self.table.command(&std::mem::take(&mut self.rows)).to_string();
        let content = command_from_json(&json).map_err(|error| Unreadable { why: error.to_string(), text: json });
        Some(Item { line: self.first_line, bytes: self.reader.position().byte(), content })
    }
}

/// The published price list leaves the first two empty where they say nothing; an offer without frequencies is a custom meter; a tax
/// without region is the whole country's, one without treatment is treated as its country does.
fn needs_value(column: &str) -> bool {
    !matches!(column, "tier_from" | "valid_to" | "erp_price" | "billing_frequencies" | "region" | "treatment")
}

/// The field of a header's name.
fn column(known: &[String], given: &str) -> Result<String, Failure> {
    let wanted = letters(given);
    let alias = ALIASES.iter().find(|(alias, _)| *alias == wanted).map(|(_, name)| (*name).to_owned());
    let alias = alias.filter(|name| known.contains(name));
    known
        .iter()
        .find(|name| letters(name) == wanted)
        .cloned()
        .or(alias)
        .ok_or_else(|| Failure::Usage(format!("the column {given:?} is unknown; columns are {}", known.join(", "))))
}

/// A cell as the API wants it: ISO dates, plain amounts, flags in capital letters.
fn normalized(column: &str, text: &str) -> Result<String, String> {
    match column {
        "valid_from" | "valid_to" | "end_of_sale" | "month" | "no_credit_from" => iso_date(text),
        "list_price" | "erp_price" | "unit_price" | "tier_from" | "rate" => amount(text),
        "rate_percent" => {
            let plain = text.strip_suffix('%').unwrap_or(text).trim_end();
            amount(plain).map_err(|_| format!("{text:?} is not a rate; percent are, such as 19 or 8.875"))
        }
        "change_flag" => match text.to_ascii_uppercase().as_str() {
            "CHNG" => Ok("CHG".to_owned()),
            flag @ ("ADD" | "CHG" | "DEL" | "UNC") => Ok(flag.to_owned()),
            _ => Err(format!("{text:?} is none of ADD, CHG, DEL, UNC")),
        },
        "purchase_unit" => match letters(text).as_str() {
            "month" | "1month" | "1months" | "monthly" | "months" => Ok("month".to_owned()),
            "year" | "1year" | "1years" | "12months" | "annual" | "years" => Ok("year".to_owned()),
            _ => Err(format!("{text:?} is neither month nor year")),
        },
        _ => Ok(text.to_owned()),
    }
}

fn iso_date(text: &str) -> Result<String, String> {
    // A time of day behind the date, as spreadsheets write it, says nothing.
    let day = text.split([' ', 'T']).next().unwrap_or_default();
    let date = if day.contains('/') {
        NaiveDate::parse_from_str(day, "%m/%d/%Y").ok().filter(|_| day.rsplit('/').next().is_some_and(|y| y.len() == 4))
    } else {
        super::times::date(day).ok()
    };
    date.map(|date| date.to_string())
        .ok_or_else(|| format!("{text:?} is not a date; 2018-01-31 and 1/31/2018 (month, day, year) are"))
}

fn amount(text: &str) -> Result<String, String> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && text.starts_with(|c: char| c.is_ascii_digit())
        && text.ends_with(|c: char| c.is_ascii_digit())
        && digits <= AMOUNT_DIGITS_MAX
        && text.parse::<Decimal>().is_ok();
    if plain {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} is not a price; digits with a decimal point are, such as 1234.50"))
    }
}

impl<R: Read> Iterator for TableRows<R> {
    type Item = Result<Item, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let mut record = StringRecord::new();
            let read = self.reader.read_record(&mut record);
            let bytes = self.reader.position().byte();
            let unreadable = |line, why, text| Some(Ok(Item { line, bytes, content: Err(Unreadable { why, text }) }));
            match read {
                Ok(false) => self.ended = true,
                Ok(true) => {
                    let line = record.position().map_or(0, csv::Position::line);
                    match self.row(&record) {
                        Err(why) => return unreadable(line, why, row_text(&record)),
                        Ok(row) => {
                            if self.rows.is_empty() {
                                self.first_line = line;
                            }
                            self.rows.push(row);
                        }
                    }
                    if self.rows.len() == self.table.command_rows() {
                        return self.flush().map(Ok);
                    }
                }
                Err(error) if matches!(error.kind(), csv::ErrorKind::Io(_)) => {
                    return Some(Err(Failure::Usage(format!("cannot read on: {error}"))));
                }
                Err(error) => {
                    return unreadable(
                        error.position().map_or(0, csv::Position::line),
                        error.to_string(),
                        String::new(),
                    );
                }
            }
        }
        self.flush().map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use subledger_proto::{
        api::command::Body,
        common::{OfferLimitScope, ProrationRule, TaxScope, TaxTreatment},
    };

    use super::*;

    const HEADER: &str = "Change Flag,Valid From Date,VALID_TO,Offer Display Name,Offer ID,License Agreement Type,Purchase Unit,\
        Secondary License Type,End Customer Type,List Price,ERP Price";

    fn prices(text: &str) -> Vec<Item> {
        let table = Table::Prices {
            price_list: PriceListId::new("2018-01-US").unwrap(),
            currency: Currency::new("USD").unwrap(),
        };
        TableRows::new(text.as_bytes(), table).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn a_published_list_becomes_commands_of_200_rows() {
        let mut text = format!("{HEADER}\n");
        for n in 0..401 {
            let _ = writeln!(
                text,
                "unc,1/1/2018,12/31/9999,Office {n},o-{n},corporate,1 Month(s),non-specific,cloud reseller corporate,4.00,5"
            );
        }
        let items = prices(&text);
        let lists: Vec<_> = items
            .iter()
            .map(|item| match item.content.clone().unwrap().body.unwrap() {
                Body::PublishPriceList(list) => (item.line, list.rows.len(), list.price_list_id, list.rows[0].clone()),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(lists.iter().map(|list| (list.0, list.1)).collect::<Vec<_>>(), [(2, 200), (202, 200), (402, 1)]);
        let row = &lists[0].3;
        assert_eq!(
            (row.change_flag.as_str(), row.valid_from.as_str(), row.valid_to.as_str()),
            ("UNC", "2018-01-01", "9999-12-31")
        );
        assert_eq!(
            (row.purchase_unit.as_str(), row.list_price.as_str(), row.erp_price.as_str()),
            ("month", "4.00", "5")
        );
    }

    #[test]
    fn a_wrong_row_names_line_column_and_what_is_accepted() {
        let good = "ADD,2018-01-01,,Office,o-1,corporate,month,non-specific,cloud reseller corporate,4.00,";
        let wrong = [
            (
                good.replace("2018-01-01", "31.01.2018"),
                "column valid_from: \"31.01.2018\" is not a date; 2018-01-31 and 1/31/2018",
            ),
            (good.replace("4.00", "\"4,00\""), "column list_price: \"4,00\" is not a price"),
            (good.replace("ADD", "NEW"), "column change_flag: \"NEW\" is none of ADD, CHG, DEL, UNC"),
            (good.replace("month", "week"), "column purchase_unit: \"week\" is neither month nor year"),
            (good.replace("o-1", ""), "column offer_id: a value is needed"),
            (good.replace(",4.00,", ",4.00"), "the row has 10 cells; the header has 11"),
        ];
        for (row, why) in wrong {
            let items = prices(&format!("{HEADER}\n{good}\n{row}\n"));
            let error = items[0].content.as_ref().unwrap_err();
            assert!(error.why.starts_with(why), "{}", error.why);
            assert_eq!(items[0].line, 3);
            assert!(items[1].content.is_ok(), "the good row is sent all the same");
        }
    }

    #[test]
    fn a_list_without_a_column_is_refused_whole() {
        let table =
            || Table::Prices { price_list: PriceListId::new("l").unwrap(), currency: Currency::new("USD").unwrap() };
        let text = HEADER.replace(",List Price", "");
        let Err(Failure::Usage(error)) = TableRows::new(text.as_bytes(), table()) else { panic!("accepted") };
        assert!(error.contains("list_price"), "{error}");
        let text = format!("{HEADER},Colour");
        let Err(Failure::Usage(error)) = TableRows::new(text.as_bytes(), table()) else { panic!("accepted") };
        assert!(error.contains("Colour"), "{error}");
    }

    #[test]
    fn tax_rates_are_read() {
        let text = "Country,Region,Tax,Scope,Rate Percent,Treatment,Valid From,Valid To\n\
            DE,,VAT,all,19%,,2021-01-01,\n\
            CA,BC,BC PST,pstn,7,inclusive,4/1/2013,2030-12-31\n\
            DE,,VAT,all,\"19,0\",,2021-01-01,\n\
            DE,,VAT,some,19,,2021-01-01,\n";
        let items: Vec<_> = TableRows::new(text.as_bytes(), Table::TaxRates).unwrap().map(Result::unwrap).collect();
        let errors: Vec<_> = items.iter().filter_map(|item| item.content.as_ref().err()).map(|e| &*e.why).collect();
        assert_eq!(errors[0], "column rate_percent: \"19,0\" is not a rate; percent are, such as 19 or 8.875");
        assert!(errors[1].starts_with("column scope: "), "{errors:?}");
        let Some(Body::PublishTaxRates(list)) = items[2].content.clone().unwrap().body else { panic!("{items:?}") };
        let rows: Vec<_> =
            list.rows.iter().map(|r| (r.region.as_str(), r.rate_percent.as_str(), r.scope(), r.treatment())).collect();
        assert_eq!(
            rows,
            [
                ("", "19", TaxScope::All, TaxTreatment::Unspecified),
                ("BC", "7", TaxScope::Pstn, TaxTreatment::Inclusive)
            ]
        );
        assert_eq!((&*list.rows[1].valid_from, &*list.rows[1].valid_to), ("2013-04-01", "2030-12-31"));
    }

    #[test]
    fn an_offer_matrix_is_read() {
        let text = "Offer ID,Display Name,Product Family,Kind,Term Months,Billing Frequencies,Minimum Quantity,Limit Scope,Limit,Proration Rule,Markets\n\
            o-1,Office,license,base,12,monthly;annual,1,concurrent,2,daily rate 3dp,US;DE\n";
        let items: Vec<_> = TableRows::new(text.as_bytes(), Table::Offers).unwrap().map(Result::unwrap).collect();
        let Some(Body::PublishOffers(list)) = items[0].content.clone().unwrap().body else { panic!() };
        let offer = &list.offers[0];
        assert_eq!(offer.limit_scope(), OfferLimitScope::Concurrent);
        assert_eq!(offer.proration_rule(), ProrationRule::DailyRate3dp);
        assert_eq!((offer.markets.len(), offer.billing_frequencies.len()), (2, 2));
    }
}
