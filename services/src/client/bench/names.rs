//! Names of companies for searching: as many beginnings as in a real list, the same for the same number.

use crate::client::generate::random::Random;

const HEADS: [&str; 24] = [
    "al", "bra", "con", "del", "eri", "fab", "gra", "hol", "inter", "jan", "kel", "lit", "mon", "nor", "oce", "pro",
    "quan", "ros", "sol", "tail", "uni", "ver", "wing", "zan",
];
const MIDDLES: [&str; 20] =
    ["a", "bi", "co", "do", "e", "fi", "go", "hu", "i", "ka", "li", "ma", "ni", "o", "pe", "ra", "si", "to", "u", "va"];
const TAILS: [&str; 18] = [
    "berg", "corp", "dale", "der", "field", "gen", "house", "kam", "land", "mann", "nix", "ra", "son", "spin", "tech",
    "ton", "ware", "well",
];
const TRADES: [&str; 16] = [
    "Bank",
    "Bikes",
    "Clinic",
    "Design",
    "Energy",
    "Foods",
    "Freight",
    "Health",
    "Hotels",
    "Insurance",
    "Logistics",
    "Media",
    "Motors",
    "Schools",
    "Textiles",
    "Toys",
];
const FORMS: [&str; 6] = ["AG", "GmbH", "Inc", "Ltd", "S.A.", "& Sons"];

/// The name of a company, such as `Tailmaspin Health Ltd`.
pub(super) fn company(number: u32) -> String {
    let mut random = Random::new(u64::from(number) ^ 0x5eed);
    let mut pick = |of: &[&'static str]| random.pick(of).copied().unwrap_or_default();
    let (head, middle, tail) = (pick(&HEADS), pick(&MIDDLES), pick(&TAILS));
    let (trade, form) = (pick(&TRADES), pick(&FORMS));
    let mut letters = head.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase()).unwrap_or_default();
    format!("{first}{}{middle}{tail} {trade} {form}", letters.as_str())
}

/// The first characters of a company's name, in small letters: what somebody has typed so far.
pub(super) fn beginning(number: u32, characters: usize) -> String {
    company(number).chars().take(characters).collect::<String>().to_lowercase()
}

/// A company's name with one letter wrong.
pub(super) fn misspelled(number: u32, random: &mut Random) -> String {
    let mut letters: Vec<char> = company(number).chars().collect();
    let at = random.below(letters.len());
    if let Some(letter) = letters.get_mut(at) {
        *letter = 'x';
    }
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_the_same_for_the_same_number_and_begin_in_many_ways() {
        assert_eq!(company(7), company(7));
        let beginnings: BTreeSet<String> = (0..20_000).map(|number| beginning(number, 6)).collect();
        assert!(beginnings.len() > 500, "{}", beginnings.len());
        assert!((0..1_000).all(|number| company(number).chars().count() < 60));
    }
}
