//! Questions about the past: what customers and subscriptions were on a day, as it was known by some commits.

use subledger_fold::{
    Rows, StoreError,
    as_of::Horizon,
    page::{Page, PageRequest, QueryError, list, list_each},
};

use crate::{
    query::{self, SubscriptionFilter, TransferFilter},
    rows::{Customer, RelationshipState, Subscription, Transfer, UserRow},
    tables::{
        names::{self, Listed, Name, searchable},
        subscriptions, subscriptions_by_partner, timelines, transfers, transfers_by_partner,
    },
};

/// What a customer was then; none if it was not there.
pub fn get_customer_as_of(
    rows: &dyn Rows,
    customer_id: &str,
    horizon: &Horizon,
) -> Result<Option<Customer>, StoreError> {
    if horizon.is_now() {
        return query::get_customer(rows, customer_id);
    }
    let Some(mut customer) = timelines::customer(customer_id).at::<Customer>(rows, horizon)? else { return Ok(None) };
    // Subscriptions may hold from other days than the commits that changed the customer.
    if horizon.effective().is_some() {
        customer.subscription_count = 0;
        each_subscription(rows, customer_id, horizon, &mut |subscription| {
            customer.subscription_count += u32::from(subscription.counts());
        })?;
    }
    Ok(Some(customer))
}

/// Customers as [`query::list_customers`] has them: those that had such a name and, with a partner, an active relationship to it then.
pub fn list_customers_as_of(
    rows: &dyn Rows,
    partner_id: Option<&str>,
    prefix: &str,
    horizon: &Horizon,
    request: PageRequest<'_>,
) -> Result<Page<Customer>, QueryError> {
    if horizon.is_now() {
        return query::list_customers(rows, partner_id, prefix, request);
    }
    let (partner, prefix) = (partner_id.unwrap_or_default(), searchable(prefix));
    let mut prefixes = vec![names::prefix(Listed::Ever, partner, Name::Company, &prefix)];
    if !prefix.is_empty() {
        prefixes.push(names::prefix(Listed::Ever, partner, Name::Domain, &prefix));
    }
    let prefixes: Vec<_> = prefixes.iter().map(Vec::as_slice).collect();
    list_each(rows, &prefixes, false, request, |key, _| {
        let (name, text, customer_id) = names::parse(Listed::Ever, key)?;
        let customer = get_customer_as_of(rows, customer_id, horizon)?;
        Ok(customer.filter(|customer| {
            let listed = searchable(customer.listed_name());
            let was_named = match name {
                Name::Company => listed == text,
                // One whose company name begins so too was listed by that.
                Name::Domain => searchable(&customer.domain_name) == text && !listed.starts_with(&prefix),
            };
            let was_related = |partner: &str| {
                let mut known = customer.relationships.iter();
                known.any(|known| known.state == RelationshipState::Active && known.partner_id.as_str() == partner)
            };
            was_named && partner_id.is_none_or(was_related)
        }))
    })
}

/// What a customer's subscription was then; none if it was not there.
pub fn get_subscription_as_of(
    rows: &dyn Rows,
    customer_id: &str,
    subscription_id: &str,
    horizon: &Horizon,
) -> Result<Option<Subscription>, StoreError> {
    if horizon.is_now() {
        return query::get_subscription(rows, Some(customer_id), subscription_id);
    }
    timelines::subscription(customer_id, subscription_id).at(rows, horizon)
}

/// The first customers, by id, that had a subscription of this id then; at most `most`.
pub fn customers_of_subscription_as_of(
    rows: &dyn Rows,
    subscription_id: &str,
    most: usize,
    horizon: &Horizon,
) -> Result<Vec<String>, StoreError> {
    if horizon.is_now() {
        return query::customers_of_subscription(rows, subscription_id, most);
    }
    let had = |customer_id: &str| Ok(get_subscription_as_of(rows, customer_id, subscription_id, horizon)?.is_some());
    query::first_customers_with(rows, subscription_id, most, &had)
}

/// Subscriptions as [`query::list_subscriptions`] has them: those that were so then.
pub fn list_subscriptions_as_of(
    rows: &dyn Rows,
    filter: SubscriptionFilter<'_>,
    horizon: &Horizon,
    request: PageRequest<'_>,
) -> Result<Page<Subscription>, QueryError> {
    if horizon.is_now() {
        return query::list_subscriptions(rows, filter, request);
    }
    let SubscriptionFilter { customer_id, partner_id, state } = filter;
    let was = |customer_id: &str, subscription_id: &str| {
        let then = get_subscription_as_of(rows, customer_id, subscription_id, horizon)?;
        Ok::<_, StoreError>(then.filter(|then| {
            partner_id.is_none_or(|partner| then.partner_id.as_str() == partner)
                && state.is_none_or(|state| then.state == state)
        }))
    };
    if let (None, Some(partner_id)) = (customer_id, partner_id) {
        // A subscription never changes its partner, but its state; so the list of all states has those of then.
        return list(rows, &subscriptions_by_partner::prefix(partner_id, None), request, |key, _| {
            let (customer_id, subscription_id) = subscriptions_by_partner::parse(key)?;
            was(customer_id, subscription_id)
        });
    }
    list(rows, &subscriptions::prefix(customer_id), request, |key, _| {
        let (customer_id, subscription_id) = subscriptions::parse(key)?;
        was(customer_id, subscription_id)
    })
}

/// What a transfer was then; none if nobody had asked for it.
pub fn get_transfer_as_of(
    rows: &dyn Rows,
    customer_id: &str,
    transfer_id: &str,
    horizon: &Horizon,
) -> Result<Option<Transfer>, StoreError> {
    if horizon.is_now() {
        return query::get_transfer(rows, customer_id, transfer_id);
    }
    timelines::transfer(customer_id, transfer_id).at(rows, horizon)
}

/// Transfers as [`query::list_transfers`] has them: those that were so then.
pub fn list_transfers_as_of(
    rows: &dyn Rows,
    filter: TransferFilter<'_>,
    horizon: &Horizon,
    request: PageRequest<'_>,
) -> Result<Page<Transfer>, QueryError> {
    if horizon.is_now() {
        return query::list_transfers(rows, filter, request);
    }
    let was = |customer_id: &str, transfer_id: &str| {
        let then = get_transfer_as_of(rows, customer_id, transfer_id, horizon)?;
        Ok::<_, StoreError>(then.filter(|then| filter.takes(then)))
    };
    if let (None, Some(partner_id)) = (filter.customer_id, filter.partner_id) {
        // A transfer never changes its parties.
        return list(rows, &transfers_by_partner::prefix(partner_id), request, |key, _| {
            let (customer_id, transfer_id) = transfers_by_partner::parse(key)?;
            was(customer_id, transfer_id)
        });
    }
    list(rows, &transfers::prefix(filter.customer_id), request, |key, _| {
        let (customer_id, transfer_id) = transfers::parse(key)?;
        was(customer_id, transfer_id)
    })
}

/// A customer's users as [`query::list_users`] has them: those that there were then, with the licenses of then.
pub fn list_users_as_of(
    rows: &dyn Rows,
    customer_id: &str,
    horizon: &Horizon,
    request: PageRequest<'_>,
) -> Result<Page<UserRow>, QueryError> {
    if horizon.is_now() {
        return query::list_users(rows, customer_id, request);
    }
    list(rows, &timelines::users_ever(customer_id), request, |key, _| {
        let timeline = timelines::user(customer_id, timelines::parse_user_ever(key)?);
        // None once it is gone.
        let then = timeline.at::<Option<UserRow>>(rows, horizon)?;
        Ok(then.flatten())
    })
}

fn each_subscription(
    rows: &dyn Rows,
    customer_id: &str,
    horizon: &Horizon,
    visit: &mut dyn FnMut(&Subscription),
) -> Result<(), StoreError> {
    rows.scan(&subscriptions::prefix(Some(customer_id)), &[], false, &mut |key, _| {
        let (customer_id, subscription_id) = subscriptions::parse(key)?;
        if let Some(then) = get_subscription_as_of(rows, customer_id, subscription_id, horizon)? {
            visit(&then);
        }
        Ok(true)
    })
}
