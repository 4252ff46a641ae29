//! Days and instants as rows have them: numbers. What serde makes of them by itself is text, which takes longer to read than all else
//! of most rows. For `#[serde(with = "…")]`.

/// A [`chrono::NaiveDate`]: days since the day before 0001-01-01.
pub mod day {
    use chrono::{Datelike, NaiveDate};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    #[allow(clippy::missing_errors_doc, missing_docs, reason = "called by serde")]
    pub fn serialize<S: Serializer>(day: &NaiveDate, serializer: S) -> Result<S::Ok, S::Error> {
        day.num_days_from_ce().serialize(serializer)
    }

    #[allow(clippy::missing_errors_doc, missing_docs, reason = "called by serde")]
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
        let days = i32::deserialize(deserializer)?;
        NaiveDate::from_num_days_from_ce_opt(days).ok_or_else(|| D::Error::custom("no day has that number"))
    }
}

/// An optional [`chrono::NaiveDate`].
pub mod optional_day {
    use chrono::NaiveDate;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Day(#[serde(with = "super::day")] NaiveDate);

    #[allow(clippy::missing_errors_doc, clippy::ref_option, missing_docs, reason = "called by serde")]
    pub fn serialize<S: Serializer>(day: &Option<NaiveDate>, serializer: S) -> Result<S::Ok, S::Error> {
        day.map(Day).serialize(serializer)
    }

    #[allow(clippy::missing_errors_doc, missing_docs, reason = "called by serde")]
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveDate>, D::Error> {
        Ok(Option::<Day>::deserialize(deserializer)?.map(|day| day.0))
    }
}

/// A [`chrono::DateTime`]: seconds since 1970, and nanoseconds.
pub mod instant {
    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    #[allow(clippy::missing_errors_doc, missing_docs, reason = "called by serde")]
    pub fn serialize<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        (at.timestamp(), at.timestamp_subsec_nanos()).serialize(serializer)
    }

    #[allow(clippy::missing_errors_doc, missing_docs, reason = "called by serde")]
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        let (seconds, nanos) = <(i64, u32)>::deserialize(deserializer)?;
        DateTime::from_timestamp(seconds, nanos).ok_or_else(|| D::Error::custom("no instant has that number"))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate, Utc};
    use serde::{Deserialize, Serialize};

    use crate::{decode, encode};

    #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
    struct Row {
        #[serde(with = "super::day")]
        day: NaiveDate,
        #[serde(with = "super::optional_day")]
        until: Option<NaiveDate>,
        #[serde(with = "super::instant")]
        at: DateTime<Utc>,
    }

    #[test]
    fn they_come_back_and_stay_as_they_are() {
        let day: NaiveDate = "2018-01-13".parse().unwrap();
        let row = Row { day, until: Some(day), at: "2018-01-13T23:59:59.000000001Z".parse().unwrap() };
        let bytes = [0x86, 0xf7, 0x59, 1, 0x86, 0xf7, 0x59, 0xfe, 0xf5, 0xd4, 0xa5, 0x0b, 1];
        assert_eq!(encode(&row).unwrap(), bytes);
        assert_eq!(decode::<Row>(&bytes).unwrap(), row);
        for (day, at) in [(NaiveDate::MIN, DateTime::<Utc>::MIN_UTC), (NaiveDate::MAX, DateTime::<Utc>::MAX_UTC)] {
            for until in [None, Some(day)] {
                let row = Row { day, until, at };
                assert_eq!(decode::<Row>(&encode(&row).unwrap()).unwrap(), row);
            }
        }
    }

    #[test]
    fn what_is_no_day_is_damage() {
        assert!(decode::<Row>(&encode(&(i32::MAX, None::<i32>, (0_i64, 0_u32))).unwrap()).is_err());
        assert!(decode::<Row>(&encode(&(1_i32, None::<i32>, (i64::MAX, 0_u32))).unwrap()).is_err());
    }
}
