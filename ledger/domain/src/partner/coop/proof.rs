//! What proves a claim (L9227-9232 and the catalogue of activities): an invoice or a certification statement for each expense, every
//! proof of execution that the activity asks for, and the measure of its results.

use super::Claim;
use crate::{
    Reason, Rejection, check,
    coop::{Activity, Condition, Expense},
    evidence::{Evidence, EvidenceKind},
};

/// A document says which proof it is in the words of the activity.
pub(super) fn check_proof(activity: &Activity, document: &Evidence) -> Result<(), Rejection> {
    let Some(proof) = &document.proof else { return Ok(()) };
    if activity.proofs.iter().any(|known| known.code == proof) {
        return Ok(());
    }
    let accepted: Vec<_> = activity.proofs.iter().map(|proof| proof.code).collect();
    let message = format!("{} has no proof {proof:?}", activity.name);
    Err(check::invalid("document.proof", message).with("accepted", accepted.join(", ")))
}

/// Everything is there.
pub(super) fn check_complete(activity: &Activity, claim: &Claim) -> Result<(), Rejection> {
    let expenses = &claim.details.expenses;
    expenses.iter().enumerate().try_for_each(|(index, expense)| check_expense(claim, index, expense))?;
    for proof in &activity.proofs {
        let wanted = match proof.when {
            Condition::Always => true,
            Condition::Optional => false,
            Condition::Expense(code) => expenses.iter().any(|expense| expense.expense == code),
            Condition::InHouse(in_house) => expenses.iter().any(|expense| expense.in_house == in_house),
        };
        let there = claim.documents.values().any(|document| document.proof.as_deref() == Some(proof.code));
        if wanted && !there {
            let message = format!("{} needs a document that is its proof {:?}", activity.name, proof.code);
            return Err(Rejection::field(Reason::PoeMissing, "claim_id", message).with("proof", proof.code));
        }
    }
    let Some(metric) = activity.metric else { return Ok(()) };
    let not_measured = activity.metric_not_for.is_some_and(|code| expenses.iter().all(|it| it.expense == code));
    if not_measured || claim.documents.values().any(|document| document.kind == EvidenceKind::Metric) {
        return Ok(());
    }
    let message = format!("{} needs a document with its metric: {metric}", activity.name);
    Err(Rejection::field(Reason::MetricMissing, "claim_id", message).with("metric", metric))
}

/// A third party's invoice, or a certification statement for work in house.
fn check_expense(claim: &Claim, index: usize, expense: &Expense) -> Result<(), Rejection> {
    let (kind, reason) = if expense.in_house {
        (EvidenceKind::CertificationStatement, Reason::CsrMissing)
    } else {
        (EvidenceKind::Invoice, Reason::ThirdPartyInvoiceMissing)
    };
    let document = expense.document_id.as_ref().and_then(|id| claim.documents.get(id));
    if document.is_some_and(|document| document.kind == kind) {
        return Ok(());
    }
    let field = format!("details.expenses[{index}].document_id");
    let message = format!("The expense names no {} among the documents of the claim", kind.label());
    Err(Rejection::field(reason, &field, message).with("expense", &expense.expense))
}
