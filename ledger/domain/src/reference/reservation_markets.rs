//! Markets in which no reservation is sold (L12720-12759, printed again in L14218-14257): the published list, with ISO 3166 codes.

use std::{collections::BTreeMap, sync::LazyLock};

/// The published list, one row for each of its 109 names.
const TABLE: &str = include_str!("../../data/reservation-excluded-markets.csv");

/// Names by code; islands that share a code have one entry, the last printed.
static EXCLUDED: LazyLock<BTreeMap<&'static str, &'static str>> = LazyLock::new(|| rows().collect());

fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    let row = |row: &'static str| row.split_once(',').map(|(code, name)| (code, name.trim_matches('"')));
    TABLE.lines().skip(1).filter_map(row)
}

/// The printed name of the market, if no reservation is sold there; the country is ISO 3166 alpha-2.
pub fn excluded(country: &str) -> Option<&'static str> {
    EXCLUDED.get(country).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// azure-marketplace-software.md worked example 28.
    #[test]
    fn the_list_is_the_published_one() {
        assert_eq!(rows().count(), 109);
        // Bonaire, Saba and Sint Eustatius share a code, and so do Jan Mayen and Svalbard.
        assert_eq!(EXCLUDED.len(), 106);
        assert!(EXCLUDED.keys().all(|code| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase())));
        assert_eq!((excluded("GL"), excluded("DK")), (Some("Greenland"), None));
        assert_eq!((excluded("CG"), excluded("CD")), (Some("Congo"), Some("Congo (DRC)")));
        assert_eq!(excluded("SH"), Some("St Helena, Ascension, Tristan da Cunha"));
    }
}
