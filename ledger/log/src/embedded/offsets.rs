//! An offset for each partition, as a file of fixed slots.
//!
//! One slot of 16 bytes for each partition in the order of [`Layout::all`]: offset u64 | crc32 u32 | 0 u32, big-endian. The checksum
//! covers the slot's number too, so a slot in another's place does not check out.

use crate::{Layout, PartitionId};

pub(super) const SLOT_BYTES: usize = 16;

/// The file of these offsets.
pub(super) fn encode(layout: Layout, of: impl Fn(PartitionId) -> u64) -> Vec<u8> {
    layout.all().enumerate().flat_map(|(n, partition)| slot(n, of(partition))).collect()
}

/// The offsets in a file; none where a slot does not check out. A file from before there was a family has no slots for it.
pub(super) fn decode(layout: Layout, bytes: &[u8]) -> impl Iterator<Item = (PartitionId, Option<u64>)> {
    layout.all().zip(bytes.chunks(SLOT_BYTES)).enumerate().map(|(n, (partition, slot))| (partition, read(n, slot)))
}

/// The slot with that number.
pub(super) fn slot(n: usize, offset: u64) -> [u8; SLOT_BYTES] {
    let mut slot = [0; SLOT_BYTES];
    slot[..8].copy_from_slice(&offset.to_be_bytes());
    slot[8..12].copy_from_slice(&checksum(n, offset).to_be_bytes());
    slot
}

fn read(n: usize, slot: &[u8]) -> Option<u64> {
    let offset = u64::from_be_bytes(slot.get(..8)?.try_into().ok()?);
    let crc = u32::from_be_bytes(slot.get(8..12)?.try_into().ok()?);
    (slot.len() == SLOT_BYTES && crc == checksum(n, offset)).then_some(offset)
}

fn checksum(n: usize, offset: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&(n as u64).to_be_bytes());
    hasher.update(&offset.to_be_bytes());
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Layout = Layout { partners: 1, customers: 2 };

    fn found(bytes: &[u8]) -> Vec<Option<u64>> {
        decode(LAYOUT, bytes).map(|(_, offset)| offset).collect()
    }

    #[test]
    fn what_is_damaged_has_no_offset_and_the_others_keep_theirs() {
        let count = LAYOUT.all().count();
        let all: Vec<_> = (0..count as u64).map(|n| Some(n * 1_000)).collect();
        let offset = |partition| LAYOUT.all().position(|other| other == partition).unwrap() as u64 * 1_000;
        let bytes = encode(LAYOUT, offset);
        assert_eq!((bytes.len(), found(&bytes)), (count * SLOT_BYTES, all.clone()));
        for at in 0..12 {
            let mut flipped = bytes.clone();
            flipped[SLOT_BYTES + at] ^= 1;
            let mut expected = all.clone();
            expected[1] = None;
            assert_eq!(found(&flipped), expected, "byte {at}");
        }
        assert_eq!(found(&bytes[..SLOT_BYTES + 15]), [all[0], None], "cut");
        assert_eq!(found(&bytes[..SLOT_BYTES]), [all[0]], "older");
        let swapped = [&bytes[SLOT_BYTES..2 * SLOT_BYTES], &bytes[..SLOT_BYTES]].concat();
        assert_eq!(found(&swapped), [None, None]);
    }

    #[test]
    fn golden() {
        assert_eq!(slot(1, 0x0102), [0, 0, 0, 0, 0, 0, 1, 2, 12, 213, 15, 123, 0, 0, 0, 0]);
    }
}
