//! Reading records, with the place of each.

use std::{
    fs::File,
    io::{self, BufReader, Read as _},
    sync::Arc,
};

use bytes::Bytes;
use subledger_log::{Commit, PartitionId, codec, personal::Keys};

use super::{Export, bad::Bad};
use crate::client::folder::{self, Folder};

/// Bytes read at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// A record and its place.
pub(in crate::client) struct Record {
    /// Where it begins in the file: at its length.
    pub(in crate::client) offset: u64,
    pub(in crate::client) bytes: Bytes,
}

/// The records of a partition, in the order of the file.
pub(in crate::client) struct Records {
    partition: PartitionId,
    pub(super) file: String,
    reader: BufReader<File>,
    offset: u64,
    keys: Arc<dyn Keys>,
}

impl Records {
    pub(in crate::client) fn open(export: &Export, partition: PartitionId) -> Result<Self, Bad> {
        let (folder, keys) = (&export.folder, Arc::clone(&export.keys));
        let file = folder::records(partition);
        let opened = File::open(folder.path(&file));
        let opened = opened.map_err(|error| Bad::of(partition, &file, format!("it cannot be read: {error}")))?;
        Ok(Self { partition, file, reader: BufReader::with_capacity(BUFFER_BYTES, opened), offset: 0, keys })
    }

    /// The next; none at the end.
    pub(in crate::client) fn next(&mut self) -> Result<Option<Record>, Bad> {
        let offset = self.offset;
        let mut length = [0; 2];
        match self.fill(&mut length)? {
            0 => return Ok(None),
            2 => {}
            _ => return Err(self.cut_off(offset)),
        }
        let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
        if self.fill(&mut bytes)? < bytes.len() {
            return Err(self.cut_off(offset));
        }
        Ok(Some(Record { offset, bytes: bytes.into() }))
    }

    /// Fills the buffer as far as the file goes.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, Bad> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.reader.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.bad(self.offset, format!("it cannot be read: {error}"))),
            }
        }
        self.offset += filled as u64;
        Ok(filled)
    }

    fn cut_off(&self, offset: u64) -> Bad {
        self.bad(offset, "the file ends inside this record")
    }

    /// Something bad at a place of the file.
    pub(super) fn bad(&self, offset: u64, what: impl Into<String>) -> Bad {
        Bad::of(self.partition, &self.file, what).at(offset)
    }

    /// What a record holds.
    pub(in crate::client) fn decode(&self, record: &Record) -> Result<Commit, Bad> {
        codec::open(&record.bytes, &*self.keys)
            .map_err(|error| self.bad(record.offset, format!("the record cannot be read: {error}")))
    }
}

/// A small file, as text.
pub(super) fn text(folder: &Folder, partition: PartitionId, name: &str) -> Result<String, Bad> {
    std::fs::read_to_string(folder.path(name))
        .map_err(|error| Bad::of(partition, name, format!("it cannot be read: {error}")))
}
