//! Associations, and the partners of the subscriptions that have one.
//!
//! - [`Association`]. Key: customer text, association text.
//! - Of a partner: partner text, customer text, association text; no row.
//! - [`Step`], each with the association as it was after it. Key: customer text, association text, `seq` (8 bytes), number within the
//!   commit (4 bytes). A customer stays in one partition.
//! - [`Associated`]. Key: customer text, subscription text.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use subledger_domain::{
    association::{AssociationDetails, AssociationState},
    ids::{AssociationId, CustomerId, PartnerId, SubscriptionId},
    position::Position,
};
use subledger_fold::{Changes, Key, KeyReader, Rows, StoreError};

use super::prefix::{ASSOCIATED, ASSOCIATION_STEPS, ASSOCIATIONS, ASSOCIATIONS_BY_PARTNER};

/// An association of a partner with a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Association {
    /// The customer.
    pub customer_id: CustomerId,
    /// Who claims.
    pub partner_id: PartnerId,
    /// Its id.
    pub association_id: AssociationId,
    /// Where it stands.
    pub state: AssociationState,
    /// The form, with the documents that came later.
    pub details: AssociationDetails,
    /// What it claims and is not over.
    pub subscription_ids: BTreeSet<SubscriptionId>,
    /// The day it was handed in.
    pub submitted_on: Option<NaiveDate>,
    /// The last day to opt out.
    pub opt_out_until: Option<NaiveDate>,
    /// The first day it is official.
    pub active_from: Option<NaiveDate>,
    /// The day after the term of the subscription that renewed last.
    pub extended_until: Option<NaiveDate>,
    /// The first day without it, or the day it was refused.
    pub ended_on: Option<NaiveDate>,
    /// What took its place.
    pub replaced_by: Option<AssociationId>,
    /// The last question, answer or reason.
    pub note: String,
}

/// A step of an association or a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The commit.
    pub position: Position,
    /// Its command.
    pub command_id: String,
    /// Who sent it.
    pub principal: String,
    /// From which it holds, UTC.
    pub effective_on: NaiveDate,
    /// UTC.
    pub recorded_at: DateTime<Utc>,
    /// Name of the event.
    pub event: String,
    /// Name of the state after it.
    pub state: String,
    /// What was said, or which document came.
    pub note: String,
}

/// A step, and the association after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StepOf {
    pub(crate) step: Step,
    pub(crate) after: Association,
}

/// The partners associated with a subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Associated {
    pub(crate) by_claim: Option<AssociationId>,
    pub(crate) by_product: Option<PartnerId>,
}

/// The prefix of all associations, or of one customer's.
pub(crate) fn prefix(customer: Option<&str>) -> Vec<u8> {
    customer.into_iter().fold(Key::table(ASSOCIATIONS), Key::text).build()
}

fn key(customer: &CustomerId, id: &AssociationId) -> Vec<u8> {
    Key::table(ASSOCIATIONS).text(customer.as_str()).text(id.as_str()).build()
}

pub(crate) fn get(
    rows: &(impl Rows + ?Sized),
    customer: &CustomerId,
    id: &AssociationId,
) -> Result<Option<Association>, StoreError> {
    subledger_fold::get(rows, &key(customer, id))
}

/// Sets an association, which its partner has from then on.
pub(crate) fn put(rows: &mut dyn Changes, row: &Association) -> Result<(), StoreError> {
    let Association { customer_id, partner_id, association_id, .. } = row;
    let by_partner = Key::table(ASSOCIATIONS_BY_PARTNER).text(partner_id.as_str()).text(customer_id.as_str());
    rows.put(by_partner.text(association_id.as_str()).build(), Vec::new());
    subledger_fold::put(rows, key(customer_id, association_id), row)
}

/// The prefix of one partner's associations, or of those with one customer.
pub(crate) fn partner_prefix(partner: &str, customer: Option<&str>) -> Vec<u8> {
    customer.into_iter().fold(Key::table(ASSOCIATIONS_BY_PARTNER).text(partner), Key::text).build()
}

/// Customer and id of a partner's association.
pub(crate) fn read_partner_key(key: &[u8]) -> Result<(CustomerId, AssociationId), StoreError> {
    let mut reader = KeyReader::table(ASSOCIATIONS_BY_PARTNER, key)?;
    reader.text()?;
    let names = (reader.parse(CustomerId::new)?, reader.parse(AssociationId::new)?);
    reader.end()?;
    Ok(names)
}

/// The prefix of the steps of an association.
pub(crate) fn steps_prefix(customer: &CustomerId, id: &AssociationId) -> Vec<u8> {
    Key::table(ASSOCIATION_STEPS).text(customer.as_str()).text(id.as_str()).build()
}

pub(crate) fn put_step(rows: &mut dyn Changes, number: u32, row: &StepOf) -> Result<(), StoreError> {
    let prefix = steps_prefix(&row.after.customer_id, &row.after.association_id);
    let key = Key::default().bytes(&prefix).number(row.step.position.seq).u32(number).build();
    subledger_fold::put(rows, key, row)
}

/// The prefix of all associated subscriptions, or of one customer's.
pub(crate) fn associated_prefix(customer: Option<&str>) -> Vec<u8> {
    customer.into_iter().fold(Key::table(ASSOCIATED), Key::text).build()
}

/// Customer and subscription.
pub(crate) fn read_associated_key(key: &[u8]) -> Result<(CustomerId, SubscriptionId), StoreError> {
    let mut reader = KeyReader::table(ASSOCIATED, key)?;
    let names = (reader.parse(CustomerId::new)?, reader.parse(SubscriptionId::new)?);
    reader.end()?;
    Ok(names)
}

/// Changes who is associated with a subscription; the row of one that has nobody is gone.
pub(crate) fn associate(
    rows: &mut dyn Changes,
    customer: &CustomerId,
    subscription: &SubscriptionId,
    change: impl FnOnce(&mut Associated),
) -> Result<(), StoreError> {
    let key = Key::table(ASSOCIATED).text(customer.as_str()).text(subscription.as_str()).build();
    let mut row: Associated = subledger_fold::get(rows, &key)?.unwrap_or_default();
    let before = row.clone();
    change(&mut row);
    if row == Associated::default() {
        if row != before {
            rows.delete(key);
        }
        return Ok(());
    }
    subledger_fold::put(rows, key, &row)
}
