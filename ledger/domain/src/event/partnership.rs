//! Events about the bonds of partners to each other.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::event;
use crate::{
    ids::{MergeId, MpnId, PartnerId},
    partner::MembershipResolution,
};

event! {
    /// Provider: it invited a reseller.
    PartnershipRequested {
        /// Who invites.
        provider_id: PartnerId,
        /// Who is invited.
        reseller_id: PartnerId,
        /// The day.
        requested_on: NaiveDate,
    }

    /// Provider: the reseller authorized it, and gave it administrator access.
    PartnershipAuthorized {
        /// One side.
        provider_id: PartnerId,
        /// The other.
        reseller_id: PartnerId,
        /// The day.
        authorized_on: NaiveDate,
    }

    /// Provider: it has no administrator access to the reseller's account any more.
    ProviderAdminRevoked {
        /// One side.
        provider_id: PartnerId,
        /// The other.
        reseller_id: PartnerId,
        /// The day.
        revoked_on: NaiveDate,
    }

    /// Provider: support ended the partnership.
    PartnershipEnded {
        /// One side.
        provider_id: PartnerId,
        /// The other.
        reseller_id: PartnerId,
        /// Number of the support request.
        support_request: String,
        /// The day.
        ended_on: NaiveDate,
    }

    /// Partner: it invited another company to merge.
    MergeInvited {
        /// Who invites.
        partner_id: PartnerId,
        /// Unique for who invites.
        merge_id: MergeId,
        /// The global account that is invited.
        target_mpn_id: MpnId,
        /// Whose it is.
        target_partner_id: PartnerId,
        /// Who asked.
        invited_by: String,
        /// The day.
        invited_on: NaiveDate,
    }

    /// Partner: the invited company accepted.
    MergeAccepted {
        /// Who invited.
        partner_id: PartnerId,
        /// Which one.
        merge_id: MergeId,
        /// Who accepted.
        target_partner_id: PartnerId,
        /// The day.
        accepted_on: NaiveDate,
    }

    /// Partner: the invited company rejected.
    MergeRejected {
        /// Who invited.
        partner_id: PartnerId,
        /// Which one.
        merge_id: MergeId,
        /// Who rejected.
        target_partner_id: PartnerId,
        /// Why; may be empty.
        reason: String,
        /// The day.
        rejected_on: NaiveDate,
    }

    /// Partner: two companies are one. The other's history stays where it is; its locations stand under this global account from now on.
    AccountsMerged {
        /// Who survives.
        partner_id: PartnerId,
        /// Which one.
        merge_id: MergeId,
        /// The other; it goes on being billed under its own id (L7175).
        absorbed_partner_id: PartnerId,
        /// The global account.
        surviving_mpn_id: MpnId,
        /// The other's global account, a location now, and its locations.
        relocated_mpn_ids: Vec<MpnId>,
        /// What becomes of memberships that both have.
        resolutions: Vec<MembershipResolution>,
        /// The day.
        merged_on: NaiveDate,
    }
}
