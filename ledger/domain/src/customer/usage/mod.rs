//! What a customer uses of Azure: records, who has access, rating and charging when a day closes, budgets.
//!
//! # What is kept, and how long
//! A day of use can be recorded, completed and corrected until [`OPEN_DAYS`] after its month ([`open_until`]), and facts about roles reach
//! as far back. So long the state holds, for each meter, resource and day, its sum, what it was rated at, and of every record its hour and
//! a check number of its quantity; longer only what a dispute is open about. Later records are refused; what a document carries never
//! changes. With [`METERED_RESOURCES_MAX`] this bounds a customer.

mod access;
mod account;
mod budget;
mod charge;
mod dispute;
mod lost;
mod rate;
mod record;
mod register;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use self::{access::Access, account::Account, budget::Budget, dispute::Disputes};
pub(super) use self::{
    access::{grant, link, review, revoke},
    budget::{remove as remove_budget, set as set_budget},
    dispute::{decide as decide_dispute, open as open_dispute, withdraw as withdraw_dispute},
    record::record,
    register::register,
};
use super::{Subscription, draft::Draft};
use crate::{
    calendar,
    event::Event,
    ids::{AzureSubscriptionId, PartnerId, SubscriptionId},
    money::Money,
};

pub use self::{access::ASSIGNMENTS_MAX, record::USAGE_RECORDS_MAX};

/// Days after the end of a month in which its use and its credit can be corrected: as far back as credit can be disputed (decision G23).
const OPEN_DAYS: u32 = dispute::CREDIT_DISPUTE_DAYS;

/// Meters of resources that a customer has in use at once, counted over its open days.
pub const METERED_RESOURCES_MAX: usize = 20_000;

/// The last day on which use of a day can be recorded or corrected: the same for every day of a month, whose tiers rest on all of them.
pub fn open_until(usage_date: NaiveDate) -> NaiveDate {
    calendar::add_days(calendar::last_of_month(usage_date), OPEN_DAYS)
}

/// An Azure subscription under a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct AzureSubscription {
    subscription_id: SubscriptionId,
    created_at: DateTime<Utc>,
}

/// Everything about usage in a customer's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Usage {
    azure_subscriptions: BTreeMap<AzureSubscriptionId, AzureSubscription>,
    /// By Azure plan or classic subscription.
    accounts: BTreeMap<SubscriptionId, Account>,
    /// Classic subscriptions that went to another partner, by the id that Azure knows them by: who held each, the first first.
    moved: BTreeMap<AzureSubscriptionId, Vec<SubscriptionId>>,
    access: Access,
    disputes: Disputes,
    budgets: BTreeMap<PartnerId, Budget>,
}

impl Usage {
    /// The first day at whose end something is rated or charged.
    pub(super) fn next_due(&self) -> Option<NaiveDate> {
        self.accounts.values().filter_map(Account::next_due).min()
    }

    /// The id that Azure knows a classic subscription by: its own, unless a transfer gave it a new one (L13568, L15859).
    pub(super) fn azure_id(&self, id: &SubscriptionId) -> Option<AzureSubscriptionId> {
        let moved = self.moved.iter().find(|(_, holders)| holders.contains(id)).map(|(known, _)| known.clone());
        moved.or_else(|| AzureSubscriptionId::new(id.as_str()).ok())
    }

    /// What the last billed period of a subscription's use came to, without tax; none if nothing of it is billed or kept.
    pub(super) fn last_billed(&self, subscription: &Subscription) -> Option<Money> {
        let account = self.accounts.get(&subscription.subscription_id)?;
        Some(Money { amount: account.last_billed()?, currency: subscription.currency })
    }

    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::TransferCompleted(e) => {
                for line in &e.lines {
                    if let (Some(id), Some(new)) = (&line.azure_subscription_id, &line.new_subscription_id) {
                        let first = || vec![line.subscription_id.clone()];
                        self.moved.entry(id.clone()).or_insert_with(first).push(new.clone());
                    }
                }
            }
            Event::AzureSubscriptionRegistered(e) => {
                let known = AzureSubscription { subscription_id: e.subscription_id.clone(), created_at: e.created_at };
                self.azure_subscriptions.insert(e.azure_subscription_id.clone(), known);
            }
            Event::UsageRecorded(e) => {
                let account = self.accounts.entry(e.subscription_id.clone()).or_default();
                e.records.iter().for_each(|record| account.take(record));
            }
            Event::UsageRated(e) => {
                let held_from = self.disputes.held_from();
                self.accounts.entry(e.subscription_id.clone()).or_default().rated(e, held_from);
                self.access.forget(e.rated_on, held_from);
                self.disputes.forget(e.rated_on);
            }
            Event::UsageCharged(e) => {
                if let Some(account) = self.accounts.get_mut(&e.subscription_id) {
                    account.charged_all(e.charged_on, self.disputes.held_from());
                }
            }
            Event::Charged(line) => {
                if let (Some(usage), Some(account)) = (&line.usage, self.accounts.get_mut(&line.subscription_id)) {
                    account.charged(line, usage);
                }
            }
            Event::AccessGranted(_) | Event::AccessRevoked(_) | Event::PartnerIdLinked(_) => {
                let change = self.access.apply(event);
                for account in self.accounts.values_mut() {
                    account.look_again(change.from, |resource| change.concerns(resource));
                }
            }
            Event::EarnedCreditReviewed(e) => {
                for account in self.accounts.values_mut() {
                    account.look_again(e.from, |_| true);
                }
            }
            Event::EarnedCreditDisputed(_)
            | Event::EarnedCreditDisputeDecided(_)
            | Event::EarnedCreditDisputeWithdrawn(_) => {
                let Some(granted) = self.disputes.apply(event) else { return };
                for account in self.accounts.values_mut() {
                    account.look_again(granted.from, |resource| granted.scope.covers(resource));
                }
            }
            Event::SpendingBudgetSet(_) | Event::SpendingBudgetRemoved(_) | Event::BudgetThresholdReached(_) => {
                budget::apply(&mut self.budgets, event);
            }
            _ => {}
        }
    }
}

/// Rates and charges what is due at the end of the day: a part of it that fits one commit.
pub(super) fn run_due(draft: &mut Draft<'_>, date: NaiveDate) {
    let accounts = &draft.customer.usage.accounts;
    let rating = accounts.iter().find(|(_, account)| account.rating_due().is_some_and(|due| due <= date));
    if let Some((id, account)) = rating {
        rate::rate(draft, id, account, date);
        return;
    }
    let charging = accounts.iter().find(|(_, account)| account.charge_on().is_some_and(|due| due <= date));
    if let Some((id, account)) = charging {
        charge::charge(draft, id, account, date);
    }
}
