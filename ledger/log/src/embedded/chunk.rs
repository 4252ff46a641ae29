//! Chunks: some records of a block as one value.
//!
//! crc32 u32 | count u32 | count times (length u32 | record), big-endian. The checksum covers the key and everything after itself, so a
//! chunk under another's key is as damaged as one with a flipped bit.

use bytes::{BufMut as _, Bytes, BytesMut};

use crate::PartitionId;

use super::{CHUNK_BYTES_MAX, key};

const CRC_BYTES: usize = 4;
const HEAD_BYTES: usize = CRC_BYTES + 4;
const LENGTH_BYTES: usize = 4;

/// Records that stand one after another, in stored form. Always checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Offset of its first record.
    pub(super) first: u64,
    /// Records in it; at least 1.
    count: u32,
    /// The stored value.
    pub(super) bytes: Bytes,
}

impl Chunk {
    /// Cuts records, the first of them at offset `first`, into chunks.
    pub(super) fn cut(partition: PartitionId, first: u64, records: &[Bytes]) -> Vec<Self> {
        let mut chunks = Vec::new();
        let mut rest = records;
        let mut first = first;
        while !rest.is_empty() {
            let mut size = HEAD_BYTES;
            let fits = |record: &&Bytes| {
                size += LENGTH_BYTES + record.len();
                size <= CHUNK_BYTES_MAX
            };
            let count = rest.iter().take_while(fits).count().max(1);
            let (now, later) = rest.split_at(count);
            let chunk = Self::build(partition, first, now);
            first = chunk.end();
            rest = later;
            chunks.push(chunk);
        }
        chunks
    }

    fn build(partition: PartitionId, first: u64, records: &[Bytes]) -> Self {
        let size = HEAD_BYTES + records.iter().map(|record| LENGTH_BYTES + record.len()).sum::<usize>();
        // Blocks have at most BLOCK_COMMITS_MAX records and records at most RECORD_BYTES_MAX bytes; both fit 32 bits.
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let count = number(records.len());
        let mut bytes = BytesMut::with_capacity(size);
        bytes.put_u32(0);
        bytes.put_u32(count);
        for record in records {
            bytes.put_u32(number(record.len()));
            bytes.put_slice(record);
        }
        let crc = checksum(partition, first, &bytes);
        bytes[..CRC_BYTES].copy_from_slice(&crc.to_be_bytes());
        Self { first, count, bytes: bytes.freeze() }
    }

    /// Checks a stored value.
    pub(super) fn check(partition: PartitionId, first: u64, bytes: Bytes) -> Result<Self, String> {
        let word = |at: usize| -> Option<u32> {
            Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
        };
        let (Some(crc), Some(count)) = (word(0), word(CRC_BYTES)) else {
            return Err(format!("its chunk has only {} bytes", bytes.len()));
        };
        if crc != checksum(partition, first, &bytes) {
            return Err("the checksum of its chunk does not match".into());
        }
        let mut at = HEAD_BYTES;
        for n in 0..count {
            let length = word(at).and_then(|length| usize::try_from(length).ok());
            at = length
                .and_then(|length| at.checked_add(LENGTH_BYTES)?.checked_add(length))
                .filter(|&next| next <= bytes.len())
                .ok_or_else(|| format!("record {n} of its chunk reaches beyond it"))?;
        }
        if count == 0 || at != bytes.len() {
            return Err(format!("its chunk has {count} records in {at} bytes, but {} bytes", bytes.len()));
        }
        Ok(Self { first, count, bytes })
    }

    /// The offset after its last record.
    pub(super) fn end(&self) -> u64 {
        self.first + u64::from(self.count)
    }

    /// Its records from offset `from` on, with their offsets; slices of the one value.
    pub(super) fn records_from(&self, from: u64) -> impl Iterator<Item = (u64, Bytes)> {
        let mut at = HEAD_BYTES;
        (self.first..self.end()).filter_map(move |offset| {
            let head = self.bytes.get(at..at + LENGTH_BYTES)?;
            let length = usize::try_from(u32::from_be_bytes(head.try_into().ok()?)).ok()?;
            let start = at + LENGTH_BYTES;
            at = start + length;
            (offset >= from).then(|| (offset, self.bytes.slice(start..at)))
        })
    }
}

fn checksum(partition: PartitionId, first: u64, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&key::of(partition, first));
    hasher.update(&bytes[CRC_BYTES..]);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::RECORD_BYTES_MAX;

    const P: PartitionId = PartitionId::CATALOG;

    #[test]
    fn records_come_back_and_chunks_stay_small() {
        let sizes = [0, 1, 300, 10_000, 12_000, 20_000, RECORD_BYTES_MAX, 5, 24_560, 24_561, 7];
        let records: Vec<Bytes> =
            sizes.iter().map(|&size| vec![u8::try_from(size % 251).unwrap(); size].into()).collect();
        let chunks = Chunk::cut(P, 7, &records);
        let mut next = 7;
        let mut back = Vec::new();
        for chunk in &chunks {
            assert_eq!(chunk.first, next);
            assert!(chunk.bytes.len() <= CHUNK_BYTES_MAX || chunk.count == 1);
            assert_eq!(&Chunk::check(P, chunk.first, chunk.bytes.clone()).unwrap(), chunk);
            back.extend(chunk.records_from(0).map(|(offset, record)| {
                assert_eq!(offset, next);
                next += 1;
                record
            }));
        }
        assert_eq!(back, records);
        let all: Vec<_> = chunks[0].records_from(9).map(|(offset, _)| offset).collect();
        assert_eq!(all.first(), Some(&9));
    }

    #[test]
    fn any_flipped_bit_or_lost_byte_is_noticed() {
        let chunk = &Chunk::cut(P, 3, &[Bytes::from_static(b"abc"), Bytes::from_static(b"")])[0];
        for bit in 0..chunk.bytes.len() * 8 {
            let mut bytes = chunk.bytes.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Chunk::check(P, 3, bytes.into()).is_err(), "bit {bit}");
        }
        for length in 0..chunk.bytes.len() {
            assert!(Chunk::check(P, 3, chunk.bytes.slice(..length)).is_err(), "{length} bytes");
        }
        assert!(Chunk::check(P, 4, chunk.bytes.clone()).is_err(), "another key");
    }

    #[test]
    fn golden() {
        let chunk = &Chunk::cut(P, 1, &[Bytes::from_static(b"ab")])[0];
        assert_eq!(chunk.bytes[CRC_BYTES..], [0, 0, 0, 1, 0, 0, 0, 2, b'a', b'b']);
        assert_eq!(chunk.bytes[..CRC_BYTES], GOLDEN_CRC);
    }

    const GOLDEN_CRC: [u8; 4] = [101, 249, 28, 157];
}
