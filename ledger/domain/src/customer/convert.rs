//! Another plan of the same product (customers page section 2.11, `ConvertSku`).

use super::{Subscription, draft::Draft, gates, marketplace};
use crate::{
    Reason, Rejection, charge, check,
    command::Convert,
    event::SubscriptionConverted,
    offer::{Offer, ProductFamily},
};

pub(super) fn convert(draft: &mut Draft<'_>, command: &Convert) -> Result<(), Rejection> {
    let (on, customer, reference) = (draft.on(), draft.customer, draft.reference);
    check::required("to_sku", &command.to_sku)?;
    let subscription = draft.owned(&command.partner_id, &command.subscription_id)?.clone();
    gates::relationship(customer, &command.partner_id, "partner_id")?;
    gates::agreement(customer, &command.partner_id, on)?;
    let partner = gates::partner(reference, &command.partner_id, "partner_id")?;
    if subscription.product_family == ProductFamily::License || subscription.product_kind.is_some() {
        let message =
            "Only a product of the marketplace has plans to convert between; buy the other offer and end this one";
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
    check_product(draft, &subscription, offer)?;
    marketplace::available(offer, &command.partner_id, "to_offer_id")?;
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

/// Plans of one product are converted into each other (L10618). Where an offer names no product, any of the family may follow it.
fn check_product(draft: &Draft<'_>, subscription: &Subscription, to: &Offer) -> Result<(), Rejection> {
    let from = draft.reference.catalog.offer(&subscription.offer_id);
    let products = from.and_then(|from| from.product().product_id.as_ref()).zip(to.product().product_id.as_ref());
    let other_product = products.filter(|(from, to)| from != to);
    if other_product.is_none() && to.product_kind().is_none() {
        return Ok(());
    }
    let message = format!("{} is a plan of another product", to.display_name);
    Err(Rejection::field(Reason::ConvertTargetOtherProduct, "to_offer_id", message).with("offer_id", &to.offer_id))
}
