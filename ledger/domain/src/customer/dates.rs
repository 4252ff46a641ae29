//! How long a suspension lasts.

use chrono::{Datelike, NaiveDate};

use crate::calendar::{anniversary, days_between};

/// Suspension to deletion (customers page section 2.8, decision G07): 90 days, longer by the stub before the first billing date.
const HOLD_DAYS_BASE: u32 = 90;
/// And at most 120 (L14530).
const HOLD_DAYS_MAX: u32 = 120;

/// `min(120, 90 + stub)`, the stub being the days from the start to the partner's first billing date on or after it.
pub(super) fn hold_days(start: NaiveDate, billing_day: u32) -> u32 {
    let first_of_month = start.with_day(1).unwrap_or(start);
    let billing_dates = [0, 1].map(|months| in_month(anniversary(first_of_month, months), billing_day));
    let first = billing_dates.into_iter().find(|date| *date >= start).unwrap_or(start);
    HOLD_DAYS_MAX.min(HOLD_DAYS_BASE + days_between(start, first))
}

/// The partner's first billing date after the day, that day not included (decision G17).
pub(super) fn billing_date_after(day: NaiveDate, billing_day: u32) -> NaiveDate {
    let first_of_month = day.with_day(1).unwrap_or(day);
    let billing_dates = [0, 1].map(|months| in_month(anniversary(first_of_month, months), billing_day));
    billing_dates.into_iter().find(|date| *date > day).unwrap_or(day)
}

/// The day of that number in the date's month, or its last.
fn in_month(date: NaiveDate, day: u32) -> NaiveDate {
    (1..=day).rev().find_map(|day| date.with_day(day)).unwrap_or(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Worked examples V10 and V11.
    #[test]
    fn a_billing_date_follows_strictly() {
        for (day, billing_day, next) in [
            ("2020-03-10", 15, "2020-03-15"),
            ("2020-03-15", 15, "2020-04-15"),
            ("2020-01-31", 31, "2020-02-29"),
            ("2020-12-31", 31, "2021-01-31"),
        ] {
            assert_eq!(billing_date_after(day.parse().unwrap(), billing_day), next.parse().unwrap(), "{day}");
        }
    }

    /// Worked examples V01 to V03.
    #[test]
    fn the_hold_grows_with_the_stub() {
        let holds = [
            ("2018-01-13", 15, 92),
            ("2018-01-15", 15, 90),
            ("2018-01-31", 15, 105),
            ("2018-01-16", 15, 120),
            ("2020-01-16", 15, 120),
            ("2018-02-01", 31, 117),
        ];
        for (start, billing_day, days) in holds {
            assert_eq!(hold_days(start.parse().unwrap(), billing_day), days, "{start}");
        }
    }
}
