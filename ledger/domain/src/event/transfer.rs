//! Events of transfers between partners.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::event;
use crate::{
    ids::{AzureSubscriptionId, CustomerId, OfferId, PartnerId, SubscriptionId, TransferId},
    money::Money,
    party::Contact,
};

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
        /// Of one that goes by ticket and form; none for one that the target answers.
        form: Option<FormRequest>,
    }

    /// A party of a transfer signed its form.
    TransferFormSigned {
        /// The customer.
        customer_id: CustomerId,
        /// The transfer.
        transfer_id: TransferId,
        /// Who.
        signer: FormSigner,
    }

    /// The signed form went to the ticket.
    TransferFormSubmitted {
        /// The customer.
        customer_id: CustomerId,
        /// The transfer.
        transfer_id: TransferId,
        /// An administrator of the owner.
        current_contact: Contact,
        /// An administrator of the owner to be.
        new_contact: Contact,
    }

    /// The new owner removed the roles that the former one still had.
    TransferAccessCleaned {
        /// The customer.
        customer_id: CustomerId,
        /// The transfer.
        transfer_id: TransferId,
        /// The new owner.
        partner_id: PartnerId,
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
    /// Of a classic Azure subscription: the id it keeps (L5496, L15859).
    pub azure_subscription_id: Option<AzureSubscriptionId>,
    /// Of a classic Azure subscription: what its last billed period came to, without tax (L5427).
    pub last_billed: Option<Money>,
}

/// How a transfer by form began (customers page section 2.19).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormRequest {
    /// The day of the customer's written request to its partner.
    pub customer_requested_on: NaiveDate,
    /// The owner's ticket.
    pub ticket_id: String,
}

/// Who signs the form of a transfer, in this order; the last two in either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FormSigner {
    /// The owner.
    CurrentPartner,
    /// The customer.
    Customer,
    /// The owner to be.
    NewPartner,
}

impl FormSigner {
    /// Everybody.
    pub const ALL: [Self; 3] = [Self::CurrentPartner, Self::Customer, Self::NewPartner];

    /// As messages and lists name it.
    pub fn label(self) -> &'static str {
        match self {
            Self::CurrentPartner => "current partner",
            Self::Customer => "customer",
            Self::NewPartner => "new partner",
        }
    }
}
