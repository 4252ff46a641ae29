//! Azure plans and classic Azure subscriptions, and what a reservation stands under (azure-marketplace-software.md 2.10, 2.14).

use std::fmt;

use chrono::NaiveDate;

use super::{Customer, Standing, Subscription, draft::Draft, gates, purchase::NewOrder};
use crate::{
    Reason, Rejection, check,
    command::PurchaseLine,
    ids::{PartnerId, SubscriptionId},
    offer::{Offer, ProductKind, Reservation, ReservationScope},
    party::PartnerKind,
    reference::reservation_markets,
};

/// From here on nothing is ordered without the customer agreement (L13231), and whoever has it buys reservations under an Azure
/// plan (L12703).
const PLAN_NEEDED_FROM: NaiveDate = match NaiveDate::from_ymd_opt(2020, 2, 1) {
    Some(date) => date,
    None => NaiveDate::MAX,
};
/// Subscriptions named in a refusal.
const NAMED_MAX: usize = 10;

/// The rules of a line's product; a reservation's answer is what it belongs to.
pub(super) fn check(
    draft: &Draft<'_>,
    order: &NewOrder<'_>,
    offer: &Offer,
    reseller_id: Option<&PartnerId>,
    line: &PurchaseLine,
    at: &str,
) -> Result<Option<Reservation>, Rejection> {
    let field = |name: &str| format!("{at}.{name}");
    if offer.product_kind() != Some(ProductKind::Reservation) {
        let given = [
            ("azure_subscription_id", line.azure_subscription_id.is_some()),
            ("reservation_scope", line.reservation_scope.is_some()),
        ];
        if let Some((name, _)) = given.into_iter().find(|(_, given)| *given) {
            return Err(check::invalid(&field(name), format!("{} is no reservation", offer.display_name)));
        }
    }
    let plans = || active(draft, order, ProductKind::AzurePlan);
    match offer.product_kind() {
        Some(ProductKind::AzurePlan) => match plans().find(|plan| plan.reseller_id.as_ref() == reseller_id) {
            Some(plan) => {
                let id = &plan.subscription_id;
                let message =
                    format!("The customer has the Azure plan {id} of this partner and reseller; one is enough");
                Err(Rejection::field(Reason::AzurePlanExists, &field("offer_id"), message).with("subscription_id", id))
            }
            None => Ok(None),
        },
        Some(ProductKind::AzureSubscription) => match plans().next() {
            Some(plan) => {
                let id = &plan.subscription_id;
                let message =
                    format!("The customer has the Azure plan {id}: new Azure subscriptions are made under it");
                Err(Rejection::field(Reason::AzurePlanBlocks0145p, &field("offer_id"), message)
                    .with("subscription_id", id))
            }
            None => Ok(None),
        },
        Some(ProductKind::Reservation) => {
            if order.partner.kind == PartnerKind::IndirectProvider && reseller_id.is_none() {
                let message = "An indirect provider names the reseller of a reservation";
                return Err(Rejection::field(Reason::ResellerRequired, &field("reseller_id"), message));
            }
            let under = under(draft, order, line.azure_subscription_id.as_ref(), &field("azure_subscription_id"))?;
            if under.reseller_id.as_ref() != reseller_id {
                let message =
                    "The reseller is the one of the Azure plan or subscription that the reservation is bought under";
                return Err(Rejection::field(Reason::ResellerMismatch, &field("reseller_id"), message));
            }
            let scope = scope(&under, line.reservation_scope, &field("reservation_scope"))?;
            Ok(Some(Reservation { azure_subscription_id: under.subscription_id, scope }))
        }
        _ => Ok(None),
    }
}

/// Reservations are sold in the customer's market (L12716).
pub(super) fn market(offer: &Offer, customer: &Customer, field: impl fmt::Display) -> Result<(), Rejection> {
    if offer.product_kind() != Some(ProductKind::Reservation) {
        return Ok(());
    }
    let country = customer.country();
    let Some(market) = reservation_markets::excluded(country) else { return Ok(()) };
    let message = format!("No reservation is sold in {market}");
    Err(Rejection::of_field(Reason::ReservationMarketExcluded, field, message).with("country", country))
}

/// The partner's active subscriptions of that kind, those of the order included.
fn active(draft: &Draft<'_>, order: &NewOrder<'_>, kind: ProductKind) -> impl Iterator<Item = Subscription> {
    let (on, partner_id) = (draft.on(), &order.partner.partner_id);
    let known = draft.customer.subscriptions().filter(move |known| known.product_kind == Some(kind));
    let known = known.filter_map(|known| draft.get(&known.subscription_id)).cloned();
    let known = known.filter(move |known| known.partner_id == *partner_id && gates::active(known, on).is_ok());
    let in_order = order.created.iter().filter(move |created| created.product_kind == Some(kind));
    known.chain(in_order.map(Subscription::from))
}

/// The Azure plan or classic subscription a reservation is bought under (L12703-12704, L12771).
fn under(
    draft: &Draft<'_>,
    order: &NewOrder<'_>,
    id: Option<&SubscriptionId>,
    field: &str,
) -> Result<Subscription, Rejection> {
    let known: Vec<_> = active(draft, order, ProductKind::AzurePlan)
        .chain(active(draft, order, ProductKind::AzureSubscription))
        .collect();
    let named = known.iter().take(NAMED_MAX).map(|known| known.subscription_id.as_str()).collect::<Vec<_>>().join(",");
    if known.is_empty() && id.is_none() {
        let message = "The customer has no active Azure plan or Azure subscription of this partner; buy one first";
        return Err(Rejection::field(Reason::NoAzureSubscription, field, message));
    }
    let Some(id) = id else {
        let message = format!("Name the Azure plan or Azure subscription it is bought under: {named}");
        return Err(Rejection::field(Reason::RequiredFieldMissing, field, message).with("subscription_ids", named));
    };
    let Some(under) = known.into_iter().find(|known| known.subscription_id == *id) else {
        let message = format!("{id} is no active Azure plan or Azure subscription that this partner sold the customer");
        return Err(Rejection::field(Reason::AzureSubscriptionNotActive, field, message)
            .with("subscription_id", id)
            .with("subscription_ids", named));
    };
    if under.product_kind != Some(ProductKind::AzurePlan) && draft.on() >= PLAN_NEEDED_FROM {
        let message = format!("From {PLAN_NEEDED_FROM} on a reservation is bought under an Azure plan; {id} is none");
        return Err(Rejection::field(Reason::ReservationRequiresAzurePlan, field, message).with("subscription_id", id));
    }
    Ok(under)
}

/// Under a plan the scope is shared (L13369), and that is also what holds if the caller says nothing there.
fn scope(under: &Subscription, wanted: Option<ReservationScope>, field: &str) -> Result<ReservationScope, Rejection> {
    let planned = under.product_kind == Some(ProductKind::AzurePlan);
    match wanted {
        Some(ReservationScope::Single) if planned => {
            let message = "Under an Azure plan a reservation is shared by all its subscriptions";
            Err(Rejection::field(Reason::ScopeMustBeShared, field, message))
        }
        Some(scope) => Ok(scope),
        None if planned => Ok(ReservationScope::Shared),
        None => Err(check::missing(field)),
    }
}

/// What a running reservation would belong to after a change (L12838).
pub(super) fn moved(
    draft: &Draft<'_>,
    order: &NewOrder<'_>,
    from: &Reservation,
    (to, scope_wanted): (Option<&SubscriptionId>, Option<ReservationScope>),
) -> Result<Reservation, Rejection> {
    let id = to.unwrap_or(&from.azure_subscription_id);
    let under = under(draft, order, Some(id), "azure_subscription_id")?;
    let scope = scope(&under, scope_wanted.or(Some(from.scope)), "scope")?;
    Ok(Reservation { azure_subscription_id: under.subscription_id, scope })
}

/// A plan is cancelled when nothing stands under it (decision G14).
pub(super) fn check_empty(draft: &Draft<'_>, plan: &Subscription) -> Result<(), Rejection> {
    let under = |subscription: &&Subscription| {
        let bound = subscription.reservation.as_ref().map(|reservation| &reservation.azure_subscription_id);
        bound == Some(&plan.subscription_id) && subscription.standing == Standing::Active
    };
    let current = draft.customer.subscriptions().filter_map(|known| draft.get(&known.subscription_id));
    let open = current.filter(under).filter(|reservation| gates::open(reservation, draft.on()).is_ok());
    let ids: Vec<_> = open.map(|reservation| reservation.subscription_id.as_str()).take(NAMED_MAX).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let message = "Reservations stand under the Azure plan; they are cancelled or run out first";
    Err(Rejection::field(Reason::AzurePlanNotEmpty, "subscription_id", message)
        .with("subscription_id", &plan.subscription_id)
        .with("reservation_ids", ids.join(",")))
}
