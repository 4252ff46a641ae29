//! Lines by hand: a credit for an outage or out of goodwill, and the correction of a line (billing-details.md C3, C21).

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::{
    charging::{Charging, Draft, Money},
    line::{ChargeType, Derivation},
};
use crate::{calendar, customer::Subscription, decision::Decision, ids::LineId, offer::ProrationRule, tax::TaxRule};

/// What is left of a line that was charged, and what a correction of it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingLine {
    /// Its subtotal, less what was credited of it.
    pub left: Decimal,
    charge_start: NaiveDate,
    charge_end: NaiveDate,
    component: Option<String>,
    tax: Option<TaxRule>,
}

/// A line of the current billing period or the one before that was not taken back whole.
pub fn standing_line(subscription: &Subscription, line_id: &LineId) -> Option<StandingLine> {
    let mut lines = subscription.billing.periods().iter().flat_map(|period| &period.lines);
    let line = lines.find(|line| line.line_id == *line_id)?;
    Some(StandingLine {
        left: line.left.amount - line.left.discount,
        charge_start: line.charge_start,
        charge_end: line.charge_end,
        component: line.component.clone(),
        tax: line.tax.clone(),
    })
}

/// Writes a line of an amount before tax, negative to give back. With a line it corrects, it has that one's days, component and
/// tax; without one it is a credit of the day it is charged, taxed as the subscription is then.
pub fn adjust(
    subscription: &Subscription,
    corrects: Option<(&LineId, &StandingLine)>,
    amount: Decimal,
    reference: &str,
    decision: &mut Decision<'_>,
) {
    let today = decision.charged_on;
    let (charge_type, charge_start, charge_end, component, rule) = if let Some((_, line)) = corrects {
        (ChargeType::LineItemOffset, line.charge_start, line.charge_end, line.component.clone(), line.tax.clone())
    } else {
        let rule = decision.tax_rule(subscription, None);
        (ChargeType::CustomerCredit, today, calendar::add_days(today, 1), None, rule)
    };
    let currency = subscription.currency;
    let amount = currency.round(amount);
    // Given, not computed: the whole of one day.
    let derivation =
        Derivation { rule: ProrationRule::Exact, period_price: amount.abs(), period_days: 1, billed_days: 1 };
    let mut charging = Charging::new(subscription, decision);
    // License files negate both, the others the amount only (L10195, L10410).
    let unit_price = if charging.is_license() { amount } else { amount.abs() };
    charging.write(Draft {
        charge_type,
        charge_start,
        charge_end,
        money: Money { unit_price, amount, discount: None, tax: rule.map(|rule| rule.on(currency, amount)) },
        quantity: 1,
        component,
        purchase_date: charging.effective_on(),
        reverses_line_id: corrects.map(|(line_id, _)| line_id.clone()),
        derivation,
        reference: Some(reference.to_owned()),
        usage: None,
    });
}
