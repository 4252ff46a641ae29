//! Where a commit stands in the log.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A family of logs: partitions with one key (README, "Logs").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Family {
    /// Offers, prices, business days. One partition.
    Catalog,
    /// Keyed by partner.
    Partners,
    /// Keyed by customer.
    Customers,
    /// Who asked for what and was refused, and who saw what is not his. One partition.
    Access,
}

impl Family {
    /// Every family, in the order they depend on each other.
    pub const ALL: [Self; 4] = [Self::Catalog, Self::Partners, Self::Customers, Self::Access];

    /// The name, as topics and the command line have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Catalog => "catalog",
            Self::Partners => "partners",
            Self::Customers => "customers",
            Self::Access => "access",
        }
    }

    /// The family of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One partition of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PartitionId {
    /// Its family.
    pub family: Family,
    /// Its number within the family, from 0.
    pub index: u16,
}

impl PartitionId {
    /// The only partition of the catalog.
    pub const CATALOG: Self = Self { family: Family::Catalog, index: 0 };
    /// The only partition of what callers did.
    pub const ACCESS: Self = Self { family: Family::Access, index: 0 };

    /// A partition of a family.
    pub const fn new(family: Family, index: u16) -> Self {
        Self { family, index }
    }
}

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.family, self.index)
    }
}

/// One commit: its partition and its gapless number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Where.
    pub partition: PartitionId,
    /// Sequence number, from 0.
    pub seq: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.partition, self.seq)
    }
}
