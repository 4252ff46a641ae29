//! The customer read model: customers with their relationships and agreements, subscriptions, transfers, and what happened.
//!
//! [`CustomerProjection`] folds the customers family; [`query`] reads what it wrote. Both are pure: rows come in, no clock, no
//! randomness. Every key names the customer it is about, and a customer lives in one partition, so rows do not depend on how
//! partitions were interleaved.
//!
//! Tables (one file each in `tables`, with its keys): `0x10` customers, `0x11` their names, `0x13` subscriptions, `0x15` by partner,
//! `0x16` by partner and state, `0x17` transfers, `0x18` by partner, `0x19` activities, `0x1a` trigrams of names, `0x1b` ids and tags (also
//! of subscriptions), `0x1c` what made subscriptions what they were, `0x1d` users, `0x1e` and `0x1f` what customers were, `0x20` and `0x21`
//! what subscriptions were, `0x22` the names that customers ever had, `0x23` the customers that a partner ever had, `0x24` and `0x25`
//! orders, `0x26` activities by partner, `0x27` to `0x2a` what transfers and users were, `0x2b` the users that a customer ever had,
//! `0x2c` groups of licenses, `0xfe` when commits were recorded.
//!
//! What may not live here: money (the billing read model has it), offers, storage, transports.

pub mod changes;
mod fold;
pub mod look_back;
pub mod query;
mod rows;
pub mod search;
mod tables;
#[cfg(test)]
mod tests;

pub use fold::CustomerProjection;
pub use rows::{
    Activity, Agreement, Billed, Customer, LicenseGroup, Order, PartnerTags, Permission, Price, Promotion,
    QualificationRow, QualificationState, Relationship, RelationshipState, StateOnDay, Subscription, SubscriptionState,
    Transfer, TransferForm, TransferItem, TransferState, UserRow,
};
