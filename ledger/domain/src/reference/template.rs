//! In which languages the customer agreement can be read, by country (program page C38, L4733-5014).
//!
//! The table is the published one, with ISO 3166 codes added by location name; where names differ, the same place is meant. Several
//! locations may share a code: their languages are those of the country.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

/// The published table, one row for each location.
const TABLE: &str = include_str!("../../data/mca-template-languages.csv");

static LANGUAGES: LazyLock<BTreeMap<&'static str, BTreeSet<&'static str>>> = LazyLock::new(|| {
    let mut by_country: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (country, languages) in TABLE.lines().skip(1).filter_map(row) {
        by_country.entry(country).or_default().extend(languages.split(';'));
    }
    by_country
});

/// `country,languages,section,location,source_line`.
fn row(row: &'static str) -> Option<(&'static str, &'static str)> {
    let (country, rest) = row.split_once(',')?;
    Some((country, rest.split_once(',')?.0))
}

/// The languages of a country's template, in alphabetical order; none where no template is published.
pub fn languages(country: &str) -> Vec<&'static str> {
    LANGUAGES.get(country).into_iter().flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::market;

    #[test]
    fn every_row_is_read() {
        let rows: Vec<_> = TABLE.lines().skip(1).map(|text| row(text).unwrap_or_else(|| panic!("{text}"))).collect();
        assert_eq!(rows.len(), 228);
        let languages: BTreeSet<_> = rows.iter().flat_map(|(_, languages)| languages.split(';')).collect();
        assert_eq!(languages.len(), 40, "{languages:?}");
        for (country, _) in rows {
            assert!(market::country(country).is_some(), "{country} is in no market");
        }
    }

    #[test]
    fn a_template_is_the_country_s_own() {
        assert_eq!(languages("DE"), ["English", "German"]);
        assert_eq!(languages("GQ"), ["Spanish"], "no English version (program page C38)");
        assert_eq!(languages("SJ"), ["Norwegian"]);
        assert_eq!(languages("MC"), [""; 0], "no template is published for Monaco");
        assert_eq!(languages("XX"), [""; 0]);
    }
}
