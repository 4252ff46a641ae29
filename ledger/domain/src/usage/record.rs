//! Records of use, as they come, and as they are rated.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{CreditReason, Portion};
use crate::{
    ids::{AzureSubscriptionId, MeterId, PartnerId},
    money::Currency,
};

/// What was used of a meter by a resource in an hour or a day. Meter, resource and hour or day name it: the same record again changes
/// nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRecord {
    /// A subscription under an Azure plan; a classic subscription has its own id.
    pub azure_subscription_id: AzureSubscriptionId,
    /// The group the resource is in.
    pub resource_group: String,
    /// The resource.
    pub resource_uri: String,
    /// What counted it.
    pub meter_id: MeterId,
    /// The day of use, UTC.
    pub usage_date: NaiveDate,
    /// 1 for the hour from 00:00 to 01:00 UTC, 24 for the last; none for the whole day.
    pub hour: Option<u32>,
    /// Units, 0 or more.
    pub quantity: Decimal,
    /// The meter's unit.
    pub unit: String,
    /// A correction says what was recorded before.
    pub replaces_quantity: Option<Decimal>,
    /// Data centre that ran it.
    pub resource_location: String,
    /// The platform's service.
    pub consumed_service: String,
    /// As the service wrote it.
    pub service_info1: String,
    /// As the service wrote it.
    pub service_info2: String,
    /// The user's tags.
    pub tags: String,
    /// As the service wrote it.
    pub additional_info: String,
}

impl UsageRecord {
    /// What used it.
    pub fn resource(&self) -> Resource {
        Resource {
            azure_subscription_id: self.azure_subscription_id.clone(),
            resource_group: self.resource_group.clone(),
            resource_uri: self.resource_uri.clone(),
        }
    }
}

/// What uses a meter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Resource {
    /// The subscription it is in.
    pub azure_subscription_id: AzureSubscriptionId,
    /// The group it is in.
    pub resource_group: String,
    /// Its own name.
    pub resource_uri: String,
}

/// What a day's use of a meter by a resource is rated at. It replaces what the same day, resource and meter was rated at before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RatedUsage {
    /// What used it.
    pub resource: Resource,
    /// The meter.
    pub meter_id: MeterId,
    /// The day of use, UTC.
    pub usage_date: NaiveDate,
    /// First day of the billing period it belongs to.
    pub period_start: NaiveDate,
    /// The day after its last.
    pub period_end: NaiveDate,
    /// One part for each price; none if nothing was used after all.
    pub portions: Vec<Portion>,
    /// Of the prices.
    pub pricing_currency: Currency,
    /// One unit of the pricing currency in the billing currency.
    pub exchange_rate: Decimal,
    /// Share of earned credit: 0, or the rate that holds.
    pub credit_percent: Decimal,
    /// The share it would have earned with access for the whole day; 0 for what never earns.
    pub possible_percent: Decimal,
    /// Why.
    pub reason: CreditReason,
    /// Whose access earned it.
    pub earner_id: Option<PartnerId>,
}

/// Use that cannot be rated yet; it is tried again at the end of every day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldUsage {
    /// The meter.
    pub meter_id: MeterId,
    /// The first day of use that waits.
    pub usage_date: NaiveDate,
    /// What it waits for.
    pub reason: HeldReason,
}

/// What rating waits for: it never falls back to another price or rate (azure-marketplace-software.md 2.16).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum HeldReason {
    /// No price of the meter covers the day.
    UsagePriceMissing,
    /// No exchange rate is published for the month.
    ExchangeRateMissing,
}

impl HeldReason {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::UsagePriceMissing => "USAGE_PRICE_MISSING",
            Self::ExchangeRateMissing => "EXCHANGE_RATE_MISSING",
        }
    }
}
