//! Associations: each step, and who is associated with a subscription.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use subledger_domain::{
    Event,
    association::AssociationState,
    event::{AssociationDrafted, DigitalPartnerRecorded},
    ids::{AssociationId, CustomerId, SubscriptionId},
};
use subledger_fold::{Changes, Recorded, StoreError};

use super::step;
use crate::tables::associations::{self, Association, Step, StepOf, associate};

/// What an event means for an association: who and which, the state after it, from which day, and what is said.
struct Move<'a> {
    customer_id: &'a CustomerId,
    association_id: &'a AssociationId,
    state: Option<AssociationState>,
    effective_on: Option<NaiveDate>,
    note: Option<&'a str>,
}

macro_rules! to {
    ($event:ident, $state:expr, $on:expr, $note:expr) => {
        Move {
            customer_id: &$event.customer_id,
            association_id: &$event.association_id,
            state: $state,
            effective_on: $on,
            note: $note,
        }
    };
}

fn moved(event: &Event) -> Option<Move<'_>> {
    Some(match event {
        Event::AssociationSubmitted(e) => to!(e, Some(AssociationState::Validating), None, None),
        Event::AssociationInformationRequested(e) => {
            to!(e, Some(AssociationState::InformationRequested), None, Some(&e.question))
        }
        Event::AssociationInformationProvided(e) => to!(e, Some(AssociationState::Validating), None, Some(&e.answer)),
        Event::AssociationCustomerNotified(e) => to!(e, Some(AssociationState::CustomerNotified), None, None),
        Event::AssociationOptedOut(e) => to!(e, Some(AssociationState::OptedOut), None, Some(&e.reason)),
        Event::AssociationRejected(e) => to!(e, Some(AssociationState::Rejected), None, Some(&e.reason)),
        Event::AssociationActivated(e) => to!(e, Some(AssociationState::Active), Some(e.from), None),
        Event::AssociationExtended(e) => to!(e, None, None, None),
        Event::AssociationEnded(e) => to!(e, Some(e.reason.state()), Some(e.ended_on), Some(&e.note)),
        _ => return None,
    })
}

/// Folds an event, if it is about an association or ends a subscription that has one.
pub(super) fn fold(
    rows: &mut dyn Changes,
    commit: &Recorded<'_>,
    number: u32,
    event: &Event,
) -> Result<(), StoreError> {
    let mut over = |customer_id: &CustomerId, id: &SubscriptionId, on: NaiveDate| {
        ended(rows, customer_id, id, |name| (number, step(commit, event, on, name, id.as_str())))
    };
    match event {
        Event::AssociationDrafted(e) => return drafted(rows, commit, number, e),
        Event::DigitalPartnerRecorded(e) => return set_in_product(rows, e),
        Event::SubscriptionCancelled(e) => return over(&e.customer_id, &e.subscription_id, e.effective_on),
        Event::SubscriptionExpired(e) => return over(&e.customer_id, &e.subscription_id, e.effective_on),
        Event::SubscriptionDeprovisioned(e) => return over(&e.customer_id, &e.subscription_id, e.effective_on),
        Event::TrialExpired(e) => return over(&e.customer_id, &e.subscription_id, e.effective_on),
        Event::SubscriptionSuspended(e) if e.reason.is_final() => {
            return over(&e.customer_id, &e.subscription_id, e.effective_on);
        }
        _ => {}
    }
    let Some(moved) = moved(event) else { return Ok(()) };
    let Move { customer_id, association_id, state, effective_on, note } = moved;
    let missing =
        || StoreError(format!("an event speaks of association {association_id} of {customer_id}, which is not there"));
    let mut row = associations::get(rows, customer_id, association_id)?.ok_or_else(missing)?;
    row.state = state.unwrap_or(row.state);
    if let Some(note) = note {
        note.clone_into(&mut row.note);
    }
    change(&mut row, event);
    relate(rows, &row, event)?;
    let effective_on = effective_on.unwrap_or_else(|| commit.effective_at.date_naive());
    let step = step(commit, event, effective_on, row.state.name(), &row.note);
    associations::put(rows, &row)?;
    associations::put_step(rows, number, &StepOf { step, after: row })
}

/// The form is saved; one that is saved again replaces what it said.
fn drafted(
    rows: &mut dyn Changes,
    commit: &Recorded<'_>,
    number: u32,
    e: &AssociationDrafted,
) -> Result<(), StoreError> {
    let row = Association {
        customer_id: e.customer_id.clone(),
        partner_id: e.partner_id.clone(),
        association_id: e.association_id.clone(),
        state: AssociationState::Draft,
        details: e.details.clone(),
        subscription_ids: BTreeSet::new(),
        submitted_on: None,
        opt_out_until: None,
        active_from: None,
        extended_until: None,
        ended_on: None,
        replaced_by: None,
        note: String::new(),
    };
    let event = Event::from(e.clone());
    let step = step(commit, &event, commit.effective_at.date_naive(), row.state.name(), "");
    associations::put(rows, &row)?;
    associations::put_step(rows, number, &StepOf { step, after: row })
}

fn change(row: &mut Association, event: &Event) {
    match event {
        Event::AssociationSubmitted(e) => {
            row.details.clone_from(&e.details);
            let claimed = e.details.products.iter().filter_map(|product| product.subscription_id.clone());
            row.subscription_ids = claimed.collect();
            row.submitted_on = Some(e.submitted_on);
        }
        Event::AssociationInformationProvided(e) => row.details.documents.extend(e.documents.iter().cloned()),
        Event::AssociationCustomerNotified(e) => row.opt_out_until = Some(e.opt_out_until),
        Event::AssociationOptedOut(e) => row.ended_on = Some(e.opted_out_on),
        Event::AssociationRejected(e) => row.ended_on = Some(e.rejected_on),
        Event::AssociationActivated(e) => row.active_from = Some(e.from),
        Event::AssociationExtended(e) => row.extended_until = Some(e.until),
        Event::AssociationEnded(e) => {
            row.ended_on = Some(e.ended_on);
            row.replaced_by.clone_from(&e.replaced_by);
        }
        _ => {}
    }
}

/// Who is associated with each subscription from now on.
fn relate(rows: &mut dyn Changes, row: &Association, event: &Event) -> Result<(), StoreError> {
    let id = &row.association_id;
    for subscription_id in &row.subscription_ids {
        match event {
            Event::AssociationActivated(_) => {
                associate(rows, &row.customer_id, subscription_id, |it| it.by_claim = Some(id.clone()))?;
            }
            Event::AssociationEnded(_) => {
                associate(rows, &row.customer_id, subscription_id, |it| {
                    // What replaced it is there already.
                    it.by_claim = it.by_claim.take().filter(|by| by != id);
                })?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn set_in_product(rows: &mut dyn Changes, e: &DigitalPartnerRecorded) -> Result<(), StoreError> {
    associate(rows, &e.customer_id, &e.subscription_id, |it| it.by_product.clone_from(&e.partner_id))
}

/// A subscription is over, and so is everybody's part in it.
fn ended(
    rows: &mut dyn Changes,
    customer_id: &CustomerId,
    id: &SubscriptionId,
    step: impl Fn(&str) -> (u32, Step),
) -> Result<(), StoreError> {
    associate(rows, customer_id, id, |it| *it = associations::Associated::default())?;
    let prefix = associations::prefix(Some(customer_id.as_str()));
    let mut concerned = Vec::new();
    rows.scan(&prefix, &[], false, &mut |_, row| {
        let row: Association = subledger_fold::decode(row)?;
        concerned.extend(Some(row).filter(|row| row.state.holds() && row.subscription_ids.contains(id)));
        Ok(true)
    })?;
    for mut row in concerned {
        row.subscription_ids.remove(id);
        let (number, step) = step(row.state.name());
        associations::put(rows, &row)?;
        associations::put_step(rows, number, &StepOf { step, after: row })?;
    }
    Ok(())
}
