//! Rated usage, by the day of the invoice that carries it.
//!
//! - [`Row`]: a change of what a day, resource and meter costs at one price and share of credit. Key: series, day charged, customer
//!   text, subscription text, meter text, day of use, resource (three texts), price text, share text, day rated.
//! - [`Current`]: what a day, resource and meter is rated at now. Key: customer text, subscription text, meter text, day of use, resource.
//! - [`Details`]: what the last record of a resource and meter says beside its quantity. Key: customer text, meter text, resource.
//! - [`Month`]: what a customer used in a month. Key: partner text, first day of the month, customer text, currency.
//! - Meters by their id; names of Azure subscriptions by customer and id; [`Budget`]s by partner and customer.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use subledger_domain::{
    event::UsageRated,
    ids::{AzureSubscriptionId, CustomerId, MeterId, PartnerId, SubscriptionId},
    money::Currency,
    position::Position,
    usage::{Meter, Portion, RatedUsage, Resource, UsageRecord},
};
use subledger_fold::{Changes, Key, KeyReader, Rows, StoreError};

use super::{
    prefix::{AZURE_SUBSCRIPTIONS, BUDGETS, METERS, USAGE, USAGE_CURRENT, USAGE_DETAILS, USAGE_MONTHS},
    series::Series,
};

/// What a record says beside its quantity, as files print it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Details {
    pub(crate) resource_location: String,
    pub(crate) consumed_service: String,
    pub(crate) service_info1: String,
    pub(crate) service_info2: String,
    pub(crate) tags: String,
    pub(crate) additional_info: String,
}

impl From<&UsageRecord> for Details {
    fn from(record: &UsageRecord) -> Self {
        Self {
            resource_location: record.resource_location.clone(),
            consumed_service: record.consumed_service.clone(),
            service_info1: record.service_info1.clone(),
            service_info2: record.service_info2.clone(),
            tags: record.tags.clone(),
            additional_info: record.additional_info.clone(),
        }
    }
}

/// What a day, resource and meter is rated at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Current {
    pub(crate) portions: Vec<Portion>,
    pub(crate) percent: Decimal,
}

/// A change of what a day costs at one price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) quantity: Decimal,
    pub(crate) unit_price: Decimal,
    pub(crate) credit_percent: Decimal,
    pub(crate) pricing_currency: Currency,
    pub(crate) exchange_rate: Decimal,
    pub(crate) period_start: NaiveDate,
    pub(crate) period_end: NaiveDate,
    pub(crate) reseller_id: Option<PartnerId>,
    pub(crate) details: Details,
    /// Of the commit that rated it.
    pub(crate) position: Position,
}

/// What names a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) series: Series,
    pub(crate) charge_on: NaiveDate,
    pub(crate) customer_id: CustomerId,
    pub(crate) subscription_id: SubscriptionId,
    pub(crate) meter_id: MeterId,
    pub(crate) usage_date: NaiveDate,
    pub(crate) resource: Resource,
    pub(crate) rated_on: NaiveDate,
}

/// What a customer used in a month, in the billing currency, exact; and what of it is priced in dollars, in dollars, without credit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Month {
    pub(crate) gross: Decimal,
    pub(crate) net: Decimal,
    pub(crate) gross_usd: Decimal,
}

/// A budget, and the last month whose notice came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Budget {
    pub(crate) amount: Decimal,
    pub(crate) currency: Currency,
    pub(crate) notified: Option<NaiveDate>,
}

fn with_resource(key: Key, resource: &Resource) -> Key {
    key.text(resource.azure_subscription_id.as_str()).text(&resource.resource_group).text(&resource.resource_uri)
}

fn read_resource(reader: &mut KeyReader<'_>) -> Result<Resource, StoreError> {
    Ok(Resource {
        azure_subscription_id: reader.parse(AzureSubscriptionId::new)?,
        resource_group: reader.text()?.to_owned(),
        resource_uri: reader.text()?.to_owned(),
    })
}

impl Place {
    pub(crate) fn of(event: &UsageRated, row: &RatedUsage) -> Self {
        let series = Series { partner_id: event.partner_id.clone(), family: event.family, currency: event.currency };
        Self {
            series,
            charge_on: event.charge_on,
            customer_id: event.customer_id.clone(),
            subscription_id: event.subscription_id.clone(),
            meter_id: row.meter_id.clone(),
            usage_date: row.usage_date,
            resource: row.resource.clone(),
            rated_on: event.rated_on,
        }
    }

    pub(crate) fn key(&self, unit_price: Decimal, percent: Decimal) -> Vec<u8> {
        let key = self.series.write(Key::table(USAGE)).date(self.charge_on).text(self.customer_id.as_str());
        let key = key.text(self.subscription_id.as_str()).text(self.meter_id.as_str()).date(self.usage_date);
        let key = with_resource(key, &self.resource);
        let (unit_price, percent) = (unit_price.normalize().to_string(), percent.normalize().to_string());
        key.text(&unit_price).text(&percent).date(self.rated_on).build()
    }

    /// Reads a key.
    pub(crate) fn read(key: &[u8]) -> Result<Self, StoreError> {
        let mut reader = KeyReader::table(USAGE, key)?;
        let series = Series::read(&mut reader)?;
        let charge_on = reader.date()?;
        let customer_id = reader.parse(CustomerId::new)?;
        let subscription_id = reader.parse(SubscriptionId::new)?;
        let meter_id = reader.parse(MeterId::new)?;
        let usage_date = reader.date()?;
        let resource = read_resource(&mut reader)?;
        let (_, _) = (reader.text()?, reader.text()?);
        let rated_on = reader.date()?;
        reader.end()?;
        Ok(Self { series, charge_on, customer_id, subscription_id, meter_id, usage_date, resource, rated_on })
    }

    pub(crate) fn current_key(&self) -> Vec<u8> {
        let key = Key::table(USAGE_CURRENT).text(self.customer_id.as_str()).text(self.subscription_id.as_str());
        with_resource(key.text(self.meter_id.as_str()).date(self.usage_date), &self.resource).build()
    }
}

/// The prefix of all rows, or of one partner's.
pub(crate) fn prefix(partner: Option<&str>) -> Vec<u8> {
    partner.into_iter().fold(Key::table(USAGE), Key::text).build()
}

/// The prefix of a series.
pub(crate) fn series_prefix(series: &Series) -> Vec<u8> {
    series.write(Key::table(USAGE)).build()
}

/// Where the rows of a series begin that are charged on or after a day; with none, all.
pub(crate) fn series_from(series: &Series, day: Option<NaiveDate>) -> Vec<u8> {
    day.into_iter().fold(series.write(Key::table(USAGE)), Key::date).build()
}

/// Where the rows of a customer begin among those of a series that are charged on a day.
pub(crate) fn customer_from(series: &Series, charge_on: NaiveDate, customer: &CustomerId) -> Vec<u8> {
    series.write(Key::table(USAGE)).date(charge_on).text(customer.as_str()).build()
}

fn details_key(customer: &CustomerId, meter: &MeterId, resource: &Resource) -> Vec<u8> {
    with_resource(Key::table(USAGE_DETAILS).text(customer.as_str()).text(meter.as_str()), resource).build()
}

pub(crate) fn put_details(rows: &mut dyn Changes, customer: &CustomerId, of: &UsageRecord) -> Result<(), StoreError> {
    subledger_fold::put(rows, details_key(customer, &of.meter_id, &of.resource()), &Details::from(of))
}

pub(crate) fn details(
    rows: &(impl Rows + ?Sized),
    customer: &CustomerId,
    meter: &MeterId,
    resource: &Resource,
) -> Result<Details, StoreError> {
    Ok(subledger_fold::get(rows, &details_key(customer, meter, resource))?.unwrap_or_default())
}

fn meter_key(id: &MeterId) -> Vec<u8> {
    Key::table(METERS).text(id.as_str()).build()
}

pub(crate) fn put_meter(rows: &mut dyn Changes, meter: &Meter) -> Result<(), StoreError> {
    subledger_fold::put(rows, meter_key(&meter.meter_id), meter)
}

pub(crate) fn meter(rows: &(impl Rows + ?Sized), id: &MeterId) -> Result<Option<Meter>, StoreError> {
    subledger_fold::get(rows, &meter_key(id))
}

fn azure_key(customer: &CustomerId, id: &AzureSubscriptionId) -> Vec<u8> {
    Key::table(AZURE_SUBSCRIPTIONS).text(customer.as_str()).text(id.as_str()).build()
}

pub(crate) fn put_azure(
    rows: &mut dyn Changes,
    customer: &CustomerId,
    id: &AzureSubscriptionId,
    name: &str,
) -> Result<(), StoreError> {
    subledger_fold::put(rows, azure_key(customer, id), &name)
}

pub(crate) fn azure_name(
    rows: &(impl Rows + ?Sized),
    customer: &CustomerId,
    id: &AzureSubscriptionId,
) -> Result<String, StoreError> {
    Ok(subledger_fold::get(rows, &azure_key(customer, id))?.unwrap_or_default())
}

/// What names a month of a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MonthOf {
    pub(crate) partner_id: PartnerId,
    /// First day.
    pub(crate) month: NaiveDate,
    pub(crate) customer_id: CustomerId,
    pub(crate) currency: Currency,
}

/// The prefix of all months, of one partner's, of one of its months.
pub(crate) fn months_prefix(partner: Option<&str>, month: Option<NaiveDate>) -> Vec<u8> {
    let key = partner.into_iter().fold(Key::table(USAGE_MONTHS), Key::text);
    month.filter(|_| partner.is_some()).into_iter().fold(key, Key::date).build()
}

impl MonthOf {
    fn key(&self) -> Vec<u8> {
        let key = Key::table(USAGE_MONTHS).text(self.partner_id.as_str()).date(self.month);
        super::currency(key.text(self.customer_id.as_str()), self.currency).build()
    }

    /// Reads a key.
    pub(crate) fn read(key: &[u8]) -> Result<Self, StoreError> {
        let mut reader = KeyReader::table(USAGE_MONTHS, key)?;
        let (partner_id, month) = (reader.parse(PartnerId::new)?, reader.date()?);
        let customer_id = reader.parse(CustomerId::new)?;
        let currency = super::read_currency(&mut reader)?;
        reader.end()?;
        Ok(Self { partner_id, month, customer_id, currency })
    }

    /// Adds to the month; amounts of zero make it known.
    pub(crate) fn add(&self, rows: &mut dyn Changes, more: Month) -> Result<(), StoreError> {
        let key = self.key();
        let before: Month = subledger_fold::get(rows, &key)?.unwrap_or_default();
        let month = Month {
            gross: crate::ledger::add(before.gross, more.gross)?,
            net: crate::ledger::add(before.net, more.net)?,
            gross_usd: crate::ledger::add(before.gross_usd, more.gross_usd)?,
        };
        subledger_fold::put(rows, key, &month)
    }
}

fn budget_key(partner: &PartnerId, customer: &CustomerId) -> Vec<u8> {
    Key::table(BUDGETS).text(partner.as_str()).text(customer.as_str()).build()
}

pub(crate) fn budget(
    rows: &(impl Rows + ?Sized),
    partner: &PartnerId,
    customer: &CustomerId,
) -> Result<Option<Budget>, StoreError> {
    subledger_fold::get(rows, &budget_key(partner, customer))
}

/// Sets a budget, or takes it away.
pub(crate) fn put_budget(
    rows: &mut dyn Changes,
    partner: &PartnerId,
    customer: &CustomerId,
    budget: Option<&Budget>,
) -> Result<(), StoreError> {
    let key = budget_key(partner, customer);
    let Some(budget) = budget else {
        rows.delete(key);
        return Ok(());
    };
    subledger_fold::put(rows, key, budget)
}
