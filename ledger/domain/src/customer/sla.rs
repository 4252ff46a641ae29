//! Claims for outages (billing-details.md 2.13): submitted, asked about, answered, then granted or refused.
//!
//! A claim is about one customer's subscriptions and becomes lines of theirs, so it stands in the customer's stream: the approval and
//! its credits are one commit.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Customer, draft::Draft, gates};
use crate::{
    Event, Reason, Rejection, charge, check,
    command::{AnswerSlaClaim, ApproveSlaClaim, AskSlaClaimant, RefuseSlaClaim, SubmitSlaClaim},
    event::{SlaClaimAnswered, SlaClaimApproved, SlaClaimRefused, SlaClaimSubmitted, SlaClaimantAsked},
    ids::{ClaimId, PartnerId, SubscriptionId},
    money::Currency,
    party::PartnerKind,
    reference::incident,
};

/// Subscriptions that one claim credits.
pub const SLA_CREDITS_MAX: usize = 100;

/// What a granted claim gives for one subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlaCredit {
    /// An affected subscription.
    pub subscription_id: SubscriptionId,
    /// Greater than zero, before tax.
    pub amount: Decimal,
    /// The subscription's.
    pub currency: Currency,
}

/// A claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claim {
    partner_id: PartnerId,
    incident_id: String,
    deadline: NaiveDate,
    standing: ClaimStanding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum ClaimStanding {
    Submitted,
    Asked,
    Approved,
    Refused,
}

pub(super) fn apply(claims: &mut BTreeMap<ClaimId, Claim>, event: &Event) {
    let (id, standing) = match event {
        Event::SlaClaimSubmitted(e) => {
            let claim = Claim {
                partner_id: e.partner_id.clone(),
                incident_id: e.incident_id.clone(),
                deadline: e.deadline,
                standing: ClaimStanding::Submitted,
            };
            claims.insert(e.claim_id.clone(), claim);
            return;
        }
        Event::SlaClaimantAsked(e) => (&e.claim_id, ClaimStanding::Asked),
        Event::SlaClaimAnswered(e) => (&e.claim_id, ClaimStanding::Submitted),
        Event::SlaClaimApproved(e) => (&e.claim_id, ClaimStanding::Approved),
        Event::SlaClaimRefused(e) => (&e.claim_id, ClaimStanding::Refused),
        _ => return,
    };
    if let Some(claim) = claims.get_mut(id) {
        claim.standing = standing;
    }
}

pub(super) fn submit(draft: &mut Draft<'_>, command: &SubmitSlaClaim) -> Result<(), Rejection> {
    let (customer, on) = (draft.customer, draft.on());
    let SubmitSlaClaim { customer_id, partner_id, claim_id, incident_id, incident_date, .. } = command;
    let partner = gates::partner(draft.reference, partner_id, "partner_id")?;
    if partner.kind == PartnerKind::IndirectReseller {
        let message = "A direct bill partner or an indirect provider claims, not a reseller";
        return Err(Rejection::field(Reason::SlaClaimantNotAllowed, "partner_id", message));
    }
    if customer.claims.contains_key(claim_id) {
        let message = format!("The customer has a claim {claim_id} already");
        return Err(Rejection::field(Reason::RequestAlreadyExists, "claim_id", message));
    }
    let service_code = service_code(incident_id, command.service_code.as_deref())?;
    if *incident_date > on {
        let message = format!("The incident is not after {on}, the day of the claim");
        return Err(check::invalid("incident_date", message).with("latest", on));
    }
    let deadline = incident::claim_deadline(*incident_date);
    if on > deadline {
        return Err(too_late(deadline, "incident_date"));
    }
    check_purchased(customer, command)?;
    let same = |claim: &&Claim| claim.incident_id == *incident_id && claim.standing != ClaimStanding::Refused;
    if customer.claims.values().find(same).is_some_and(|claim| claim.partner_id == *partner_id) {
        let message = format!("Incident {incident_id} was claimed for customer {customer_id} before");
        return Err(Rejection::field(Reason::DuplicateSlaClaim, "incident_id", message));
    }
    draft.push(SlaClaimSubmitted {
        customer_id: customer_id.clone(),
        partner_id: partner_id.clone(),
        claim_id: claim_id.clone(),
        incident_id: incident_id.clone(),
        incident_date: *incident_date,
        service: incident::service(service_code).map(str::to_owned),
        service_code: service_code.to_owned(),
        submitted_on: on,
        deadline,
    });
    Ok(())
}

/// The incident's code, which must be the service's, if that is named.
fn service_code<'a>(incident_id: &'a str, named: Option<&str>) -> Result<&'a str, Rejection> {
    let Some(code) = incident::code(incident_id) else {
        let message = "An incident's id is two capital letters and a number, such as EX25194";
        return Err(Rejection::field(Reason::IncidentIdInvalid, "incident_id", message));
    };
    match named {
        Some(named) if named != code => {
            let message =
                format!("Incident {incident_id} concerns {code}, not {named}; only the affected service counts");
            Err(Rejection::field(Reason::ServiceNotAffected, "service_code", message).with("service_code", code))
        }
        _ => Ok(code),
    }
}

/// The customer bought through the program, from this partner.
fn check_purchased(customer: &Customer, command: &SubmitSlaClaim) -> Result<(), Rejection> {
    let sold = customer.subscriptions().any(|subscription| subscription.partner_id == command.partner_id);
    let field = match (command.purchased_through_csp, sold) {
        (true, true) => return Ok(()),
        (false, _) => "purchased_through_csp",
        (true, false) => "partner_id",
    };
    let message = format!(
        "A claim is for services that customer {} bought through partner {}",
        command.customer_id, command.partner_id
    );
    Err(Rejection::field(Reason::NotPurchasedThroughCsp, field, message))
}

fn too_late(deadline: NaiveDate, field: &str) -> Rejection {
    let message = format!("The claim with all its information was due on {deadline}");
    Rejection::field(Reason::SlaClaimTooLate, field, message).with("deadline", deadline)
}

pub(super) fn ask(draft: &mut Draft<'_>, command: &AskSlaClaimant) -> Result<(), Rejection> {
    let AskSlaClaimant { customer_id, claim_id, question } = command;
    let partner_id = waiting(draft.customer, claim_id, &[ClaimStanding::Submitted])?.partner_id.clone();
    check::required("question", question)?;
    let (customer_id, claim_id, question) = (customer_id.clone(), claim_id.clone(), question.clone());
    let asked_on = draft.on();
    draft.push(SlaClaimantAsked { customer_id, partner_id, claim_id, question, asked_on });
    Ok(())
}

pub(super) fn answer(draft: &mut Draft<'_>, command: &AnswerSlaClaim) -> Result<(), Rejection> {
    let AnswerSlaClaim { customer_id, partner_id, claim_id, answer } = command;
    let claim = waiting(draft.customer, claim_id, &[ClaimStanding::Asked])?;
    if claim.partner_id != *partner_id {
        let message = format!("Claim {claim_id} is partner {}'s", claim.partner_id);
        return Err(Rejection::field(Reason::SlaClaimantNotAllowed, "partner_id", message));
    }
    if draft.on() > claim.deadline {
        return Err(too_late(claim.deadline, "claim_id"));
    }
    check::required("answer", answer)?;
    let (customer_id, partner_id, claim_id) = (customer_id.clone(), partner_id.clone(), claim_id.clone());
    let (answer, answered_on) = (answer.clone(), draft.on());
    draft.push(SlaClaimAnswered { customer_id, partner_id, claim_id, answer, answered_on });
    Ok(())
}

/// The credits are negative lines of the next invoice of each subscription's family (billing-details.md C21); their amounts are
/// given (C40).
pub(super) fn approve(draft: &mut Draft<'_>, command: &ApproveSlaClaim) -> Result<(), Rejection> {
    let ApproveSlaClaim { customer_id, claim_id, credits } = command;
    let claim = waiting(draft.customer, claim_id, &[ClaimStanding::Submitted, ClaimStanding::Asked])?;
    let reference = format!("{} {claim_id}", claim.incident_id);
    let partner_id = claim.partner_id.clone();
    check::count("credits", credits.len(), SLA_CREDITS_MAX)?;
    for (index, credit) in credits.iter().enumerate() {
        let field = |name: &str| format!("credits[{index}].{name}");
        let subscription = gates::owner(draft.customer, &partner_id, &credit.subscription_id)
            .map_err(|refused| refused.with("field", field("subscription_id")))?;
        gates::currency(subscription, credit.currency, &field("currency"))?;
        check::amount(&field("amount"), credit.amount, credit.currency)?;
        if credits.iter().take(index).any(|earlier| earlier.subscription_id == credit.subscription_id) {
            return Err(check::invalid(&field("subscription_id"), "A claim credits a subscription once"));
        }
    }
    let (customer_id, claim_id) = (customer_id.clone(), claim_id.clone());
    let approved_on = draft.on();
    draft.push(SlaClaimApproved { customer_id, partner_id, claim_id, credits: credits.clone(), approved_on });
    for credit in credits {
        draft.charge(&credit.subscription_id, |subscription, decision| {
            charge::adjust(subscription, None, -credit.amount, &reference, decision);
        });
    }
    Ok(())
}

pub(super) fn refuse(draft: &mut Draft<'_>, command: &RefuseSlaClaim) -> Result<(), Rejection> {
    let RefuseSlaClaim { customer_id, claim_id, comments } = command;
    let claim = waiting(draft.customer, claim_id, &[ClaimStanding::Submitted, ClaimStanding::Asked])?;
    let partner_id = claim.partner_id.clone();
    check::required("comments", comments)?;
    let (customer_id, claim_id, comments) = (customer_id.clone(), claim_id.clone(), comments.clone());
    let refused_on = draft.on();
    draft.push(SlaClaimRefused { customer_id, partner_id, claim_id, comments, refused_on });
    Ok(())
}

/// The claim, if it stands so.
fn waiting<'a>(customer: &'a Customer, id: &ClaimId, for_any: &[ClaimStanding]) -> Result<&'a Claim, Rejection> {
    let Some(claim) = customer.claims.get(id) else {
        let message = format!("The customer has no claim {id}");
        return Err(Rejection::field(Reason::SlaClaimNotFound, "claim_id", message).with("claim_id", id));
    };
    if for_any.contains(&claim.standing) {
        return Ok(claim);
    }
    let message = match claim.standing {
        ClaimStanding::Submitted => format!("Nobody asked about claim {id}"),
        ClaimStanding::Asked => format!("Claim {id} waits for an answer"),
        ClaimStanding::Approved => format!("Claim {id} was granted"),
        ClaimStanding::Refused => format!("Claim {id} was refused"),
    };
    Err(Rejection::field(Reason::SlaClaimNotOpen, "claim_id", message).with("claim_id", id))
}
