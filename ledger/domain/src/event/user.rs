//! Events of a customer's users and their licenses.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::event;
use crate::{
    Reason,
    ids::{CustomerId, LicenseGroupId, PartnerId, SubscriptionId, UserId},
};

event! {
    /// What was asked for one user and one subscription, and what became of it.
    LicenseRow {
        /// The user.
        user_id: UserId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// Assigned, or revoked.
        assign: bool,
        /// Why it was not done.
        refused: Option<Reason>,
    }

    /// A user began.
    UserCreated {
        /// The customer.
        customer_id: CustomerId,
        /// The partner.
        partner_id: PartnerId,
        /// The user.
        user_id: UserId,
        /// As lists show it.
        display_name: String,
        /// May be empty.
        first_name: String,
        /// May be empty.
        last_name: String,
        /// Sign-in name.
        email: String,
    }

    /// A user got a new password.
    UserPasswordReset {
        /// The customer.
        customer_id: CustomerId,
        /// The partner.
        partner_id: PartnerId,
        /// The user.
        user_id: UserId,
    }

    /// A user ended; its licenses are free.
    UserDeleted {
        /// The customer.
        customer_id: CustomerId,
        /// The partner.
        partner_id: PartnerId,
        /// The user.
        user_id: UserId,
        /// First day on which it cannot be restored.
        restorable_until: NaiveDate,
        /// The licenses it had.
        subscription_ids: Vec<SubscriptionId>,
    }

    /// A user came back.
    UserRestored {
        /// The customer.
        customer_id: CustomerId,
        /// The partner.
        partner_id: PartnerId,
        /// The user.
        user_id: UserId,
        /// Licenses it has again.
        restored: Vec<SubscriptionId>,
        /// Licenses that were no longer free.
        not_restored: Vec<SubscriptionId>,
    }

    /// A deleted user is gone for good.
    UserPurged {
        /// The customer.
        customer_id: CustomerId,
        /// The user.
        user_id: UserId,
    }

    /// Licenses were assigned and revoked, or not, row by row.
    LicensesChanged {
        /// The customer.
        customer_id: CustomerId,
        /// The partner.
        partner_id: PartnerId,
        /// In the order asked for.
        rows: Vec<LicenseRow>,
    }

    /// A group of licenses is this from now on.
    LicenseGroupSet {
        /// The customer.
        customer_id: CustomerId,
        /// The partner.
        partner_id: PartnerId,
        /// The group.
        group_id: LicenseGroupId,
        /// As lists show it.
        display_name: String,
        /// Its licenses, by id.
        subscription_ids: Vec<SubscriptionId>,
    }

    /// A group of licenses ended.
    LicenseGroupDeleted {
        /// The customer.
        customer_id: CustomerId,
        /// The partner.
        partner_id: PartnerId,
        /// The group.
        group_id: LicenseGroupId,
    }
}
