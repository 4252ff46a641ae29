//! Commands to a partner's stream about its membership offers (accounts page section 2.5).

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{MembershipId, PartnerId},
    money::Currency,
    partner::{Benefit, MembershipOffer, MembershipPayment},
    party::Contact,
};

/// The company buys a membership offer for a year.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaseMembership {
    /// The partner.
    pub partner_id: PartnerId,
    /// Chosen by the caller, or derived from the command id.
    pub membership_id: Option<MembershipId>,
    /// What.
    pub offer: MembershipOffer,
    /// Area of a competency; empty for an action pack.
    pub competency: String,
    /// How it is paid.
    pub payment: MembershipPayment,
    /// Contact for a bank transfer (L3660).
    pub payer: Option<Contact>,
    /// What is paid.
    pub amount: Decimal,
    /// Of the amount.
    pub currency: Currency,
}

/// The fee of the next year is paid, in the renewal window (L3720-3722), or late under the rule of spring 2020 (L3726-3741).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewMembership {
    /// The partner.
    pub partner_id: PartnerId,
    /// Which one.
    pub membership_id: MembershipId,
    /// What is paid.
    pub amount: Decimal,
    /// Of the amount.
    pub currency: Currency,
}

/// It is not to renew by itself any more; only a renewal turns that on again (L3663, L3672).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetMembershipRenewal {
    /// The partner.
    pub partner_id: PartnerId,
    /// Which one.
    pub membership_id: MembershipId,
    /// Off, where it is on.
    pub auto_renew: bool,
}

/// The company cancels through a support request, with its money back or without (L3676-3683, L3952-3954).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelMembership {
    /// The partner.
    pub partner_id: PartnerId,
    /// Which one.
    pub membership_id: MembershipId,
    /// Number of the support request.
    pub support_request: String,
    /// Whether the money is asked back.
    pub refund: bool,
}

/// A benefit of a membership is activated: of software, its key is revealed (L3881-3893).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivateBenefit {
    /// The partner.
    pub partner_id: PartnerId,
    /// Which one.
    pub membership_id: MembershipId,
    /// Which benefit.
    pub benefit: Benefit,
}

/// Look at what a business day that is over means for the memberships: reminders, renewals, lapses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewMemberships {
    /// The partner.
    pub partner_id: PartnerId,
    /// The day.
    pub date: NaiveDate,
}
