//! Events about who may do what, of a partner's stream, and about who did.

use serde::{Deserialize, Serialize};

use super::event;
use crate::{
    access::AccessRow,
    ids::{CustomerId, PartnerId},
    role::Role,
};

event! {
    /// Partner: a principal got a role, beside those it had.
    RoleAssigned {
        /// The partner.
        partner_id: PartnerId,
        /// Who.
        principal: String,
        /// The role.
        role: Role,
        /// Only for this customer.
        customer_id: Option<CustomerId>,
        /// Only for these locations; empty for the whole company.
        location_mpn_ids: Vec<String>,
    }

    /// Partner: a principal lost a role.
    RoleRemoved {
        /// The partner.
        partner_id: PartnerId,
        /// Who.
        principal: String,
        /// The role.
        role: Role,
        /// As it was given.
        customer_id: Option<CustomerId>,
        /// Those it is lost for; empty for the whole company.
        location_mpn_ids: Vec<String>,
    }

    /// Access: what callers did.
    AccessRecorded {
        /// Alike ones of a minute are one row.
        rows: Vec<AccessRow>,
    }
}
