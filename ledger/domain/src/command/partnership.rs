//! Commands to a partner's stream about its bonds to other partners. A partnership is on the provider's stream, a merge on that of the company that invites.

use serde::{Deserialize, Serialize};

use crate::ids::{MergeId, MpnId, PartnerId};

/// A provider invites a reseller by a link of its own (L17625-17637).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestPartnership {
    /// Who invites.
    pub provider_id: PartnerId,
    /// Who is invited.
    pub reseller_id: PartnerId,
}

/// The reseller follows the link and authorizes the provider (L17799-17801).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizeProvider {
    /// Whose link.
    pub provider_id: PartnerId,
    /// Who authorizes.
    pub reseller_id: PartnerId,
    /// Whether the box is ticked.
    pub confirmed: bool,
}

/// The reseller takes away the provider's administrator access to its account; the partnership stays (L17805).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokeProviderAdmin {
    /// Whose access.
    pub provider_id: PartnerId,
    /// Who takes it away.
    pub reseller_id: PartnerId,
}

/// Support ends a partnership (L17960).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndPartnership {
    /// One side.
    pub provider_id: PartnerId,
    /// The other.
    pub reseller_id: PartnerId,
    /// Number of the support request.
    pub support_request: String,
}

/// A company invites another one to become one company (L7211-7216).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteMerge {
    /// Who invites, and survives.
    pub partner_id: PartnerId,
    /// Chosen by the caller, or derived from the command id.
    pub merge_id: Option<MergeId>,
    /// Id of the global account that is invited.
    pub target_mpn_id: MpnId,
    /// Who asks: an account admin (L7163).
    pub invited_by: String,
}

/// The invited company accepts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptMerge {
    /// Who invited.
    pub partner_id: PartnerId,
    /// Which one.
    pub merge_id: MergeId,
    /// Who accepts.
    pub target_partner_id: PartnerId,
}

/// The invited company does not want it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectMerge {
    /// Who invited.
    pub partner_id: PartnerId,
    /// Which one.
    pub merge_id: MergeId,
    /// Who rejects.
    pub target_partner_id: PartnerId,
    /// Why; may be empty.
    pub reason: String,
}

/// The inviting company starts the merge that was accepted; it cannot be undone (L7172).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompleteMerge {
    /// Who invited.
    pub partner_id: PartnerId,
    /// Which one.
    pub merge_id: MergeId,
}
