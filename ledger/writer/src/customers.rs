//! The customers of a partition. Those in use are kept as they are, the others packed: a reseller has many customers and few of them do
//! something on a day.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use subledger_domain::{
    Event,
    customer::{self, Customer},
    ids::CustomerId,
};

use crate::packed::Packed;

/// The customers of a partition. A copy shares each customer until that changes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Customers {
    streams: HashMap<CustomerId, Stream>,
    /// Who has something due, and on which day.
    due: BTreeSet<(NaiveDate, CustomerId)>,
    /// The last day whose due things are all done.
    closed: Option<NaiveDate>,
    erased: BTreeSet<CustomerId>,
    /// Those that are not packed, in the order in which they are looked at for whether they were used.
    #[serde(skip)]
    ready: VecDeque<CustomerId>,
    #[serde(skip)]
    ready_max: ReadyMax,
}

/// How many customers are kept ready.
#[derive(Clone, Copy, Debug)]
struct ReadyMax(usize);

impl Default for ReadyMax {
    fn default() -> Self {
        Self(crate::options::READY_CUSTOMERS_MAX)
    }
}

/// None before the customer is created.
type State = Option<Customer>;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stream {
    version: u64,
    next_due: Option<NaiveDate>,
    #[serde(with = "packed")]
    state: Kept,
}

#[derive(Clone, Debug)]
enum Kept {
    /// As it is; `used` since it was looked at last.
    Ready {
        state: Arc<State>,
        used: bool,
    },
    Packed(Packed),
}

impl Kept {
    fn state(&self) -> Cow<'_, State> {
        match self {
            Self::Ready { state, .. } => Cow::Borrowed(state),
            Self::Packed(packed) => Cow::Owned(packed.unpack()),
        }
    }
}

/// In a snapshot everybody is packed.
mod packed {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::{Kept, Packed, State};

    pub(super) fn serialize<S: Serializer>(kept: &Kept, serializer: S) -> Result<S::Ok, S::Error> {
        match kept {
            Kept::Ready { state, .. } => Packed::of::<State>(state).serialize(serializer),
            Kept::Packed(packed) => packed.serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Kept, D::Error> {
        Packed::deserialize(deserializer).map(Kept::Packed)
    }
}

impl Customers {
    /// Keeps so many customers ready, at least one.
    pub(crate) fn keep_ready(&mut self, most: usize) {
        self.ready_max = ReadyMax(most.max(1));
        self.pack_unused();
    }

    /// Keeps a customer ready for a while, because it is about to be used.
    pub(crate) fn make_ready(&mut self, customer: &CustomerId) {
        let Some(stream) = self.streams.get_mut(customer) else { return };
        match &mut stream.state {
            Kept::Ready { used, .. } => *used = true,
            Kept::Packed(packed) => {
                stream.state = Kept::Ready { state: Arc::new(packed.unpack()), used: true };
                self.ready.push_back(customer.clone());
                self.pack_unused();
            }
        }
    }

    /// Packs who was not used for the longest, until few enough are left.
    fn pack_unused(&mut self) {
        while self.ready.len() > self.ready_max.0 {
            let Some(id) = self.ready.pop_front() else { return };
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            match &mut stream.state {
                Kept::Ready { used: used @ true, .. } => {
                    *used = false;
                    self.ready.push_back(id);
                }
                #[cfg(feature = "planted-bugs")]
                Kept::Ready { .. }
                    if subledger_domain::planted::has(subledger_domain::planted::Bug::ForgetPackedCustomer) =>
                {
                    stream.state = Kept::Packed(Packed::of::<State>(&None));
                }
                Kept::Ready { state, .. } => stream.state = Kept::Packed(Packed::of::<State>(state)),
                Kept::Packed(_) => {}
            }
        }
    }

    /// A copy of one customer, alone.
    pub(crate) fn only(&self, customer: &CustomerId) -> Self {
        let mut only = Self { closed: self.closed, ..Self::default() };
        if let Some(stream) = self.streams.get(customer) {
            only.due.extend(stream.next_due.map(|day| (day, customer.clone())));
            only.streams.insert(customer.clone(), stream.clone());
            only.make_ready(customer);
        }
        only
    }

    /// A customer's state; none before it is created.
    pub(crate) fn state(&self, customer: &CustomerId) -> Option<Cow<'_, Customer>> {
        match self.streams.get(customer)?.state.state() {
            Cow::Borrowed(state) => state.as_ref().map(Cow::Borrowed),
            Cow::Owned(state) => state.map(Cow::Owned),
        }
    }

    /// Customers that were erased.
    pub(crate) fn erased(&self) -> impl Iterator<Item = &CustomerId> {
        self.erased.iter()
    }

    /// Accepted commands of a customer so far.
    pub(crate) fn version(&self, stream: &str) -> u64 {
        self.streams.get(stream).map_or(0, |stream| stream.version)
    }

    /// Applies the events of an accepted command.
    pub(crate) fn apply(&mut self, stream: &str, events: &[Event]) {
        if stream.is_empty() {
            for event in events {
                if let Event::PartitionDayClosed(closed) = event {
                    self.closed = Some(closed.date);
                }
            }
            return;
        }
        // The id was checked when the command was taken.
        let Ok(id) = CustomerId::new(stream) else { return };
        if events.is_empty() && self.streams.contains_key(&id) {
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.version += 1;
            }
            return;
        }
        self.make_ready(&id);
        let entry = self.streams.entry(id.clone()).or_insert_with(|| {
            self.ready.push_back(id.clone());
            Stream { version: 0, next_due: None, state: Kept::Ready { state: Arc::default(), used: true } }
        });
        entry.version += 1;
        let Kept::Ready { state, .. } = &mut entry.state else { unreachable!("{id} was made ready") };
        let changed = Arc::make_mut(state);
        for event in events {
            customer::evolve(changed, event);
        }
        let (before, after) = (entry.next_due, changed.as_ref().and_then(Customer::next_due));
        entry.next_due = after;
        if changed.as_ref().is_some_and(Customer::is_erased) {
            self.erased.insert(id.clone());
        }
        if before != after {
            if let Some(day) = before {
                self.due.remove(&(day, id.clone()));
            }
            if let Some(day) = after {
                self.due.insert((day, id));
            }
        }
        self.pack_unused();
    }

    /// The last day whose due things are all done.
    pub(crate) fn closed(&self) -> Option<NaiveDate> {
        self.closed
    }

    /// The next customer, after `after`, with something due by the end of `day`.
    pub(crate) fn next_due(
        &self,
        day: NaiveDate,
        after: Option<&(NaiveDate, CustomerId)>,
    ) -> Option<&(NaiveDate, CustomerId)> {
        let mut rest = match after {
            Some(last) => self.due.range((std::ops::Bound::Excluded(last), std::ops::Bound::Unbounded)),
            None => self.due.range(..),
        };
        rest.next().filter(|(due, _)| *due <= day)
    }

    /// Whether a customer has something due by the end of `day`.
    pub(crate) fn is_due(&self, customer: &CustomerId, day: NaiveDate) -> bool {
        self.streams.get(customer).and_then(|stream| stream.next_due).is_some_and(|due| due <= day)
    }

    /// How many are due by the end of `day`.
    pub(crate) fn due_count(&self, day: NaiveDate) -> usize {
        self.due.iter().take_while(|(due, _)| *due <= day).count()
    }

    /// Whether a few of those that are packed can be read: a snapshot of another shape shows here and not with the first command.
    pub(crate) fn can_be_read(&self) -> bool {
        let packed = self.streams.values().filter_map(|stream| match &stream.state {
            Kept::Packed(packed) => Some(packed),
            Kept::Ready { .. } => None,
        });
        packed.take(PROBED).all(|packed| packed.try_unpack::<State>().is_ok())
    }
}

/// Customers of a snapshot that are read before it is believed. Its checksum tells of damage; these of a shape that is not ours.
const PROBED: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customers_of_another_shape_are_told_before_they_are_used() {
        let (mut customers, id) = (Customers::default(), CustomerId::new("fabrikam").unwrap());
        let mut stand = |state| {
            let stream = Stream { version: 1, next_due: None, state: Kept::Packed(state) };
            customers.streams.insert(id.clone(), stream);
            customers.can_be_read()
        };
        assert!(stand(Packed::of::<State>(&None)));
        assert!(!stand(Packed::of(&"of another program")));
    }
}
