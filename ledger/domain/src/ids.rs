//! Typed ids. Every id is 1 to 64 characters out of `A-Z a-z 0-9 . _ : -`, so it survives a URL, a file name and a spreadsheet as text.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// Longest id, in characters.
pub const ID_LENGTH_MAX: usize = 64;

/// A text that is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an id: 1 to {ID_LENGTH_MAX} characters out of A-Z a-z 0-9 . _ : - are")]
pub struct InvalidId {
    /// The beginning of the refused text.
    pub text: String,
}

fn check(text: &str) -> Result<(), InvalidId> {
    let ok = !text.is_empty()
        && text.len() <= ID_LENGTH_MAX
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-'));
    if ok { Ok(()) } else { Err(InvalidId { text: text.chars().take(80).collect() }) }
}

macro_rules! id {
    ($(#[$doc:meta] $name:ident)*) => {$(
        #[$doc]
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text and takes it as an id.
            pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidId> {
                let text = text.as_ref();
                check(text)?;
                Ok(Self(text.into()))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}

id! {
    /// A command, chosen by whoever sends it.
    CommandId
    /// A partner's account.
    PartnerId
    /// A customer's tenant.
    CustomerId
    /// An order of one customer.
    OrderId
    /// A subscription; a transfer gives a new one.
    SubscriptionId
    /// An offer of the price list ("durable offer id" in the files).
    OfferId
    /// A published price list.
    PriceListId
    /// A promotion of the catalog.
    PromotionId
    /// A request to move subscriptions to another partner.
    TransferId
    /// A charge line.
    LineId
    /// A tax exemption of a partner.
    ExemptionId
    /// An invoice, unique in the ledger.
    InvoiceNumber
    /// A user of one customer.
    UserId
    /// Money received from a partner, unique among its payments.
    PaymentId
    /// A request for a withholding tax credit, unique among the partner's.
    WithholdingId
    /// A credit note, unique in the ledger.
    CreditNoteNumber
    /// A claim for an outage, unique among the customer's.
    ClaimId
    /// A meter of Azure.
    MeterId
    /// An Azure subscription ("entitlement" in the files): what holds resources.
    AzureSubscriptionId
    /// A role that was given, unique among the customer's.
    AssignmentId
}
