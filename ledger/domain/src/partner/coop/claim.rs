//! Decisions about one co-op claim.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::{
    Claim, Coop, fund,
    limits::{self, Wanted},
    proof,
};
use crate::{
    Context, Event, Reason, Rejection,
    catalog::Catalog,
    check,
    command::{
        AddCoopClaimDocument, ApproveCoopClaim, AskAboutCoopClaim, CommentOnCoopClaim, CreateCoopClaim,
        HandOverCoopClaim, RejectCoopClaim, ReviseCoopClaim, SubmitCoopClaim,
    },
    coop::{
        self, Activity, CLAIM_DOCUMENTS_MAX, CapPer, CoopClaimDetails, CoopClaimState, CoopClaimStep, EXPENSES_MAX,
        UsagePeriod, after, refused_with, retained_until,
    },
    event::{
        CoopClaimApproved, CoopClaimCommented, CoopClaimCreated, CoopClaimDocumentAdded, CoopClaimHandedOver,
        CoopClaimInformationRequested, CoopClaimRejected, CoopClaimRevised, CoopClaimSubmitted,
    },
    evidence,
    ids::CoopClaimId,
    partner::Partner,
};

/// The claim, if the step leads on from where it stands.
fn open<'a>(coop: &'a Coop, id: &CoopClaimId, step: CoopClaimStep) -> Result<&'a Claim, Rejection> {
    let claim = coop.found(id)?;
    if after(claim.state, step).is_some() {
        return Ok(claim);
    }
    let (reason, state) = (refused_with(step), claim.state.name());
    let message = match reason {
        Reason::ClaimLocked => format!("Claim {id} is {state}: it is edited until submitted, and when a reviewer asks"),
        _ => format!("Claim {id} is {state}"),
    };
    Err(Rejection::field(reason, "claim_id", message).with("state", state))
}

/// The activity, which the program pays for.
fn eligible(code: &str, program: &str) -> Result<&'static Activity, Rejection> {
    let refuse = |message: String| Rejection::field(Reason::ActivityNotEligibleForProgram, "activity", message);
    let Some(activity) = coop::activity(code) else {
        let accepted: Vec<_> = coop::activities().iter().map(|activity| activity.code).collect();
        return Err(refuse(format!("{code:?} is no activity")).with("accepted", accepted.join(", ")));
    };
    if activity.excluded_programs.contains(&program) {
        return Err(refuse(format!("{program} does not pay for {}", activity.name)));
    }
    Ok(activity)
}

/// The claim's own activity, which was found when it was begun.
fn activity_of(claim: &Claim) -> Result<&'static Activity, Rejection> {
    eligible(&claim.activity, &claim.fund.program)
}

/// The form: a day of the period, and expenses that the activity has.
fn check_details(activity: &Activity, period: &UsagePeriod, details: &CoopClaimDetails) -> Result<(), Rejection> {
    if !period.covers(details.activity_date) {
        let message = format!("The activity is of {} to {}", period.first_day, period.last_day);
        return Err(check::invalid("details.activity_date", message)
            .with("first_day", period.first_day)
            .with("last_day", period.last_day));
    }
    check::count("details.expenses", details.expenses.len(), EXPENSES_MAX)?;
    let mut caps = coop::caps(activity.code, &period.program);
    let travels = caps.any(|cap| cap.per != CapPer::Period);
    if travels {
        check::required("details.conference", details.conference.as_deref().unwrap_or_default())?;
    } else if details.conference.is_some() {
        return Err(check::invalid("details.conference", format!("{} is no conference", activity.name)));
    }
    for (index, expense) in details.expenses.iter().enumerate() {
        let field = |name: &str| format!("details.expenses[{index}].{name}");
        if !activity.expenses.contains(&expense.expense.as_str()) {
            let message = format!("{} has no expense {:?}", activity.name, expense.expense);
            return Err(Rejection::field(Reason::ExpenseNotEligible, &field("expense"), message)
                .with("accepted", activity.expenses.join(", ")));
        }
        check::amount(&field("amount"), expense.amount, details.currency)?;
        let attendee = expense.attendee.as_deref().unwrap_or_default();
        if travels {
            check::required(&field("attendee"), attendee)
        } else {
            check::optional(&field("attendee"), attendee)
        }?;
    }
    check::amount("details.expenses", details.amount(), details.currency)
}

fn in_time(on: NaiveDate, last: NaiveDate, what: &str) -> Result<(), Rejection> {
    if on <= last {
        return Ok(());
    }
    let message = format!("{what} was due on {last}");
    Err(Rejection::field(Reason::ClaimPeriodClosed, "claim_id", message).with("deadline", last))
}

pub(super) fn create(
    partner: &Partner,
    catalog: &Catalog,
    command: &CreateCoopClaim,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let CreateCoopClaim { claim_id, program, usage_period_id, location_mpn_id, activity, details, .. } = command;
    if partner.coop.claims.contains_key(claim_id) {
        let message = format!("The partner has a co-op claim {claim_id} already");
        return Err(Rejection::field(Reason::RequestAlreadyExists, "claim_id", message));
    }
    let period = fund::period(catalog, program, usage_period_id)?;
    partner.check_location(location_mpn_id, "location_mpn_id")?;
    let known = eligible(activity, program)?;
    let (on, claim_deadline) = (context.effective_on(), period.claim_deadline());
    in_time(on, claim_deadline, "A claim with all its documents")?;
    check_details(known, period, details)?;
    let CreateCoopClaim { partner_id, claim_id, program, location_mpn_id, usage_period_id, activity, details } =
        command.clone();
    let (created_on, retained_until) = (on, retained_until(details.activity_date));
    Ok(vec![
        CoopClaimCreated {
            partner_id,
            claim_id,
            program,
            location_mpn_id,
            usage_period_id,
            activity,
            details,
            created_on,
            claim_deadline,
            retained_until,
        }
        .into(),
    ])
}

pub(super) fn revise(partner: &Partner, catalog: &Catalog, command: &ReviseCoopClaim) -> Result<Vec<Event>, Rejection> {
    let claim = open(&partner.coop, &command.claim_id, CoopClaimStep::Revise)?;
    let period = fund::period(catalog, &claim.fund.program, &claim.fund.usage_period_id)?;
    check_details(activity_of(claim)?, period, &command.details)?;
    let ReviseCoopClaim { partner_id, claim_id, details } = command.clone();
    let retained_until = retained_until(details.activity_date);
    Ok(vec![CoopClaimRevised { partner_id, claim_id, details, retained_until }.into()])
}

pub(super) fn add_document(partner: &Partner, command: &AddCoopClaimDocument) -> Result<Vec<Event>, Rejection> {
    let claim = open(&partner.coop, &command.claim_id, CoopClaimStep::AddDocument)?;
    let document = &command.document;
    evidence::check("document", document)?;
    proof::check_proof(activity_of(claim)?, document)?;
    if claim.documents.contains_key(&document.document_id) {
        let message = format!("The claim has a document {} already", document.document_id);
        return Err(Rejection::field(Reason::RequestAlreadyExists, "document.document_id", message));
    }
    if claim.documents.len() >= CLAIM_DOCUMENTS_MAX {
        let message = format!("A claim has at most {CLAIM_DOCUMENTS_MAX} documents");
        return Err(check::invalid("document", message).with("maximum", CLAIM_DOCUMENTS_MAX));
    }
    let AddCoopClaimDocument { partner_id, claim_id, document } = command.clone();
    Ok(vec![CoopClaimDocumentAdded { partner_id, claim_id, document }.into()])
}

pub(super) fn comment(partner: &Partner, command: &CommentOnCoopClaim) -> Result<Vec<Event>, Rejection> {
    let CommentOnCoopClaim { partner_id, claim_id, text } = command.clone();
    open(&partner.coop, &claim_id, CoopClaimStep::Comment)?;
    check::required("text", &text)?;
    Ok(vec![CoopClaimCommented { partner_id, claim_id, text }.into()])
}

/// Handed in by the deadline, or answered by the day that the reviewer named.
pub(super) fn submit(
    partner: &Partner,
    catalog: &Catalog,
    command: &SubmitCoopClaim,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let SubmitCoopClaim { partner_id, claim_id } = command.clone();
    let (claim, on) = (open(&partner.coop, &claim_id, CoopClaimStep::Submit)?, context.effective_on());
    match claim.answer_by {
        Some(answer_by) => in_time(on, answer_by, "The answer")?,
        None => in_time(on, claim.deadline, "A claim with all its documents")?,
    }
    let details = &claim.details;
    if details.activity_date > on {
        let message = format!("An activity is claimed once it is done, and {} is ahead", details.activity_date);
        return Err(check::invalid("details.activity_date", message).with("latest", on));
    }
    proof::check_complete(activity_of(claim)?, claim)?;
    let wanted = Wanted { id: &claim_id, claim, details, amount: details.amount() };
    limits::check_caps(&partner.coop, catalog, &wanted)?;
    limits::check_fund(&partner.coop, &wanted)?;
    let (amount, currency) = (details.amount(), details.currency);
    Ok(vec![CoopClaimSubmitted { partner_id, claim_id, amount, currency, submitted_on: on }.into()])
}

/// A question names the last day to answer. While claims are still taken that is the last day of those, if the reviewer names none.
pub(super) fn ask(partner: &Partner, command: &AskAboutCoopClaim, context: &Context) -> Result<Vec<Event>, Rejection> {
    let AskAboutCoopClaim { partner_id, claim_id, document_id, question, answer_by } = command.clone();
    let (claim, asked_on) = (open(&partner.coop, &claim_id, CoopClaimStep::Ask)?, context.effective_on());
    check::required("question", &question)?;
    if let Some(id) = document_id.as_ref().filter(|id| !claim.documents.contains_key(*id)) {
        return Err(check::invalid("document_id", format!("The claim has no document {id}")));
    }
    let Some(answer_by) = answer_by.or(Some(claim.deadline).filter(|last| *last >= asked_on)) else {
        let message = format!("Claims were due on {}: name the last day to answer", claim.deadline);
        return Err(Rejection::field(Reason::RequiredFieldMissing, "answer_by", message));
    };
    if answer_by < asked_on {
        return Err(check::invalid("answer_by", "The last day to answer is not over").with("earliest", asked_on));
    }
    Ok(vec![CoopClaimInformationRequested { partner_id, claim_id, document_id, question, answer_by, asked_on }.into()])
}

pub(super) fn approve(
    partner: &Partner,
    catalog: &Catalog,
    command: &ApproveCoopClaim,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let ApproveCoopClaim { partner_id, claim_id, amount } = command.clone();
    let claim = open(&partner.coop, &claim_id, CoopClaimStep::Approve)?;
    let details = claim.submitted.as_ref().unwrap_or(&claim.details);
    let (claimed, currency) = (details.amount(), details.currency);
    check::amount("amount", amount, currency)?;
    if amount > claimed {
        let message = format!("{claimed} {currency} are claimed; more is not granted");
        return Err(check::invalid("amount", message).with("maximum", claimed));
    }
    let wanted = Wanted { id: &claim_id, claim, details, amount };
    limits::check_caps(&partner.coop, catalog, &wanted)?;
    limits::check_fund(&partner.coop, &wanted)?;
    let (amount, approved_on): (Decimal, _) = (currency.round(amount), context.effective_on());
    Ok(vec![CoopClaimApproved { partner_id, claim_id, amount, currency, approved_on }.into()])
}

pub(super) fn reject(partner: &Partner, command: &RejectCoopClaim, context: &Context) -> Result<Vec<Event>, Rejection> {
    let RejectCoopClaim { partner_id, claim_id, reason } = command.clone();
    let (claim, rejected_on) = (open(&partner.coop, &claim_id, CoopClaimStep::Reject)?, context.effective_on());
    let waits =
        claim.answer_by.filter(|last| claim.state == CoopClaimState::InformationRequested && rejected_on <= *last);
    if let Some(answer_by) = waits {
        let message = format!("The partner may answer until {answer_by}");
        return Err(Rejection::field(Reason::ClaimMoveNotAllowed, "claim_id", message).with("answer_by", answer_by));
    }
    check::required("reason", &reason)?;
    Ok(vec![CoopClaimRejected { partner_id, claim_id, reason, rejected_on }.into()])
}

pub(super) fn hand_over(
    partner: &Partner,
    command: &HandOverCoopClaim,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let HandOverCoopClaim { partner_id, claim_id, payment_reference } = command.clone();
    let claim = open(&partner.coop, &claim_id, CoopClaimStep::HandOver)?;
    check::required("payment_reference", &payment_reference)?;
    let (amount, currency, handed_over_on) = (claim.drawn(), claim.details.currency, context.effective_on());
    Ok(vec![CoopClaimHandedOver { partner_id, claim_id, amount, currency, payment_reference, handed_over_on }.into()])
}
