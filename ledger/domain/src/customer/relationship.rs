//! Relationships between the customer and its partners (customers page section 2.3).

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Standing, Subscription, draft::Draft, gates, transfer};
use crate::{
    Reason, Rejection, charge,
    command::{AcceptRelationship, RemoveRelationship, RequestRelationship},
    event::{
        DelegatedAdminGranted, DelegatedAdminRequested, RelationshipEstablished, RelationshipRemoved,
        RelationshipRequested,
    },
    ids::PartnerId,
    offer::{ProductFamily, ProductKind},
    party::{PartnerKind, RelationshipOrigin},
    reference::partner_standing::Action,
};

/// How many subscriptions a refusal names.
const NAMED_SUBSCRIPTIONS_MAX: usize = 20;

/// Where a relationship stands (customers page section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RelationshipStanding {
    /// The partner asked; the customer has not answered.
    Requested,
    /// The partner may sell.
    Active,
    /// It ended, and may be asked for again.
    Removed,
    /// The customer did not answer in time; the partner may ask again.
    Expired,
}

/// A partner's relationship with the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relationship {
    /// Where it stands.
    pub standing: RelationshipStanding,
    /// Whether with admin rights; never without an active relationship.
    pub delegated_admin: bool,
    /// Reseller of record, where a purchase names none.
    pub reseller_id: Option<PartnerId>,
    /// Whether the partner asked for admin rights since.
    pub admin_requested: bool,
    /// Resellers that work for the customer with this provider.
    pub resellers: BTreeSet<PartnerId>,
    /// First day on which what was asked for cannot be accepted; none while nothing is open, or open for ever.
    pub request_expires_on: Option<NaiveDate>,
}

impl Relationship {
    pub(super) fn new(standing: RelationshipStanding, delegated_admin: bool, reseller_id: Option<PartnerId>) -> Self {
        let resellers = reseller_id.iter().cloned().collect();
        let (admin_requested, request_expires_on) = (false, None);
        Self { standing, delegated_admin, reseller_id, admin_requested, resellers, request_expires_on }
    }

    /// Whether the open request ran out by that day; its timer may not have run yet.
    pub fn request_expired(&self, on: NaiveDate) -> bool {
        self.request_expires_on.is_some_and(|expires_on| expires_on <= on)
    }

    /// What was asked for has its answer, or ran out.
    pub(super) fn close_request(&mut self) {
        (self.admin_requested, self.request_expires_on) = (false, None);
    }
}

pub(super) fn request(draft: &mut Draft<'_>, command: &RequestRelationship) -> Result<(), Rejection> {
    let partner = gates::partner(draft.reference, &command.partner_id, "partner_id")?;
    gates::reseller(draft.reference, partner, command.reseller_id.as_ref(), "reseller_id")?;
    let on = draft.on();
    let expires_on = transfer::expiry(on, command.expires_after_days)?;
    let known = draft.customer.relationship(&command.partner_id);
    // Who has a relationship without admin rights asks for them by another request (L14101-14105).
    let lacks_admin =
        |known: &Relationship| !known.delegated_admin && (!known.admin_requested || known.request_expired(on));
    if command.delegated_admin
        && known.is_some_and(|known| known.standing == RelationshipStanding::Active && lacks_admin(known))
    {
        let RequestRelationship { customer_id, partner_id, .. } = command.clone();
        draft.push(DelegatedAdminRequested { customer_id, partner_id, expires_on });
        return Ok(());
    }
    let stands = |known: &Relationship| match known.standing {
        RelationshipStanding::Active => true,
        RelationshipStanding::Requested => !known.request_expired(on),
        RelationshipStanding::Removed | RelationshipStanding::Expired => false,
    };
    if known.is_some_and(stands) {
        let message = "The relationship is active or requested already";
        return Err(Rejection::field(Reason::RelationshipExists, "partner_id", message));
    }
    let as_reseller = command.reseller_id.is_some();
    let action = if as_reseller { Action::InviteAsReseller } else { Action::InviteDirectly };
    gates::may(draft, &command.partner_id, action)?;
    gates::associate(draft.reference, partner, command.reseller_id.as_ref(), draft.on(), "reseller_id")?;
    gates::market(partner, draft.customer.country(), "partner_id")?;
    let RequestRelationship { customer_id, partner_id, delegated_admin, reseller_id, .. } = command.clone();
    draft.push(RelationshipRequested { customer_id, partner_id, delegated_admin, reseller_id, expires_on });
    Ok(())
}

pub(super) fn accept(draft: &mut Draft<'_>, command: &AcceptRelationship) -> Result<(), Rejection> {
    gates::partner(draft.reference, &command.partner_id, "partner_id")?;
    let known = draft.customer.relationship(&command.partner_id);
    if let Some(expired_on) = known.and_then(|known| known.request_expires_on).filter(|day| *day <= draft.on()) {
        let message = format!("The request could be accepted before {expired_on}; the partner asks again");
        return Err(Rejection::field(Reason::RequestExpired, "partner_id", message).with("expired_on", expired_on));
    }
    if known.is_some_and(|known| known.standing == RelationshipStanding::Active && known.admin_requested) {
        let AcceptRelationship { customer_id, partner_id } = command.clone();
        draft.push(DelegatedAdminGranted { customer_id, partner_id });
        return Ok(());
    }
    let requested = known.filter(|relationship| relationship.standing == RelationshipStanding::Requested);
    let Some(requested) = requested else {
        let message = format!("Partner {} has no open request; it asks first", command.partner_id);
        return Err(Rejection::field(Reason::RelationshipNotRequested, "partner_id", message));
    };
    let (delegated_admin, reseller_id) = (requested.delegated_admin, requested.reseller_id.clone());
    let AcceptRelationship { customer_id, partner_id } = command.clone();
    let origin = RelationshipOrigin::Invitation;
    draft.push(RelationshipEstablished { customer_id, partner_id, delegated_admin, reseller_id, origin });
    Ok(())
}

pub(super) fn remove(draft: &mut Draft<'_>, command: &RemoveRelationship) -> Result<(), Rejection> {
    let partner_id = &command.partner_id;
    let partner = gates::partner(draft.reference, partner_id, "partner_id")?;
    if partner.kind == PartnerKind::IndirectReseller {
        let message = "A direct partner or a provider removes its relationship (decision G03)";
        return Err(Rejection::field(Reason::PartnerTypeNotAllowed, "partner_id", message));
    }
    gates::relationship(draft.customer, partner_id, "partner_id")?;
    let open_transfer = draft.customer.transfers.iter().find(|(_, transfer)| {
        transfer.is_open(draft.on()) && [&transfer.source_partner_id, &transfer.target_partner_id].contains(&partner_id)
    });
    if let Some((transfer_id, _)) = open_transfer {
        let message = format!("Transfer {transfer_id} is open; it is answered or withdrawn first");
        return Err(Rejection::new(Reason::TransferInProgress, message).with("transfer_id", transfer_id));
    }
    let in_use: Vec<_> = draft
        .customer
        .subscriptions()
        .filter(|subscription| subscription.partner_id == *partner_id && keeps_relationship(subscription, draft))
        .map(|subscription| subscription.subscription_id.as_str())
        .collect();
    if !in_use.is_empty() {
        let named = in_use.iter().take(NAMED_SUBSCRIPTIONS_MAX).copied().collect::<Vec<_>>().join(",");
        let message = format!("{} subscriptions are in use; suspend or cancel them first (L11337)", in_use.len());
        return Err(Rejection::new(Reason::ActiveSubscriptionsExist, message)
            .with("subscription_ids", named)
            .with("count", in_use.len()));
    }
    let RemoveRelationship { customer_id, partner_id } = command.clone();
    draft.push(RelationshipRemoved { customer_id, partner_id });
    Ok(())
}

/// Everything in use does (L11354), but for what was bought once and can no longer be cancelled (decision G04).
fn keeps_relationship(subscription: &Subscription, draft: &Draft<'_>) -> bool {
    let ended = gates::open(subscription, draft.on()).is_err();
    let standing = subscription.standing;
    let in_use = matches!(standing, Standing::Active | Standing::Trial | Standing::PendingFulfilment { .. }) && !ended;
    let cancellable = matches!(subscription.product_kind, Some(ProductKind::Reservation | ProductKind::AzurePlan));
    in_use
        && (cancellable
            || subscription.product_family != ProductFamily::OneTimeRecurring
            || charge::cancel_window_open(subscription, &draft.decision))
}
