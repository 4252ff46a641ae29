//! The states of an association and the moves between them (billing-details.md 2.3), as one table.

use serde::{Deserialize, Serialize};

use crate::Reason;

/// Where an association stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AssociationState {
    /// The partner fills in the form (L9593).
    Draft,
    /// Submitted; the provider looks at it (L9565).
    Validating,
    /// The provider asked for more (L9565).
    InformationRequested,
    /// The customer may opt out (L9565).
    CustomerNotified,
    /// Official.
    Active,
    /// The customer opted out.
    OptedOut,
    /// The provider refused it.
    Rejected,
    /// What it was claimed for is over (L9585).
    Expired,
    /// A later association of the same partner took its place (L9584).
    Replaced,
    /// It was taken away.
    Removed,
}

/// What happens to an association.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AssociationStep {
    /// The form is saved.
    Save,
    /// The form is handed in.
    Submit,
    /// The provider asks.
    Ask,
    /// The partner answers.
    Answer,
    /// The provider tells the customer.
    Notify,
    /// The customer opts out.
    OptOut,
    /// The window ends without that.
    Activate,
    /// The provider refuses.
    Reject,
    /// A subscription of it renews.
    Extend,
    /// Its last subscription is over.
    Expire,
    /// Another one takes its place.
    Replace,
    /// Somebody ends it.
    Remove,
}

/// Why an active association ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AssociationEndReason {
    /// Its subscriptions are over.
    Expired,
    /// Another one took its place.
    Replaced,
    /// Partner, customer or provider ended it.
    Removed,
}

/// Every state.
pub const STATES: [AssociationState; 10] = [
    AssociationState::Draft,
    AssociationState::Validating,
    AssociationState::InformationRequested,
    AssociationState::CustomerNotified,
    AssociationState::Active,
    AssociationState::OptedOut,
    AssociationState::Rejected,
    AssociationState::Expired,
    AssociationState::Replaced,
    AssociationState::Removed,
];

/// Every step.
pub const STEPS: [AssociationStep; 12] = [
    AssociationStep::Save,
    AssociationStep::Submit,
    AssociationStep::Ask,
    AssociationStep::Answer,
    AssociationStep::Notify,
    AssociationStep::OptOut,
    AssociationStep::Activate,
    AssociationStep::Reject,
    AssociationStep::Extend,
    AssociationStep::Expire,
    AssociationStep::Replace,
    AssociationStep::Remove,
];

/// The moves. A claim nobody answers about may be refused, or it would hold its workload for ever: (derived). What is claimed can be
/// over before the window is: (derived).
pub const MOVES: &[(AssociationState, AssociationStep, AssociationState)] = &[
    (AssociationState::Draft, AssociationStep::Save, AssociationState::Draft),
    (AssociationState::Draft, AssociationStep::Submit, AssociationState::Validating),
    (AssociationState::Validating, AssociationStep::Ask, AssociationState::InformationRequested),
    (AssociationState::Validating, AssociationStep::Notify, AssociationState::CustomerNotified),
    (AssociationState::Validating, AssociationStep::Reject, AssociationState::Rejected),
    (AssociationState::Validating, AssociationStep::Expire, AssociationState::Expired),
    (AssociationState::InformationRequested, AssociationStep::Answer, AssociationState::Validating),
    (AssociationState::InformationRequested, AssociationStep::Reject, AssociationState::Rejected),
    (AssociationState::InformationRequested, AssociationStep::Expire, AssociationState::Expired),
    (AssociationState::CustomerNotified, AssociationStep::OptOut, AssociationState::OptedOut),
    (AssociationState::CustomerNotified, AssociationStep::Activate, AssociationState::Active),
    (AssociationState::CustomerNotified, AssociationStep::Expire, AssociationState::Expired),
    (AssociationState::Active, AssociationStep::Extend, AssociationState::Active),
    (AssociationState::Active, AssociationStep::Expire, AssociationState::Expired),
    (AssociationState::Active, AssociationStep::Replace, AssociationState::Replaced),
    (AssociationState::Active, AssociationStep::Remove, AssociationState::Removed),
];

/// The state after a step; none where the table has no such move.
pub fn after(state: AssociationState, step: AssociationStep) -> Option<AssociationState> {
    MOVES.iter().find(|(from, by, _)| *from == state && *by == step).map(|(_, _, to)| *to)
}

/// Why a step is refused in a state that it does not lead out of: what was submitted cannot be edited (L9617), and who wants to opt
/// out once the association is official comes too late (L9565).
pub fn refused_with(state: AssociationState, step: AssociationStep) -> Reason {
    match (step, state) {
        (AssociationStep::Save | AssociationStep::Submit, _) => Reason::AssociationLocked,
        (AssociationStep::Answer, state) if state != AssociationState::Draft => Reason::AssociationLocked,
        (AssociationStep::OptOut, AssociationState::Active) => Reason::OptOutWindowClosed,
        _ => Reason::AssociationMoveNotAllowed,
    }
}

impl AssociationState {
    /// The name, as lists and filters have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Validating => "validating",
            Self::InformationRequested => "information requested",
            Self::CustomerNotified => "customer notified",
            Self::Active => "active",
            Self::OptedOut => "opted out",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Replaced => "replaced",
            Self::Removed => "removed",
        }
    }

    /// The state of that name; blanks may be hyphens.
    pub fn from_name(name: &str) -> Option<Self> {
        STATES.into_iter().find(|state| state.name() == name.replace('-', " "))
    }

    /// Whether it holds its workloads and subscriptions against other associations.
    pub fn holds(self) -> bool {
        matches!(self, Self::Validating | Self::InformationRequested | Self::CustomerNotified | Self::Active)
    }
}

impl AssociationEndReason {
    /// The state it leads to.
    pub fn state(self) -> AssociationState {
        match self {
            Self::Expired => AssociationState::Expired,
            Self::Replaced => AssociationState::Replaced,
            Self::Removed => AssociationState::Removed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_a_function_and_reaches_every_state() {
        for (n, (from, step, to)) in MOVES.iter().enumerate() {
            assert_eq!(after(*from, *step), Some(*to), "row {n} is hidden by an earlier one");
            assert!(from.holds() || *from == AssociationState::Draft, "{from:?} is an end");
        }
        for state in STATES {
            assert!(state == AssociationState::Draft || MOVES.iter().any(|(.., to)| *to == state), "{state:?}");
            assert_eq!(AssociationState::from_name(state.name()), Some(state));
        }
        for step in STEPS {
            assert!(MOVES.iter().any(|(_, by, _)| *by == step), "{step:?} leads nowhere");
        }
        assert_eq!(AssociationState::from_name("customer-notified"), Some(AssociationState::CustomerNotified));
    }
}
