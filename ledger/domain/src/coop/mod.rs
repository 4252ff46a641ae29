//! Co-op funds and claims on them (billing-details.md 2.1): the published catalogue of activities with their expenses, proofs and caps,
//! the form of a claim, and its states.
//!
//! Here live the values and the published tables; what a partner's stream decides about them is in `partner::coop`.

mod cap;
mod catalogue;
mod state;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    calendar,
    ids::{DocumentId, UsagePeriodId},
    money::Currency,
};

pub use cap::{Cap, CapPer, caps};
pub use catalogue::{Activity, Condition, Program, Proof, activities, activity, expense_name, program, programs};
pub use state::{CLAIM_MOVES, CLAIM_STATES, CLAIM_STEPS, CoopClaimState, CoopClaimStep, after, refused_with};

/// Days after the end of a usage period in which its claims come in with all their documents (L9225).
pub const CLAIM_DAYS: u32 = 45;
/// Months from the activity on in which originals are kept (L9236).
pub const RETENTION_MONTHS: u32 = 24;
/// Expenses of one claim.
pub const EXPENSES_MAX: usize = 200;
/// Documents of one claim.
pub const CLAIM_DOCUMENTS_MAX: usize = 300;
/// Usage periods in one command.
pub const USAGE_PERIODS_MAX: usize = 100;

/// The days in which a program's funds are used (decision C31).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsagePeriod {
    /// Code of the program.
    pub program: String,
    /// Its id, such as `FY20-H2`.
    pub usage_period_id: UsagePeriodId,
    /// UTC.
    pub first_day: NaiveDate,
    /// Included.
    pub last_day: NaiveDate,
}

impl UsagePeriod {
    /// The last day on which claims are taken: 45 days after the end (L9225, W15).
    pub fn claim_deadline(&self) -> NaiveDate {
        calendar::add_days(self.last_day, CLAIM_DAYS)
    }

    /// Whether the day is one of its days.
    pub fn covers(&self, day: NaiveDate) -> bool {
        self.first_day <= day && day <= self.last_day
    }
}

/// The day until which originals of an activity are kept: 24 months from it (L9236, W15).
pub fn retained_until(activity_date: NaiveDate) -> NaiveDate {
    calendar::anniversary(activity_date, RETENTION_MONTHS)
}

/// What was paid for an activity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expense {
    /// Code of the expense.
    pub expense: String,
    /// Above 0, in the claim's currency.
    pub amount: Decimal,
    /// Done by the partner itself: a certification statement proves it, not an invoice (L9230-9231).
    pub in_house: bool,
    /// The invoice, or the certification statement, that proves it; needed when the claim is submitted.
    pub document_id: Option<DocumentId>,
    /// Who went there; for conferences.
    pub attendee: Option<String>,
}

/// The form of a claim, as far as it can change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoopClaimDetails {
    /// The day of the activity, UTC.
    pub activity_date: NaiveDate,
    /// The fund's.
    pub currency: Currency,
    /// What was paid.
    pub expenses: Vec<Expense>,
    /// Which conference; for conferences.
    pub conference: Option<String>,
}

impl CoopClaimDetails {
    /// What is claimed.
    pub fn amount(&self) -> Decimal {
        self.currency.round(self.expenses.iter().map(|expense| expense.amount).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// W15.
    #[test]
    fn claims_are_due_after_forty_five_days_and_originals_kept_for_two_years() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let period = UsagePeriod {
            program: "coop-marketing-fund".into(),
            usage_period_id: UsagePeriodId::new("FY20-H2").unwrap(),
            first_day: day("2020-01-01"),
            last_day: day("2020-06-30"),
        };
        assert_eq!(period.claim_deadline(), day("2020-08-14"));
        assert_eq!(retained_until(day("2020-06-30")), day("2022-06-30"));
        assert_eq!(retained_until(day("2020-02-29")), day("2022-02-28"));
        assert!(period.covers(day("2020-06-30")) && !period.covers(day("2020-07-01")));
    }
}
