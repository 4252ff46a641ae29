//! The tax that one line carries.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::money::Currency;

/// How a line is taxed (billing-details.md section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TaxTreatment {
    /// The tax comes on top of the price.
    Exclusive,
    /// The price has the tax in it (L10883, L14265, L12706).
    Inclusive,
    /// Nothing to pay: an exemption holds.
    Exempt,
    /// Nothing to pay here: the partner accounts for it itself (L10671).
    ReverseCharge,
}

impl TaxTreatment {
    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Exclusive => "exclusive",
            Self::Inclusive => "inclusive",
            Self::Exempt => "exempt",
            Self::ReverseCharge => "reverse charge",
        }
    }
}

/// What holds for the lines of a partner on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRule {
    /// Which tax and where, such as `VAT DE`.
    pub name: String,
    /// How it applies.
    pub treatment: TaxTreatment,
    /// In percent of the price without tax; what would be due, if exempt or reversed.
    pub rate_percent: Decimal,
}

/// The tax of a line. Its sign is the line's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineTax {
    /// What held when the line was decided.
    pub rule: TaxRule,
    /// On top of the subtotal, rounded to the minor unit.
    pub amount: Decimal,
    /// Contained in the subtotal, rounded to the minor unit.
    pub included: Decimal,
}

impl TaxRule {
    /// The tax of a subtotal: rounded half up to the minor unit, line by line (billing.md section 1).
    pub fn on(&self, currency: Currency, subtotal: Decimal) -> LineTax {
        let hundred = Decimal::ONE_HUNDRED;
        let none = currency.round(Decimal::ZERO);
        let (amount, included) = match self.treatment {
            TaxTreatment::Exclusive => (currency.round(subtotal * self.rate_percent / hundred), none),
            TaxTreatment::Inclusive => {
                (none, currency.round(subtotal * self.rate_percent / (hundred + self.rate_percent)))
            }
            TaxTreatment::Exempt | TaxTreatment::ReverseCharge => (none, none),
        };
        LineTax { rule: self.clone(), amount, included }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tax(treatment: TaxTreatment, rate: &str, code: &str, subtotal: &str) -> (String, String) {
        let rule = TaxRule { name: "VAT DE".into(), treatment, rate_percent: rate.parse().unwrap() };
        let tax = rule.on(Currency::new(code).unwrap(), subtotal.parse().unwrap());
        (tax.amount.to_string(), tax.included.to_string())
    }

    #[test]
    fn each_line_is_rounded_half_up_to_the_minor_unit() {
        let exclusive = |rate, code, subtotal| tax(TaxTreatment::Exclusive, rate, code, subtotal).0;
        assert_eq!(exclusive("19", "EUR", "2.45"), "0.47", "0.4655");
        assert_eq!(exclusive("19", "EUR", "-2.45"), "-0.47");
        assert_eq!(exclusive("10", "JPY", "105"), "11", "10.5");
        assert_eq!(exclusive("8.875", "USD", "100.00"), "8.88", "8.875");
        assert_eq!(exclusive("5", "KWD", "0.010"), "0.001", "0.0005");
    }

    #[test]
    fn an_inclusive_price_contains_its_tax() {
        let (on_top, included) = tax(TaxTreatment::Inclusive, "10", "AUD", "110.00");
        assert_eq!((on_top.as_str(), included.as_str()), ("0.00", "10.00"));
    }

    #[test]
    fn exempt_and_reversed_lines_owe_nothing() {
        for treatment in [TaxTreatment::Exempt, TaxTreatment::ReverseCharge] {
            assert_eq!(tax(treatment, "19", "EUR", "100.00"), ("0.00".into(), "0.00".into()));
        }
    }
}
