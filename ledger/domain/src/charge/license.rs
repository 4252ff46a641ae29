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
pub(super) fn purchase_type(frequency: BillingFrequency) -> ChargeType {
    match frequency {
        BillingFrequency::Monthly => ChargeType::CycleFee,
        BillingFrequency::Annual => ChargeType::ProrateFeesWhenPurchase,
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
    let Some(running) = charging.subscription.billing.current() else { return };
    let (start, ended) = (running.start, running.end <= day);
    let span = if ended {
        let Some(span) = period::holding(&charging.subscription, day) else { return };
        charging.start_period(span, charging.subscription.quantity);
        span
    } else {
        Span::starting(&charging.subscription, start, charging.frequency())
    };
    let quantity = charging.subscription.quantity;
    charging.charge(ChargeType::ProrateFeesWhenPurchase, span.from(day), quantity, day);
}
