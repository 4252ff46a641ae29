//! What customers and subscriptions were on every day, as known at every commit: [`subledger_fold::timeline`].
//!
//! Customers: `0x1e | customer id | day | sequence number` -> [`crate::Customer`], reach `0x1f | customer id | sequence number`.
//! Subscriptions: `0x20 | customer id | subscription id | day | sequence number` -> [`crate::Subscription`], reach
//! `0x21 | customer id | subscription id | sequence number`.

use subledger_fold::{Key, timeline::Timeline};

const CUSTOMERS: u8 = 0x1e;
const CUSTOMERS_REACH: u8 = 0x1f;
const SUBSCRIPTIONS: u8 = 0x20;
const SUBSCRIPTIONS_REACH: u8 = 0x21;

pub(crate) fn customer(customer: &str) -> Timeline {
    Timeline::new(Key::table(CUSTOMERS).text(customer), Key::table(CUSTOMERS_REACH).text(customer))
}

pub(crate) fn subscription(customer: &str, subscription: &str) -> Timeline {
    let key = |table| Key::table(table).text(customer).text(subscription);
    Timeline::new(key(SUBSCRIPTIONS), key(SUBSCRIPTIONS_REACH))
}
