//! How VAT ids look. Only their form is known here; whether one was given out is for the provider to find out, and a fact of its own.

use std::{collections::BTreeMap, sync::LazyLock};

use chrono::NaiveDate;

/// Countries with the form of their ids, and those of the European Union with the last day they belonged to it.
const TABLE: &str = include_str!("../../data/vat-id-formats.csv");
/// Longest id of any country, in characters.
const CHARS_MAX: usize = 32;

struct Format {
    european_union: bool,
    until: Option<NaiveDate>,
    /// `#` is a digit, `@` a letter, `?` either; other characters stand for themselves.
    patterns: Vec<&'static str>,
}

static FORMATS: LazyLock<BTreeMap<&'static str, Format>> =
    LazyLock::new(|| TABLE.lines().skip(1).filter_map(read).collect());

fn read(row: &'static str) -> Option<(&'static str, Format)> {
    let fields: Vec<_> = row.split(',').collect();
    let &[country, union, until, patterns] = fields.as_slice() else { return None };
    let until = if until.is_empty() { None } else { Some(until.parse().ok()?) };
    Some((country, Format { european_union: union == "EU", until, patterns: patterns.split('|').collect() }))
}

/// Whether the country was a member state of the European Union on a day of our time, or in the year after it left still had its VAT.
pub fn in_european_union(country: &str, on: NaiveDate) -> bool {
    let member = |format: &Format| format.european_union && format.until.is_none_or(|until| on <= until);
    FORMATS.get(country).is_some_and(member)
}

/// The id in one form: capital letters and digits, without blanks, points and hyphens.
pub fn normalized(text: &str) -> String {
    let kept = text.chars().filter(|c| !matches!(c, ' ' | '.' | '-' | '/'));
    kept.map(|c| c.to_ascii_uppercase()).collect()
}

/// The forms that ids of a country have, in words of the table; none where they are not known.
pub fn patterns(country: &str) -> Option<&'static [&'static str]> {
    FORMATS.get(country).map(|format| format.patterns.as_slice())
}

/// Whether a normalized id has a form of the country; where none is known, any 1 to 32 letters and digits do.
pub fn is_well_formed(country: &str, id: &str) -> bool {
    match FORMATS.get(country) {
        Some(format) => format.patterns.iter().any(|pattern| matches(pattern, id)),
        None => (1..=CHARS_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric()),
    }
}

fn matches(pattern: &str, id: &str) -> bool {
    pattern.len() == id.len()
        && pattern.bytes().zip(id.bytes()).all(|(wanted, found)| match wanted {
            b'#' => found.is_ascii_digit(),
            b'@' => found.is_ascii_uppercase(),
            b'?' => found.is_ascii_digit() || found.is_ascii_uppercase(),
            literal => literal == found,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read() {
        assert!(TABLE.lines().skip(1).all(|row| read(row).is_some()));
        let members = |on: &str| {
            let on = on.parse().unwrap();
            FORMATS.keys().filter(|country| in_european_union(country, on)).count()
        };
        assert_eq!(members("2020-06-01"), 28);
        assert_eq!(members("2021-01-01"), 27);
    }

    #[test]
    fn forms_by_country() {
        for (country, good) in [
            ("AT", "ATU12345678"),
            ("BE", "BE0123456789"),
            ("CY", "CY12345678L"),
            ("DE", "DE123456789"),
            ("ES", "ESX1234567X"),
            ("FR", "FRK1123456789"),
            ("GR", "EL123456789"),
            ("IE", "IE1234567WA"),
            ("NL", "NL123456789B01"),
            ("RO", "RO12"),
            ("SE", "SE123456789001"),
            ("GB", "GBGD123"),
            ("ZA", "4123456789"),
            ("CH", "CHE123456789MWST"),
        ] {
            assert!(is_well_formed(country, good), "{country} {good}");
        }
        for (country, bad) in [
            ("DE", "DE12345678"),
            ("DE", "DE1234567890"),
            ("DE", "AT123456789"),
            ("DE", "123456789"),
            ("AT", "AT12345678"),
            ("GR", "GR123456789"),
            ("DE", ""),
            ("DE", "DE12345678é"),
            ("CH", ""),
        ] {
            assert!(!is_well_formed(country, bad), "{country} {bad}");
        }
        assert_eq!(normalized("de 123.456-789"), "DE123456789");
    }
}
