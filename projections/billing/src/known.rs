//! The part of the fold that keeps what files and explanations need beside the charges ([`crate::tables::facts`], [`crate::tables::causes`]).

use chrono::NaiveDate;
use subledger_domain::{
    Event,
    event::{PartnerRegistered, SubscriptionConverted, SubscriptionCreated, TrialConverted},
    ids::{CustomerId, PriceListId, SubscriptionId},
    offer::{Offer, PriceComponent},
    personal::ERASED,
    position::Family,
};
use subledger_fold::{Changes, Recorded, StoreError};

use crate::tables::{
    causes::{self, Cause},
    facts::{self, CustomerFacts, OfferFacts, PartnerFacts, SubscriptionFacts, Term},
};

/// Keeps what the events of a commit tell.
pub(crate) fn fold(rows: &mut dyn Changes, commit: &Recorded<'_>, events: &[Event]) -> Result<(), StoreError> {
    // Whatever a partner's stream decides may change an invoice or a balance.
    let of_partner = commit.position.partition.family == Family::Partners && !commit.stream.is_empty();
    let mut cause = of_partner || events.iter().any(|event| matches!(event, Event::Charged(_)));
    for (customer, subscription, day) in events.iter().filter_map(change) {
        causes::put_change(rows, customer, subscription, day, commit.position);
        cause = true;
    }
    if cause {
        causes::put_cause(rows, commit.position, &Cause::new(commit, names(events)))?;
    }
    for event in events {
        match event {
            Event::PartnerRegistered(e) => facts::put_partner(rows, &e.partner_id, &PartnerFacts::from(e))?,
            Event::CustomerCreated(e) => {
                let row = CustomerFacts {
                    company_name: e.company_name.clone(),
                    domain_name: e.domain_name.clone(),
                    country: e.address.country.clone(),
                };
                facts::put_customer(rows, &e.customer_id, &row)?;
            }
            Event::CustomerErased(e) => {
                let known = facts::customer(rows, &e.customer_id)?.unwrap_or_default();
                let erased = || ERASED.to_owned();
                let row = CustomerFacts { company_name: erased(), domain_name: erased(), ..known };
                facts::put_customer(rows, &e.customer_id, &row)?;
            }
            Event::OfferPublished(e) => {
                facts::put_offer(rows, &e.offer.offer_id, &OfferFacts::from(&e.offer))?;
            }
            Event::SubscriptionCreated(e) => created(rows, e)?,
            Event::SubscriptionRenewed(e) => {
                let of = (&e.customer_id, &e.subscription_id);
                next_term(rows, of, e.term_start, e.term_end, &e.prices, &e.price_list_id)?;
            }
            Event::TermRolled(e) => {
                let of = (&e.customer_id, &e.subscription_id);
                next_term(rows, of, e.term_start, e.term_end, &e.prices, &e.price_list_id)?;
            }
            Event::SubscriptionConverted(e) => converted(rows, e)?,
            Event::TrialConverted(e) => trial_converted(rows, e)?,
            _ => {}
        }
    }
    Ok(())
}

/// What a later correction rests on: which subscription changed, and from which day on.
fn change(event: &Event) -> Option<(&CustomerId, &SubscriptionId, NaiveDate)> {
    match event {
        Event::QuantityChanged(e) => Some((&e.customer_id, &e.subscription_id, e.effective_on)),
        Event::SubscriptionSuspended(e) => Some((&e.customer_id, &e.subscription_id, e.effective_on)),
        Event::SubscriptionReactivated(e) => Some((&e.customer_id, &e.subscription_id, e.effective_on)),
        _ => None,
    }
}

/// What happened in a commit, without what it cost.
fn names(events: &[Event]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for event in events.iter().filter(|event| !matches!(event, Event::Charged(_) | Event::PeriodStarted(_))) {
        if names.iter().all(|name| name != event.name()) {
            names.push(event.name().to_owned());
        }
    }
    names
}

impl From<&PartnerRegistered> for PartnerFacts {
    fn from(event: &PartnerRegistered) -> Self {
        Self {
            name: event.name.clone(),
            kind: event.kind,
            country: event.country.clone(),
            mpn_id: event.mpn_id.clone(),
        }
    }
}

impl From<&Offer> for OfferFacts {
    fn from(offer: &Offer) -> Self {
        let product = offer.product();
        Self {
            product_id: product.product_id.clone().unwrap_or_default(),
            publisher_name: product.publisher_name.clone(),
            term_months: if offer.is_endless() { 0 } else { offer.term_months },
        }
    }
}

fn created(rows: &mut dyn Changes, event: &SubscriptionCreated) -> Result<(), StoreError> {
    let SubscriptionCreated { customer_id, subscription_id, start, .. } = event;
    let row = SubscriptionFacts { start: *start, friendly_name: event.friendly_name.clone() };
    facts::put_subscription(rows, customer_id, subscription_id, &row)?;
    let term = Term {
        end: event.term_end,
        offer_id: event.offer_id.clone(),
        offer_name: event.offer_name.clone(),
        price_list_id: Some(event.price_list_id.clone()),
        prices: event.prices.clone(),
    };
    facts::put_term(rows, customer_id, subscription_id, *start, &term)
}

fn next_term(
    rows: &mut dyn Changes,
    (customer_id, subscription_id): (&CustomerId, &SubscriptionId),
    start: NaiveDate,
    end: NaiveDate,
    prices: &[PriceComponent],
    price_list_id: &PriceListId,
) -> Result<(), StoreError> {
    let Some(before) = facts::term(rows, customer_id, subscription_id, start)? else { return Ok(()) };
    let term = Term { end, price_list_id: Some(price_list_id.clone()), prices: prices.to_vec(), ..before };
    facts::put_term(rows, customer_id, subscription_id, start, &term)
}

/// A conversion names no price list, and does not move the end.
fn converted(rows: &mut dyn Changes, event: &SubscriptionConverted) -> Result<(), StoreError> {
    let SubscriptionConverted { customer_id, subscription_id, effective_on, .. } = event;
    let Some(before) = facts::term(rows, customer_id, subscription_id, *effective_on)? else { return Ok(()) };
    let term = Term {
        end: before.end,
        offer_id: event.offer_id.clone(),
        offer_name: event.offer_name.clone(),
        price_list_id: None,
        prices: event.prices.clone(),
    };
    facts::put_term(rows, customer_id, subscription_id, *effective_on, &term)
}

fn trial_converted(rows: &mut dyn Changes, event: &TrialConverted) -> Result<(), StoreError> {
    let TrialConverted { customer_id, subscription_id, paid_from, term_end } = event;
    let Some(before) = facts::term(rows, customer_id, subscription_id, *paid_from)? else { return Ok(()) };
    facts::put_term(rows, customer_id, subscription_id, *paid_from, &Term { end: *term_end, ..before })
}
