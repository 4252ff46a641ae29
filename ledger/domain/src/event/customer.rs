//! Events about a customer and its relationships.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::event;
use crate::{
    ids::{CustomerId, PartnerId},
    party::{Address, AgreementMode, Contact, RelationshipOrigin},
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
}
