//! What a quantity costs: tiers, credit, currency, one rounding (azure-marketplace-software.md 2.16, decision G18).

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Tier;
use crate::{ids::MeterId, money::Currency};

/// A part of a day's quantity with one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Portion {
    /// Of one unit, without earned credit.
    pub unit_price: Decimal,
    /// Units.
    pub quantity: Decimal,
}

/// The price of each part of `quantity`, if the month had `before` already. A day that crosses the bound of a tier is split.
pub(crate) fn split(tiers: &[Tier], before: Decimal, quantity: Decimal) -> Vec<Portion> {
    let (start, end) = (before, before + quantity);
    let mut portions: Vec<Portion> = Vec::new();
    for (at, tier) in tiers.iter().enumerate() {
        let bound = tiers.get(at + 1).map_or(end, |next| next.from.min(end));
        let part = bound - tier.from.max(start);
        match portions.last_mut() {
            _ if part <= Decimal::ZERO => {}
            Some(last) if last.unit_price == tier.unit_price => last.quantity += part,
            _ => portions.push(Portion { unit_price: tier.unit_price, quantity: part.normalize() }),
        }
    }
    portions
}

/// The usage behind a charge line: all that a service month has of a meter at one price and with one share of credit. A line charges
/// what came since the one before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageCharge {
    /// The meter.
    pub meter_id: MeterId,
    /// What one unit is.
    pub unit: String,
    /// The first day of the month of usage, whose exchange rate holds.
    pub month: NaiveDate,
    /// Units of the month up to this line.
    pub quantity: Decimal,
    /// Units that earlier lines charged.
    pub quantity_before: Decimal,
    /// Of one unit.
    pub unit_price: Decimal,
    /// 0 or the rate of earned credit.
    pub credit_percent: Decimal,
    /// Of the unit price.
    pub pricing_currency: Currency,
    /// One unit of the pricing currency in the line's.
    pub exchange_rate: Decimal,
    /// What earlier lines charged, net of credit.
    pub charged_before: Decimal,
    /// The earned credit of this line, in its currency: gross less net, each rounded down (azure-marketplace-software.md 2.26).
    pub earned_credit: Decimal,
    /// The earned credit of earlier lines.
    pub credited_before: Decimal,
}

/// What a quantity comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineAmounts {
    /// Without credit, rounded down to the minor unit.
    pub gross: Decimal,
    /// Less credit, rounded down to the minor unit.
    pub net: Decimal,
}

impl UsageCharge {
    /// Of one unit, less earned credit.
    pub fn effective_unit_price(&self) -> Decimal {
        effective(self.unit_price, self.credit_percent)
    }

    /// All units at the effective price, in the pricing currency; not rounded.
    pub fn pricing_amount(&self) -> Decimal {
        (self.quantity * self.effective_unit_price()).normalize()
    }

    /// What the quantity up to this line comes to in the line's currency.
    pub fn amounts(&self, currency: Currency) -> LineAmounts {
        let gross = currency.floor(self.quantity * self.unit_price * self.exchange_rate);
        LineAmounts { gross, net: currency.floor(self.pricing_amount() * self.exchange_rate) }
    }
}

/// A price less a percentage; not rounded.
pub(crate) fn effective(unit_price: Decimal, percent: Decimal) -> Decimal {
    (unit_price * (Decimal::ONE_HUNDRED - percent) / Decimal::ONE_HUNDRED).normalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn parts(before: &str, quantity: &str) -> Vec<String> {
        let tiers = [("0", "0.10"), ("100", "0.08"), ("150", "0.05")];
        let tiers = tiers.map(|(from, unit_price)| Tier { from: dec(from), unit_price: dec(unit_price) });
        let portions = split(&tiers, dec(before), dec(quantity));
        portions.iter().map(|portion| format!("{} x {}", portion.quantity, portion.unit_price)).collect()
    }

    #[test]
    fn a_day_that_crosses_a_bound_is_split() {
        assert_eq!(parts("0", "60"), ["60 x 0.10"]);
        assert_eq!(parts("60", "60"), ["40 x 0.10", "20 x 0.08"]);
        assert_eq!(parts("90", "70.5"), ["10 x 0.10", "50 x 0.08", "10.5 x 0.05"]);
        assert_eq!(parts("100", "1"), ["1 x 0.08"]);
        assert_eq!(parts("100", "0"), [""; 0]);
    }

    #[test]
    fn tiers_of_one_price_are_one_part() {
        let tiers = [Tier { from: dec("0"), unit_price: dec("1") }, Tier { from: dec("5"), unit_price: dec("1.0") }];
        assert_eq!(split(&tiers, dec("0"), dec("8")), [Portion { unit_price: dec("1"), quantity: dec("8") }]);
    }
}
