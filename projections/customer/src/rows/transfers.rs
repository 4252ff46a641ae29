//! Transfers of subscriptions to another partner.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use subledger_domain::{
    compact,
    event::FormSigner,
    ids::{AzureSubscriptionId, CustomerId, OfferId, PartnerId, SubscriptionId, TransferId},
    money::Currency,
};

use super::states::TransferState;

/// A request to move subscriptions to another partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Its id, unique for the customer.
    pub transfer_id: TransferId,
    /// The customer.
    pub customer_id: CustomerId,
    /// The owner.
    pub source_partner_id: PartnerId,
    /// The owner to be.
    pub target_partner_id: PartnerId,
    /// What came of it.
    pub state: TransferState,
    /// The day of the request.
    #[serde(with = "compact::date")]
    pub requested_on: NaiveDate,
    /// First day on which it cannot be answered.
    #[serde(with = "compact::optional_date")]
    pub expires_on: Option<NaiveDate>,
    /// What moves.
    pub lines: Vec<TransferItem>,
    /// Of one that goes by ticket and form.
    pub form: Option<TransferForm>,
    /// Why it was declined; may be empty.
    pub note: String,
}

/// How far the form of a transfer has come (customers page section 2.19).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferForm {
    /// The day of the customer's written request.
    #[serde(with = "compact::date")]
    pub customer_requested_on: NaiveDate,
    /// The owner's ticket.
    pub ticket_id: String,
    /// Who signed, in the order of signing.
    pub signed: Vec<FormSigner>,
    /// Whether it went to the ticket.
    pub submitted: bool,
    /// Whether the new owner removed the former one's roles.
    pub access_cleaned: bool,
}

impl Transfer {
    /// The step of a transfer by form, as the API shows it; empty for one that its target answers.
    pub fn step(&self) -> &'static str {
        let Some(form) = &self.form else { return "" };
        match self.state {
            TransferState::Complete if form.access_cleaned => "access_cleaned",
            TransferState::Active if form.submitted => "submitted",
            TransferState::Active if form.signed.len() == FormSigner::ALL.len() => "signed_by_all",
            TransferState::Active if !form.signed.is_empty() => "signed_by_current_partner",
            TransferState::Active => "requested",
            closed => closed.label(),
        }
    }
}

/// One subscription of a transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferItem {
    /// The subscription that moves.
    pub subscription_id: SubscriptionId,
    /// Its offer.
    pub offer_id: OfferId,
    /// Seats at the request.
    pub quantity: u32,
    /// What an add-on stands on.
    pub base_subscription_id: Option<SubscriptionId>,
    /// The target's subscription, once complete.
    pub new_subscription_id: Option<SubscriptionId>,
    /// Of a classic Azure subscription: the id it keeps.
    pub azure_subscription_id: Option<AzureSubscriptionId>,
    /// Of a classic Azure subscription: what its last billed period came to, without tax.
    pub last_billed: Option<Billed>,
}

/// An amount that was billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Billed {
    /// Without tax.
    #[serde(with = "rust_decimal::serde::str")]
    pub amount: Decimal,
    /// Its currency.
    pub currency: Currency,
}
