//! Given, when, then: what each command does to a customer, and what it refuses.

mod azure;
mod histories;
mod kit;
mod late;
mod lifecycle;
mod marketplace;
mod metered;
mod orders;
mod profile;
mod promotions;
mod records;
mod reservations;
mod schedule;
mod sla;
mod software;
mod state_tables;
mod taxes;
mod transfers;
mod trials;
mod upgrades;
mod usage;
mod users;
