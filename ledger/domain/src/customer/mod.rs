//! One customer: everything whose rules are about one customer.
//!
//! [`state`] holds what is known of it, [`mod@evolve`] says how events change that; each command's rules stand in a
//! file of its own, and work on a [`draft`].

mod access;
mod adjustment;
mod agreement;
mod association;
mod azure;
mod cancel;
mod convert;
mod create;
mod dates;
mod decide;
mod details;
mod draft;
mod due;
mod erase;
mod evolve;
mod free_trial;
mod frequency;
mod gates;
mod license_group;
mod licenses;
mod marketplace;
mod profile;
mod purchase;
mod qualification;
mod quantity;
mod relationship;
mod renewal;
mod reseller;
mod reservation;
mod schedule;
mod shared_services;
mod sla;
mod state;
mod subscription;
mod suspension;
mod transaction;
mod transfer;
mod transfer_form;
mod transition;
mod upgrade;
mod usage;
mod user;
mod users;

pub use decide::decide;
pub use due::DUE_PER_DECISION_MAX;
pub use evolve::evolve;
pub use license_group::{GROUP_LICENSES_MAX, LICENSE_GROUPS_MAX};
pub use licenses::LICENSE_ROWS_MAX;
pub use marketplace::FREE_TRIAL_DAYS_MAX;
pub use profile::{TAG_CHARS_MAX, TAGS_MAX};
pub use purchase::ORDER_LINES_MAX;
pub use qualification::{Qualification, QualificationStanding};
pub use relationship::{Relationship, RelationshipStanding};
pub use schedule::ScheduledChange;
pub use sla::{SLA_CREDITS_MAX, SlaCredit};
pub use state::{Customer, Order};
pub use subscription::{Standing, Subscription};
pub use suspension::SuspensionReason;
pub use transfer::{TRANSFER_DAYS_MAX, TRANSFER_LINES_MAX, Transfer, TransferForm, TransferStanding};
pub use usage::{ASSIGNMENTS_MAX, METERED_RESOURCES_MAX, USAGE_RECORDS_MAX, open_until};
pub use user::{USER_NAME_CHARS_MAX, USER_RESTORE_DAYS, USERS_MAX};
pub use users::{LicenseGroup, User, Users};

#[cfg(test)]
mod tests;
