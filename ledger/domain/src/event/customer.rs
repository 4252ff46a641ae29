//! Events about a customer and its relationships.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::event;
use crate::{
    ids::{CustomerId, PartnerId},
    party::{Address, AgreementMode, AgreementVersion, Contact, PurchasePermission, RelationshipOrigin, Segment},
};

event! {
    /// A customer's record began.
    CustomerCreated {
        /// Its id.
        customer_id: CustomerId,
        /// Who created it.
        partner_id: PartnerId,
        /// Legal name.
        company_name: String,
        /// Whole primary domain name.
        domain_name: String,
        /// Where it is.
        address: Address,
        /// Its first admin.
        contact: Contact,
    }

    /// The customer agreement holds.
    AgreementAccepted {
        /// By whom.
        customer_id: CustomerId,
        /// Directly or attested.
        mode: AgreementMode,
        /// The attesting partner.
        partner_id: Option<PartnerId>,
        /// Who signed.
        signatory: Contact,
        /// When.
        accepted_on: NaiveDate,
        /// The customer agreement, if none.
        version: Option<AgreementVersion>,
        /// In which language it was read.
        language: Option<String>,
    }

    /// A partner asked for a relationship.
    RelationshipRequested {
        /// The customer.
        customer_id: CustomerId,
        /// The partner.
        partner_id: PartnerId,
        /// Whether with admin rights.
        delegated_admin: bool,
        /// Reseller of record.
        reseller_id: Option<PartnerId>,
        /// First day on which it cannot be accepted.
        expires_on: Option<NaiveDate>,
    }

    /// A request for a relationship, or for admin rights, was not answered in time.
    RelationshipRequestExpired {
        /// The customer.
        customer_id: CustomerId,
        /// The partner.
        partner_id: PartnerId,
        /// First day on which it could not be accepted.
        expired_on: NaiveDate,
    }

    /// A relationship is active.
    RelationshipEstablished {
        /// The customer.
        customer_id: CustomerId,
        /// The partner.
        partner_id: PartnerId,
        /// Whether with admin rights.
        delegated_admin: bool,
        /// Reseller of record.
        reseller_id: Option<PartnerId>,
        /// How it came to be.
        origin: RelationshipOrigin,
    }

    /// A relationship ended.
    RelationshipRemoved {
        /// The customer.
        customer_id: CustomerId,
        /// The partner.
        partner_id: PartnerId,
    }

    /// Every customer of the partition is done with the day.
    PartitionDayClosed {
        /// The day.
        date: NaiveDate,
    }

    /// The record changed; what is none stayed.
    CustomerUpdated {
        /// The customer.
        customer_id: CustomerId,
        /// Who changed it; none for the customer itself.
        partner_id: Option<PartnerId>,
        /// Legal name.
        company_name: Option<String>,
        /// Shown in lists and exports.
        bill_to_name: Option<String>,
        /// Where it is.
        address: Option<Address>,
        /// Its admin.
        contact: Option<Contact>,
    }

    /// An examination began.
    QualificationRequested {
        /// The customer.
        customer_id: CustomerId,
        /// The partner.
        partner_id: PartnerId,
        /// Which.
        segment: Segment,
        /// 1 for the first.
        submission: u32,
        /// An address that the entity owns.
        email: Option<String>,
    }

    /// An examination ended.
    QualificationDecided {
        /// The customer.
        customer_id: CustomerId,
        /// Which.
        segment: Segment,
        /// Whether the customer belongs there.
        qualified: bool,
        /// Why not.
        note: String,
    }

    /// A partner's tags of the customer are these.
    CustomerTagged {
        /// The customer.
        customer_id: CustomerId,
        /// The partner.
        partner_id: PartnerId,
        /// All of them.
        tags: Vec<String>,
    }

    /// A reseller works for the customer.
    ResellerAdded {
        /// The customer.
        customer_id: CustomerId,
        /// The provider.
        partner_id: PartnerId,
        /// The reseller.
        reseller_id: PartnerId,
    }

    /// A reseller works no longer for the customer.
    ResellerRemoved {
        /// The customer.
        customer_id: CustomerId,
        /// The provider.
        partner_id: PartnerId,
        /// The reseller.
        reseller_id: PartnerId,
    }

    /// A partner with a relationship asked for admin rights.
    DelegatedAdminRequested {
        /// The customer.
        customer_id: CustomerId,
        /// The partner.
        partner_id: PartnerId,
        /// First day on which they cannot be granted.
        expires_on: Option<NaiveDate>,
    }

    /// The customer gave them.
    DelegatedAdminGranted {
        /// The customer.
        customer_id: CustomerId,
        /// The partner.
        partner_id: PartnerId,
    }

    /// The customer took them back.
    DelegatedAdminRemoved {
        /// The customer.
        customer_id: CustomerId,
        /// The partner.
        partner_id: PartnerId,
    }

    /// What the customer may buy by itself changed.
    PurchasePermissionChanged {
        /// The customer.
        customer_id: CustomerId,
        /// The partner.
        partner_id: PartnerId,
        /// What.
        permission: PurchasePermission,
        /// Whether it may.
        allowed: bool,
    }

    /// Who the customer is cannot be known any more. Once this is recorded, its key is destroyed.
    CustomerErased {
        /// The customer.
        customer_id: CustomerId,
        /// Why.
        reason: String,
        /// When, UTC.
        erased_on: NaiveDate,
    }
}
