//! What customers and subscriptions were on every day, as known at every commit: [`subledger_fold::timeline`].
//!
//! Customers: `0x1e | customer id | day | sequence number` -> [`crate::Customer`], reach `0x1f | customer id | sequence number`.
//! Subscriptions: `0x20 | customer id | subscription id | day | sequence number` -> [`crate::Subscription`], reach
//! `0x21 | customer id | subscription id | sequence number`.
//! Transfers: `0x27` -> [`crate::Transfer`], reach `0x28`. Users: `0x29` -> [`Option`] of [`crate::UserRow`], none once it is gone, reach
//! `0x2a`; both with the customer's id and their own. `0x2b | customer id | user id` -> nothing: the users that there ever were.

use subledger_fold::{Key, StoreError, timeline::Timeline};

use super::Parts;

const CUSTOMERS: u8 = 0x1e;
const CUSTOMERS_REACH: u8 = 0x1f;
const SUBSCRIPTIONS: u8 = 0x20;
const SUBSCRIPTIONS_REACH: u8 = 0x21;
const TRANSFERS: u8 = 0x27;
const TRANSFERS_REACH: u8 = 0x28;
const USERS: u8 = 0x29;
const USERS_REACH: u8 = 0x2a;
const USERS_EVER: u8 = 0x2b;

pub(crate) fn customer(customer: &str) -> Timeline {
    Timeline::new(Key::table(CUSTOMERS).text(customer), Key::table(CUSTOMERS_REACH).text(customer))
}

pub(crate) fn subscription(customer: &str, subscription: &str) -> Timeline {
    let key = |table| Key::table(table).text(customer).text(subscription);
    Timeline::new(key(SUBSCRIPTIONS), key(SUBSCRIPTIONS_REACH))
}

pub(crate) fn transfer(customer: &str, transfer: &str) -> Timeline {
    let key = |table| Key::table(table).text(customer).text(transfer);
    Timeline::new(key(TRANSFERS), key(TRANSFERS_REACH))
}

pub(crate) fn user(customer: &str, user: &str) -> Timeline {
    let key = |table| Key::table(table).text(customer).text(user);
    Timeline::new(key(USERS), key(USERS_REACH))
}

pub(crate) fn user_ever(customer: &str, user: &str) -> Vec<u8> {
    Key::table(USERS_EVER).text(customer).text(user).build()
}

/// The beginning of the keys of all users that a customer ever had.
pub(crate) fn users_ever(customer: &str) -> Vec<u8> {
    Key::table(USERS_EVER).text(customer).build()
}

/// The user of a key of that table.
pub(crate) fn parse_user_ever(key: &[u8]) -> Result<&str, StoreError> {
    let mut parts = Parts::of(key, USERS_EVER)?;
    parts.text()?;
    parts.text()
}
