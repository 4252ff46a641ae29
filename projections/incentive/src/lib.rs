//! The incentive read model: the base that every incentive is computed on, by partner, reseller, month, offer and currency.
//!
//! Here lives what was charged and how many seats moved in a month, and what of it earns by a program ([`earnings`]). What may not: rates,
//! caps and calendars of a program, which are published; storage, time, randomness.
//!
//! # What counts
//! - **Net revenue**: charges less credits, before tax, in the month of the day they were created (`charged_on`), so a month does not change
//!   any more once its last day is closed. Exact sums of lines that are rounded already. (Decision: the source publishes what an earning
//!   shows, L9448, but no base; programs differ only in the rate on it.)
//! - **Net seats**: seats bought less seats given back, in the month of the day from which that holds. Bought: a new subscription, more
//!   seats, a marketplace trial at its first paid day (billing.md section 2: never billed until converted). Given back: fewer seats, a
//!   cancellation, an expiry, a deprovisioning. A suspension gives nothing back (it may be undone), but for the one that follows a transfer:
//!   the seats are the new owner's from then on and must not count twice. A renewal moves no seats. A conversion to another offer moves
//!   them from the one to the other.
//! - **Earned credit**: what each day and resource of an Azure plan earned, what it could have, and why (azure-marketplace-software.md
//!   2.18), as the domain decided it when the day was rated. Amounts of a day are exact; a charge line is rounded down as a whole, so the
//!   credit charged differs from the sum of days by less than one minor unit a line.
//! - **Charge count**: lines, credits and lines of zero included.

mod earnings;
mod files;
mod fold;
mod month;
mod query;
mod tables;

pub use earnings::{
    AGENDA_PER_CALL_MAX, DueIncentive, DueIncentives, Earning, EarningKind, EarningSource, Held, Waiting,
    due_incentives, settled_through,
};
pub use files::{PAYMENT_COLUMNS, TRANSACTION_COLUMNS, payment_row, transaction_row};
pub use fold::IncentiveProjection;
pub use month::{InvalidMonth, Month};
pub use query::*;
