//! Whether a company is who it says it is: three checks, each with its own answer (accounts page section 2.2).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Partner, account, program};
use crate::{
    Context, Event, Reason, Rejection, check,
    command::{DecideVerification, ProvideVerificationProof},
    event::{VerificationDecided, VerificationProofProvided},
};

/// Bytes of a SHA-256.
const HASH_BYTES: usize = 32;

/// What is looked at (L7134-7139).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum VerificationCheck {
    /// The contact's address works.
    EmailOwnership,
    /// The contact works for the company.
    Employment,
    /// The company is registered.
    Business,
}

impl VerificationCheck {
    /// Every check.
    pub const ALL: [Self; 3] = [Self::EmailOwnership, Self::Employment, Self::Business];

    /// As messages name it.
    pub fn label(self) -> &'static str {
        match self {
            Self::EmailOwnership => "e-mail ownership",
            Self::Employment => "employment",
            Self::Business => "business",
        }
    }
}

/// Where a check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CheckStanding {
    /// It waits for an answer.
    Started,
    /// It passed.
    Passed,
    /// It did not pass; a document may change that.
    Failed,
}

/// Where a company's checks stand; empty before it has a legal profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification(BTreeMap<VerificationCheck, CheckStanding>);

impl Verification {
    pub(super) fn started() -> Self {
        Self(VerificationCheck::ALL.into_iter().map(|check| (check, CheckStanding::Started)).collect())
    }

    /// The standing of a check; none before it began.
    pub fn of(&self, check: VerificationCheck) -> Option<CheckStanding> {
        self.0.get(&check).copied()
    }

    /// Whether every check passed.
    pub fn is_authorized(&self) -> bool {
        !self.0.is_empty() && self.0.values().all(|standing| *standing == CheckStanding::Passed)
    }

    /// Whether a check failed.
    pub fn is_rejected(&self) -> bool {
        self.0.values().any(|standing| *standing == CheckStanding::Failed)
    }

    /// The whole in the words of the account page (L7147, L7354-7358).
    pub fn name(&self) -> &'static str {
        match () {
            () if self.0.is_empty() => "not_started",
            () if self.is_rejected() => "rejected",
            () if self.is_authorized() => "authorized",
            () => "pending",
        }
    }

    pub(super) fn apply(&mut self, event: &Event) {
        let (check, standing) = match event {
            Event::VerificationDecided(e) if e.passed => (e.check, CheckStanding::Passed),
            Event::VerificationDecided(e) => (e.check, CheckStanding::Failed),
            Event::VerificationProofProvided(e) => (e.check, CheckStanding::Started),
            _ => return,
        };
        self.0.insert(check, standing);
    }
}

/// A check that fails suspends the account (L7443); it is reinstated when all have passed.
pub(super) fn decide(
    partner: &Partner,
    command: &DecideVerification,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    account::global(partner)?;
    let standing = partner.account.verification.of(command.check);
    if standing != Some(CheckStanding::Started) {
        let message = format!(
            "The check of {} has its answer; another legal profile, or a document after a failure, opens it again",
            command.check.label()
        );
        return Err(Rejection::field(Reason::VerificationNotOpen, "check", message));
    }
    if command.passed {
        check::optional("note", &command.note)?;
    } else {
        check::required("note", &command.note)?;
    }
    let decided_on = context.effective_on();
    let DecideVerification { partner_id, check, passed, note } = command.clone();
    let note_of_hold = format!("verification of {}: {note}", check.label());
    let event: Event = VerificationDecided { partner_id, check, passed, note, decided_on }.into();
    let mut after = partner.account.verification.clone();
    after.apply(&event);
    let change = program::profile_hold(partner, &after, decided_on, &note_of_hold);
    Ok([event].into_iter().chain(change).collect())
}

/// A document about the employer's domain, or of the company's registration (L7136, L7139); an address is proved by an e-mail.
pub(super) fn prove(partner: &Partner, command: &ProvideVerificationProof) -> Result<Vec<Event>, Rejection> {
    account::global(partner)?;
    if command.check == VerificationCheck::EmailOwnership {
        let message = "An e-mail that is answered proves an address; state the legal profile again to get another";
        return Err(Rejection::field(Reason::ProofNotAccepted, "check", message));
    }
    if partner.account.verification.of(command.check) != Some(CheckStanding::Failed) {
        let message = format!("The check of {} did not fail", command.check.label());
        return Err(Rejection::field(Reason::VerificationNotFailed, "check", message));
    }
    if command.document_hash.len() != HASH_BYTES {
        return Err(check::invalid("document_hash", format!("The SHA-256 of the document, {HASH_BYTES} bytes")));
    }
    let ProvideVerificationProof { partner_id, check, document_hash } = command.clone();
    Ok(vec![VerificationProofProvided { partner_id, check, document_hash }.into()])
}
