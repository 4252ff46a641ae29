//! Published tax rates, and which of them hold on a day.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::TaxTreatment;

/// What a rate is for. A narrower scope takes the place of a wider one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TaxScope {
    /// Everything.
    All,
    /// Digital content and services: everything that is sold here (L10677, L10681).
    Digital,
    /// Software subscriptions and perpetual licenses (L14265).
    Software,
    /// Reservations (L12706).
    Reservation,
    /// Telephone services, which some offers have as a component of their own (L10883).
    Pstn,
}

impl TaxScope {
    /// As reference data spells it.
    pub fn label(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Digital => "digital",
            Self::Software => "software",
            Self::Reservation => "reservation",
            Self::Pstn => "pstn",
        }
    }

    /// From itself to the widest.
    fn widening(self) -> impl Iterator<Item = Self> {
        let narrow = [self].into_iter().filter(|scope| !matches!(scope, Self::Digital | Self::All));
        let digital = [Self::Digital].into_iter().filter(move |_| self != Self::All);
        narrow.chain(digital).chain([Self::All])
    }
}

/// A rate of one tax in a country, or in one of its regions, from a day on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRateRow {
    /// ISO 3166 alpha-2.
    pub country: String,
    /// The part of ISO 3166-2 behind the hyphen, such as `BC`; none for the whole country.
    pub region: Option<String>,
    /// Name of the tax, such as `VAT`. In a region it takes the place of the country's tax of that name, and adds to others.
    pub tax: String,
    /// What it is for.
    pub scope: TaxScope,
    /// In percent of the price without tax.
    pub rate_percent: Decimal,
    /// Exclusive or inclusive; none for what the region's rules say, which is exclusive if they say nothing.
    pub treatment: Option<TaxTreatment>,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day, included; none until another rate takes its place.
    pub valid_to: Option<NaiveDate>,
}

/// What names a rate of one country and scope; a later row with the same key replaces it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct RateKey {
    region: Option<String>,
    tax: String,
    valid_from: NaiveDate,
}

/// All published rates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRates {
    by_country: BTreeMap<String, BTreeMap<TaxScope, BTreeMap<RateKey, TaxRateRow>>>,
}

/// The taxes that hold for a product on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaxQuote<'a> {
    /// The scope that they were published for.
    pub scope: TaxScope,
    /// One row for each tax, by region and name; not empty.
    pub rows: Vec<&'a TaxRateRow>,
}

impl<'a> TaxQuote<'a> {
    /// A tax whose last published rate ended before the day and has no successor.
    pub fn lapsed(&self, on: NaiveDate) -> Option<&'a TaxRateRow> {
        self.rows.iter().copied().find(|row| row.valid_to.is_some_and(|last| last < on))
    }
}

impl TaxRates {
    /// The taxes of a product on a day; none where no tax has begun by then.
    ///
    /// For each tax the row with the latest first day holds, even after its last day: a tax does not end by silence, and sales are
    /// refused then ([`TaxQuote::lapsed`]). A tax that ended is published at 0 percent.
    pub fn quote(&self, country: &str, region: Option<&str>, scope: TaxScope, on: NaiveDate) -> Option<TaxQuote<'_>> {
        let by_scope = self.by_country.get(country)?;
        scope.widening().find_map(|scope| {
            let mut holding: BTreeMap<&str, &TaxRateRow> = BTreeMap::new();
            // Rows come by region, the whole country first, then by tax and first day: the last that fits holds.
            for row in by_scope.get(&scope)?.values() {
                let here = row.region.is_none() || row.region.as_deref() == region;
                if here && row.valid_from <= on {
                    holding.insert(&row.tax, row);
                }
            }
            let mut rows: Vec<_> = holding.into_values().collect();
            rows.sort_by_key(|row| (&row.region, &row.tax));
            if rows.is_empty() { None } else { Some(TaxQuote { scope, rows }) }
        })
    }

    /// A published rate that holds on a day together with this published one but treats prices otherwise: a price that contains one
    /// tax and has another on top is known to no published file.
    pub fn conflict(&self, row: &TaxRateRow) -> Option<&TaxRateRow> {
        let rows = self.by_country.get(&row.country)?.get(&row.scope)?;
        let next = |row: &TaxRateRow| {
            let same = |other: &&TaxRateRow| other.region == row.region && other.tax == row.tax;
            let later = rows.values().filter(same).map(|other| other.valid_from);
            later.filter(|from| *from > row.valid_from).min()
        };
        let row_ends = next(row);
        let before = |from: NaiveDate, end: Option<NaiveDate>| end.is_none_or(|end| from < end);
        rows.values().find(|other| {
            let together = other.region.is_none() || row.region.is_none() || other.region == row.region;
            let otherwise = other.tax != row.tax && other.treatment != row.treatment;
            let overlap = || before(other.valid_from, row_ends) && before(row.valid_from, next(other));
            together && otherwise && overlap()
        })
    }

    /// Every row, by country, scope, region, tax and first day.
    pub fn rows(&self) -> impl Iterator<Item = &TaxRateRow> {
        self.by_country.values().flat_map(|scopes| scopes.values()).flat_map(|rows| rows.values())
    }

    /// Adds a row, or replaces the one with its key.
    pub fn publish(&mut self, row: TaxRateRow) {
        let key = RateKey { region: row.region.clone(), tax: row.tax.clone(), valid_from: row.valid_from };
        self.by_country.entry(row.country.clone()).or_default().entry(row.scope).or_default().insert(key, row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn row(place: &str, tax: &str, scope: TaxScope, rate: u32, from: &str) -> TaxRateRow {
        let (country, region) =
            place.split_once('-').map_or((place, None), |(country, region)| (country, Some(region)));
        TaxRateRow {
            country: country.to_owned(),
            region: region.map(str::to_owned),
            tax: tax.to_owned(),
            scope,
            rate_percent: rate.into(),
            treatment: Some(TaxTreatment::Exclusive),
            valid_from: day(from),
            valid_to: None,
        }
    }

    fn rates(rows: Vec<TaxRateRow>) -> TaxRates {
        let mut rates = TaxRates::default();
        rows.into_iter().for_each(|row| rates.publish(row));
        rates
    }

    fn found(rates: &TaxRates, place: (&str, Option<&str>), scope: TaxScope, on: &str) -> String {
        let Some(quote) = rates.quote(place.0, place.1, scope, day(on)) else { return "none".to_owned() };
        let rows = quote.rows.iter().map(|row| format!("{} {}", row.tax, row.rate_percent));
        format!("{}: {}", quote.scope.label(), rows.collect::<Vec<_>>().join(" + "))
    }

    #[test]
    fn the_rate_of_the_day_holds() {
        let all = TaxScope::All;
        let rates = rates(vec![
            row("DE", "VAT", all, 19, "2007-01-01"),
            row("DE", "VAT", all, 16, "2020-07-01"),
            row("DE", "VAT", all, 19, "2021-01-01"),
        ]);
        let germany = ("DE", None);
        for (on, expected) in [
            ("2006-12-31", "none"),
            ("2007-01-01", "all: VAT 19"),
            ("2020-06-30", "all: VAT 19"),
            ("2020-07-01", "all: VAT 16"),
            ("2020-12-31", "all: VAT 16"),
            ("2021-01-01", "all: VAT 19"),
        ] {
            assert_eq!(found(&rates, germany, all, on), expected, "{on}");
        }
        assert_eq!(found(&rates, ("FR", None), all, "2020-07-01"), "none");
    }

    #[test]
    fn a_region_adds_its_own_taxes_and_replaces_those_of_the_country() {
        let all = TaxScope::All;
        let rates = rates(vec![
            row("CA", "GST/HST/QST", all, 5, "2008-01-01"),
            row("CA-ON", "GST/HST/QST", all, 13, "2010-07-01"),
            row("CA-BC", "BC PST", all, 7, "2013-04-01"),
        ]);
        let on = "2020-01-01";
        assert_eq!(found(&rates, ("CA", None), all, on), "all: GST/HST/QST 5");
        assert_eq!(found(&rates, ("CA", Some("AB")), all, on), "all: GST/HST/QST 5");
        assert_eq!(found(&rates, ("CA", Some("ON")), all, on), "all: GST/HST/QST 13");
        assert_eq!(found(&rates, ("CA", Some("BC")), all, on), "all: GST/HST/QST 5 + BC PST 7");
    }

    #[test]
    fn a_narrower_scope_takes_the_place_of_a_wider_one() {
        let rates = rates(vec![
            row("TR", "VAT", TaxScope::All, 8, "2018-01-01"),
            row("TR", "VAT", TaxScope::Digital, 18, "2018-01-01"),
            row("TR", "VAT", TaxScope::Pstn, 20, "2019-01-01"),
        ]);
        let turkey = ("TR", None);
        assert_eq!(found(&rates, turkey, TaxScope::Pstn, "2018-12-31"), "digital: VAT 18");
        assert_eq!(found(&rates, turkey, TaxScope::Pstn, "2019-01-01"), "pstn: VAT 20");
        assert_eq!(found(&rates, turkey, TaxScope::Software, "2019-01-01"), "digital: VAT 18");
        assert_eq!(found(&rates, turkey, TaxScope::All, "2019-01-01"), "all: VAT 8");
    }

    #[test]
    fn taxes_of_one_price_treat_it_alike() {
        let all = TaxScope::All;
        let inclusive = |row| TaxRateRow { treatment: Some(TaxTreatment::Inclusive), ..row };
        let gst = row("CA", "GST", all, 5, "2008-01-01");
        let pst = inclusive(row("CA-BC", "PST", all, 7, "2013-04-01"));
        let both = rates(vec![gst.clone(), pst.clone()]);
        assert_eq!(both.conflict(&pst), Some(&gst));
        // Both changed on one day, so they never held together otherwise.
        let before = row("CA-BC", "PST", all, 7, "2010-01-01");
        let changed = inclusive(row("CA", "GST", all, 5, "2013-04-01"));
        let rates = rates(vec![gst, before, changed.clone(), pst.clone()]);
        assert_eq!((rates.conflict(&pst), rates.conflict(&changed)), (None, None));
    }

    #[test]
    fn a_rate_that_ended_holds_on_and_is_called_lapsed() {
        let ended =
            TaxRateRow { valid_to: Some(day("2019-12-31")), ..row("DE", "VAT", TaxScope::All, 19, "2007-01-01") };
        let rates = rates(vec![ended.clone()]);
        let quote = rates.quote("DE", None, TaxScope::Digital, day("2020-01-01")).unwrap();
        assert_eq!(quote.lapsed(day("2020-01-01")), Some(&ended));
        assert_eq!(quote.lapsed(day("2019-12-31")), None);
    }
}
