//! Events of a partner's stream about its account.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::event;
use crate::{
    ids::{CustomerId, MpnId, PartnerId},
    partner::{LegalProfile, VerificationCheck},
    party::{Address, Contact},
};

event! {
    /// Partner: its company has a global account.
    GlobalAccountOpened {
        /// The partner.
        partner_id: PartnerId,
        /// Never transacts.
        pga_mpn_id: MpnId,
        /// Who it is by law.
        legal: LegalProfile,
        /// The day.
        opened_on: NaiveDate,
    }

    /// Partner: a location, for good.
    LocationAdded {
        /// The partner.
        partner_id: PartnerId,
        /// May transact.
        mpn_id: MpnId,
        /// Its name.
        name: String,
        /// None for the company's.
        address: Option<Address>,
        /// None for the company's.
        contact: Option<Contact>,
        /// The day.
        added_on: NaiveDate,
    }

    /// Partner: another legal profile; verification begins again.
    LegalProfileUpdated {
        /// The partner.
        partner_id: PartnerId,
        /// All of it.
        legal: LegalProfile,
        /// The day.
        updated_on: NaiveDate,
    }

    /// Partner: its legal headquarters are elsewhere.
    HeadquartersMoved {
        /// The partner.
        partner_id: PartnerId,
        /// The location.
        mpn_id: MpnId,
    }

    /// Partner: a domain is its own, and it has a global admin.
    DomainVerified {
        /// The partner.
        partner_id: PartnerId,
        /// The domain.
        domain: String,
        /// Who proved it.
        global_admin: String,
        /// The day.
        verified_on: NaiveDate,
    }

    /// Partner: the answer to a check.
    VerificationDecided {
        /// The partner.
        partner_id: PartnerId,
        /// Which one.
        check: VerificationCheck,
        /// Whether it passed.
        passed: bool,
        /// Why.
        note: String,
        /// The day.
        decided_on: NaiveDate,
    }

    /// Partner: a document for a check that failed; it is looked at again.
    VerificationProofProvided {
        /// The partner.
        partner_id: PartnerId,
        /// Which one.
        check: VerificationCheck,
        /// SHA-256 of the document.
        document_hash: Vec<u8>,
    }

    /// Partner: a membership account became a location.
    AccountConsolidated {
        /// The partner.
        partner_id: PartnerId,
        /// Preserved; may transact.
        mpn_id: MpnId,
        /// Its name.
        name: String,
        /// None for the company's.
        address: Option<Address>,
        /// None for the company's.
        contact: Option<Contact>,
        /// The day.
        consolidated_on: NaiveDate,
        /// Last day of its extension (L3602).
        extended_until: NaiveDate,
    }

    /// Partner: a tenant for its own use.
    SharedServicesCreated {
        /// The partner.
        partner_id: PartnerId,
        /// The customer that stands for it.
        customer_id: CustomerId,
        /// The day.
        created_on: NaiveDate,
    }

    /// Partner: it signed the partner agreement.
    PartnerAgreementSigned {
        /// The partner.
        partner_id: PartnerId,
        /// Which version.
        version: String,
        /// Who signed.
        signatory: String,
        /// The day.
        signed_on: NaiveDate,
    }

    /// Partner: a direct bill partner is an indirect reseller too.
    ResellerEnrolled {
        /// The partner.
        partner_id: PartnerId,
        /// The day.
        enrolled_on: NaiveDate,
    }

    /// Partner: its direct bill is restricted.
    DirectBillRestricted {
        /// The partner.
        partner_id: PartnerId,
        /// First day.
        from: NaiveDate,
        /// Which requirement is missed.
        reason: String,
        /// Reference of the notice.
        notice: String,
    }

    /// Partner: its direct bill is restricted no more.
    RestrictionLifted {
        /// The partner.
        partner_id: PartnerId,
        /// First day without.
        from: NaiveDate,
        /// Why.
        note: String,
    }
}
