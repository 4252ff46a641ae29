//! The gRPC services, and the server that offers them.
//!
//! One file per service; what they share: [`errors`] (every error has a stable reason), [`paging`], [`position`] (reading one's own
//! writes), [`read_model`], [`rebuild`]. Nothing here decides anything.

pub(crate) mod access;
pub(crate) mod admin;
mod as_of;
pub(crate) mod audit;
pub(crate) mod billing;
pub(crate) mod catalog;
mod changes;
pub(crate) mod claims;
pub(crate) mod command;
pub(crate) mod customer;
mod erase;
pub(crate) mod errors;
pub(crate) mod incentive;
pub(crate) mod paging;
pub(crate) mod position;
#[cfg(feature = "kafka")]
pub(crate) mod proxy;
pub(crate) mod read_model;
mod rebuild;
mod server;

pub(crate) use server::{Bound, Services};
