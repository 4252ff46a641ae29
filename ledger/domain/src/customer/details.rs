//! Names and people around a subscription: nickname, purchase order, support contact, reseller of record (customers page section
//! 2.11, accounts page section 2.20).

use std::collections::BTreeSet;

use super::{RelationshipStanding, draft::Draft, gates};
use crate::{
    Reason, Rejection, check, command::UpdateSubscription, event::SubscriptionDetailsChanged, ids::PartnerId,
    party::PartnerKind,
};

/// What may be made empty.
const CLEARABLE: [&str; 4] = ["friendly_name", "po_number", "support_contact_id", "reseller_id"];

pub(super) fn update(draft: &mut Draft<'_>, command: &UpdateSubscription) -> Result<(), Rejection> {
    let subscription = draft.owned(&command.partner_id, &command.subscription_id)?.clone();
    gates::relationship(draft.customer, &command.partner_id, "partner_id")?;
    gates::open(&subscription, draft.on())?;
    let cleared: BTreeSet<&str> = command.clear.iter().map(String::as_str).collect();
    if let Some(unknown) = cleared.iter().find(|name| !CLEARABLE.contains(name)) {
        let message = format!("{unknown:?} cannot be cleared; {} can", CLEARABLE.join(", "));
        return Err(check::invalid("clear", message));
    }
    let UpdateSubscription { friendly_name, po_number, support_contact_id, reseller_id, .. } = command;
    for (field, text) in [("friendly_name", friendly_name), ("po_number", po_number)] {
        text.as_ref().map_or(Ok(()), |text| check::required(field, text))?;
    }
    let owner = gates::partner(draft.reference, &command.partner_id, "partner_id")?;
    gates::reseller(draft.reference, owner, reseller_id.as_ref(), "reseller_id")?;
    gates::associate(draft.reference, owner, reseller_id.as_ref(), draft.on(), "reseller_id")?;
    if let Some(contact) = support_contact_id {
        supporter(draft, &command.partner_id, contact)?;
    }
    let given = [
        ("friendly_name", friendly_name.is_some()),
        ("po_number", po_number.is_some()),
        ("support_contact_id", support_contact_id.is_some()),
        ("reseller_id", reseller_id.is_some()),
    ];
    if let Some((both, _)) = given.iter().find(|(name, given)| *given && cleared.contains(name)) {
        return Err(check::invalid("clear", format!("{both} is given and cleared at once")));
    }
    if cleared.is_empty() && given.iter().all(|(_, given)| !given) {
        return Err(Rejection::new(
            Reason::RequiredFieldMissing,
            format!("Nothing changes: give one of {}, or clear it", CLEARABLE.join(", ")),
        ));
    }
    let clears = |name| cleared.contains(name);
    draft.push(SubscriptionDetailsChanged {
        customer_id: command.customer_id.clone(),
        subscription_id: command.subscription_id.clone(),
        friendly_name: choose(friendly_name.as_ref(), subscription.friendly_name.as_ref(), clears("friendly_name")),
        po_number: choose(po_number.as_ref(), subscription.po_number.as_ref(), clears("po_number")),
        support_contact_id: choose(
            support_contact_id.as_ref(),
            subscription.support_contact_id.as_ref(),
            clears("support_contact_id"),
        ),
        reseller_id: choose(reseller_id.as_ref(), subscription.reseller_id.as_ref(), clears("reseller_id")),
    });
    Ok(())
}

/// The new value, or the old one, or none if it is cleared.
fn choose<T: Clone>(new: Option<&T>, old: Option<&T>, cleared: bool) -> Option<T> {
    if cleared { None } else { new.or(old).cloned() }
}

/// The owner itself, or an indirect reseller with a relationship and admin rights (L11798-11800).
fn supporter(draft: &Draft<'_>, owner: &PartnerId, contact: &PartnerId) -> Result<(), Rejection> {
    let field = "support_contact_id";
    if contact == owner {
        return Ok(());
    }
    let reseller = gates::partner(draft.reference, contact, field)?;
    if reseller.kind != PartnerKind::IndirectReseller {
        let message =
            format!("{contact} is no indirect reseller; the owner or an indirect reseller supports the customer");
        return Err(Rejection::field(Reason::PartnerTypeNotAllowed, field, message));
    }
    match draft.customer.relationship(contact) {
        Some(known) if known.standing == RelationshipStanding::Active && known.delegated_admin => Ok(()),
        Some(known) if known.standing == RelationshipStanding::Active => {
            let message = format!("{contact} has no delegated admin rights");
            Err(Rejection::field(Reason::ResellerNoDap, field, message))
        }
        _ => {
            let message = format!("{contact} has no active relationship with the customer");
            Err(Rejection::field(Reason::ResellerNoRelationship, field, message))
        }
    }
}
