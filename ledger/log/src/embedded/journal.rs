//! The journal: small appends are durable here before sled has them.
//!
//! A flush of sled wakes its threads and copies pages; for one command that takes longer than the disk does. So a small group is written to
//! this file and synced, and sled gets what gathered as one batch of large values once there is much of it, and when the ledger is closed.
//! Until then the tail keeps it in memory for readers. A large group goes to sled at once, with what is here.
//!
//! One file of fixed length, overwritten from its beginning each time sled has everything, so that a sync need not store a new length. An
//! entry: crc32 u32 | round u64 | length u32 | chunks, each partition's code u8 and index u16 | first offset u64 | length u32 | value;
//! big-endian. The checksum covers all after itself. What an earlier round left behind an entry has that round's number, and ends the journal.
//!
//! Opening reads it up to the first entry that does not check out: one that was never finished and never acknowledged. If it was more than
//! that, the ends noted in `acknowledged` tell.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use bytes::Bytes;

use crate::PartitionId;

use super::{chunk::Chunk, key};

const NAME: &str = "journal";
const CRC_BYTES: usize = 4;
const HEAD_BYTES: usize = CRC_BYTES + 8 + 4;
const CHUNK_HEAD_BYTES: usize = key::KEY_BYTES + 4;

/// The open journal. Only the thread that writes a group uses it.
pub(super) struct Journal {
    file: File,
    /// Its length; 0 if everything goes to sled at once.
    bytes_max: usize,
    /// Where the next entry goes.
    at: usize,
    round: u64,
    /// What sled does not have yet, in order.
    waiting: Vec<(PartitionId, Chunk)>,
}

/// What a journal has that was not read from sled: chunks in order.
pub(super) type Entries = Vec<(PartitionId, Chunk)>;

/// Reads what the journal of a ledger has; nothing if there is none.
pub(super) fn read(dir: &Path) -> io::Result<Entries> {
    let bytes: Bytes = match std::fs::read(dir.join(NAME)) {
        Ok(bytes) => bytes.into(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Entries::new()),
        Err(error) => return Err(error),
    };
    let mut entries = Entries::new();
    let mut rest = bytes;
    let mut round = None;
    while let Some((found, chunks, length)) = entry(&rest) {
        if *round.get_or_insert(found) != found {
            break;
        }
        entries.extend(chunks);
        rest = rest.slice(length..);
    }
    Ok(entries)
}

/// The round and the chunks of the entry at the beginning, and its length; none unless it is whole.
fn entry(bytes: &Bytes) -> Option<(u64, Entries, usize)> {
    let mut head = Fields(bytes.get(..HEAD_BYTES)?);
    let (crc, round, length) = (head.u32()?, head.u64()?, usize::try_from(head.u32()?).ok()?);
    let end = HEAD_BYTES.checked_add(length)?;
    // Zeros have a checksum of their own, but it is not zero.
    if length == 0 || crc != crc32fast::hash(bytes.get(CRC_BYTES..end)?) {
        return None;
    }
    let mut chunks = Entries::new();
    let mut at = HEAD_BYTES;
    while at < end {
        let mut head = Fields(bytes.get(at..end)?);
        let (partition, first) = key::read(head.take(key::KEY_BYTES)?)?;
        let value = at + CHUNK_HEAD_BYTES;
        at = value.checked_add(usize::try_from(head.u32()?).ok()?).filter(|&at| at <= end)?;
        // A copy, so that one chunk kept in memory does not keep the file.
        let chunk = Chunk::check(partition, first, Bytes::copy_from_slice(bytes.get(value..at)?)).ok()?;
        chunks.push((partition, chunk));
    }
    Some((round, chunks, end))
}

/// Big-endian numbers, one after another.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }
}

/// Merges what waits into large values: of each partition the chunks in order.
pub(super) fn merged(chunks: &[(PartitionId, Chunk)]) -> Vec<(PartitionId, Chunk)> {
    let mut runs: std::collections::BTreeMap<PartitionId, (u64, Vec<Bytes>)> = std::collections::BTreeMap::new();
    for (partition, chunk) in chunks {
        let (_, records) = runs.entry(*partition).or_insert((chunk.first, Vec::new()));
        records.extend(chunk.records_from(chunk.first).map(|(_, record)| record));
    }
    let cut = |(partition, (first, records)): (PartitionId, (u64, Vec<Bytes>))| {
        Chunk::cut(partition, first, &records).into_iter().map(move |chunk| (partition, chunk))
    };
    runs.into_iter().flat_map(cut).collect()
}

impl Journal {
    /// An empty journal of that length, in place of the one there is, which sled has by now.
    pub(super) fn begin(dir: &Path, bytes_max: usize) -> io::Result<Self> {
        let path: PathBuf = dir.join(NAME);
        let is_new = !path.exists();
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        file.write_all_at(&vec![0; bytes_max], 0)?;
        file.set_len(bytes_max as u64)?;
        file.sync_all()?;
        if is_new {
            // The name of a new file is durable only with its directory.
            File::open(dir)?.sync_all()?;
        }
        Ok(Self { file, bytes_max, at: 0, round: 1, waiting: Vec::new() })
    }

    /// How long the entry of these chunks is.
    pub(super) fn entry_bytes<'a>(chunks: impl IntoIterator<Item = &'a Chunk>) -> usize {
        HEAD_BYTES + chunks.into_iter().map(|chunk| CHUNK_HEAD_BYTES + chunk.bytes.len()).sum::<usize>()
    }

    /// Whether an entry of that length fits behind those there are.
    pub(super) fn has_room(&self, entry_bytes: usize) -> bool {
        self.at + entry_bytes <= self.bytes_max
    }

    /// Writes an entry that has room. Durable only after [`Self::sync`].
    pub(super) fn write(&mut self, chunks: Vec<(PartitionId, Chunk)>) -> io::Result<()> {
        let size = Self::entry_bytes(chunks.iter().map(|(_, chunk)| chunk));
        let number = |n: usize| u32::try_from(n).map_err(io::Error::other);
        let mut bytes = Vec::with_capacity(size);
        bytes.extend_from_slice(&[0; CRC_BYTES]);
        bytes.extend_from_slice(&self.round.to_be_bytes());
        bytes.extend_from_slice(&number(size - HEAD_BYTES)?.to_be_bytes());
        for (partition, chunk) in &chunks {
            bytes.extend_from_slice(&key::of(*partition, chunk.first));
            bytes.extend_from_slice(&number(chunk.bytes.len())?.to_be_bytes());
            bytes.extend_from_slice(&chunk.bytes);
        }
        let crc = crc32fast::hash(&bytes[CRC_BYTES..]);
        bytes[..CRC_BYTES].copy_from_slice(&crc.to_be_bytes());
        self.file.write_all_at(&bytes, self.at as u64)?;
        self.at += bytes.len();
        self.waiting.extend(chunks);
        Ok(())
    }

    /// Makes what was written durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// What sled does not have yet.
    pub(super) fn waiting(&self) -> &[(PartitionId, Chunk)] {
        &self.waiting
    }

    /// Its length, in bytes.
    pub(super) fn len(&self) -> usize {
        self.bytes_max
    }

    /// Sled has everything, and the ledger is closed: whoever opens it finds nothing here.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.file.write_all_at(&vec![0; HEAD_BYTES.min(self.bytes_max)], 0)?;
        self.restart();
        self.sync()
    }

    /// Sled has everything: the next entry begins another round.
    pub(super) fn restart(&mut self) {
        self.waiting.clear();
        self.at = 0;
        self.round += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Family, embedded::CHUNK_BYTES_MAX};

    const P: PartitionId = PartitionId::CATALOG;
    const Q: PartitionId = PartitionId::new(Family::Customers, 1);

    fn block(partition: PartitionId, first: u64, count: usize, size: usize) -> Vec<(PartitionId, Chunk)> {
        let records: Vec<Bytes> = (0..count).map(|n| Bytes::from(vec![u8::try_from(n).unwrap(); size])).collect();
        Chunk::cut(partition, first, &records).into_iter().map(|chunk| (partition, chunk)).collect()
    }

    fn file(dir: &tempfile::TempDir) -> PathBuf {
        dir.path().join(NAME)
    }

    #[test]
    fn what_was_written_is_read_and_another_round_ends_it() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), []);
        let mut journal = Journal::begin(dir.path(), 10_000).unwrap();
        assert_eq!(read(dir.path()).unwrap(), []);
        let all = [block(P, 0, 2, 100), block(Q, 7, 1, 0), block(P, 2, 1, 100)];
        for entry in &all {
            journal.write(entry.clone()).unwrap();
        }
        assert_eq!(read(dir.path()).unwrap(), all.concat());
        assert_eq!(journal.waiting(), all.concat());
        journal.restart();
        assert_eq!(read(dir.path()).unwrap(), all.concat(), "nothing is written for that");
        // Exactly as long as the first entry was, so that the second one of the last round follows it.
        let next = block(P, 3, 2, 100);
        journal.write(next.clone()).unwrap();
        assert_eq!(read(dir.path()).unwrap(), next);
        journal.clear().unwrap();
        assert_eq!(read(dir.path()).unwrap(), []);
    }

    #[test]
    fn whatever_is_cut_or_flipped_leaves_the_entries_before_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::begin(dir.path(), 1_000).unwrap();
        let (first, second) = (block(P, 0, 1, 30), block(Q, 0, 2, 20));
        journal.write(first.clone()).unwrap();
        let begin = journal.at;
        journal.write(second).unwrap();
        let bytes = std::fs::read(file(&dir)).unwrap();
        for at in begin..journal.at {
            let mut torn = bytes.clone();
            torn[at..].fill(0);
            let was_zero = bytes[at..journal.at].iter().all(|&byte| byte == 0);
            std::fs::write(file(&dir), &torn).unwrap();
            assert!(was_zero || read(dir.path()).unwrap() == first, "torn at {at}");
            std::fs::write(file(&dir), &bytes[..at]).unwrap();
            assert_eq!(read(dir.path()).unwrap(), first, "cut at {at}");
            let mut flipped = bytes.clone();
            flipped[at] ^= 16;
            std::fs::write(file(&dir), &flipped).unwrap();
            assert_eq!(read(dir.path()).unwrap(), first, "flipped at {at}");
        }
    }

    #[test]
    fn many_small_appends_become_few_large_values() {
        let small: Vec<_> = (0..300_u64).flat_map(|n| [block(P, n, 1, 200), block(Q, 5 + n, 1, 10)].concat()).collect();
        let large = merged(&small);
        let bytes: usize = small.iter().map(|(_, chunk)| chunk.bytes.len()).sum();
        // The last of each partition need not be full.
        assert!(large.len() <= bytes / CHUNK_BYTES_MAX + 2, "{} for {bytes} bytes", large.len());
        for (partition, first) in [(P, 0), (Q, 5)] {
            let of = |chunks: &[(PartitionId, Chunk)]| -> Vec<(u64, Bytes)> {
                let mine = chunks.iter().filter(|(other, _)| *other == partition);
                mine.flat_map(|(_, chunk)| chunk.records_from(0).collect::<Vec<_>>()).collect()
            };
            assert_eq!(of(&large), of(&small));
            assert_eq!(of(&large)[0].0, first);
        }
    }

    #[test]
    fn golden() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::begin(dir.path(), 100).unwrap();
        journal.write(block(P, 1, 1, 1)).unwrap();
        let bytes = std::fs::read(file(&dir)).unwrap();
        let head = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 28, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 13];
        assert_eq!(bytes[CRC_BYTES..CRC_BYTES + head.len()], head);
        assert_eq!((bytes.len(), journal.at), (100, HEAD_BYTES + 28));
    }
}
