//! What a customer lets its partners do, and they it: delegated admin (customers page section 2.4), a provider brought in by a
//! direct partner (section 2.17), purchases of its own (accounts page section 2.19).

use std::fmt;

use super::{Customer, RelationshipStanding, Standing, Subscription, draft::Draft, gates};
use crate::{
    Reason, Rejection, check,
    command::{ExtendRelationship, RemoveDelegatedAdmin, SetPurchasePermission},
    event::{DelegatedAdminRemoved, PurchasePermissionChanged, RelationshipEstablished},
    ids::PartnerId,
    offer::{Offer, ProductKind},
    partner::{Partner, PartnerRule},
    party::{PartnerKind, PurchasePermission, RelationshipOrigin},
};

/// What the offers of Azure subscriptions are called: pay-as-you-go, and the plan (L7951, L13302).
const AZURE_OFFERS: [&str; 3] = ["MS-AZR-0145P", "Microsoft Azure (MS-AZR-0145P)", "Azure plan"];

/// The partner holds admin rights (L14908).
pub(super) fn delegated_admin(customer: &Customer, partner_id: &PartnerId, field: &str) -> Result<(), Rejection> {
    if customer.relationship(partner_id).is_some_and(|relationship| relationship.delegated_admin) {
        return Ok(());
    }
    let message =
        format!("Partner {partner_id} has no delegated admin rights; request them and let the customer accept");
    Err(Rejection::field(Reason::DelegatedAdminRequired, field, message).with("partner_id", partner_id))
}

/// The customer takes the rights back (L11402).
pub(super) fn remove_admin(draft: &mut Draft<'_>, command: &RemoveDelegatedAdmin) -> Result<(), Rejection> {
    gates::partner(draft.reference, &command.partner_id, "partner_id")?;
    gates::relationship(draft.customer, &command.partner_id, "partner_id")?;
    delegated_admin(draft.customer, &command.partner_id, "partner_id")?;
    let RemoveDelegatedAdmin { customer_id, partner_id } = command.clone();
    draft.push(DelegatedAdminRemoved { customer_id, partner_id });
    Ok(())
}

/// The provider gets a relationship without admin rights (L5224); the direct partner keeps its own.
pub(super) fn extend(draft: &mut Draft<'_>, command: &ExtendRelationship) -> Result<(), Rejection> {
    let partner = gates::partner(draft.reference, &command.partner_id, "partner_id")?;
    let provider = gates::partner(draft.reference, &command.provider_id, "provider_id")?;
    gates::relationship(draft.customer, &command.partner_id, "partner_id")?;
    for (of, kind, field, what) in [
        (partner, PartnerKind::DirectBill, "partner_id", "a direct bill partner extends its relationship"),
        (provider, PartnerKind::IndirectProvider, "provider_id", "to an indirect provider"),
    ] {
        if of.kind != kind {
            let message = format!("{} may not: {what} (L5215, L5224)", of.partner_id);
            return Err(Rejection::field(Reason::PartnerTypeNotAllowed, field, message));
        }
    }
    transitioning(draft, partner, provider)?;
    gates::market(provider, draft.customer.country(), "provider_id")?;
    let Some(consent_on) = command.consent_on else {
        let message = "Say when the customer consented (L5229)";
        return Err(Rejection::field(Reason::ConsentRequired, "consent_on", message));
    };
    if consent_on > draft.on() {
        return Err(check::invalid("consent_on", format!("A consent is dated {} or earlier", draft.on())));
    }
    let standing = draft.customer.relationship(&command.provider_id).map(|known| known.standing);
    if standing == Some(RelationshipStanding::Active) {
        let message = format!("{} has a relationship with this customer", command.provider_id);
        return Err(Rejection::field(Reason::RelationshipExists, "provider_id", message));
    }
    let ExtendRelationship { customer_id, provider_id: partner_id, .. } = command.clone();
    let origin = RelationshipOrigin::Extension;
    draft.push(RelationshipEstablished { customer_id, partner_id, delegated_admin: false, reseller_id: None, origin });
    Ok(())
}

/// The customer may buy that by itself: reservations, where the partner that pays permits them (L11587-11600).
pub(super) fn may_buy(
    customer: &Customer,
    partner_id: &PartnerId,
    offer: &Offer,
    field: impl fmt::Display,
) -> Result<(), Rejection> {
    let reservation = offer.product_kind() == Some(ProductKind::Reservation);
    if reservation && customer.may_purchase(partner_id, PurchasePermission::AzureReservations) {
        return Ok(());
    }
    let message = if reservation {
        format!("Partner {partner_id} does not permit the customer to buy reservations on its account")
    } else {
        format!(
            "A customer buys reservations by itself, and nothing else; partner {partner_id} orders {}",
            offer.display_name
        )
    };
    Err(Rejection::of_field(Reason::PermissionDisabled, field, message).with("partner_id", partner_id))
}

/// Where partnerships are required, only a partner that enrolled as a reseller brings a provider in, and one that it authorized
/// (L5215, L5217).
pub(super) fn transitioning(draft: &Draft<'_>, partner: &Partner, provider: &Partner) -> Result<(), Rejection> {
    let required = draft.reference.catalog.program().binds(PartnerRule::PartnershipRequired, draft.on());
    if required && !partner.is_reseller() {
        let message = format!("{} is not enrolled as an indirect reseller; it enrolls first", partner.partner_id);
        return Err(Rejection::field(Reason::ResellerNotEnrolled, "partner_id", message));
    }
    gates::partnership(draft.reference, provider, &partner.partner_id, draft.on(), "provider_id")
}

/// Off until the partner allows it (L11593), for a customer with an Azure subscription of that partner (L11623).
pub(super) fn permit(draft: &mut Draft<'_>, command: &SetPurchasePermission) -> Result<(), Rejection> {
    gates::buyer(draft.reference, &command.partner_id, "partner_id")?;
    gates::relationship(draft.customer, &command.partner_id, "partner_id")?;
    let SetPurchasePermission { customer_id, partner_id, permission, allowed } = command.clone();
    if draft.customer.may_purchase(&partner_id, permission) == allowed {
        let message = format!("The customer {} do that already", if allowed { "may" } else { "may not" });
        return Err(Rejection::field(Reason::PermissionUnchanged, "allowed", message));
    }
    let azure = |subscription: &Subscription| {
        subscription.partner_id == partner_id
            && subscription.standing == Standing::Active
            && AZURE_OFFERS
                .iter()
                .any(|azure| [subscription.offer_id.as_str(), &subscription.offer_name].contains(azure))
    };
    if allowed && !draft.customer.subscriptions().any(azure) {
        let message = format!("{partner_id} has no active Azure subscription of this customer; it buys one first");
        return Err(Rejection::field(Reason::NoAzureSubscription, "partner_id", message));
    }
    draft.push(PurchasePermissionChanged { customer_id, partner_id, permission, allowed });
    Ok(())
}
