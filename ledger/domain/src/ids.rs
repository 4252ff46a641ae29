//! Typed ids. Every id is 1 to 64 characters out of `A-Z a-z 0-9 . _ : -`, so it survives a URL, a file name and a spreadsheet as text.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
};

/// Longest id, in characters.
pub const ID_LENGTH_MAX: usize = 64;

/// A text that is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an id: 1 to {ID_LENGTH_MAX} characters out of A-Z a-z 0-9 . _ : - are")]
pub struct InvalidId {
    /// The beginning of the refused text.
    pub text: String,
}

/// Which bytes an id may have: ids are checked wherever something is read, so this is a look into a table.
const IN_IDS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < u8::MAX {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-');
        byte += 1;
    }
    table
};

fn check(text: &str) -> Result<(), InvalidId> {
    let ok = !text.is_empty()
        && text.len() <= ID_LENGTH_MAX
        && text.bytes().fold(true, |ok, byte| ok & IN_IDS[usize::from(byte)]);
    if ok { Ok(()) } else { Err(InvalidId { text: text.chars().take(80).collect() }) }
}

/// The first bytes of a text, as a number of the same order. Ids are compared by it first: it lies in the map's node, the text elsewhere in
/// memory, and looking for one among many waits for memory most of the time.
fn head(text: &str) -> u64 {
    let mut head = [0; 8];
    let length = text.len().min(head.len());
    head[..length].copy_from_slice(&text.as_bytes()[..length]);
    u64::from_be_bytes(head)
}

/// Takes a text as an id without a copy in between.
struct Text<T>(fn(&str) -> Result<T, InvalidId>);

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}

macro_rules! id {
    ($(#[$doc:meta] $name:ident)*) => {$(
        #[$doc]
        #[derive(Clone)]
        pub struct $name {
            head: u64,
            text: Arc<str>,
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.head == other.head && self.text == other.text
            }
        }

        impl Eq for $name {}

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.head.cmp(&other.head).then_with(|| self.text.cmp(&other.text))
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.text.hash(state);
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.text)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Text(|text| Self::new(text)))
            }
        }

        impl $name {
            /// Checks the text and takes it as an id.
            pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidId> {
                let text = text.as_ref();
                check(text)?;
                Ok(Self { head: head(text), text: text.into() })
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.text
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.text)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.text, f)
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
                id.text.as_ref().to_owned()
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.text
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
    /// A group of licenses of one customer.
    LicenseGroupId
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
    /// An account in the partner network: of a company, or of one of its locations.
    MpnId
    /// A merge of two companies, unique for who invites.
    MergeId
    /// A membership offer that was bought, unique among the partner's.
    MembershipId
    /// An association of a partner with a customer, unique among the customer's.
    AssociationId
    /// A document, unique within what it is evidence of.
    DocumentId
    /// A claim on co-op funds, unique among the partner's.
    CoopClaimId
    /// A period in which co-op funds are used, unique among those of its program.
    UsagePeriodId
    /// An incentive program.
    IncentiveProgramId
    /// A dispute about an earning, unique among the partner's.
    DisputeId
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher as _, RandomState};

    use super::*;

    /// Maps are asked for an id by its text, too.
    #[test]
    fn ids_are_ordered_and_hashed_as_their_texts() {
        let texts = ["-", "a", "a-", "a.b", "a:b-c-d-e", "abcdefgh", "abcdefgh-", "abcdefghi", "abcdefgz", "b", "~"];
        let ids: Vec<_> = texts.iter().filter_map(|text| OrderId::new(text).ok()).collect();
        assert_eq!(ids.len(), texts.len() - 1, "~ is in no id");
        let hasher = RandomState::new();
        for one in &ids {
            assert_eq!(hasher.hash_one(one), hasher.hash_one(one.as_str()));
            for other in &ids {
                assert_eq!(one.cmp(other), one.as_str().cmp(other.as_str()), "{one} {other}");
                assert_eq!(one == other, one.as_str() == other.as_str(), "{one} {other}");
            }
        }
    }
}
