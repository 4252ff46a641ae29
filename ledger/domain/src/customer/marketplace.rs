//! Marketplace products: who may buy them, their trials, and the two facts of a publisher that start their billing
//! (azure-marketplace-software.md 2.3 to 2.6).

use std::fmt;

use super::{Standing, draft::Draft, gates};
use crate::{
    Reason, Rejection, calendar,
    command::ConfirmFulfilment,
    event::{FulfilmentConfirmed, SubscriptionActivated},
    ids::PartnerId,
    offer::{Availability, FulfilmentFact, Offer, ProductFamily},
};

/// Longest marketplace trial; usual are 30 or 60 days (L12333).
pub const FREE_TRIAL_DAYS_MAX: u32 = 365;

/// The publisher lets the partner sell the offer (L12144, L12157-12159). What runs already goes on without (decision G2).
pub(super) fn available(offer: &Offer, partner_id: &PartnerId, field: impl fmt::Display) -> Result<(), Rejection> {
    let product = offer.product();
    let (reason, message) = match product.availability {
        Availability::All => return Ok(()),
        Availability::Selected if product.granted_partner_ids.contains(partner_id) => return Ok(()),
        Availability::Selected => (
            Reason::ExclusiveOfferNotGranted,
            format!(
                "{} is sold by partners that its publisher chose; {partner_id} is none of them",
                offer.display_name
            ),
        ),
        Availability::None => {
            (Reason::OfferNotInCsp, format!("The publisher of {} sells it to no partner", offer.display_name))
        }
    };
    Err(Rejection::of_field(reason, field, message).with("offer_id", &offer.offer_id).with("partner_id", partner_id))
}

/// The days of the trial: the offer's, which cannot be waived (L14516), or those the caller wants.
pub(super) fn trial_days(offer: &Offer, wanted: u32, field: impl fmt::Display) -> Result<u32, Rejection> {
    let of_offer = offer.product().free_trial_days;
    if of_offer > 0 && wanted != of_offer && wanted > 0 {
        let message = format!("{} begins with {of_offer} free days; nobody chooses them", offer.display_name);
        return Err(Rejection::of_field(Reason::TrialNotWaivable, field, message).with("free_trial_days", of_offer));
    }
    if wanted > 0 && offer.product_family != ProductFamily::MarketplaceSaas {
        return Err(Rejection::of_field(
            Reason::InvalidValue,
            field,
            "Only a marketplace product begins with a free trial",
        ));
    }
    if wanted > FREE_TRIAL_DAYS_MAX {
        return Err(Rejection::of_field(
            Reason::InvalidValue,
            field,
            format!("A trial has at most {FREE_TRIAL_DAYS_MAX} days"),
        ));
    }
    Ok(of_offer.max(wanted))
}

/// A fact of the publisher. With the second one the subscription is in use, from the later of the two days on (decision G3).
pub(super) fn confirm(draft: &mut Draft<'_>, command: &ConfirmFulfilment) -> Result<(), Rejection> {
    let (on, id) = (draft.on(), &command.subscription_id);
    let subscription = gates::found(draft.get(id), id)?.clone();
    let Standing::PendingFulfilment { licenses_assigned_on, setup_confirmed_on } = subscription.standing else {
        let message = format!("Subscription {id} waits for no publisher");
        return Err(
            Rejection::field(Reason::FulfilmentNotPending, "subscription_id", message).with("subscription_id", id)
        );
    };
    if subscription.authorization_code.as_ref() != Some(&command.authorization_code) {
        let message = format!("Subscription {id} was bought under another authorization code");
        return Err(Rejection::field(Reason::AuthorizationCodeMismatch, "authorization_code", message)
            .with("subscription_id", id));
    }
    gates::not_before(&subscription, on)?;
    if let Some(known) = subscription.confirmed_on(command.fact) {
        let message = format!("The publisher confirmed this on {known} before");
        return Err(Rejection::field(Reason::FulfilmentAlreadyConfirmed, "fact", message).with("effective_on", known));
    }
    let (customer_id, subscription_id) = (command.customer_id.clone(), id.clone());
    let other = match command.fact {
        FulfilmentFact::LicensesAssigned => setup_confirmed_on,
        FulfilmentFact::SetupConfirmed => licenses_assigned_on,
    };
    draft.push(FulfilmentConfirmed {
        customer_id: customer_id.clone(),
        subscription_id: subscription_id.clone(),
        fact: command.fact,
        effective_on: on,
    });
    let Some(other) = other else { return Ok(()) };
    let start = on.max(other);
    let trial_days = subscription.trial_end.map(|end| calendar::days_between(subscription.start, end));
    let trial_end = trial_days.map(|days| calendar::add_days(start, days));
    let term_end = calendar::anniversary(trial_end.unwrap_or(start), subscription.term_months);
    draft.push(SubscriptionActivated { customer_id, subscription_id, start, trial_end, term_end });
    draft.charge_purchase(id, start);
    Ok(())
}
