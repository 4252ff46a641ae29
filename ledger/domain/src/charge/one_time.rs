//! One-time, recurring and marketplace products: a change is charged at once, in two lines that show the whole period
//! (billing-details.md section 2.7).

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::{billing::BilledLine, charging::Charging, line::ChargeType, period::Span};
use crate::{
    calendar,
    customer::{Standing, Subscription},
    event::Event,
    offer::{BillingFrequency, PriceComponent, ProductFamily, ProductKind},
};

/// Marketplace products billed monthly: less than this after the order (L14540-14543). A custom meter, for which no window is
/// printed, has the same: the published one is cancelled on the day it was bought (L10629-10640).
const MONTHLY_WINDOW: TimeDelta = TimeDelta::hours(24);
/// Marketplace products billed annually (L14545-14548).
const ANNUAL_WINDOW: TimeDelta = TimeDelta::days(14);
/// One-time products such as software: days after the purchase, the last one included (L14303).
pub(crate) const ONE_TIME_WINDOW_DAYS: u32 = 60;

/// Whether a cancellation at this moment is credited. Trials can be cancelled at any time (L10604); licenses are suspended instead.
pub(super) fn cancel_window_open(subscription: &Subscription, at: DateTime<Utc>) -> bool {
    if subscription.standing == Standing::Trial {
        return true;
    }
    let elapsed = at.signed_duration_since(subscription.ordered_at);
    match (subscription.product_family, subscription.billing_frequency) {
        (ProductFamily::License, _) => false,
        (ProductFamily::OneTimeRecurring, _) => {
            at.date_naive() <= calendar::add_days(subscription.ordered_at.date_naive(), ONE_TIME_WINDOW_DAYS)
        }
        (ProductFamily::MarketplaceSaas, Some(BillingFrequency::Monthly) | None) => elapsed < MONTHLY_WINDOW,
        (ProductFamily::MarketplaceSaas, Some(BillingFrequency::Annual | BillingFrequency::OneTime)) => {
            elapsed < ANNUAL_WINDOW
        }
    }
}

/// Credits the remaining days at the old number of seats and charges them at the new, the day of the change included (L10410-10463).
/// A custom meter has no days left after its own: a later change is for the meter to count.
pub(super) fn change_quantity(charging: &mut Charging<'_, '_>, to: u32) {
    let charge_type =
        if to > charging.subscription.quantity { ChargeType::AddQuantity } else { ChargeType::RemoveQuantity };
    let Some((span, days)) = remaining(charging) else { return };
    change_what_is_over(charging, charge_type, to);
    credit_remaining(charging, charge_type, days);
    let day = charging.effective_on();
    charging.charge_days(charge_type, span, days, to, day);
}

/// A late change reaches into a period that is over: its days from the change on are taken back and charged anew at its own price.
fn change_what_is_over(charging: &mut Charging<'_, '_>, charge_type: ChargeType, to: u32) {
    let day = charging.effective_on();
    let periods = charging.subscription.billing.periods().to_vec();
    let Some((_, over)) = periods.split_last() else { return };
    for period in over.iter().filter(|period| day < period.end) {
        let days = calendar::days_between(day.max(period.start), period.end);
        let lines = period.lines.iter().filter(|line| line.open);
        for line in lines.clone() {
            charging.take_back_days(charge_type, line, days, line.charge_start, day);
        }
        for line in lines {
            charging.charge_again(charge_type, line, ((line.charge_start, line.charge_end), days), to, day);
        }
    }
}

/// The same between two plans of a product (L10616-10627), on any day of the period. A custom meter's day has passed after it: the
/// old plan stays charged, and the new one is charged for its own first day.
pub(super) fn convert(charging: &mut Charging<'_, '_>, to_sku: &str, prices: &[PriceComponent]) {
    let left = remaining(charging);
    match left {
        Some((_, days)) => credit_remaining(charging, ChargeType::Convert, days),
        None if charging.subscription.is_metered() => {}
        None => return,
    }
    let offer = charging.decided().iter().rev().find_map(|event| match event {
        Event::SubscriptionConverted(e) if e.subscription_id == charging.subscription.subscription_id => {
            Some((e.offer_id.clone(), e.offer_name.clone()))
        }
        _ => None,
    });
    if let Some((offer_id, offer_name)) = offer {
        let subscription = charging.subscription.to_mut();
        (subscription.offer_id, subscription.offer_name) = (offer_id, offer_name);
    }
    let subscription = charging.subscription.to_mut();
    subscription.sku = Some(to_sku.to_owned());
    subscription.promotion = None;
    subscription.prices = prices.to_vec();
    let (day, quantity) = (charging.effective_on(), charging.subscription.quantity);
    let (span, days) = left.unwrap_or_else(|| {
        let span = Span::day(day);
        charging.start_period(span, quantity);
        (span, span.days())
    });
    charging.charge_days(ChargeType::Convert, span, days, quantity, day);
}

/// Charges what the end of a reservation costs (azure-marketplace-software.md G37).
pub(super) fn fee(charging: &mut Charging<'_, '_>, amount: Decimal, value: Decimal) {
    let (day, end) = (charging.effective_on(), charging.subscription.term_end);
    let reference = format!("12 % of {value}");
    charging.charge_amount(ChargeType::EarlyTerminationFee, (day, end), amount, reference);
}

/// Credits a trial with nothing, a marketplace product inside its window and software that is for ever with everything, another
/// product with the days left (L14343).
pub(super) fn cancel(charging: &mut Charging<'_, '_>) {
    let kind = charging.subscription.product_kind;
    if charging.subscription.product_family == ProductFamily::OneTimeRecurring
        && kind != Some(ProductKind::SoftwarePerpetual)
    {
        // Refunds of software are immediate (azure-marketplace-software.md G37).
        let charge_type = if kind.is_some() { ChargeType::CancelImmediate } else { ChargeType::Cancel };
        if let Some((_, days)) = remaining(charging) {
            credit_remaining(charging, charge_type, days);
        }
        return;
    }
    let trial = charging.subscription.standing == Standing::Trial;
    let charge_type = if trial { ChargeType::Cancel } else { ChargeType::CancelImmediate };
    let day = charging.effective_on();
    let periods = charging.subscription.billing.periods();
    let lines: Vec<_> = periods.iter().flat_map(|period| &period.lines).cloned().collect();
    for line in lines {
        charging.take_back(charge_type, &line, day);
    }
}

/// Begins the periods that came to be due on the day itself: a period begins with its day, before any change of that day.
fn catch_up(charging: &mut Charging<'_, '_>) {
    let day = charging.effective_on();
    while let Some((span, quantity)) = charging.next_period().filter(|(span, _)| span.start <= day) {
        renew(charging, span, quantity);
    }
}

/// Charges a period that follows another.
pub(super) fn renew(charging: &mut Charging<'_, '_>, span: Span, quantity: u32) {
    charging.start_period(span, quantity);
    charging.charge(ChargeType::Renew, span, quantity, span.start);
}

/// The running period and how many of its days are left, today's included.
fn remaining(charging: &mut Charging<'_, '_>) -> Option<(Span, u32)> {
    catch_up(charging);
    let day = charging.effective_on();
    let period = charging.subscription.billing.current()?;
    let period_days = period.lines.iter().find(|line| line.open)?.derivation.period_days;
    let span = Span { start: period.start, end: period.end, period_days };
    let days = span.from(day).days();
    (days > 0).then_some((span, days))
}

fn credit_remaining(charging: &mut Charging<'_, '_>, charge_type: ChargeType, days: u32) {
    let day = charging.effective_on();
    let period = charging.subscription.billing.current();
    let open = period.into_iter().flat_map(|period| &period.lines).filter(|line| line.open);
    let lines: Vec<BilledLine> = open.cloned().collect();
    for line in lines {
        charging.take_back_days(charge_type, &line, days, line.charge_start, day);
    }
}
