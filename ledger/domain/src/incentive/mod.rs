//! Incentives: programs with their rate cards, enrollment, earnings and payments, as values and tables.
//!
//! What is published lives in [`crate::catalog`], what a partner has in [`crate::partner`]; lines are found and added up by the incentive
//! read model. No rate, cap or calendar is written here: all of them are published.
//! Source: accounts-roles-offers-incentives.md 2.21, billing-details.md 2.2, 3.7, 3.8; azure-marketplace-software.md 2.14.

mod earning;
mod enrollment;
mod payment;
mod program;
mod rate;

pub use earning::{CoopShare, CurrencyTotal, LeverTotal, Rates};
pub(crate) use enrollment::may_move;
pub use enrollment::{ENROLLMENT_MOVES, EnrollmentMove, EnrollmentStatus, Mover, VALIDATION_HOURS};
pub use payment::{
    BankProfile, PAYMENT_MOVES, PaymentAmounts, PaymentMethod, PaymentStatus, PaymentTab, TaxProfile, can_become,
};
pub use program::{
    Accelerator, EarningType, IncentiveProduct, IncentiveProgram, Lever, ProgramEarner, RATE_DECIMALS, RateCard,
};
pub use rate::DatedRate;

use chrono::{Datelike, NaiveDate};

use crate::calendar;

/// The month with which a fiscal year begins: July 1 to June 30 (L9446).
pub const FISCAL_YEAR_FIRST_MONTH: u32 = 7;
/// Fiscal years that a transaction history shows: the current one and the two before (L9446).
pub const FISCAL_YEARS_SHOWN: u32 = 3;

/// The first day of the fiscal year of a day.
pub fn fiscal_year_start(day: NaiveDate) -> NaiveDate {
    let year = if day.month() < FISCAL_YEAR_FIRST_MONTH { day.year() - 1 } else { day.year() };
    NaiveDate::from_ymd_opt(year, FISCAL_YEAR_FIRST_MONTH, 1).unwrap_or(day)
}

/// The first day that a transaction history of a day shows.
pub fn history_start(day: NaiveDate) -> NaiveDate {
    let back = chrono::Months::new(12 * (FISCAL_YEARS_SHOWN - 1));
    fiscal_year_start(day).checked_sub_months(back).unwrap_or(day)
}

/// Whether a day is the first of its month.
pub(crate) fn is_first_of_month(day: NaiveDate) -> bool {
    calendar::first_of_month(day) == day
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fiscal_year_begins_in_july() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        for (on, start, shown) in [
            ("2020-06-30", "2019-07-01", "2017-07-01"),
            ("2020-07-01", "2020-07-01", "2018-07-01"),
            ("2020-12-31", "2020-07-01", "2018-07-01"),
            ("2021-01-01", "2020-07-01", "2018-07-01"),
        ] {
            assert_eq!((fiscal_year_start(day(on)), history_start(day(on))), (day(start), day(shown)), "{on}");
        }
    }
}
