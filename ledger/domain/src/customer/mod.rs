//! One customer: everything whose rules are about one customer.

mod subscription;

use serde::{Deserialize, Serialize};

pub use subscription::{Standing, Subscription};

/// Why a subscription is suspended (customers page section 2.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SuspensionReason {
    /// The customer asked for it.
    CustomerRequest,
    /// It was not paid.
    NonPayment,
    /// Fraud.
    Fraud,
    /// The partner cancelled it.
    Cancelled,
    /// It went to another partner; it cannot come back.
    Transferred,
}

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::{Command, Context, Event, Reference, Rejection, ids::SubscriptionId};

/// One customer's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    subscriptions: BTreeMap<SubscriptionId, Subscription>,
}

impl Customer {
    /// The first day at whose end something is due, if no command comes in between.
    pub fn next_due(&self) -> Option<NaiveDate> {
        None
    }
}

/// Decides a command about one customer; `state` is none before it is created.
pub fn decide(
    _state: Option<&Customer>,
    _reference: &Reference,
    _command: &Command,
    _context: &Context,
) -> Result<Vec<Event>, Rejection> {
    Ok(Vec::new())
}

/// Applies an event of a customer.
pub fn evolve(_state: &mut Option<Customer>, _event: &Event) {}
