//! The fold: charges and changes of seats become sums of a month.
//!
//! Sums do not depend on the order of partitions, and what a subscription holds only on the one partition of its customer.

mod associations;
mod coop;
mod credits;
mod incentives;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use subledger_domain::{
    Event,
    charge::Charged,
    event::{
        FreeTrialConverted, QuantityChanged, ScheduledChangeApplied, SubscriptionConverted, SubscriptionCreated,
        TrialConverted, TrialStarted,
    },
    position::{Family, Position},
};
use subledger_fold::{Changes, Projection, Recorded, StoreError, as_of};

use crate::{
    month::Month,
    tables::{
        associations::Step,
        base_days::{self, Place},
        bases::{Base, Sums},
        causes,
        subscriptions::{Holding, Name},
    },
};

/// The incentive read model: net revenue and net seats by month, earned credit by day and resource, earnings and payments by program.
#[derive(Clone, Copy, Debug, Default)]
pub struct IncentiveProjection;

impl Projection for IncentiveProjection {
    fn name(&self) -> &'static str {
        "incentive"
    }

    fn version(&self) -> u32 {
        8
    }

    fn fold(&self, commit: &Recorded<'_>, rows: &mut dyn Changes) -> Result<(), StoreError> {
        let events = commit.outcome.unwrap_or_default();
        // Nothing of the catalog is looked back at.
        if matches!(commit.position.partition.family, Family::Customers | Family::Partners) {
            as_of::note(rows, commit);
        }
        for (number, event) in (0..).zip(events) {
            associations::fold(rows, commit, number, event)?;
            coop::fold(rows, commit, number, event)?;
        }
        causes::note(rows, commit)?;
        let mut books = Books { rows, position: commit.position, sums: BTreeMap::new() };
        for (index, event) in events.iter().enumerate() {
            let index = u32::try_from(index).map_err(|_| StoreError("a commit has too many events".to_owned()))?;
            fold_event(event, index, &mut books)?;
            credits::disputes(books.rows, commit, event)?;
            incentives::fold(books.rows, commit, index, event)?;
        }
        books.finish()
    }
}

/// A step of an association or a claim.
fn step(commit: &Recorded<'_>, event: &Event, effective_on: NaiveDate, state: &str, note: &str) -> Step {
    Step {
        position: commit.position,
        command_id: commit.command_id.to_owned(),
        principal: commit.principal.to_owned(),
        effective_on,
        recorded_at: commit.recorded_at,
        event: event.name().to_owned(),
        state: state.to_owned(),
        note: note.to_owned(),
    }
}

/// The rows while a commit is folded. What it adds to bases is added up, and each row is changed once.
struct Books<'a> {
    rows: &'a mut dyn Changes,
    position: Position,
    sums: BTreeMap<(Base, NaiveDate), Sums>,
}

impl Books<'_> {
    /// Adds to a base what counts on a day.
    fn add(&mut self, base: Base, on: NaiveDate, more: &Sums) -> Result<(), StoreError> {
        let sums = self.sums.entry((base, on)).or_default();
        *sums = sums.plus(more).ok_or_else(|| StoreError("the sums of a commit are too large".to_owned()))?;
        Ok(())
    }

    fn finish(self) -> Result<(), StoreError> {
        for ((base, on), sums) in &self.sums {
            base.add(self.rows, sums)?;
            base_days::add(self.rows, base, Place { on: *on, position: self.position }, sums)?;
        }
        Ok(())
    }
}

fn fold_event(event: &Event, index: u32, books: &mut Books<'_>) -> Result<(), StoreError> {
    match event {
        Event::Charged(line) => {
            charged(books, line)?;
            let at = (books.position, index);
            line.usage.as_ref().map_or(Ok(()), |usage| credits::charged(books.rows, at, line, usage))
        }
        Event::UsageRated(e) => e.rows.iter().try_for_each(|row| credits::rated(books.rows, books.position, e, row)),
        Event::SubscriptionCreated(e) => created(books, e),
        Event::QuantityChanged(e) => quantity_changed(books, e),
        Event::TrialConverted(e) => trial_converted(books, e),
        Event::SubscriptionConverted(e) => converted(books, e),
        Event::SubscriptionCancelled(e) => given_back(books, name(&e.customer_id, &e.subscription_id), e.effective_on),
        Event::SubscriptionExpired(e) => given_back(books, name(&e.customer_id, &e.subscription_id), e.effective_on),
        Event::SubscriptionDeprovisioned(e) => {
            given_back(books, name(&e.customer_id, &e.subscription_id), e.effective_on)
        }
        Event::TrialStarted(e) => trial_started(books, e),
        Event::FreeTrialConverted(e) => free_trial_converted(books, e),
        Event::TrialExpired(e) => given_back(books, name(&e.customer_id, &e.subscription_id), e.effective_on),
        Event::ScheduledChangeApplied(e) => scheduled_change(books, e),
        Event::SubscriptionSuspended(e) if e.reason.is_final() => {
            given_back(books, name(&e.customer_id, &e.subscription_id), e.effective_on)
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

fn charged(books: &mut Books<'_>, line: &Charged) -> Result<(), StoreError> {
    let base = Base {
        partner_id: line.partner_id.clone(),
        month: Month::of(line.charged_on),
        reseller_id: line.reseller_id.clone(),
        offer_id: line.offer_id.clone(),
        currency: line.currency,
    };
    books.add(base, line.charged_on, &Sums { net_revenue: line.net(), net_seats: 0, charge_count: 1 })
}

fn created(books: &mut Books<'_>, event: &SubscriptionCreated) -> Result<(), StoreError> {
    let holding = Holding {
        partner_id: event.partner_id.clone(),
        reseller_id: event.reseller_id.clone(),
        offer_id: event.offer_id.clone(),
        currency: event.currency,
        quantity: event.quantity,
        trial: event.trial_end.is_some(),
    };
    name(&event.customer_id, &event.subscription_id).put(books.rows, &holding)?;
    move_seats(books, &holding, event.start, i64::from(holding.quantity))
}

/// A free trial has no effect on incentives (L14746).
fn trial_started(books: &mut Books<'_>, event: &TrialStarted) -> Result<(), StoreError> {
    let holding = Holding {
        partner_id: event.partner_id.clone(),
        reseller_id: event.reseller_id.clone(),
        offer_id: event.offer_id.clone(),
        currency: event.currency,
        quantity: event.quantity,
        trial: true,
    };
    name(&event.customer_id, &event.subscription_id).put(books.rows, &holding)
}

/// From here on like any new subscription.
fn free_trial_converted(books: &mut Books<'_>, event: &FreeTrialConverted) -> Result<(), StoreError> {
    let name = name(&event.customer_id, &event.subscription_id);
    let before = held(books.rows, name)?;
    let holding = Holding { offer_id: event.offer_id.clone(), quantity: event.quantity, trial: false, ..before };
    move_seats(books, &holding, event.start, i64::from(holding.quantity))?;
    name.put(books.rows, &holding)
}

/// Seats that change with the renewal; on a date, a change of seats follows.
fn scheduled_change(books: &mut Books<'_>, event: &ScheduledChangeApplied) -> Result<(), StoreError> {
    let (Some(to), None) = (event.change.quantity, event.change.on) else { return Ok(()) };
    let name = name(&event.customer_id, &event.subscription_id);
    let holding = held(books.rows, name)?;
    move_seats(books, &holding, event.effective_on, i64::from(to) - i64::from(holding.quantity))?;
    name.put(books.rows, &Holding { quantity: to, ..holding })
}

fn quantity_changed(books: &mut Books<'_>, event: &QuantityChanged) -> Result<(), StoreError> {
    let name = name(&event.customer_id, &event.subscription_id);
    let holding = held(books.rows, name)?;
    let seats = i64::from(event.to) - i64::from(holding.quantity);
    move_seats(books, &holding, event.effective_on, seats)?;
    name.put(books.rows, &Holding { quantity: event.to, ..holding })
}

fn trial_converted(books: &mut Books<'_>, event: &TrialConverted) -> Result<(), StoreError> {
    let name = name(&event.customer_id, &event.subscription_id);
    let before = held(books.rows, name)?;
    if !before.trial {
        return Ok(());
    }
    let holding = Holding { trial: false, ..before };
    move_seats(books, &holding, event.paid_from, i64::from(holding.quantity))?;
    name.put(books.rows, &holding)
}

fn converted(books: &mut Books<'_>, event: &SubscriptionConverted) -> Result<(), StoreError> {
    let name = name(&event.customer_id, &event.subscription_id);
    let before = held(books.rows, name)?;
    if before.offer_id == event.offer_id {
        return Ok(());
    }
    let seats = i64::from(before.quantity);
    move_seats(books, &before, event.effective_on, -seats)?;
    let holding = Holding { offer_id: event.offer_id.clone(), ..before };
    move_seats(books, &holding, event.effective_on, seats)?;
    name.put(books.rows, &holding)
}

/// The end of a subscription. The second one (deprovisioned after a transfer, say) has nothing left to give back.
fn given_back(books: &mut Books<'_>, name: Name<'_>, on: NaiveDate) -> Result<(), StoreError> {
    let Some(holding) = name.get(books.rows)? else { return Ok(()) };
    name.delete(books.rows);
    move_seats(books, &holding, on, -i64::from(holding.quantity))
}

fn held(rows: &dyn Changes, name: Name<'_>) -> Result<Holding, StoreError> {
    let missing = || StoreError(format!("subscription {} of {} does not exist", name.subscription, name.customer));
    name.get(rows)?.ok_or_else(missing)
}

/// Counts seats in the month of `on`; negative ones are given back. Those of a trial do not count.
fn move_seats(books: &mut Books<'_>, holding: &Holding, on: NaiveDate, seats: i64) -> Result<(), StoreError> {
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
    books.add(base, on, &Sums { net_revenue: Decimal::ZERO, net_seats: seats, charge_count: 0 })
}
