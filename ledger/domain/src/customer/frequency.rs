//! Billing frequency: a whole order changes together (customers page section 2.10, L9741).

use std::collections::BTreeSet;

use super::{Standing, draft::Draft, gates};
use crate::{
    Reason, Rejection, command::ChangeBillingFrequency, event::BillingFrequencyChanged, ids::SubscriptionId,
    offer::BillingFrequency, reference::partner_standing::Action,
};

pub(super) fn change(draft: &mut Draft<'_>, command: &ChangeBillingFrequency) -> Result<(), Rejection> {
    let (customer, on, to) = (draft.customer, draft.on(), command.billing_frequency);
    gates::may(draft, &command.partner_id, Action::ChangeFrequency)?;
    let Some(order) = customer.order(&command.order_id) else {
        let message = format!("The customer has no order {}", command.order_id);
        return Err(Rejection::field(Reason::OrderNotFound, "order_id", message));
    };
    if order.partner_id != command.partner_id {
        let message = format!("Order {} does not belong to partner {}", command.order_id, command.partner_id);
        return Err(Rejection::field(Reason::SubscriptionNotOwned, "partner_id", message));
    }
    gates::relationship(customer, &command.partner_id, "partner_id")?;
    let mut rhythms = Vec::new();
    let mut subscription_ids = Vec::new();
    let mut refused = Ok(());
    for id in &order.subscription_ids {
        draft.settle_before(id);
        let subscription = gates::found(draft.get(id), id)?;
        if gates::open(subscription, on).is_err() {
            continue;
        }
        // What is suspended follows when it comes back; what went to another partner does not come back.
        match subscription.standing {
            Standing::Suspended { reason, .. } if reason.is_final() => continue,
            Standing::Suspended { .. } => {}
            _ => refused = refused.and(gates::active(subscription, on)).and(gates::unlocked(subscription)),
        }
        gates::not_before(subscription, on)?;
        let Some(now) = subscription.next_billing_frequency.or(subscription.billing_frequency) else {
            let message = format!("{} is a custom meter: it has no billing frequency", subscription.offer_name);
            return Err(Rejection::field(Reason::FrequencyNotOffered, "billing_frequency", message));
        };
        if subscription.product_kind.is_some() || to == BillingFrequency::OneTime {
            let message = format!("How {} is billed is chosen with its purchase", subscription.offer_name);
            return Err(
                Rejection::field(Reason::FrequencyNotOffered, "billing_frequency", message).with("subscription_id", id)
            );
        }
        if let Some(offer) = draft.reference.catalog.offer(&subscription.offer_id) {
            gates::frequency(offer, Some(to), "billing_frequency")?;
        }
        rhythms.push((now, matches!(subscription.standing, Standing::Active)));
        subscription_ids.push(id.clone());
    }
    refused?;
    let Some((from, _)) = rhythms.iter().find(|(_, active)| *active).copied() else {
        let message = format!("Order {} has no active subscription", command.order_id);
        return Err(Rejection::field(Reason::SubscriptionNotActive, "order_id", message));
    };
    if rhythms.iter().all(|(now, _)| *now == to) {
        let message = format!("The order is billed {} already", to.label());
        return Err(Rejection::field(Reason::FrequencyUnchanged, "billing_frequency", message));
    }
    if !command.subscription_ids.is_empty() {
        let confirmed: BTreeSet<_> = command.subscription_ids.iter().collect();
        if confirmed != subscription_ids.iter().collect() {
            let ids = subscription_ids.iter().map(SubscriptionId::as_str).collect::<Vec<_>>().join(",");
            let message = format!("The subscriptions of order {} that follow are {ids}", command.order_id);
            return Err(Rejection::field(Reason::ConfirmationStale, "subscription_ids", message)
                .with("order_id", &command.order_id)
                .with("subscription_ids", ids));
        }
    }
    let (customer_id, order_id) = (command.customer_id.clone(), command.order_id.clone());
    draft.push(BillingFrequencyChanged { customer_id, order_id, from, to, subscription_ids });
    Ok(())
}
