//! Usage: records, rating, earned credit, charging, budgets (azure-marketplace-software.md 2.14 to 2.21, section 3).

mod credit;
mod disputes;
pub(super) mod kit;
mod notices;
mod rating;
mod records;
