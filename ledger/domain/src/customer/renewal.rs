//! The end of a term (rows 9 to 12 of customers page section 2.8) and the switch that decides it (section 2.10).

use chrono::NaiveDate;

use super::{Standing, Subscription, draft::Draft, gates};
use crate::{
    Reason, Rejection, calendar,
    catalog::PriceQuote,
    charge,
    command::SetAutoRenew,
    event::{AutoRenewChanged, CancellationWithdrawn, SubscriptionExpired, SubscriptionRenewed, TermEnded, TermRolled},
    ids::SubscriptionId,
    offer::ProductFamily,
};

pub(super) fn set_auto_renew(draft: &mut Draft<'_>, command: &SetAutoRenew) -> Result<(), Rejection> {
    let (customer, on) = (draft.customer, draft.on());
    let subscription = draft.owned(&command.partner_id, &command.subscription_id)?.clone();
    gates::relationship(customer, &command.partner_id, "partner_id")?;
    if subscription.product_family != ProductFamily::MarketplaceSaas {
        let message =
            format!("The renewal of {} cannot be switched; a marketplace product's can", subscription.offer_name);
        return Err(Rejection::field(Reason::AutoRenewNotSwitchable, "subscription_id", message));
    }
    gates::active(&subscription, on)?;
    gates::unlocked(&subscription)?;
    if subscription.auto_renew == command.auto_renew {
        let message =
            format!("The subscription {} already", if command.auto_renew { "renews" } else { "ends with its term" });
        return Err(Rejection::field(Reason::AutoRenewUnchanged, "auto_renew", message));
    }
    if command.auto_renew {
        gates::offer_on_sale(&draft.reference.catalog, &subscription.offer_id, on, "auto_renew")?;
    }
    let SetAutoRenew { customer_id, subscription_id, auto_renew, .. } = command.clone();
    let (of, id) = (customer_id.clone(), subscription_id.clone());
    draft.push(AutoRenewChanged { customer_id, subscription_id, auto_renew });
    if auto_renew && subscription.cancelled_from.is_some() {
        draft.push(CancellationWithdrawn { customer_id: of, subscription_id: id });
    }
    Ok(())
}

/// A term that follows another.
struct NextTerm {
    number: u32,
    start: NaiveDate,
    end: NaiveDate,
    quote: PriceQuote,
}

/// The term is over: it renews or expires; while suspended it rolls on without a charge or ends (decision G09).
pub(super) fn end_term(draft: &mut Draft<'_>, id: &SubscriptionId) {
    let Some(subscription) = draft.get(id).cloned() else { return };
    let next = next_term(draft, &subscription);
    let (customer_id, subscription_id) = (subscription.customer_id.clone(), id.clone());
    match (subscription.standing, next) {
        (Standing::Active, Some(NextTerm { number: term_number, start: term_start, end: term_end, quote })) => {
            let PriceQuote { prices, price_list_id } = quote;
            draft.push(SubscriptionRenewed {
                customer_id,
                subscription_id,
                term_number,
                term_start,
                term_end,
                prices,
                price_list_id,
            });
        }
        (Standing::Active, None) => expire(draft, &subscription),
        (Standing::Suspended { reason, term_ended, .. }, _) if reason.is_final() || term_ended => {}
        (
            Standing::Suspended { .. },
            Some(NextTerm { number: term_number, start: term_start, end: term_end, quote }),
        ) => {
            let PriceQuote { prices, price_list_id } = quote;
            draft.push(TermRolled {
                customer_id,
                subscription_id,
                term_number,
                term_start,
                term_end,
                prices,
                price_list_id,
            });
        }
        (Standing::Suspended { .. }, None) => {
            draft.push(TermEnded { customer_id, subscription_id, effective_on: subscription.term_end });
        }
        _ => {}
    }
}

/// The next term at the list price of its first day (L7921), on the anniversary day of the first. None if it does not renew: it
/// is switched off, the offer is retired or off the list, or the base it stands on has ended.
fn next_term(draft: &Draft<'_>, subscription: &Subscription) -> Option<NextTerm> {
    let (catalog, start) = (&draft.reference.catalog, subscription.term_end);
    let on_sale = gates::offer_on_sale(catalog, &subscription.offer_id, start, "offer_id").is_ok();
    let quote = catalog.price(&subscription.offer_id, subscription.currency, start);
    let quote = quote.filter(|_| subscription.auto_renew && on_sale)?;
    let end_from =
        |anchor| calendar::anniversary(anchor, calendar::months_elapsed(anchor, start) + subscription.term_months);
    let mut end = end_from(charge::anchor(subscription));
    if let Some(base) = subscription.base_subscription_id.as_ref().and_then(|base| draft.get(base)) {
        if base.is_closed() || matches!(base.standing, Standing::Suspended { term_ended: true, .. }) {
            return None;
        }
        // The base's term has been decided before its add-ons'. Once they renew together they stay so.
        if base.term_start == start {
            end = end_from(charge::anchor(base));
        }
        if base.term_end > start {
            end = end.min(base.term_end);
        }
    }
    Some(NextTerm { number: subscription.term_number.saturating_add(1), start, end, quote })
}

/// Ends the subscription with its term, and what stands on it with it (decision G11).
fn expire(draft: &mut Draft<'_>, subscription: &Subscription) {
    let effective_on = subscription.term_end;
    let event = |subscription_id| SubscriptionExpired {
        customer_id: subscription.customer_id.clone(),
        subscription_id,
        effective_on,
    };
    draft.push(event(subscription.subscription_id.clone()));
    for id in draft.customer.add_ons_of(&subscription.subscription_id) {
        if draft.get(id).is_some_and(|add_on| matches!(add_on.standing, Standing::Active | Standing::Trial)) {
            draft.push(event(id.clone()));
            draft.charge_day_end(id, effective_on);
        }
    }
}
