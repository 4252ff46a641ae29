//! The states of rows, and how the API shows them.

use serde::{Deserialize, Serialize};

macro_rules! states {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $label:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Every state.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// As the API shows it.
            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }

            /// The state the API shows so.
            pub fn from_label(label: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|state| state.label() == label)
            }
        }
    };
}

states! {
    /// Of a relationship.
    RelationshipState {
        /// The partner asked, the customer has not answered.
        Requested = "requested",
        /// It holds.
        Active = "active",
        /// It ended.
        Removed = "removed",
        /// The customer did not answer the request in time.
        Expired = "expired",
    }
}

states! {
    /// Of a subscription (customers page section 2.8).
    SubscriptionState {
        /// Waits for its publisher; nothing is charged.
        PendingFulfilment = "pending_fulfilment",
        /// Before the first paid day.
        Trial = "trial",
        /// In use.
        Active = "active",
        /// No access, no charge.
        Suspended = "suspended",
        /// Ended at once.
        Cancelled = "cancelled",
        /// Ended with its term.
        Expired = "expired",
        /// Ended by a suspension that lasted too long.
        Deprovisioned = "deprovisioned",
    }
}

states! {
    /// Of an examination for a special segment.
    QualificationState {
        /// It is being examined.
        Requested = "requested",
        /// The customer belongs there.
        Qualified = "qualified",
        /// It does not.
        Denied = "denied",
    }
}

states! {
    /// Of a transfer.
    TransferState {
        /// Waits for an answer.
        Active = "active",
        /// Taken.
        Complete = "complete",
        /// Not taken.
        Declined = "declined",
        /// Taken back.
        Withdrawn = "withdrawn",
        /// Not answered in time.
        Expired = "expired",
    }
}
