//! What is published for usage: meters, their prices, exchange rates, and the terms of earned credit.
//!
//! A price or rate that days were closed with stays: what is published later holds for days to come, or fills a gap that usage waits at
//! (azure-marketplace-software.md 2.16, 2.20).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    Event, Reason, Rejection, check,
    command::{PublishCreditTerms, PublishExchangeRates, PublishMeterPrices, PublishMeters},
    event::{CreditTermsPublished, ExchangeRatesPublished, MeterPricesPublished, MetersPublished},
    ids::MeterId,
    money::Currency,
    usage::{CreditTerms, ExchangeRate, Meter, MeterPriceRow, MeterQuote, Tier},
};

/// Meters in one command; a longer list comes in parts.
pub const METERS_MAX: usize = 100;
/// Rows of prices in one command; a longer list comes in parts.
pub const METER_PRICES_MAX: usize = 250;
/// Exchange rates in one command.
pub const EXCHANGE_RATES_MAX: usize = 500;
/// Tags of a meter.
const TAGS_MAX: usize = 20;
/// Largest price of a unit, and largest rate, so that no product with a quantity leaves the range of a decimal number.
const PRICE_MAX: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);
/// Digits after the point of a price; published ones have six (L13821).
const PRICE_DECIMALS_MAX: u32 = 10;
/// Digits after the point of a rate; published ones have nine (L13821).
const RATE_DECIMALS_MAX: u32 = 12;
/// Largest quantity at which a tier begins: 10^15.
const TIER_MAX: Decimal = Decimal::from_parts(2_764_472_320, 232_830, 0, false, 0);

/// A price from a first day on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    valid_to: Option<NaiveDate>,
    tiers: BTreeMap<Decimal, Decimal>,
}

type Records = BTreeMap<NaiveDate, Record>;

/// Everything published for usage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageCatalog {
    meters: BTreeMap<MeterId, Meter>,
    prices: BTreeMap<(MeterId, Currency), Records>,
    rates: BTreeMap<(NaiveDate, Currency, Currency), Decimal>,
    terms: BTreeMap<NaiveDate, CreditTerms>,
}

impl UsageCatalog {
    /// A meter as it was published last.
    pub fn meter(&self, id: &MeterId) -> Option<&Meter> {
        self.meters.get(id)
    }

    /// What a meter costs on a day in a currency; none where nothing was published for the day.
    pub fn price(&self, id: &MeterId, currency: Currency, on: NaiveDate) -> Option<MeterQuote> {
        let record = holding(self.prices.get(&(id.clone(), currency))?, on)?;
        let tiers = record.tiers.iter().map(|(from, unit_price)| Tier { from: *from, unit_price: *unit_price });
        Some(MeterQuote { currency, tiers: tiers.collect() })
    }

    /// What one unit of a currency is in another for usage of a month, given by any of its days.
    pub fn rate(&self, month: NaiveDate, from: Currency, to: Currency) -> Option<Decimal> {
        if from == to {
            return Some(Decimal::ONE);
        }
        self.rates.get(&(crate::calendar::first_of_month(month), from, to)).copied()
    }

    /// What earns credit on a day.
    pub fn credit_terms(&self, on: NaiveDate) -> CreditTerms {
        self.terms.range(..=on).next_back().map(|(_, terms)| terms.clone()).unwrap_or_default()
    }

    pub(super) fn evolve(&mut self, event: &Event) {
        match event {
            Event::MetersPublished(e) => {
                self.meters.extend(e.meters.iter().map(|meter| (meter.meter_id.clone(), meter.clone())));
            }
            Event::MeterPricesPublished(e) => {
                for row in &e.rows {
                    let records = self.prices.entry((row.meter_id.clone(), e.currency)).or_default();
                    let record = records.entry(row.valid_from).or_default();
                    record.valid_to = row.valid_to;
                    record.tiers.insert(row.tier_from.normalize(), row.unit_price);
                }
            }
            Event::ExchangeRatesPublished(e) => {
                self.rates.extend(e.rates.iter().map(|rate| ((rate.month, rate.from, rate.to), rate.rate)));
            }
            Event::CreditTermsPublished(e) => {
                self.terms.insert(e.valid_from, e.terms.clone());
            }
            _ => {}
        }
    }

    pub(super) fn publish_prices(
        &self,
        command: &PublishMeterPrices,
        last_closed: Option<NaiveDate>,
    ) -> Result<Vec<Event>, Rejection> {
        check::count("rows", command.rows.len(), METER_PRICES_MAX)?;
        let mut wanted: BTreeMap<(&MeterId, NaiveDate), (usize, Record)> = BTreeMap::new();
        for (index, row) in command.rows.iter().enumerate() {
            self.check_row(row, index)?;
            let (_, record) = wanted.entry((&row.meter_id, row.valid_from)).or_insert((index, Record::default()));
            if !record.tiers.is_empty() && record.valid_to != row.valid_to {
                let message = "The tiers of a meter and first day have one last day";
                return Err(check::invalid(&format!("rows[{index}].valid_to"), message));
            }
            record.valid_to = row.valid_to;
            if record.tiers.insert(row.tier_from.normalize(), row.unit_price).is_some() {
                let message = "The tier stands in this command twice";
                return Err(check::invalid(&format!("rows[{index}].tier_from"), message));
            }
        }
        for ((meter_id, valid_from), (index, mut record)) in wanted {
            let records = self.prices.get(&(meter_id.clone(), command.currency));
            let known = records.and_then(|records| records.get(&valid_from));
            for (from, unit_price) in known.into_iter().flat_map(|known| &known.tiers) {
                record.tiers.entry(*from).or_insert(*unit_price);
            }
            if record.tiers.keys().next() != Some(&Decimal::ZERO) {
                let message = "The lowest tier of a meter and first day begins at 0";
                return Err(check::invalid(&format!("rows[{index}].tier_from"), message).with("meter_id", meter_id));
            }
            if records.is_some_and(|known| changes_closed_days(known, valid_from, &record, last_closed)) {
                let message = "Days that are closed were rated at another price; publish one from an open day on";
                return Err(Rejection::field(Reason::MeterPriceInUse, &format!("rows[{index}].valid_from"), message)
                    .with("meter_id", meter_id)
                    .with("last_closed", last_closed.map(|day| day.to_string()).unwrap_or_default()));
            }
        }
        let (currency, rows) = (command.currency, command.rows.clone());
        Ok(vec![MeterPricesPublished { currency, rows }.into()])
    }

    fn check_row(&self, row: &MeterPriceRow, index: usize) -> Result<(), Rejection> {
        let field = |name: &str| format!("rows[{index}].{name}");
        if !self.meters.contains_key(&row.meter_id) {
            let message = format!("No meter {} is published; publish it first", row.meter_id);
            return Err(
                Rejection::field(Reason::UnknownMeter, &field("meter_id"), message).with("meter_id", &row.meter_id)
            );
        }
        if row.valid_to.is_some_and(|last| last < row.valid_from) {
            return Err(check::invalid(&field("valid_to"), "The last day is not before the first"));
        }
        within(&field("unit_price"), row.unit_price, PRICE_MAX, PRICE_DECIMALS_MAX)?;
        within(&field("tier_from"), row.tier_from, TIER_MAX, PRICE_DECIMALS_MAX)
    }

    pub(super) fn publish_rates(&self, command: &PublishExchangeRates) -> Result<Vec<Event>, Rejection> {
        check::count("rates", command.rates.len(), EXCHANGE_RATES_MAX)?;
        let mut seen = BTreeMap::new();
        for (index, rate) in command.rates.iter().enumerate() {
            let field = |name: &str| format!("rates[{index}].{name}");
            let ExchangeRate { month, from, to, rate } = *rate;
            if month.day() != 1 {
                return Err(check::invalid(&field("month"), "A rate holds for a month: give its first day"));
            }
            if from == to {
                return Err(check::invalid(&field("to"), "A currency is always worth one of itself"));
            }
            within(&field("rate"), rate, PRICE_MAX, RATE_DECIMALS_MAX)?;
            if rate.is_zero() {
                return Err(check::invalid(&field("rate"), "A rate is above 0"));
            }
            let known = self.rates.get(&(month, from, to)).copied().or_else(|| seen.get(&(month, from, to)).copied());
            if let Some(known) = known.filter(|known| *known != rate) {
                let message = format!("One {from} is {known} {to} for all usage of {month}'s month; a rate stays");
                return Err(Rejection::field(Reason::ExchangeRateFixed, &field("rate"), message).with("rate", known));
            }
            seen.insert((month, from, to), rate);
        }
        Ok(vec![ExchangeRatesPublished { rates: command.rates.clone() }.into()])
    }
}

/// Whether a price for days that are over would be another than it is: usage of them may be rated and charged.
fn changes_closed_days(
    known: &Records,
    valid_from: NaiveDate,
    wanted: &Record,
    last_closed: Option<NaiveDate>,
) -> bool {
    let Some(closed) = last_closed.filter(|closed| valid_from <= *closed) else { return false };
    match known.get(&valid_from) {
        Some(same) => {
            let open_end = |end: Option<NaiveDate>| end.is_none_or(|end| end >= closed);
            let end_moves = same.valid_to == wanted.valid_to || open_end(same.valid_to) && open_end(wanted.valid_to);
            same.tiers != wanted.tiers || !end_moves
        }
        None => holding(known, valid_from).is_some(),
    }
}

/// The record with the latest first day, if it covers the day.
fn holding(records: &Records, on: NaiveDate) -> Option<&Record> {
    let (_, record) = records.range(..=on).next_back()?;
    Some(record).filter(|record| record.valid_to.is_none_or(|last| on <= last))
}

/// 0 to `most`, with so many digits after the point.
fn within(field: &str, value: Decimal, most: Decimal, decimals: u32) -> Result<(), Rejection> {
    if value >= Decimal::ZERO && value <= most && value.normalize().scale() <= decimals {
        return Ok(());
    }
    let message = format!("{value} is not 0 to {most} with at most {decimals} digits after the point");
    Err(check::invalid(field, message))
}

pub(super) fn publish_meters(command: &PublishMeters) -> Result<Vec<Event>, Rejection> {
    check::count("meters", command.meters.len(), METERS_MAX)?;
    let mut seen = BTreeSet::new();
    for (index, meter) in command.meters.iter().enumerate() {
        let field = |name: &str| format!("meters[{index}].{name}");
        if !seen.insert(&meter.meter_id) {
            let message = format!("Meter {} stands in this command twice", meter.meter_id);
            return Err(check::invalid(&field("meter_id"), message));
        }
        check::required(&field("unit"), &meter.unit)?;
        for (name, text) in [
            ("product_id", &meter.product_id),
            ("sku_id", &meter.sku_id),
            ("availability_id", &meter.availability_id),
            ("product_name", &meter.product_name),
            ("sku_name", &meter.sku_name),
            ("publisher_name", &meter.publisher_name),
            ("meter_type", &meter.meter_type),
            ("category", &meter.category),
            ("sub_category", &meter.sub_category),
            ("name", &meter.name),
            ("region", &meter.region),
        ] {
            check::optional(&field(name), text)?;
        }
        if meter.tags.len() > TAGS_MAX {
            return Err(check::invalid(&field("tags"), format!("A meter has at most {TAGS_MAX} tags")));
        }
        meter.tags.iter().try_for_each(|tag| check::required(&field("tags"), tag))?;
    }
    Ok(vec![MetersPublished { meters: command.meters.clone() }.into()])
}

pub(super) fn publish_terms(
    command: &PublishCreditTerms,
    last_closed: Option<NaiveDate>,
) -> Result<Vec<Event>, Rejection> {
    let PublishCreditTerms { valid_from, terms } = command;
    if last_closed.is_some_and(|closed| *valid_from <= closed) {
        let message = "Credit of closed days is decided; new terms begin on an open day";
        return Err(check::invalid("valid_from", message)
            .with("last_closed", last_closed.map(|day| day.to_string()).unwrap_or_default()));
    }
    let percent = terms.percent;
    if percent <= Decimal::ZERO || percent >= Decimal::ONE_HUNDRED || percent.normalize().scale() > 2 {
        let message = "The rate is above 0 and below 100, with at most 2 digits after the point";
        return Err(check::invalid("terms.percent", message));
    }
    check::count("terms.eligible_roles", terms.eligible_roles.len(), TAGS_MAX)?;
    terms.eligible_roles.iter().try_for_each(|role| check::required("terms.eligible_roles", role))?;
    Ok(vec![CreditTermsPublished { valid_from: *valid_from, terms: terms.clone() }.into()])
}
