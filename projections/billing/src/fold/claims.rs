//! Claims for outages. Their credits are charges like others.

use subledger_domain::{
    Event,
    position::{Family, Position},
};
use subledger_fold::{Changes, StoreError};

use super::expect_family;
use crate::tables::claims::{self, SlaClaim, SlaClaimState};

/// Folds an event, if it is about a claim.
pub(super) fn fold(rows: &mut dyn Changes, position: Position, event: &Event) -> Result<(), StoreError> {
    match event {
        Event::SlaClaimSubmitted(e) => {
            expect_family(position, Family::Customers, "SlaClaimSubmitted")?;
            claims::put(rows, &SlaClaim::from(e))
        }
        Event::SlaClaimantAsked(e) => claims::change(rows, &e.partner_id, &e.customer_id, &e.claim_id, |claim| {
            claim.state = SlaClaimState::InformationRequested;
            claim.comments.clone_from(&e.question);
        }),
        Event::SlaClaimAnswered(e) => claims::change(rows, &e.partner_id, &e.customer_id, &e.claim_id, |claim| {
            claim.state = SlaClaimState::Submitted;
            claim.comments.clone_from(&e.answer);
        }),
        Event::SlaClaimApproved(e) => claims::change(rows, &e.partner_id, &e.customer_id, &e.claim_id, |claim| {
            claim.state = SlaClaimState::Approved;
            claim.credits.clone_from(&e.credits);
            claim.decided_on = Some(e.approved_on);
        }),
        Event::SlaClaimRefused(e) => claims::change(rows, &e.partner_id, &e.customer_id, &e.claim_id, |claim| {
            claim.state = SlaClaimState::Refused;
            claim.comments.clone_from(&e.comments);
            claim.decided_on = Some(e.refused_on);
        }),
        _ => Ok(()),
    }
}
