//! Events about billing periods; the charge lines themselves are [`crate::charge::Charged`].

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::event;
use crate::ids::{CustomerId, SubscriptionId};

event! {
    /// A billing period began: what later corrections refer to.
    PeriodStarted {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// First day.
        start: NaiveDate,
        /// The day after its last.
        end: NaiveDate,
        /// Seats billed for it.
        quantity: u32,
    }
}
