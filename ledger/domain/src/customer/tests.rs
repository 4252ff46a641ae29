//! Given, when, then: what each command does to a customer, and what it refuses.

mod histories;
mod kit;
mod lifecycle;
mod metered;
mod orders;
mod profile;
mod records;
mod schedule;
mod sla;
mod state_tables;
mod taxes;
mod transfers;
mod trials;
mod upgrades;
mod users;
