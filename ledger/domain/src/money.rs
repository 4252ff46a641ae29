//! Money: a decimal amount with its currency, rounded half up to the currency's minor unit where a rule says so.

use std::fmt;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

/// An ISO 4217 alphabetic code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// An amount with its currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// In the currency's unit.
    pub amount: Decimal,
    /// Its currency.
    pub currency: Currency,
}

/// A text that is not a currency code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a currency: three capital letters of ISO 4217 are, such as USD")]
pub struct InvalidCurrency {
    /// The beginning of the refused text.
    pub text: String,
}

/// Currencies without a minor unit (ISO 4217).
const NO_MINOR_UNIT: &[&str] =
    &["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"];
/// Currencies with a thousandth as minor unit (ISO 4217).
const THREE_DIGITS: &[&str] = &["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

impl Currency {
    /// What Azure consumption is priced in (L13832).
    pub const DOLLAR: Self = Self(*b"USD");

    /// Takes a three-letter code.
    pub fn new(text: &str) -> Result<Self, InvalidCurrency> {
        match text.as_bytes() {
            &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(InvalidCurrency { text: text.chars().take(16).collect() }),
        }
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// Digits of the minor unit: 0 for JPY, 2 for USD, 3 for KWD (ISO 4217).
    pub fn minor_digits(self) -> u32 {
        let code = self.as_str();
        if NO_MINOR_UNIT.contains(&code) {
            0
        } else if THREE_DIGITS.contains(&code) {
            3
        } else {
            2
        }
    }

    /// Rounds half up (away from zero) to the minor unit and shows exactly its digits (billing.md section 2).
    pub fn round(self, amount: Decimal) -> Decimal {
        let digits = self.minor_digits();
        let mut rounded = amount.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero);
        rounded.rescale(digits);
        rounded
    }

    /// Rounds towards zero to the minor unit and shows exactly its digits: usage is rounded down (billing.md section 3).
    pub fn floor(self, amount: Decimal) -> Decimal {
        let digits = self.minor_digits();
        let mut rounded = amount.round_dp_with_strategy(digits, RoundingStrategy::ToZero);
        rounded.rescale(digits);
        rounded
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for Currency {
    type Error = InvalidCurrency;
    fn try_from(text: String) -> Result<Self, InvalidCurrency> {
        Self::new(&text)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_half_up_to_the_minor_unit() {
        let round = |code: &str, amount: &str| Currency::new(code).unwrap().round(amount.parse().unwrap()).to_string();
        assert_eq!(round("USD", "2.445"), "2.45");
        assert_eq!(round("USD", "-2.445"), "-2.45");
        assert_eq!(round("USD", "4"), "4.00");
        assert_eq!(round("JPY", "100.5"), "101");
        assert_eq!(round("KWD", "1.0005"), "1.001");
    }

    #[test]
    fn refuses_what_is_no_code() {
        for text in ["", "usd", "US", "USDX", "US1", "€"] {
            assert!(Currency::new(text).is_err(), "{text}");
        }
    }
}
