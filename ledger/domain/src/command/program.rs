//! Commands about the rules of the program: what the catalog publishes, and who a customer is to a partner.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{CustomerId, PartnerId},
    partner::PartnerRuleRow,
    party::CustomerTie,
};

/// A version of the partner agreement, and from which day on only its signatories sell anything new (program page C04, A01).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishPartnerAgreement {
    /// Its name.
    pub version: String,
    /// First day on which it can be signed.
    pub signing_from: NaiveDate,
    /// First day without new orders for who has not signed; none while that is postponed (L1587).
    pub required_from: Option<NaiveDate>,
}

/// From which day on rules bind that a ledger may begin without.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishPartnerRules {
    /// Each in place of what was published of it before.
    pub rules: Vec<PartnerRuleRow>,
}

/// The customer is, or belongs to, a partner: what may be sold to it depends on that (reports page section 2.15).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TieCustomer {
    /// The customer.
    pub customer_id: CustomerId,
    /// The partner it belongs to.
    pub partner_id: PartnerId,
    /// How.
    pub tie: CustomerTie,
}
