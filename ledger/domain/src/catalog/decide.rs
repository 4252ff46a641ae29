//! Decisions about the catalog.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::{Catalog, refund_cap, taxes, usage};
use crate::{
    Command, Context, Event, Reason, Rejection, check,
    command::{CloseDay, PublishOffers, PublishPriceList},
    event::{DayClosed, OfferPublished, PricesPublished},
    offer::{LOCKED_TERM_MONTHS, Offer, OfferKind, OfferLimitScope, PriceRow, ProductFamily},
};

/// Offers in one command.
pub const OFFERS_MAX: usize = 1_000;
/// Rows in one command; a longer list comes in parts of the same name.
pub const PRICE_ROWS_MAX: usize = 5_000;
/// Digits after the point of a list price. Published prices have up to six; more than ten is a fraction that nobody wrote down.
pub const LIST_PRICE_DECIMALS_MAX: u32 = 10;
/// Largest list price, so that no product of a price and a quantity leaves the range of a decimal number.
pub const LIST_PRICE_MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

const TERMS_MONTHS: [u32; 4] = [1, 12, 36, LOCKED_TERM_MONTHS];
/// Change flags of a price list (L7890-7893).
const CHANGE_FLAGS: [&str; 4] = ["ADD", "CHG", super::price::REMOVED, "UNC"];

impl Catalog {
    /// Decides a command about the catalog.
    pub fn decide(&self, command: &Command, context: &Context) -> Result<Vec<Event>, Rejection> {
        check::time(context)?;
        match command {
            Command::PublishOffers(command) => publish_offers(command),
            Command::PublishPriceList(command) => publish_price_list(command),
            Command::CloseDay(command) => self.close_day(command, context),
            Command::PublishTaxRates(command) => taxes::publish_rates(self, command),
            Command::PublishPaymentInstructions(command) => taxes::publish_instructions(command),
            Command::PublishTrials(command) => super::trials::publish(command),
            Command::PublishPromotions(command) => self.publish_promotions(command),
            Command::PublishRefundCap(command) => refund_cap::publish(command),
            Command::PublishMeters(command) => usage::publish_meters(command),
            Command::PublishMeterPrices(command) => self.usage.publish_prices(command, self.last_closed),
            Command::PublishExchangeRates(command) => self.usage.publish_rates(command),
            Command::PublishCreditTerms(command) => usage::publish_terms(command, self.last_closed),
            Command::PublishIncentivePrograms(command) => self.incentives.publish_programs(command, self.last_closed),
            Command::PublishIncentiveRates(command) => self.incentives.publish_rates(command, self.last_closed),
            _ => Err(check::misdirected("catalog")),
        }
    }

    /// A day closes once, after the day before it, and not before it is over: what still happened on it would be charged in arrears.
    fn close_day(&self, command: &CloseDay, context: &Context) -> Result<Vec<Event>, Rejection> {
        let date = command.date;
        if let Some(last) = self.last_closed {
            let refuse = |reason, message| Err(Rejection::field(reason, "date", message).with("last_closed", last));
            if date <= last {
                let message = format!("{date} is closed already; the last closed day is {last}");
                return refuse(Reason::DayAlreadyClosed, message);
            }
            if last.succ_opt() != Some(date) {
                let message = format!("Days close one after another, and the last closed day is {last}");
                return refuse(Reason::DayNotNext, message);
            }
        }
        if context.recorded_at.date_naive() <= date {
            let now = context.recorded_at.to_rfc3339();
            let message = format!("{date} is not over: the ledger's time is {now}");
            return Err(Rejection::field(Reason::DayNotOver, "date", message).with("recorded_at", now));
        }
        Ok(vec![DayClosed { date }.into()])
    }
}

fn publish_offers(command: &PublishOffers) -> Result<Vec<Event>, Rejection> {
    check::count("offers", command.offers.len(), OFFERS_MAX)?;
    let mut seen = BTreeSet::new();
    for (index, offer) in command.offers.iter().enumerate() {
        check_offer(&format!("offers[{index}]"), offer)?;
        if !seen.insert(&offer.offer_id) {
            let field = format!("offers[{index}].offer_id");
            return Err(check::invalid(&field, format!("Offer {} stands in this command twice", offer.offer_id)));
        }
    }
    Ok(command.offers.iter().map(|offer| OfferPublished { offer: offer.clone() }.into()).collect())
}

fn check_offer(at: &str, offer: &Offer) -> Result<(), Rejection> {
    let field = |name: &str| format!("{at}.{name}");
    check::required(&field("display_name"), &offer.display_name)?;
    if !offer.is_endless() && !TERMS_MONTHS.contains(&offer.term_months) {
        let message = format!("A term has {TERMS_MONTHS:?} months, not {}", offer.term_months);
        return Err(check::invalid(&field("term_months"), message));
    }
    // Only a marketplace product is ever a custom meter (L10618).
    if offer.is_metered() && offer.product_family != ProductFamily::MarketplaceSaas && !offer.is_endless() {
        return Err(check::missing(&field("billing_frequencies")));
    }
    if offer.minimum_quantity == 0 {
        return Err(check::invalid(&field("minimum_quantity"), "The minimum is at least 1 seat"));
    }
    if offer.maximum_quantity.is_some_and(|maximum| maximum < offer.minimum_quantity) {
        let message = format!("The maximum is at least the minimum of {}", offer.minimum_quantity);
        return Err(check::invalid(&field("maximum_quantity"), message));
    }
    if offer.limit_scope != OfferLimitScope::None && offer.limit == 0 {
        return Err(check::invalid(&field("limit"), "A limited offer may be owned at least once"));
    }
    if offer.kind == OfferKind::AddOn && offer.prerequisite_offer_ids.is_empty() {
        return Err(check::missing(&field("prerequisite_offer_ids")));
    }
    offer.markets.iter().try_for_each(|market| check_market(&field("markets"), market))?;
    super::product::check(at, offer)
}

pub(super) fn check_market(field: &str, market: &str) -> Result<(), Rejection> {
    if market.len() == 2 && market.bytes().all(|b| b.is_ascii_uppercase()) {
        return Ok(());
    }
    let message = format!("{market:?} is no country: two capital letters of ISO 3166 are, such as DE");
    Err(check::invalid(field, message))
}

fn publish_price_list(command: &PublishPriceList) -> Result<Vec<Event>, Rejection> {
    check::count("rows", command.rows.len(), PRICE_ROWS_MAX)?;
    let mut seen = BTreeSet::new();
    for (index, row) in command.rows.iter().enumerate() {
        check_row(&format!("rows[{index}]"), row)?;
        if !seen.insert((&row.offer_id, &row.component, row.valid_from)) {
            let message = format!("Offer {} has two prices from {} on", row.offer_id, row.valid_from);
            return Err(check::invalid(&format!("rows[{index}]"), message));
        }
    }
    let PublishPriceList { price_list_id, currency, rows } = command.clone();
    Ok(vec![PricesPublished { price_list_id, currency, rows }.into()])
}

fn check_row(at: &str, row: &PriceRow) -> Result<(), Rejection> {
    let field = |name: &str| format!("{at}.{name}");
    if !CHANGE_FLAGS.contains(&row.change_flag.as_str()) {
        return Err(check::invalid(&field("change_flag"), format!("The change flag is one of {CHANGE_FLAGS:?}")));
    }
    if row.valid_to.is_some_and(|last| last < row.valid_from) {
        return Err(check::invalid(&field("valid_to"), format!("The last day is not before {}", row.valid_from)));
    }
    if let Some(component) = &row.component {
        check::required(&field("component"), component)?;
    }
    check_price(&field("list_price"), row.list_price)?;
    row.erp_price.map_or(Ok(()), |price| check_price(&field("erp_price"), price))
}

fn check_price(field: &str, price: Decimal) -> Result<(), Rejection> {
    let decimals = price.normalize().scale();
    if price.is_sign_negative() && !price.is_zero() || price > LIST_PRICE_MAX || decimals > LIST_PRICE_DECIMALS_MAX {
        let message =
            format!("A price is 0 to {LIST_PRICE_MAX}, with at most {LIST_PRICE_DECIMALS_MAX} decimal places");
        return Err(check::invalid(field, message));
    }
    Ok(())
}
