//! Orders.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use subledger_domain::{
    compact,
    ids::{CustomerId, OrderId, PartnerId, SubscriptionId},
};

/// An order, or what a transfer or an upgrade placed as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its id, unique for the customer.
    pub order_id: OrderId,
    /// The customer.
    pub customer_id: CustomerId,
    /// Who pays.
    pub partner_id: PartnerId,
    /// When it took effect, UTC.
    #[serde(with = "compact::instant")]
    pub placed_at: DateTime<Utc>,
    /// When it was recorded, UTC.
    #[serde(with = "compact::instant")]
    pub recorded_at: DateTime<Utc>,
    /// Who sent the command.
    pub principal: String,
    /// Whether the customer placed it itself, on the partner's account.
    pub by_customer: bool,
    /// What it began, in the order of its lines.
    pub subscription_ids: Vec<SubscriptionId>,
    /// Resellers of record of that.
    pub reseller_ids: BTreeSet<PartnerId>,
}
