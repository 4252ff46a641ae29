//! Reservations after the purchase: refund, exchange, scope (azure-marketplace-software.md 2.12 and 2.13).
//!
//! A request and its approval are one command here: the day of the request decides (decision G44).

use chrono::{Months, NaiveDate};
use rust_decimal::Decimal;

use super::{
    Subscription, azure, cancel,
    draft::Draft,
    gates,
    purchase::{self, NewOrder},
};
use crate::{
    Reason, Rejection,
    charge::{self, FEE_FREE_DAYS, Return},
    check,
    command::{Cancel, ChangeReservation, ExchangeReservation},
    event::{ReservationChanged, ReservationExchanged, ReservationRefunded, SubscriptionCancelled},
    ids::{OrderId, PartnerId},
    offer::{ProductKind, Reservation},
    partner::Partner,
    reference::partner_standing::Action,
};

/// Refunds after this day count against the cap of a refund on that one (decision G10: the 12 months that end with it).
pub(super) fn year_before(on: NaiveDate) -> NaiveDate {
    on.checked_sub_months(Months::new(12)).unwrap_or(NaiveDate::MIN)
}

/// Cancels a reservation: in the first 5 days without a fee, later less 12 %, and in a year no more than the cap (L12850-12858).
pub(super) fn refund(draft: &mut Draft<'_>, subscription: &Subscription, command: &Cancel) -> Result<(), Rejection> {
    let on = draft.on();
    let (customer_id, subscription_id) = (command.customer_id.clone(), command.subscription_id.clone());
    let elapsed_days = charge::exchange(subscription, on).elapsed_days;
    let used = match command.reservation_used {
        Some(used) => used,
        None if elapsed_days > FEE_FREE_DAYS => true,
        None => {
            let message =
                format!("In its first {FEE_FREE_DAYS} days, say whether anything was used of the reservation");
            return Err(Rejection::field(Reason::RequiredFieldMissing, "reservation_used", message)
                .with("subscription_id", &subscription_id));
        }
    };
    let full = elapsed_days <= FEE_FREE_DAYS && !used;
    let due = charge::refund(subscription, used, on);
    let returned = capped(draft, subscription, due, command.accept_capped_refund)?;
    let refunded = ReservationRefunded {
        customer_id: customer_id.clone(),
        subscription_id: subscription_id.clone(),
        partner_id: subscription.partner_id.clone(),
        effective_on: on,
        elapsed_days,
        remaining_days: returned.remaining_days,
        used,
        value: returned.value,
        fee: returned.fee,
        credit: returned.net(),
        currency: subscription.currency,
        capped: returned.credit != due.credit,
    };
    let cancelled = SubscriptionCancelled { customer_id, subscription_id: subscription_id.clone(), effective_on: on };
    draft.push(refunded);
    draft.push_charged(&subscription_id, cancelled, |before, decision| {
        charge::give_back(before, full, &returned, decision);
    });
    Ok(())
}

/// What the cap leaves of a refund.
fn capped(
    draft: &Draft<'_>,
    subscription: &Subscription,
    due: Return,
    accept_capped: bool,
) -> Result<Return, Rejection> {
    let (on, currency) = (draft.on(), subscription.currency);
    if due.net() <= Decimal::ZERO {
        return Ok(due);
    }
    let Some(cap) = draft.reference.catalog.refund_cap(currency, on) else {
        let message = format!("Nobody published what 50,000 USD, the cap on a year's refunds, are in {currency}");
        return Err(Rejection::field(Reason::RefundCapUnknown, "subscription_id", message)
            .with("subscription_id", &subscription.subscription_id)
            .with("currency", currency));
    };
    let headroom = currency.round((cap - refunded(draft, &subscription.partner_id)).max(Decimal::ZERO));
    if due.net() <= headroom {
        return Ok(due);
    }
    if accept_capped {
        return Ok(Return { credit: headroom + due.fee, ..due });
    }
    let message = format!(
        "The refund would be {} {currency}, and {headroom} of the year's {cap} are left; accept a capped refund, or wait",
        due.net()
    );
    Err(Rejection::field(Reason::ReservationRefundCapExceeded, "subscription_id", message)
        .with("subscription_id", &subscription.subscription_id)
        .with("headroom", headroom)
        .with("would_be", due.net())
        .with("currency", currency))
}

/// What the partner was refunded for this customer in the 12 months that end today.
fn refunded(draft: &Draft<'_>, partner_id: &PartnerId) -> Decimal {
    let window = |on: NaiveDate| year_before(draft.on()) < on && on <= draft.on();
    let refunds = draft.customer.refunds.get(partner_id).into_iter().flatten();
    refunds.filter(|refund| window(refund.on)).map(|refund| refund.amount).sum()
}

/// Ends a reservation and uses the rest of it for a new one (L12862-12864).
pub(super) fn exchange(draft: &mut Draft<'_>, command: &ExchangeReservation) -> Result<(), Rejection> {
    let (customer, on, id) = (draft.customer, draft.on(), &command.subscription_id);
    let old = draft.owned(&command.partner_id, id)?.clone();
    let partner = gates::buyer(draft.reference, &command.partner_id, "partner_id")?;
    gates::may(draft, &command.partner_id, Action::ExchangeReservation)?;
    gates::relationship(customer, &command.partner_id, "partner_id")?;
    gates::agreement(customer, &command.partner_id, on)?;
    gates::market(partner, customer.country(), "partner_id")?;
    active_reservation(draft, &old)?;
    cancel::returnable(draft, &old)?;
    let order_id = purchase::order_id(draft, command.order_id.as_ref())?;
    let mut order = empty_order(partner, order_id);
    let created = purchase::decide_line(draft, &order, 0, "line", &command.line)?;
    if created.product_kind != Some(ProductKind::Reservation) {
        let message = format!("{} is no reservation; a reservation is exchanged for another", created.offer_name);
        return Err(check::invalid("line.offer_id", message));
    }
    let returned = charge::exchange(&old, on);
    let price = charge::term_price(&Subscription::from(&created));
    if price < returned.credit {
        let message = format!(
            "The new reservation costs {price} {}, less than the {} credited of the old one",
            old.currency, returned.credit
        );
        return Err(Rejection::field(Reason::ExchangeValueTooLow, "line", message)
            .with("subscription_id", id)
            .with("credit", returned.credit)
            .with("price", price));
    }
    let (customer_id, subscription_id) = (command.customer_id.clone(), id.clone());
    draft.push(ReservationExchanged {
        customer_id: customer_id.clone(),
        subscription_id: subscription_id.clone(),
        new_subscription_id: created.subscription_id.clone(),
        effective_on: on,
        credit: returned.credit,
        price,
        currency: old.currency,
    });
    let cancelled = SubscriptionCancelled { customer_id, subscription_id, effective_on: on };
    draft.push_charged(id, cancelled, |before, decision| charge::give_back(before, false, &returned, decision));
    order.created.push(created);
    purchase::place(draft, order);
    Ok(())
}

/// Another scope, or another Azure plan or subscription (L12829-12840).
pub(super) fn change(draft: &mut Draft<'_>, command: &ChangeReservation) -> Result<(), Rejection> {
    let (on, id) = (draft.on(), &command.subscription_id);
    let subscription = draft.owned(&command.partner_id, id)?.clone();
    let partner = gates::partner(draft.reference, &command.partner_id, "partner_id")?;
    gates::relationship(draft.customer, &command.partner_id, "partner_id")?;
    let before = active_reservation(draft, &subscription)?;
    let order = empty_order(partner, subscription.order_id.clone());
    let reservation = azure::moved(draft, &order, &before, (command.azure_subscription_id.as_ref(), command.scope))?;
    if reservation == before {
        return Err(check::invalid("scope", "The reservation has this scope and this Azure subscription already"));
    }
    let (customer_id, subscription_id) = (command.customer_id.clone(), id.clone());
    draft.push(ReservationChanged { customer_id, subscription_id, reservation, effective_on: on });
    Ok(())
}

fn empty_order(partner: &Partner, id: OrderId) -> NewOrder<'_> {
    NewOrder { partner, id, created: Vec::new(), by_customer: false, location_mpn_id: None }
}

fn active_reservation(draft: &Draft<'_>, subscription: &Subscription) -> Result<Reservation, Rejection> {
    let id = &subscription.subscription_id;
    let Some(reservation) = subscription.reservation.clone() else {
        let message = format!("{} is no reservation", subscription.offer_name);
        return Err(check::invalid("subscription_id", message).with("subscription_id", id));
    };
    gates::active(subscription, draft.on())?;
    Ok(reservation)
}
