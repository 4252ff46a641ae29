//! How the amount of a line came to be, step by step. The steps are computed again from what the line and the lines it rests on record,
//! by the code that decided them; so an explanation that does not end in the line's own numbers says so.

use rust_decimal::Decimal;

use super::line::{Charged, Derivation};
use crate::{
    proration::{self, Part, Step},
    usage::UsageCharge,
};

/// What a credit takes back.
#[derive(Clone, Copy, Debug)]
pub struct TakenBack<'a> {
    /// The line.
    pub line: &'a Charged,
    /// What was taken back of it before, in the order decided.
    pub earlier: &'a [Charged],
}

/// What an amount rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The price of the days billed, by the line's proration rule.
    Prorated,
    /// All that was left of the line that is taken back.
    WhatIsLeft,
    /// What a service month used, rounded down once, less what earlier lines charged.
    Rated,
    /// An amount given with the command, such as a credit by hand; or one that cannot be computed again.
    Given,
}

/// How a line's numbers came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arithmetic {
    /// What the amount rests on.
    pub basis: Basis,
    /// Up to the amount: the value of the last step is the line's amount.
    pub amount: Vec<Step>,
    /// From the amount on: discount, subtotal, tax, total. The value of the last step is the line's total.
    pub total: Vec<Step>,
}

/// Explains a line. A credit needs what it takes back: without it, or if it was changed by hand, its amount counts as given.
pub fn explain(line: &Charged, taken_back: Option<TakenBack<'_>>) -> Arithmetic {
    let (basis, amount) = amount_of(line, taken_back).unwrap_or_else(|| (Basis::Given, vec![given(line)]));
    Arithmetic { basis, amount, total: total_of(line, basis, taken_back) }
}

fn amount_of(line: &Charged, taken_back: Option<TakenBack<'_>>) -> Option<(Basis, Vec<Step>)> {
    if let Some(usage) = &line.usage {
        let steps = rated(line, usage);
        return steps.last().is_some_and(|last| last.value == line.amount).then_some((Basis::Rated, steps));
    }
    let (prorated, mut steps) = prorate(line);
    let found = match (&line.reverses_line_id, taken_back) {
        (None, _) => (Basis::Prorated, steps),
        (Some(_), None) => return None,
        (Some(_), Some(taken_back)) => {
            let left = left_of(taken_back, |line| line.amount);
            let days = taken_back.earlier.iter().fold(taken_back.line.derivation.billed_days, |days, credit| {
                days.saturating_sub(credit.derivation.billed_days)
            });
            if line.derivation.billed_days >= days || prorated > left {
                (Basis::WhatIsLeft, what_is_left(taken_back, left))
            } else {
                steps.push(exact("amount", format!("-({prorated})"), negative(prorated)));
                (Basis::Prorated, steps)
            }
        }
    };
    found.1.last().is_some_and(|last| last.value == line.amount).then_some(found)
}

fn prorate(line: &Charged) -> (Decimal, Vec<Step>) {
    let Derivation { rule, period_price, period_days, billed_days } = line.derivation;
    let part = Part { period_price, quantity: line.quantity, billed_days, period_days };
    let (prorated, steps) = proration::prorate_in_steps(rule, line.currency, part);
    (prorated.amount, steps)
}

/// What was charged less what was credited before.
fn left_of(taken_back: TakenBack<'_>, of: impl Fn(&Charged) -> Decimal) -> Decimal {
    of(taken_back.line) + taken_back.earlier.iter().map(&of).sum::<Decimal>()
}

fn what_is_left(taken_back: TakenBack<'_>, left: Decimal) -> Vec<Step> {
    let mut expression = taken_back.line.amount.to_string();
    for credit in taken_back.earlier {
        expression = format!("{expression} - {}", -credit.amount);
    }
    vec![exact("left of the line taken back", expression, left), exact("amount", format!("-({left})"), negative(left))]
}

/// From the quantity of the month to the line (azure-marketplace-software.md 2.16).
fn rated(line: &Charged, usage: &UsageCharge) -> Vec<Step> {
    let UsageCharge { quantity, unit_price, credit_percent, exchange_rate, charged_before, .. } = usage;
    let (effective, pricing) = (usage.effective_unit_price(), usage.pricing_amount());
    let net = usage.amounts(line.currency).net;
    let less = format!("{unit_price} × (100 - {credit_percent}) / 100");
    vec![
        exact("effective unit price", less, effective),
        exact("pricing amount", format!("{quantity} × {effective} {}", usage.pricing_currency), pricing),
        Step {
            exact: pricing * exchange_rate,
            ..exact("service month, rounded down", format!("{pricing} × {exchange_rate}"), net)
        },
        exact("amount", format!("{net} - {charged_before} charged before"), net - charged_before),
    ]
}

fn given(line: &Charged) -> Step {
    exact("amount", line.amount.to_string(), line.amount)
}

fn total_of(line: &Charged, basis: Basis, taken_back: Option<TakenBack<'_>>) -> Vec<Step> {
    let mut steps = Vec::new();
    let left = taken_back.filter(|_| basis == Basis::WhatIsLeft);
    let show = |amount: Decimal| line.currency.round(amount);
    if let Some(discount) = &line.discount {
        let expression = match left {
            Some(taken_back) => format!("-({})", left_of(taken_back, Charged::discount_amount)),
            None => format!("{} × {} / 100", line.amount, discount.promotion.percent),
        };
        let exact = line.amount * discount.promotion.percent / Decimal::ONE_HUNDRED;
        steps.push(rounded(
            line,
            "discount",
            expression,
            if left.is_some() { discount.amount } else { exact },
            discount.amount,
        ));
    }
    let subtotal = show(line.subtotal());
    steps.push(exact("subtotal", format!("{} - {}", line.amount, show(line.discount_amount())), subtotal));
    if let Some(tax) = &line.tax {
        let rate = tax.rule.rate_percent;
        let contained = tax.rule.treatment == crate::tax::TaxTreatment::Inclusive;
        let name = if contained { "tax contained" } else { "tax" };
        let value = if contained { tax.included } else { tax.amount };
        let due = !value.is_zero() || matches!(tax.rule.treatment, crate::tax::TaxTreatment::Exclusive);
        let (expression, unrounded) = match left {
            Some(taken_back) if contained => (format!("-({})", left_of(taken_back, Charged::tax_included)), value),
            Some(taken_back) => (format!("-({})", left_of(taken_back, Charged::tax_amount)), value),
            // A refund of tax, which no rate makes.
            None if rate.is_zero() && !value.is_zero() => (value.to_string(), value),
            None if contained => {
                let hundred = Decimal::ONE_HUNDRED;
                (format!("{subtotal} × {rate} / (100 + {rate})"), subtotal * rate / (hundred + rate))
            }
            None if due => (format!("{subtotal} × {rate} / 100"), subtotal * rate / Decimal::ONE_HUNDRED),
            None => (tax.rule.treatment.label().to_owned(), value),
        };
        steps.push(rounded(line, name, expression, unrounded, value));
    }
    steps.push(exact("total", format!("{subtotal} + {}", show(line.tax_amount())), show(line.total())));
    steps
}

fn exact(name: &'static str, expression: String, value: Decimal) -> Step {
    Step { name, expression, exact: value, value, digits: None }
}

fn rounded(line: &Charged, name: &'static str, expression: String, exact: Decimal, value: Decimal) -> Step {
    Step { name, expression, exact, value, digits: Some(line.currency.minor_digits()) }
}

/// A credit of nothing is nothing, not minus nothing.
fn negative(amount: Decimal) -> Decimal {
    if amount.is_zero() { amount } else { -amount }
}
