//! `0x15 | partner id | customer id | subscription id` -> nothing, and
//! `0x16 | partner id | state | customer id | subscription id` -> nothing.
//!
//! Two tables, so that both lists are in the order of customers, and a subscription that changes its state while somebody pages
//! through all of them is still seen once.

use subledger_fold::{Key, StoreError};

use super::Parts;
use crate::rows::{Subscription, SubscriptionState};

const TABLE: u8 = 0x15;
const TABLE_BY_STATE: u8 = 0x16;

fn table(partner: &str, state: Option<SubscriptionState>) -> Key {
    match state {
        None => Key::table(TABLE).text(partner),
        Some(state) => Key::table(TABLE_BY_STATE).text(partner).text(state.label()),
    }
}

/// Without a state, the key in the table of all.
pub(crate) fn key(subscription: &Subscription, state: Option<SubscriptionState>) -> Vec<u8> {
    let Subscription { partner_id, customer_id, subscription_id, .. } = subscription;
    table(partner_id.as_str(), state).text(customer_id.as_str()).text(subscription_id.as_str()).build()
}

/// The beginning of the keys of a partner, in any state or in one.
pub(crate) fn prefix(partner: &str, state: Option<SubscriptionState>) -> Vec<u8> {
    table(partner, state).build()
}

/// Customer and subscription.
pub(crate) fn parse(key: &[u8]) -> Result<(&str, &str), StoreError> {
    let by_state = key.first() == Some(&TABLE_BY_STATE);
    let mut parts = Parts::of(key, if by_state { TABLE_BY_STATE } else { TABLE })?;
    parts.text()?;
    if by_state {
        parts.text()?;
    }
    Ok((parts.text()?, parts.text()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back() {
        for state in [None, Some(SubscriptionState::Trial)] {
            let key = table("p-1", state).text("c-1").text("s-1").build();
            assert_eq!(parse(&key).unwrap(), ("c-1", "s-1"));
            assert!(key.starts_with(&prefix("p-1", state)) && !key.starts_with(&prefix("p-", state)));
        }
    }
}
