//! Users of a customer, and licenses that are given together.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use subledger_domain::{
    compact,
    ids::{LicenseGroupId, SubscriptionId, UserId},
};

/// A user of a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRow {
    /// Its id.
    pub user_id: UserId,
    /// As lists show it.
    pub display_name: String,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// Sign-in name.
    pub email: String,
    /// First day on which it cannot be restored, once it is deleted.
    #[serde(with = "compact::optional_date")]
    pub restorable_until: Option<NaiveDate>,
    /// Subscriptions it holds a license of; of a deleted one, those it held.
    pub licenses: Vec<SubscriptionId>,
}

/// Licenses that are given together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseGroup {
    /// Its id, unique for the customer.
    pub group_id: LicenseGroupId,
    /// As lists show it.
    pub display_name: String,
    /// Its licenses, by id.
    pub subscription_ids: Vec<SubscriptionId>,
}
