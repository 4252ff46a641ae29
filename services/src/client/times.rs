//! Dates and instants in arguments and files.

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};
use prost_types::Timestamp;

/// Reads `2018-02-28`.
pub(crate) fn date(text: &str) -> Result<NaiveDate, String> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10);
    date.ok_or_else(|| format!("{text:?} is not a date; one looks like 2018-02-28"))
}

/// Reads `2018-02-28` (00:00 UTC) or an instant of RFC 3339.
pub(crate) fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(date) = date(text) {
        return Ok(midnight(date));
    }
    DateTime::parse_from_rfc3339(text)
        .map(|at| at.to_utc())
        .map_err(|_| format!("{text:?} is not a time; 2018-02-28 and 2018-02-28T09:30:00Z are"))
}

/// 00:00 UTC of a day.
pub(crate) fn midnight(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(NaiveTime::MIN).and_utc()
}

/// The protobuf form.
pub(crate) fn timestamp(at: DateTime<Utc>) -> Timestamp {
    Timestamp { seconds: at.timestamp(), nanos: i32::try_from(at.timestamp_subsec_nanos()).unwrap_or(0) }
}

/// The instant of a protobuf time.
pub(crate) fn from_timestamp(at: &Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(at.seconds, u32::try_from(at.nanos).ok()?)
}

/// RFC 3339 in UTC; empty where there is none.
pub(crate) fn text(at: Option<&Timestamp>) -> String {
    at.and_then(from_timestamp).map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_days_and_instants() {
        assert_eq!(text(instant("2018-02-28").map(timestamp).ok().as_ref()), "2018-02-28T00:00:00Z");
        assert_eq!(text(instant("2019-06-11T08:00:00+12:00").map(timestamp).ok().as_ref()), "2019-06-10T20:00:00Z");
        for wrong in ["", "2018-02-29", "2018-2-8", "28.02.2018", "2018-02-28T09:30", "yesterday"] {
            assert!(instant(wrong).is_err(), "{wrong}");
        }
    }
}
