//! Charge lines of one customer, or one subscription, in the order charged.
//!
//! Two tables of one layout. Key: customer (or subscription) text, then the place as in the table of charges. Row: the line's key there,
//! as it is. A subscription id is unique within its customer only, so the list of a subscription may be narrowed by customer.

use subledger_domain::charge::Charged;
use subledger_fold::{Changes, Key};

use super::{
    charges::Place,
    prefix::{CHARGES_BY_CUSTOMER, CHARGES_BY_SUBSCRIPTION},
};

/// The prefix of a customer's lines.
pub(crate) fn customer_prefix(customer: &str) -> Vec<u8> {
    Key::table(CHARGES_BY_CUSTOMER).text(customer).build()
}

/// The prefix of a subscription's lines.
pub(crate) fn subscription_prefix(subscription: &str) -> Vec<u8> {
    Key::table(CHARGES_BY_SUBSCRIPTION).text(subscription).build()
}

/// Adds a line, whose key in the table of charges is `charge_key`, to both tables.
pub(crate) fn put(rows: &mut dyn Changes, line: &Charged, place: &Place, charge_key: &[u8]) {
    let customer = Key::default().bytes(&customer_prefix(line.customer_id.as_str()));
    let subscription = Key::default().bytes(&subscription_prefix(line.subscription_id.as_str()));
    rows.put(place.write(customer).build(), charge_key.to_vec());
    rows.put(place.write(subscription).build(), charge_key.to_vec());
}
