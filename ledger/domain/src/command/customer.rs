//! Commands about a customer and its relationships.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{CustomerId, PartnerId},
    party::{Address, AgreementMode, AgreementVersion, Contact, PurchasePermission, Segment},
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
    /// The customer agreement, if none.
    pub version: Option<AgreementVersion>,
    /// One of the template's in the customer's country.
    pub language: Option<String>,
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
    /// Days until the request expires unanswered; none for never.
    pub expires_after_days: Option<u32>,
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

/// Profile changes; what is none stays (customers page section 2.2, decision G05).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateCustomer {
    /// The customer.
    pub customer_id: CustomerId,
    /// Who changes it; the customer itself, if none.
    pub partner_id: Option<PartnerId>,
    /// Legal name; the customer itself changes it only.
    pub company_name: Option<String>,
    /// Shown in lists and exports instead of the company name.
    pub bill_to_name: Option<String>,
    /// The country stays.
    pub address: Option<Address>,
    /// Its admin.
    pub contact: Option<Contact>,
}

/// Asks for an examination whether the customer belongs to a special segment (program page C11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestQualification {
    /// The customer.
    pub customer_id: CustomerId,
    /// The partner.
    pub partner_id: PartnerId,
    /// Any but commercial.
    pub segment: Segment,
    /// An address that the entity owns; education needs one (L15176-15180).
    pub email: Option<String>,
}

/// The publisher's answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecideQualification {
    /// The customer.
    pub customer_id: CustomerId,
    /// Which.
    pub segment: Segment,
    /// Whether it belongs there.
    pub qualified: bool,
    /// Why not; may be empty.
    pub note: String,
}

/// A partner's own tags of a customer; they replace its earlier ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagCustomer {
    /// The customer.
    pub customer_id: CustomerId,
    /// The partner.
    pub partner_id: PartnerId,
    /// Each once; none takes all off.
    pub tags: Vec<String>,
}

/// Who the customer is shall be forgotten; what it bought and owes stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EraseCustomer {
    /// The customer.
    pub customer_id: CustomerId,
    /// Why; not personal itself, because it is recorded for ever.
    pub reason: String,
}

/// A reseller works for the customer with this provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddReseller {
    /// The customer.
    pub customer_id: CustomerId,
    /// The provider.
    pub partner_id: PartnerId,
    /// The reseller.
    pub reseller_id: PartnerId,
}

/// A reseller works no longer for the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveReseller {
    /// The customer.
    pub customer_id: CustomerId,
    /// The provider.
    pub partner_id: PartnerId,
    /// The reseller.
    pub reseller_id: PartnerId,
}

/// The customer takes admin rights back; the relationship stays (L11402).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveDelegatedAdmin {
    /// The customer.
    pub customer_id: CustomerId,
    /// The partner.
    pub partner_id: PartnerId,
}

/// A direct partner gives its provider a relationship with its customer (customers page section 2.17).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtendRelationship {
    /// The customer.
    pub customer_id: CustomerId,
    /// The direct partner.
    pub partner_id: PartnerId,
    /// Its provider.
    pub provider_id: PartnerId,
    /// When the customer consented.
    pub consent_on: Option<NaiveDate>,
}

/// What the customer may buy by itself on the partner's account (accounts page section 2.19).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetPurchasePermission {
    /// The customer.
    pub customer_id: CustomerId,
    /// The partner.
    pub partner_id: PartnerId,
    /// What.
    pub permission: PurchasePermission,
    /// Whether it may.
    pub allowed: bool,
}
