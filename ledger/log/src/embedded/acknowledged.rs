//! `acknowledged`: where each partition ended when its last append was answered.
//!
//! sled takes damage at the end of its file for a write that never finished and drops it. This file tells the two apart: it is written
//! after each flush and before the answer, so an end before the one noted here is a loss. It is not synced: after a power failure it
//! may be older than the database, never newer, so it accuses nobody wrongly.
//!
//! Offsets as [`offsets`] stores them.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::FileExt as _,
    path::Path,
};

use crate::{Layout, PartitionId, durable::make_dir};

use super::offsets::{self, SLOT_BYTES};

pub(super) const NAME: &str = "acknowledged";

/// The open file. Only one thread writes at a time: the one that flushes.
pub(super) struct Acknowledged {
    file: File,
    layout: Layout,
    partitions: Vec<PartitionId>,
}

/// How long the file is; none if there is none. Empty, it only says that a ledger was being made.
pub(super) fn length(dir: &Path) -> io::Result<Option<u64>> {
    match std::fs::metadata(dir.join(NAME)) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Says that a ledger is being made here, before anything else is written.
pub(super) fn announce(dir: &Path) -> io::Result<()> {
    make_dir(dir)?;
    OpenOptions::new().write(true).create(true).truncate(false).open(dir.join(NAME))?.sync_all()
}

impl Acknowledged {
    /// Opens the file, or makes it, and returns the ends noted there; a partition without a readable slot has none.
    pub(super) fn open(dir: &Path, layout: Layout) -> io::Result<(Self, Vec<(PartitionId, u64)>)> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(dir.join(NAME))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let ends = offsets::decode(layout, &bytes).filter_map(|(partition, end)| Some((partition, end?))).collect();
        Ok((Self { file, layout, partitions: layout.all().collect() }, ends))
    }

    /// Notes the end of every partition and syncs: the file then has its full length, and later writes need no new space.
    pub(super) fn rewrite(&self, end_of: impl Fn(PartitionId) -> u64) -> io::Result<()> {
        let bytes = offsets::encode(self.layout, end_of);
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&bytes)?;
        file.set_len(bytes.len() as u64)?;
        file.sync_all()
    }

    /// Notes one partition's end.
    pub(super) fn note(&self, partition: PartitionId, end: u64) -> io::Result<()> {
        let Ok(n) = self.partitions.binary_search(&partition) else { return Ok(()) };
        self.file.write_all_at(&offsets::slot(n, end), (n * SLOT_BYTES) as u64)
    }
}
