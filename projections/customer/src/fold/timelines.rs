//! What customers and subscriptions were on each day, as it was known at each commit.
//!
//! A change of a subscription holds from the day that its event names, one of a customer from the day on which its command takes effect.
//! What is recorded late is folded into the states of the later days once more; a day on which the change makes no sense, such as one
//! before the relationship that it ends, stays as it was.

use serde::{Serialize, de::DeserializeOwned};
use subledger_domain::ids::SubscriptionId;
use subledger_fold::{Changes, Rows, StoreError, Visit, encode, timeline::Timeline};

use super::Fold;
use crate::{
    rows::{Customer, Subscription},
    tables::timelines,
};

/// Reads through, and forgets what is changed.
struct Unchanged<'a>(&'a dyn Changes);

impl Rows for Unchanged<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(key)
    }

    fn scan(&self, prefix: &[u8], from: &[u8], reverse: bool, visit: Visit<'_>) -> Result<(), StoreError> {
        self.0.scan(prefix, from, reverse, visit)
    }
}

impl Changes for Unchanged<'_> {
    fn put(&mut self, _: Vec<u8>, _: Vec<u8>) {}

    fn delete(&mut self, _: Vec<u8>) {}
}

impl Fold<'_> {
    /// Whether the subscription was changed already from a later day than the event's.
    pub(super) fn is_late(&self, id: &SubscriptionId) -> Result<bool, StoreError> {
        timelines::subscription(self.commit.stream, id.as_str()).is_late(self.rows, self.day)
    }

    /// The subscription is this row from the event's day on, unless it was changed already from a later one: then it is false.
    pub(super) fn note_in_order(&mut self, id: &SubscriptionId, row: Vec<u8>) -> Result<bool, StoreError> {
        let timeline = timelines::subscription(self.commit.stream, id.as_str());
        timeline.put_in_order(self.rows, self.day, self.commit.position, row)
    }

    /// A new subscription is this row from the event's day on.
    pub(super) fn note_begin(&mut self, id: &SubscriptionId, row: Vec<u8>) -> Result<(), StoreError> {
        let timeline = timelines::subscription(self.commit.stream, id.as_str());
        timeline.begin(self.rows, self.day, self.commit.position, row)
    }

    /// Changes what the subscription was on the event's day and after it.
    pub(super) fn note_late(
        &mut self,
        id: &SubscriptionId,
        change: impl Fn(&mut Subscription),
    ) -> Result<(), StoreError> {
        let timeline = timelines::subscription(self.commit.stream, id.as_str());
        for (day, before) in timeline.from_day::<Subscription>(self.rows, self.day)? {
            let mut after = before.clone();
            change(&mut after);
            if after != before {
                timeline.put(self.rows, day, self.commit.position, encode(&after)?)?;
            }
        }
        Ok(())
    }

    /// The event made something this: from its day on, and, where it is recorded late, on the days after it too.
    pub(super) fn note<T: Serialize + DeserializeOwned>(
        &mut self,
        timeline: &Timeline,
        now: &T,
        change: impl Fn(&mut T),
    ) -> Result<(), StoreError> {
        if timeline.put_in_order(self.rows, self.day, self.commit.position, encode(now)?)? {
            return Ok(());
        }
        for (day, mut then) in timeline.from_day::<T>(self.rows, self.day)? {
            change(&mut then);
            timeline.put(self.rows, day, self.commit.position, encode(&then)?)?;
        }
        Ok(())
    }

    /// The commit made the customer this; `row` is the same, encoded.
    pub(super) fn note_customer(&mut self, now: &Customer, row: Vec<u8>) -> Result<(), StoreError> {
        let (day, position) = (self.commit.effective_at.date_naive(), self.commit.position);
        let timeline = timelines::customer(self.commit.stream);
        if timeline.put_in_order(self.rows, day, position, row)? {
            return Ok(());
        }
        let mut states = timeline.from_day::<Customer>(self.rows, day)?;
        // The last day's is what the customer is now.
        let last = states.pop();
        for (day, before) in states {
            let after = self.retold(before);
            self.list_ever(&after)?;
            timeline.put(self.rows, day, position, encode(&after)?)?;
        }
        let Some((day, _)) = last else { return Ok(()) };
        timeline.put(self.rows, day, position, encode(now)?)
    }

    /// What the commit's events make of what the customer was on another day.
    fn retold(&self, then: Customer) -> Customer {
        let mut unchanged = Unchanged(&*self.rows);
        let (commit, day) = (self.commit, self.day);
        let mut after = Customer { version: commit.stream_version, ..then };
        for event in commit.outcome.unwrap_or_default() {
            let customer = Some(after.clone());
            let mut fold = Fold { customer, day, ..Fold::new(commit, &mut unchanged) };
            if fold.event(event).is_ok()
                && let Some(customer) = fold.customer.take()
            {
                after = customer;
            }
        }
        after
    }
}
