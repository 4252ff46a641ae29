//! Markets and their currencies (program page C19): where a partner may sell, and what it is billed in there.
//!
//! The table is the published one, with ISO 3166 codes added. A location without a published currency has none here either.

use std::{collections::HashMap, sync::LazyLock};

use crate::money::Currency;

/// The published table, one row for each location.
const TABLE: &str = include_str!("../../data/market-currency.csv");

/// ISO 4217 codes in use, funds and metals left out. Where the table names no currency, any of these may be billed.
const CURRENCIES: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD \
    CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL \
    HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA \
    MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF \
    SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS \
    VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWL";

/// A country of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Country {
    /// ISO 3166 alpha-2.
    pub code: &'static str,
    /// The market it belongs to.
    pub market: &'static str,
    /// What is billed there; none where the table leaves it blank.
    pub currency: Option<Currency>,
}

/// The islands of Bonaire, Saba and Sint Eustatius have one code between them, and one market and currency.
static COUNTRIES: LazyLock<HashMap<&'static str, Country>> =
    LazyLock::new(|| rows().filter_map(country_of).map(|country| (country.code, country)).collect());

fn rows() -> impl Iterator<Item = &'static str> {
    TABLE.lines().skip(1)
}

/// Reads `country,billing_currency,market,location,source_line`, where a field with a comma stands in quotes.
fn country_of(row: &'static str) -> Option<Country> {
    let (code, rest) = row.split_once(',')?;
    let (currency, rest) = rest.split_once(',')?;
    let market = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?.0,
        None => rest.split_once(',')?.0,
    };
    Some(Country { code, market, currency: Currency::new(currency).ok() })
}

/// The country of that code, if it is in a market at all.
pub fn country(code: &str) -> Option<Country> {
    COUNTRIES.get(code).copied()
}

/// Whether a partner of one country may sell to a customer of the other: within one market only (L5587-5589).
pub fn same_market(one: &str, other: &str) -> bool {
    matches!((country(one), country(other)), (Some(one), Some(other)) if one.market == other.market)
}

/// Whether the code is a currency in use (ISO 4217).
pub fn is_known_currency(currency: Currency) -> bool {
    CURRENCIES.split_ascii_whitespace().any(|code| code == currency.as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_row_is_read() {
        let mut by_market: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
        for row in rows() {
            let read = country_of(row).unwrap_or_else(|| panic!("not read: {row}"));
            assert!(read.code.len() == 2 && read.code.bytes().all(|b| b.is_ascii_uppercase()), "{row}");
            assert_eq!(country(read.code), Some(read), "rows of one code agree: {row}");
            assert_eq!(row.split(',').nth(1).is_some_and(str::is_empty), read.currency.is_none(), "{row}");
            assert!(read.currency.is_none_or(is_known_currency), "{row}");
            let count = by_market.entry(read.market).or_default();
            count.0 += 1;
            count.1 += u32::from(read.currency.is_none());
        }
        // Locations and blanks, as the table of program page C19 counts them.
        let expected = [
            ("Africa", (47, 8)),
            ("Asia and Pacific", (18, 6)),
            ("Australia", (23, 0)),
            ("Brazil", (1, 0)),
            ("Canada", (2, 0)),
            ("Europe", (45, 6)),
            ("India", (1, 0)),
            ("Japan", (1, 0)),
            ("Korea, Republic of", (1, 0)),
            ("Latin America and the Caribbean", (53, 3)),
            ("Middle East, Central Europe, and Eastern Europe", (45, 15)),
            ("New Zealand", (4, 0)),
            ("Russia", (1, 0)),
            ("Taiwan", (1, 0)),
            ("United States", (2, 0)),
        ];
        assert_eq!(by_market, BTreeMap::from(expected));
    }

    #[test]
    fn a_partner_sells_within_its_market() {
        assert!(same_market("US", "UM"));
        assert!(same_market("DE", "AT"));
        assert!(!same_market("US", "PR"), "Puerto Rico is in Latin America (L5858)");
        assert!(!same_market("CN", "CN"), "mainland China is in no market (L6354)");
        assert_eq!(country("KR").and_then(|c| c.currency).map(|c| c.to_string()).as_deref(), Some("KRW"));
    }
}
