//! States of an enrollment, and the moves between them (billing-details.md 2.2; L9420-9429).

use serde::{Deserialize, Serialize};

/// Hours that a validation takes at most (L9429).
pub const VALIDATION_HOURS: i64 = 48;

/// Where an enrollment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EnrollmentStatus {
    /// Invited, and not begun (L9426).
    Invited,
    /// Accepted; bank or tax data may be due (L9421).
    ActionRequired,
    /// Data is given and being checked (L9429).
    ValidatingEnrollment,
    /// Bank and tax data are valid (L9423).
    Enrolled,
    /// Closed to enrollment (L9425).
    Inactive,
    /// Requirements are not met (L9425).
    Ineligible,
    /// The program is gone (L9422).
    Discontinued,
}

/// Who moves an enrollment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mover {
    /// An invitation.
    Invitation,
    /// The partner, by accepting it.
    Acceptance,
    /// The partner, by giving its bank and tax data, or changing it.
    Data,
    /// The provider, by its answer.
    Provider,
}

/// One allowed move; from none is the first.
pub type EnrollmentMove = (Option<EnrollmentStatus>, EnrollmentStatus, Mover);

use EnrollmentStatus::{
    ActionRequired, Discontinued, Enrolled, Inactive, Ineligible, Invited, ValidatingEnrollment as Validating,
};

/// Every allowed move.
pub const ENROLLMENT_MOVES: &[EnrollmentMove] = &[
    (None, Invited, Mover::Invitation),
    (Some(Inactive), Invited, Mover::Invitation),
    (Some(Ineligible), Invited, Mover::Invitation),
    (Some(Invited), ActionRequired, Mover::Acceptance),
    (Some(ActionRequired), Validating, Mover::Data),
    (Some(Enrolled), Validating, Mover::Data),
    (Some(Validating), Enrolled, Mover::Provider),
    (Some(Validating), ActionRequired, Mover::Provider),
    (Some(Invited), Inactive, Mover::Provider),
    (Some(Invited), Ineligible, Mover::Provider),
    (Some(Invited), Discontinued, Mover::Provider),
    (Some(ActionRequired), Inactive, Mover::Provider),
    (Some(ActionRequired), Ineligible, Mover::Provider),
    (Some(ActionRequired), Discontinued, Mover::Provider),
    (Some(Validating), Inactive, Mover::Provider),
    (Some(Validating), Ineligible, Mover::Provider),
    (Some(Validating), Discontinued, Mover::Provider),
    (Some(Enrolled), Inactive, Mover::Provider),
    (Some(Enrolled), Ineligible, Mover::Provider),
    (Some(Enrolled), Discontinued, Mover::Provider),
    (Some(Inactive), Discontinued, Mover::Provider),
    (Some(Ineligible), Discontinued, Mover::Provider),
];

impl EnrollmentStatus {
    /// Every status.
    pub const ALL: [Self; 7] = [Invited, ActionRequired, Validating, Enrolled, Inactive, Ineligible, Discontinued];

    /// As the page prints it. Inactive and ineligible share a row there, and have a name each here (C6).
    pub fn label(self) -> &'static str {
        match self {
            Self::Invited => "Invited",
            Self::ActionRequired => "Action required",
            Self::ValidatingEnrollment => "Validating enrollment",
            Self::Enrolled => "Enrolled",
            Self::Inactive => "Inactive",
            Self::Ineligible => "Ineligible",
            Self::Discontinued => "Discontinued",
        }
    }

    /// What somebody sees who is no incentives administrator: that data is due or being checked is not his to know (L9424).
    pub fn masked_label(self) -> &'static str {
        match self {
            Self::ActionRequired | Self::ValidatingEnrollment => "Enrolling",
            other => other.label(),
        }
    }

    /// Whether a partner that earned goes on to earn: new bank or tax data is checked without a gap in what is earned, and only payments
    /// wait for it.
    pub fn keeps_earning(self) -> bool {
        matches!(self, Self::Enrolled | Self::ValidatingEnrollment | Self::ActionRequired)
    }
}

/// Whether somebody may move an enrollment so.
pub(crate) fn may_move(from: Option<EnrollmentStatus>, to: EnrollmentStatus, mover: Mover) -> bool {
    ENROLLMENT_MOVES.contains(&(from, to, mover))
}
