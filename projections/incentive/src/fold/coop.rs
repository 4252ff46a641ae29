//! Co-op funds and claims on them: each step, and what it moves in its fund.

use rust_decimal::Decimal;
use subledger_domain::{
    Event,
    coop::CoopClaimState,
    event::{CoopClaimCreated, CoopFundsAccrued},
    ids::{CoopClaimId, PartnerId},
};
use subledger_fold::{Changes, Recorded, StoreError};

use super::step;
use crate::tables::coop::{self, CoopClaim, Fund, FundOf};

/// Folds an event, if it is about co-op funds.
pub(super) fn fold(
    rows: &mut dyn Changes,
    commit: &Recorded<'_>,
    number: u32,
    event: &Event,
) -> Result<(), StoreError> {
    let (partner_id, claim_id, note) = match event {
        Event::DayClosed(e) => return coop::close_day(rows, e.date),
        Event::CoopFundsAccrued(e) => return accrued(rows, e),
        Event::CoopFundsExpired(e) => {
            let of = FundOf {
                partner_id: e.partner_id.clone(),
                program: e.program.clone(),
                usage_period_id: e.usage_period_id.clone(),
                location_mpn_id: e.location_mpn_id.clone(),
            };
            return of.change(rows, None, |fund| fund.expired += e.amount);
        }
        Event::CoopClaimCreated(e) => return created(rows, commit, number, e),
        Event::CoopClaimRevised(e) => (&e.partner_id, &e.claim_id, ""),
        Event::CoopClaimDocumentAdded(e) => (&e.partner_id, &e.claim_id, e.document.name.as_str()),
        Event::CoopClaimCommented(e) => (&e.partner_id, &e.claim_id, e.text.as_str()),
        Event::CoopClaimSubmitted(e) => (&e.partner_id, &e.claim_id, ""),
        Event::CoopClaimInformationRequested(e) => (&e.partner_id, &e.claim_id, e.question.as_str()),
        Event::CoopClaimApproved(e) => (&e.partner_id, &e.claim_id, ""),
        Event::CoopClaimRejected(e) => (&e.partner_id, &e.claim_id, e.reason.as_str()),
        Event::CoopClaimHandedOver(e) => (&e.partner_id, &e.claim_id, e.payment_reference.as_str()),
        _ => return Ok(()),
    };
    let mut claim = found(rows, partner_id, claim_id)?;
    move_fund(rows, &claim, event)?;
    change(&mut claim, event);
    let step = step(commit, event, commit.effective_at.date_naive(), claim.state.name(), note);
    coop::put(rows, &claim)?;
    coop::put_step(rows, &claim, number, &step)
}

fn found(rows: &dyn Changes, partner_id: &PartnerId, id: &CoopClaimId) -> Result<CoopClaim, StoreError> {
    let missing = || StoreError(format!("an event speaks of claim {id} of {partner_id}, which is not there"));
    coop::get(rows, partner_id, id)?.ok_or_else(missing)
}

fn accrued(rows: &mut dyn Changes, e: &CoopFundsAccrued) -> Result<(), StoreError> {
    let of = FundOf {
        partner_id: e.partner_id.clone(),
        program: e.program.clone(),
        usage_period_id: e.usage_period_id.clone(),
        location_mpn_id: e.location_mpn_id.clone(),
    };
    let new = Fund {
        of: of.clone(),
        currency: e.currency,
        accrued: Decimal::ZERO,
        in_review: Decimal::ZERO,
        approved: Decimal::ZERO,
        handed_over: Decimal::ZERO,
        expired: Decimal::ZERO,
        claim_deadline: e.claim_deadline,
    };
    of.change(rows, Some(new), |fund| fund.accrued += e.amount)
}

fn created(rows: &mut dyn Changes, commit: &Recorded<'_>, number: u32, e: &CoopClaimCreated) -> Result<(), StoreError> {
    let claim = CoopClaim {
        partner_id: e.partner_id.clone(),
        claim_id: e.claim_id.clone(),
        program: e.program.clone(),
        usage_period_id: e.usage_period_id.clone(),
        location_mpn_id: e.location_mpn_id.clone(),
        activity: e.activity.clone(),
        state: CoopClaimState::Editing,
        details: e.details.clone(),
        documents: Vec::new(),
        claimed: Decimal::ZERO,
        approved: None,
        created_on: e.created_on,
        submitted_on: None,
        decided_on: None,
        claim_deadline: e.claim_deadline,
        answer_by: None,
        retained_until: e.retained_until,
        note: String::new(),
        payment_reference: String::new(),
    };
    let event = Event::from(e.clone());
    let step = step(commit, &event, e.created_on, claim.state.name(), "");
    coop::put(rows, &claim)?;
    coop::put_step(rows, &claim, number, &step)
}

/// `claim` is as it was before the event.
fn move_fund(rows: &mut dyn Changes, claim: &CoopClaim, event: &Event) -> Result<(), StoreError> {
    match event {
        Event::CoopClaimSubmitted(e) => claim.fund().change(rows, None, |fund| {
            // Handed in again, it claims what it claims now.
            fund.in_review += e.amount - claim.claimed;
        }),
        Event::CoopClaimApproved(e) => claim.fund().change(rows, None, |fund| {
            fund.in_review -= claim.claimed;
            fund.approved += e.amount;
        }),
        Event::CoopClaimRejected(_) => claim.fund().change(rows, None, |fund| fund.in_review -= claim.claimed),
        Event::CoopClaimHandedOver(e) => claim.fund().change(rows, None, |fund| fund.handed_over += e.amount),
        _ => Ok(()),
    }
}

fn change(claim: &mut CoopClaim, event: &Event) {
    match event {
        Event::CoopClaimRevised(e) => {
            claim.details.clone_from(&e.details);
            claim.retained_until = e.retained_until;
        }
        Event::CoopClaimDocumentAdded(e) => claim.documents.push(e.document.clone()),
        Event::CoopClaimSubmitted(e) => {
            (claim.state, claim.claimed, claim.answer_by) = (CoopClaimState::InReview, e.amount, None);
            claim.submitted_on = Some(e.submitted_on);
        }
        Event::CoopClaimInformationRequested(e) => {
            (claim.state, claim.answer_by) = (CoopClaimState::InformationRequested, Some(e.answer_by));
            claim.note.clone_from(&e.question);
        }
        Event::CoopClaimApproved(e) => {
            (claim.state, claim.approved, claim.decided_on) =
                (CoopClaimState::Approved, Some(e.amount), Some(e.approved_on));
        }
        Event::CoopClaimRejected(e) => {
            (claim.state, claim.decided_on, claim.answer_by) = (CoopClaimState::Rejected, Some(e.rejected_on), None);
            claim.note.clone_from(&e.reason);
        }
        Event::CoopClaimHandedOver(e) => {
            claim.state = CoopClaimState::HandedOver;
            claim.payment_reference.clone_from(&e.payment_reference);
        }
        _ => {}
    }
}
