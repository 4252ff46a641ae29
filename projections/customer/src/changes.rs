//! What changed between two moments of customers and subscriptions, and by which commits.

use std::hash::{DefaultHasher, Hasher as _};

use serde::{Serialize, de::DeserializeOwned};
use subledger_domain::position::Position;
use subledger_fold::{
    Rows, StoreError,
    as_of::Horizon,
    change::{self, Cause},
    decode, encode,
    page::{Page, PageRequest, QueryError, list},
    timeline::Timeline,
};

use crate::{
    look_back::{get_customer_as_of, get_subscription_as_of},
    rows::{Activity, Customer, Subscription},
    tables::{activities, customers, customers_by_partner, subscriptions, timelines},
};

/// A thing at two moments, which differs between them; none where it was not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// A customer. Its version counts commands and is no change.
    Customer(Option<Box<Customer>>, Option<Box<Customer>>),
    /// A subscription.
    Subscription(Option<Box<Subscription>>, Option<Box<Subscription>>),
}

/// A change of a customer or of one of its subscriptions.
pub type Change = change::Change<Changed>;

/// Two moments.
#[derive(Clone, Copy, Debug)]
pub struct Between<'a> {
    /// The first.
    pub from: &'a Horizon,
    /// The second; may be the earlier one.
    pub to: &'a Horizon,
}

/// Changes by customer: of one, or of everyone who ever had a relationship with a partner; with both, of the one. Of the subscriptions,
/// with a partner, only its own. An item is everything of one customer; it may be empty.
pub fn list_changes(
    rows: &dyn Rows,
    customer_id: Option<&str>,
    partner_id: Option<&str>,
    between: Between<'_>,
    request: PageRequest<'_>,
) -> Result<Page<Vec<Change>>, QueryError> {
    match (customer_id, partner_id) {
        (None, Some(partner)) => list(rows, &customers_by_partner::prefix(partner), request, |key, _| {
            of_customer(rows, customers_by_partner::parse(key)?, partner_id, between).map(Some)
        }),
        (Some(customer), _) => list(rows, &customers::key(customer), request, |_, _| {
            of_customer(rows, customer, partner_id, between).map(Some)
        }),
        (None, None) => Ok(Page { items: Vec::new(), next: None }),
    }
}

fn of_customer(
    rows: &dyn Rows,
    customer_id: &str,
    partner_id: Option<&str>,
    between: Between<'_>,
) -> Result<Vec<Change>, StoreError> {
    let Between { from, to } = between;
    let mut changes = Vec::new();
    let cause_of = |position| cause(rows, customer_id, position);
    let then = |horizon| Ok::<_, StoreError>(get_customer_as_of(rows, customer_id, horizon)?.map(Box::new));
    let (before, after) = (then(from)?, then(to)?);
    if before.as_deref().map(without_version) != after.as_deref().map(without_version) {
        let mark = mark_of(|customer: Customer| without_version(&customer));
        let causes = timelines::customer(customer_id).between(rows, from, to, mark)?;
        changes.push(Change::new(Changed::Customer(before, after), causes, cause_of)?);
    }
    let mut ids = Vec::new();
    rows.scan(&subscriptions::prefix(Some(customer_id)), &[], false, &mut |key, _| {
        ids.push(subscriptions::parse(key)?.1.to_owned());
        Ok(true)
    })?;
    for id in ids {
        let then =
            |horizon| Ok::<_, StoreError>(get_subscription_as_of(rows, customer_id, &id, horizon)?.map(Box::new));
        let (before, after) = (then(from)?, then(to)?);
        // It never changes its partner.
        let owner = before.as_ref().or(after.as_ref()).map(|subscription| subscription.partner_id.as_str());
        if before == after || partner_id.is_some_and(|partner| owner != Some(partner)) {
            continue;
        }
        let timeline: Timeline = timelines::subscription(customer_id, &id);
        let causes = timeline.between(rows, from, to, mark_of(|subscription: Subscription| subscription))?;
        changes.push(Change::new(Changed::Subscription(before, after), causes, cause_of)?);
    }
    Ok(changes)
}

fn without_version(customer: &Customer) -> Customer {
    Customer { version: 0, ..customer.clone() }
}

/// Marks a stored state by what counts of it.
fn mark_of<T: Serialize + DeserializeOwned>(what: impl Fn(T) -> T) -> impl Fn(&[u8]) -> Result<u64, StoreError> {
    move |row| {
        let mut hasher = DefaultHasher::new();
        hasher.write(&encode(&what(decode(row)?))?);
        Ok(hasher.finish())
    }
}

/// Every commit that changes a customer or a subscription is an activity.
fn cause(rows: &dyn Rows, customer_id: &str, position: Position) -> Result<Option<Cause>, StoreError> {
    let mut found: Option<Cause> = None;
    let (first, prefix) = (activities::key(customer_id, position.seq, 0), activities::prefix(customer_id));
    rows.scan(&prefix, &first, false, &mut |_, row| {
        let activity: Activity = decode(row)?;
        if activity.position != position {
            return Ok(false);
        }
        let cause = found.get_or_insert_with(|| Cause {
            position,
            command_id: activity.command_id,
            principal: activity.principal,
            channel: activity.channel,
            effective_at: activity.effective_at,
            recorded_at: activity.recorded_at,
            events: Vec::new(),
        });
        if !cause.events.contains(&activity.action) {
            cause.events.push(activity.action);
        }
        Ok(true)
    })?;
    Ok(found)
}
