//! The standing of a partner's account: two thresholds, two states (billing-details.md C23).

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Receivables;
use crate::{
    Context, Event, Rejection, check,
    command::ReviewStanding,
    event::{PartnerAccountReinstated, PartnerAccountSuspended, PartnerBecameDelinquent},
    ids::InvoiceNumber,
    money::{Currency, Money},
    partner::Partner,
};

/// Days that something may be overdue before the partner is suspended (L7440).
pub const OVERDUE_DAYS_MAX: u64 = 60;

/// Whether a partner pays (billing-details.md 2.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AccountStanding {
    /// Nothing is overdue, or nobody looked yet.
    #[default]
    Good,
    /// Something is overdue (L9725).
    Delinquent,
    /// Something is overdue for more than 60 days: existing services go on, nothing new is sold (L7434).
    Suspended,
}

impl AccountStanding {
    /// The name, as lists have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Delinquent => "delinquent",
            Self::Suspended => "suspended",
        }
    }
}

impl Receivables {
    /// The invoices that are overdue on a day: unpaid after their due date.
    fn overdue(&self, on: NaiveDate) -> impl Iterator<Item = (&InvoiceNumber, &super::Receivable)> {
        self.invoices.iter().filter(move |(_, invoice)| invoice.due_date < on && invoice.due() > Decimal::ZERO)
    }
}

/// A review makes the standing worse only: what is overdue on a day and not paid yet is overdue ever since, so a review that comes
/// late, or twice, decides the same or nothing. It becomes better at once with the payment ([`reinstated`]).
pub(super) fn review(partner: &Partner, command: &ReviewStanding, context: &Context) -> Result<Vec<Event>, Rejection> {
    let (money, date, on) = (&partner.receivables, command.date, context.effective_on());
    if date > on {
        let message = format!("The day is not after {on}, the day the review takes effect");
        return Err(check::invalid("date", message).with("latest", on));
    }
    let overdue_before = date.checked_sub_days(Days::new(OVERDUE_DAYS_MAX)).unwrap_or(date);
    let standing = match money.overdue(date).map(|(_, invoice)| invoice.due_date).min() {
        Some(oldest) if oldest < overdue_before => AccountStanding::Suspended,
        Some(_) => AccountStanding::Delinquent,
        None => AccountStanding::Good,
    };
    if standing <= money.standing {
        return Ok(Vec::new());
    }
    let invoice_numbers = money.overdue(date).map(|(number, _)| number.clone()).collect();
    let mut sums: BTreeMap<Currency, Decimal> = BTreeMap::new();
    for (_, invoice) in money.overdue(date) {
        *sums.entry(invoice.currency).or_default() += invoice.due();
    }
    let overdue =
        sums.into_iter().map(|(currency, amount)| Money { amount: currency.round(amount), currency }).collect();
    let (partner_id, since) = (partner.partner_id.clone(), date);
    Ok(vec![match standing {
        AccountStanding::Suspended => {
            let (trigger, note) = (None, String::new());
            PartnerAccountSuspended { partner_id, invoice_numbers, overdue, since, trigger, note }.into()
        }
        _ => PartnerBecameDelinquent { partner_id, invoice_numbers, overdue, since }.into(),
    }])
}

/// After these events nothing is overdue any more: the past due amount is paid (L9727).
pub(super) fn reinstated(partner: &Partner, events: &[Event], context: &Context) -> Option<Event> {
    if partner.receivables.standing == AccountStanding::Good || events.is_empty() {
        return None;
    }
    let mut after = partner.receivables.clone();
    events.iter().for_each(|event| after.apply(event));
    // A payment that counts from an earlier day is looked at on the day of the last review.
    let on = context.effective_on();
    let since = after.standing_since.map_or(on, |since| since.max(on));
    let nothing_overdue = after.overdue(since).next().is_none();
    let (partner_id, trigger, basis) = (partner.partner_id.clone(), None, String::new());
    nothing_overdue.then(|| PartnerAccountReinstated { partner_id, since, trigger, basis }.into())
}
