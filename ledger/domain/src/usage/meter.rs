//! Meters, what a unit of them costs, and what a currency is worth in another.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{ids::MeterId, money::Currency};

/// The tag of what other publishers sell; it earns no credit (L13659).
pub const THIRD_PARTY_TAG: &str = "Third Party";

/// Which price list a meter stands on; only consumption earns credit (L13659).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MeterFamily {
    /// The consumption of Azure services.
    #[default]
    Consumption,
    /// Azure reservations.
    Reservation,
    /// The marketplace.
    Marketplace,
}

/// What a service counts its use by (azure-marketplace-software.md 2.16, 2.20). Texts may be empty but for the unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    /// Its id.
    pub meter_id: MeterId,
    /// The product.
    pub product_id: String,
    /// The SKU of the product.
    pub sku_id: String,
    /// Where and for whom the SKU can be bought.
    pub availability_id: String,
    /// The product's name.
    pub product_name: String,
    /// The SKU's name.
    pub sku_name: String,
    /// Who publishes it.
    pub publisher_name: String,
    /// The price list it stands on.
    pub family: MeterFamily,
    /// As the files print it.
    pub meter_type: String,
    /// The service.
    pub category: String,
    /// The kind of service.
    pub sub_category: String,
    /// The meter's name.
    pub name: String,
    /// The data centre's place, where it matters.
    pub region: String,
    /// What one unit is, such as `1 Hour`; the price is per one of these.
    pub unit: String,
    /// Such as `Azure` or `Third Party`.
    pub tags: BTreeSet<String>,
    /// First day on which it earns no credit although its family and tags would; none: it earns (L13659, "not limited to").
    pub no_credit_from: Option<NaiveDate>,
}

impl Meter {
    /// Whether its use on a day can earn credit at all.
    pub fn earns_credit(&self, on: NaiveDate) -> bool {
        self.family == MeterFamily::Consumption
            && !self.tags.contains(THIRD_PARTY_TAG)
            && self.no_credit_from.is_none_or(|from| on < from)
    }
}

/// The price of a meter from a quantity of the month on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterPriceRow {
    /// The meter.
    pub meter_id: MeterId,
    /// First day it holds, UTC.
    pub valid_from: NaiveDate,
    /// Last day, included; none while it is open (decision G16).
    pub valid_to: Option<NaiveDate>,
    /// Where the tier begins in the quantity that an Azure plan used in the calendar month; 0 for the first (decision G17).
    pub tier_from: Decimal,
    /// Of one unit, without earned credit; 0 for a quantity that is included.
    pub unit_price: Decimal,
}

/// A price from a quantity on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// Where it begins.
    pub from: Decimal,
    /// Of one unit.
    pub unit_price: Decimal,
}

/// What a meter costs on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterQuote {
    /// Of the prices.
    pub currency: Currency,
    /// The lowest first; not empty.
    pub tiers: Vec<Tier>,
}

/// What one unit of a currency is in another, for the usage of one month (L13832-13836).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeRate {
    /// The first day of the month of usage.
    pub month: NaiveDate,
    /// Of the prices.
    pub from: Currency,
    /// Of the invoice.
    pub to: Currency,
    /// As published, every digit kept.
    pub rate: Decimal,
}
