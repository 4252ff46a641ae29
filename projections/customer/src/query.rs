//! What can be asked. Every function reads rows only; lists are pages.

use chrono::{DateTime, NaiveDate, Utc};
use subledger_fold::{
    Rows, StoreError, decode, get,
    page::{Page, PageRequest, Pager, QueryError, list, list_each, list_reverse},
};

use crate::{
    rows::{
        Activity, Customer, LicenseGroup, Order, StateOnDay, Subscription, SubscriptionState, Transfer, TransferState,
        UserRow,
    },
    tables::{
        activities, customers, history,
        ids::{self, IdKind},
        license_groups,
        names::{self, Listed, Name, searchable},
        of_partner::{self, Table},
        orders, subscriptions, subscriptions_by_partner, transfers, transfers_by_partner, users,
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
    let has = |customer_id: &str| Ok(rows.get(&subscriptions::key(customer_id, subscription_id))?.is_some());
    first_customers_with(rows, subscription_id, most, &has)
}

/// The first customers, by id, of those that may have or have had a subscription of this id.
pub(crate) fn first_customers_with(
    rows: &dyn Rows,
    subscription_id: &str,
    most: usize,
    has: &dyn Fn(&str) -> Result<bool, StoreError>,
) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    let prefix = ids::prefix_of_kind(&searchable(subscription_id), IdKind::Subscription);
    rows.scan(&prefix, &[], false, &mut |key, _| {
        let (_, _, customer_id) = ids::parse(key)?;
        if found.len() < most && has(customer_id)? {
            found.push(customer_id.to_owned());
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

/// Which transfers. Everything that is not given does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransferFilter<'a> {
    /// Whose.
    pub customer_id: Option<&'a str>,
    /// From or to whom.
    pub partner_id: Option<&'a str>,
    /// What came of it.
    pub state: Option<TransferState>,
}

impl TransferFilter<'_> {
    /// Whether it is one of them.
    pub(crate) fn takes(&self, transfer: &Transfer) -> bool {
        let parties = [&transfer.source_partner_id, &transfer.target_partner_id];
        self.partner_id.is_none_or(|partner| parties.iter().any(|party| party.as_str() == partner))
            && self.state.is_none_or(|state| transfer.state == state)
    }
}

/// Transfers by customer and id.
pub fn list_transfers(
    rows: &dyn Rows,
    filter: TransferFilter<'_>,
    request: PageRequest<'_>,
) -> Result<Page<Transfer>, QueryError> {
    let taken = |transfer: Transfer| Some(transfer).filter(|transfer| filter.takes(transfer));
    if let (None, Some(partner_id)) = (filter.customer_id, filter.partner_id) {
        return list(rows, &transfers_by_partner::prefix(partner_id), request, |key, _| {
            let (customer_id, transfer_id) = transfers_by_partner::parse(key)?;
            listed(get_transfer(rows, customer_id, transfer_id)?, key).map(taken)
        });
    }
    list(rows, &transfers::prefix(filter.customer_id), request, |_, row| decode(row).map(taken))
}

/// Days of activities; both ends are included, and none is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Days {
    /// The first, UTC.
    pub from: Option<NaiveDate>,
    /// The last, UTC.
    pub to: Option<NaiveDate>,
}

impl Days {
    fn have(self, at: DateTime<Utc>) -> bool {
        let on = at.date_naive();
        self.from.is_none_or(|from| from <= on) && self.to.is_none_or(|to| on <= to)
    }
}

/// Whose activities or orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose<'a> {
    /// Of a customer; with a partner, what of it concerns that partner.
    Customer(&'a str, Option<&'a str>),
    /// What concerns a partner at all of its customers.
    Partner(&'a str),
}

/// What happened to a customer or concerned a partner, and what was refused, the newest first, of the days on which it was recorded.
pub fn list_activities(
    rows: &dyn Rows,
    whose: Whose<'_>,
    days: Days,
    request: PageRequest<'_>,
) -> Result<Page<Activity>, QueryError> {
    let of_commit = |customer: &str, seq, number| get(rows, &activities::key(customer, seq, number));
    match whose {
        Whose::Customer(customer_id, None) => {
            list_reverse(rows, &activities::prefix(customer_id), request, |_, row| {
                let activity: Activity = decode(row)?;
                Ok(days.have(activity.recorded_at).then_some(activity))
            })
        }
        Whose::Customer(customer_id, Some(partner_id)) => {
            of_partner(rows, Table::Activities, partner_id, days, request, |customer, seq, number| {
                if customer == customer_id { of_commit(customer, seq, number) } else { Ok(None) }
            })
        }
        Whose::Partner(partner_id) => of_partner(rows, Table::Activities, partner_id, days, request, of_commit),
    }
}

/// Orders, the newest first, of the days on which they were recorded.
pub fn list_orders(
    rows: &dyn Rows,
    whose: Whose<'_>,
    days: Days,
    request: PageRequest<'_>,
) -> Result<Page<Order>, QueryError> {
    match whose {
        Whose::Customer(customer_id, partner_id) => {
            list_reverse(rows, &orders::prefix(customer_id), request, |_, row| {
                let order: Order = decode(row)?;
                let of = |partner_id: &str| {
                    std::iter::once(&order.partner_id).chain(&order.reseller_ids).any(|id| id.as_str() == partner_id)
                };
                let wanted = partner_id.is_none_or(of);
                Ok((wanted && days.have(order.recorded_at)).then_some(order))
            })
        }
        Whose::Partner(partner_id) => {
            of_partner(rows, Table::Orders, partner_id, days, request, |customer, seq, number| {
                get(rows, &orders::key(customer, seq, number))
            })
        }
    }
}

/// A page of what concerns a partner: reads no day after the last one asked for.
fn of_partner<T>(
    rows: &dyn Rows,
    table: Table,
    partner_id: &str,
    days: Days,
    request: PageRequest<'_>,
    row: impl Fn(&str, u64, u64) -> Result<Option<T>, StoreError>,
) -> Result<Page<T>, QueryError> {
    let prefix = of_partner::prefix(table, partner_id);
    let first = days.to.map(|day| of_partner::end_of(table, partner_id, day)).unwrap_or_default();
    let before = days.from.and_then(|day| day.pred_opt());
    let last = before.map(|day| of_partner::end_of(table, partner_id, day));
    let mut pager = Pager::new(request, &prefix)?;
    let from = if pager.from().is_empty() { first } else { pager.from().to_vec() };
    rows.scan(&prefix, &from, true, &mut |key, customer| {
        if last.as_ref().is_some_and(|last| key < last.as_slice()) {
            return Ok(false);
        }
        let (seq, number) = of_partner::parse(table, partner_id, key)?;
        let customer: String = decode(customer)?;
        pager.offer(key, || row(&customer, seq, number))
    })?;
    Ok(pager.finish())
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

/// A customer's groups of licenses, by id.
pub fn list_license_groups(
    rows: &dyn Rows,
    customer_id: &str,
    request: PageRequest<'_>,
) -> Result<Page<LicenseGroup>, QueryError> {
    list(rows, &license_groups::prefix(customer_id), request, |_, row| decode(row).map(Some))
}

/// What an index lists must be there.
fn listed<T>(row: Option<T>, key: &[u8]) -> Result<T, StoreError> {
    row.ok_or_else(|| StoreError(format!("an index lists what is not there: \"{}\"", key.escape_ascii())))
}
