//! Another ledger's log, read over its gRPC interface: for projectors that run elsewhere, and for auditors. Read-only.
//!
//! The other side sends accepted records only, so here an offset is a sequence number. Calls block as those of every backend do; a
//! small runtime of this log's own does the network.

mod dial;
mod reader;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use subledger_proto::api::{ListPartitionsRequest, audit_service_client::AuditServiceClient};
use tokio::runtime::{Builder, Runtime};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::{
    AppendError, Appender, Family, Layout, LedgerId, Log, OpenError, PartitionId, Position, ReadError, Reader,
    codec::Wire as _,
};

pub use dial::{Calls, Dial, Token};
use reader::RemoteReader;
pub use reader::opened;

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for an answer that is not a stream.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// Silence after which the other side is asked whether it is there, and how long it may take to say so.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Largest message taken, in bytes. The other side sends about 1 MiB at a time.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The log of a ledger elsewhere.
pub struct RemoteLog {
    link: Arc<Link>,
    ledger_id: LedgerId,
    layout: Layout,
}

/// The way to the other side.
struct Link {
    address: String,
    calls: Calls,
    /// None only while it is dropped.
    runtime: Option<Runtime>,
}

/// What the other side has.
struct Description {
    ledger_id: LedgerId,
    layout: Layout,
    ends: BTreeMap<PartitionId, u64>,
}

impl fmt::Debug for RemoteLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteLog")
            .field("address", &self.link.address)
            .field("ledger_id", &self.ledger_id)
            .finish_non_exhaustive()
    }
}

impl RemoteLog {
    /// Asks the ledger at `address`, such as `http://127.0.0.1:7440`, what it has. Blocks; not for an async thread.
    pub fn connect(address: &str, dial: &Dial) -> Result<Self, OpenError> {
        let unavailable = |source: Box<dyn std::error::Error + Send + Sync>| OpenError::Unavailable {
            place: format!("the ledger at {address}"),
            source,
        };
        let endpoint = dial
            .endpoint(address)
            .map_err(|error| {
                unavailable(format!("{address:?}: {error}; an address looks like http://127.0.0.1:7440").into())
            })?
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE);
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("remote-log")
            .enable_all()
            .build()
            .map_err(|error| unavailable(error.into()))?;
        let calls = {
            let _inside = runtime.enter();
            dial.calls(endpoint.connect_lazy())
        };
        let link = Arc::new(Link { address: address.to_owned(), calls, runtime: Some(runtime) });
        let Description { ledger_id, layout, .. } = link.describe().map_err(|error| unavailable(error.into()))?;
        Ok(Self { link, ledger_id, layout })
    }

    /// Where it is.
    pub fn address(&self) -> &str {
        &self.link.address
    }

    fn check(&self, partition: PartitionId) -> Result<(), ReadError> {
        if self.layout.contains(partition) { Ok(()) } else { Err(ReadError::NoSuchPartition { partition }) }
    }
}

impl Link {
    fn client(&self) -> AuditServiceClient<Calls> {
        AuditServiceClient::new(self.calls.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// Runs a call to its end, on this thread.
    fn block_on<T>(&self, call: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(call),
            None => Err(Status::cancelled("the log is closed")),
        }
    }

    fn describe(&self) -> Result<Description, ReadError> {
        let mut client = self.client();
        let call = async move {
            let answer = tokio::time::timeout(CALL_TIMEOUT, client.list_partitions(ListPartitionsRequest {})).await;
            answer.map_err(|_| Status::deadline_exceeded(format!("no answer for {} s", CALL_TIMEOUT.as_secs())))?
        };
        let answer = self.block_on(call).map_err(|status| self.failed(&status))?.into_inner();
        let ledger_id = Uuid::parse_str(&answer.ledger_id).map_err(|error| self.unavailable(error))?;
        let mut ends = BTreeMap::new();
        for status in &answer.partitions {
            let wire = subledger_proto::common::Position { family: status.family, partition: status.partition, seq: 0 };
            let position = Position::from_wire(wire).map_err(|error| self.unavailable(error))?;
            ends.insert(position.partition, status.next_seq);
        }
        let count = |family| u16::try_from(ends.keys().filter(|partition| partition.family == family).count());
        let layout = match (count(Family::Partners), count(Family::Customers)) {
            (Ok(partners), Ok(customers)) => Layout::new(partners, customers),
            _ => Err("more partitions than a ledger has".to_owned()),
        };
        Ok(Description { ledger_id: LedgerId(ledger_id), layout: layout.map_err(|what| self.unavailable(what))?, ends })
    }

    fn unavailable(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ReadError {
        ReadError::Unavailable { place: format!("the ledger at {}", self.address), source: source.into() }
    }

    fn failed(&self, status: &Status) -> ReadError {
        let text = match status.code() {
            Code::Unavailable | Code::DeadlineExceeded => status.message().to_owned(),
            code => format!("{code:?}: {}", status.message()),
        };
        self.unavailable(text)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // Dropping a runtime waits, which an async thread must not.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Log for RemoteLog {
    fn ledger_id(&self) -> LedgerId {
        self.ledger_id
    }

    fn layout(&self) -> Layout {
        self.layout
    }

    fn backend(&self) -> &'static str {
        "remote"
    }

    fn end(&self, partition: PartitionId) -> Result<u64, ReadError> {
        Ok(self.ends(&[partition])?.get(&partition).copied().unwrap_or(0))
    }

    /// One call for all of them.
    fn ends(&self, partitions: &[PartitionId]) -> Result<BTreeMap<PartitionId, u64>, ReadError> {
        partitions.iter().try_for_each(|&partition| self.check(partition))?;
        let described = self.link.describe()?;
        self.same_ledger(described.ledger_id)?;
        let end = |partition| (partition, described.ends.get(&partition).copied().unwrap_or(0));
        Ok(partitions.iter().copied().map(end).collect())
    }

    fn appender(&self, partition: PartitionId) -> Result<Box<dyn Appender>, AppendError> {
        let source = format!("the log of the ledger at {} is only read here; send it commands", self.link.address);
        Err(AppendError::NotWritten { partition, source: source.into() })
    }

    fn reader(&self, from: &[(PartitionId, u64)]) -> Result<Box<dyn Reader>, ReadError> {
        from.iter().try_for_each(|&(partition, _)| self.check(partition))?;
        Ok(Box::new(RemoteReader::new(Arc::clone(&self.link), self.ledger_id, from)))
    }
}

impl RemoteLog {
    fn same_ledger(&self, found: LedgerId) -> Result<(), ReadError> {
        self.link.same_ledger(self.ledger_id, found)
    }
}

impl Link {
    /// Another ledger at the same address would not be noticed by its records until much too late.
    fn same_ledger(&self, expected: LedgerId, found: LedgerId) -> Result<(), ReadError> {
        if expected == found {
            return Ok(());
        }
        Err(self.unavailable(format!("ledger {found} answers there now, not {expected}")))
    }
}
