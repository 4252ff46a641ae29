//! The suite that every backend passes, on a real broker.

use std::sync::Arc;

use subledger_log::{
    Log,
    conformance::{Capabilities, Fixture, run_all},
    kafka::{KafkaLog, KafkaOptions},
};

use crate::broker::{bootstrap, ledger, options};

struct OnBroker {
    options: KafkaOptions,
    log: Arc<KafkaLog>,
}

impl Fixture for OnBroker {
    fn log(&self) -> Arc<dyn Log> {
        Arc::clone(&self.log) as Arc<dyn Log>
    }

    fn reopen(&mut self) {
        self.log = Arc::new(KafkaLog::open(self.options.clone()).unwrap());
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { interleaved_is_written: true, durable: true }
    }
}

#[test]
fn a_broker_conforms() {
    let Some(bootstrap) = bootstrap() else { return };
    run_all(&mut || {
        let options = options(&bootstrap);
        let log = Arc::new(ledger(&options));
        Box::new(OnBroker { options, log })
    });
}
