//! Commands of transfers between partners.

use serde::{Deserialize, Serialize};

use crate::ids::{CustomerId, PartnerId, SubscriptionId, TransferId};

/// Move subscriptions to another partner (customers page section 2.18).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestTransfer {
    /// The customer.
    pub customer_id: CustomerId,
    /// Chosen by the caller, or derived.
    pub transfer_id: Option<TransferId>,
    /// The owner.
    pub source_partner_id: PartnerId,
    /// The owner to be.
    pub target_partner_id: PartnerId,
    /// At least one; add-ons come with their base.
    pub subscription_ids: Vec<SubscriptionId>,
    /// Days until it expires unanswered; none for never.
    pub expires_after_days: Option<u32>,
}

/// The target takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptTransfer {
    /// The customer.
    pub customer_id: CustomerId,
    /// The transfer.
    pub transfer_id: TransferId,
    /// The target partner.
    pub partner_id: PartnerId,
}

/// The target does not take it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclineTransfer {
    /// The customer.
    pub customer_id: CustomerId,
    /// The transfer.
    pub transfer_id: TransferId,
    /// The target partner.
    pub partner_id: PartnerId,
    /// Why; may be empty.
    pub note: String,
}

/// The source takes its request back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawTransfer {
    /// The customer.
    pub customer_id: CustomerId,
    /// The transfer.
    pub transfer_id: TransferId,
    /// The source partner.
    pub partner_id: PartnerId,
}
