//! The catalog: offers, prices, promotions, business days. One stream, one partition.

mod changes;
mod decide;
mod incentives;
mod price;
mod product;
mod promotion;
mod refund_cap;
mod taxes;
mod trials;
mod usage;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    Event,
    ids::{OfferId, PromotionId},
    money::Currency,
    offer::{Offer, Promotion},
    tax::TaxRates,
};

pub use changes::{ChangeFlag, PriceChange};
pub use decide::{LIST_PRICE_DECIMALS_MAX, LIST_PRICE_MAX, OFFERS_MAX, PRICE_ROWS_MAX};
pub use incentives::{INCENTIVE_PROGRAMS_MAX, INCENTIVE_RATES_MAX, IncentiveCatalog};
pub use price::{PriceKey, PriceQuote, PublishedPrice};
pub use promotion::{Order, PERCENT_DECIMALS_MAX, PROMOTIONS_MAX};
pub use taxes::{PaymentInstructions, TAX_RATES_MAX};
pub use trials::{TRIAL_DAYS, TRIAL_DAYS_MAX, TRIAL_QUANTITY, TRIALS_MAX, TrialTerms};
pub use usage::{EXCHANGE_RATES_MAX, METER_PRICES_MAX, METERS_MAX, UsageCatalog};

/// The catalog's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    offers: BTreeMap<OfferId, Offer>,
    prices: BTreeMap<OfferId, BTreeMap<Currency, BTreeMap<PriceKey, PublishedPrice>>>,
    rows_published: u64,
    tax_rates: TaxRates,
    payment_instructions: BTreeMap<Option<String>, PaymentInstructions>,
    trials: BTreeMap<OfferId, TrialTerms>,
    first_closed: Option<NaiveDate>,
    last_closed: Option<NaiveDate>,
    promotions: BTreeMap<PromotionId, Promotion>,
    refund_caps: refund_cap::RefundCaps,
    usage: UsageCatalog,
    incentives: IncentiveCatalog,
}

impl Catalog {
    /// The last business day that is over; none before the first.
    pub fn last_closed(&self) -> Option<NaiveDate> {
        self.last_closed
    }

    /// The first business day that was closed; every partition closes from there on.
    pub fn first_closed(&self) -> Option<NaiveDate> {
        self.first_closed
    }

    /// An offer as it was published last.
    pub fn offer(&self, id: &OfferId) -> Option<&Offer> {
        self.offers.get(id)
    }

    /// Every offer, by id.
    pub fn offers(&self) -> impl Iterator<Item = &Offer> {
        self.offers.values()
    }

    /// What the offer costs in that currency on that day; none if it cannot be ordered then.
    pub fn price(&self, offer_id: &OfferId, currency: Currency, on: NaiveDate) -> Option<PriceQuote> {
        price::quote(self.prices.get(offer_id)?.get(&currency)?, on)
    }

    /// Every published price row of the offer, by currency, component and first day.
    pub fn price_rows(&self, offer_id: &OfferId) -> impl Iterator<Item = (Currency, &PublishedPrice)> {
        let by_currency = self.prices.get(offer_id).into_iter().flatten();
        by_currency.flat_map(|(currency, rows)| rows.values().map(|row| (*currency, row)))
    }

    /// Every published tax rate.
    pub fn tax_rates(&self) -> &TaxRates {
        &self.tax_rates
    }

    /// How partners of a country pay: its own instructions, or those of all others.
    pub fn payment_instructions(&self, country: &str) -> Option<&PaymentInstructions> {
        let own = self.payment_instructions.get(&Some(country.to_owned()));
        own.or_else(|| self.payment_instructions.get(&None))
    }

    /// Every promotion as it was published last, by id.
    pub fn promotions(&self) -> impl Iterator<Item = &Promotion> {
        self.promotions.values()
    }

    /// The promotion an order gets: the highest percentage of those that hold.
    pub fn promotion(&self, order: Order<'_>) -> Option<&Promotion> {
        promotion::best(&self.promotions, order)
    }

    /// What a year's refunds of one customer's reservations come to at most; none where no equivalent of the dollar amount is known.
    pub fn refund_cap(&self, currency: Currency, on: NaiveDate) -> Option<Decimal> {
        refund_cap::on(&self.refund_caps, currency, on)
    }

    /// What is published for usage.
    pub fn usage(&self) -> &UsageCatalog {
        &self.usage
    }

    /// What is published for incentives.
    pub fn incentives(&self) -> &IncentiveCatalog {
        &self.incentives
    }

    /// Applies an event of the catalog.
    pub fn evolve(&mut self, event: &Event) {
        match event {
            Event::OfferPublished(e) => {
                self.offers.insert(e.offer.offer_id.clone(), e.offer.clone());
            }
            Event::PricesPublished(e) => {
                for row in &e.rows {
                    let key = PriceKey { component: row.component.clone(), valid_from: row.valid_from };
                    let (price_list_id, number) = (e.price_list_id.clone(), self.rows_published);
                    let published = PublishedPrice { price_list_id, row: row.clone(), number };
                    self.rows_published = number.saturating_add(1);
                    let by_currency = self.prices.entry(row.offer_id.clone()).or_default();
                    by_currency.entry(e.currency).or_default().insert(key, published);
                }
            }
            Event::TaxRatesPublished(e) => e.rows.iter().for_each(|row| self.tax_rates.publish(row.clone())),
            Event::PaymentInstructionsPublished(e) => {
                let by_country = e.instructions.iter().map(|new| (new.country.clone(), new.clone()));
                self.payment_instructions.extend(by_country);
            }
            Event::TrialsPublished(e) => {
                let by_offer = e.trials.iter().map(|terms| (terms.offer_id.clone(), terms.clone()));
                self.trials.extend(by_offer);
            }
            Event::DayClosed(e) => {
                self.first_closed.get_or_insert(e.date);
                self.last_closed = Some(e.date);
            }
            Event::PromotionPublished(e) => {
                self.promotions.insert(e.promotion.promotion_id.clone(), e.promotion.clone());
            }
            Event::RefundCapPublished(e) => {
                self.refund_caps.entry(e.currency).or_default().insert(e.valid_from, e.amount);
            }
            Event::IncentiveProgramsPublished(_) | Event::IncentiveRatesPublished(_) => self.incentives.evolve(event),
            _ => self.usage.evolve(event),
        }
    }
}

#[cfg(test)]
mod tests;
