//! Charges: what a purchase, a change or a day's end costs, decided together with its cause.
//!
//! Corrections follow the charge actually made: a credit takes back a line, in whole or for its last days, and [`Billing`] remembers
//! which lines are in force. Licenses are corrected on the monthly anniversary ([`day_end`]), all other products at once.

mod adjustment;
mod billing;
mod charging;
mod correction;
mod explain;
mod license;
mod line;
mod one_time;
mod period;
mod reservation;
mod totals;
mod usage;

use std::borrow::Cow;

use chrono::NaiveDate;

pub use adjustment::{StandingLine, adjust, standing_line};
pub use billing::{Billing, evolve};
pub use explain::{Arithmetic, Basis, TakenBack, explain};
pub use line::{AppliedPromotion, ChargeType, Charged, Derivation, Discount, InvoiceFamily};
pub(crate) use one_time::ONE_TIME_WINDOW_DAYS;
pub(crate) use reservation::FEE_FREE_DAYS;
pub use reservation::{Return, exchange, give_back, refund, term_price};
pub use totals::InvoiceTotals;
pub use usage::usage;

use self::{charging::Charging, period::Span};
use crate::{
    calendar,
    customer::{Standing, Subscription},
    decision::Decision,
    event::TrialConverted,
    offer::{BillingFrequency, PriceComponent, ProductFamily},
};

/// Charges a subscription that begins (its events are in `decision` already).
pub fn purchase(subscription: &Subscription, decision: &mut Decision<'_>) {
    begin(Charging::new(subscription, decision));
}

/// The same, which gives the subscription back as charged.
pub fn purchased(subscription: Subscription, decision: &mut Decision<'_>) -> Subscription {
    begin(Charging { subscription: Cow::Owned(subscription), decision }).into_owned()
}

fn begin<'a>(mut charging: Charging<'a, '_>) -> Cow<'a, Subscription> {
    let subscription = &*charging.subscription;
    // Nothing is charged before a publisher has confirmed, nor for what has no price.
    if matches!(subscription.standing, Standing::PendingFulfilment { .. }) || subscription.prices.is_empty() {
        return charging.subscription;
    }
    let (start, quantity) = (subscription.start, subscription.quantity);
    let trial_end = subscription.trial_end.filter(|_| subscription.standing == Standing::Trial);
    let span = match trial_end {
        Some(end) => Span::trial(start, end),
        None => Span::starting(subscription, start, subscription.billing_frequency),
    };
    let charge_type = match subscription.product_family {
        ProductFamily::License => license::purchase_type(subscription.billing_frequency),
        ProductFamily::OneTimeRecurring | ProductFamily::MarketplaceSaas => ChargeType::New,
    };
    charging.start_period(span, quantity);
    charging.charge(charge_type, span, quantity, charging.effective_on());
    charging.subscription
}

/// The day that anniversaries are counted from: the start, or the first day of the first whole period after a trial.
pub fn anchor(subscription: &Subscription) -> NaiveDate {
    period::anchor(subscription)
}

/// The first day of the period that is charged now; none before anything was charged.
pub fn charged_from(subscription: &Subscription) -> Option<NaiveDate> {
    subscription.billing.current().map(|period| period.start)
}

/// The first day for which it is remembered what was charged, so that a late change can be corrected from it on.
pub fn remembered_from(subscription: &Subscription) -> Option<NaiveDate> {
    subscription.billing.periods().first().map(|period| period.start)
}

/// The first day from which on every remembered period has the length that one of now would have.
pub fn same_rhythm_from(subscription: &Subscription) -> Option<NaiveDate> {
    period::same_rhythm_from(subscription)
}

/// Charges a free trial that became paid today: its first period, or the days up to the partner's next billing date, which begins
/// the first whole one (L14738, decision G17).
pub fn convert_free_trial(subscription: &Subscription, decision: &mut Decision<'_>) {
    let mut charging = Charging::new(subscription, decision);
    let span = Span::starting(subscription, subscription.start, subscription.billing_frequency);
    let whole = span.days() == span.period_days;
    let charge_type = match subscription.billing_frequency {
        Some(BillingFrequency::Monthly) if !whole => ChargeType::ProrateFeesWhenPurchase,
        frequency => license::purchase_type(frequency),
    };
    charging.start_period(span, subscription.quantity);
    charging.charge(charge_type, span, subscription.quantity, charging.effective_on());
}

/// Charges a change from the present quantity to `to`; a license's is corrected on the next monthly anniversary instead.
pub fn change_quantity(subscription: &Subscription, to: u32, decision: &mut Decision<'_>) {
    if subscription.product_family != ProductFamily::License && to != subscription.quantity {
        one_time::change_quantity(&mut Charging::new(subscription, decision), to);
    }
}

/// Credits a suspension that takes effect on the decision's day. Products other than licenses keep what was charged.
pub fn suspend(subscription: &Subscription, decision: &mut Decision<'_>) {
    if subscription.product_family == ProductFamily::License {
        license::suspend(&mut Charging::new(subscription, decision));
    }
}

/// Charges the rest of the period after a reactivation, unless a product that got no credit still runs in a period it paid.
pub fn reactivate(subscription: &Subscription, decision: &mut Decision<'_>) {
    if subscription.prices.is_empty() {
        return;
    }
    let mut charging = Charging::new(subscription, decision);
    if charging.is_license() {
        return license::reactivate(&mut charging);
    }
    let day = charging.effective_on();
    let ended = period::next_start(subscription).is_some_and(|next| next <= day);
    if let Some(span) = period::holding(subscription, day).filter(|_| ended) {
        charging.start_period(span, subscription.quantity);
        charging.charge_days(ChargeType::Renew, span, span.from(day).days(), subscription.quantity, day);
    }
}

/// Whether a cancellation of a one-time or marketplace product is still inside its window for a credit.
pub fn cancel_window_open(subscription: &Subscription, decision: &Decision<'_>) -> bool {
    one_time::cancel_window_open(subscription, decision.context.effective_at)
}

/// Credits a cancellation inside the window, or of a trial. A license is cancelled by suspending it.
pub fn cancel(subscription: &Subscription, decision: &mut Decision<'_>) {
    let mut charging = Charging::new(subscription, decision);
    if charging.is_license() { license::suspend(&mut charging) } else { one_time::cancel(&mut charging) }
}

/// Credits the old plan and charges the new one. The new offer is taken from the `SubscriptionConverted` in `decision`, if it is
/// there already.
pub fn convert(subscription: &Subscription, to_sku: &str, prices: &[PriceComponent], decision: &mut Decision<'_>) {
    one_time::convert(&mut Charging::new(subscription, decision), to_sku, prices);
}

/// Charges everything due at the end of `date`: corrections first, then the period that begins.
pub fn day_end(subscription: &Subscription, date: NaiveDate, decision: &mut Decision<'_>) {
    let mut charging = Charging::new(subscription, decision);
    let mut done = None;
    while let Some(due) = next_due(&charging.subscription).filter(|due| *due <= date && done < Some(*due)) {
        done = Some(due);
        if charging.subscription.standing == Standing::Trial {
            convert_trial(&mut charging, due);
        } else {
            anniversary(&mut charging, due);
        }
    }
}

fn anniversary(charging: &mut Charging<'_, '_>, day: NaiveDate) {
    let corrected = charging.is_license() && correction::on_anniversary(charging, day);
    let monthly = charging.frequency() == Some(BillingFrequency::Monthly);
    let Some((span, quantity)) = charging.next_period().filter(|(span, _)| span.start <= day) else { return };
    if !charging.is_license() {
        return one_time::renew(charging, span, quantity);
    }
    // A monthly change also types the next cycle (L10198).
    let charge_type = if corrected && monthly { ChargeType::CycleInstanceProrate } else { ChargeType::CycleFee };
    let purchase_date = charging.subscription.start;
    charging.start_period(span, quantity);
    charging.charge(charge_type, span, quantity, purchase_date);
}

/// A marketplace trial becomes a paid subscription by itself (L10588-10599).
fn convert_trial(charging: &mut Charging<'_, '_>, paid_from: NaiveDate) {
    let term_end = calendar::anniversary(paid_from, charging.subscription.term_months);
    let subscription = charging.subscription.to_mut();
    subscription.standing = Standing::Active;
    subscription.term_start = paid_from;
    subscription.term_end = term_end;
    let (customer_id, subscription_id) = (subscription.customer_id.clone(), subscription.subscription_id.clone());
    charging.emit(TrialConverted { customer_id, subscription_id, paid_from, term_end });
    if let Some((span, quantity)) = charging.next_period() {
        one_time::renew(charging, span, quantity);
    }
}

/// The next day at whose end [`day_end`] has something to do, if no command comes in between: an anniversary with a pending
/// correction, the start of a period (of the next term's too, if it renews by itself), or the end of a trial.
pub fn next_due(subscription: &Subscription) -> Option<NaiveDate> {
    let correction = match (subscription.product_family, subscription.standing) {
        // A term that ended owes the corrections of its last month.
        (ProductFamily::License, Standing::Active | Standing::Expired) => billing::correction_due(subscription),
        _ => None,
    };
    let period = match subscription.standing {
        Standing::Trial => subscription.trial_end,
        Standing::Active => {
            period::next_start(subscription).filter(|next| *next < subscription.term_end || subscription.auto_renew)
        }
        _ => None,
    };
    correction.into_iter().chain(period).min()
}
