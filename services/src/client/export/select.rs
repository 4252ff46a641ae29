//! Which records are wanted.

use subledger_log::{Accepted, Family, Layout, PartitionId};

use crate::{
    api::audit::stored_id,
    client::{Failure, folder::Selection},
};

/// Which records are wanted.
pub(super) enum Wanted {
    All,
    /// Those of a stream in one partition.
    Stream(PartitionId, String),
    /// Those of any partition but the catalog that mention an id, as protobuf stores it.
    Mentioned(Vec<u8>),
    /// The same, of customers only.
    MentionedByCustomers(Vec<u8>),
}

impl Wanted {
    pub(super) fn new(selection: &Selection, layout: Layout) -> Result<Self, Failure> {
        let mentioned = |id: &str| {
            let id = stored_id(id).map_err(|status| Failure::Refused(Box::new(status)))?;
            id.ok_or_else(|| Failure::Usage("an id is needed".to_owned()))
        };
        Ok(match selection {
            Selection::Whole | Selection::Partitions => Self::All,
            Selection::Customer(id) => Self::Stream(layout.partition_of(Family::Customers, id), id.clone()),
            Selection::Partner(id) => Self::Mentioned(mentioned(id)?),
            Selection::Subscription(id) => Self::MentionedByCustomers(mentioned(id)?),
        })
    }

    /// Whether a partition can have any.
    pub(super) fn may_be_in(&self, partition: PartitionId) -> bool {
        match self {
            Self::All => true,
            Self::Stream(only, _) => partition == *only,
            Self::Mentioned(_) => partition.family != Family::Catalog,
            Self::MentionedByCustomers(_) => partition.family == Family::Customers,
        }
    }

    /// Whether a record is one of them.
    pub(super) fn is(&self, record: &Accepted) -> bool {
        match self {
            Self::All => true,
            Self::Stream(_, stream) => record.commit.stream == *stream,
            Self::Mentioned(id) | Self::MentionedByCustomers(id) => {
                record.bytes.windows(id.len()).any(|window| window == id)
            }
        }
    }
}
