//! Given, when, then: what each command does to a customer, and what it refuses.

mod histories;
mod kit;
mod lifecycle;
mod metered;
mod orders;
mod records;
mod taxes;
mod transfers;
