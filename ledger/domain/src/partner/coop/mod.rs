//! The partner's co-op funds and its claims on them (billing-details.md 2.1).
//!
//! A fund is what a location earned under a program for a usage period. A claim takes from it when it is submitted; what is refused, or
//! granted only in part, is in the fund again. So what is claimed never exceeds a fund, nor the caps of an activity.

mod claim;
mod fund;
mod limits;
mod proof;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Partner;
use crate::{
    Command, Context, Event, Reason, Reference, Rejection,
    coop::{CoopClaimDetails, CoopClaimState},
    evidence::EvidenceKind,
    ids::{CoopClaimId, DocumentId, PartnerId, UsagePeriodId},
    money::Currency,
};

/// Funds and claims of one partner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coop {
    funds: BTreeMap<FundKey, Fund>,
    claims: BTreeMap<CoopClaimId, Claim>,
}

/// What names a fund.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct FundKey {
    program: String,
    usage_period_id: UsagePeriodId,
    location_mpn_id: String,
}

/// A fund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Fund {
    currency: Currency,
    /// Less what was taken back.
    accrued: Decimal,
}

/// A claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Claim {
    fund: FundKey,
    activity: String,
    state: CoopClaimState,
    details: CoopClaimDetails,
    /// The form as it was handed in last.
    submitted: Option<CoopClaimDetails>,
    documents: BTreeMap<DocumentId, Document>,
    /// The last day of claims.
    deadline: NaiveDate,
    /// The last day to answer a question.
    answer_by: Option<NaiveDate>,
    granted: Option<Decimal>,
}

/// What of a document counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Document {
    kind: EvidenceKind,
    proof: Option<String>,
}

impl Claim {
    /// What it takes from its fund.
    fn drawn(&self) -> Decimal {
        if !self.state.draws() {
            return Decimal::ZERO;
        }
        self.granted.or_else(|| self.submitted.as_ref().map(CoopClaimDetails::amount)).unwrap_or_default()
    }
}

impl Coop {
    fn found(&self, id: &CoopClaimId) -> Result<&Claim, Rejection> {
        self.claims.get(id).ok_or_else(|| {
            let message = format!("The partner has no co-op claim {id}");
            Rejection::field(Reason::CoopClaimNotFound, "claim_id", message).with("claim_id", id)
        })
    }

    /// What claims take from a fund, one of them left out.
    fn drawn(&self, key: &FundKey, but: Option<&CoopClaimId>) -> Decimal {
        let claims = self.claims.iter().filter(|(id, claim)| claim.fund == *key && Some(*id) != but);
        claims.map(|(_, claim)| claim.drawn()).sum()
    }

    /// Applies an event of the partner.
    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::CoopFundsAccrued(e) => {
                let key = FundKey {
                    program: e.program.clone(),
                    usage_period_id: e.usage_period_id.clone(),
                    location_mpn_id: e.location_mpn_id.clone(),
                };
                let nothing = Fund { currency: e.currency, accrued: Decimal::ZERO };
                self.funds.entry(key).or_insert(nothing).accrued += e.amount;
            }
            Event::CoopClaimCreated(e) => {
                let fund = FundKey {
                    program: e.program.clone(),
                    usage_period_id: e.usage_period_id.clone(),
                    location_mpn_id: e.location_mpn_id.clone(),
                };
                let claim = Claim {
                    fund,
                    activity: e.activity.clone(),
                    state: CoopClaimState::Editing,
                    details: e.details.clone(),
                    submitted: None,
                    documents: BTreeMap::new(),
                    deadline: e.claim_deadline,
                    answer_by: None,
                    granted: None,
                };
                self.claims.insert(e.claim_id.clone(), claim);
            }
            Event::CoopClaimRevised(e) => self.change(&e.claim_id, |claim| claim.details = e.details.clone()),
            Event::CoopClaimDocumentAdded(e) => self.change(&e.claim_id, |claim| {
                let document = Document { kind: e.document.kind, proof: e.document.proof.clone() };
                claim.documents.insert(e.document.document_id.clone(), document);
            }),
            Event::CoopClaimSubmitted(e) => self.change(&e.claim_id, |claim| {
                (claim.state, claim.answer_by) = (CoopClaimState::InReview, None);
                claim.submitted = Some(claim.details.clone());
            }),
            Event::CoopClaimInformationRequested(e) => self.change(&e.claim_id, |claim| {
                (claim.state, claim.answer_by) = (CoopClaimState::InformationRequested, Some(e.answer_by));
            }),
            Event::CoopClaimApproved(e) => self.change(&e.claim_id, |claim| {
                (claim.state, claim.granted) = (CoopClaimState::Approved, Some(e.amount));
                claim.documents.clear();
            }),
            Event::CoopClaimRejected(e) => self.change(&e.claim_id, |claim| {
                claim.state = CoopClaimState::Rejected;
                claim.documents.clear();
            }),
            Event::CoopClaimHandedOver(e) => {
                self.change(&e.claim_id, |claim| claim.state = CoopClaimState::HandedOver);
            }
            _ => {}
        }
    }

    fn change(&mut self, id: &CoopClaimId, change: impl FnOnce(&mut Claim)) {
        if let Some(claim) = self.claims.get_mut(id) {
            change(claim);
        }
    }
}

/// The partner an event of this page concerns.
pub(super) fn concerned(event: &Event) -> Option<&PartnerId> {
    match event {
        Event::CoopFundsAccrued(e) => Some(&e.partner_id),
        Event::CoopClaimCreated(e) => Some(&e.partner_id),
        Event::CoopClaimRevised(e) => Some(&e.partner_id),
        Event::CoopClaimDocumentAdded(e) => Some(&e.partner_id),
        Event::CoopClaimSubmitted(e) => Some(&e.partner_id),
        Event::CoopClaimInformationRequested(e) => Some(&e.partner_id),
        Event::CoopClaimApproved(e) => Some(&e.partner_id),
        Event::CoopClaimRejected(e) => Some(&e.partner_id),
        Event::CoopClaimHandedOver(e) => Some(&e.partner_id),
        // What is said changes nothing.
        _ => None,
    }
}

/// Decides a command about co-op funds; none if it is about something else.
pub(super) fn decide(
    partner: &Partner,
    reference: &Reference,
    command: &Command,
    context: &Context,
) -> Option<Result<Vec<Event>, Rejection>> {
    let catalog = &reference.catalog;
    Some(match command {
        Command::AccrueCoopFunds(command) => fund::accrue(partner, catalog, command, context),
        Command::CreateCoopClaim(command) => claim::create(partner, catalog, command, context),
        Command::ReviseCoopClaim(command) => claim::revise(partner, catalog, command),
        Command::AddCoopClaimDocument(command) => claim::add_document(partner, command),
        Command::CommentOnCoopClaim(command) => claim::comment(partner, command),
        Command::SubmitCoopClaim(command) => claim::submit(partner, catalog, command, context),
        Command::AskAboutCoopClaim(command) => claim::ask(partner, command, context),
        Command::ApproveCoopClaim(command) => claim::approve(partner, catalog, command, context),
        Command::RejectCoopClaim(command) => claim::reject(partner, command, context),
        Command::HandOverCoopClaim(command) => claim::hand_over(partner, command, context),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
