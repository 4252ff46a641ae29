//! Commands of transfers between partners.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    event::FormSigner,
    ids::{CustomerId, PartnerId, SubscriptionId, TransferId},
    party::Contact,
};

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

/// Move a classic Azure subscription to another partner, by ticket and form (customers page section 2.19).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestAzureTransfer {
    /// The customer.
    pub customer_id: CustomerId,
    /// Chosen by the caller, or derived.
    pub transfer_id: Option<TransferId>,
    /// The owner, which opened the ticket.
    pub partner_id: PartnerId,
    /// The owner to be.
    pub target_partner_id: PartnerId,
    /// The Azure subscription.
    pub subscription_id: SubscriptionId,
    /// The day of the customer's written request; required.
    pub customer_requested_on: Option<NaiveDate>,
    /// The ticket; required.
    pub ticket_id: String,
}

/// A party signs the form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignTransferForm {
    /// The customer.
    pub customer_id: CustomerId,
    /// The transfer.
    pub transfer_id: TransferId,
    /// Who.
    pub signer: FormSigner,
}

/// The owner uploads the signed form to its ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmitTransferForm {
    /// The customer.
    pub customer_id: CustomerId,
    /// The transfer.
    pub transfer_id: TransferId,
    /// The owner.
    pub partner_id: PartnerId,
    /// An administrator of the owner; required.
    pub current_contact: Option<Contact>,
    /// An administrator of the owner to be; required.
    pub new_contact: Option<Contact>,
}

/// The publisher's support moves what the form is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompleteTransfer {
    /// The customer.
    pub customer_id: CustomerId,
    /// The transfer.
    pub transfer_id: TransferId,
}

/// The publisher's support does not move it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectTransfer {
    /// The customer.
    pub customer_id: CustomerId,
    /// The transfer.
    pub transfer_id: TransferId,
    /// Why; may be empty.
    pub note: String,
}

/// The new owner removed the former one's roles on what moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CleanTransferAccess {
    /// The customer.
    pub customer_id: CustomerId,
    /// The transfer.
    pub transfer_id: TransferId,
    /// The new owner.
    pub partner_id: PartnerId,
}
