//! What is read over `AuditService` passes the suite of every log, as far as a log goes that shows accepted records only: what is
//! written goes to an embedded log, what is read comes over gRPC.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use subledger_log::{
    AppendError, Appender, Layout, LedgerId, Log, PartitionId, ReadError, Reader,
    conformance::{Capabilities, Fixture, PROPERTIES},
    embedded::EmbeddedLog,
    remote::{Dial, RemoteLog},
};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::AuditApi;
use crate::{api::Services, config::Config};

/// What must hold of it. The others are about records that readers skip, which never come this far, or about appending.
const READING: &[&str] = &[
    "sequence numbers are gapless and commits come back as written",
    "roots are those of the stored bytes",
    "reopening keeps everything byte for byte",
    "live followers see everything in order",
    "a reader of many partitions misses nothing",
    "reading begins anywhere",
    "two readers agree byte for byte",
    "an empty log has no records and reading waits no longer than told",
    "reading after the end is an error",
    "partitions that are not there are errors",
    "partitions are independent",
];

/// Longer than a remote log takes known ends for the present ones.
const ENDS_SETTLE: Duration = Duration::from_millis(25);

struct WrittenHereReadThere {
    here: EmbeddedLog,
    there: RemoteLog,
}

impl Log for WrittenHereReadThere {
    fn ledger_id(&self) -> LedgerId {
        self.there.ledger_id()
    }

    fn layout(&self) -> Layout {
        self.there.layout()
    }

    fn backend(&self) -> &'static str {
        self.there.backend()
    }

    fn end(&self, partition: PartitionId) -> Result<u64, ReadError> {
        std::thread::sleep(ENDS_SETTLE);
        self.there.end(partition)
    }

    fn appender(&self, partition: PartitionId) -> Result<Box<dyn Appender>, AppendError> {
        self.here.appender(partition)
    }

    fn reader(&self, from: &[(PartitionId, u64)]) -> Result<Box<dyn Reader>, ReadError> {
        self.there.reader(from)
    }
}

struct Served {
    log: Arc<dyn Log>,
    here: EmbeddedLog,
    address: String,
    stop: CancellationToken,
    runtime: Option<Runtime>,
    _dir: tempfile::TempDir,
}

impl Served {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout { partners: 1, customers: 2 };
        let here = EmbeddedLog::create(dir.path().join("log"), layout, LedgerId(uuid::Uuid::from_u128(3))).unwrap();
        let (runtime, stop) = (Runtime::new().unwrap(), CancellationToken::new());
        let (log, stopping): (Arc<dyn Log>, _) = (Arc::new(here.clone()), stop.clone());
        let bound = runtime.block_on(async move {
            let mut services = Services::new(&Config::default()).unwrap();
            services.audit(AuditApi::new(log, stopping)).await;
            services.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap()
        });
        let address = format!("http://{}", bound.address);
        runtime.spawn(bound.serve(stop.clone()));
        let log = both(&here, &address);
        Self { log, here, address, stop, runtime: Some(runtime), _dir: dir }
    }
}

fn both(here: &EmbeddedLog, address: &str) -> Arc<dyn Log> {
    Arc::new(WrittenHereReadThere { here: here.clone(), there: RemoteLog::connect(address, &Dial::default()).unwrap() })
}

impl Fixture for Served {
    fn log(&self) -> Arc<dyn Log> {
        Arc::clone(&self.log)
    }

    fn reopen(&mut self) {
        self.log = both(&self.here, &self.address);
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { interleaved_is_written: false, durable: true }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[test]
fn a_remote_log_conforms() {
    let mut checked = 0;
    for (name, property) in PROPERTIES.iter().filter(|(name, _)| READING.contains(name)) {
        println!("conformance: {name}");
        property(&mut Served::start()).unwrap_or_else(|failure| panic!("remote does not conform: {name}: {failure}"));
        checked += 1;
    }
    assert_eq!(checked, READING.len(), "a property has another name now");
}
