//! Commands about who may do what, to a partner's stream.

use serde::{Deserialize, Serialize};

use crate::{
    access::AccessRow,
    ids::{CustomerId, PartnerId},
    role::Role,
};

/// A principal gets a role in a partner's account, beside those it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignRole {
    /// The partner.
    pub partner_id: PartnerId,
    /// Who: `oidc:SUBJECT`, `mtls:NAME`, or `app:APPLICATION` of a control panel vendor.
    pub principal: String,
    /// The role.
    pub role: Role,
    /// Only for this customer; none for all of the partner's.
    pub customer_id: Option<CustomerId>,
    /// Only for these locations; empty for the whole company.
    pub location_mpn_ids: Vec<String>,
}

/// A principal loses a role, named as it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveRole {
    /// The partner.
    pub partner_id: PartnerId,
    /// Who.
    pub principal: String,
    /// The role.
    pub role: Role,
    /// As it was given.
    pub customer_id: Option<CustomerId>,
    /// Some or all of those it was given for.
    pub location_mpn_ids: Vec<String>,
}

/// What callers did, as the process that answered them has it. Sent by the ledger itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordAccess {
    /// 1 to [`crate::access::ROWS_MAX`].
    pub rows: Vec<AccessRow>,
}
