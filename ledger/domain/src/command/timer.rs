//! Commands that the ledger sends itself when a day closes.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::ids::CustomerId;

/// Everything of one customer that is due when the day ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunDue {
    /// The customer.
    pub customer_id: CustomerId,
    /// The day that ends.
    pub date: NaiveDate,
}

/// Every customer of the partition is done with the day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkDay {
    /// The day.
    pub date: NaiveDate,
}
