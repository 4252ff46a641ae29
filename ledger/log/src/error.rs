//! What can go wrong, by operation. The texts are for a person at 3 a.m.
//!
//! A text that ends with its cause does not offer it as its source as well (`r#source`): printed with its chain, it would say it twice.

use subledger_domain::position::PartitionId;

/// Opening a ledger failed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{path} is in use by another process: stop it, or name another data directory")]
    InUse {
        /// The directory.
        path: String,
    },
    /// There is no ledger there, or not one of this kind.
    #[error("{what}")]
    NotALedger {
        /// What was found and what was expected.
        what: String,
    },
    /// A setting of the place is wrong.
    #[error("{setting} is {found}, but the ledger needs {expected}: {remedy}")]
    WrongSetting {
        /// The setting, with the topic or file it belongs to.
        setting: String,
        /// Its value.
        found: String,
        /// What would do.
        expected: String,
        /// How to get there.
        remedy: String,
    },
    /// Stored bytes do not check out. Nothing is repaired silently.
    #[error("{place} is damaged: {what}. Restore it from a backup; the ledger does not guess")]
    Damaged {
        /// Where.
        place: String,
        /// What does not check out.
        what: String,
    },
    /// The place cannot be reached or read.
    #[error("cannot open {place}: {source}")]
    Unavailable {
        /// Where.
        place: String,
        /// Why.
        r#source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// An append did not end well.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Nothing was written; it may be tried again.
    #[error("{partition}: nothing was written: {source}")]
    NotWritten {
        /// Where.
        partition: PartitionId,
        /// Why.
        r#source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It may have been written, or may yet be, whole or in part. Only a new epoch brings certainty.
    #[error("{partition}: it is unknown whether the records were written: {source}")]
    Unknown {
        /// Where.
        partition: PartitionId,
        /// Why.
        r#source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It was written, but not where expected: somebody else wrote to the partition.
    #[error("{partition}: expected to write at offset {expected}, but another writer was there first (got {got})")]
    Interleaved {
        /// Where.
        partition: PartitionId,
        /// The offset the first record should have got.
        expected: u64,
        /// The offset that did not fit.
        got: u64,
    },
    /// A record is too long; nothing was written.
    #[error("{partition}: a record of {bytes} bytes is longer than the limit of {limit} bytes; nothing was written")]
    TooLarge {
        /// Where.
        partition: PartitionId,
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
}

/// A read failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The ledger has no such partition.
    #[error("there is no partition {partition}")]
    NoSuchPartition {
        /// The one asked for.
        partition: PartitionId,
    },
    /// The offset lies after the end.
    #[error("{partition}: offset {offset} lies after the end, {end}")]
    PastEnd {
        /// Where.
        partition: PartitionId,
        /// The offset asked for.
        offset: u64,
        /// The end.
        end: u64,
    },
    /// Stored bytes do not check out.
    #[error("{partition}: the record at offset {offset} is damaged: {what}")]
    Damaged {
        /// Where.
        partition: PartitionId,
        /// Which record.
        offset: u64,
        /// What does not check out.
        what: String,
    },
    /// The place cannot be reached; it may be tried again.
    #[error("cannot read from {place}: {source}")]
    Unavailable {
        /// Where.
        place: String,
        /// Why.
        r#source: Box<dyn std::error::Error + Send + Sync>,
    },
}

#[cfg(test)]
mod tests {
    use subledger_domain::position::PartitionId;

    use super::*;

    /// As `{:#}` of anyhow prints it.
    fn with_chain(error: &dyn std::error::Error) -> String {
        let mut text = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            text = format!("{text}: {cause}");
            next = cause.source();
        }
        text
    }

    #[test]
    fn a_cause_is_told_once() {
        let (partition, place) = (PartitionId::CATALOG, || "Kafka at broker:9092".to_owned());
        let errors: [Box<dyn std::error::Error>; 4] = [
            Box::new(OpenError::Unavailable { place: place(), source: "timed out".into() }),
            Box::new(ReadError::Unavailable { place: place(), source: "timed out".into() }),
            Box::new(AppendError::NotWritten { partition, source: "timed out".into() }),
            Box::new(AppendError::Unknown { partition, source: "timed out".into() }),
        ];
        for error in errors {
            let text = with_chain(&*error);
            assert_eq!(text.matches("timed out").count(), 1, "{text}");
        }
        let open = OpenError::Unavailable { place: place(), source: "timed out".into() };
        assert_eq!(with_chain(&open), "cannot open Kafka at broker:9092: timed out");
    }
}
