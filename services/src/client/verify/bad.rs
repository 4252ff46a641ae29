//! Something bad, and where.

use std::fmt;

use subledger_log::PartitionId;

/// The first bad thing of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::client) struct Bad {
    partition: PartitionId,
    seq: Option<u64>,
    file: String,
    offset: Option<u64>,
    what: String,
}

impl Bad {
    /// Somewhere in a file.
    pub(super) fn of(partition: PartitionId, file: &str, what: impl Into<String>) -> Self {
        Self { partition, seq: None, file: file.to_owned(), offset: None, what: what.into() }
    }

    /// Beginning at that byte of the file.
    pub(super) fn at(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    /// Says more about it.
    pub(super) fn because(mut self, why: &str) -> Self {
        self.what = format!("{}: {why}", self.what);
        self
    }

    /// The record of that number.
    pub(super) fn seq(mut self, seq: u64) -> Self {
        self.seq = Some(seq);
        self
    }
}

/// `customers/2@43 in records/customers-2.records at byte 1027: …`
impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.partition)?;
        if let Some(seq) = self.seq {
            write!(f, "@{seq}")?;
        }
        write!(f, " in {}", self.file)?;
        if let Some(offset) = self.offset {
            write!(f, " at byte {offset}")?;
        }
        write!(f, ": {}", self.what)
    }
}
