//! What can be asked. Every function reads rows only; lists are pages.

use chrono::NaiveDate;
use subledger_fold::{
    Rows, StoreError, decode, get,
    page::{Page, PageRequest, QueryError, list, list_each, list_reverse},
};

use crate::{
    rows::{Activity, Customer, StateOnDay, Subscription, SubscriptionState, Transfer, UserRow},
    tables::{
        activities, customers, history,
        names::{self, Listed, Name, searchable},
        subscriptions, subscriptions_by_id, subscriptions_by_partner, transfers, transfers_by_partner, users,
    },
};

/// The customer of an id.
pub fn get_customer(rows: &dyn Rows, customer_id: &str) -> Result<Option<Customer>, StoreError> {
    get(rows, &customers::key(customer_id))
}

/// Customers by company name, whatever the case. With a partner, only those with an active relationship to it. With a prefix, those
/// whose company name begins with it, then those of whom only the domain does.
pub fn list_customers(
    rows: &dyn Rows,
    partner_id: Option<&str>,
    prefix: &str,
    request: PageRequest<'_>,
) -> Result<Page<Customer>, QueryError> {
    let (partner, prefix) = (partner_id.unwrap_or_default(), searchable(prefix));
    let mut prefixes = vec![names::prefix(Listed::Now, partner, Name::Company, &prefix)];
    if !prefix.is_empty() {
        prefixes.push(names::prefix(Listed::Now, partner, Name::Domain, &prefix));
    }
    let prefixes: Vec<_> = prefixes.iter().map(Vec::as_slice).collect();
    list_each(rows, &prefixes, false, request, |key, _| {
        let (name, _, customer_id) = names::parse(Listed::Now, key)?;
        let customer = listed(get_customer(rows, customer_id)?, key)?;
        let seen_by_company = name == Name::Domain && searchable(customer.listed_name()).starts_with(&prefix);
        Ok((!seen_by_company).then_some(customer))
    })
}

/// The subscription of an id: a customer's, or that of the first customer by id who has one of this id. Ids are unique for a
/// customer; ask [`customers_of_subscription`] where another customer's would be wrong.
pub fn get_subscription(
    rows: &dyn Rows,
    customer_id: Option<&str>,
    subscription_id: &str,
) -> Result<Option<Subscription>, StoreError> {
    let row = |customer_id: &str| get(rows, &subscriptions::key(customer_id, subscription_id));
    match customer_id {
        Some(customer_id) => row(customer_id),
        None => match customers_of_subscription(rows, subscription_id, 1)?.first() {
            Some(customer_id) => row(customer_id),
            None => Ok(None),
        },
    }
}

/// The first customers, by id, that have a subscription of this id; at most `most`.
pub fn customers_of_subscription(
    rows: &dyn Rows,
    subscription_id: &str,
    most: usize,
) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    rows.scan(&subscriptions_by_id::prefix(subscription_id), &[], false, &mut |key, _| {
        if found.len() < most {
            found.push(subscriptions_by_id::parse(key)?.to_owned());
        }
        Ok(found.len() < most)
    })?;
    Ok(found)
}

/// Which subscriptions. Everything that is not given does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionFilter<'a> {
    /// Whose.
    pub customer_id: Option<&'a str>,
    /// Who pays.
    pub partner_id: Option<&'a str>,
    /// In which state.
    pub state: Option<SubscriptionState>,
}

/// Subscriptions by customer and id.
pub fn list_subscriptions(
    rows: &dyn Rows,
    filter: SubscriptionFilter<'_>,
    request: PageRequest<'_>,
) -> Result<Page<Subscription>, QueryError> {
    let SubscriptionFilter { customer_id, partner_id, state } = filter;
    if let (None, Some(partner_id)) = (customer_id, partner_id) {
        let prefix = subscriptions_by_partner::prefix(partner_id, state);
        return list(rows, &prefix, request, |key, _| {
            let (customer_id, subscription_id) = subscriptions_by_partner::parse(key)?;
            listed(get_subscription(rows, Some(customer_id), subscription_id)?, key).map(Some)
        });
    }
    list(rows, &subscriptions::prefix(customer_id), request, |_, row| {
        let subscription: Subscription = decode(row)?;
        let wanted = partner_id.is_none_or(|partner| subscription.partner_id.as_str() == partner)
            && state.is_none_or(|state| subscription.state == state);
        Ok(wanted.then_some(subscription))
    })
}

/// The transfer of an id.
pub fn get_transfer(rows: &dyn Rows, customer_id: &str, transfer_id: &str) -> Result<Option<Transfer>, StoreError> {
    get(rows, &transfers::key(customer_id, transfer_id))
}

/// Transfers by customer and id: of a customer, from or to a partner, or both.
pub fn list_transfers(
    rows: &dyn Rows,
    customer_id: Option<&str>,
    partner_id: Option<&str>,
    request: PageRequest<'_>,
) -> Result<Page<Transfer>, QueryError> {
    if let (None, Some(partner_id)) = (customer_id, partner_id) {
        return list(rows, &transfers_by_partner::prefix(partner_id), request, |key, _| {
            let (customer_id, transfer_id) = transfers_by_partner::parse(key)?;
            listed(get_transfer(rows, customer_id, transfer_id)?, key).map(Some)
        });
    }
    list(rows, &transfers::prefix(customer_id), request, |_, row| {
        let transfer: Transfer = decode(row)?;
        let wanted = partner_id.is_none_or(|partner| {
            transfer.source_partner_id.as_str() == partner || transfer.target_partner_id.as_str() == partner
        });
        Ok(wanted.then_some(transfer))
    })
}

/// Days of activities; both ends are included, and none is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Days {
    /// The first, UTC.
    pub from: Option<NaiveDate>,
    /// The last, UTC.
    pub to: Option<NaiveDate>,
}

/// What happened to a customer and what was refused, the newest first, of the days on which it was recorded.
pub fn list_activities(
    rows: &dyn Rows,
    customer_id: &str,
    days: Days,
    request: PageRequest<'_>,
) -> Result<Page<Activity>, QueryError> {
    list_reverse(rows, &activities::prefix(customer_id), request, |_, row| {
        let activity: Activity = decode(row)?;
        let on = activity.recorded_at.date_naive();
        let wanted = days.from.is_none_or(|from| from <= on) && days.to.is_none_or(|to| on <= to);
        Ok(wanted.then_some(activity))
    })
}

/// What a subscription was at the end of a day, and what made it so; none before it began.
pub fn state_on(
    rows: &dyn Rows,
    customer_id: &str,
    subscription_id: &str,
    on: NaiveDate,
) -> Result<Option<StateOnDay>, StoreError> {
    let last = history::key(customer_id, subscription_id, on, u64::MAX, u64::MAX);
    let mut found = None;
    rows.scan(&history::prefix(customer_id, subscription_id), &last, true, &mut |_, row| {
        found = Some(decode(row)?);
        Ok(false)
    })?;
    Ok(found)
}

/// A customer's users by id; deleted ones too, as long as they can be restored.
pub fn list_users(rows: &dyn Rows, customer_id: &str, request: PageRequest<'_>) -> Result<Page<UserRow>, QueryError> {
    list(rows, &users::prefix(customer_id), request, |_, row| decode(row).map(Some))
}

/// What an index lists must be there.
fn listed<T>(row: Option<T>, key: &[u8]) -> Result<T, StoreError> {
    row.ok_or_else(|| StoreError(format!("an index lists what is not there: \"{}\"", key.escape_ascii())))
}
