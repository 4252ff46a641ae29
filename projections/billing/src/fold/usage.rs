//! The part of the fold that keeps rated usage and budgets ([`crate::tables::usage`]). All of a customer's usage is in one partition.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use subledger_domain::{
    Event, calendar,
    event::{SpendingBudgetSet, UsageRated},
    money::Currency,
    position::Position,
    usage::RatedUsage,
};
use subledger_fold::{Changes, StoreError, get, put};

use crate::tables::usage::{self, Budget, Current, Month, MonthOf, Place, Row};

/// Keeps what an event tells; `at` is when its command took effect.
pub(super) fn fold(
    rows: &mut dyn Changes,
    position: Position,
    event: &Event,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    match event {
        Event::MetersPublished(e) => e.meters.iter().try_for_each(|meter| usage::put_meter(rows, meter)),
        Event::AzureSubscriptionRegistered(e) => {
            usage::put_azure(rows, &e.customer_id, &e.azure_subscription_id, &e.name)
        }
        Event::UsageRecorded(e) => {
            e.records.iter().try_for_each(|record| usage::put_details(rows, &e.customer_id, record))
        }
        Event::UsageRated(e) => e.rows.iter().try_for_each(|row| rated(rows, position, e, row)),
        Event::SpendingBudgetSet(e) => budget_set(rows, e, at),
        Event::SpendingBudgetRemoved(e) => usage::put_budget(rows, &e.partner_id, &e.customer_id, None),
        Event::BudgetThresholdReached(e) => {
            let Some(mut budget) = usage::budget(rows, &e.partner_id, &e.customer_id)? else { return Ok(()) };
            budget.notified = Some(e.month);
            usage::put_budget(rows, &e.partner_id, &e.customer_id, Some(&budget))
        }
        _ => Ok(()),
    }
}

/// Keeps by how much a day changed: a document has what was new when it was charged.
fn rated(rows: &mut dyn Changes, position: Position, event: &UsageRated, row: &RatedUsage) -> Result<(), StoreError> {
    let place = Place::of(event, row);
    let current_key = place.current_key();
    let before: Option<Current> = get(rows, &current_key)?;
    let current = Current { portions: row.portions.clone(), percent: row.credit_percent };
    let details = usage::details(rows, &event.customer_id, &row.meter_id, &row.resource)?;
    let mut sums = Month::default();
    for ((unit_price, percent), quantity) in changes(before.as_ref(), &current) {
        let changed = Row {
            quantity,
            unit_price,
            credit_percent: percent,
            pricing_currency: row.pricing_currency,
            exchange_rate: row.exchange_rate,
            period_start: row.period_start,
            period_end: row.period_end,
            reseller_id: event.reseller_id.clone(),
            details: details.clone(),
            position,
        };
        let (gross, net) = changed.amounts();
        (sums.gross, sums.net) = (sums.gross + gross, sums.net + net);
        if row.pricing_currency == Currency::DOLLAR {
            sums.gross_usd += quantity * unit_price;
        }
        put(rows, place.key(unit_price, percent), &changed)?;
    }
    let month = MonthOf {
        partner_id: event.partner_id.clone(),
        month: calendar::first_of_month(row.usage_date),
        customer_id: event.customer_id.clone(),
        currency: event.currency,
    };
    month.add(rows, sums)?;
    put(rows, current_key, &current)
}

/// By price and share of credit, what is more or less than before.
fn changes(before: Option<&Current>, now: &Current) -> BTreeMap<(Decimal, Decimal), Decimal> {
    let mut changes: BTreeMap<(Decimal, Decimal), Decimal> = BTreeMap::new();
    for (of, sign) in before.map(|of| (of, -Decimal::ONE)).into_iter().chain([(now, Decimal::ONE)]) {
        for portion in &of.portions {
            let key = (portion.unit_price.normalize(), of.percent.normalize());
            *changes.entry(key).or_default() += sign * portion.quantity;
        }
    }
    changes.retain(|_, quantity| !quantity.is_zero());
    changes.values_mut().for_each(|quantity| *quantity = quantity.normalize());
    changes
}

impl Row {
    /// In the billing currency, without and with credit, exact.
    pub(crate) fn amounts(&self) -> (Decimal, Decimal) {
        let gross = self.quantity * self.unit_price * self.exchange_rate;
        (gross, self.pricing_amount() * self.exchange_rate)
    }

    /// Of one unit, less credit.
    pub(crate) fn effective_unit_price(&self) -> Decimal {
        let share = (Decimal::ONE_HUNDRED - self.credit_percent) / Decimal::ONE_HUNDRED;
        (self.unit_price * share).normalize()
    }

    /// In the pricing currency, less credit, exact.
    pub(crate) fn pricing_amount(&self) -> Decimal {
        (self.quantity * self.effective_unit_price()).normalize()
    }
}

fn budget_set(rows: &mut dyn Changes, event: &SpendingBudgetSet, at: DateTime<Utc>) -> Result<(), StoreError> {
    let notified = usage::budget(rows, &event.partner_id, &event.customer_id)?.and_then(|known| known.notified);
    let budget = Budget { amount: event.amount, currency: event.currency, notified: notified.filter(|_| !event.armed) };
    usage::put_budget(rows, &event.partner_id, &event.customer_id, Some(&budget))?;
    // A month without use is listed with its budget.
    let month = MonthOf {
        partner_id: event.partner_id.clone(),
        month: calendar::first_of_month(at.date_naive()),
        customer_id: event.customer_id.clone(),
        currency: event.currency,
    };
    month.add(rows, Month::default())
}
