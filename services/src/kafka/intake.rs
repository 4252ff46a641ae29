//! Commands of one partition of the topic that were fetched and wait for its writers.
//!
//! Writers take whatever has come while they were busy as one batch. So a single command does not wait for others, and under load each
//! wait for Kafka is shared by many commands.

use std::{
    mem,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use subledger_log::kafka::topics::IncomingRecord;
use tokio::sync::Notify;

/// Bytes that may wait. Above it the partition is paused, and what the client has fetched of it since is fetched again later.
pub(crate) const WAITING_BYTES_MAX: usize = 4 * 1024 * 1024;

#[derive(Default)]
struct Waiting {
    records: Vec<IncomingRecord>,
    bytes: usize,
    closed: bool,
}

/// See the module. Put into by the thread that polls, taken from by one task.
#[derive(Default)]
pub(crate) struct Intake {
    waiting: Mutex<Waiting>,
    news: Notify,
}

impl Intake {
    /// Adds records, in the order of their offsets. Never waits: whoever puts looks at [`Self::is_full`].
    pub(crate) fn put(&self, records: Vec<IncomingRecord>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.bytes += records.iter().map(size).sum::<usize>();
        waiting.records.extend(records);
        drop(waiting);
        self.news.notify_one();
    }

    /// Whether no more should be fetched for now.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).bytes >= WAITING_BYTES_MAX
    }

    /// Whether fetching should go on: at a half, so that a partition is not paused and resumed for each batch.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).bytes < WAITING_BYTES_MAX / 2
    }

    /// Everything that waits, once there is something; none after [`Self::close`].
    pub(crate) async fn take(&self) -> Option<Vec<IncomingRecord>> {
        loop {
            {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                if waiting.closed {
                    return None;
                }
                if !waiting.records.is_empty() {
                    waiting.bytes = 0;
                    return Some(mem::take(&mut waiting.records));
                }
            }
            self.news.notified().await;
        }
    }

    /// Drops what waits: whoever has the partition next takes it from the topic.
    pub(crate) fn close(&self) {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Waiting { closed: true, ..Waiting::default() };
        self.news.notify_one();
    }
}

fn size(record: &IncomingRecord) -> usize {
    record.payload.len() + record.headers.bytes() + record.key.as_ref().map_or(0, Bytes::len)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use subledger_log::kafka::topics::Headers;

    use super::*;

    fn record(offset: u64, bytes: usize) -> IncomingRecord {
        let payload = Bytes::from(vec![0; bytes]);
        IncomingRecord { partition: 0, offset, key: None, payload, headers: Headers::default() }
    }

    #[tokio::test]
    async fn what_came_meanwhile_is_one_batch() {
        let intake = Arc::new(Intake::default());
        let taking = tokio::spawn({
            let intake = Arc::clone(&intake);
            async move { intake.take().await.map(|batch| batch.len()) }
        });
        tokio::task::yield_now().await;
        intake.put(vec![record(0, 1)]);
        assert_eq!(taking.await.unwrap(), Some(1));
        intake.put(vec![record(1, 1), record(2, 1)]);
        intake.put(vec![record(3, 1)]);
        let offsets: Vec<u64> = intake.take().await.unwrap().iter().map(|record| record.offset).collect();
        assert_eq!(offsets, [1, 2, 3]);
    }

    #[tokio::test]
    async fn it_is_full_by_bytes_and_has_room_again_at_a_half() {
        let intake = Intake::default();
        intake.put(vec![record(0, WAITING_BYTES_MAX / 2)]);
        assert!(!intake.is_full() && !intake.has_room());
        intake.put(vec![record(1, WAITING_BYTES_MAX / 2)]);
        assert!(intake.is_full());
        intake.take().await.unwrap();
        assert!(!intake.is_full() && intake.has_room());
    }

    #[tokio::test]
    async fn after_the_end_nothing_is_taken() {
        let intake = Intake::default();
        intake.put(vec![record(0, 1)]);
        intake.close();
        assert!(intake.take().await.is_none());
        intake.put(vec![record(1, 1)]);
        assert!(intake.take().await.is_none());
    }
}
