//! What a currency is worth in another from a day on.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::money::Currency;

/// One unit of a currency in another, from a day on until the next rate (L9515, L9526-9527).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatedRate {
    /// First day, UTC.
    pub valid_from: NaiveDate,
    /// Of one unit.
    pub from: Currency,
    /// What it is in.
    pub to: Currency,
    /// Every digit as published.
    pub rate: Decimal,
}
