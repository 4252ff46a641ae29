//! Usage of Azure: meters and their prices, what was used, what a day of it costs, and which of it earns credit.
//!
//! Values and arithmetic only. What is published lives in [`crate::catalog`], what a customer used in [`crate::customer`].
//! Source: azure-marketplace-software.md 2.14 to 2.21.

mod access;
mod credit;
mod meter;
mod rating;
mod record;

pub use access::{AccessPath, AccessScope, Assignment, Link};
pub use credit::{CREDIT_PERCENT, CreditReason, CreditTerms, Determined, ELIGIBLE_ROLE};
pub(crate) use credit::{Candidate, determine};
pub use meter::{ExchangeRate, Meter, MeterFamily, MeterPriceRow, MeterQuote, THIRD_PARTY_TAG, Tier};
pub(crate) use rating::split;
pub use rating::{LineAmounts, Portion, UsageCharge};
pub use record::{HeldReason, HeldUsage, RatedUsage, Resource, UsageRecord};
