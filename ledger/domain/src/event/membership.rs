//! Events about membership offers of a partner.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::event;
use crate::{
    ids::{MembershipId, PartnerId},
    money::Currency,
    partner::{Benefit, MembershipOffer, MembershipPayment, MembershipReminder},
    party::Contact,
};

event! {
    /// Partner: a membership offer was bought.
    MembershipPurchased {
        /// The partner.
        partner_id: PartnerId,
        /// Unique among the partner's.
        membership_id: MembershipId,
        /// What.
        offer: MembershipOffer,
        /// Area of a competency.
        competency: String,
        /// How it is paid.
        payment: MembershipPayment,
        /// For a bank transfer.
        payer: Option<Contact>,
        /// What is paid.
        amount: Decimal,
        /// Of the amount.
        currency: Currency,
        /// The day.
        purchased_on: NaiveDate,
        /// A year later.
        anniversary: NaiveDate,
    }

    /// Partner: a membership was renewed.
    MembershipRenewed {
        /// The partner.
        partner_id: PartnerId,
        /// Which one.
        membership_id: MembershipId,
        /// The anniversary before.
        previous: NaiveDate,
        /// 365 days after it (L3722).
        anniversary: NaiveDate,
        /// What is paid.
        amount: Decimal,
        /// Of the amount.
        currency: Currency,
        /// The day.
        paid_on: NaiveDate,
        /// Whether it renewed by itself.
        automatic: bool,
        /// Whether it had lapsed.
        reactivated: bool,
    }

    /// Partner: a membership does not renew by itself any more.
    MembershipRenewalStopped {
        /// The partner.
        partner_id: PartnerId,
        /// Which one.
        membership_id: MembershipId,
        /// The day.
        stopped_on: NaiveDate,
    }

    /// Partner: a membership was cancelled.
    MembershipCancelled {
        /// The partner.
        partner_id: PartnerId,
        /// Which one.
        membership_id: MembershipId,
        /// Number of the support request.
        support_request: String,
        /// Whether the money went back.
        refunded: bool,
        /// The day.
        cancelled_on: NaiveDate,
    }

    /// Partner: a benefit was activated.
    BenefitActivated {
        /// The partner.
        partner_id: PartnerId,
        /// Of which.
        membership_id: MembershipId,
        /// Which one.
        benefit: Benefit,
        /// The day.
        activated_on: NaiveDate,
    }

    /// Partner: it was reminded of a renewal.
    MembershipReminded {
        /// The partner.
        partner_id: PartnerId,
        /// Which one.
        membership_id: MembershipId,
        /// Which reminder.
        reminder: MembershipReminder,
        /// The day.
        reminded_on: NaiveDate,
    }

    /// Partner: a membership was not renewed in its window; its benefits are lost (L3720).
    MembershipLapsed {
        /// The partner.
        partner_id: PartnerId,
        /// Which one.
        membership_id: MembershipId,
        /// First day without.
        lapsed_on: NaiveDate,
    }
}
