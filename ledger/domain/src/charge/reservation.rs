//! Giving a reservation back (azure-marketplace-software.md 2.13, L12842-12864): what is credited follows what was charged, the fee
//! follows the value of the remaining term.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::{
    billing::BilledLine,
    charging::Charging,
    line::{ChargeType, Derivation},
    one_time,
};
use crate::{
    calendar,
    customer::Subscription,
    decision::Decision,
    offer::ProrationRule,
    proration::{Part, prorate},
};

/// Days after the purchase without a fee (L12855-12858).
pub(crate) const FEE_FREE_DAYS: u32 = 5;
/// Of the value of the remaining term (L13430).
const FEE_PERCENT: Decimal = Decimal::from_parts(12, 0, 0, false, 0);

/// What a reservation is worth on a day, and what giving it back brings and costs. Amounts without tax, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Return {
    /// Days since the purchase.
    pub elapsed_days: u32,
    /// Days to the end of the term, today's included.
    pub remaining_days: u32,
    /// Of the remaining term, at the price of the purchase.
    pub value: Decimal,
    /// What is credited of the charges made: less than the value where instalments are still to come.
    pub credit: Decimal,
    /// 12 % of the value; 0 in the first days and for an exchange.
    pub fee: Decimal,
}

impl Return {
    /// What the partner gets; below 0 if it pays.
    pub fn net(&self) -> Decimal {
        self.credit - self.fee
    }
}

/// A cancellation today: the first 5 days give back everything that was not used at all, later days the rest of the term.
pub fn refund(subscription: &Subscription, used: bool, on: NaiveDate) -> Return {
    let full = elapsed_days(subscription, on) <= FEE_FREE_DAYS && !used;
    let returned = back(subscription, full, on);
    let fee_free = returned.elapsed_days <= FEE_FREE_DAYS;
    let fee = if fee_free { Decimal::ZERO } else { returned.value * FEE_PERCENT / Decimal::ONE_HUNDRED };
    Return { fee: subscription.currency.round(fee), ..returned }
}

/// An exchange today: the rest of the term, without a fee (decision G11).
pub fn exchange(subscription: &Subscription, on: NaiveDate) -> Return {
    back(subscription, false, on)
}

fn elapsed_days(subscription: &Subscription, on: NaiveDate) -> u32 {
    calendar::days_between(subscription.term_start, on)
}

fn back(subscription: &Subscription, full: bool, on: NaiveDate) -> Return {
    let term_days = calendar::days_between(subscription.term_start, subscription.term_end);
    let remaining_days = calendar::days_between(on, subscription.term_end);
    let billed_days = if full { term_days } else { remaining_days };
    let terms = |derivation: Derivation, quantity| {
        let Derivation { rule, period_price, period_days, billed_days } = derivation;
        prorate(rule, subscription.currency, Part { period_price, quantity, billed_days, period_days }).amount
    };
    let value = prices(subscription).map(|period_price| {
        let rule = ProrationRule::Exact;
        terms(Derivation { rule, period_price, period_days: term_days, billed_days }, subscription.quantity)
    });
    let credit = unused(subscription, full, on).map(|(line, days)| {
        if days >= line.derivation.billed_days {
            line.left.amount
        } else {
            terms(Derivation { billed_days: days, ..line.derivation.clone() }, line.quantity)
        }
    });
    Return {
        elapsed_days: elapsed_days(subscription, on),
        remaining_days,
        value: value.sum(),
        credit: credit.sum(),
        fee: Decimal::ZERO,
    }
}

/// The whole price of the term, for each component.
fn prices(subscription: &Subscription) -> impl Iterator<Item = Decimal> {
    let months = subscription.term_months;
    subscription.prices.iter().map(move |price| {
        let paid_for = Decimal::from(price.per.months(months));
        (price.unit_price * Decimal::from(months)).checked_div(paid_for).unwrap_or(price.unit_price)
    })
}

/// The whole price of a term, all seats and components.
pub fn term_price(subscription: &Subscription) -> Decimal {
    let seats = Decimal::from(subscription.quantity);
    prices(subscription).map(|price| subscription.currency.round(price * seats)).sum()
}

/// The lines that days are credited of, and how many.
fn unused(subscription: &Subscription, full: bool, on: NaiveDate) -> impl Iterator<Item = (&BilledLine, u32)> {
    let lines = subscription.billing.periods().iter().flat_map(|period| &period.lines).filter(|line| line.open);
    lines.filter_map(move |line| {
        let days = if full { line.derivation.billed_days } else { calendar::days_between(on, line.charge_end) };
        (days > 0).then_some((line, days))
    })
}

/// Credits what is returned, and charges the fee. A credit below the one that the days make out was cut by the cap.
pub fn give_back(subscription: &Subscription, full: bool, returned: &Return, decision: &mut Decision<'_>) {
    let mut charging = Charging::new(subscription, decision);
    let day = charging.effective_on();
    let mut left = returned.credit;
    for (line, days) in unused(subscription, full, day) {
        left -= charging.take_back_at_most(ChargeType::CancelImmediate, line, days, left);
    }
    if returned.fee > Decimal::ZERO {
        one_time::fee(&mut charging, returned.fee, returned.value);
    }
}
