//! What a fold sees: a recorded commit, and tables to read and change. Pure: the runtime owns storage, threads and time.
//!
//! A projection is one [`Projection`]: it declares its tables' key prefixes and, for each commit, changes rows. All its rows live in one
//! ordered key space; a table is a one-byte prefix of it. Rows are postcard, keys are bytes whose order is the order of lists.

use chrono::{DateTime, Utc};
use serde::{Serialize, de::DeserializeOwned};
use subledger_domain::{Event, Rejection, position::Position};

/// A commit, as a fold sees it.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    /// Where it stands.
    pub position: Position,
    /// `catalog`, a partner id or a customer id; empty for records of the partition itself.
    pub stream: &'a str,
    /// Version of the stream after it; 0 for records of the partition itself.
    pub stream_version: u64,
    /// The command's id; empty for the start of a writer.
    pub command_id: &'a str,
    /// When it took effect, UTC.
    pub effective_at: DateTime<Utc>,
    /// When it was recorded, UTC.
    pub recorded_at: DateTime<Utc>,
    /// Who sent the command.
    pub principal: &'a str,
    /// How it came.
    pub channel: &'a str,
    /// Its events, or why it was refused. The start of a writer has no events.
    pub outcome: Result<&'a [Event], &'a Rejection>,
}

/// Storage failed, or holds what it cannot hold. The runtime stops the projection and says so.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

/// What is called with a row where it lies.
pub type Look<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), StoreError>;

/// What a scan calls for each key and row, until it returns false.
pub type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<bool, StoreError>;

/// Reads rows. Implemented by the live store, by a store with staged changes, and by a map in tests.
pub trait Rows {
    /// The row of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Calls `look` with the row of a key, if there is one: [`Self::get`] without a copy, where rows can be lent.
    fn look_at(&self, key: &[u8], look: Look<'_>) -> Result<(), StoreError> {
        self.get(key)?.map_or(Ok(()), |row| look(&row))
    }

    /// Calls `visit` for each row with `from <= key` that begins with `prefix`, in the order of keys (descending if `reverse`, then
    /// with `key <= from`), until it returns false. An empty `from` means from the first (or last).
    fn scan(&self, prefix: &[u8], from: &[u8], reverse: bool, visit: Visit<'_>) -> Result<(), StoreError>;
}

impl<R: Rows + ?Sized> Rows for &R {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        (**self).get(key)
    }

    fn look_at(&self, key: &[u8], look: Look<'_>) -> Result<(), StoreError> {
        (**self).look_at(key, look)
    }

    fn scan(&self, prefix: &[u8], from: &[u8], reverse: bool, visit: Visit<'_>) -> Result<(), StoreError> {
        (**self).scan(prefix, from, reverse, visit)
    }
}

/// Changes rows. Changes of one commit are applied together or not at all.
pub trait Changes: Rows {
    /// Sets a row.
    fn put(&mut self, key: Vec<u8>, row: Vec<u8>);

    /// Removes a row.
    fn delete(&mut self, key: Vec<u8>);
}

/// A read model: a pure fold over commits.
pub trait Projection: Send + Sync + 'static {
    /// Its name: `billing`, `customer`, `incentive`.
    fn name(&self) -> &'static str;

    /// Raised whenever the same history gives other rows: an older store is then rebuilt.
    fn version(&self) -> u32;

    /// Folds one commit. An error means that stored rows are damaged or the history is impossible; nothing of the commit is kept.
    fn fold(&self, commit: &Recorded<'_>, rows: &mut dyn Changes) -> Result<(), StoreError>;
}

/// Reads a typed row.
pub fn get<T: DeserializeOwned>(rows: &(impl Rows + ?Sized), key: &[u8]) -> Result<Option<T>, StoreError> {
    let mut found = None;
    rows.look_at(key, &mut |row| {
        found = Some(decode(row)?);
        Ok(())
    })?;
    Ok(found)
}

/// Sets a typed row.
pub fn put<T: Serialize>(rows: &mut (impl Changes + ?Sized), key: Vec<u8>, row: &T) -> Result<(), StoreError> {
    rows.put(key, encode(row)?);
    Ok(())
}

/// Encodes a row as it is stored.
pub fn encode<T: Serialize>(row: &T) -> Result<Vec<u8>, StoreError> {
    // Room for most rows at once, instead of growing five times; what is kept is as long as the row.
    let mut bytes = postcard::to_extend(row, Vec::with_capacity(ROW_BYTES))
        .map_err(|error| StoreError(format!("cannot encode a row: {error}")))?;
    bytes.shrink_to_fit();
    Ok(bytes)
}

/// As long as most rows are, in bytes.
const ROW_BYTES: usize = 512;

/// Decodes a row that a scan visits.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|error| StoreError(format!("a stored row is damaged: {error}")))
}

/// Joins the parts of a key. Text parts end with a zero byte, so no key is the beginning of another's part.
#[derive(Clone, Debug, Default)]
pub struct Key(Vec<u8>);

impl Key {
    /// Begins with a table's prefix.
    pub fn table(prefix: u8) -> Self {
        Self(vec![prefix])
    }

    /// Adds a text; ids contain no zero byte.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(0);
        self
    }

    /// Adds a number that sorts as numbers do.
    #[must_use]
    pub fn number(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// Adds bytes as they are: the last part, or one of fixed length.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// The key.
    pub fn build(self) -> Vec<u8> {
        self.0
    }
}

pub mod as_of;
pub mod change;
mod key;
pub mod memory;
pub mod page;
pub mod reach;
pub mod timeline;

pub use key::KeyReader;
