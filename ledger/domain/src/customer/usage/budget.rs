//! Spending budgets: set by a partner for a customer, and a notice when most of it is used (billing-details.md 2.14). A budget stops
//! nothing (L10994).

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::{Decimal, prelude::ToPrimitive as _};
use serde::{Deserialize, Serialize};

use super::{
    Usage,
    account::{Line, LineKey},
};
use crate::{
    Reason, Rejection, calendar, check,
    command::{RemoveSpendingBudget, SetSpendingBudget},
    customer::{Customer, draft::Draft, gates},
    event::{BudgetThresholdReached, Event, SpendingBudgetRemoved, SpendingBudgetSet, UsageRated},
    ids::PartnerId,
    money::Currency,
    offer::ProductKind,
};

/// The share of a budget at which its partner is told (L11034).
const NOTICE_PERCENT: Decimal = Decimal::from_parts(80, 0, 0, false, 0);

/// A budget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Budget {
    amount: Decimal,
    currency: Currency,
    /// The month of the last notice; the next comes in another one.
    notified: Option<NaiveDate>,
}

pub(super) fn apply(budgets: &mut BTreeMap<PartnerId, Budget>, event: &Event) {
    match event {
        Event::SpendingBudgetSet(e) => {
            let notified = budgets.get(&e.partner_id).and_then(|known| known.notified).filter(|_| !e.armed);
            let budget = Budget { amount: e.amount, currency: e.currency, notified };
            budgets.insert(e.partner_id.clone(), budget);
        }
        Event::SpendingBudgetRemoved(e) => {
            budgets.remove(&e.partner_id);
        }
        Event::BudgetThresholdReached(e) => {
            if let Some(budget) = budgets.get_mut(&e.partner_id) {
                budget.notified = Some(e.month);
            }
        }
        _ => {}
    }
}

/// Sets a budget, or another one than before.
pub(in crate::customer) fn set(draft: &mut Draft<'_>, command: &SetSpendingBudget) -> Result<(), Rejection> {
    let partner = gates::partner(draft.reference, &command.partner_id, "partner_id")?;
    let is_told = partner.budget_notice.on;
    let customer = draft.customer;
    let azure = |kind| matches!(kind, Some(ProductKind::AzurePlan | ProductKind::AzureSubscription));
    let mut own = customer.subscriptions().filter(|s| s.partner_id == command.partner_id && azure(s.product_kind));
    let Some(first) = own.next() else {
        let message = format!("Customer {} has no Azure subscription of {}", command.customer_id, command.partner_id);
        return Err(Rejection::field(Reason::NoUsageSubscription, "partner_id", message));
    };
    if first.currency != command.currency && own.all(|other| other.currency != command.currency) {
        let message = format!("The customer's Azure usage is billed in {}", first.currency);
        return Err(
            Rejection::field(Reason::BudgetCurrencyMismatch, "currency", message).with("currency", first.currency)
        );
    }
    if command.amount <= Decimal::ZERO {
        let message = format!("A budget is above 0, not {}", command.amount);
        return Err(Rejection::field(Reason::BudgetNotPositive, "amount", message));
    }
    check::amount("amount", command.amount, command.currency)?;
    let (customer_id, partner_id) = (command.customer_id.clone(), command.partner_id.clone());
    let month = calendar::first_of_month(draft.on());
    let estimate = estimate(&customer.usage, customer, &partner_id, command.currency, month, None);
    // Raised so far that the estimate is below the share again, the notice can come once more.
    let armed = !reached(estimate, command.amount);
    let known = customer.usage.budgets.get(&partner_id);
    let told = known.is_some_and(|known| known.notified == Some(month));
    let (amount, currency) = (command.amount, command.currency);
    draft.push(SpendingBudgetSet {
        customer_id: customer_id.clone(),
        partner_id: partner_id.clone(),
        amount,
        currency,
        armed,
    });
    if !armed && !told && is_told {
        draft.push(told_of((customer_id, partner_id), month, estimate, amount, currency));
    }
    Ok(())
}

/// Takes the budget away.
pub(in crate::customer) fn remove(draft: &mut Draft<'_>, command: &RemoveSpendingBudget) -> Result<(), Rejection> {
    if !draft.customer.usage.budgets.contains_key(&command.partner_id) {
        let message = format!("{} has set no budget for customer {}", command.partner_id, command.customer_id);
        return Err(Rejection::field(Reason::NoBudgetSet, "partner_id", message));
    }
    let (customer_id, partner_id) = (command.customer_id.clone(), command.partner_id.clone());
    draft.push(SpendingBudgetRemoved { customer_id, partner_id });
    Ok(())
}

/// The notice that a day's rating gives rise to, for a partner that is told; one a month.
pub(super) fn notice(usage: &Usage, customer: &Customer, rated: &UsageRated) -> Option<BudgetThresholdReached> {
    let budget = usage.budgets.get(&rated.partner_id)?;
    let month = calendar::first_of_month(rated.rated_on);
    if budget.notified == Some(month) {
        return None;
    }
    let estimate = estimate(usage, customer, &rated.partner_id, budget.currency, month, Some(rated));
    let of = (rated.customer_id.clone(), rated.partner_id.clone());
    reached(estimate, budget.amount).then(|| told_of(of, month, estimate, budget.amount, budget.currency))
}

fn reached(estimate: Decimal, budget: Decimal) -> bool {
    estimate * Decimal::ONE_HUNDRED >= budget * NOTICE_PERCENT
}

fn told_of(
    (customer_id, partner_id): (crate::ids::CustomerId, PartnerId),
    month: NaiveDate,
    estimate: Decimal,
    budget: Decimal,
    currency: Currency,
) -> BudgetThresholdReached {
    let percent = percent(estimate, budget);
    BudgetThresholdReached { customer_id, partner_id, month, estimate, budget, currency, percent }
}

/// What is used of a budget: whole percent, rounded half up (L13855-13858).
fn percent(estimate: Decimal, budget: Decimal) -> u32 {
    let share = estimate * Decimal::ONE_HUNDRED / budget;
    let whole = share.round_dp_with_strategy(0, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
    whole.to_u32().unwrap_or(u32::MAX)
}

/// The month's use so far at its prices, without tax and credit (L10992), rounded half up.
fn estimate(
    usage: &Usage,
    customer: &Customer,
    partner_id: &PartnerId,
    currency: Currency,
    month: NaiveDate,
    rated: Option<&UsageRated>,
) -> Decimal {
    let of_month = |lines: &BTreeMap<LineKey, Line>| -> Decimal {
        let of_month = lines.iter().filter(|(key, _)| key.period.month == month);
        of_month.map(|(key, line)| line.quantity * key.unit_price * line.exchange_rate).sum()
    };
    let own = usage.accounts.iter().filter(|(id, _)| {
        let subscription = customer.subscription(id);
        subscription.is_some_and(|known| known.partner_id == *partner_id && known.currency == currency)
    });
    let sums = own.map(|(id, account)| match rated.filter(|rated| rated.subscription_id == *id) {
        Some(rated) => of_month(&account.lines_with(&rated.rows)),
        None => of_month(&account.lines),
    });
    currency.round(sums.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// W17 of billing-details.md (L11034).
    #[test]
    fn a_notice_comes_at_eighty_percent() {
        let reached = |estimate: &str| reached(estimate.parse().unwrap(), "200.00".parse().unwrap());
        assert_eq!((reached("159.99"), reached("160.00")), (false, true));
    }

    /// Worked example 8 (L13855-13856).
    #[test]
    fn percent_is_whole() {
        let percent = |estimate: &str, budget: &str| percent(estimate.parse().unwrap(), budget.parse().unwrap());
        assert_eq!((percent("30.65", "200.00"), percent("6.33", "20.00")), (15, 32));
        assert_eq!(percent("0.5", "100"), 1);
    }
}
