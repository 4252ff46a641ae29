//! How dates are kept in states and rows: as a number where no person reads it. A writer packs customers by the thousand, and dates as text
//! took a third of the time; of reading a row, more than all else in it.

#![allow(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    clippy::missing_errors_doc,
    missing_docs,
    reason = "what serde calls"
)]

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// For `#[serde(with)]` of a date: days since the day before 0001-01-01.
pub mod date {
    use super::{Date, Deserialize as _, Deserializer, NaiveDate, Serialize as _, Serializer};

    pub fn serialize<S: Serializer>(date: &NaiveDate, serializer: S) -> Result<S::Ok, S::Error> {
        Date(*date).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
        Ok(Date::deserialize(deserializer)?.0)
    }
}

/// For `#[serde(with)]` of a date that may be missing.
pub mod optional_date {
    use super::{Date, Deserialize as _, Deserializer, NaiveDate, Serialize as _, Serializer};

    pub fn serialize<S: Serializer>(date: &Option<NaiveDate>, serializer: S) -> Result<S::Ok, S::Error> {
        date.map(Date).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveDate>, D::Error> {
        Ok(Option::<Date>::deserialize(deserializer)?.map(|date| date.0))
    }
}

/// For `#[serde(with)]` of an instant, UTC: seconds since 1970, and nanoseconds.
pub mod instant {
    use super::{DateTime, Deserialize as _, Deserializer, Instant, Serialize as _, Serializer, Utc};

    pub fn serialize<S: Serializer>(instant: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        Instant(*instant).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        Ok(Instant::deserialize(deserializer)?.0)
    }
}

struct Date(NaiveDate);

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return self.0.serialize(serializer);
        }
        self.0.num_days_from_ce().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return NaiveDate::deserialize(deserializer).map(Self);
        }
        let days = i32::deserialize(deserializer)?;
        let date = NaiveDate::from_num_days_from_ce_opt(days);
        date.map(Self).ok_or_else(|| D::Error::custom(format!("{days} days since 31 December of year 0 are no date")))
    }
}

struct Instant(DateTime<Utc>);

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return self.0.serialize(serializer);
        }
        (self.0.timestamp(), self.0.timestamp_subsec_nanos()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return DateTime::deserialize(deserializer).map(Self);
        }
        let (seconds, nanoseconds) = <(i64, u32)>::deserialize(deserializer)?;
        let instant = DateTime::from_timestamp(seconds, nanoseconds);
        instant.map(Self).ok_or_else(|| D::Error::custom(format!("{seconds} s and {nanoseconds} ns are no instant")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct State {
        #[serde(with = "date")]
        date: NaiveDate,
        #[serde(with = "optional_date")]
        until: Option<NaiveDate>,
        #[serde(with = "optional_date")]
        never: Option<NaiveDate>,
        #[serde(with = "instant")]
        at: DateTime<Utc>,
    }

    #[test]
    fn what_is_kept_in_numbers_comes_back_to_the_nanosecond_and_people_read_dates() {
        let days = [NaiveDate::MIN, NaiveDate::MAX, NaiveDate::from_ymd_opt(2020, 2, 29).unwrap()];
        let instants =
            [DateTime::<Utc>::MIN_UTC, DateTime::UNIX_EPOCH, "2019-10-31T23:59:59.123456789Z".parse().unwrap()];
        for (date, at) in days.into_iter().zip(instants) {
            let state = State { date, until: Some(date), never: None, at };
            let bytes = postcard::to_stdvec(&state).unwrap();
            assert_eq!(postcard::from_bytes::<State>(&bytes).unwrap(), state);
        }
        let state = State { date: days[2], until: Some(days[2]), never: None, at: instants[2] };
        let text = serde_json::to_string(&state).unwrap();
        assert!(text.contains(r#""date":"2020-02-29","until":"2020-02-29","never":null"#), "{text}");
        assert_eq!(serde_json::from_str::<State>(&text).unwrap(), state);
    }

    #[test]
    fn golden() {
        let date = "2018-01-13".parse().unwrap();
        let at = "2018-01-13T23:59:59.000000001Z".parse().unwrap();
        let bytes = [0x86, 0xf7, 0x59, 1, 0x86, 0xf7, 0x59, 0, 0xfe, 0xf5, 0xd4, 0xa5, 0x0b, 1];
        assert_eq!(postcard::to_stdvec(&State { date, until: Some(date), never: None, at }).unwrap(), bytes);
    }

    #[test]
    fn a_number_that_is_no_date_is_refused() {
        let bytes = postcard::to_stdvec(&(i32::MAX, None::<i32>, None::<i32>, (0_i64, 0_u32))).unwrap();
        assert!(postcard::from_bytes::<State>(&bytes).is_err());
        let bytes = postcard::to_stdvec(&(1_i32, None::<i32>, None::<i32>, (i64::MAX, 0_u32))).unwrap();
        assert!(postcard::from_bytes::<State>(&bytes).is_err());
    }
}
