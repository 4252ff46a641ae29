//! The rows: what the messages of `customer_service.proto` show, as typed values.

mod activities;
mod customers;
mod orders;
mod states;
mod subscriptions;
mod transfers;
mod users;

pub use activities::Activity;
pub use customers::{Agreement, Customer, PartnerTags, Permission, QualificationRow, Relationship};
pub use orders::Order;
pub use states::{QualificationState, RelationshipState, SubscriptionState, TransferState};
pub use subscriptions::{Price, Promotion, StateOnDay, Subscription};
pub(crate) use subscriptions::{fact_label, last_day, reason_label};
pub use transfers::{Billed, Transfer, TransferForm, TransferItem};
pub use users::{LicenseGroup, UserRow};
