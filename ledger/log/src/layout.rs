//! Which partitions a ledger has. Fixed when it is made: a key's partition never changes.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{Family, PartitionId};

/// Identifies a ledger for ever, whatever machine or broker it is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LedgerId(pub Uuid);

impl fmt::Display for LedgerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Most partitions of a family.
pub const PARTITIONS_MAX: u16 = 1024;

/// How many partitions each family has. The catalog has one, and so has what callers did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Partitions of `partners`; at least 1, at most as many as `customers`.
    pub partners: u16,
    /// Partitions of `customers`; at least 1.
    pub customers: u16,
}

impl Default for Layout {
    /// Enough customers partitions to grow onto a few machines later; partners are few.
    fn default() -> Self {
        Self { partners: 1, customers: 4 }
    }
}

impl Layout {
    /// A layout, if the numbers make sense.
    pub fn new(partners: u16, customers: u16) -> Result<Self, String> {
        if customers == 0 || customers > PARTITIONS_MAX {
            return Err(format!("customers partitions must be 1 to {PARTITIONS_MAX}, not {customers}"));
        }
        if partners == 0 || partners > customers {
            return Err(format!(
                "partners partitions must be 1 to the number of customers partitions ({customers}), not {partners}"
            ));
        }
        Ok(Self { partners, customers })
    }

    /// How many partitions a family has.
    pub fn count(self, family: Family) -> u16 {
        match family {
            Family::Catalog | Family::Access => 1,
            Family::Partners => self.partners,
            Family::Customers => self.customers,
        }
    }

    /// Whether the partition exists.
    pub fn contains(self, partition: PartitionId) -> bool {
        partition.index < self.count(partition.family)
    }

    /// Every partition of a family.
    pub fn of(self, family: Family) -> impl Iterator<Item = PartitionId> {
        (0..self.count(family)).map(move |index| PartitionId::new(family, index))
    }

    /// Every partition, catalog first.
    pub fn all(self) -> impl Iterator<Item = PartitionId> {
        Family::ALL.into_iter().flat_map(move |family| self.of(family))
    }

    /// The partition of a key: the first eight bytes of its SHA-256, modulo the count. Stable for ever.
    pub fn partition_of(self, family: Family, key: &str) -> PartitionId {
        let digest = Sha256::digest(key.as_bytes());
        let mut head = [0; 8];
        head.copy_from_slice(&digest[..8]);
        let count = u64::from(self.count(family));
        let index = u16::try_from(u64::from_be_bytes(head) % count).unwrap_or(0);
        PartitionId::new(family, index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stays_where_it_is() {
        let layout = Layout { partners: 1, customers: 8 };
        let at = |key| layout.partition_of(Family::Customers, key).index;
        // Golden, computed by another program: a change here would lose every stored customer.
        assert_eq!([at("contoso"), at("fabrikam"), at("c-1"), at("c-2")], [3, 6, 2, 6]);
        assert_eq!(layout.partition_of(Family::Partners, "contoso"), PartitionId::new(Family::Partners, 0));
        assert_eq!(layout.partition_of(Family::Catalog, "contoso"), PartitionId::CATALOG);
    }
}
