//! The partner's co-op funds and its claims on them (billing-details.md 2.1).
//!
//! A fund is what a location earned under a program for a usage period. A claim takes from it when it is submitted; what is refused, or
//! granted only in part, is in the fund again. So what is claimed never exceeds a fund, nor the caps of an activity. What is in a fund after
//! the last day of claims expires: on that day, and later whatever a claim gives back.

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

pub(super) use fund::{expire_late, period};

/// A fund, as earnings that feed it need it.
pub(super) struct Standing {
    /// Of the partner's funds of the program and period; none without one.
    pub(super) currency: Option<Currency>,
    /// What the location's has that no claim takes.
    pub(super) free: Decimal,
}

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
    /// Of it, what nobody claimed in time.
    expired: Decimal,
    /// The last day of claims.
    deadline: NaiveDate,
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
                let (currency, zero, deadline) = (e.currency, Decimal::ZERO, e.claim_deadline);
                let nothing = Fund { currency, accrued: zero, expired: zero, deadline };
                self.funds.entry(key).or_insert(nothing).accrued += e.amount;
            }
            Event::CoopFundsExpired(e) => {
                let key = FundKey {
                    program: e.program.clone(),
                    usage_period_id: e.usage_period_id.clone(),
                    location_mpn_id: e.location_mpn_id.clone(),
                };
                if let Some(fund) = self.funds.get_mut(&key) {
                    fund.expired += e.amount;
                }
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

    /// The fund of a location, and what the funds of its program and period are in.
    pub(super) fn fund(&self, program: &str, usage_period_id: &UsagePeriodId, location_mpn_id: &str) -> Standing {
        let of_period = |key: &&FundKey| key.program == program && key.usage_period_id == *usage_period_id;
        let currency = self.funds.iter().find(|(key, _)| of_period(key)).map(|(_, fund)| fund.currency);
        let (program, usage_period_id) = (program.to_owned(), usage_period_id.clone());
        let key = FundKey { program, usage_period_id, location_mpn_id: location_mpn_id.to_owned() };
        Standing { currency, free: self.free(&key) }
    }

    /// What a fund has that no claim takes and that is not expired.
    fn free(&self, key: &FundKey) -> Decimal {
        self.funds.get(key).map_or(Decimal::ZERO, |fund| fund.accrued - fund.expired - self.drawn(key, None))
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
        Event::CoopFundsExpired(e) => Some(&e.partner_id),
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
    let decided = match command {
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
        Command::ExpireCoopFunds(command) => fund::check_over(partner, command, context).map(|()| Vec::new()),
        _ => return None,
    };
    Some(decided.map(|events| fund::expire(partner, command, events, context)))
}

#[cfg(test)]
mod tests;
