//! Claims for outages.
//!
//! Key: partner text, customer text, claim id text. Row: [`SlaClaim`]. All about a claim is in its customer's partition.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use subledger_domain::{
    customer::SlaCredit,
    event::SlaClaimSubmitted,
    ids::{ClaimId, CustomerId, PartnerId},
};
use subledger_fold::{Changes, Key, StoreError};

use super::prefix::SLA_CLAIMS;

/// Where a claim stands (billing-details.md 2.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SlaClaimState {
    /// Waits for a decision.
    Submitted,
    /// Waits for the claimant.
    InformationRequested,
    /// Granted: its credits are charge lines.
    Approved,
    /// Refused.
    Refused,
}

impl SlaClaimState {
    /// The name, as lists have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::InformationRequested => "information requested",
            Self::Approved => "approved",
            Self::Refused => "refused",
        }
    }
}

/// A claim for an outage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlaClaim {
    /// Who claims.
    pub partner_id: PartnerId,
    /// Who was hit.
    pub customer_id: CustomerId,
    /// Its id.
    pub claim_id: ClaimId,
    /// Such as `EX25194`.
    pub incident_id: String,
    /// UTC.
    pub incident_date: NaiveDate,
    /// The first two letters of the incident.
    pub service_code: String,
    /// None if the code is not a listed one.
    pub service: Option<String>,
    /// Where it stands.
    pub state: SlaClaimState,
    /// The day it came.
    pub submitted_on: NaiveDate,
    /// The last day on which it, and its answers, could come.
    pub deadline: NaiveDate,
    /// The last question, answer or reason of a refusal.
    pub comments: String,
    /// What was granted, before tax.
    pub credits: Vec<SlaCredit>,
    /// The day of the decision.
    pub decided_on: Option<NaiveDate>,
}

impl From<&SlaClaimSubmitted> for SlaClaim {
    fn from(e: &SlaClaimSubmitted) -> Self {
        Self {
            partner_id: e.partner_id.clone(),
            customer_id: e.customer_id.clone(),
            claim_id: e.claim_id.clone(),
            incident_id: e.incident_id.clone(),
            incident_date: e.incident_date,
            service_code: e.service_code.clone(),
            service: e.service.clone(),
            state: SlaClaimState::Submitted,
            submitted_on: e.submitted_on,
            deadline: e.deadline,
            comments: String::new(),
            credits: Vec::new(),
            decided_on: None,
        }
    }
}

/// The prefix of all claims, or of one partner's.
pub(crate) fn prefix(partner: Option<&str>) -> Vec<u8> {
    partner.into_iter().fold(Key::table(SLA_CLAIMS), Key::text).build()
}

fn key(partner: &PartnerId, customer: &CustomerId, id: &ClaimId) -> Vec<u8> {
    Key::default().bytes(&prefix(Some(partner.as_str()))).text(customer.as_str()).text(id.as_str()).build()
}

pub(crate) fn put(rows: &mut dyn Changes, row: &SlaClaim) -> Result<(), StoreError> {
    subledger_fold::put(rows, key(&row.partner_id, &row.customer_id, &row.claim_id), row)
}

/// Changes a claim.
pub(crate) fn change(
    rows: &mut dyn Changes,
    partner: &PartnerId,
    customer: &CustomerId,
    id: &ClaimId,
    change: impl FnOnce(&mut SlaClaim),
) -> Result<(), StoreError> {
    let row = subledger_fold::get(rows, &key(partner, customer, id))?;
    let missing = || StoreError(format!("an event speaks of claim {id} of {customer}, which was not submitted"));
    let mut row: SlaClaim = row.ok_or_else(missing)?;
    change(&mut row);
    put(rows, &row)
}
