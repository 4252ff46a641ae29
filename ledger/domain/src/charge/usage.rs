//! The charge line of usage (azure-marketplace-software.md 2.16, 2.17).

use chrono::NaiveDate;

use super::{
    charging::{Charging, Draft, Money},
    line::{ChargeType, Derivation},
};
use crate::{customer::Subscription, decision::Decision, offer::ProrationRule, usage::UsageCharge};

/// Charges what a service month has more, or less, than earlier lines charged. The whole is rounded down once, so the lines of a month
/// together come to the month rounded down, whatever came late. Nothing is charged where nothing is left to.
pub fn usage(
    subscription: &Subscription,
    mut usage: UsageCharge,
    (charge_start, charge_end): (NaiveDate, NaiveDate),
    decision: &mut Decision<'_>,
) {
    let s = subscription;
    let amounts = usage.amounts(s.currency);
    let amount = s.currency.round(amounts.net - usage.charged_before);
    usage.earned_credit = s.currency.round(amounts.gross - amounts.net - usage.credited_before);
    let later = !usage.quantity_before.is_zero();
    if amount.is_zero() && usage.earned_credit.is_zero() && (later || usage.quantity.is_zero()) {
        return;
    }
    let rule = decision.tax_rule(s, None);
    let tax = rule.map(|rule| rule.on(s.currency, amount));
    Charging::new(s, decision).write(Draft {
        charge_type: if later { ChargeType::LineItemOffset } else { ChargeType::New },
        charge_start,
        charge_end,
        money: Money { unit_price: amount, amount, discount: None, tax },
        quantity: 1,
        component: None,
        purchase_date: charge_start,
        reverses_line_id: None,
        // The whole of one day; what it rests on stands in the usage.
        derivation: Derivation { rule: ProrationRule::Exact, period_price: amount, period_days: 1, billed_days: 1 },
        reference: None,
        usage: Some(usage),
    });
}
