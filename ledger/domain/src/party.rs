//! Partners and customers as values: kinds, addresses, contacts.

use serde::{Deserialize, Serialize};

/// The kind of a partner's account (billing.md, program page C17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PartnerKind {
    /// Buys from the publisher and sells to customers.
    DirectBill,
    /// Buys from the publisher and sells through resellers.
    IndirectProvider,
    /// Sells what a provider buys.
    IndirectReseller,
}

/// Who confirmed the customer agreement (program page C02).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AgreementMode {
    /// A partner, for itself only.
    PartnerAttestation,
    /// The customer, for every partner.
    CustomerDirect,
}

/// How a relationship came to be (customers page section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RelationshipOrigin {
    /// The partner created the customer.
    Created,
    /// The customer accepted a request.
    Invitation,
    /// A direct partner brought its provider in (section 2.17).
    Extension,
}

/// Who may be sold to, and under which offers (accounts page section 2.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Segment {
    /// Everybody.
    Commercial,
    /// Schools and universities.
    Education,
    /// Government bodies and those who work for them.
    Government,
    /// Charities.
    NonProfit,
}

impl Segment {
    /// As messages name it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Commercial => "commercial",
            Self::Education => "education",
            Self::Government => "government",
            Self::NonProfit => "non-profit",
        }
    }
}

/// Which agreement a customer accepted (program page C02).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AgreementVersion {
    /// The one that counts.
    CustomerAgreement,
    /// The one before, which counts up to 2020-01-31 (L5335, L6112).
    CloudAgreement,
}

/// What a customer may buy by itself on its partner's account (accounts page section 2.19).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PurchasePermission {
    /// Reservations.
    AzureReservations,
}

/// What a customer is to a partner (reports page section 2.15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CustomerTie {
    /// A tenant in which the partner is an end customer (L17941-17943).
    OwnUse,
    /// A company that belongs with the partner (L17947).
    Affiliate,
    /// The tenant in which the partner sells; nobody sells into it (L17943, L18004).
    CspTenant,
}

impl CustomerTie {
    /// The name, as lists have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::OwnUse => "own_use",
            Self::Affiliate => "affiliate",
            Self::CspTenant => "csp_tenant",
        }
    }
}

/// An address as on official documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// ISO 3166 alpha-2.
    pub country: String,
    /// First line.
    pub line1: String,
    /// City.
    pub city: String,
    /// State or province; may be empty.
    pub state: String,
    /// ZIP or postal code; may be empty.
    pub postal_code: String,
}

/// Whom a document is addressed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// Name of the company.
    pub name: String,
    /// Its address.
    pub address: Address,
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// E-mail address.
    pub email: String,
    /// Phone number; may be empty.
    pub phone: String,
}
