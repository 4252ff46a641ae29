//! `0x1b | id or tag, searchable | kind | partner id | customer id` -> nothing: everything a customer is known by.
//!
//! Only tags are a partner's own; of all other kinds the partner is empty. A subscription's id is unique for its customer, not in the
//! ledger, so one id may name subscriptions of several customers; and ids that differ in case are searched alike.

use subledger_fold::{Key, StoreError};

use super::Parts;

const TABLE: u8 = 0x1b;

/// What kind of text it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum IdKind {
    /// The customer's own id.
    Customer = 0,
    /// Of one of its subscriptions.
    Subscription = 1,
    /// Of one of its orders.
    Order = 2,
    /// A partner's tag.
    Tag = 3,
}

impl IdKind {
    /// As the API shows it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Customer => "customer_id",
            Self::Subscription => "subscription_id",
            Self::Order => "order_id",
            Self::Tag => "tag",
        }
    }
}

/// `searchable` has gone through [`super::names::searchable`].
pub(crate) fn key(searchable: &str, kind: IdKind, partner: &str, customer: &str) -> Vec<u8> {
    Key::table(TABLE).text(searchable).byte(kind as u8).text(partner).text(customer).build()
}

/// The beginning of the keys of exactly this text.
pub(crate) fn prefix(searchable: &str) -> Vec<u8> {
    Key::table(TABLE).text(searchable).build()
}

/// The beginning of the keys of exactly this text as one kind, which is no partner's own.
pub(crate) fn prefix_of_kind(searchable: &str, kind: IdKind) -> Vec<u8> {
    Key::table(TABLE).text(searchable).byte(kind as u8).text("").build()
}

/// Kind, partner and customer of a key.
pub(crate) fn parse(key: &[u8]) -> Result<(IdKind, &str, &str), StoreError> {
    let mut parts = Parts::of(key, TABLE)?;
    parts.text()?;
    let kind = match parts.byte()? {
        0 => IdKind::Customer,
        1 => IdKind::Subscription,
        2 => IdKind::Order,
        3 => IdKind::Tag,
        other => return Err(StoreError(format!("a stored key has the kind {other}"))),
    };
    Ok((kind, parts.text()?, parts.text()?))
}
