//! Commands to a partner's stream about its account: company, locations, verification, agreement, standing.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{CustomerId, MpnId, PartnerId},
    partner::{LegalProfile, SuspensionTrigger, VerificationCheck},
    party::{Address, Contact},
};

/// The partner's company opens its global account; the location that was registered stands under it (accounts page section 2.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenGlobalAccount {
    /// The partner.
    pub partner_id: PartnerId,
    /// Id of the global account: it never transacts (L7056).
    pub pga_mpn_id: MpnId,
    /// Who the company is by law.
    pub legal: LegalProfile,
}

/// The company adds a location; it stays for good (L7293).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddLocation {
    /// The partner.
    pub partner_id: PartnerId,
    /// Its own id; it may transact (L7274).
    pub mpn_id: MpnId,
    /// Its name.
    pub name: String,
    /// Its legal address; none for the company's (L7063).
    pub address: Option<Address>,
    /// Its primary contact; none for the company's.
    pub contact: Option<Contact>,
}

/// The company states its legal profile anew; verification begins again (L7246-7248).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateLegalProfile {
    /// The partner.
    pub partner_id: PartnerId,
    /// All of it.
    pub legal: LegalProfile,
}

/// Another location becomes the legal headquarters (L7297).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveHeadquarters {
    /// The partner.
    pub partner_id: PartnerId,
    /// The location.
    pub mpn_id: MpnId,
}

/// The company proved that a domain is its own; who did it is its global admin (L3315-3329).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyDomain {
    /// The partner.
    pub partner_id: PartnerId,
    /// Domain name.
    pub domain: String,
    /// Value of the TXT record that was found, such as `MS=DA0F…`.
    pub record: String,
    /// Who proved it.
    pub global_admin: String,
}

/// The publisher answers a check of the verification (L7134-7139).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecideVerification {
    /// The partner.
    pub partner_id: PartnerId,
    /// Which one.
    pub check: VerificationCheck,
    /// Whether it passed.
    pub passed: bool,
    /// Why; required where it did not.
    pub note: String,
}

/// The company answers a failed check by a document (L7136, L7139).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvideVerificationProof {
    /// The partner.
    pub partner_id: PartnerId,
    /// Employment or business.
    pub check: VerificationCheck,
    /// SHA-256 of the document.
    pub document_hash: Vec<u8>,
}

/// A membership account outside of the ledger becomes a location of the company, for good (L3441, L3591).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsolidateAccount {
    /// The partner.
    pub partner_id: PartnerId,
    /// Id of that account; it is preserved (L3505).
    pub mpn_id: MpnId,
    /// Its name.
    pub name: String,
    /// Its legal address; none for the company's.
    pub address: Option<Address>,
    /// Its primary contact; none for the company's.
    pub contact: Option<Contact>,
}

/// The partner opens a tenant for its own use; one, for good (L7791).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateSharedServices {
    /// The partner.
    pub partner_id: PartnerId,
    /// The customer that stands for the tenant; created after this.
    pub customer_id: CustomerId,
}

/// The partner signs a version of the partner agreement (program page C04).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignPartnerAgreement {
    /// The partner.
    pub partner_id: PartnerId,
    /// As published.
    pub version: String,
    /// Its global admin (L4657).
    pub signatory: String,
    /// The day, not in the future.
    pub signed_on: NaiveDate,
}

/// A direct bill partner enrolls as an indirect reseller too; there is no way back (L5116, L5120).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollReseller {
    /// The partner.
    pub partner_id: PartnerId,
}

/// The publisher restricts a direct bill partner that misses the requirements (L5026).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestrictDirectBill {
    /// The partner.
    pub partner_id: PartnerId,
    /// First day, not in the past.
    pub from: NaiveDate,
    /// Which requirement is missed.
    pub reason: String,
    /// Reference of the notice.
    pub notice: String,
}

/// The restriction ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiftRestriction {
    /// The partner.
    pub partner_id: PartnerId,
    /// Why.
    pub note: String,
}

/// The publisher suspends the account for anything but a debt, which [`ReviewStanding`] finds (L7440-7443).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuspendPartner {
    /// The partner.
    pub partner_id: PartnerId,
    /// Why.
    pub trigger: SuspensionTrigger,
    /// What happened.
    pub note: String,
}

/// The publisher lifts a suspension after a support request (L7451).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReinstatePartner {
    /// The partner.
    pub partner_id: PartnerId,
    /// Which suspension.
    pub trigger: SuspensionTrigger,
    /// Number of the request.
    pub support_request: String,
}
