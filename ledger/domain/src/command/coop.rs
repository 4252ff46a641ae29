//! Commands about co-op funds and claims on them (billing-details.md 2.1). One concerns the catalog, the others a partner.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    coop::{CoopClaimDetails, UsagePeriod},
    evidence::Evidence,
    ids::{CoopClaimId, DocumentId, PartnerId, UsagePeriodId},
    money::Currency,
};

/// Publishes usage periods of programs; a period keeps the days it was published with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishUsagePeriods {
    /// The periods.
    pub periods: Vec<UsagePeriod>,
}

/// The partner earned co-op funds at a location, or earned less than was thought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccrueCoopFunds {
    /// Who earned.
    pub partner_id: PartnerId,
    /// Code of the program.
    pub program: String,
    /// Id of the location in the partner network.
    pub location_mpn_id: String,
    /// In which they are used.
    pub usage_period_id: UsagePeriodId,
    /// Not 0; below 0 takes back.
    pub amount: Decimal,
    /// The same for all of a partner's funds of a program and period.
    pub currency: Currency,
    /// What for; may be empty.
    pub reference: String,
}

/// Begins a claim (L9264).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateCoopClaim {
    /// Who claims.
    pub partner_id: PartnerId,
    /// Its id, unique among the partner's claims.
    pub claim_id: CoopClaimId,
    /// Code of the program.
    pub program: String,
    /// Id of the location in the partner network.
    pub location_mpn_id: String,
    /// Whose funds are claimed.
    pub usage_period_id: UsagePeriodId,
    /// Code of the activity.
    pub activity: String,
    /// The form.
    pub details: CoopClaimDetails,
}

/// Changes a claim that is not submitted, or asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviseCoopClaim {
    /// Who claims.
    pub partner_id: PartnerId,
    /// The claim.
    pub claim_id: CoopClaimId,
    /// The form, in place of the one before.
    pub details: CoopClaimDetails,
}

/// Adds a document (L9266).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddCoopClaimDocument {
    /// Who claims.
    pub partner_id: PartnerId,
    /// The claim.
    pub claim_id: CoopClaimId,
    /// What it is, and its hash.
    pub document: Evidence,
}

/// Says something about a claim (L9270).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommentOnCoopClaim {
    /// Who claims.
    pub partner_id: PartnerId,
    /// The claim.
    pub claim_id: CoopClaimId,
    /// What is said.
    pub text: String,
}

/// Hands a claim in, for the first time or after a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmitCoopClaim {
    /// Who claims.
    pub partner_id: PartnerId,
    /// The claim.
    pub claim_id: CoopClaimId,
}

/// A reviewer needs more (L9270).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskAboutCoopClaim {
    /// Who claims.
    pub partner_id: PartnerId,
    /// The claim.
    pub claim_id: CoopClaimId,
    /// The document it is about.
    pub document_id: Option<DocumentId>,
    /// What is needed.
    pub question: String,
    /// The last day to answer; none for the last day of claims, while that is ahead.
    pub answer_by: Option<NaiveDate>,
}

/// A reviewer grants a claim, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApproveCoopClaim {
    /// Who claims.
    pub partner_id: PartnerId,
    /// The claim.
    pub claim_id: CoopClaimId,
    /// Above 0, at most what is claimed.
    pub amount: Decimal,
}

/// A reviewer refuses a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectCoopClaim {
    /// Who claims.
    pub partner_id: PartnerId,
    /// The claim.
    pub claim_id: CoopClaimId,
    /// Why.
    pub reason: String,
}

/// Books what nobody claimed by the last day of claims (L9225). Sent by the incentive projector once that day is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpireCoopFunds {
    /// Who earned.
    pub partner_id: PartnerId,
    /// Code of the program.
    pub program: String,
    /// Id of the location in the partner network.
    pub location_mpn_id: String,
    /// In which they were used.
    pub usage_period_id: UsagePeriodId,
}

/// What was granted goes to payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOverCoopClaim {
    /// Who claims.
    pub partner_id: PartnerId,
    /// The claim.
    pub claim_id: CoopClaimId,
    /// What payment calls it.
    pub payment_reference: String,
}
