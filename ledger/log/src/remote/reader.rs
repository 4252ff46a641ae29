//! Reading a stream of records, and opening it again when it breaks.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use subledger_proto::api::{ReadEventsRequest, ReadEventsResponse, Record};
use tonic::{Code, Status, Streaming};

use super::Link;
use crate::{LedgerId, PartitionId, Position, RawRecord, ReadError, Reader, codec::Wire as _, personal::Opened};

/// Longest wait until a stream is open.
const OPEN_TIMEOUT: Duration = Duration::from_secs(15);

/// Reads some partitions. After an error it goes on where it stood, with the next call.
pub(super) struct RemoteReader {
    link: Arc<Link>,
    ledger_id: LedgerId,
    next: BTreeMap<PartitionId, u64>,
    stream: Option<Streaming<ReadEventsResponse>>,
}

impl RemoteReader {
    pub(super) fn new(link: Arc<Link>, ledger_id: LedgerId, from: &[(PartitionId, u64)]) -> Self {
        Self { link, ledger_id, next: from.iter().copied().collect(), stream: None }
    }

    fn open(&mut self) -> Result<Streaming<ReadEventsResponse>, ReadError> {
        let there = self.link.describe()?;
        self.link.same_ledger(self.ledger_id, there.ledger_id)?;
        for (&partition, &offset) in &self.next {
            let end = there.ends.get(&partition).copied().unwrap_or(0);
            if offset > end {
                return Err(ReadError::PastEnd { partition, offset, end });
            }
        }
        let from = self.next.iter().map(|(&partition, &seq)| Position { partition, seq }.to_wire()).collect();
        let request = ReadEventsRequest { from, follow: true, bytes_only: true, ..ReadEventsRequest::default() };
        let mut client = self.link.client();
        let call = async move {
            let opened = tokio::time::timeout(OPEN_TIMEOUT, client.read_events(request)).await;
            opened.map_err(|_| Status::deadline_exceeded(format!("no answer for {} s", OPEN_TIMEOUT.as_secs())))?
        };
        let opened = self.link.block_on(call).map_err(|status| self.link.failed(&status))?;
        tracing::debug!(address = self.link.address, "reading the log of another ledger");
        Ok(opened.into_inner())
    }

    /// The next message, if one comes in time.
    fn message(&mut self, wait: Duration) -> Result<Option<ReadEventsResponse>, ReadError> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.open()?,
        };
        let call = async {
            match tokio::time::timeout(wait, stream.message()).await {
                Ok(Ok(Some(message))) => Ok(Some(message)),
                Ok(Ok(None)) => Err(Status::new(Code::Unavailable, "the ledger ended the stream")),
                Ok(Err(status)) => Err(status),
                Err(_) => Ok(None),
            }
        };
        // A stream that failed is dropped; the next call opens another.
        let message = self.link.block_on(call).map_err(|status| self.link.failed(&status))?;
        self.stream = Some(stream);
        Ok(message)
    }

    fn take(&mut self, message: ReadEventsResponse, records: &mut Vec<RawRecord>) -> Result<usize, ReadError> {
        let mut bytes = 0;
        for record in message.records {
            let position: Position =
                crate::codec::Wire::from_wire(record.position).map_err(|error| self.link.unavailable(error))?;
            let Position { partition, seq } = position;
            if self.next.get(&partition) != Some(&seq) {
                let expected = self.next.get(&partition).copied();
                return Err(self.link.unavailable(format!("it sent {position}, but {expected:?} is next there")));
            }
            self.next.insert(partition, seq + 1);
            bytes += record.stored.len();
            let opened = opened(&record);
            records.push(RawRecord { partition, offset: seq, bytes: record.stored, opened: Some(opened) });
        }
        Ok(bytes)
    }
}

/// What the ledger says of the personal values: it has their keys, this process has none.
pub fn opened(record: &Record) -> Opened {
    match record.personal.is_empty() {
        false => Opened::Values(record.personal.to_vec()),
        true if record.erased => Opened::Erased,
        true => Opened::Sealed,
    }
}

impl Reader for RemoteReader {
    fn next(&mut self, bytes_max: usize, wait: Duration) -> Result<Vec<RawRecord>, ReadError> {
        let deadline = Instant::now() + wait;
        let (mut records, mut bytes) = (Vec::new(), 0);
        while bytes < bytes_max {
            let patience =
                if records.is_empty() { deadline.saturating_duration_since(Instant::now()) } else { Duration::ZERO };
            match self.message(patience) {
                Ok(Some(message)) => bytes += self.take(message, &mut records)?,
                Ok(None) => break,
                // What came before the error is handed out first; the next call finds the error again or goes on.
                Err(_) if !records.is_empty() => break,
                Err(error) => return Err(error),
            }
            // A message without records says that the end is reached.
            if records.is_empty() && Instant::now() >= deadline {
                break;
            }
        }
        Ok(records)
    }
}
