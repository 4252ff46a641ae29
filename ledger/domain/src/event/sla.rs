//! Events of a customer's stream about money by hand: claims for outages, adjustments.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::event;
use crate::{
    customer::SlaCredit,
    ids::{ClaimId, CustomerId, LineId, PartnerId, SubscriptionId},
    money::Currency,
};

event! {
    /// Customer: a credit for an outage is claimed (billing-details.md 2.13).
    SlaClaimSubmitted {
        /// Who was hit.
        customer_id: CustomerId,
        /// Who claims.
        partner_id: PartnerId,
        /// Its id.
        claim_id: ClaimId,
        /// Such as `EX25194`.
        incident_id: String,
        /// UTC.
        incident_date: NaiveDate,
        /// The first two letters of the incident.
        service_code: String,
        /// The service of that code; none if the code is not a listed one, which the review team looks at.
        service: Option<String>,
        /// The day.
        submitted_on: NaiveDate,
        /// The last day on which it could be.
        deadline: NaiveDate,
    }

    /// Customer: the claimant is asked for more.
    SlaClaimantAsked {
        /// Whose claim.
        customer_id: CustomerId,
        /// Who claims.
        partner_id: PartnerId,
        /// The claim.
        claim_id: ClaimId,
        /// What is needed.
        question: String,
        /// The day.
        asked_on: NaiveDate,
    }

    /// Customer: the claimant gave it.
    SlaClaimAnswered {
        /// Whose claim.
        customer_id: CustomerId,
        /// Who claims.
        partner_id: PartnerId,
        /// The claim.
        claim_id: ClaimId,
        /// What was asked for.
        answer: String,
        /// The day.
        answered_on: NaiveDate,
    }

    /// Customer: the claim is granted. Its credits follow as charge lines.
    SlaClaimApproved {
        /// Whose claim.
        customer_id: CustomerId,
        /// Who claims.
        partner_id: PartnerId,
        /// The claim.
        claim_id: ClaimId,
        /// For each subscription, before tax.
        credits: Vec<SlaCredit>,
        /// The day.
        approved_on: NaiveDate,
    }

    /// Customer: the claim is refused.
    SlaClaimRefused {
        /// Whose claim.
        customer_id: CustomerId,
        /// Who claims.
        partner_id: PartnerId,
        /// The claim.
        claim_id: ClaimId,
        /// Why not.
        comments: String,
        /// The day.
        refused_on: NaiveDate,
    }

    /// Customer: somebody credited or corrected something by hand. Its charge line follows.
    AdjustmentPosted {
        /// Whose subscription.
        customer_id: CustomerId,
        /// Who pays for it.
        partner_id: PartnerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// The line it corrects.
        line_id: Option<LineId>,
        /// Before tax; negative gives back.
        amount: Decimal,
        /// The subscription's.
        currency: Currency,
        /// Why.
        reason: String,
    }
}
