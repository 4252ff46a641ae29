//! A calendar month.

use std::{fmt, str::FromStr};

use chrono::{Datelike, NaiveDate};

/// A calendar month, UTC; shown as `2018-01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    first: NaiveDate,
}

/// A text that is not a month.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a month: four digits, a hyphen and two digits are, such as 2018-01")]
pub struct InvalidMonth {
    /// The beginning of the refused text.
    pub text: String,
}

impl Month {
    /// The month of a day.
    pub fn of(day: NaiveDate) -> Self {
        Self { first: day.with_day(1).unwrap_or(day) }
    }

    /// Its first day.
    pub fn first_day(self) -> NaiveDate {
        self.first
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.first.year(), self.first.month())
    }
}

impl FromStr for Month {
    type Err = InvalidMonth;

    fn from_str(text: &str) -> Result<Self, InvalidMonth> {
        let shape = text.len() == 7
            && text.bytes().enumerate().all(|(at, b)| if at == 4 { b == b'-' } else { b.is_ascii_digit() });
        let first = if shape { format!("{text}-01").parse().ok() } else { None };
        first.map(|first| Self { first }).ok_or_else(|| InvalidMonth { text: text.chars().take(16).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_come_back() {
        let month: Month = "2018-02".parse().unwrap();
        assert_eq!(month, Month::of("2018-02-28".parse().unwrap()));
        assert_eq!(month.to_string(), "2018-02");
        for text in ["", "2018", "2018-13", "2018-00", "2018-1", "2018/01", "2018-01-01", "20180-1", "+018-01"] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
    }
}
