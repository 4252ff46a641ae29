//! Events about co-op funds and claims on them.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::event;
use crate::{
    coop::{CoopClaimDetails, UsagePeriod},
    evidence::Evidence,
    ids::{CoopClaimId, DocumentId, PartnerId, UsagePeriodId},
    money::Currency,
};

event! {
    /// Catalog: usage periods of programs were published.
    UsagePeriodsPublished {
        /// The periods.
        periods: Vec<UsagePeriod>,
    }

    /// Partner: co-op funds accrued, or were taken back.
    CoopFundsAccrued {
        /// Who earned.
        partner_id: PartnerId,
        /// Code of the program.
        program: String,
        /// Id of the location in the partner network.
        location_mpn_id: String,
        /// In which they are used.
        usage_period_id: UsagePeriodId,
        /// Below 0 takes back.
        amount: Decimal,
        /// Of the amount.
        currency: Currency,
        /// What for; may be empty.
        reference: String,
        /// The day.
        accrued_on: NaiveDate,
        /// The last day of claims; what is not claimed by then is lost.
        claim_deadline: NaiveDate,
    }

    /// Partner: what nobody claimed in time, or what a claim gave back after the last day of claims, is lost.
    CoopFundsExpired {
        /// Who earned.
        partner_id: PartnerId,
        /// Code of the program.
        program: String,
        /// Id of the location in the partner network.
        location_mpn_id: String,
        /// In which they were used.
        usage_period_id: UsagePeriodId,
        /// Above 0.
        amount: Decimal,
        /// Of the amount.
        currency: Currency,
        /// The last day of claims, or the later day on which it was given back.
        expired_on: NaiveDate,
    }

    /// Partner: a claim was begun.
    CoopClaimCreated {
        /// Who claims.
        partner_id: PartnerId,
        /// Its id.
        claim_id: CoopClaimId,
        /// Code of the program.
        program: String,
        /// Id of the location in the partner network.
        location_mpn_id: String,
        /// Whose funds are claimed.
        usage_period_id: UsagePeriodId,
        /// Code of the activity.
        activity: String,
        /// The form.
        details: CoopClaimDetails,
        /// The day.
        created_on: NaiveDate,
        /// The last day of claims.
        claim_deadline: NaiveDate,
        /// Until when originals are kept.
        retained_until: NaiveDate,
    }

    /// Partner: a claim changed.
    CoopClaimRevised {
        /// Who claims.
        partner_id: PartnerId,
        /// The claim.
        claim_id: CoopClaimId,
        /// The form, in place of the one before.
        details: CoopClaimDetails,
        /// Until when originals are kept.
        retained_until: NaiveDate,
    }

    /// Partner: a claim has one more document.
    CoopClaimDocumentAdded {
        /// Who claims.
        partner_id: PartnerId,
        /// The claim.
        claim_id: CoopClaimId,
        /// What it is, and its hash.
        document: Evidence,
    }

    /// Partner: somebody said something about a claim.
    CoopClaimCommented {
        /// Who claims.
        partner_id: PartnerId,
        /// The claim.
        claim_id: CoopClaimId,
        /// What was said.
        text: String,
    }

    /// Partner: a claim is handed in.
    CoopClaimSubmitted {
        /// Who claims.
        partner_id: PartnerId,
        /// The claim.
        claim_id: CoopClaimId,
        /// What its fund keeps for it.
        amount: Decimal,
        /// Of the amount.
        currency: Currency,
        /// The day.
        submitted_on: NaiveDate,
    }

    /// Partner: a reviewer needs more.
    CoopClaimInformationRequested {
        /// Who claims.
        partner_id: PartnerId,
        /// The claim.
        claim_id: CoopClaimId,
        /// The document it is about.
        document_id: Option<DocumentId>,
        /// What is needed.
        question: String,
        /// The last day to answer.
        answer_by: NaiveDate,
        /// The day.
        asked_on: NaiveDate,
    }

    /// Partner: a claim is granted.
    CoopClaimApproved {
        /// Who claims.
        partner_id: PartnerId,
        /// The claim.
        claim_id: CoopClaimId,
        /// What is granted of it; the rest is in the fund again.
        amount: Decimal,
        /// Of the amount.
        currency: Currency,
        /// The day.
        approved_on: NaiveDate,
    }

    /// Partner: a claim is refused, and all of it in the fund again.
    CoopClaimRejected {
        /// Who claims.
        partner_id: PartnerId,
        /// The claim.
        claim_id: CoopClaimId,
        /// Why.
        reason: String,
        /// The day.
        rejected_on: NaiveDate,
    }

    /// Partner: what was granted went to payment.
    CoopClaimHandedOver {
        /// Who claims.
        partner_id: PartnerId,
        /// The claim.
        claim_id: CoopClaimId,
        /// What is paid.
        amount: Decimal,
        /// Of the amount.
        currency: Currency,
        /// What payment calls it.
        payment_reference: String,
        /// The day.
        handed_over_on: NaiveDate,
    }
}
