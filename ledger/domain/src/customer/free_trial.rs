//! Free trials of license offers (customers page section 2.12): they cost nothing, end by themselves, and become paid by hand only.

use chrono::NaiveDate;

use super::{
    Standing, Subscription, dates, draft::Draft, gates, licenses, purchase, qualification, shared_services, transaction,
};
use crate::{
    Reason, Rejection, calendar,
    catalog::TrialTerms,
    charge,
    command::{ConvertTrial, StartTrial},
    event::{FreeTrialConverted, OrderPlaced, TrialExpired, TrialStarted},
    ids::{OfferId, SubscriptionId},
    offer::{BillingFrequency, Offer, OfferKind, ProductFamily},
    reference::{
        partner_standing::Action,
        upgrade::{self, PathKind},
    },
};

pub(super) fn start(draft: &mut Draft<'_>, command: &StartTrial) -> Result<(), Rejection> {
    let (customer, on, reference) = (draft.customer, draft.on(), draft.reference);
    let partner = gates::buyer(reference, &command.partner_id, "partner_id")?;
    gates::may(draft, &command.partner_id, Action::StartTrial)?;
    gates::relationship(customer, &command.partner_id, "partner_id")?;
    gates::agreement(customer, &command.partner_id, on)?;
    gates::market(partner, customer.country(), "partner_id")?;
    let offer = gates::offer_on_sale(&reference.catalog, &command.offer_id, on, "offer_id")?;
    let Some(terms) = reference.catalog.trial(&offer.offer_id).filter(|_| is_trial(offer)) else {
        let message = format!("{} is no free trial of a license", offer.display_name);
        return Err(Rejection::field(Reason::TrialNotOffered, "offer_id", message));
    };
    gates::offer_market(offer, partner, customer, "offer_id")?;
    let quote = gates::price(&reference.catalog, offer, partner.currency, on, "offer_id")?;
    qualification::gate(&reference.catalog, customer, offer, partner.currency, "offer_id")?;
    once_only(draft, offer, terms)?;
    let reseller_id = customer.relationship(&command.partner_id).and_then(|known| known.reseller_id.clone());
    gates::associate(reference, partner, reseller_id.as_ref(), on, "partner_id")?;
    transaction::sale(customer, reference, partner, reseller_id.as_ref(), "partner_id")?;
    shared_services::gate(customer, reference, offer, &quote, (on, "offer_id"))?;
    let order_id = purchase::order_id(draft, command.order_id.as_ref())?;
    let chosen = command.subscription_id.as_ref();
    let subscription_id = purchase::subscription_id(draft, chosen, 0, "subscription_id")?;
    let (customer_id, partner_id) = (command.customer_id.clone(), command.partner_id.clone());
    draft.push(OrderPlaced {
        customer_id: customer_id.clone(),
        partner_id: partner_id.clone(),
        order_id: order_id.clone(),
        subscription_ids: vec![subscription_id.clone()],
        by_customer: false,
        location_mpn_id: None,
    });
    draft.push(TrialStarted {
        customer_id,
        reseller_id,
        partner_id,
        subscription_id,
        order_id,
        offer_id: offer.offer_id.clone(),
        offer_name: offer.display_name.clone(),
        quantity: terms.quantity(),
        start: on,
        ends_on: calendar::add_days(on, terms.days()),
        currency: partner.currency,
        price_list_id: quote.price_list_id,
        hold_days: dates::hold_days(on, partner.billing_day),
        ordered_at: draft.decision.context.effective_at,
    });
    Ok(())
}

fn is_trial(offer: &Offer) -> bool {
    offer.kind == OfferKind::Trial && offer.product_family == ProductFamily::License
}

/// One trial of an offer for each customer, whichever partner gave it, and none of what it owns (L14654, decision G18).
fn once_only(draft: &Draft<'_>, offer: &Offer, terms: &TrialTerms) -> Result<(), Rejection> {
    if draft.customer.bought_ever(&offer.offer_id) {
        let message = format!("The customer had {} before", offer.display_name);
        return Err(Rejection::field(Reason::TrialAlreadyUsed, "offer_id", message));
    }
    if let Some(owned) = draft.customer.holding(&terms.paid_offer_id) {
        let message = format!("The customer owns what it would try, as subscription {owned}");
        return Err(Rejection::field(Reason::OfferAlreadyOwned, "offer_id", message).with("subscription_id", owned));
    }
    Ok(())
}

/// The trial becomes the paid offer today (L14703-14704).
pub(super) fn convert(draft: &mut Draft<'_>, command: &ConvertTrial) -> Result<(), Rejection> {
    let (customer, on, reference) = (draft.customer, draft.on(), draft.reference);
    let trial = draft.owned(&command.partner_id, &command.subscription_id)?.clone();
    gates::relationship(customer, &command.partner_id, "partner_id")?;
    gates::agreement(customer, &command.partner_id, on)?;
    let partner = gates::buyer(reference, &command.partner_id, "partner_id")?;
    gates::may(draft, &command.partner_id, Action::ConvertTrial)?;
    let ends_on = running(&trial, on)?;
    let offer = gates::offer_on_sale(&reference.catalog, &command.to_offer_id, on, "to_offer_id")?;
    let terms = reference.catalog.trial(&trial.offer_id);
    if !terms.is_some_and(|terms| terms.convert_to_offer_ids.contains(&offer.offer_id)) {
        return Err(not_convertible(&trial, terms, ends_on));
    }
    if command.quantity == 0 {
        let message = "State how many seats are paid for";
        return Err(Rejection::field(Reason::QuantityRequired, "quantity", message));
    }
    let Some(billing_frequency) = command.billing_frequency else {
        let message = "State how it is billed, monthly or annual";
        return Err(Rejection::field(Reason::BillingFrequencyRequired, "billing_frequency", message));
    };
    gates::offer_market(offer, partner, customer, "to_offer_id")?;
    let quote = gates::price(&reference.catalog, offer, trial.currency, on, "to_offer_id")?;
    gates::tax_rates(reference, partner, offer, &quote, draft.decision.charged_on, "to_offer_id")?;
    qualification::gate(&reference.catalog, customer, offer, trial.currency, "to_offer_id")?;
    gates::quantity(offer, command.quantity, "quantity")?;
    licenses::check_assigned(draft, &trial.subscription_id, command.quantity)?;
    gates::frequency(offer, Some(billing_frequency), "billing_frequency")?;
    let anchor = match billing_frequency {
        BillingFrequency::Annual | BillingFrequency::OneTime => on,
        BillingFrequency::Monthly => dates::billing_date_after(on, partner.billing_day),
    };
    let event = FreeTrialConverted {
        customer_id: command.customer_id.clone(),
        subscription_id: command.subscription_id.clone(),
        offer_id: offer.offer_id.clone(),
        offer_name: offer.display_name.clone(),
        quantity: command.quantity,
        billing_frequency,
        term_months: offer.term_months,
        start: on,
        anchor,
        term_end: calendar::anniversary(anchor, offer.term_months),
        prices: quote.prices,
        price_list_id: quote.price_list_id,
        proration_rule: offer.proration_rule,
        split_rebill_at_anniversary: offer.split_rebill_at_anniversary,
        auto_renew: purchase::renews_by_itself(offer),
        promotion: purchase::promotion(draft, partner, offer, command.billing_frequency),
    };
    draft.push(event);
    draft.charge_from_now(&command.subscription_id, charge::convert_free_trial);
    Ok(())
}

/// A free trial that is neither over nor paid for: the first day without it.
fn running(trial: &Subscription, on: NaiveDate) -> Result<NaiveDate, Rejection> {
    let id = &trial.subscription_id;
    let refuse = |reason, message| Err(Rejection::field(reason, "subscription_id", message));
    match (trial.free_trial_ends_on, trial.standing) {
        (Some(ends_on), _) if ends_on <= on || trial.is_closed() => {
            refuse(Reason::TrialEnded, format!("The trial {id} ended on {ends_on}; buy the offer"))
        }
        (Some(ends_on), Standing::Trial) => Ok(ends_on),
        (Some(_), _) => {
            refuse(Reason::SubscriptionNotActive, format!("The trial {id} is suspended; reactivate it first"))
        }
        (None, _) => refuse(Reason::TrialNotFound, format!("Subscription {id} is no free trial")),
    }
}

fn not_convertible(trial: &Subscription, terms: Option<&TrialTerms>, ends_on: NaiveDate) -> Rejection {
    let into: Vec<_> = terms.iter().flat_map(|terms| &terms.convert_to_offer_ids).map(OfferId::as_str).collect();
    let instead = upgrade::targets(&trial.offer_name, PathKind::TrialAlternative);
    let message = if into.is_empty() {
        format!("{} converts into nothing; buy another offer before {ends_on}", trial.offer_name)
    } else {
        format!("{} converts into {} only", trial.offer_name, into.join(", "))
    };
    Rejection::field(Reason::TrialNotConvertible, "to_offer_id", message)
        .with("convert_to_offer_ids", into.join(","))
        .with("compatible_offers", instead.join(","))
}

/// The trial runs out (L14689), suspended or not.
pub(super) fn expire(draft: &mut Draft<'_>, id: &SubscriptionId, effective_on: NaiveDate) {
    let (customer_id, subscription_id) = (draft.customer.id().clone(), id.clone());
    draft.push(TrialExpired { customer_id, subscription_id, effective_on });
}
