//! Personal values of customers: which they are ([`fields`]), and how they are sealed, so that destroying a key erases them while every
//! stored byte, and so every hash and proof, stays.
//!
//! A commit of a customer is stored with `(sealed)` in the place of each personal value, and with all of them encrypted beside it. Keys live
//! in a [`KeyStore`] of their own, never in a log. What nobody can open reads as [`ERASED`] or [`SEALED`], and every decision comes out
//! the same then.
//!
//! What may not live here: who may read what, and rules about customers.

pub mod fields;
mod keys;
mod manage;
mod master;
mod seal;
mod store;
#[cfg(test)]
mod tests;
mod wire;

pub use keys::{KeyError, Keys, NoKeys, Opened, Place};
pub use master::{Master, MasterKey};
pub use store::{KeyStore, OpenKeys};
pub use subledger_domain::personal::{ERASED, SEALED};

pub(crate) use seal::{has_values, open, seal};
