//! How dates and amounts stand in the files: en-US (billing-details.md section 3, L9949, L9958).

use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;

/// The first day of something: `2/1/2019 0:00`.
pub fn first_day(day: NaiveDate) -> String {
    format!("{} 0:00", date(day))
}

/// The last day of something, included: `2/28/2019 23:59` (billing-details.md C11).
pub fn last_day(day: NaiveDate) -> String {
    format!("{} 23:59", date(day))
}

/// A day: `2/1/2019`.
pub fn date(day: NaiveDate) -> String {
    format!("{}/{}/{}", day.month(), day.day(), day.year())
}

/// Reads `2/1/2019`, `7/09/2019` or `06/10/2019`, with or without a time, which does not matter: days are whole.
pub fn parse_date(text: &str) -> Option<NaiveDate> {
    let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, ""));
    let mut parts = date.split('/');
    let mut part = |digits: std::ops::RangeInclusive<usize>| {
        let part = parts.next()?;
        let ok = digits.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u32>().ok().filter(|_| ok)
    };
    let (month, day, year) = (part(1..=2)?, part(1..=2)?, part(4..=4)?);
    let time_ok = time.bytes().all(|byte| byte.is_ascii_digit() || b": .APMapm".contains(&byte));
    if parts.next().is_some() || !time_ok {
        return None;
    }
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
}

/// Reads `-48.00`, or with groups of thousands `1,234.56`. Nothing else: `6,82` is not en-US.
pub fn parse_amount(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let grouped = whole.contains(',');
    let first_ok = is_number(first) && (!grouped || first.len() <= 3);
    if !first_ok || !groups.all(|group| group.len() == 3 && is_number(group)) || !is_number(fraction) {
        return None;
    }
    text.replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn dates_are_written_as_the_samples_have_them() {
        assert_eq!(first_day(day("2019-02-01")), "2/1/2019 0:00");
        assert_eq!(last_day(day("2019-02-28")), "2/28/2019 23:59");
        assert_eq!(date(day("2019-10-01")), "10/1/2019");
    }

    #[test]
    fn the_published_forms_of_a_date_are_read() {
        for (text, expected) in [
            ("2/1/2019 0:00", "2019-02-01"),
            ("2/28/2019 23:59", "2019-02-28"),
            ("7/09/2019", "2019-07-09"),
            ("06/10/2019", "2019-06-10"),
            ("6/10/2019 12:00:00 AM", "2019-06-10"),
        ] {
            assert_eq!(parse_date(text), Some(day(expected)), "{text}");
        }
        for text in [
            "",
            "28.02.2019",
            "2019-02-28",
            "28/2/2019 0:00",
            "2/30/2019",
            "2/1/19",
            "2/1/2019/4",
            "2/1/2019 noon",
            "+2/1/2019",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn amounts_are_english() {
        for (text, expected) in
            [("6.82", "6.82"), ("-48.00", "-48.00"), ("11", "11"), ("1,234,567.89", "1234567.89"), ("0.5", "0.5")]
        {
            assert_eq!(parse_amount(text).map(|a| a.to_string()).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "-", "6,82", "1.234,56", "1,23", "1234,567", "1e5", "$5", "5 ", "(5)", "5.", ".5", "--5"] {
            assert_eq!(parse_amount(text), None, "{text}");
        }
    }
}
