//! Another plan of the same product (customers page section 2.11, `ConvertSku`).

use super::{draft::Draft, gates};
use crate::{Reason, Rejection, charge, check, command::Convert, event::SubscriptionConverted, offer::ProductFamily};

pub(super) fn convert(draft: &mut Draft<'_>, command: &Convert) -> Result<(), Rejection> {
    let (on, customer, reference) = (draft.on(), draft.customer, draft.reference);
    check::required("to_sku", &command.to_sku)?;
    let subscription = draft.owned(&command.partner_id, &command.subscription_id)?.clone();
    gates::relationship(customer, &command.partner_id, "partner_id")?;
    gates::agreement(customer, &command.partner_id, on)?;
    let partner = gates::partner(reference, &command.partner_id, "partner_id")?;
    if subscription.product_family == ProductFamily::License {
        let message = "A license has no plans to convert between; buy the other offer and suspend this one";
        return Err(Rejection::field(Reason::ConvertNotOffered, "subscription_id", message));
    }
    gates::active(&subscription, on)?;
    gates::unlocked(&subscription)?;
    let offer = gates::offer_on_sale(&reference.catalog, &command.to_offer_id, on, "to_offer_id")?;
    gates::offer_market(offer, partner, customer, "to_offer_id")?;
    if offer.product_family != subscription.product_family {
        let message = format!("{} is another kind of product", offer.display_name);
        return Err(Rejection::field(Reason::ConvertNotOffered, "to_offer_id", message));
    }
    if subscription.sku.as_deref() == Some(&command.to_sku) {
        let message = format!("The subscription has plan {} already", command.to_sku);
        return Err(Rejection::field(Reason::ConvertTargetSameSku, "to_sku", message));
    }
    let quote = gates::price(&reference.catalog, offer, subscription.currency, on, "to_offer_id")?;
    gates::quantity(offer, subscription.quantity, "to_offer_id")?;
    gates::frequency(offer, subscription.billing_frequency, "to_offer_id")?;
    let event = SubscriptionConverted {
        customer_id: command.customer_id.clone(),
        subscription_id: command.subscription_id.clone(),
        from_sku: subscription.sku,
        to_sku: command.to_sku.clone(),
        prices: quote.prices.clone(),
        offer_id: offer.offer_id.clone(),
        offer_name: offer.display_name.clone(),
        effective_on: on,
    };
    draft.push_charged(&command.subscription_id, event, |before, decision| {
        charge::convert(before, &command.to_sku, &quote.prices, decision);
    });
    Ok(())
}
