//! One stream of events: a thread that reads, and a bounded channel to the client.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use subledger_log::{
    Cursor, Follower, Log, PartitionId, ReadError, Seen,
    codec::{self, Wire as _},
    ends,
    personal::{Keys, Opened},
};
use subledger_proto::api::{ReadEventsResponse, Record};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::filter::Filter;
use crate::api::{errors, position};

/// Most records of one message.
const MESSAGE_RECORDS_MAX: usize = 100;
/// Stored bytes of one message, roughly: with the decoded commits it stays below what clients take by default (4 MiB).
const MESSAGE_BYTES: usize = 1024 * 1024;
/// Stored bytes read at a time. A client that does not take what it asked for holds back a few times as much, decoded.
const READ_BYTES: usize = 128 * 1024;
/// How long to wait for news before looking whether anybody still listens.
const POLL: Duration = Duration::from_millis(200);
/// A stream to the end gives up when the log says there is more, but gives nothing for so long.
const STALL_MAX: Duration = Duration::from_secs(30);

/// Nobody takes what is sent, or the process stops.
struct Gone;

/// One stream.
pub(super) struct EventStream {
    filter: Filter,
    follow: bool,
    bytes_only: bool,
    keys: Arc<dyn Keys>,
    sender: mpsc::Sender<Result<ReadEventsResponse, Status>>,
    stop: CancellationToken,
}

impl EventStream {
    pub(super) fn new(
        filter: Filter,
        follow: bool,
        bytes_only: bool,
        keys: Arc<dyn Keys>,
        sender: mpsc::Sender<Result<ReadEventsResponse, Status>>,
        stop: CancellationToken,
    ) -> Self {
        Self { filter, follow, bytes_only, keys, sender, stop }
    }

    /// Sends until the end, for ever, or until nobody listens. Blocks.
    pub(super) fn run(self, log: &dyn Log, from: BTreeMap<PartitionId, Cursor>) {
        if let Err(error) = self.read(log, from) {
            tracing::warn!(%error, "a stream of events ended early");
            // Fails only if nobody listens, who then needs no error either.
            let _ = self.sender.blocking_send(Err(errors::read(&error)));
        }
    }

    fn read(&self, log: &dyn Log, from: BTreeMap<PartitionId, Cursor>) -> Result<(), ReadError> {
        let partitions: Vec<_> = from.keys().copied().collect();
        let mut target = ends(log, partitions.iter().copied())?;
        let mut follower = Follower::new(log, from)?;
        let mut last_news = Instant::now();
        let mut announced = false;
        loop {
            if follower.reached(&target) && !self.follow {
                // Named at the end as well, so that the next call can go on from here.
                let _ = self.caught_up(&follower);
                return Ok(());
            }
            let before: u64 = offsets(&follower);
            let accepted = follower.next_heads(READ_BYTES, POLL)?;
            if self.send_records(&accepted)?.is_err() || self.sender.is_closed() {
                return Ok(());
            }
            if self.stop.is_cancelled() {
                let _ =
                    self.sender.blocking_send(Err(errors::unavailable("SHUTTING_DOWN", "the ledger is shutting down")));
                return Ok(());
            }
            if offsets(&follower) > before {
                last_news = Instant::now();
                announced = false;
            } else if self.follow && !announced {
                target = ends(log, partitions.iter().copied())?;
                announced = follower.reached(&target);
                if announced && self.caught_up(&follower).is_err() {
                    return Ok(());
                }
            } else if !self.follow && last_news.elapsed() > STALL_MAX {
                let what = format!("nothing came for {} s", STALL_MAX.as_secs());
                return Err(ReadError::Unavailable { place: "the log".into(), source: what.into() });
            }
        }
    }

    fn send_records(&self, accepted: &[Seen]) -> Result<Result<(), Gone>, ReadError> {
        let mut records = Vec::new();
        let mut bytes = 0;
        for record in accepted.iter().filter(|record| self.filter.wants(record)) {
            if records.len() == MESSAGE_RECORDS_MAX || bytes >= MESSAGE_BYTES {
                if let Err(gone) = self.send(std::mem::take(&mut records)) {
                    return Ok(Err(gone));
                }
                bytes = 0;
            }
            bytes += record.bytes.len();
            records.push(self.to_wire(record)?);
        }
        Ok(if records.is_empty() { Ok(()) } else { self.send(records) })
    }

    fn send(&self, records: Vec<Record>) -> Result<(), Gone> {
        let message = ReadEventsResponse { records, caught_up: Vec::new() };
        self.sender.blocking_send(Ok(message)).map_err(|_| Gone)
    }

    fn caught_up(&self, follower: &Follower) -> Result<(), Gone> {
        let caught_up = position::to_wire(&follower.positions());
        let message = ReadEventsResponse { records: Vec::new(), caught_up };
        self.sender.blocking_send(Ok(message)).map_err(|_| Gone)
    }

    /// The stored form is the API's form; only its head was read so far. A customer may have been erased since.
    fn to_wire(&self, record: &Seen) -> Result<Record, ReadError> {
        let position = record.head.position;
        let damaged =
            |error: codec::DecodeError| ReadError::Unavailable { place: position.to_string(), source: error.into() };
        if codec::erases(&record.bytes) {
            // Whoever follows folds again now, and must get none of the names, whatever the keys still are.
            self.keys.forget(&String::from_utf8_lossy(&record.head.stream));
        }
        // Most records have nothing sealed, and who wants bytes only need not wait for a decoding.
        let (commit, opened) = if self.bytes_only && !codec::is_sealed(&record.bytes) {
            (None, None)
        } else {
            let (commit, opened) = codec::open_stored(&record.bytes, &*self.keys).map_err(damaged)?;
            (Some(commit).filter(|_| !self.bytes_only), opened)
        };
        Ok(Record {
            position: Some(position.to_wire()),
            stored: record.bytes.clone(),
            commit,
            erased: opened == Some(Opened::Erased),
            personal: match opened {
                Some(Opened::Values(values)) => values.into(),
                _ => Bytes::new(),
            },
        })
    }
}

fn offsets(follower: &Follower) -> u64 {
    follower.cursors().values().map(|cursor| cursor.offset).sum()
}
