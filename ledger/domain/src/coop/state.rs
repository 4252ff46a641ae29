//! The states of a co-op claim and the moves between them (billing-details.md 2.1), as one table.

use serde::{Deserialize, Serialize};

use crate::Reason;

/// Where a claim stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CoopClaimState {
    /// The partner works on it (L9270).
    Editing,
    /// Submitted; a reviewer looks at it.
    InReview,
    /// The reviewer asked for more (L9270).
    InformationRequested,
    /// Granted, and to be paid.
    Approved,
    /// Refused.
    Rejected,
    /// Granted, and handed over to payment.
    HandedOver,
}

/// What happens to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CoopClaimStep {
    /// The form changes.
    Revise,
    /// A document is added.
    AddDocument,
    /// Somebody says something.
    Comment,
    /// It is handed in.
    Submit,
    /// The reviewer asks.
    Ask,
    /// The reviewer grants it.
    Approve,
    /// The reviewer refuses it.
    Reject,
    /// Payment takes it.
    HandOver,
}

/// Every state.
pub const CLAIM_STATES: [CoopClaimState; 6] = [
    CoopClaimState::Editing,
    CoopClaimState::InReview,
    CoopClaimState::InformationRequested,
    CoopClaimState::Approved,
    CoopClaimState::Rejected,
    CoopClaimState::HandedOver,
];

/// Every step.
pub const CLAIM_STEPS: [CoopClaimStep; 8] = [
    CoopClaimStep::Revise,
    CoopClaimStep::AddDocument,
    CoopClaimStep::Comment,
    CoopClaimStep::Submit,
    CoopClaimStep::Ask,
    CoopClaimStep::Approve,
    CoopClaimStep::Reject,
    CoopClaimStep::HandOver,
];

/// The moves. A claim that nobody answers about by the day the reviewer named may be refused, or it would hold its fund for ever:
/// (derived).
pub const CLAIM_MOVES: &[(CoopClaimState, CoopClaimStep, CoopClaimState)] = &[
    (CoopClaimState::Editing, CoopClaimStep::Revise, CoopClaimState::Editing),
    (CoopClaimState::Editing, CoopClaimStep::AddDocument, CoopClaimState::Editing),
    (CoopClaimState::Editing, CoopClaimStep::Comment, CoopClaimState::Editing),
    (CoopClaimState::Editing, CoopClaimStep::Submit, CoopClaimState::InReview),
    (CoopClaimState::InReview, CoopClaimStep::Ask, CoopClaimState::InformationRequested),
    (CoopClaimState::InReview, CoopClaimStep::Approve, CoopClaimState::Approved),
    (CoopClaimState::InReview, CoopClaimStep::Reject, CoopClaimState::Rejected),
    (CoopClaimState::InformationRequested, CoopClaimStep::Revise, CoopClaimState::InformationRequested),
    (CoopClaimState::InformationRequested, CoopClaimStep::AddDocument, CoopClaimState::InformationRequested),
    (CoopClaimState::InformationRequested, CoopClaimStep::Comment, CoopClaimState::InformationRequested),
    (CoopClaimState::InformationRequested, CoopClaimStep::Submit, CoopClaimState::InReview),
    (CoopClaimState::InformationRequested, CoopClaimStep::Reject, CoopClaimState::Rejected),
    (CoopClaimState::Approved, CoopClaimStep::HandOver, CoopClaimState::HandedOver),
];

/// The state after a step; none where the table has no such move.
pub fn after(state: CoopClaimState, step: CoopClaimStep) -> Option<CoopClaimState> {
    CLAIM_MOVES.iter().find(|(from, by, _)| *from == state && *by == step).map(|(_, _, to)| *to)
}

/// Why a step is refused in a state that it does not lead out of: after submission nothing can be edited unless a reviewer asks (L9272).
pub fn refused_with(step: CoopClaimStep) -> Reason {
    match step {
        CoopClaimStep::Revise | CoopClaimStep::AddDocument | CoopClaimStep::Comment | CoopClaimStep::Submit => {
            Reason::ClaimLocked
        }
        _ => Reason::ClaimMoveNotAllowed,
    }
}

impl CoopClaimState {
    /// The name, as lists and filters have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Editing => "editing",
            Self::InReview => "in review",
            Self::InformationRequested => "information requested",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::HandedOver => "handed over",
        }
    }

    /// The state of that name; blanks may be hyphens.
    pub fn from_name(name: &str) -> Option<Self> {
        CLAIM_STATES.into_iter().find(|state| state.name() == name.replace('-', " "))
    }

    /// Whether it takes from its fund: it is claimed and not refused.
    pub fn draws(self) -> bool {
        !matches!(self, Self::Editing | Self::Rejected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_a_function_and_reaches_every_state() {
        for (n, (from, step, to)) in CLAIM_MOVES.iter().enumerate() {
            assert_eq!(after(*from, *step), Some(*to), "row {n} is hidden by an earlier one");
        }
        for state in CLAIM_STATES {
            assert!(CLAIM_MOVES.iter().any(|(.., to)| *to == state), "{state:?}");
            assert_eq!(CoopClaimState::from_name(state.name()), Some(state));
        }
        for step in CLAIM_STEPS {
            assert!(CLAIM_MOVES.iter().any(|(_, by, _)| *by == step), "{step:?} leads nowhere");
        }
    }
}
