//! The end of every partition, as readers see it: where it is, the newest chunks, and who waits for more.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use crate::PartitionId;

use super::chunk::Chunk;

/// What the tail knows about an offset.
pub(super) enum Look {
    /// It is the end.
    AtEnd,
    /// These chunks; the first one has the record.
    Chunks(Vec<Chunk>),
    /// It is older than what is kept, and stored.
    Older {
        /// What is stored ends there.
        end: u64,
    },
}

pub(super) struct Tail {
    bytes_max: usize,
    inner: Mutex<Inner>,
}

struct Inner {
    partitions: BTreeMap<PartitionId, Part>,
    /// Whose chunk is the oldest, the next oldest, …
    age: VecDeque<PartitionId>,
    bytes: usize,
}

struct Part {
    end: u64,
    /// Up to there sled has it; the rest is kept here, whatever it takes.
    stored: u64,
    chunks: VecDeque<Chunk>,
    waiting: Vec<Arc<Waiter>>,
}

/// A reader that sleeps.
#[derive(Default)]
struct Waiter {
    woken: Mutex<bool>,
    bell: Condvar,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing here is left half done by a panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    /// Drops the oldest chunks that sled has, down to that many bytes.
    fn shrink(&mut self, bytes_max: usize) {
        while self.bytes > bytes_max {
            let Some(part) = self.age.front().and_then(|partition| self.partitions.get_mut(partition)) else { break };
            // All of a round are stored at once, so nothing behind it is stored either.
            if part.chunks.front().is_none_or(|oldest| oldest.end() > part.stored) {
                break;
            }
            self.bytes -= part.chunks.pop_front().map_or(0, |oldest| oldest.bytes.len());
            self.age.pop_front();
        }
    }
}

impl Tail {
    /// The partitions with their ends; nothing is kept yet.
    pub(super) fn new(ends: BTreeMap<PartitionId, u64>, bytes_max: usize) -> Self {
        let part = |end| Part { end, stored: end, chunks: VecDeque::new(), waiting: Vec::new() };
        let partitions = ends.into_iter().map(|(partition, end)| (partition, part(end))).collect();
        Self { bytes_max, inner: Mutex::new(Inner { partitions, age: VecDeque::new(), bytes: 0 }) }
    }

    /// A partition's end, if there is such a partition.
    pub(super) fn end(&self, partition: PartitionId) -> Option<u64> {
        lock(&self.inner).partitions.get(&partition).map(|part| part.end)
    }

    /// Shows new chunks to readers. They follow each other and the partition's end.
    pub(super) fn publish(&self, new: impl IntoIterator<Item = (PartitionId, Vec<Chunk>)>) {
        let mut woken = Vec::new();
        let mut inner = lock(&self.inner);
        let Inner { partitions, age, bytes } = &mut *inner;
        for (partition, chunks) in new {
            let Some(part) = partitions.get_mut(&partition) else { continue };
            for chunk in chunks {
                debug_assert_eq!(chunk.first, part.end, "{partition}");
                part.end = chunk.end();
                *bytes += chunk.bytes.len();
                part.chunks.push_back(chunk);
                age.push_back(partition);
            }
            woken.append(&mut part.waiting);
        }
        inner.shrink(self.bytes_max);
        drop(inner);
        for waiter in woken {
            *lock(&waiter.woken) = true;
            waiter.bell.notify_one();
        }
    }

    /// Everything published so far can be read from sled.
    pub(super) fn all_stored(&self) {
        let mut inner = lock(&self.inner);
        for part in inner.partitions.values_mut() {
            part.stored = part.end;
        }
        inner.shrink(self.bytes_max);
    }

    /// The chunks from the one with offset `from` on, at least one and at most about `bytes_max` bytes.
    pub(super) fn look(&self, partition: PartitionId, from: u64, bytes_max: usize) -> Look {
        let inner = lock(&self.inner);
        let Some(part) = inner.partitions.get(&partition) else { return Look::AtEnd };
        if from >= part.end {
            return Look::AtEnd;
        }
        let Some(at) = part.chunks.partition_point(|chunk| chunk.first <= from).checked_sub(1) else {
            return Look::Older { end: part.stored };
        };
        let mut bytes = 0;
        let fits = |chunk: &&Chunk| {
            let fits = bytes < bytes_max;
            bytes += chunk.bytes.len();
            fits
        };
        let mut chunks: Vec<_> = part.chunks.range(at..).take_while(fits).cloned().collect();
        if chunks.is_empty() {
            chunks.extend(part.chunks.get(at).cloned());
        }
        Look::Chunks(chunks)
    }

    /// Sleeps until one of the partitions goes beyond its offset, or until the deadline.
    pub(super) fn wait(&self, at: &[(PartitionId, u64)], deadline: Instant) {
        let waiter = Arc::new(Waiter::default());
        {
            let mut inner = lock(&self.inner);
            let news =
                |&(partition, offset)| inner.partitions.get(&partition).is_some_and(|part: &Part| part.end > offset);
            if at.iter().any(news) {
                return;
            }
            for (partition, _) in at {
                if let Some(part) = inner.partitions.get_mut(partition) {
                    part.waiting.push(Arc::clone(&waiter));
                }
            }
        }
        let mut woken = lock(&waiter.woken);
        while !*woken {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            woken = waiter.bell.wait_timeout(woken, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(woken);
        let mut inner = lock(&self.inner);
        for (partition, _) in at {
            if let Some(part) = inner.partitions.get_mut(partition) {
                part.waiting.retain(|other| !Arc::ptr_eq(other, &waiter));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;

    const P: PartitionId = PartitionId::CATALOG;

    fn block(first: u64, size: usize) -> Vec<Chunk> {
        Chunk::cut(P, first, &[Bytes::from(vec![0; size])])
    }

    #[test]
    fn the_oldest_chunks_leave_first() {
        let tail = Tail::new(BTreeMap::from([(P, 5)]), 250);
        for first in 5..10 {
            tail.publish([(P, block(first, 100))]);
        }
        let Look::Chunks(chunks) = tail.look(P, 5, 1_000) else { panic!("nothing is stored yet") };
        assert_eq!(chunks.len(), 5);
        assert!(matches!(tail.look(P, 3, 1_000), Look::Older { end: 5 }));
        tail.all_stored();
        assert_eq!(tail.end(P), Some(10));
        assert!(matches!(tail.look(P, 7, 1_000), Look::Older { end: 10 }));
        assert!(matches!(tail.look(P, 10, 1_000), Look::AtEnd));
        let Look::Chunks(chunks) = tail.look(P, 8, 1_000) else { panic!("8 is kept") };
        assert_eq!(chunks.iter().map(|chunk| chunk.first).collect::<Vec<_>>(), [8, 9]);
        let Look::Chunks(chunks) = tail.look(P, 8, 0) else { panic!("8 is kept") };
        assert_eq!(chunks.len(), 1, "at least one");
    }

    #[test]
    fn a_sleeper_wakes_for_its_partition_and_leaves_nothing_behind() {
        let tail = Tail::new(BTreeMap::from([(P, 0)]), 1_000);
        tail.wait(&[(P, 0)], Instant::now() + Duration::from_millis(5));
        assert!(lock(&tail.inner).partitions[&P].waiting.is_empty(), "after a timeout");
        std::thread::scope(|scope| {
            let sleeper = scope.spawn(|| tail.wait(&[(P, 0)], Instant::now() + Duration::from_secs(60)));
            while lock(&tail.inner).partitions[&P].waiting.is_empty() && !sleeper.is_finished() {
                std::thread::yield_now();
            }
            tail.publish([(P, block(0, 1))]);
            sleeper.join().unwrap();
        });
        tail.wait(&[(P, 0)], Instant::now() + Duration::from_secs(60));
        assert!(lock(&tail.inner).partitions[&P].waiting.is_empty());
    }
}
