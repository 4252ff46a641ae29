//! When what is done in a run of several cases.

use chrono::{DateTime, NaiveDate, Utc};

use super::case::Case;
use crate::client::{Failure, times::midnight};

/// Something to do for one case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Partner, offer, price and customer.
    SetUp,
    /// The command at this place.
    Step(usize),
    /// Its invoices.
    Read,
}

/// A deed and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// The last day closed then.
    pub(super) closed_through: NaiveDate,
    /// The place of the case.
    pub(super) case: usize,
    pub(super) deed: Deed,
}

/// Everything, in the order of time; of one case in its own order.
pub(super) fn of<'a>(cases: impl Iterator<Item = &'a Case>) -> Result<Vec<Moment>, Failure> {
    let mut moments = Vec::new();
    for (place, case) in cases.enumerate() {
        let mut add = |closed_through, at: DateTime<Utc>, deed| {
            moments.push((at, Moment { closed_through, case: place, deed }));
        };
        let first = case.first_day();
        let (mut closed, mut at) = (before(first)?, midnight(first));
        add(closed, at, Deed::SetUp);
        for (index, step) in case.commands.iter().enumerate() {
            (closed, at) = (closed.max(before(step.at.date_naive())?), step.at);
            add(closed, at, Deed::Step(index));
        }
        // A run that is to end before its last command ends with that.
        let last = case.last_day().max(closed);
        let after = last.succ_opt().ok_or_else(|| Failure::Usage(format!("no day is after {last}")))?;
        add(last, at.max(midnight(after)), Deed::Read);
    }
    moments.sort_by_key(|(at, moment)| (moment.closed_through, *at));
    Ok(moments.into_iter().map(|(_, moment)| moment).collect())
}

fn before(day: NaiveDate) -> Result<NaiveDate, Failure> {
    day.pred_opt().ok_or_else(|| Failure::Usage(format!("no day is before {day}")))
}
