//! Events of transfers between partners.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::event;
use crate::ids::{CustomerId, OfferId, PartnerId, SubscriptionId, TransferId};

event! {
    /// The owner asked another partner to take subscriptions over.
    TransferRequested {
        /// The customer.
        customer_id: CustomerId,
        /// The transfer.
        transfer_id: TransferId,
        /// The owner.
        source_partner_id: PartnerId,
        /// The owner to be.
        target_partner_id: PartnerId,
        /// What moves, with the quantities of now.
        lines: Vec<TransferLine>,
        /// The day of the request.
        requested_on: NaiveDate,
        /// First day on which it cannot be answered.
        expires_on: Option<NaiveDate>,
    }

    /// It was taken; the new subscriptions follow in the same commit.
    TransferCompleted {
        /// The customer.
        customer_id: CustomerId,
        /// The transfer.
        transfer_id: TransferId,
        /// The former owner.
        source_partner_id: PartnerId,
        /// The owner.
        target_partner_id: PartnerId,
        /// What moved, with the new ids.
        lines: Vec<TransferLine>,
    }

    /// It was not taken.
    TransferDeclined {
        /// The customer.
        customer_id: CustomerId,
        /// The transfer.
        transfer_id: TransferId,
        /// Why; may be empty.
        note: String,
    }

    /// It was taken back.
    TransferWithdrawn {
        /// The customer.
        customer_id: CustomerId,
        /// The transfer.
        transfer_id: TransferId,
    }

    /// Nobody answered in time.
    TransferExpired {
        /// The customer.
        customer_id: CustomerId,
        /// The transfer.
        transfer_id: TransferId,
    }
}

/// One subscription of a transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferLine {
    /// The subscription that moves.
    pub subscription_id: SubscriptionId,
    /// Its offer.
    pub offer_id: OfferId,
    /// Seats at the request; later changes stay behind (L5499).
    pub quantity: u32,
    /// What an add-on stands on.
    pub base_subscription_id: Option<SubscriptionId>,
    /// The target's subscription, once complete.
    pub new_subscription_id: Option<SubscriptionId>,
}
