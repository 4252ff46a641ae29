//! What files and explanations say of a line that the line itself does not: partner, customer, subscription and its terms, offer.
//!
//! Keys: partner text; customer text; customer and subscription text; customer and subscription text, first day of the term (4 bytes);
//! offer text. Rows: [`PartnerFacts`], [`CustomerFacts`], [`SubscriptionFacts`], [`Term`], [`OfferFacts`]. They are read when a file is made, so it does not matter
//! whether they were folded before the charges or after them.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use subledger_domain::{
    ids::{CustomerId, OfferId, PartnerId, PriceListId, SubscriptionId},
    offer::PriceComponent,
    party::PartnerKind,
};
use subledger_fold::{Changes, Key, Rows, StoreError, decode};

use super::prefix::{CUSTOMER_FACTS, OFFER_FACTS, PARTNER_FACTS, SUBSCRIPTION_FACTS, TERMS};

/// A partner, as files name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartnerFacts {
    pub(crate) name: String,
    pub(crate) kind: PartnerKind,
    /// ISO 3166 alpha-2.
    pub(crate) country: String,
    /// May be empty.
    pub(crate) mpn_id: String,
}

/// A customer, as files name it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CustomerFacts {
    pub(crate) company_name: String,
    pub(crate) domain_name: String,
    /// ISO 3166 alpha-2.
    pub(crate) country: String,
}

/// A subscription, as files name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SubscriptionFacts {
    pub(crate) start: NaiveDate,
    pub(crate) friendly_name: Option<String>,
}

/// What held from a day on: a term, or the part of it after a conversion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Term {
    /// The day after the term's last.
    pub(crate) end: NaiveDate,
    pub(crate) offer_id: OfferId,
    /// As the price list has it.
    pub(crate) offer_name: String,
    /// Where the prices stand; none after a conversion, which names no list.
    pub(crate) price_list_id: Option<PriceListId>,
    pub(crate) prices: Vec<PriceComponent>,
}

/// An offer, as files name it: as it was published last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OfferFacts {
    /// May be empty.
    pub(crate) product_id: String,
    /// None for first-party products.
    pub(crate) publisher_name: Option<String>,
    /// 0 for a product without an end.
    pub(crate) term_months: u32,
}

fn offer_key(offer: &OfferId) -> Vec<u8> {
    Key::table(OFFER_FACTS).text(offer.as_str()).build()
}

pub(crate) fn offer(rows: &(impl Rows + ?Sized), id: &OfferId) -> Result<Option<OfferFacts>, StoreError> {
    subledger_fold::get(rows, &offer_key(id))
}

pub(crate) fn put_offer(rows: &mut dyn Changes, id: &OfferId, row: &OfferFacts) -> Result<(), StoreError> {
    subledger_fold::put(rows, offer_key(id), row)
}

fn partner_key(partner: &PartnerId) -> Vec<u8> {
    Key::table(PARTNER_FACTS).text(partner.as_str()).build()
}

fn customer_key(customer: &CustomerId) -> Vec<u8> {
    Key::table(CUSTOMER_FACTS).text(customer.as_str()).build()
}

fn subscription_key(table: u8, customer: &CustomerId, subscription: &SubscriptionId) -> Key {
    Key::table(table).text(customer.as_str()).text(subscription.as_str())
}

pub(crate) fn partner(rows: &(impl Rows + ?Sized), id: &PartnerId) -> Result<Option<PartnerFacts>, StoreError> {
    subledger_fold::get(rows, &partner_key(id))
}

pub(crate) fn put_partner(rows: &mut dyn Changes, id: &PartnerId, row: &PartnerFacts) -> Result<(), StoreError> {
    subledger_fold::put(rows, partner_key(id), row)
}

pub(crate) fn customer(rows: &(impl Rows + ?Sized), id: &CustomerId) -> Result<Option<CustomerFacts>, StoreError> {
    subledger_fold::get(rows, &customer_key(id))
}

pub(crate) fn put_customer(rows: &mut dyn Changes, id: &CustomerId, row: &CustomerFacts) -> Result<(), StoreError> {
    subledger_fold::put(rows, customer_key(id), row)
}

pub(crate) fn subscription(
    rows: &(impl Rows + ?Sized),
    customer: &CustomerId,
    id: &SubscriptionId,
) -> Result<Option<SubscriptionFacts>, StoreError> {
    subledger_fold::get(rows, &subscription_key(SUBSCRIPTION_FACTS, customer, id).build())
}

pub(crate) fn put_subscription(
    rows: &mut dyn Changes,
    customer: &CustomerId,
    id: &SubscriptionId,
    row: &SubscriptionFacts,
) -> Result<(), StoreError> {
    subledger_fold::put(rows, subscription_key(SUBSCRIPTION_FACTS, customer, id).build(), row)
}

/// The term that a day falls in, or the first one if the day lies before it.
pub(crate) fn term(
    rows: &(impl Rows + ?Sized),
    customer: &CustomerId,
    id: &SubscriptionId,
    day: NaiveDate,
) -> Result<Option<Term>, StoreError> {
    let prefix = subscription_key(TERMS, customer, id);
    let from = prefix.clone().date(day).build();
    let prefix = prefix.build();
    let mut found = None;
    let mut visit = |_: &[u8], row: &[u8]| {
        found = Some(decode(row)?);
        Ok(false)
    };
    rows.scan(&prefix, &from, true, &mut visit)?;
    if found.is_none() {
        let mut visit = |_: &[u8], row: &[u8]| {
            found = Some(decode(row)?);
            Ok(false)
        };
        rows.scan(&prefix, &[], false, &mut visit)?;
    }
    Ok(found)
}

pub(crate) fn put_term(
    rows: &mut dyn Changes,
    customer: &CustomerId,
    id: &SubscriptionId,
    start: NaiveDate,
    row: &Term,
) -> Result<(), StoreError> {
    subledger_fold::put(rows, subscription_key(TERMS, customer, id).date(start).build(), row)
}
