//! The state of one partition: the streams in it, and how a command and an event change them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use subledger_domain::{
    Command, Context, Event, Reason, Reference, Rejection, access,
    catalog::Catalog,
    command::Target,
    customer,
    partner::{self, Partners},
};
use subledger_log::{Family, Layout, PartitionId, codec::Envelope};

use crate::customers::Customers;

/// The stream of every command about the catalog.
pub(crate) const CATALOG_STREAM: &str = "catalog";
/// The stream of what callers did.
const ACCESS_STREAM: &str = "access";

/// The stream a command concerns and its partition; none for a command about every customer of a partition.
pub fn stream_of(layout: Layout, command: &Command) -> Option<(String, PartitionId)> {
    let partition = match command.target() {
        Target::Catalog => PartitionId::CATALOG,
        Target::Partner(id) => layout.partition_of(Family::Partners, id.as_str()),
        Target::Customer(id) => layout.partition_of(Family::Customers, id.as_str()),
        Target::CustomersPartition => return None,
        Target::Access => PartitionId::ACCESS,
    };
    Some((stream(command).to_owned(), partition))
}

/// The stream a command concerns; empty for one about every customer of a partition. Its partition, which takes a hash, is not asked for.
pub(crate) fn stream(command: &Command) -> &str {
    match command.target() {
        Target::Catalog => CATALOG_STREAM,
        Target::Partner(id) => id.as_str(),
        Target::Customer(id) => id.as_str(),
        Target::CustomersPartition => "",
        Target::Access => ACCESS_STREAM,
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
                customer::decide(customers.state(id).as_deref(), reference, command, context)
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

    /// Keeps the customer that a command is about ready for it.
    pub(crate) fn prepare(&mut self, command: &Command) {
        if let (Self::Customers(customers), Target::Customer(id)) = (self, command.target()) {
            customers.make_ready(id);
        }
    }

    pub(crate) fn customers_mut(&mut self) -> Option<&mut Customers> {
        match self {
            Self::Customers(customers) => Some(customers),
            Self::Catalog { .. } | Self::Partners { .. } | Self::Access { .. } => None,
        }
    }

    pub(crate) fn customers(&self) -> Option<&Customers> {
        match self {
            Self::Customers(customers) => Some(customers),
            Self::Catalog { .. } | Self::Partners { .. } | Self::Access { .. } => None,
        }
    }
}
