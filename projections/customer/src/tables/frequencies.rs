//! `0x7e | customer id | subscription id` -> nothing: the billing frequency of the subscription was changed once.
//!
//! A period that begins takes over the frequency that was chosen for it. Most subscriptions never change theirs, and then a period, which
//! every subscription begins every month, is nothing to look at.

use subledger_fold::Key;

const TABLE: u8 = 0x7e;

pub(crate) fn key(customer: &str, subscription: &str) -> Vec<u8> {
    Key::table(TABLE).text(customer).text(subscription).build()
}
