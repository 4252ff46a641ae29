//! The state of one partition: the streams in it, and how a command and an event change them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use subledger_domain::{
    Command, Context, Event, Reason, Reference, Rejection, access,
    catalog::Catalog,
    command::Target,
    customer::{self, Customer},
    ids::CustomerId,
    partner::{self, Partners},
};
use subledger_log::{Family, Layout, PartitionId, codec::Envelope};

/// The stream of every command about the catalog.
pub(crate) const CATALOG_STREAM: &str = "catalog";
/// The stream of what callers did.
const ACCESS_STREAM: &str = "access";

/// The stream a command concerns and its partition; none for a command about every customer of a partition.
pub fn stream_of(layout: Layout, command: &Command) -> Option<(String, PartitionId)> {
    match command.target() {
        Target::Catalog => Some((CATALOG_STREAM.to_owned(), PartitionId::CATALOG)),
        Target::Partner(id) => Some((id.to_string(), layout.partition_of(Family::Partners, id.as_str()))),
        Target::Customer(id) => Some((id.to_string(), layout.partition_of(Family::Customers, id.as_str()))),
        Target::CustomersPartition => None,
        Target::Access => Some((ACCESS_STREAM.to_owned(), PartitionId::ACCESS)),
    }
}

/// The state of a partition, by family.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Machine {
    Catalog {
        catalog: Box<Catalog>,
        version: u64,
    },
    Partners {
        partners: Partners,
        versions: HashMap<String, u64>,
    },
    Customers(Customers),
    /// Nothing is decided by what stands there before.
    Access {
        version: u64,
    },
}

/// The customers of a partition. A copy shares each customer until that changes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Customers {
    streams: HashMap<CustomerId, Arc<Stream>>,
    /// Who has something due, and on which day.
    due: BTreeSet<(NaiveDate, CustomerId)>,
    /// The last day whose due things are all done.
    closed: Option<NaiveDate>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Stream {
    state: Option<Customer>,
    version: u64,
}

impl Machine {
    pub(crate) fn new(family: Family) -> Self {
        match family {
            Family::Catalog => Self::Catalog { catalog: Box::default(), version: 0 },
            Family::Partners => Self::Partners { partners: Partners::default(), versions: HashMap::new() },
            Family::Customers => Self::Customers(Customers::default()),
            Family::Access => Self::Access { version: 0 },
        }
    }

    /// Accepted commands of a stream so far. The partition itself has no version.
    pub(crate) fn version(&self, stream: &str) -> u64 {
        match self {
            Self::Catalog { version, .. } | Self::Access { version } => *version,
            Self::Partners { versions, .. } => versions.get(stream).copied().unwrap_or(0),
            Self::Customers(customers) => customers.version(stream),
        }
    }

    /// Decides a command of `stream` that is recorded at `now`: the version it expects first, then the rules.
    pub(crate) fn decide_envelope(
        &self,
        reference: &Reference,
        envelope: &Envelope,
        stream: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Rejection> {
        let expected_version = envelope.expected_version;
        #[cfg(feature = "planted-bugs")]
        let expected_version = expected_version
            .filter(|_| !subledger_domain::planted::has(subledger_domain::planted::Bug::IgnoreExpectedVersion));
        if let Some(expected) = expected_version {
            let found = self.version(stream);
            if found != expected {
                let text = format!("{stream} stands at version {found}, not {expected}; read it again and decide anew");
                return Err(Rejection::field(Reason::VersionMismatch, "expected_version", text)
                    .with("expected", expected)
                    .with("found", found));
            }
        }
        let context = Context {
            command_id: envelope.command_id.clone(),
            effective_at: envelope.effective_at.unwrap_or(now),
            recorded_at: now,
        };
        self.decide(reference, &envelope.command, &context)
    }

    pub(crate) fn decide(
        &self,
        reference: &Reference,
        command: &Command,
        context: &Context,
    ) -> Result<Vec<Event>, Rejection> {
        match (self, command.target()) {
            (Self::Catalog { catalog, .. }, _) => catalog.decide(command, context),
            (Self::Partners { partners, .. }, Target::Partner(id)) => {
                partner::decide(partners.get(id), reference, command, context)
            }
            (Self::Customers(customers), Target::Customer(id)) => {
                customer::decide(customers.state(id), reference, command, context)
            }
            (Self::Access { .. }, Target::Access) => access::decide(command, context),
            // The router and the ingress send a command to the partition of its stream only.
            _ => Ok(Vec::new()),
        }
    }

    /// Applies the events of an accepted command of `stream`. A rejection changes nothing.
    pub(crate) fn apply(&mut self, stream: &str, events: &[Event]) {
        match self {
            Self::Catalog { catalog, version } => {
                *version += 1;
                events.iter().for_each(|event| catalog.evolve(event));
            }
            Self::Partners { partners, versions } => {
                if let Some(version) = versions.get_mut(stream) {
                    *version += 1;
                } else {
                    versions.insert(stream.to_owned(), 1);
                }
                events.iter().for_each(|event| partners.evolve(event));
            }
            Self::Customers(customers) => customers.apply(stream, events),
            Self::Access { version } => *version += 1,
        }
    }

    pub(crate) fn customers(&self) -> Option<&Customers> {
        match self {
            Self::Customers(customers) => Some(customers),
            Self::Catalog { .. } | Self::Partners { .. } | Self::Access { .. } => None,
        }
    }
}

impl Customers {
    /// A copy of one customer, alone.
    pub(crate) fn only(&self, customer: &CustomerId) -> Self {
        let stream = self.streams.get(customer).cloned();
        let due = stream.as_ref().and_then(|stream| stream.state.as_ref()?.next_due());
        Self {
            streams: stream.map(|stream| (customer.clone(), stream)).into_iter().collect(),
            due: due.map(|day| (day, customer.clone())).into_iter().collect(),
            closed: self.closed,
        }
    }

    /// A customer's state; none before it is created.
    pub(crate) fn state(&self, customer: &CustomerId) -> Option<&Customer> {
        self.streams.get(customer)?.state.as_ref()
    }

    /// Customers that were erased.
    pub(crate) fn erased(&self) -> impl Iterator<Item = &CustomerId> {
        let erased = |stream: &Arc<Stream>| stream.state.as_ref().is_some_and(Customer::is_erased);
        self.streams.iter().filter(move |(_, stream)| erased(stream)).map(|(id, _)| id)
    }

    /// Accepted commands of a customer so far.
    fn version(&self, stream: &str) -> u64 {
        self.streams.get(stream).map_or(0, |stream| stream.version)
    }

    fn apply(&mut self, stream: &str, events: &[Event]) {
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
        let entry = Arc::make_mut(self.streams.entry(id.clone()).or_default());
        entry.version += 1;
        if events.is_empty() {
            return;
        }
        let before = entry.state.as_ref().and_then(Customer::next_due);
        for event in events {
            customer::evolve(&mut entry.state, event);
        }
        let after = entry.state.as_ref().and_then(Customer::next_due);
        if before != after {
            if let Some(day) = before {
                self.due.remove(&(day, id.clone()));
            }
            if let Some(day) = after {
                self.due.insert((day, id));
            }
        }
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
        let state = self.streams.get(customer).and_then(|stream| stream.state.as_ref());
        state.and_then(Customer::next_due).is_some_and(|due| due <= day)
    }

    /// How many are due by the end of `day`.
    pub(crate) fn due_count(&self, day: NaiveDate) -> usize {
        self.due.iter().take_while(|(due, _)| *due <= day).count()
    }
}
