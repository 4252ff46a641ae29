//! Calendar: anniversaries and day counts. A day is a UTC date, a span of days is half-open.

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};

/// The end of a term that has none.
pub const NEVER: NaiveDate = match NaiveDate::from_ymd_opt(9999, 12, 31) {
    Some(date) => date,
    None => NaiveDate::MAX,
};

/// The day `months` after `anchor`: its day of month, or the month's last day if that is shorter (billing.md section 2).
/// Always counted from the anchor and never chained, so 31 January goes to 28 February and back to 31 March.
pub fn anniversary(anchor: NaiveDate, months: u32) -> NaiveDate {
    anchor.checked_add_months(Months::new(months)).unwrap_or(NaiveDate::MAX)
}

/// Whole months from `anchor` to the last anniversary on or before `date`; 0 for a date before the anchor.
pub fn months_elapsed(anchor: NaiveDate, date: NaiveDate) -> u32 {
    let years = i64::from(date.year()) - i64::from(anchor.year());
    let months = years * 12 + i64::from(date.month()) - i64::from(anchor.month());
    let months = u32::try_from(months).unwrap_or(0);
    if anniversary(anchor, months) > date { months.saturating_sub(1) } else { months }
}

/// The first monthly anniversary after `date`, that day not included.
pub fn next_anniversary(anchor: NaiveDate, date: NaiveDate) -> NaiveDate {
    if date < anchor { anchor } else { anniversary(anchor, months_elapsed(anchor, date) + 1) }
}

/// The first day of the month of a day.
pub fn first_of_month(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

/// The last day of the month of a day.
pub fn last_of_month(day: NaiveDate) -> NaiveDate {
    anniversary(first_of_month(day), 1).pred_opt().unwrap_or(day)
}

/// Days from `start` to the day before `end`; 0 if that is none.
pub fn days_between(start: NaiveDate, end: NaiveDate) -> u32 {
    u32::try_from(end.signed_duration_since(start).num_days()).unwrap_or(0)
}

/// The day `days` after `date`.
pub fn add_days(date: NaiveDate, days: u32) -> NaiveDate {
    date.checked_add_days(Days::new(u64::from(days))).unwrap_or(NaiveDate::MAX)
}

/// Whether business is done on the day: Monday to Friday. The source knows no holidays (billing-details.md W16).
pub fn is_business_day(day: NaiveDate) -> bool {
    !matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

/// The business day that is `days` business days after `date`, that day not counted; on a weekend the next one is counted from.
pub fn add_business_days(date: NaiveDate, days: u32) -> NaiveDate {
    let (weeks, rest) = (days / 5, days % 5);
    let mut day = date;
    // Whole weeks from a Saturday or Sunday lead to one again, so Friday stands for both.
    while weeks > 0 && !is_business_day(day) {
        day = day.pred_opt().unwrap_or(NaiveDate::MIN);
    }
    day = add_days(day, weeks.saturating_mul(7));
    for _ in 0..rest {
        day = add_days(day, 1);
        while !is_business_day(day) && day < NaiveDate::MAX {
            day = add_days(day, 1);
        }
    }
    day
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// Every day of 2015 to 2028, and a leap day before the year 2100, which has none.
    fn any_day() -> impl Strategy<Value = NaiveDate> {
        prop_oneof![(0..5_114_u32).prop_map(|n| add_days(date("2015-01-01"), n)), Just(date("2096-02-29"))]
    }

    fn last_of_month(day: NaiveDate) -> u32 {
        let first = day.with_day(1).unwrap();
        anniversary(first, 1).pred_opt().unwrap().day()
    }

    #[test]
    fn clamps_to_the_month_end_and_snaps_back() {
        let dates: Vec<_> = (0..4).map(|n| anniversary(date("2018-01-31"), n).to_string()).collect();
        assert_eq!(dates, ["2018-01-31", "2018-02-28", "2018-03-31", "2018-04-30"]);
        assert_eq!(anniversary(date("2020-01-31"), 1), date("2020-02-29"));
        assert_eq!(anniversary(date("2020-02-29"), 12), date("2021-02-28"));
        assert_eq!(anniversary(date("2020-02-29"), 48), date("2024-02-29"));
        assert_eq!(anniversary(date("2096-02-29"), 48), date("2100-02-28"));
    }

    /// Every anchor day of eight years, through a leap day and a year 2100 without one: the day of the month, or the last.
    #[test]
    fn every_anchor_keeps_its_day_through_every_term() {
        for first in [date("2016-01-01"), date("2096-01-01")] {
            for anchor in (0..1_461).map(|n| add_days(first, n)) {
                for months in [1, 12, 36, 72] {
                    let end = anniversary(anchor, months);
                    assert_eq!(end.day(), anchor.day().min(last_of_month(end)), "{anchor} + {months}");
                    assert_eq!(months_elapsed(anchor, end), months, "{anchor} + {months}");
                    assert_eq!(months_elapsed(anchor, end.pred_opt().unwrap()), months - 1, "{anchor} + {months}");
                }
            }
        }
    }

    #[test]
    fn the_next_anniversary_is_strictly_after() {
        assert_eq!(next_anniversary(date("2018-01-31"), date("2018-02-27")), date("2018-02-28"));
        assert_eq!(next_anniversary(date("2018-01-31"), date("2018-02-28")), date("2018-03-31"));
        assert_eq!(next_anniversary(date("2018-01-13"), date("2018-02-13")), date("2018-03-13"));
        assert_eq!(next_anniversary(date("2018-01-13"), date("2017-02-13")), date("2018-01-13"));
    }

    /// W16, and a weekend to begin with.
    #[test]
    fn business_days_leave_weekends_out() {
        for (from, days, to) in [
            ("2020-06-19", 5, "2020-06-26"),
            ("2020-06-22", 5, "2020-06-29"),
            ("2020-06-24", 5, "2020-07-01"),
            ("2020-06-19", 1, "2020-06-22"),
            ("2020-06-20", 1, "2020-06-22"),
            ("2020-06-21", 5, "2020-06-26"),
            ("2020-06-19", 0, "2020-06-19"),
        ] {
            assert_eq!(add_business_days(date(from), days), date(to), "{from} + {days}");
        }
    }

    proptest! {
        #[test]
        fn business_days_are_counted_one_by_one(from in any_day(), days in 1..40_u32) {
            let to = add_business_days(from, days);
            prop_assert!(is_business_day(to));
            let between = (1..=days_between(from, to)).filter(|n| is_business_day(add_days(from, *n))).count();
            prop_assert_eq!(between, days as usize);
        }

        #[test]
        fn an_anniversary_keeps_the_day_or_takes_the_last(anchor in any_day(), months in 0..1_200_u32) {
            let day = anniversary(anchor, months);
            prop_assert_eq!(day.day(), anchor.day().min(last_of_month(day)));
            prop_assert_eq!(months_elapsed(anchor, day), months);
        }

        #[test]
        fn every_day_lies_in_one_month_of_the_grid(anchor in any_day(), days in 0..5_000_u32) {
            let day = add_days(anchor, days);
            let n = months_elapsed(anchor, day);
            prop_assert!(anniversary(anchor, n) <= day && day < anniversary(anchor, n + 1));
            prop_assert_eq!(next_anniversary(anchor, day), anniversary(anchor, n + 1));
        }

        #[test]
        fn months_tile_a_term(anchor in any_day(), term in prop_oneof![Just(1_u32), Just(12), Just(36), Just(72)]) {
            let days: u32 = (0..term).map(|n| days_between(anniversary(anchor, n), anniversary(anchor, n + 1))).sum();
            prop_assert_eq!(days, days_between(anchor, anniversary(anchor, term)));
            for n in 0..term {
                let length = days_between(anniversary(anchor, n), anniversary(anchor, n + 1));
                prop_assert!((28..=31).contains(&length));
            }
        }
    }
}
