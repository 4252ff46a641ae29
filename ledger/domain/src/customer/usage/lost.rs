//! Earned credit that is lost: the billed partner is told of the first day without, after one with it (azure-marketplace-software.md 2.19).
//! Whoever looks at the days sees the same; the notice says it once.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::account::Account;
use crate::{
    event::{EarnedCreditLost, UsageRated},
    ids::{AzureSubscriptionId, MeterId},
    usage::{AccessScope, CreditReason, RatedUsage, Resource},
};

/// The notices that a rating gives rise to: one for each Azure subscription and first day. `account` is as it was before.
pub(super) fn notices(account: &Account, event: &UsageRated) -> Vec<EarnedCreditLost> {
    let key = |row: &RatedUsage| (row.meter_id.clone(), row.resource.clone(), row.usage_date);
    let rated: BTreeMap<_, _> = event.rows.iter().map(|row| (key(row), row.credit_percent)).collect();
    let mut lost: BTreeMap<(NaiveDate, &AzureSubscriptionId), BTreeSet<(&Resource, CreditReason)>> = BTreeMap::new();
    for row in event.rows.iter().filter(|row| row.credit_percent.is_zero() && !row.possible_percent.is_zero()) {
        if is_first(account, &rated, row) {
            let of = (row.usage_date, &row.resource.azure_subscription_id);
            lost.entry(of).or_default().insert((&row.resource, row.reason));
        }
    }
    let notice = |((first_day, _), resources): (_, BTreeSet<(&Resource, CreditReason)>)| {
        let reason = resources.first()?.1;
        Some(EarnedCreditLost {
            customer_id: event.customer_id.clone(),
            partner_id: event.partner_id.clone(),
            subscription_id: event.subscription_id.clone(),
            scope: scope(resources.into_iter().map(|(resource, _)| resource))?,
            first_day,
            reason,
        })
    };
    lost.into_iter().filter_map(notice).collect()
}

/// Whether the day had credit until now, or none yet, and the day of use before it has credit.
fn is_first(account: &Account, rated: &BTreeMap<(MeterId, Resource, NaiveDate), Decimal>, row: &RatedUsage) -> bool {
    let days = account.meters.get(&row.meter_id).and_then(|resources| resources.get(&row.resource));
    let Some(days) = days else { return false };
    let was = days.get(&row.usage_date).and_then(|day| day.rated.as_ref());
    if was.is_some_and(|was| was.percent.is_zero()) {
        return false;
    }
    let before = days.range(..row.usage_date).rev().find_map(|(day, used)| {
        let now = rated.get(&(row.meter_id.clone(), row.resource.clone(), *day)).copied();
        now.or(used.rated.as_ref().map(|rated| rated.percent))
    });
    before.is_some_and(|percent| !percent.is_zero())
}

/// The narrowest that has all of them: a resource, its group, or the subscription.
fn scope<'a>(mut resources: impl Iterator<Item = &'a Resource>) -> Option<AccessScope> {
    let Resource { azure_subscription_id, resource_group, resource_uri } = resources.next()?.clone();
    let (mut group, mut uri) = (Some(resource_group), Some(resource_uri));
    for other in resources {
        group = group.filter(|group| *group == other.resource_group);
        uri = uri.filter(|uri| group.is_some() && *uri == other.resource_uri);
    }
    Some(AccessScope { azure_subscription_id, resource_group: group, resource_uri: uri })
}
