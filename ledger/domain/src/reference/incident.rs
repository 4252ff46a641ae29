//! Outage incidents and the services that their ids stand for (billing-details.md 2.13).
//!
//! The table has the common codes only (L10941), so a code that is not in it is no error.

use chrono::NaiveDate;

use crate::calendar;

/// The published table.
const TABLE: &str = include_str!("../../data/incident-services.csv");
/// Letters of the code in front of an incident's number.
const CODE_LETTERS: usize = 2;
/// Digits of an incident's number.
const NUMBER_DIGITS_MAX: usize = 12;

fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.lines().skip(1).filter_map(|row| row.split_once(','))
}

/// The service of a code, if the table has it.
pub fn service(code: &str) -> Option<&'static str> {
    rows().find(|(listed, _)| *listed == code).map(|(_, service)| service)
}

/// The code of an incident's id: its first two letters, if a number follows them, as in `EX25194` (L10941).
pub fn code(incident_id: &str) -> Option<&str> {
    let (code, number) = incident_id.split_at_checked(CODE_LETTERS)?;
    let letters = code.bytes().all(|b| b.is_ascii_uppercase());
    let digits = !number.is_empty() && number.len() <= NUMBER_DIGITS_MAX && number.bytes().all(|b| b.is_ascii_digit());
    (letters && digits).then_some(code)
}

/// The last day on which a claim is taken: the end of the month after the incident's, UTC (L10929).
pub fn claim_deadline(incident_date: NaiveDate) -> NaiveDate {
    let month = chrono::Datelike::with_day(&incident_date, 1).unwrap_or(incident_date);
    let after_next = calendar::anniversary(month, 2);
    after_next.pred_opt().unwrap_or(after_next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_and_every_row_of_the_table() {
        assert_eq!(rows().count(), 8);
        assert!(rows().all(|(code, service)| code.len() == 2 && !service.is_empty()));
        assert_eq!(code("EX25194").and_then(service), Some("Exchange Online"));
        assert_eq!(code("ZZ1"), Some("ZZ"));
        assert_eq!(service("ZZ"), None);
        for text in ["", "E", "EX", "ex25194", "EXX1", "EX 1", "1X5", "EX1234567890123", "ÄX1"] {
            assert_eq!(code(text), None, "{text}");
        }
    }

    #[test]
    fn a_claim_is_taken_until_the_end_of_the_next_month() {
        let deadline = |day: &str| claim_deadline(day.parse().unwrap()).to_string();
        assert_eq!(deadline("2018-02-15"), "2018-03-31", "W12");
        assert_eq!(deadline("2018-12-31"), "2019-01-31", "W12");
        assert_eq!(deadline("2018-01-31"), "2018-02-28");
        assert_eq!(deadline("2019-12-01"), "2020-01-31");
    }
}
