//! The sums of a closed period, and the amounts of one earning.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::EarningType;
use crate::{ids::UsagePeriodId, money::Currency};

/// What a lever of a card came to in a period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeverTotal {
    /// First day of the card.
    pub card_from: NaiveDate,
    /// The lever.
    pub lever: String,
    /// What it earns.
    pub earning_type: EarningType,
    /// The rate of the period; none: the revenue was below the minimum.
    pub rate: Option<Decimal>,
    /// In US dollars, without adjustments.
    pub revenue_usd: Decimal,
    /// In US dollars, with what a cap cut off and without other adjustments.
    pub earned_usd: Decimal,
    /// What the cap cut off, in US dollars.
    pub capped_usd: Decimal,
}

/// What of a month's earnings goes to a co-op fund, and is not paid as money: the fund of the usage period that the earning date is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoopShare {
    /// Code of the co-op program.
    pub program: String,
    /// The usage period.
    pub usage_period_id: UsagePeriodId,
    /// Of the earnings, in US dollars; below 0 where more was taken back than earned.
    pub amount_usd: Decimal,
    /// Of the fund.
    pub currency: Currency,
    /// The same in it, rounded half up to the minor unit.
    pub amount: Decimal,
}

/// The sums of a transaction currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrencyTotal {
    /// Of both.
    pub currency: Currency,
    /// Transaction amounts.
    pub revenue: Decimal,
    /// Earnings, adjustments included.
    pub earned: Decimal,
}

/// The exchange rates to US dollars of one earning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// On the day of the transaction (L9515).
    pub transaction: Decimal,
    /// On the day of the earning (L9526).
    pub earning: Decimal,
}

impl Rates {
    /// A transaction amount in US dollars (L9517), rounded half up to the cent.
    pub fn transaction_usd(&self, amount: Decimal) -> Option<Decimal> {
        Some(Currency::DOLLAR.round(amount.checked_mul(self.transaction)?))
    }

    /// What an amount earns in its currency (L9523), rounded half up to the minor unit; and that in US dollars (L9524), to the cent.
    pub fn earned(&self, amount: Decimal, rate: Decimal, currency: Currency) -> Option<(Decimal, Decimal)> {
        let earned = currency.round(amount.checked_mul(rate)?);
        Some((earned, Currency::DOLLAR.round(earned.checked_mul(self.earning)?)))
    }
}
