//! Commands to a customer's stream about money by hand: claims for outages, adjustments.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    customer::SlaCredit,
    ids::{ClaimId, CustomerId, LineId, PartnerId, SubscriptionId},
    money::Currency,
};

/// Claims a credit for an outage (billing-details.md 2.13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmitSlaClaim {
    /// Who was hit.
    pub customer_id: CustomerId,
    /// Who claims: the direct bill partner or indirect provider.
    pub partner_id: PartnerId,
    /// Its id, unique among the customer's claims.
    pub claim_id: ClaimId,
    /// Two letters for the service and a number, such as `EX25194` (L10941).
    pub incident_id: String,
    /// The day of the incident, UTC.
    pub incident_date: NaiveDate,
    /// The service, if it is to be checked against the incident's.
    pub service_code: Option<String>,
    /// Whether the service was bought through the program (L10937).
    pub purchased_through_csp: bool,
}

/// The review team needs more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskSlaClaimant {
    /// Whose claim.
    pub customer_id: CustomerId,
    /// The claim.
    pub claim_id: ClaimId,
    /// What is needed.
    pub question: String,
}

/// The claimant gives it, within the same deadline (L10929).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerSlaClaim {
    /// Whose claim.
    pub customer_id: CustomerId,
    /// The claimant.
    pub partner_id: PartnerId,
    /// The claim.
    pub claim_id: ClaimId,
    /// What was asked for.
    pub answer: String,
}

/// Grants the claim: each credit is a line of the next invoice (billing-details.md C21, C40).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApproveSlaClaim {
    /// Whose claim.
    pub customer_id: CustomerId,
    /// The claim.
    pub claim_id: ClaimId,
    /// For each affected subscription, before tax.
    pub credits: Vec<SlaCredit>,
}

/// Refuses the claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefuseSlaClaim {
    /// Whose claim.
    pub customer_id: CustomerId,
    /// The claim.
    pub claim_id: ClaimId,
    /// Why not.
    pub comments: String,
}

/// A credit by hand, or the correction of a line: a line of the next invoice (billing-details.md C3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostAdjustment {
    /// Whose subscription.
    pub customer_id: CustomerId,
    /// Who pays for it.
    pub partner_id: PartnerId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// The line it corrects: a `Line-item offset`. None: a `customerCredit`.
    pub line_id: Option<LineId>,
    /// Before tax. Negative gives back; only the correction of a line may be positive.
    pub amount: Decimal,
    /// The subscription's.
    pub currency: Currency,
    /// Why; the line carries it.
    pub reason: String,
}
