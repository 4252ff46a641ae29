//! The fold: charges and changes of seats become sums of a month.
//!
//! Sums do not depend on the order of partitions, and what a subscription holds only on the one partition of its customer.

mod credits;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use subledger_domain::{
    Event,
    charge::Charged,
    event::{
        FreeTrialConverted, QuantityChanged, ScheduledChangeApplied, SubscriptionConverted, SubscriptionCreated,
        TrialConverted, TrialStarted,
    },
};
use subledger_fold::{Changes, Projection, Recorded, StoreError};

use crate::{
    month::Month,
    tables::{
        bases::{Base, Sums},
        subscriptions::{Holding, Name},
    },
};

/// The incentive read model: net revenue and net seats by month, earned credit by day and resource.
#[derive(Clone, Copy, Debug, Default)]
pub struct IncentiveProjection;

impl Projection for IncentiveProjection {
    fn name(&self) -> &'static str {
        "incentive"
    }

    fn version(&self) -> u32 {
        2
    }

    fn fold(&self, commit: &Recorded<'_>, rows: &mut dyn Changes) -> Result<(), StoreError> {
        for event in commit.outcome.unwrap_or_default() {
            fold_event(event, rows)?;
        }
        Ok(())
    }
}

fn fold_event(event: &Event, rows: &mut dyn Changes) -> Result<(), StoreError> {
    match event {
        Event::Charged(line) => {
            charged(rows, line)?;
            line.usage.as_ref().map_or(Ok(()), |usage| credits::charged(rows, line, usage))
        }
        Event::UsageRated(e) => e.rows.iter().try_for_each(|row| credits::rated(rows, e, row)),
        Event::SubscriptionCreated(e) => created(rows, e),
        Event::QuantityChanged(e) => quantity_changed(rows, e),
        Event::TrialConverted(e) => trial_converted(rows, e),
        Event::SubscriptionConverted(e) => converted(rows, e),
        Event::SubscriptionCancelled(e) => given_back(rows, name(&e.customer_id, &e.subscription_id), e.effective_on),
        Event::SubscriptionExpired(e) => given_back(rows, name(&e.customer_id, &e.subscription_id), e.effective_on),
        Event::SubscriptionDeprovisioned(e) => {
            given_back(rows, name(&e.customer_id, &e.subscription_id), e.effective_on)
        }
        Event::TrialStarted(e) => trial_started(rows, e),
        Event::FreeTrialConverted(e) => free_trial_converted(rows, e),
        Event::TrialExpired(e) => given_back(rows, name(&e.customer_id, &e.subscription_id), e.effective_on),
        Event::ScheduledChangeApplied(e) => scheduled_change(rows, e),
        Event::SubscriptionSuspended(e) if e.reason.is_final() => {
            given_back(rows, name(&e.customer_id, &e.subscription_id), e.effective_on)
        }
        _ => Ok(()),
    }
}

fn name<'a>(
    customer: &'a subledger_domain::ids::CustomerId,
    subscription: &'a subledger_domain::ids::SubscriptionId,
) -> Name<'a> {
    Name { customer, subscription }
}

fn charged(rows: &mut dyn Changes, line: &Charged) -> Result<(), StoreError> {
    let base = Base {
        partner_id: line.partner_id.clone(),
        month: Month::of(line.charged_on),
        reseller_id: line.reseller_id.clone(),
        offer_id: line.offer_id.clone(),
        currency: line.currency,
    };
    base.add(rows, &Sums { net_revenue: line.net(), net_seats: 0, charge_count: 1 })
}

fn created(rows: &mut dyn Changes, event: &SubscriptionCreated) -> Result<(), StoreError> {
    let holding = Holding {
        partner_id: event.partner_id.clone(),
        reseller_id: event.reseller_id.clone(),
        offer_id: event.offer_id.clone(),
        currency: event.currency,
        quantity: event.quantity,
        trial: event.trial_end.is_some(),
    };
    name(&event.customer_id, &event.subscription_id).put(rows, &holding)?;
    move_seats(rows, &holding, event.start, i64::from(holding.quantity))
}

/// A free trial has no effect on incentives (L14746).
fn trial_started(rows: &mut dyn Changes, event: &TrialStarted) -> Result<(), StoreError> {
    let holding = Holding {
        partner_id: event.partner_id.clone(),
        reseller_id: event.reseller_id.clone(),
        offer_id: event.offer_id.clone(),
        currency: event.currency,
        quantity: event.quantity,
        trial: true,
    };
    name(&event.customer_id, &event.subscription_id).put(rows, &holding)
}

/// From here on like any new subscription.
fn free_trial_converted(rows: &mut dyn Changes, event: &FreeTrialConverted) -> Result<(), StoreError> {
    let name = name(&event.customer_id, &event.subscription_id);
    let before = held(rows, name)?;
    let holding = Holding { offer_id: event.offer_id.clone(), quantity: event.quantity, trial: false, ..before };
    move_seats(rows, &holding, event.start, i64::from(holding.quantity))?;
    name.put(rows, &holding)
}

/// Seats that change with the renewal; on a date, a change of seats follows.
fn scheduled_change(rows: &mut dyn Changes, event: &ScheduledChangeApplied) -> Result<(), StoreError> {
    let (Some(to), None) = (event.change.quantity, event.change.on) else { return Ok(()) };
    let name = name(&event.customer_id, &event.subscription_id);
    let holding = held(rows, name)?;
    move_seats(rows, &holding, event.effective_on, i64::from(to) - i64::from(holding.quantity))?;
    name.put(rows, &Holding { quantity: to, ..holding })
}

fn quantity_changed(rows: &mut dyn Changes, event: &QuantityChanged) -> Result<(), StoreError> {
    let name = name(&event.customer_id, &event.subscription_id);
    let holding = held(rows, name)?;
    let seats = i64::from(event.to) - i64::from(holding.quantity);
    move_seats(rows, &holding, event.effective_on, seats)?;
    name.put(rows, &Holding { quantity: event.to, ..holding })
}

fn trial_converted(rows: &mut dyn Changes, event: &TrialConverted) -> Result<(), StoreError> {
    let name = name(&event.customer_id, &event.subscription_id);
    let before = held(rows, name)?;
    if !before.trial {
        return Ok(());
    }
    let holding = Holding { trial: false, ..before };
    move_seats(rows, &holding, event.paid_from, i64::from(holding.quantity))?;
    name.put(rows, &holding)
}

fn converted(rows: &mut dyn Changes, event: &SubscriptionConverted) -> Result<(), StoreError> {
    let name = name(&event.customer_id, &event.subscription_id);
    let before = held(rows, name)?;
    if before.offer_id == event.offer_id {
        return Ok(());
    }
    let seats = i64::from(before.quantity);
    move_seats(rows, &before, event.effective_on, -seats)?;
    let holding = Holding { offer_id: event.offer_id.clone(), ..before };
    move_seats(rows, &holding, event.effective_on, seats)?;
    name.put(rows, &holding)
}

/// The end of a subscription. The second one (deprovisioned after a transfer, say) has nothing left to give back.
fn given_back(rows: &mut dyn Changes, name: Name<'_>, on: NaiveDate) -> Result<(), StoreError> {
    let Some(holding) = name.get(rows)? else { return Ok(()) };
    name.delete(rows);
    move_seats(rows, &holding, on, -i64::from(holding.quantity))
}

fn held(rows: &dyn Changes, name: Name<'_>) -> Result<Holding, StoreError> {
    let missing = || StoreError(format!("subscription {} of {} does not exist", name.subscription, name.customer));
    name.get(rows)?.ok_or_else(missing)
}

/// Counts seats in the month of `on`; negative ones are given back. Those of a trial do not count.
fn move_seats(rows: &mut dyn Changes, holding: &Holding, on: NaiveDate, seats: i64) -> Result<(), StoreError> {
    if holding.trial || seats == 0 {
        return Ok(());
    }
    let base = Base {
        partner_id: holding.partner_id.clone(),
        month: Month::of(on),
        reseller_id: holding.reseller_id.clone(),
        offer_id: holding.offer_id.clone(),
        currency: holding.currency,
    };
    base.add(rows, &Sums { net_revenue: Decimal::ZERO, net_seats: seats, charge_count: 0 })
}
