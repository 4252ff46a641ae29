//! License subscriptions: charged in advance on the anniversary, suspended with a credit (billing.md section 2).

use super::{
    charging::Charging,
    correction,
    line::ChargeType,
    period::{self, Span},
};
use crate::{calendar, offer::BillingFrequency};

/// A suspension on fewer days than this after the purchase credits every charge so far (L10210; billing-details.md C27).
const FULL_CREDIT_DAYS: u32 = 30;

/// Type of a first charge (L10178, L10265).
pub(super) fn purchase_type(frequency: Option<BillingFrequency>) -> ChargeType {
    match frequency {
        Some(BillingFrequency::Annual) => ChargeType::ProrateFeesWhenPurchase,
        Some(BillingFrequency::Monthly | BillingFrequency::OneTime) | None => ChargeType::CycleFee,
    }
}

/// Credits everything in the first 30 days, later the unused days of what was charged, the day of the suspension included
/// (L10222-10246). A correction that was still to come is made first, so that what is credited was charged.
pub(super) fn suspend(charging: &mut Charging<'_, '_>) {
    let day = charging.effective_on();
    let full = day < calendar::add_days(charging.subscription.start, FULL_CREDIT_DAYS);
    if !full {
        correction::settle(charging, day);
    }
    let billing = &charging.subscription.billing;
    let lines: Vec<_> = billing.periods().iter().flat_map(|period| billing.lines_in_force(period)).cloned().collect();
    for line in lines {
        if full || day <= line.charge_start {
            charging.take_back(ChargeType::CancelFee, &line, day);
        } else if day < line.charge_end {
            let unused_days = calendar::days_between(day, line.charge_end);
            charging.take_back_days(ChargeType::CancelFee, &line, unused_days, day, day);
        }
    }
}

/// Charges the rest of the running period, or of the one that the day falls in if that ended meanwhile (L10357-10381). The type is
/// the purchase's for monthly ones too (billing-details.md C39). Days before stay free, whatever was credited.
pub(super) fn reactivate(charging: &mut Charging<'_, '_>) {
    let day = charging.effective_on();
    let quantity = charging.subscription.quantity;
    let frequency = charging.frequency();
    let subscription = &charging.subscription;
    let billed = subscription.billing.periods().iter().filter(|period| day < period.end);
    // More than one only if the fact comes late and the next period has begun: its fee was credited with the suspension.
    let mut spans: Vec<_> = billed
        .map(|period| Span { end: period.end, ..Span::starting(subscription, period.start, frequency) })
        .collect();
    if spans.is_empty() {
        let Some(span) = period::holding(&charging.subscription, day) else { return };
        charging.start_period(span, quantity);
        spans.push(span);
    }
    for span in spans {
        let whole_later = day < span.start;
        let charge_type = if whole_later { ChargeType::CycleFee } else { ChargeType::ProrateFeesWhenPurchase };
        charging.charge(charge_type, span.from(day), quantity, day);
    }
}
