//! What a list of prices changed against an earlier day (accounts page section 2.11, L7890-7893).

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::{
    Catalog,
    price::{self, PriceQuote},
};
use crate::{
    ids::{OfferId, PriceListId},
    money::Currency,
};

/// The flag of a price, as the lists print it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeFlag {
    /// It is new.
    Add,
    /// The list price is another.
    Chg,
    /// It is gone.
    Del,
    /// The list price is what it was.
    Unc,
}

impl ChangeFlag {
    /// `ADD`, `CHG`, `DEL` or `UNC`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Chg => "CHG",
            Self::Del => "DEL",
            Self::Unc => "UNC",
        }
    }
}

/// One price on a day, beside what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceChange {
    /// The offer.
    pub offer_id: OfferId,
    /// One of several prices of it.
    pub component: Option<String>,
    /// What changed.
    pub flag: ChangeFlag,
    /// On the day; none if it is gone.
    pub now: Option<Decimal>,
    /// Before; none if it is new.
    pub before: Option<Decimal>,
    /// Where the price of the day stands, or stood.
    pub price_list_id: PriceListId,
}

impl Catalog {
    /// Every price of a currency on `on`, by offer and component, with what changed since `since`.
    pub fn price_changes(&self, currency: Currency, on: NaiveDate, since: NaiveDate) -> Vec<PriceChange> {
        let mut changes = Vec::new();
        for (offer_id, by_currency) in &self.prices {
            let Some(rows) = by_currency.get(&currency) else { continue };
            let quotes = [on, since].map(|day| price::quote(rows, day));
            let [now, before] = quotes.each_ref().map(|quote| by_component(quote.as_ref()));
            let components: BTreeSet<_> = now.keys().chain(before.keys()).copied().collect();
            let [on_list, before_list] = quotes.each_ref().map(|quote| quote.as_ref().map(|it| &it.price_list_id));
            let Some(price_list_id) = on_list.or(before_list) else { continue };
            for component in components {
                let (now, before) = (now.get(&component).copied(), before.get(&component).copied());
                let flag = match (now, before) {
                    (Some(_), None) => ChangeFlag::Add,
                    (None, _) => ChangeFlag::Del,
                    (Some(now), Some(before)) if now != before => ChangeFlag::Chg,
                    _ => ChangeFlag::Unc,
                };
                let (offer_id, price_list_id) = (offer_id.clone(), price_list_id.clone());
                let component = component.map(str::to_owned);
                changes.push(PriceChange { offer_id, component, flag, now, before, price_list_id });
            }
        }
        changes
    }
}

fn by_component(quote: Option<&PriceQuote>) -> BTreeMap<Option<&str>, Decimal> {
    let prices = quote.into_iter().flat_map(|quote| &quote.prices);
    prices.map(|price| (price.component.as_deref(), price.unit_price)).collect()
}

#[cfg(test)]
mod tests {
    use crate::{
        Event,
        catalog::Catalog,
        event::PricesPublished,
        ids::{OfferId, PriceListId},
        money::Currency,
        offer::{PricePer, PriceRow},
    };

    fn row(offer: &str, price: &str, from: &str, flag: &str) -> PriceRow {
        PriceRow {
            change_flag: flag.to_owned(),
            valid_from: from.parse().unwrap(),
            valid_to: None,
            offer_display_name: offer.to_owned(),
            offer_id: OfferId::new(offer).unwrap(),
            license_agreement_type: "corporate".to_owned(),
            purchase_unit: PricePer::Month,
            secondary_license_type: "non-specific".to_owned(),
            end_customer_type: "cloud reseller corporate".to_owned(),
            list_price: price.parse().unwrap(),
            erp_price: None,
            component: None,
        }
    }

    #[test]
    fn a_list_is_compared_with_the_one_before() {
        let mut catalog = Catalog::default();
        let currency = Currency::new("USD").unwrap();
        let mut publish = |list: &str, rows: Vec<PriceRow>| {
            let price_list_id = PriceListId::new(list).unwrap();
            catalog.evolve(&Event::from(PricesPublished { price_list_id, currency, rows }));
        };
        publish(
            "2020-06",
            vec![
                row("kept", "4", "2020-06-01", "ADD"),
                row("dearer", "8", "2020-06-01", "ADD"),
                row("gone", "2", "2020-06-01", "ADD"),
            ],
        );
        publish(
            "2020-07",
            vec![
                row("kept", "4.00", "2020-07-01", "UNC"),
                row("dearer", "9.5", "2020-07-01", "CHG"),
                row("gone", "2", "2020-07-01", "DEL"),
                row("new", "1", "2020-07-01", "ADD"),
            ],
        );
        let flags = |on: &str, since: &str| -> Vec<_> {
            let changes = catalog.price_changes(currency, on.parse().unwrap(), since.parse().unwrap());
            changes.iter().map(|c| format!("{} {} {}", c.flag.label(), c.offer_id, c.price_list_id)).collect()
        };
        assert_eq!(
            flags("2020-07-01", "2020-06-30"),
            ["CHG dearer 2020-07", "DEL gone 2020-06", "UNC kept 2020-07", "ADD new 2020-07"]
        );
        assert_eq!(flags("2020-06-30", "2020-06-01"), ["UNC dearer 2020-06", "UNC gone 2020-06", "UNC kept 2020-06"]);
        assert_eq!(flags("2020-06-01", "2020-05-31").len(), 3, "everything is new");
        assert_eq!(flags("2020-05-31", "2020-05-01"), [""; 0]);
        assert!(
            catalog
                .price_changes(
                    Currency::new("EUR").unwrap(),
                    "2020-07-01".parse().unwrap(),
                    "2020-06-01".parse().unwrap()
                )
                .is_empty()
        );
    }
}
