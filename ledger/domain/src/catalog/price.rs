//! Which price holds on a day.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    ids::PriceListId,
    offer::{PriceComponent, PriceRow},
};

/// The flag of a row that takes an offer, or one component of it, off the list.
pub(super) const REMOVED: &str = "DEL";

/// What names a row of one offer in one currency; a later row with the same key replaces it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PriceKey {
    /// One of several prices of the offer.
    pub component: Option<String>,
    /// First day.
    pub valid_from: NaiveDate,
}

/// A row with its list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedPrice {
    /// The list it stands on.
    pub price_list_id: PriceListId,
    /// The row.
    pub row: PriceRow,
    /// Its place among all rows ever published.
    pub number: u64,
}

/// What an offer costs on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceQuote {
    /// One price for each component, in the order in which their rows were published; not empty.
    pub prices: Vec<PriceComponent>,
    /// The list of the newest of them.
    pub price_list_id: PriceListId,
}

/// For each component, the row with the latest first day among those that cover the day; a removal covers every day from its first
/// on (accounts page section 2.11, L7890-7895). Components keep the order of the list, which documents follow (L10899-10906).
pub(super) fn quote(rows: &BTreeMap<PriceKey, PublishedPrice>, on: NaiveDate) -> Option<PriceQuote> {
    let mut holding: BTreeMap<&Option<String>, &PublishedPrice> = BTreeMap::new();
    // Rows come by component, then by first day: the last that covers the day is the one that holds.
    for (key, published) in rows {
        let row = &published.row;
        let lapsed = row.change_flag != REMOVED && row.valid_to.is_some_and(|last| last < on);
        if row.valid_from <= on && !lapsed {
            holding.insert(&key.component, published);
        }
    }
    holding.retain(|_, published| published.row.change_flag != REMOVED);
    let newest = holding.values().max_by_key(|published| published.row.valid_from)?;
    let price_list_id = newest.price_list_id.clone();
    let mut prices: Vec<_> = holding.into_values().collect();
    prices.sort_by_key(|published| published.number);
    let prices = prices
        .into_iter()
        .map(|PublishedPrice { row, .. }| PriceComponent {
            component: row.component.clone(),
            unit_price: row.list_price,
            per: row.purchase_unit,
        })
        .collect();
    Some(PriceQuote { prices, price_list_id })
}
