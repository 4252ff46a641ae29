//! What an offer may have beyond the offer matrix, by product (azure-marketplace-software.md 2.2 to 2.25).

use crate::{
    Rejection, check,
    customer::FREE_TRIAL_DAYS_MAX,
    offer::{Availability, BillingFrequency, Fulfilment, Offer, OfferKind, ProductFamily, ProductKind, ProrationRule},
    party::Segment,
};

/// Terms of a reservation or of software: one or three years (L12447, L11842).
const YEARS_MONTHS: [u32; 2] = [12, 36];

pub(super) fn check(at: &str, offer: &Offer) -> Result<(), Rejection> {
    let field = |name: &str| format!("{at}.{name}");
    let one_time = offer.billing_frequencies.contains(&BillingFrequency::OneTime);
    if one_time && offer.product_family != ProductFamily::OneTimeRecurring {
        let message = "Only a one-time product is billed up front for its whole term";
        return Err(check::invalid(&field("billing_frequencies"), message));
    }
    check_segments(at, offer)?;
    check_marketplace(at, offer)?;
    match offer.product_kind() {
        None => Ok(()),
        Some(kind) => check_kind(at, offer, kind),
    }
}

/// Only licenses are sold to special segments (L7928-7930).
fn check_segments(at: &str, offer: &Offer) -> Result<(), Rejection> {
    let special = offer.product().segments.iter().any(|segment| *segment != Segment::Commercial);
    if !special || offer.product_family == ProductFamily::License {
        return Ok(());
    }
    let message = "Only licenses are sold to special segments; all else is for commercial customers";
    Err(check::invalid(&format!("{at}.product.segments"), message))
}

/// Publishers have a say in marketplace products only.
fn check_marketplace(at: &str, offer: &Offer) -> Result<(), Rejection> {
    let product = offer.product();
    let field = |name: &str| format!("{at}.product.{name}");
    for (name, text) in [("product_id", &product.product_id), ("publisher_name", &product.publisher_name)] {
        text.as_ref().map_or(Ok(()), |text| check::required(&field(name), text))?;
    }
    if product.free_trial_days > FREE_TRIAL_DAYS_MAX {
        let message = format!("A trial has at most {FREE_TRIAL_DAYS_MAX} days");
        return Err(check::invalid(&field("free_trial_days"), message));
    }
    if product.availability != Availability::Selected && !product.granted_partner_ids.is_empty() {
        let message = "Partners are named only where the availability is SELECTED";
        return Err(check::invalid(&field("granted_partner_ids"), message));
    }
    if offer.product_family == ProductFamily::MarketplaceSaas {
        return Ok(());
    }
    let saas_only = [
        ("fulfilment", product.fulfilment == Fulfilment::Publisher),
        ("availability", product.availability != Availability::All),
        ("free_trial_days", product.free_trial_days > 0),
    ];
    match saas_only.into_iter().find(|(_, set)| *set) {
        Some((name, _)) => Err(check::invalid(&field(name), "Only a marketplace product has it")),
        None => Ok(()),
    }
}

fn check_kind(at: &str, offer: &Offer, kind: ProductKind) -> Result<(), Rejection> {
    let field = |name: &str| format!("{at}.{name}");
    let family = match kind {
        ProductKind::AzureSubscription => ProductFamily::License,
        _ => ProductFamily::OneTimeRecurring,
    };
    if offer.product_family != family {
        let message = format!("A product of kind {} is of the family {family:?}", kind.label());
        return Err(check::invalid(&field("product_family"), message));
    }
    if offer.kind != OfferKind::Base {
        return Err(check::invalid(&field("kind"), format!("A product of kind {} is a base offer", kind.label())));
    }
    if kind.is_endless() {
        if offer.term_months != 0 {
            let message = format!("A product of kind {} has no end: its term has 0 months", kind.label());
            return Err(check::invalid(&field("term_months"), message));
        }
        if !offer.billing_frequencies.is_empty() {
            let message = format!("A product of kind {} has no billing frequency", kind.label());
            return Err(check::invalid(&field("billing_frequencies"), message));
        }
    } else {
        check_term(at, offer, kind)?;
    }
    if kind.is_free() && offer.maximum_quantity != Some(1) {
        let message = format!("A product of kind {} is bought one at a time: the maximum is 1", kind.label());
        return Err(check::invalid(&field("maximum_quantity"), message));
    }
    Ok(())
}

/// Reservations and software for a term: paid up front, a reservation monthly too (L12795, L13421).
fn check_term(at: &str, offer: &Offer, kind: ProductKind) -> Result<(), Rejection> {
    let field = |name: &str| format!("{at}.{name}");
    if !YEARS_MONTHS.contains(&offer.term_months) {
        let message = format!("A product of kind {} has a term of {YEARS_MONTHS:?} months", kind.label());
        return Err(check::invalid(&field("term_months"), message));
    }
    let allowed: &[BillingFrequency] = match kind {
        ProductKind::Reservation => &[BillingFrequency::OneTime, BillingFrequency::Monthly],
        _ => &[BillingFrequency::OneTime],
    };
    if !offer.billing_frequencies.iter().all(|frequency| allowed.contains(frequency)) {
        let names: Vec<_> = allowed.iter().map(|frequency| frequency.label()).collect();
        let message = format!("A product of kind {} is billed {} only", kind.label(), names.join(" or "));
        return Err(check::invalid(&field("billing_frequencies"), message));
    }
    // Its refunds are printed with one rounding of price times days over term (azure-marketplace-software.md 2.13).
    if offer.proration_rule != ProrationRule::Exact {
        let message = format!("Parts of a product of kind {} are priced by the rule EXACT", kind.label());
        return Err(check::invalid(&field("proration_rule"), message));
    }
    Ok(())
}
