//! Commands about a customer and its relationships.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{CustomerId, PartnerId},
    party::{Address, AgreementMode, Contact},
};

/// A customer's record begins, with its first relationship (customers page section 2.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateCustomer {
    /// Its id.
    pub customer_id: CustomerId,
    /// The partner that creates it.
    pub partner_id: PartnerId,
    /// Legal name.
    pub company_name: String,
    /// 1 to 27 letters and digits.
    pub domain_prefix: String,
    /// Where it is.
    pub address: Address,
    /// Its first admin.
    pub contact: Contact,
    /// Reseller of record.
    pub reseller_id: Option<PartnerId>,
}

/// The customer agreement was accepted (program page C02).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptAgreement {
    /// By whom.
    pub customer_id: CustomerId,
    /// Directly, or as a partner attests.
    pub mode: AgreementMode,
    /// The attesting partner.
    pub partner_id: Option<PartnerId>,
    /// Who signed.
    pub signatory: Contact,
    /// When; not in the future.
    pub accepted_on: NaiveDate,
}

/// A partner asks a customer for a relationship (customers page section 2.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRelationship {
    /// The customer.
    pub customer_id: CustomerId,
    /// The partner.
    pub partner_id: PartnerId,
    /// Whether it asks for delegated admin rights.
    pub delegated_admin: bool,
    /// Reseller of record, for a provider.
    pub reseller_id: Option<PartnerId>,
}

/// The customer accepts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptRelationship {
    /// The customer.
    pub customer_id: CustomerId,
    /// The partner that asked.
    pub partner_id: PartnerId,
}

/// The relationship ends; nothing may be active any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveRelationship {
    /// The customer.
    pub customer_id: CustomerId,
    /// The partner.
    pub partner_id: PartnerId,
}
