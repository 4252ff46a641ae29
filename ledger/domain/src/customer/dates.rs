//! The few dates that rules about a customer need.

use chrono::{Datelike, Days, Months, NaiveDate};

use crate::{Rejection, check};

/// Suspension to deletion (customers page section 2.8, decision G07): 90 days, longer by the stub before the first billing date.
const HOLD_DAYS_BASE: u32 = 90;
/// And at most 120 (L14530).
const HOLD_DAYS_MAX: u32 = 120;

/// The day `months` later, on the anchor's day of month: the last of a shorter month, and the anchor's again after it.
pub(super) fn add_months(date: NaiveDate, months: u32, anchor: NaiveDate) -> Result<NaiveDate, Rejection> {
    let first = date.with_day(1).and_then(|first| first.checked_add_months(Months::new(months)));
    first.map(|first| in_month(first, anchor.day())).ok_or_else(|| beyond(date))
}

/// The day `days` later.
pub(super) fn add_days(date: NaiveDate, days: u32) -> Result<NaiveDate, Rejection> {
    date.checked_add_days(Days::new(days.into())).ok_or_else(|| beyond(date))
}

/// `min(120, 90 + stub)`, the stub being the days from the start to the partner's first billing date on or after it.
pub(super) fn hold_days(start: NaiveDate, billing_day: u32) -> u32 {
    let this_month = in_month(start, billing_day);
    let next_month = || start.with_day(1)?.checked_add_months(Months::new(1)).map(|first| in_month(first, billing_day));
    let billing_date = if this_month >= start { Some(this_month) } else { next_month() };
    let stub = billing_date.map_or(0, |date| (date - start).num_days());
    HOLD_DAYS_MAX.min(HOLD_DAYS_BASE + u32::try_from(stub).unwrap_or(0))
}

/// The day of that number in the date's month, or its last.
fn in_month(date: NaiveDate, day: u32) -> NaiveDate {
    (1..=day).rev().find_map(|day| date.with_day(day)).unwrap_or(date)
}

fn beyond(date: NaiveDate) -> Rejection {
    check::invalid("effective_at", format!("No calendar reaches as far from {date}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// Worked examples V01 to V03.
    #[test]
    fn the_hold_grows_with_the_stub() {
        let holds =
            [("2018-01-13", 92), ("2018-01-15", 90), ("2018-01-31", 105), ("2018-01-16", 120), ("2020-01-16", 120)];
        for (start, days) in holds {
            assert_eq!(hold_days(day(start), 15), days, "{start}");
        }
        assert_eq!(hold_days(day("2018-02-01"), 31), 117, "billed on 28 February");
    }

    #[test]
    fn month_ends_clamp_and_snap_back() {
        let anchor = day("2020-01-31");
        assert_eq!(add_months(anchor, 1, anchor), Ok(day("2020-02-29")));
        assert_eq!(add_months(day("2020-02-29"), 1, anchor), Ok(day("2020-03-31")));
        assert!(add_months(NaiveDate::MAX, 1, anchor).is_err());
        assert!(add_days(NaiveDate::MAX, 1).is_err());
    }
}
