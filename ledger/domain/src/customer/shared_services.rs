//! The tenant that a partner keeps for its own use (accounts page section 2.10): it takes one offer, and that offer goes nowhere else.

use std::fmt;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::Customer;
use crate::{
    Reason, Reference, Rejection,
    catalog::PriceQuote,
    ids::CustomerId,
    offer::{Offer, ProductFamily},
    partner::Partner,
};

/// The offer's name, or its id (L7797).
const OFFER: &str = "Azure - Internal/Shared Services";
/// From here on nothing of the marketplace goes into such a tenant, not even what is free (L7842-7846).
const MARKETPLACE_ENDS: NaiveDate = match NaiveDate::from_ymd_opt(2019, 3, 1) {
    Some(date) => date,
    None => NaiveDate::MIN,
};

/// Whether the customer stands for the partner's own tenant.
pub(super) fn is_tenant(partner: &Partner, customer: &CustomerId) -> bool {
    partner.account.shared_services() == Some(customer)
}

/// The offer fits the tenant.
pub(super) fn gate(
    customer: &Customer,
    reference: &Reference,
    offer: &Offer,
    quote: &PriceQuote,
    (on, field): (NaiveDate, impl fmt::Display),
) -> Result<(), Rejection> {
    let mut known = customer.relationships.keys().filter_map(|id| reference.partners.get(id));
    let owner = known.find(|partner| is_tenant(partner, customer.id()));
    let shared = offer.display_name == OFFER || offer.offer_id.as_str() == OFFER;
    match owner {
        Some(owner) if !shared => {
            let free = quote.prices.iter().all(|price| price.unit_price == Decimal::ZERO);
            if offer.product_family == ProductFamily::MarketplaceSaas && free && on < MARKETPLACE_ENDS {
                return Ok(());
            }
            let message = format!("{} is the own tenant of {}: it takes {OFFER} only", customer.id(), owner.partner_id);
            Err(Rejection::of_field(Reason::OfferNotAllowedOnSharedServicesTenant, field, message))
        }
        None if shared => {
            let message = format!("{OFFER} goes into the tenant that the partner keeps for its own use only");
            Err(Rejection::of_field(Reason::SharedServicesTenantRequired, field, message))
        }
        _ => Ok(()),
    }
}
