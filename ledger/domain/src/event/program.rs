//! Events about the rules of the program, and about who a customer is to a partner.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::event;
use crate::{
    ids::{CustomerId, PartnerId},
    partner::PartnerRuleRow,
    party::CustomerTie,
};

event! {
    /// Catalog: a version of the partner agreement.
    PartnerAgreementPublished {
        /// Its name.
        version: String,
        /// First day on which it can be signed.
        signing_from: NaiveDate,
        /// First day on which it binds; none while that is postponed.
        required_from: Option<NaiveDate>,
    }

    /// Catalog: from which day on rules bind.
    PartnerRulesPublished {
        /// Each in place of what was published of it before.
        rules: Vec<PartnerRuleRow>,
    }

    /// Customer: it belongs to a partner.
    CustomerTied {
        /// The customer.
        customer_id: CustomerId,
        /// The partner.
        partner_id: PartnerId,
        /// How.
        tie: CustomerTie,
    }
}
