//! Billing cycles, and how the invoice of each is dated (billing-details.md 2.4, L10498).

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use super::Partner;
use crate::{Rejection, charge::InvoiceFamily, check};

/// A first day of a cycle, which is another for each kind of invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CycleStart {
    /// The day after a billing day of the partner.
    pub license_usage: NaiveDate,
    /// The first of a month.
    pub one_time_recurring: NaiveDate,
}

impl CycleStart {
    /// The same day for both.
    pub fn on(day: NaiveDate) -> Self {
        Self { license_usage: day, one_time_recurring: day }
    }

    /// The day for one kind of invoice.
    pub fn of(&self, family: InvoiceFamily) -> NaiveDate {
        match family {
            InvoiceFamily::LicenseUsage => self.license_usage,
            InvoiceFamily::OneTimeRecurring => self.one_time_recurring,
        }
    }

    /// For each kind the later of the two days.
    #[must_use]
    pub fn not_before(self, day: NaiveDate) -> Self {
        Self { license_usage: self.license_usage.max(day), one_time_recurring: self.one_time_recurring.max(day) }
    }
}

impl Partner {
    /// The first days of the cycles after those that the day is in. None only at the end of the calendar.
    pub fn next_cycle(&self, day: NaiveDate) -> Option<CycleStart> {
        let after = |family| cycle_end(family, self.billing_day, day.max(self.registered_on))?.succ_opt();
        Some(CycleStart {
            license_usage: after(InvoiceFamily::LicenseUsage)?,
            one_time_recurring: after(InvoiceFamily::OneTimeRecurring)?,
        })
    }
}

/// The next cycle of a partner, for a decision.
pub(super) fn next_cycle(partner: &Partner, day: NaiveDate) -> Result<CycleStart, Rejection> {
    partner
        .next_cycle(day)
        .ok_or_else(|| check::invalid("effective_at", "No billing cycle follows this day in any calendar"))
}

/// Day of the month after its own on which the invoice of a calendar month is dated (azure-marketplace-software.md G28).
const DATED_DAY_OF_MONTH: u32 = 8;

/// The last day of the cycle that `day` is in; its invoice carries what was charged on `day`, and is issued as soon as the cycle's last day
/// is closed. None only at the end of the calendar.
///
/// License and usage: the partner's billing day, clamped to the month's last day (L9700, L9838).
/// One-time and recurring: the last day of the calendar month (L9703).
pub fn cycle_end(family: InvoiceFamily, billing_day: u32, day: NaiveDate) -> Option<NaiveDate> {
    let day_of_month = match family {
        InvoiceFamily::LicenseUsage => billing_day,
        InvoiceFamily::OneTimeRecurring => 31,
    };
    let date = clamped(day, day_of_month)?;
    if date >= day { Some(date) } else { clamped(first_of_next_month(day)?, day_of_month) }
}

/// The date of the invoice of a cycle that ends on a day. None only at the end of the calendar.
///
/// License and usage: that day (L10498, L10499). One-time and recurring: the 8th of the next month, until whose beginning the source has it
/// ready (L9703, L13708; G28); it is due 60 days after that date, not after its issue.
pub fn invoice_date(family: InvoiceFamily, cycle_end: NaiveDate) -> Option<NaiveDate> {
    match family {
        InvoiceFamily::LicenseUsage => Some(cycle_end),
        InvoiceFamily::OneTimeRecurring => first_of_next_month(cycle_end)?.with_day(DATED_DAY_OF_MONTH),
    }
}

/// The first day of the billing period that ends on a day: the day after the end of the cycle before (L10498). None only at the calendar's start.
pub fn billing_period_start(family: InvoiceFamily, billing_day: u32, cycle_end: NaiveDate) -> Option<NaiveDate> {
    let day_of_month = match family {
        InvoiceFamily::LicenseUsage => billing_day,
        InvoiceFamily::OneTimeRecurring => 31,
    };
    clamped(cycle_end.with_day(1)?.pred_opt()?, day_of_month)?.succ_opt()
}

/// The day of that number in the month of `month`, or the month's last day.
fn clamped(month: NaiveDate, day_of_month: u32) -> Option<NaiveDate> {
    let last = first_of_next_month(month)?.pred_opt()?;
    last.with_day(day_of_month.clamp(1, last.day()))
}

fn first_of_next_month(day: NaiveDate) -> Option<NaiveDate> {
    let (year, month) = if day.month() == 12 { (day.year() + 1, 1) } else { (day.year(), day.month() + 1) };
    NaiveDate::from_ymd_opt(year, month, 1)
}
