//! Customers, and how they stand to their partners.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use subledger_domain::{
    compact,
    ids::{CustomerId, PartnerId},
    party::{Address, AgreementMode, AgreementVersion, Contact, PurchasePermission, Segment},
};

use super::states::{QualificationState, RelationshipState};

/// A customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Its id.
    pub customer_id: CustomerId,
    /// Legal name.
    pub company_name: String,
    /// Whole primary domain name.
    pub domain_name: String,
    /// Where it is.
    pub address: Address,
    /// Its first admin.
    pub contact: Contact,
    /// One for each partner, by partner id; removed ones stay.
    pub relationships: Vec<Relationship>,
    /// Shown in lists and exports instead of the company name (customers page decision G05).
    pub bill_to_name: Option<String>,
    /// One for each partner that has any, by partner id.
    pub tags: Vec<PartnerTags>,
    /// One for each segment that was examined.
    pub qualifications: Vec<QualificationRow>,
    /// What the customer may buy by itself.
    pub permissions: Vec<Permission>,
    /// In the order accepted; the last acceptance of each mode and partner.
    pub agreements: Vec<Agreement>,
    /// Subscriptions that have not ended: pending, trial, active or suspended, but not gone to another partner or replaced.
    pub subscription_count: u32,
    /// Of its stream, for `expected_version`. Refused commands count.
    pub version: u64,
    /// The day it was created, UTC.
    #[serde(with = "compact::date")]
    pub created_on: NaiveDate,
}

impl Customer {
    /// The name that lists and exports show.
    pub fn listed_name(&self) -> &str {
        self.bill_to_name.as_deref().unwrap_or(&self.company_name)
    }
}

/// A partner's own tags of a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartnerTags {
    /// Whose.
    pub partner_id: PartnerId,
    /// The tags.
    pub tags: Vec<String>,
}

/// An examination for a special segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QualificationRow {
    /// Which.
    pub segment: Segment,
    /// Where it stands.
    pub state: QualificationState,
    /// How often it was submitted.
    pub submissions: u32,
    /// Why not.
    pub note: String,
}

/// What a customer may buy by itself on a partner's account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// Who pays.
    pub partner_id: PartnerId,
    /// What.
    pub permission: PurchasePermission,
}

/// A customer's relationship with one partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relationship {
    /// The partner.
    pub partner_id: PartnerId,
    /// Whether it holds.
    pub state: RelationshipState,
    /// Whether with admin rights.
    pub delegated_admin: bool,
    /// Reseller of record.
    pub reseller_id: Option<PartnerId>,
    /// Resellers that work for the customer with this provider, by id.
    pub resellers: Vec<PartnerId>,
    /// Whether the partner asked for admin rights since.
    pub admin_requested: bool,
    /// First day on which what was asked for can no longer be accepted; none while nothing is open, or open for ever.
    #[serde(with = "compact::optional_date")]
    pub request_expires_on: Option<NaiveDate>,
}

/// An acceptance of the customer agreement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// Directly or attested.
    pub mode: AgreementMode,
    /// The attesting partner.
    pub partner_id: Option<PartnerId>,
    /// When.
    #[serde(with = "compact::date")]
    pub accepted_on: NaiveDate,
    /// Which agreement.
    pub version: AgreementVersion,
    /// In which language, if it was said.
    pub language: Option<String>,
}
