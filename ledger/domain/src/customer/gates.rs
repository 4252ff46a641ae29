//! The gates that commands share, in the order of customers page section 2.1: partner, relationship, agreement, market, offer.

use std::fmt::Display;

use chrono::NaiveDate;

use super::{Customer, RelationshipStanding, Standing, Subscription, draft::Draft};
use crate::{
    Reason, Reference, Rejection,
    catalog::{Catalog, PriceQuote},
    ids::{OfferId, PartnerId, PriceListId, SubscriptionId},
    money::Currency,
    offer::{BillingFrequency, LOCKED_TERM_MONTHS, Offer, OfferKind, ProductFamily, ProductKind},
    partner::{Partner, PartnerRule},
    party::PartnerKind,
    reference::{market, partner_standing::Action},
    tax,
};

/// Stands where a price list would, for what costs nothing.
const NO_PRICE_LIST: &str = "none";

/// The partner is registered.
pub(super) fn partner<'a>(
    reference: &'a Reference,
    id: &PartnerId,
    field: impl Display,
) -> Result<&'a Partner, Rejection> {
    reference.partners.get(id).ok_or_else(|| {
        let message = format!("There is no partner {id}; register it first");
        Rejection::of_field(Reason::PartnerNotFound, field, message).with("partner_id", id)
    })
}

/// The partner is registered and may buy: an indirect reseller's provider does that for it (L4584).
pub(super) fn buyer<'a>(reference: &'a Reference, id: &PartnerId, field: &str) -> Result<&'a Partner, Rejection> {
    let partner = partner(reference, id, field)?;
    if partner.kind == PartnerKind::IndirectReseller {
        let message = format!("{id} is an indirect reseller: its provider buys and holds subscriptions for it");
        return Err(Rejection::field(Reason::ResellerCannotTransact, field, message).with("partner_id", id));
    }
    Ok(partner)
}

/// Nothing in its standing bars the partner from that: restricted, suspended or without the agreement it manages what it has.
pub(super) fn may(draft: &Draft<'_>, id: &PartnerId, action: Action) -> Result<(), Rejection> {
    partner(draft.reference, id, "partner_id")?.may(action, &draft.reference.catalog, draft.on(), "partner_id")
}

/// What ordering an offer is, for the partner's standing.
pub(super) fn ordering(offer: Option<&Offer>) -> Action {
    match offer.map(|offer| (offer.kind, offer.product_kind())) {
        Some((OfferKind::AddOn, _)) => Action::OrderAddOn,
        Some((_, Some(ProductKind::AzurePlan | ProductKind::AzureSubscription))) => Action::OrderAzure,
        Some((_, Some(_))) => Action::OrderOneTime,
        Some((_, None)) | None => Action::OrderSubscription,
    }
}

/// A reseller is named for something new: it is in good standing, and, where that is required, authorized the provider
/// (L17637, L17907-17910).
pub(super) fn associate(
    reference: &Reference,
    of: &Partner,
    reseller_id: Option<&PartnerId>,
    on: NaiveDate,
    field: impl Display,
) -> Result<(), Rejection> {
    let Some(reseller_id) = reseller_id else { return Ok(()) };
    partnership(reference, of, reseller_id, on, &field)?;
    partner(reference, reseller_id, &field)?.may(Action::BeReseller, &reference.catalog, on, field)
}

/// Where that is required, the provider has a partnership with the reseller.
pub(super) fn partnership(
    reference: &Reference,
    provider: &Partner,
    reseller_id: &PartnerId,
    on: NaiveDate,
    field: impl Display,
) -> Result<(), Rejection> {
    let required = reference.catalog.program().binds(PartnerRule::PartnershipRequired, on);
    // Subscriptions taken over name their former owner, which is enrolled then.
    if !required || provider.kind != PartnerKind::IndirectProvider || provider.has_partnership(reseller_id) {
        return Ok(());
    }
    let message = format!(
        "{} has no partnership with {reseller_id}; it requests one, and the reseller authorizes it",
        provider.partner_id
    );
    Err(Rejection::of_field(Reason::ResellerNoPartnership, field, message).with("partner_id", reseller_id))
}

/// The currency is the subscription's.
pub(super) fn currency(subscription: &Subscription, currency: Currency, field: &str) -> Result<(), Rejection> {
    if currency == subscription.currency {
        return Ok(());
    }
    let message = format!("Subscription {} is billed in {}", subscription.subscription_id, subscription.currency);
    Err(Rejection::field(Reason::CurrencyMismatch, field, message).with("currency", subscription.currency))
}

/// A reseller of record is registered, and named by a provider only.
pub(super) fn reseller(
    reference: &Reference,
    of: &Partner,
    reseller_id: Option<&PartnerId>,
    field: impl Display,
) -> Result<(), Rejection> {
    let Some(reseller_id) = reseller_id else { return Ok(()) };
    partner(reference, reseller_id, &field)?;
    if of.kind != PartnerKind::IndirectProvider || of.partner_id == *reseller_id {
        let message = "Only an indirect provider names a reseller of record, and not itself";
        return Err(Rejection::of_field(Reason::InvalidValue, field, message));
    }
    Ok(())
}

/// The relationship is active (L5159).
pub(super) fn relationship(customer: &Customer, partner_id: &PartnerId, field: &str) -> Result<(), Rejection> {
    match customer.relationship(partner_id) {
        Some(relationship) if relationship.standing == RelationshipStanding::Active => Ok(()),
        _ => {
            let message = format!(
                "Partner {partner_id} has no active relationship with customer {}; request one and let the customer accept",
                customer.id()
            );
            Err(Rejection::field(Reason::RelationshipRequired, field, message).with("partner_id", partner_id))
        }
    }
}

/// The customer agreement is accepted (L2043).
pub(super) fn agreement(customer: &Customer, partner_id: &PartnerId, on: NaiveDate) -> Result<(), Rejection> {
    if customer.has_accepted_agreement(partner_id, on) {
        return Ok(());
    }
    let message = format!(
        "On {on} customer {} has not accepted the customer agreement: it accepts itself, or partner {partner_id} attests it",
        customer.id()
    );
    Err(Rejection::new(Reason::McaNotAccepted, message).with("partner_id", partner_id))
}

/// The customer's country is in the partner's market (L5587-5589).
pub(super) fn market(partner: &Partner, country: &str, field: &str) -> Result<(), Rejection> {
    if market::same_market(&partner.country, country) {
        return Ok(());
    }
    let sells = market::country(&partner.country).map_or("no market", |partner| partner.market);
    let message = format!("A partner in {} sells to customers in {sells}; {country:?} is not there", partner.country);
    Err(Rejection::field(Reason::MarketNotAllowed, field, message).with("market", sells))
}

/// The offer is published and still sold.
pub(super) fn offer_on_sale<'a>(
    catalog: &'a Catalog,
    id: &OfferId,
    on: NaiveDate,
    field: impl Display,
) -> Result<&'a Offer, Rejection> {
    let Some(offer) = catalog.offer(id) else {
        let message = format!("No offer {id} is published");
        return Err(Rejection::of_field(Reason::OfferNotFound, field, message).with("offer_id", id));
    };
    match offer.end_of_sale {
        Some(end) if end <= on => {
            let message = format!("{} is not sold from {end} on", offer.display_name);
            Err(Rejection::of_field(Reason::OfferRetired, field, message).with("end_of_sale", end))
        }
        _ => Ok(offer),
    }
}

/// The offer is sold in the countries of both the partner and the customer (L11890).
pub(super) fn offer_market(
    offer: &Offer,
    partner: &Partner,
    customer: &Customer,
    field: impl Display,
) -> Result<(), Rejection> {
    let outside =
        [partner.country.as_str(), customer.country()].into_iter().find(|country| !offer.markets.contains(*country));
    match outside {
        Some(country) if !offer.markets.is_empty() => {
            let message = format!("{} is not sold in {country}", offer.display_name);
            Err(Rejection::of_field(Reason::MarketNotAllowed, field, message).with("offer_id", &offer.offer_id))
        }
        _ => Ok(()),
    }
}

/// What the partner is billed in: licenses in its own currency (L9691), the rest in that of the customer's country (L9693), where
/// the market table names one.
pub(super) fn billing_currency(family: ProductFamily, partner: &Partner, customer: &Customer) -> Currency {
    match family {
        ProductFamily::License => partner.currency,
        ProductFamily::OneTimeRecurring | ProductFamily::MarketplaceSaas => {
            market::country(customer.country()).and_then(|country| country.currency).unwrap_or(partner.currency)
        }
    }
}

/// The offer has a price in that currency on that day, or needs none.
pub(super) fn price(
    catalog: &Catalog,
    offer: &Offer,
    currency: Currency,
    on: NaiveDate,
    field: impl Display,
) -> Result<PriceQuote, Rejection> {
    if offer.product_kind().is_some_and(ProductKind::is_free) {
        let price_list_id = PriceListId::new(NO_PRICE_LIST)
            .map_err(|error| Rejection::of_field(Reason::InvalidValue, field, error.to_string()))?;
        return Ok(PriceQuote { prices: Vec::new(), price_list_id });
    }
    catalog.price(&offer.offer_id, currency, on).ok_or_else(|| {
        let message = format!("{} has no price in {currency} on {on}", offer.display_name);
        Rejection::of_field(Reason::OfferNotInPriceList, field, message)
            .with("offer_id", &offer.offer_id)
            .with("currency", currency)
    })
}

/// The partner may sell where it is: in the European Union not before its VAT id is valid (L10671).
///
/// Asked for only where a VAT rate of the partner's country holds on that day. A ledger whose catalog has no tax rates charges no tax,
/// and then the id would stand in the way of sales without a purpose.
pub(super) fn tax_id(reference: &Reference, partner: &Partner, on: NaiveDate, field: &str) -> Result<(), Rejection> {
    let Some(row) = tax::missing_tax_id(reference, partner, on) else { return Ok(()) };
    let message = format!(
        "{} is charged in {}: partner {} sells nothing before its VAT id is submitted and validated",
        row.tax, partner.country, partner.partner_id
    );
    Err(Rejection::field(Reason::VatIdRequiredBeforeSale, field, message).with("partner_id", &partner.partner_id))
}

/// The taxes of every price are known on the day it is charged. What runs already is charged at the last rate published.
pub(super) fn tax_rates(
    reference: &Reference,
    partner: &Partner,
    offer: &Offer,
    quote: &PriceQuote,
    charged_on: NaiveDate,
    field: impl Display,
) -> Result<(), Rejection> {
    let lapsed = |component: Option<&str>| tax::lapsed(reference, partner, offer, component, charged_on);
    let Some(row) = quote.prices.iter().find_map(|price| lapsed(price.component.as_deref())) else { return Ok(()) };
    let ended = row.valid_to.map(|last| last.to_string()).unwrap_or_default();
    let message = format!(
        "The rate of {} in {} ended on {ended} and no other is published for {charged_on}; publish it, or 0 percent",
        row.tax, row.country
    );
    Err(Rejection::of_field(Reason::TaxRateMissing, field, message)
        .with("country", &row.country)
        .with("tax", &row.tax)
        .with("date", charged_on))
}

/// The quantity is one that the offer takes.
pub(super) fn quantity(offer: &Offer, quantity: u32, field: impl Display) -> Result<(), Rejection> {
    if quantity < offer.minimum_quantity {
        let message = format!("{} has at least {} seats, not {quantity}", offer.display_name, offer.minimum_quantity);
        return Err(
            Rejection::of_field(Reason::QuantityBelowMinimum, field, message).with("minimum", offer.minimum_quantity)
        );
    }
    match offer.maximum_quantity {
        Some(maximum) if quantity > maximum => {
            let message = format!("{} has at most {maximum} seats, not {quantity}", offer.display_name);
            Err(Rejection::of_field(Reason::QuantityAboveMaximum, field, message).with("maximum", maximum))
        }
        _ => Ok(()),
    }
}

/// The offer is billed that way; without a frequency, it is charged once at most.
pub(super) fn frequency(
    offer: &Offer,
    frequency: Option<BillingFrequency>,
    field: impl Display,
) -> Result<(), Rejection> {
    if frequency.map_or(offer.is_metered(), |frequency| offer.billing_frequencies.contains(&frequency)) {
        return Ok(());
    }
    let offered: Vec<_> = offer.billing_frequencies.iter().map(|frequency| frequency.label()).collect();
    let message = if offer.is_metered() {
        format!("{} is charged once at most: it has no billing frequency", offer.display_name)
    } else {
        format!("{} is billed {} only", offer.display_name, offered.join(" or "))
    };
    Err(Rejection::of_field(Reason::FrequencyNotOffered, field, message).with("offer_id", &offer.offer_id))
}

/// The customer has the subscription.
pub(super) fn found<'a>(
    subscription: Option<&'a Subscription>,
    id: &SubscriptionId,
) -> Result<&'a Subscription, Rejection> {
    subscription.ok_or_else(|| {
        let message = format!("The customer has no subscription {id}");
        Rejection::field(Reason::SubscriptionNotFound, "subscription_id", message).with("subscription_id", id)
    })
}

/// The partner owns the subscription.
pub(super) fn owner<'a>(
    customer: &'a Customer,
    partner_id: &PartnerId,
    id: &SubscriptionId,
) -> Result<&'a Subscription, Rejection> {
    let subscription = found(customer.subscription(id), id)?;
    if subscription.partner_id != *partner_id {
        let message = format!("Subscription {id} does not belong to partner {partner_id}");
        return Err(Rejection::field(Reason::SubscriptionNotOwned, "partner_id", message).with("subscription_id", id));
    }
    Ok(subscription)
}

/// The command does not go back behind what happened to the subscription last.
pub(super) fn not_before(subscription: &Subscription, on: NaiveDate) -> Result<(), Rejection> {
    reaches(subscription, on, subscription.settled_from())
}

/// The command does not go back behind what can be corrected in arrears, from that day on.
pub(super) fn reaches(subscription: &Subscription, on: NaiveDate, from: NaiveDate) -> Result<(), Rejection> {
    if on >= from {
        return Ok(());
    }
    let id = &subscription.subscription_id;
    let message = if from == subscription.last_changed_on {
        format!("Subscription {id} changed on {from}; nothing can take effect before that day")
    } else {
        format!("Subscription {id} is charged anew from {from} on; this cannot take effect before that day")
    };
    Err(Rejection::field(Reason::EffectiveBeforeLastChange, "effective_at", message)
        .with("subscription_id", id)
        .with("last_changed_on", from))
}

/// The subscription has not ended, though its last timer may not have run yet.
pub(super) fn open(subscription: &Subscription, on: NaiveDate) -> Result<(), Rejection> {
    let id = &subscription.subscription_id;
    let ended =
        subscription.standing == Standing::Active && subscription.term_end <= on && subscription.ends_with_term();
    if !subscription.is_closed() && !ended {
        return Ok(());
    }
    let message = format!("Subscription {id} has ended; buy a new one");
    Err(Rejection::field(Reason::SubscriptionClosed, "subscription_id", message).with("subscription_id", id))
}

/// The subscription is in use and paid for.
pub(super) fn active(subscription: &Subscription, on: NaiveDate) -> Result<(), Rejection> {
    open(subscription, on)?;
    let id = &subscription.subscription_id;
    let message = match subscription.standing {
        Standing::Active => return Ok(()),
        Standing::Trial if subscription.free_trial_ends_on.is_some() => {
            format!("Subscription {id} is a free trial; convert it first")
        }
        Standing::Trial => format!("Subscription {id} is a trial until it is paid for"),
        Standing::PendingFulfilment { .. } => format!("Subscription {id} waits for its publisher"),
        _ => format!("Subscription {id} is suspended; reactivate it first"),
    };
    Err(Rejection::field(Reason::SubscriptionNotActive, "subscription_id", message).with("subscription_id", id))
}

/// The term is not the locked one of 72 months (L8008-8011).
pub(super) fn unlocked(subscription: &Subscription) -> Result<(), Rejection> {
    if subscription.term_months != LOCKED_TERM_MONTHS {
        return Ok(());
    }
    let message =
        format!("{} cannot be changed or cancelled before {}", subscription.offer_name, subscription.term_end);
    Err(Rejection::field(Reason::OfferLocked, "subscription_id", message).with("term_end", subscription.term_end))
}
