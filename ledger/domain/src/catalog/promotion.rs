//! Promotions: which one an order gets (L14600-14632).

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::{Catalog, decide::check_market};
use crate::{
    Event, Reason, Rejection, check,
    command::PublishPromotions,
    event::PromotionPublished,
    ids::{OfferId, PromotionId},
    offer::{BillingFrequency, ProductFamily, Promotion},
};

/// Promotions in one command.
pub const PROMOTIONS_MAX: usize = 1_000;
/// Digits after the point of a percentage.
pub const PERCENT_DECIMALS_MAX: u32 = 4;
/// Months a promotion may be bound to.
const MONTHS_MAX: u32 = 72;

/// What decides whether an order gets a promotion.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// What is bought.
    pub offer_id: &'a OfferId,
    /// The buying partner's, ISO 3166 alpha-2.
    pub country: &'a str,
    /// How it is billed.
    pub billing_frequency: Option<BillingFrequency>,
    /// When it is bought, UTC.
    pub on: NaiveDate,
}

/// The promotion with the highest percentage of those that hold (L14614); of equal ones, the one with the lowest id.
pub(super) fn best<'a>(promotions: &'a BTreeMap<PromotionId, Promotion>, order: Order<'_>) -> Option<&'a Promotion> {
    let holding = promotions.values().filter(|promotion| holds(promotion, order));
    holding.max_by_key(|promotion| (promotion.percent, Reverse(&promotion.promotion_id)))
}

fn holds(promotion: &Promotion, order: Order<'_>) -> bool {
    promotion.offer_ids.contains(order.offer_id)
        && promotion.first_day <= order.on
        && promotion.last_day.is_none_or(|last| order.on <= last)
        && (promotion.markets.is_empty() || promotion.markets.contains(order.country))
        // Months of the term are told apart by months billed (L886).
        && (promotion.months.is_none() || order.billing_frequency == Some(BillingFrequency::Monthly))
}

impl Catalog {
    /// Takes promotions whole or not at all.
    pub(super) fn publish_promotions(&self, command: &PublishPromotions) -> Result<Vec<Event>, Rejection> {
        check::count("promotions", command.promotions.len(), PROMOTIONS_MAX)?;
        let mut seen = BTreeSet::new();
        for (index, promotion) in command.promotions.iter().enumerate() {
            let at = format!("promotions[{index}]");
            self.check_promotion(&at, promotion)?;
            if !seen.insert(&promotion.promotion_id) {
                let message = format!("Promotion {} stands in this command twice", promotion.promotion_id);
                return Err(check::invalid(&format!("{at}.promotion_id"), message));
            }
        }
        let published = |promotion: &Promotion| PromotionPublished { promotion: promotion.clone() }.into();
        Ok(command.promotions.iter().map(published).collect())
    }

    fn check_promotion(&self, at: &str, promotion: &Promotion) -> Result<(), Rejection> {
        let field = |name: &str| format!("{at}.{name}");
        check::required(&field("display_name"), &promotion.display_name)?;
        if promotion.offer_ids.is_empty() {
            return Err(check::missing(&field("offer_ids")));
        }
        for id in &promotion.offer_ids {
            match self.offer(id).map(|offer| offer.product_family) {
                Some(ProductFamily::License) => {}
                Some(_) => {
                    let message = format!("{id} is no license; only licenses have promotions (L14605)");
                    return Err(check::invalid(&field("offer_ids"), message).with("offer_id", id));
                }
                None => {
                    let message = format!("No offer {id} is published; publish it first");
                    return Err(
                        Rejection::field(Reason::OfferNotFound, &field("offer_ids"), message).with("offer_id", id)
                    );
                }
            }
        }
        let percent = promotion.percent;
        let decimals = percent.normalize().scale();
        if percent <= Decimal::ZERO || percent > Decimal::ONE_HUNDRED || decimals > PERCENT_DECIMALS_MAX {
            let message = format!(
                "A promotion takes off more than 0 and at most 100 percent, with at most {PERCENT_DECIMALS_MAX} decimal places"
            );
            return Err(check::invalid(&field("percent"), message));
        }
        if promotion.last_day.is_some_and(|last| last < promotion.first_day) {
            let message = format!("The last day is not before {}", promotion.first_day);
            return Err(check::invalid(&field("last_day"), message));
        }
        if promotion.months.is_some_and(|months| months > MONTHS_MAX) {
            return Err(check::invalid(&field("months"), format!("A promotion lasts at most {MONTHS_MAX} months")));
        }
        promotion.markets.iter().try_for_each(|market| check_market(&field("markets"), market))
    }
}
