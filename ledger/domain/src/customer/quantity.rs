//! Seats (customers page section 2.9).

use super::{Standing, draft::Draft, gates, licenses};
use crate::{Reason, Rejection, charge, command::ChangeQuantity, event::QuantityChanged};

pub(super) fn change(draft: &mut Draft<'_>, command: &ChangeQuantity) -> Result<(), Rejection> {
    let (on, customer, to) = (draft.on(), draft.customer, command.quantity);
    let subscription = draft.owned(&command.partner_id, &command.subscription_id)?.clone();
    gates::relationship(customer, &command.partner_id, "partner_id")?;
    gates::agreement(customer, &command.partner_id, on)?;
    if subscription.standing == Standing::Trial {
        let message = "A trial's seats are fixed; they can change once it is paid for (L14675)";
        return Err(Rejection::field(Reason::TrialQuantityFixed, "quantity", message));
    }
    gates::active(&subscription, on)?;
    gates::unlocked(&subscription)?;
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
