//! Charges: what a purchase, a change or a day's end costs, decided together with its cause.

mod line;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

pub use line::{ChargeType, Charged, Derivation, InvoiceFamily};

use crate::{customer::Subscription, decision::Decision, event::Event, offer::PriceComponent};

/// What was charged for the current period, and what is to be corrected on the next anniversary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Billing {}

/// Charges a subscription that begins today (its events are in `decision` already).
pub fn purchase(_subscription: &Subscription, _decision: &mut Decision<'_>) {}

/// Charges, or notes for later, a change from the present quantity to `to`.
pub fn change_quantity(_subscription: &Subscription, _to: u32, _decision: &mut Decision<'_>) {}

/// Credits a suspension that takes effect on the decision's day.
pub fn suspend(_subscription: &Subscription, _decision: &mut Decision<'_>) {}

/// Charges the rest of the period after a reactivation.
pub fn reactivate(_subscription: &Subscription, _decision: &mut Decision<'_>) {}

/// Whether a cancellation of a one-time or marketplace product is still inside its window for a credit.
pub fn cancel_window_open(_subscription: &Subscription, _decision: &Decision<'_>) -> bool {
    false
}

/// Credits a cancellation inside the window, or of a trial.
pub fn cancel(_subscription: &Subscription, _decision: &mut Decision<'_>) {}

/// Credits the old plan and charges the new one.
pub fn convert(_subscription: &Subscription, _to_sku: &str, _prices: &[PriceComponent], _decision: &mut Decision<'_>) {}

/// Charges everything due at the end of `date`: corrections first, then the period that begins.
pub fn day_end(_subscription: &Subscription, _date: NaiveDate, _decision: &mut Decision<'_>) {}

/// The next day at whose end [`day_end`] has something to do, if no command comes in between.
pub fn next_due(_subscription: &Subscription) -> Option<NaiveDate> {
    None
}

/// Keeps [`Subscription::billing`] up to date. Called after the event changed everything else.
pub fn evolve(_subscription: &mut Subscription, _event: &Event) {}
