//! Lines by hand: a credit for an outage or out of goodwill, and the correction of a line (billing-details.md C3, C21).

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::line::{ChargeType, Charged, Derivation, InvoiceFamily};
use crate::{
    calendar,
    customer::Subscription,
    decision::Decision,
    ids::LineId,
    offer::{ProductFamily, ProrationRule},
    tax::TaxRule,
};

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
    let (s, day) = (subscription, decision.charged_on);
    let (charge_type, charge_start, charge_end, component, rule) = match corrects {
        Some((_, line)) => {
            let (start, end) = (line.charge_start, line.charge_end);
            (ChargeType::LineItemOffset, start, end, line.component.clone(), line.tax.clone())
        }
        None => (ChargeType::CustomerCredit, day, calendar::add_days(day, 1), None, decision.tax_rule(s, None)),
    };
    let amount = s.currency.round(amount);
    let license = s.product_family == ProductFamily::License;
    let line_id = decision.next_line_id();
    decision.push(Charged {
        line_id,
        customer_id: s.customer_id.clone(),
        partner_id: s.partner_id.clone(),
        subscription_id: s.subscription_id.clone(),
        order_id: s.order_id.clone(),
        offer_id: s.offer_id.clone(),
        offer_name: s.offer_name.clone(),
        invoice_family: if license { InvoiceFamily::LicenseUsage } else { InvoiceFamily::OneTimeRecurring },
        charge_type,
        charge_start,
        charge_end,
        // License files negate both, the others the amount only (L10195, L10410).
        unit_price: if license { amount } else { amount.abs() },
        quantity: 1,
        amount,
        currency: s.currency,
        charged_on: day,
        component,
        sku: s.sku.clone(),
        subscription_description: None,
        purchase_date: decision.context.effective_on(),
        billing_frequency: s.billing_frequency,
        reverses_line_id: corrects.map(|(line_id, _)| line_id.clone()),
        // Given, not computed: the whole of one day.
        derivation: Derivation {
            rule: ProrationRule::Exact,
            period_price: amount.abs(),
            period_days: 1,
            billed_days: 1,
        },
        reseller_id: s.reseller_id.clone(),
        discount: None,
        tax: rule.map(|rule| rule.on(s.currency, amount)),
        reference: Some(reference.to_owned()),
    });
}
