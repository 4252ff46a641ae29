//! Commands to the catalog.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    catalog::{PaymentInstructions, TrialTerms},
    ids::PriceListId,
    money::Currency,
    offer::{Offer, PriceRow, Promotion},
    tax::TaxRateRow,
};

/// Offers that may be bought from now on; one published again replaces its earlier version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishOffers {
    /// At least one.
    pub offers: Vec<Offer>,
}

/// Prices in one currency. A row replaces the one of the same offer, component and first day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishPriceList {
    /// Its name.
    pub price_list_id: PriceListId,
    /// Of every price in it.
    pub currency: Currency,
    /// At least one.
    pub rows: Vec<PriceRow>,
}

/// The business day is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseDay {
    /// The day, UTC.
    pub date: NaiveDate,
}

/// Tax rates. A row replaces the one of the same country, region, tax, scope and first day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishTaxRates {
    /// At least one.
    pub rows: Vec<TaxRateRow>,
}

/// What invoices say about payment. Instructions replace those of the same country.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishPaymentInstructions {
    /// At least one.
    pub instructions: Vec<PaymentInstructions>,
}

/// What free trials give; terms of the same offer replace earlier ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishTrials {
    /// At least one.
    pub trials: Vec<TrialTerms>,
}

/// Promotions that orders get from now on; one published again replaces its earlier version, but not for what was bought on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishPromotions {
    /// At least one.
    pub promotions: Vec<Promotion>,
}

/// The most that a year's refunds of reservations come to, in one currency (L13430).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishRefundCap {
    /// Of the reservations.
    pub currency: Currency,
    /// First day it holds.
    pub valid_from: NaiveDate,
    /// What 50,000 USD are in that currency.
    pub amount: Decimal,
}
