//! A ledger on real brokers, its roles in processes of their own.

mod audit;
mod brokers;
mod clock;
mod erasure;
mod golden;
mod identity;
mod ingress;
mod look_back;
mod preview;
mod secrets;
mod starts;
mod usage_month;
