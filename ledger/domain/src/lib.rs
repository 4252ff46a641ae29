//! The rules of the business, pure: data in, data out.
//!
//! Here live the values ([`money`], [`calendar`], [`ids`]), the [`command`]s and [`event`]s, and for each consistency boundary
//! ([`catalog`], [`partner`], [`customer`]) its state with `decide` (a command becomes events or a [`Rejection`]) and `evolve`
//! (an event changes the state). Charges are decided in the same step as their cause, in [`charge`].
//!
//! No clock, no random source, no IO, no async: time and ids come in through [`Context`]. Dates are UTC days.

pub mod access;
pub mod association;
pub mod calendar;
pub mod catalog;
pub mod charge;
mod check;
pub mod command;
pub mod compact;
mod context;
pub mod coop;
pub mod customer;
pub mod decision;
pub mod event;
pub mod evidence;
pub mod ids;
pub mod incentive;
pub mod money;
pub mod offer;
pub mod partner;
pub mod party;
pub mod personal;
#[cfg(feature = "planted-bugs")]
pub mod planted;
pub mod position;
pub mod proration;
pub mod reference;
mod rejection;
pub mod role;
pub mod tax;
pub mod usage;

pub use command::Command;
pub use context::Context;
pub use event::Event;
pub use reference::Reference;
pub use rejection::{Reason, Rejection};
