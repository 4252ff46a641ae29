//! Keys: family u8, partition u16, first offset u64, all big-endian, so that sled's order is the log's.

use crate::{Family, PartitionId};

/// Length of a chunk's key, in bytes.
pub(super) const KEY_BYTES: usize = 11;

/// The key of the metadata row; it sorts before every chunk.
pub(super) const META: &[u8] = b"\0ledger";

/// A family's code. Stored: never changes. 0 is the metadata's.
fn code(family: Family) -> u8 {
    match family {
        Family::Catalog => 1,
        Family::Partners => 2,
        Family::Customers => 3,
        Family::Access => 4,
    }
}

/// The key of the chunk that begins at `offset`.
pub(super) fn of(partition: PartitionId, offset: u64) -> [u8; KEY_BYTES] {
    let mut key = [0; KEY_BYTES];
    key[0] = code(partition.family);
    key[1..3].copy_from_slice(&partition.index.to_be_bytes());
    key[3..].copy_from_slice(&offset.to_be_bytes());
    key
}

/// The partition and the offset of a key; none if it is none.
pub(super) fn read(key: &[u8]) -> Option<(PartitionId, u64)> {
    let (head, offset) = key.split_at_checked(3)?;
    let family = [Family::Catalog, Family::Partners, Family::Customers, Family::Access]
        .into_iter()
        .find(|&family| code(family) == head[0])?;
    let partition = PartitionId::new(family, u16::from_be_bytes([head[1], head[2]]));
    Some((partition, u64::from_be_bytes(offset.try_into().ok()?)))
}

/// The offset in a key of that partition; none for any other key.
pub(super) fn offset_in(partition: PartitionId, key: &[u8]) -> Option<u64> {
    let offset = key.strip_prefix(&of(partition, 0)[..3])?;
    Some(u64::from_be_bytes(offset.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_the_log_does() {
        let partitions = [
            PartitionId::CATALOG,
            PartitionId::new(Family::Partners, 0),
            PartitionId::new(Family::Partners, 256),
            PartitionId::new(Family::Customers, 3),
        ];
        let offsets = [0, 1, 255, 256, 1 << 40, u64::MAX];
        let keys: Vec<_> = partitions.iter().flat_map(|&p| offsets.map(|offset| of(p, offset))).collect();
        assert!(keys.is_sorted());
        assert!(META < keys[0].as_slice());
        for (key, (p, offset)) in keys.iter().zip(partitions.iter().flat_map(|&p| offsets.map(|o| (p, o)))) {
            assert_eq!(offset_in(p, key), Some(offset));
            assert_eq!(read(key), Some((p, offset)));
        }
        assert_eq!((read(META), read(&[])), (None, None));
        assert_eq!(read(&[9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), None, "no such family");
        assert_eq!(offset_in(PartitionId::CATALOG, &of(partitions[1], 0)), None);
        assert_eq!(offset_in(PartitionId::CATALOG, META), None);
    }

    #[test]
    fn golden() {
        let key = of(PartitionId::new(Family::Customers, 0x0102), 0x0304);
        assert_eq!(key, [3, 1, 2, 0, 0, 0, 0, 0, 0, 3, 4]);
    }
}
