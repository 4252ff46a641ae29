//! Commands about a customer's users and their licenses (customers page section 2.6).

use serde::{Deserialize, Serialize};

use crate::{
    event::LicenseRow,
    ids::{CustomerId, LicenseGroupId, PartnerId, SubscriptionId, UserId},
};

/// A user begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateUser {
    /// The customer.
    pub customer_id: CustomerId,
    /// The partner.
    pub partner_id: PartnerId,
    /// The user.
    pub user_id: UserId,
    /// 1 to 50 characters.
    pub display_name: String,
    /// At most 50 characters; may be empty.
    pub first_name: String,
    /// At most 50 characters; may be empty.
    pub last_name: String,
    /// Unique, on the customer's domain.
    pub email: String,
}

/// A new password, which is handed over elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetUserPassword {
    /// The customer.
    pub customer_id: CustomerId,
    /// The partner.
    pub partner_id: PartnerId,
    /// The user.
    pub user_id: UserId,
}

/// A user ends, and may be restored for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteUser {
    /// The customer.
    pub customer_id: CustomerId,
    /// The partner.
    pub partner_id: PartnerId,
    /// The user.
    pub user_id: UserId,
}

/// Deleted users come back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreUsers {
    /// The customer.
    pub customer_id: CustomerId,
    /// The partner.
    pub partner_id: PartnerId,
    /// Each once.
    pub user_ids: Vec<UserId>,
}

/// Assigns and revokes licenses, row by row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeLicenses {
    /// The customer.
    pub customer_id: CustomerId,
    /// The partner.
    pub partner_id: PartnerId,
    /// What is wanted; each user and subscription once.
    pub rows: Vec<LicenseRow>,
    /// The same for every license of a group.
    pub groups: Vec<LicenseGroupRow>,
}

/// Every license of a group, for one user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseGroupRow {
    /// The user.
    pub user_id: UserId,
    /// The group.
    pub group_id: LicenseGroupId,
    /// Assigned, or revoked.
    pub assign: bool,
}

/// A group of licenses is this from now on; what users hold stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetLicenseGroup {
    /// The customer.
    pub customer_id: CustomerId,
    /// The partner.
    pub partner_id: PartnerId,
    /// The group, new or known.
    pub group_id: LicenseGroupId,
    /// 1 to 50 characters.
    pub display_name: String,
    /// Licenses of the partner; each once.
    pub subscription_ids: Vec<SubscriptionId>,
}

/// A group of licenses ends; what users hold stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteLicenseGroup {
    /// The customer.
    pub customer_id: CustomerId,
    /// The partner.
    pub partner_id: PartnerId,
    /// The group.
    pub group_id: LicenseGroupId,
}
