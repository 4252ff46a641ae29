//! Seats (customers page section 2.9).

use super::{Standing, Subscription, draft::Draft, gates, licenses};
use crate::{
    Reason, Rejection, charge, command::ChangeQuantity, event::QuantityChanged, reference::partner_standing::Action,
};

pub(super) fn change(draft: &mut Draft<'_>, command: &ChangeQuantity) -> Result<(), Rejection> {
    let (on, customer, to) = (draft.on(), draft.customer, command.quantity);
    draft.owned_from(&command.partner_id, &command.subscription_id, Subscription::correctable_from)?;
    let subscription = gates::found(draft.get(&command.subscription_id), &command.subscription_id)?;
    gates::may(draft, &command.partner_id, Action::ChangeSeats)?;
    gates::relationship(customer, &command.partner_id, "partner_id")?;
    gates::agreement(customer, &command.partner_id, on)?;
    if subscription.standing == Standing::Trial {
        let message = "A trial's seats are fixed; they can change once it is paid for (L14675)";
        return Err(Rejection::field(Reason::TrialQuantityFixed, "quantity", message));
    }
    gates::active(subscription, on)?;
    gates::unlocked(subscription)?;
    if subscription.product_kind.is_some() {
        return Err(fixed(subscription, to));
    }
    if to == 0 {
        let message = "0 seats are no subscription; suspend or cancel it instead";
        return Err(Rejection::field(Reason::QuantityBelowMinimum, "quantity", message).with("minimum", 1));
    }
    if to == subscription.quantity {
        let message = format!("The subscription has {to} seats already");
        return Err(Rejection::field(Reason::QuantityUnchanged, "quantity", message));
    }
    if let Some(offer) = draft.reference.catalog.offer(&subscription.offer_id) {
        gates::quantity(offer, to, "quantity")?;
    }
    licenses::check_assigned(draft, &command.subscription_id, to)?;
    let (customer_id, subscription_id) = (command.customer_id.clone(), command.subscription_id.clone());
    let event = QuantityChanged { customer_id, subscription_id, from: subscription.quantity, to, effective_on: on };
    draft.push_charged(&command.subscription_id, event, |before, decision| {
        charge::change_quantity(before, to, decision);
    });
    Ok(())
}

/// Reservations and software are returned whole and added to by another purchase (decision G9, L13430); an Azure plan is one.
fn fixed(subscription: &Subscription, to: u32) -> Rejection {
    let (id, name) = (&subscription.subscription_id, &subscription.offer_name);
    let (reason, message) = if to < subscription.quantity {
        (Reason::PartialReturnNotAllowed, format!("{name} is returned whole; cancel it"))
    } else {
        (Reason::QuantityFixed, format!("The quantity of {name} stays as bought; buy another one"))
    };
    Rejection::field(reason, "quantity", message).with("subscription_id", id)
}
